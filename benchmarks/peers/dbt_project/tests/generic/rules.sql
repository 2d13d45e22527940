{% test holds(model, expression) %} SELECT 1 FROM {{ model }} WHERE NOT ({{ expression }}) {% endtest %}
{% test unique_together(model, key) %} SELECT {{ key }} FROM {{ model }} GROUP BY {{ key }} HAVING count(*) > 1 {% endtest %}
