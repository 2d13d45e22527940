SELECT 1 WHERE abs((SELECT sum(revenue_eur) FROM {{ ref('revenue_by_category_day') }})
    - (SELECT sum(amount_eur) FROM {{ ref('orders') }} WHERE status <> 'cancelled')) > 0.005
