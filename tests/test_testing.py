"""`dagmesh.testing`: plain rows in, plain rows out, and the contract's verdict on them."""

import importlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dagmesh as dm
from dagmesh import testing
from dagmesh.errors import AuditRefused, EventRefused

DAY = date(2026, 11, 19)
PROMISE = dm.Promise()
DOMAINS = Path(__file__).parents[1] / "domains"


class Totals(dm.Contract):
    """One row per channel."""

    channel: str = dm.field(key=True, isin=["online", "store"], description="Way the order came in.")
    orders: int = dm.field(ge=1, description="Orders placed.")
    returned: int | None = dm.field(le=dm.column("orders"), description="Orders sent back, if known.")
    amount_eur: Annotated[Decimal, dm.digits(8, 2)] = dm.field(ge=dm.rule(0, severity="warn"), description="Their sum.")
    comment: str = dm.field(
        required=dm.rule(True, max_failing=0.5), max_length=dm.rule(5, max_failing=0.5), unique=True, description="A word."
    )
    day: date = dm.field(description="UTC day of the orders.")
    last_at: datetime = dm.field(description="Newest order.")

    @dm.check("orders", "amount_eur", description="an order costs less than 1000 EUR")
    def is_cheap(cls, frame: Any) -> Any:
        return frame["amount_eur"].astype("float64") < 1000 * frame["orders"]


@dm.data_product(contract=Totals, version="1.0.0", serves=[], promise=PROMISE)
def totals(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Pass the orders on."""
    return orders


def row(**values: Any) -> dict[str, Any]:
    """A row that keeps the contract, but for the values given."""
    good = {
        "channel": "online",
        "orders": 2,
        "returned": None,
        "amount_eur": Decimal("25.00"),
        "comment": "a",
        "day": DAY,
        "last_at": datetime(2026, 11, 19, 8, tzinfo=UTC),
    }
    return good | values


def product_taking(form: Any, returning: Any, work: Any) -> Any:
    """A product whose one parameter `orders` has the form, and whose function is `work`."""

    def echo(orders: Any) -> Any:
        return work(orders)

    echo.__annotations__ = {"orders": form, "return": returning}
    return dm.data_product(contract=Totals, version="1.0.0", serves=[], promise=PROMISE, description="Echo.")(echo)


# call


def test_call_gives_a_relation_plain_rows_and_takes_plain_rows_back() -> None:
    product = product_taking(
        duckdb.DuckDBPyRelation,
        duckdb.DuckDBPyRelation,
        lambda orders: orders.aggregate("channel, count(*) AS orders, sum(amount)::DECIMAL(8, 2) AS amount", "channel"),
    )
    orders = [{"channel": "online", "amount": Decimal("1.10")}, {"channel": "online", "amount": Decimal("2.205")}]

    rows = testing.call(product, orders=orders)

    assert rows == [{"channel": "online", "orders": 2, "amount": Decimal("3.31")}]


@pytest.mark.parametrize("form", [duckdb.DuckDBPyRelation, pd.DataFrame, pl.DataFrame, pa.Table], ids=lambda form: form.__name__)
def test_every_value_survives_every_form(form: type) -> None:
    product = product_taking(form, form, lambda orders: orders)
    rows = [
        {
            "id": 2**53 + 1,
            "share": 0.5,
            "amount": Decimal("0.10"),
            "name": "ö",
            "paid": True,
            "day": DAY,
            "at": datetime(2026, 11, 19, 8, 0, 0, 1, tzinfo=UTC),
            "tags": ["a", "b"],
        },
        dict.fromkeys(["id", "share", "amount", "name", "paid", "day", "at", "tags"]),
    ]

    assert testing.call(product, orders=rows) == rows


def test_the_form_is_the_one_annotated() -> None:
    seen = []
    product = product_taking(pd.DataFrame, pd.DataFrame, lambda orders: seen.append(orders) or orders)

    testing.call(product, orders=[{"id": 1}])

    assert isinstance(seen[0], pd.DataFrame)


def test_inputs_are_joined_on_one_connection_and_the_day_is_passed_on() -> None:
    @dm.data_product(contract=Totals, version="1.0.0", serves=[], promise=PROMISE, description="Join.")
    def joined(orders: duckdb.DuckDBPyRelation, channels: duckdb.DuckDBPyRelation, day: date) -> duckdb.DuckDBPyRelation:
        return orders.join(channels, "channel").project(f"name, DATE '{day}' AS day")

    rows = testing.call(joined, orders=[{"channel": 1}], channels=[{"channel": 1, "name": "store"}], day=DAY)

    assert rows == [{"name": "store", "day": DAY}]


def test_a_time_in_another_zone_is_the_same_moment_in_utc() -> None:
    at = datetime(2026, 11, 19, 1, tzinfo=timezone(timedelta(hours=2)))

    [given] = testing.call(totals, orders=[{"at": at}])

    assert given["at"] == at
    assert given["at"].tzinfo is UTC


def test_a_product_works_in_utc_wherever_the_test_runs() -> None:
    code = """
from datetime import UTC, datetime
import dagmesh as dm, duckdb
from dagmesh import testing

class Days(dm.Contract):
    \"\"\"One row per order.\"\"\"
    day: str = dm.field(description="UTC day.")

@dm.data_product(contract=Days, version="1.0.0", serves=[], promise=dm.Promise(), description="Days.")
def days(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return orders.project("placed_at::DATE::VARCHAR AS day")

print(testing.call(days, orders=[{"placed_at": datetime(2026, 11, 19, 1, tzinfo=UTC)}]))
"""

    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TZ": "America/New_York"}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[{'day': '2026-11-19'}]\n"


@pytest.mark.parametrize(
    ("values", "type_name"),
    [
        ([1, None], "BIGINT"),
        ([1, 0.5], "DOUBLE"),
        ([Decimal(1), 2], "DECIMAL(18,2)"),
        ([Decimal("0.12345")], "DECIMAL(18,5)"),
        ([Decimal("12345678901234567890.5")], "DECIMAL(22,2)"),
        (["a"], "VARCHAR"),
        ([False], "BOOLEAN"),
        ([DAY], "DATE"),
        ([datetime(2026, 1, 1, tzinfo=UTC)], "TIMESTAMP WITH TIME ZONE"),
        ([[], [1]], "BIGINT[]"),
    ],
    ids=str,
)
def test_the_values_tell_the_columns_type(values: list[Any], type_name: str) -> None:
    seen = []
    product = product_taking(
        duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation, lambda orders: seen.append([str(kind) for kind in orders.types]) or orders
    )

    testing.call(product, orders=[{"value": value} for value in values])

    assert seen == [[type_name]]


def test_a_key_that_a_row_leaves_out_is_null() -> None:
    assert testing.call(totals, orders=[{"a": 1}, {"b": "x"}]) == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_typed_rows_give_no_rows_their_types() -> None:
    product = product_taking(
        duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation, lambda orders: orders.aggregate("count(*) AS orders, max(day) AS last_day")
    )

    assert testing.call(product, orders=testing.typed([], {"day": "DATE"})) == [{"orders": 0, "last_day": None}]


def test_typed_rows_choose_a_type_the_values_do_not_tell() -> None:
    rows = testing.typed([{"id": 1, "cancelled_at": None, "size": 3}], {"cancelled_at": "TIMESTAMPTZ", "size": "DECIMAL(9, 1)"})

    assert testing.call(totals, orders=rows) == [{"id": 1, "cancelled_at": None, "size": Decimal("3.0")}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], 'orders: no rows tell no types; write orders=testing.typed([], {"day": "DATE", ...}).'),
        ([{"a": None}], "orders.a: no value tells its type; wrap the rows: testing.typed(rows, {'a': <DuckDB type>})."),
        ([{"a": 1}, {"a": "x"}], "orders.a: mixes int or str; a column has one type."),
        ([{"a": True}, {"a": 1}], "orders.a: mixes bool or int; a column has one type."),
        ([{"a": datetime(2026, 1, 1)}], "orders.a: datetime.datetime(2026, 1, 1, 0, 0) has no time zone; all times are UTC: "),  # noqa: DTZ001
        ([{"a": {1}}], "orders.a: {1} is a set; write bool, int, float, Decimal, str, datetime, date or list, or wrap the rows in "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_rows_that_do_not_tell_their_types_are_refused(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(TypeError) as refused:
        testing.call(totals, orders=rows)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "totals: parameter 'orders' is missing; give it a list of rows."),
        ({"order": []}, "totals: no parameter 'order'; choose orders. Did you mean 'orders'?"),
        ({"orders": DAY}, "totals: parameter 'orders' takes rows; got datetime.date(2026, 11, 19)."),
    ],
    ids=str,
)
def test_inputs_that_do_not_fit_the_function_are_refused(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as refused:
        testing.call(totals, **inputs)

    assert str(refused.value) == message


# check


def test_rows_that_keep_the_contract_pass() -> None:
    testing.check(totals, [row(), row(channel="store", returned=1, comment="b")])


def test_no_rows_keep_the_contract() -> None:
    testing.check(totals, [])


def test_every_broken_rule_is_reported_at_once() -> None:
    rows = [row(orders=0), row(channel="phone", returned=3), row(amount_eur=Decimal("3000.00"), comment="b")]

    with pytest.raises(AuditRefused) as refused:
        testing.check(totals, rows)

    first, *broken = str(refused.value).splitlines()
    assert first == "totals: 3 rows do not keep Totals:"
    assert sorted(line.split(";")[0].strip() for line in broken) == [
        "channel__isin: channel is one of online, store",
        "channel__unique: channel is unique",
        "comment__unique: comment is unique",
        "is_cheap: an order costs less than 1000 EUR",
        "orders__ge: orders >= 1",
        "returned__le_orders: returned <= orders",
    ]


def test_a_broken_rule_shows_its_rows() -> None:
    bad = row(orders=0, amount_eur=Decimal("-5.00"))

    with pytest.raises(AuditRefused) as refused:
        testing.check(totals, [bad])

    assert str(refused.value) == f"totals: 1 rows do not keep Totals:\n  orders__ge: orders >= 1; 1 rows: {bad!r}"


def test_a_rule_that_warns_does_not_stop() -> None:
    testing.check(totals, [row(amount_eur=Decimal("-1.00"))])


def test_a_share_of_failing_rows_within_max_failing_is_allowed() -> None:
    testing.check(totals, [row(comment=None), row(channel="store")])
    testing.check(totals, [row(comment="too long"), row(channel="store")])


def test_a_share_of_failing_rows_over_max_failing_is_refused() -> None:
    with pytest.raises(AuditRefused, match="comment__not_null: comment is given; 2 rows"):
        testing.check(totals, [row(comment=None), row(channel="store", comment=None)])


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"orders": 2.0}, "column 'orders': 2.0 is no BIGINT (1 rows)."),
        ({"orders": True}, "column 'orders': True is no BIGINT (1 rows)."),
        ({"amount_eur": 25.0}, "column 'amount_eur': 25.0 is no DECIMAL(8,2) (1 rows)."),
        ({"amount_eur": Decimal("0.001")}, "column 'amount_eur': Decimal('0.001') is no DECIMAL(8,2) (1 rows)."),
        ({"amount_eur": Decimal("1234567.00")}, "column 'amount_eur': Decimal('1234567.00') is no DECIMAL(8,2) (1 rows)."),
        ({"last_at": DAY}, "column 'last_at': datetime.date(2026, 11, 19) is no TIMESTAMP WITH TIME ZONE (1 rows)."),
        ({"day": datetime(2026, 11, 19, tzinfo=UTC)}, f"column 'day': {datetime(2026, 11, 19, tzinfo=UTC)!r} is no DATE (1 rows)."),
        ({"chanel": "x"}, "column 'chanel': not in the contract. Did you mean 'channel'?"),
    ],
    ids=str,
)
def test_a_value_of_the_wrong_type_is_refused(values: dict[str, Any], line: str) -> None:
    with pytest.raises(AuditRefused) as refused:
        testing.check(totals, [row(**values)])

    assert str(refused.value).splitlines()[1:] == [f"  {line}"]


def test_a_missing_column_is_refused() -> None:
    without = row()
    del without["orders"]

    with pytest.raises(AuditRefused, match="column 'orders': missing in 1 rows"):
        testing.check(totals, [without])


def test_importing_it_imports_no_data_frame_library() -> None:
    code = "import sys, dagmesh.testing; print(sorted({'duckdb', 'pandas', 'pandera', 'pyarrow', 'polars', 'dagster'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


def shipped(**said: Any) -> dict[str, Any]:
    return testing.event("OrderShipped", subject="order/o1", time=NOON, **said)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (shipped(order="o1"), "order_events-1 (OrderShipped 1, order/o1): data must contain ['order_id'] properties"),
        (shipped(order_id=1), "order_events-1 (OrderShipped 1, order/o1): data.order_id must be string"),
        (testing.event("OrderShiped", subject="order/o1", time=NOON), "unknown type 'OrderShiped'"),
        ({"order_id": "o1"}, "no type and no subject and no time; an event has id, type, subject, time and data."),
    ],
    ids=str,
)
def test_an_event_that_is_not_as_its_type_says_is_refused(event: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOMAINS / "orders")
    orders = importlib.import_module("orders.products.orders").orders

    with pytest.raises(EventRefused) as refused:
        testing.call(orders, order_events=[event])

    assert said in str(refused.value)


def test_events_are_told_of_a_domain() -> None:
    def lonely(order_events: dm.Events) -> dm.Projection:
        return dm.projection(order_events, of=dm.entity("order_id", orders=dm.count("OrderPlaced")))

    product = dm.data_product(contract=Totals, version="1.0.0", serves=[], promise=PROMISE, description="Lonely.")(lonely)

    with pytest.raises(TypeError, match=r"lonely: .* is in no domain's products folder"):
        testing.call(product, order_events=[shipped(order_id="o1")])
