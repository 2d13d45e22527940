"""Column lineage: what each column of a query, and of a product in SQL, is made of."""

from datetime import date
from typing import Any

import duckdb
import pandas as pd
import pytest

import dagmesh as dm
from dagmesh.consume.column_lineage import Port, column_lineage
from dagmesh.events.event_type import EventType
from dagmesh.model.domain import Product
from dagmesh.model.lineage import Derived, tree

LINES = "STRUCT(sku VARCHAR, quantity BIGINT, price_eur DECIMAL(18,2))[]"
ORDERS = Port(
    "orders.orders@1",
    {
        "order_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "channel": "VARCHAR",
        "day": "DATE",
        "placed_at": "TIMESTAMP WITH TIME ZONE",
        "total_eur": "DECIMAL(18,2)",
        "lines": LINES,
    },
)
PEOPLE = Port("customers.profiles@1", {"customer_id": "VARCHAR", "email": "VARCHAR", "moved_at": "TIMESTAMP WITH TIME ZONE"})
PORTS = {"orders": ORDERS, "people": PEOPLE}
Relation = duckdb.DuckDBPyRelation


class Anything(dm.Contract):
    """One row per thing."""

    thing: str = dm.field(key=True, description="The thing.")


def product(function: Any) -> Product:
    declared = dm.data_product(contract=Anything, version="1.0.0", serves=[], promise=dm.Promise(), description="Things.")(function)
    return declared.in_domain("things", "team:things", None)


def derived(function: Any) -> Derived:
    made = product(function)
    return column_lineage(made, {read.parameter: PORTS[read.parameter] for read in made.inputs})


def made_of(query: str) -> dict[str, str]:
    """For each column of a query what it is made of, in short: `o` are orders, `p` people, in parentheses what is only used."""

    def asked(orders: Relation, people: Relation) -> Relation:
        return dm.sql(query, orders=orders, people=people)

    found = derived(asked)
    assert found.why == ""
    return {column: short(parts) for column, parts in found.lineage.items()}


def short(parts: Any) -> str:
    names = [f"{'o' if source == ORDERS.source else 'p'}.{column}" if way == "value" else f"({column})" for source, column, way in parts]
    return " ".join(names)


def why(query: str) -> str:
    def asked(orders: Relation, people: Relation) -> Relation:
        return dm.sql(query, orders=orders, people=people)

    return derived(asked).why


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT order_id AS id, upper(channel) AS channel FROM orders", {"id": "o.order_id", "channel": "o.channel"}),
        ("SELECT total_eur * 2 AS d, d + 1 AS e, 7 AS n FROM orders", {"d": "o.total_eur", "e": "o.total_eur", "n": ""}),
        ("FROM people", {"customer_id": "p.customer_id", "email": "p.email", "moved_at": "p.moved_at"}),
        (
            "SELECT * EXCLUDE (moved_at) REPLACE (lower(email) AS email) FROM people",
            {"customer_id": "p.customer_id", "email": "p.email"},
        ),
        ("SELECT o.*, p.email FROM (SELECT order_id FROM orders) o, people p", {"order_id": "o.order_id", "email": "p.email"}),
        # Steps
        ("WITH a AS (SELECT email AS x FROM people), b AS (SELECT x AS y FROM a) SELECT y AS z FROM b", {"z": "p.email"}),
        ("WITH t(a, b) AS (SELECT customer_id, email FROM people) SELECT b FROM t", {"b": "p.email"}),
        ("SELECT b FROM (SELECT customer_id, email FROM people) AS t(a, b)", {"b": "p.email"}),
        (
            "WITH RECURSIVE t AS (SELECT email AS c, 1 AS n FROM people UNION ALL SELECT c, n + 1 FROM t WHERE n < 3) SELECT c, n FROM t",
            {"c": "p.email", "n": ""},
        ),
        # A name of its own in a WITH hides the input.
        ("WITH people AS (SELECT order_id AS email FROM orders) SELECT email FROM people", {"email": "o.order_id"}),
        # Joins: neither the condition nor what it filters makes a column.
        ("SELECT email FROM people JOIN orders ON people.customer_id = orders.customer_id WHERE total_eur > 5", {"email": "p.email"}),
        ("SELECT customer_id FROM orders LEFT JOIN people USING (customer_id)", {"customer_id": "p.customer_id o.customer_id"}),
        ("SELECT email FROM people SEMI JOIN orders USING (customer_id)", {"email": "p.email"}),
        ("SELECT o.day, x.m FROM orders o, LATERAL (SELECT max(email) AS m FROM people) x", {"day": "o.day", "m": "p.email"}),
        # Unions
        ("SELECT email AS a FROM people UNION ALL SELECT order_id FROM orders", {"a": "p.email o.order_id"}),
        (
            "SELECT customer_id, email FROM people UNION ALL BY NAME SELECT channel AS email, customer_id FROM orders",
            {"customer_id": "p.customer_id o.customer_id", "email": "p.email o.channel"},
        ),
        ("SELECT customer_id AS c FROM people EXCEPT SELECT customer_id FROM orders", {"c": "p.customer_id"}),
        # Queries in expressions
        ("SELECT (SELECT max(email) FROM people) AS m, order_id FROM orders", {"m": "p.email", "order_id": "o.order_id"}),
        ("SELECT customer_id IN (SELECT customer_id FROM people) AS k FROM orders", {"k": "(customer_id) (customer_id)"}),
        ("SELECT exists(SELECT email FROM people) AS k FROM orders", {"k": "(email)"}),
        ("SELECT email IS NOT NULL AS has_email, email = 'x' AS is_x FROM people", {"has_email": "(email)", "is_x": "p.email"}),
        ("SELECT CASE WHEN email LIKE '%x' THEN 1 ELSE 0 END AS c FROM people", {"c": "p.email"}),
        # Aggregates
        ("SELECT count(*) AS a, count(email) AS b, count(DISTINCT email) AS c FROM people", {"a": "", "b": "(email)", "c": "(email)"}),
        ("SELECT approx_count_distinct(email) AS a, count_if(email = 'x') AS b FROM people", {"a": "(email)", "b": "(email)"}),
        ("SELECT min(email) AS a, any_value(email) AS b, first(email) AS c, max(email) AS d FROM people", dict.fromkeys("abcd", "p.email")),
        ("SELECT string_agg(email, ',' ORDER BY moved_at) AS a FROM people", {"a": "p.email (moved_at)"}),
        ("SELECT list(email ORDER BY moved_at) AS a, list(email) AS b FROM people", {"a": "p.email (moved_at)", "b": "p.email"}),
        ("SELECT arg_max(email, moved_at) AS a FROM people", {"a": "p.email (moved_at)"}),
        ("SELECT sum(total_eur) FILTER (channel = 'web') AS a FROM orders", {"a": "(channel) o.total_eur"}),
        ("SELECT channel, sum(total_eur) AS a FROM orders GROUP BY ALL HAVING a > 1", {"channel": "o.channel", "a": "o.total_eur"}),
        ("SELECT DISTINCT ON (day) day, channel FROM orders ORDER BY day, placed_at", {"day": "o.day", "channel": "o.channel"}),
        # Windows
        ("SELECT row_number() OVER (PARTITION BY customer_id ORDER BY day) AS n FROM orders", {"n": "(customer_id) (day)"}),
        (
            "SELECT lag(total_eur) OVER w AS a FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY day)",
            {"a": "(customer_id) (day) o.total_eur"},
        ),
        # Nested values
        ("SELECT unnest(lines).sku AS s FROM orders", {"s": "o.lines"}),
        ("SELECT line.sku AS s FROM (SELECT unnest(lines) AS line FROM orders)", {"s": "o.lines"}),
        ("SELECT l.line.sku AS s, order_id FROM orders, unnest(lines) AS l(line)", {"s": "o.lines", "order_id": "o.order_id"}),
        ("SELECT list_sum(list_transform(lines, lambda line: line.quantity)) AS n FROM orders", {"n": "o.lines"}),
        ("SELECT [line.sku FOR line IN lines IF line.quantity > 1] AS s FROM orders", {"s": "o.lines"}),
        ("SELECT r.i, order_id FROM orders, range(3) r(i)", {"i": "", "order_id": "o.order_id"}),
        ("SELECT v.a, channel FROM orders JOIN (VALUES ('web', 1)) AS v(b, a) ON v.b = channel", {"a": "", "channel": "o.channel"}),
    ],
)
def test_each_column_of_a_query_is_made_of_what_its_text_says(query: str, columns: dict[str, str]) -> None:
    assert made_of(query) == columns


def test_steps_in_several_statements_are_followed_through() -> None:
    def stepwise(orders: Relation, people: Relation) -> Relation:
        known = dm.sql("SELECT customer_id, email AS contact FROM people", people=people)
        joined = dm.sql("SELECT order_id, contact FROM orders JOIN known USING (customer_id)", orders=orders, known=known)
        return dm.sql("SELECT order_id, max(contact) AS who FROM joined GROUP BY ALL", joined=joined)

    assert derived(stepwise).lineage == {
        "order_id": [["orders.orders@1", "order_id", "value"]],
        "who": [["customers.profiles@1", "email", "value"]],
    }


def test_methods_of_relations_are_followed_as_queries_are() -> None:
    def filtered(people: Relation) -> Relation:
        return people.filter("moved_at IS NOT NULL").project("email AS a, customer_id").order("a").limit(5)

    assert {column: short(parts) for column, parts in derived(filtered).lineage.items()} == {"a": "p.email", "customer_id": "p.customer_id"}


def test_an_input_given_back_as_it_is_has_its_own_columns() -> None:
    def same(people: Relation) -> Relation:
        return people

    assert {column: short(parts) for column, parts in derived(same).lineage.items()} == {name: f"p.{name}" for name in PEOPLE.types}


def test_a_text_put_together_in_python_is_read_as_it_runs() -> None:
    def made(people: Relation) -> Relation:
        columns = ", ".join(f"{aggregate}(email) AS {aggregate}_email" for aggregate in ("min", "count"))
        return dm.sql(f"SELECT {columns} FROM people", people=people)

    assert {column: short(parts) for column, parts in derived(made).lineage.items()} == {"min_email": "p.email", "count_email": "(email)"}


def test_a_function_that_takes_the_day_is_given_one() -> None:
    def of_day(orders: Relation, day: date) -> Relation:
        return dm.sql(f"SELECT order_id, DATE '{day}' AS day FROM orders", orders=orders)

    assert {column: short(parts) for column, parts in derived(of_day).lineage.items()} == {"order_id": "o.order_id", "day": ""}


def test_a_product_that_computes_in_pandas_has_none_and_says_so() -> None:
    def in_pandas(people: pd.DataFrame) -> pd.DataFrame:
        raise AssertionError("it is not called")

    assert derived(in_pandas) == Derived(why="it computes in pandas")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT COLUMNS('.*_id') FROM orders", "COLUMNS(..) picks columns by their names"),
        ("SELECT unnest(line) FROM (SELECT unnest(lines) AS line FROM orders)", "a * stands for columns that its text does not name"),
        ("SELECT * FROM orders JOIN people ON orders.customer_id = people.customer_id", "a * stands for several columns of one name"),
    ],
)
def test_what_cannot_be_told_from_the_text_is_not_guessed(query: str, reason: str) -> None:
    assert why(query) == reason


def test_a_function_that_fails_on_empty_tables_has_none_and_says_why() -> None:
    def picky(people: Relation) -> Relation:
        first = people.fetchall()[0][1]
        return people.filter(f"email = '{first}'")

    assert derived(picky).why == "its function does not run on empty tables: IndexError: list index out of range"


def test_the_rehearsal_reaches_no_file(tmp_path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\n")

    def reaching(people: Relation) -> Relation:
        return dm.sql(f"SELECT email FROM '{file}'", people=people)

    assert "PermissionException" in derived(reaching).why


# Across products


LINEAGES = {
    "finance.totals@1": {"spent_eur": [["marketing.spend@1", "spent_eur", "value"], ["marketing.spend@1", "campaign_id", "use"]]},
    "marketing.spend@1": {"spent_eur": [["orders.orders@1", "total_eur", "value"]]},
    "orders.orders@1": {"total_eur": [["order_events", "total_eur", "value"]]},
}


def test_a_column_is_shown_with_everything_it_is_made_of_across_products() -> None:
    found = tree("finance.totals@1", "spent_eur", lambda source: LINEAGES.get(source, {}))

    assert list(found.lines()) == [
        "finance.totals@1.spent_eur",
        "├─ marketing.spend@1.spent_eur",
        "│  └─ orders.orders@1.total_eur",
        "│     └─ order_events.total_eur",
        "└─ marketing.spend@1.campaign_id (only depends on it)",
    ]


def test_a_product_made_of_itself_ends_there() -> None:
    lineages = {"a.b@1": {"c": [["a.b@1", "c", "value"]]}}

    assert list(tree("a.b@1", "c", lambda source: lineages.get(source, {})).lines()) == ["a.b@1.c", "└─ a.b@1.c"]


TEXT = {"type": "string"}
LINES_OF = {"type": "array", "items": TEXT}
PAID = EventType("OrderPaid", 1, {"type": "object", "properties": {"order_id": TEXT, "eur": {"type": "integer"}}})
PLACED_FIELDS = {"order_id": TEXT, "buyer": {**TEXT, "x-pii": True}, "lines": LINES_OF}
PLACED = EventType("OrderPlaced", 1, {"type": "object", "properties": PLACED_FIELDS})
FEED = Port("shop_events", events={"OrderPaid": PAID, "OrderPlaced": PLACED})


class Orders(dm.Contract):
    """One row per order."""

    order_id: str = dm.field(key=True, description="The order.")
    buyer: str = dm.field(description="Who placed it.")
    paid_eur: int = dm.field(description="What was paid.")
    payments: int = dm.field(description="How often.")


def order_entity() -> Any:
    return dm.entity(
        "order_id",
        buyer=dm.first(OrderPlaced="upper(buyer)"),
        paid_eur=dm.sum(OrderPaid="eur"),
        payments=dm.count(OrderPaid="eur > 0"),
    )


def of_events(function: Any, **ports: Port) -> Derived:
    declared = dm.data_product(contract=Orders, version="1.0.0", serves=[], promise=dm.Promise(), description="Orders.")(function)
    return column_lineage(declared.in_domain("shop", "team:shop", None), ports)


def test_a_projections_columns_are_made_of_the_fields_of_its_feeds_events() -> None:
    def projected(shop_events: dm.Events) -> dm.Projection:
        return dm.projection(shop_events, of=order_entity(), where="payments < 9")

    found = of_events(projected, shop_events=FEED)

    assert found == Derived(
        {
            "order_id": [["shop_events", "order_id", "value"]],
            "buyer": [["shop_events", "buyer", "value"], ["shop_events", "time", "use"]],
            "paid_eur": [["shop_events", "eur", "value"]],
            "payments": [["shop_events", "eur", "use"]],
        },
        personal=frozenset({("shop_events", "buyer")}),
    )


def test_an_event_of_a_projection_may_have_come_by_any_of_its_feeds() -> None:
    def projected(base_events: dm.Events, shop_events: dm.Events) -> dm.Projection:
        return dm.projection(base_events, shop_events, of=order_entity())

    found = of_events(projected, base_events=Port("base_events", events=FEED.events), shop_events=FEED)

    assert found.lineage["paid_eur"] == [["base_events", "eur", "value"], ["shop_events", "eur", "value"]]


def test_a_grouped_projection_is_followed_through_its_lists_and_windows() -> None:
    def projected(shop_events: dm.Events) -> dm.Projection:
        order = dm.entity("order_id", placed_at=dm.first(OrderPlaced="time"), lines=dm.first(OrderPlaced="lines"))
        within = dm.last_days(90, "placed_at")
        columns = {"paid_eur": dm.count(), "payments": dm.count_distinct("line")}
        by = {"order_id": "line", "buyer": "'x'"}
        return dm.projection(shop_events, of=order, each="lines AS line", within=within, by=by, columns=columns)

    found = of_events(projected, shop_events=FEED).lineage

    uses_time = ["shop_events", "time", "use"]
    assert found["order_id"] == [["shop_events", "lines", "value"], uses_time]
    assert found["payments"] == [["shop_events", "lines", "use"], uses_time]


def test_a_function_over_events_is_made_of_their_fields() -> None:
    def computed(shop_events: dm.Events, people: Relation) -> Relation:
        query = "SELECT order_id, email AS buyer, eur AS paid_eur, 1 AS payments FROM paid, people"
        return dm.sql(query, paid=shop_events.of("OrderPaid"), people=people)

    found = of_events(computed, shop_events=FEED, people=PEOPLE).lineage

    assert found["paid_eur"] == [["shop_events", "eur", "value"]]
    assert found["buyer"] == [["customers.profiles@1", "email", "value"]]


def test_what_is_personal_is_known_where_the_lineage_is_not() -> None:
    def computed(shop_events: dm.Events) -> pd.DataFrame:
        return pd.DataFrame(shop_events.of("OrderPlaced").fetchall())

    found = of_events(computed, shop_events=FEED)

    assert (found.why, found.personal) == ("it computes in pandas", frozenset({("shop_events", "buyer")}))
