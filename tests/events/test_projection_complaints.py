"""What a mistake in a projection is told: the place, what is there, what may be, and the next step; each text once, whole."""

from collections.abc import Mapping
from typing import Any

import pytest

import dagmesh as dm
from dagmesh.events.declared import Declared
from dagmesh.events.projections.check import projection_complaints
from dagmesh.model.projection import Entity, Folded, Projection

TEXT = {"type": "string"}
EUR = {"type": "string", "format": "decimal"}
LINE = {"type": "object", "properties": {"sku": TEXT, "quantity": {"type": "integer"}, "due": {"type": "string", "format": "date"}}}


def kind(name: str, version: int = 1, **properties: Any) -> dm.EventType:
    return dm.EventType(name, version, {"type": "object", "properties": properties})


PLACED = kind("OrderPlaced", order_id=TEXT, customer_id=TEXT, eur=EUR, weight={"type": "number"}, lines={"type": "array", "items": LINE})
PAID = kind("OrderPaid", order_id=TEXT, eur=EUR, number={"type": "integer"})
DECLARED = Declared({("OrderPlaced", 1): PLACED, ("OrderPaid", 1): PAID}, ())
EVENTS = dm.Events("order_events")
ORDER = dm.entity("order_id", placed_at=dm.first(OrderPlaced="time"), lines=dm.first(OrderPlaced="lines"), payments=dm.count("OrderPaid"))
ONE = "SQL here is about one event, thing or element at a time"
FIELDS = "order_id, customer_id, eur, weight or lines"
COLUMNS = "order_id, placed_at, lines or payments"


def complaints(projection: Projection, columns: list[str], partitioned_by: str | None = None, declared: Declared = DECLARED) -> list[str]:
    assert list(projection.complaints()) == []
    return [f"{where}: {message}" for where, message in projection_complaints(projection, declared, columns, partitioned_by)]


def of_events(column: Any) -> list[str]:
    return complaints(dm.projection(EVENTS, of=dm.entity("order_id", found=column)), ["found"])


def of_things(columns: Mapping[str, Any] | None = None, partitioned_by: str | None = None, **said: Any) -> list[str]:
    names = [*said.get("by", {}), *(columns or {})] or ["payments"]
    return complaints(dm.projection(EVENTS, of=ORDER, columns=columns, **said), names, partitioned_by)


def test_what_is_right_is_not_complained_of() -> None:
    assert of_events(dm.first(OrderPlaced="'today() is ' || customer_id")) == []
    assert of_events(dm.max(OrderPlaced="eur", OrderPaid="number")) == []
    assert of_events(dm.sum(OrderPlaced="list_sum(list_transform(lines, lambda line: line.quantity))", OrderPaid="NULL")) == []
    assert of_things({"day": "CAST(placed_at AS DATE)"}, "day", where="payments > 0") == []
    assert of_things({"n": dm.sum("line.quantity")}, each="lines AS line", by={"sku": "line.sku"}, where="line.sku <> ''") == []
    assert of_things(within=dm.last_days(3, "placed_at")) == []


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (dm.first(OrderPlaced="custmer_id"), f"OrderPlaced has no field 'custmer_id'; choose {FIELDS}. Did you mean 'customer_id'?"),
        (dm.count(OrderPlaced="chanel = 'web'"), f"OrderPlaced has no field 'chanel'; choose {FIELDS}."),
        (
            dm.first(OrderPlacd="eur"),
            "there is no event type 'OrderPlacd'; choose OrderPaid or OrderPlaced. Did you mean 'OrderPlaced'?",
        ),
        (dm.first(OrderPlaced="eur +"), 'eur + is no SQL over OrderPlaced: Parser Error: syntax error at or near ")"'),
        (
            dm.first(OrderPlaced="lines[1].quantty"),
            "lines[1].quantty asks for a field 'quantty' that is not there. Did you mean 'quantity'?",
        ),
        (dm.sum(OrderPlaced="weight"), "the sum of DOUBLE depends on the order; cast it, for example (weight)::DECIMAL(18,2)."),
        (
            dm.sum(OrderPlaced="customer_id"),
            "customer_id is VARCHAR, and cannot be summed; cast it, for example (customer_id)::DECIMAL(18,2).",
        ),
        (
            dm.last(OrderPlaced="random()"),
            "random is not the same each time it is asked, and a projection must be; use the event's time.",
        ),
        (
            dm.last(OrderPlaced="Current_Date"),
            "current_date is not the same each time it is asked, and a projection must be; use the event's time.",
        ),
        (
            dm.first(OrderPlaced="max(customer_id)"),
            f"max(...) is over several rows; {ONE}. Fold events in dm.entity, and things with by.",
        ),
        (dm.first(OrderPlaced="row_number() OVER ()"), f"row_number(...) OVER (...) looks at other rows; {ONE}."),
        (dm.first(OrderPlaced="(SELECT 1)"), f"has a query in it; {ONE}."),
        (dm.count(OrderPlaced="unnest(lines) IS NULL"), "unnest(...) makes several rows of one; say each='<list> AS <name>'."),
        (
            dm.first(OrderPlaced="customer_id", OrderPaid="number"),
            "is BIGINT in OrderPaid and VARCHAR in OrderPlaced; cast them to one type.",
        ),
        (
            dm.first(OrderPlaced="CAST(time AS DATE)", OrderPaid="time"),
            "is TIMESTAMP WITH TIME ZONE in OrderPaid and DATE in OrderPlaced; cast them to one type.",
        ),
    ],
)
def test_sql_over_events(column: Any, said: str) -> None:
    assert of_events(column) == [f"column 'found': {said}"]


def test_a_key_is_looked_for_in_every_type() -> None:
    entity = dm.entity("customer_id", paid=dm.sum(OrderPaid="eur", OrderPlaced="eur"))

    assert complaints(dm.projection(EVENTS, of=entity), ["paid"]) == [
        "key 'customer_id': OrderPaid has no field 'customer_id'; choose order_id, eur or number. Did you mean 'order_id'?"
    ]


def test_a_key_is_of_one_type_in_every_event() -> None:
    entity = dm.entity({"key": "eur"}, paid=dm.count("OrderPaid", "OrderDone"))
    declared = Declared({("OrderPaid", 1): PAID, ("OrderDone", 1): kind("OrderDone", eur=TEXT)}, ())

    assert complaints(dm.projection(EVENTS, of=entity), ["paid"], declared=declared) == [
        "key 'key': is VARCHAR in OrderDone and DECIMAL(18,2) in OrderPaid; cast them to one type."
    ]


def test_a_domain_without_events() -> None:
    entity = dm.entity("order_id", found=dm.first(OrderPlaced="eur"))

    assert complaints(dm.projection(EVENTS, of=entity), ["found"], declared=Declared({}, ())) == [
        "column 'found': there is no event type 'OrderPlaced'; the domain's events.py declares none."
    ]


def test_upcasts_that_are_wrong_are_the_complaint() -> None:
    declared = Declared(DECLARED.types, (dm.upcast("OrderPaid", from_version=1, fields={"eur": "1"}),))

    assert complaints(dm.projection(EVENTS, of=ORDER), ["payments"], declared=declared) == [
        "events: OrderPaid 1 -> 2: no such versions are registered; the types are OrderPaid 1, OrderPlaced 1."
    ]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"where": "paymnts > 0"}, f"where: a thing has no column 'paymnts'; choose {COLUMNS}. Did you mean 'payments'?"),
        ({"where": "payments >"}, 'where: payments > is no SQL over a thing: Parser Error: syntax error at or near ")"'),
        ({"where": "payments"}, "where: payments is BIGINT, and no condition; compare it with something."),
        ({"each": "lins AS line"}, f"each: a thing has no column 'lins'; choose {COLUMNS}. Did you mean 'lines'?"),
        ({"each": "payments AS line"}, "each: payments is BIGINT, and no list."),
        ({"each": "lines AS Lines"}, "each: 'Lines' is a column of the thing; call an element otherwise."),
        (
            {"each": "lines AS line", "where": "line.quantty > 1"},
            "where: line.quantty > 1 asks for a field 'quantty' that is not there. Did you mean 'quantity'?",
        ),
        (
            {"within": dm.last_days(3, "placd_at")},
            f"within: a thing has no column 'placd_at'; choose {COLUMNS}. Did you mean 'placed_at'?",
        ),
        ({"within": dm.last_days(3, "payments")}, "within: payments is BIGINT, and no day; give a DATE or a TIMESTAMPTZ."),
        (
            {"columns": {"n": "lin.quantity"}, "each": "lines AS line"},
            "column 'n': a thing has no column 'lin'; choose order_id, placed_at, lines, payments or line. Did you mean 'line'?",
        ),
        (
            {"columns": {"n": "max(payments)"}},
            f"column 'n': max(...) is over several rows; {ONE}. Fold events in dm.entity, and things with by.",
        ),
        (
            {"columns": {"n": dm.sum("payments / 2")}, "by": {"order_id": "order_id"}},
            "column 'n': the sum of DOUBLE depends on the order; cast it, for example (payments / 2)::DECIMAL(18,2).",
        ),
        (
            {"columns": {"n": dm.count()}, "by": {"key": "ordr_id"}},
            f"column 'key': a thing has no column 'ordr_id'; choose {COLUMNS}. Did you mean 'order_id'?",
        ),
        (
            {"columns": {"day": "payments"}, "partitioned_by": "day"},
            "partitioned_by: payments is BIGINT, and no day; give a DATE or a TIMESTAMPTZ.",
        ),
        (
            {"columns": {"day": dm.max("placed_at")}, "by": {}, "partitioned_by": "day"},
            "partitioned_by: 'day' is an aggregate; a row's day must be SQL over one thing.",
        ),
        (
            {"columns": {"day": "line.due"}, "each": "lines AS line", "partitioned_by": "day"},
            "partitioned_by: line.due is of an element of each; a row's day must be SQL over the whole thing.",
        ),
        (
            {"columns": {"day": "CAST(placed_at AS DATE)"}, "within": dm.last_days(3, "placed_at"), "partitioned_by": "day"},
            "within: the product is partitioned by day, and publishes each day by itself; leave one of them out.",
        ),
        ({"partitioned_by": "day"}, f"partitioned_by: a thing has no column 'day'; choose {COLUMNS}."),
    ],
)
def test_sql_over_things(said: dict[str, Any], complaint: str) -> None:
    assert of_things(**said) == [complaint]


def test_the_contracts_columns_are_made_and_no_others() -> None:
    assert complaints(dm.projection(EVENTS, of=ORDER, columns={"paymens": "payments"}), ["payments", "placd_at"]) == [
        "column 'paymens': is no column of the contract; choose payments or placd_at. Did you mean 'payments'?",
        "column 'placd_at': of the contract is made of nothing; add it to columns, or to the entity. Did you mean 'placed_at'?",
    ]


def test_with_by_a_column_of_the_thing_is_no_column_of_the_product() -> None:
    assert complaints(dm.projection(EVENTS, of=ORDER, by={"order_id": "order_id"}), ["order_id", "payments"]) == [
        "column 'payments': of the contract is made of nothing; add it to columns, or to the entity. Did you mean 'payments'?"
    ]


NOT_FOLDED = 'folds no events; write for example dm.first(OrderPlaced="customer_id").'
NO_NAME = "is no name of a column; give the key as a mapping of name to SQL."
NOT_HERE = "is over events; fold it in dm.entity(...), and count, sum, min or max things here."


@pytest.mark.parametrize(
    ("entity", "said", "complaint"),
    [
        (dm.entity("lower(order_id)", n=dm.count("OrderPaid")), {}, f"column 'lower(order_id)': {NO_NAME}"),
        (dm.entity("order_id", **{"n x": dm.count("OrderPaid")}), {}, f"column 'n x': {NO_NAME}"),
        (dm.entity("order_id", n="OrderPaid"), {}, f"entity column 'n': {NOT_FOLDED}"),
        (dm.entity("order_id", n=dm.count()), {}, f"entity column 'n': {NOT_FOLDED}"),
        (dm.entity("order_id", order_id=dm.count("OrderPaid")), {}, "entity column 'order_id': is the key already; leave it out."),
        (
            dm.entity("order_id"),
            {},
            'entity: has no key or no columns; write for example dm.entity("order_id", returns=dm.count("OrderReturned")).',
        ),
        (
            ORDER,
            {"columns": {"n": dm.sum("payments")}},
            "column 'n': is over several things, and nothing groups them; say by={...}, or fold it in the entity.",
        ),
        (ORDER, {"columns": {"n": dm.count("OrderPaid")}, "by": {}}, f"column 'n': {NOT_HERE}"),
        (ORDER, {"columns": {"n": Folded("last", {}, "payments")}, "by": {}}, f"column 'n': {NOT_HERE}"),
        (
            ORDER,
            {"columns": {"n": "payments"}, "by": {"order_id": "order_id"}},
            "column 'n': is one thing's; with by, write dm.sum('payments'), or put it into by.",
        ),
        (ORDER, {"columns": {"n": dm.count()}, "by": {"n": "payments"}}, "column 'n': is in by and in columns; leave it out of one."),
        (ORDER, {"each": "lines"}, "each: 'lines' is not '<list> AS <name>', for example \"lines AS line\"."),
        (ORDER, {"within": dm.last_days(0, "placed_at")}, "within: 0 is not a number of days (1 or more)."),
        (ORDER, {"within": dm.last_days(True, "placed_at")}, "within: True is not a number of days (1 or more)."),
    ],
)
def test_what_needs_no_event_type_to_be_seen(entity: Entity, said: dict[str, Any], complaint: str) -> None:
    assert [f"{where}: {message}" for where, message in dm.projection(EVENTS, of=entity, **said).complaints()] == [complaint]


def test_a_projection_names_its_events() -> None:
    assert list(dm.projection(of=ORDER).complaints()) == [
        ("projection", "names no events; hand it the parameter annotated dm.Events: dm.projection(order_events, ...).")
    ]
