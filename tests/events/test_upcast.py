"""Upcasting: old events read as if they had always been of the newest version, by SQL or by Python, and mistakes are named."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.events.sealing import IN_EUR, IN_WORDS, NOON, PLACED, PYTHON_STEPS, SHIPPED, SQL_STEPS, connection, kind, opened, rows_of

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.event_type import EventType
from dagmesh.events.lifting import lifted
from dagmesh.events.relation import relation
from dagmesh.events.store import EventStore
from dagmesh.events.upcast import Upcast, Upcasts, upcast

TYPES = {(known.name, known.version): known for known in [*PLACED, SHIPPED]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """An order of each version."""
    made = opened(tmp_path / "events")
    datas: list[dict[str, Any]] = [
        {"cents": 1250, "note": "quick", "address": "Elm Street 1"},
        {"eur": "3.00", "currency": "CHF"},
        {"eur": "4.00", "currency": "EUR", "remark": "SLOW"},
    ]
    made.append([NewEvent(f"e{version}", "OrderPlaced", "orders/1", NOON, data, version) for version, data in enumerate(datas, 1)])
    yield made
    made.close()


@pytest.mark.parametrize("steps", [SQL_STEPS, PYTHON_STEPS], ids=["SQL", "Python"])
def test_a_relation_has_one_version(store: EventStore, steps: list[Upcast]) -> None:
    con = connection()

    found = rows_of(con, relation(con, store, "OrderPlaced", upcasts=steps))

    assert [(row["version"], str(row["eur"]), row["currency"], row["remark"], row["street"]) for row in found] == [
        (1, "12.50", "EUR", "QUICK", "Elm Street 1"),
        (2, "3.00", "CHF", None, None),
        (3, "4.00", "EUR", "SLOW", None),
    ]


@pytest.mark.parametrize("steps", [SQL_STEPS, PYTHON_STEPS], ids=["SQL", "Python"])
def test_python_reads_the_newest_version_as_json_values(store: EventStore, steps: list[Upcast]) -> None:
    first, *_ = [lifted(event, TYPES, steps) for event in store.read()]

    assert first.version == 3
    assert first.data == {"eur": "12.50", "currency": "EUR", "remark": "QUICK", "street": "Elm Street 1"}
    assert TYPES["OrderPlaced", 3].fault(first.data) == ""


def test_sql_over_the_event_itself_gives_moments_as_they_are_written(store: EventStore) -> None:
    newer = kind("OrderShipped", 2, ["at"], at={"type": "string", "format": "date-time"}, on={"type": "string", "format": "date"})
    store.append([NewEvent("s1", "OrderShipped", "orders/1", NOON, {"on": "2026-11-20"})])
    (event,) = store.read(types=["OrderShipped"])

    found = lifted(event, TYPES | {("OrderShipped", 2): newer}, [upcast("OrderShipped", from_version=1, fields={"at": "time"})])

    assert found.data == {"on": "2026-11-20", "at": "2026-11-19T12:00:00Z"}


def test_a_new_field_that_is_optional_and_a_wider_number_need_no_upcast(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events", "shop")
    old = kind("Weighed", 1, kilos={"type": "integer"})
    store.register([old, kind("Weighed", 2, kilos={"type": "number"}, by={"type": "string"})])
    store.append(
        [NewEvent("w1", "Weighed", "parcels/1", NOON, {"kilos": 3}, 1), NewEvent("w2", "Weighed", "parcels/1", NOON, {"kilos": 2.5})]
    )
    con = connection()

    assert [(row["kilos"], row["by"]) for row in rows_of(con, relation(con, store, "Weighed"))] == [(3.0, None), (2.5, None)]
    store.close()


def given(*steps: Upcast) -> Callable[[], object]:
    return lambda: Upcasts(TYPES, steps).steps("OrderPlaced", 1)


WIDER = {"type": "string"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            given(),
            "OrderPlaced 1 -> 2: field 'eur' is required in 2 and not in 1. "
            'Write upcast("OrderPlaced", from_version=1, fields={"eur": "..."}).',
        ),
        (given(IN_EUR, IN_EUR, upcast("OrderPlaced", from_version=1, fields={})), "OrderPlaced 1 -> 2: there are two upcasts; keep one."),
        (
            given(upcast("OrderPlaced", from_version=3, fields={})),
            "OrderPlaced 3 -> 4: no such versions are registered; the types are OrderPlaced 1, OrderPlaced 2, OrderPlaced 3, "
            "OrderShipped 1.",
        ),
        (
            given(IN_EUR, upcast("OrderPlaced", from_version=2, fields={"remarks": "note"})),
            "OrderPlaced 2 -> 3: OrderPlaced 3 has no field 'remarks'; choose eur, currency, remark, street, time, lines. "
            "Did you mean 'remark'?",
        ),
        (
            lambda: Upcasts({("A", 1): kind("A", 1, eur={"type": "integer"}), ("A", 2): kind("A", 2, eur=WIDER)}).steps("A", 1),
            'A 1 -> 2: field \'eur\' is BIGINT in 1 and VARCHAR in 2. Write upcast("A", from_version=1, fields={"eur": "..."}).',
        ),
    ],
    ids=["missing", "twice", "no version", "no field", "other type"],
)
def test_a_wrong_upcast_is_refused_with_type_version_and_field(make: Callable[[], object], message: str) -> None:
    with pytest.raises(EventRefused) as refusal:
        make()

    assert str(refusal.value) == message


def test_sql_that_names_no_field_of_the_old_version_is_refused_at_definition() -> None:
    with pytest.raises(EventRefused) as refusal:
        Upcasts(TYPES, [upcast("OrderPlaced", from_version=1, fields={"eur": "cent / 100"})])

    assert str(refusal.value).startswith("OrderPlaced 1 -> 2: field 'eur': cent / 100 is no SQL over OrderPlaced 1: Binder Error: ")
    assert '"cent"' in str(refusal.value)


def loses(data: dict) -> dict:
    return {"eur": "1.00"}


def fails(data: dict) -> dict:
    return {"eur": data["euros"]}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            loses,
            "OrderPlaced 1 -> 2: event 1: the upcast gives what OrderPlaced 2 refuses: data must contain ['currency'] properties.",
        ),
        (fails, "OrderPlaced 1 -> 2: event 1: the upcast failed: KeyError: 'euros'."),
    ],
)
def test_a_function_that_fails_or_gives_what_is_refused_names_the_event(
    store: EventStore, function: Callable[[dict], dict], message: str
) -> None:
    steps = [upcast("OrderPlaced", from_version=1)(function), IN_WORDS]

    with pytest.raises(EventRefused) as refusal:
        relation(connection(), store, "OrderPlaced", upcasts=steps)

    assert str(refusal.value) == message


def test_what_was_erased_is_lifted_as_nothing(store: EventStore) -> None:
    store.forget("orders/1", NOON)
    con = connection()

    for steps in (SQL_STEPS, PYTHON_STEPS):
        assert rows_of(con, relation(con, store, "OrderPlaced", upcasts=steps))[0]["street"] is None


def test_a_type_of_one_version_is_lifted_as_it_is() -> None:
    types: dict[tuple[str, int], EventType] = {("OrderShipped", 1): SHIPPED}

    assert Upcasts(types).steps("OrderShipped", 1) == []
