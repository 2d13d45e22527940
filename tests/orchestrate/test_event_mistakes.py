"""A domain's mistakes with its events: what is checked before anything runs, and what an error says where it runs after all."""

import sqlite3
from datetime import date

import pytest
from tests.event_mesh import DAYS, EventMesh, event, event_mesh

from dagmesh.consume.mesh_check import checked
from dagmesh.orchestrate.sensor import domain_nodes

__all__ = ["event_mesh"]

DRAFT = 'dm.EventType("ReaderMoved", 2, {"type": "object", "properties": {"reader_id": {"type": "string"}, "street": {"type": "string"}}, '
READERS = "domains/library/library/products/readers.py"


def types(mesh: EventMesh) -> set[tuple[str, int]]:
    with sqlite3.connect(mesh.private / "events/events.sqlite") as con:
        return set(con.execute("SELECT name, version FROM event_types").fetchall())


def test_planning_does_not_let_the_store_know_a_type_that_is_being_written(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    before = types(event_mesh)
    event_mesh.change("domains/library/library/events.py", "]\n", f'    {DRAFT}"required": ["reader_id", "street"]}}),\n]\n')

    from tests.small_mesh import forget

    forget()
    domain = event_mesh.mesh.location("library").load()
    nodes = domain_nodes(domain, {}, event_mesh.mesh, event_mesh.lake)
    states = [node.state([date.fromisoformat(DAYS[0])]) for node in nodes.values()]

    assert states
    assert types(event_mesh) == before


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('ReaderRegistered="email"', 'ReaderRegistered="e_mail"', "ReaderRegistered has no field 'e_mail'"),
        ('dm.count("BookBorrowed")', 'dm.max(BookBorrowed="weeks, 3")', "is several values; a column has one."),
        ('dm.first(ReaderRegistered="name")', 'dm.first("ReaderRegistered")', "names ReaderRegistered and nothing of it"),
    ],
)
def test_check_holds_projections_to_the_events(event_mesh: EventMesh, before: str, after: str, told: str) -> None:
    event_mesh.change(READERS, before, after)

    found = checked(event_mesh.mesh, ["library"], date(2026, 11, 21)).wrong

    assert any(told in one.message and one.kind == "definition" for one in found), found


def test_an_error_does_not_say_what_an_event_says(event_mesh: EventMesh) -> None:
    event_mesh.change(
        READERS, 'town=dm.last(ReaderRegistered="town", ReaderMoved="town")', 'town=dm.last(ReaderMoved="CAST(town AS BIGINT)::VARCHAR")'
    )
    for day in DAYS:
        event_mesh.hand_over(day)
    event_mesh.hand_over(DAYS[0], [event(1, DAYS[0], "ReaderMoved", "r1", town="14 Secret Lane")])

    runs = event_mesh.build(*DAYS)

    (message,) = {
        line for run in runs for said in run.messages for line in said.splitlines() if line.startswith("library.readers@1: its SQL")
    }
    assert message == (
        "library.readers@1: its SQL fails on what an event says (ConversionException); that is private, so it is not said here. "
        "Write TRY_CAST where values are cast. The owner sees the value with: dagmesh replay library.readers@1 --compare"
    )
    private = {event_mesh.private / "events", event_mesh.private / "dead_letters", event_mesh.root / ".dagmesh/exports"}
    kept = [path for path in (event_mesh.root / ".dagmesh").rglob("*") if path.is_file() and not private & set(path.parents)]
    assert [path for path in kept if b"Secret Lane" in path.read_bytes()] == []
