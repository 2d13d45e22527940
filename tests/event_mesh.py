"""A mesh whose domain `library` is made of events: what readers do, their names and e-mail addresses personal; `reports` reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.small_mesh import HOME_SETTINGS, SmallMesh, forget

from dagmesh.events.store import EventStore

DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
EVENTS = '''"""What readers of the library do."""
import dagmesh as dm

TEXT = {"type": "string"}
PERSONAL = TEXT | {"x-pii": True}


def said(**fields):
    return {"type": "object", "properties": fields, "required": ["reader_id"]}


EVENTS = [
    dm.EventType("ReaderRegistered", 1, said(reader_id=TEXT, name=PERSONAL, email=PERSONAL, town=TEXT)),
    dm.EventType("ReaderMoved", 1, said(reader_id=TEXT, town=TEXT)),
    dm.EventType("BookBorrowed", 1, said(reader_id=TEXT, loan_id=TEXT, book=TEXT, weeks={"type": "integer"})),
]
'''
SOURCES = '''"""What the library's counter hands over goes into the domain's event store."""
import dagster as dg
import dagmesh as dm

EXPORTS = dm.exports("library")


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def library_events(context: dg.AssetExecutionContext, events: dm.EventStoreResource) -> dm.Arrivals:
    """Events by the day they were handed over."""
    return events.feed_json_lines(f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), closed=True)
'''
READERS = '''"""Who reads in the library."""
import dagmesh as dm


class Readers(dm.Contract):
    """One row per reader."""

    reader_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the reader.")
    name: str | None = dm.field(classification="pii", purpose="Writing letters.", mask="partial", description="Name; NULL when erased.")
    email: str | None = dm.field(classification="pii", purpose="Writing letters.", mask="hash", description="Address; NULL when erased.")
    town: str = dm.field(matches=r"[A-Z].*", description="Where the reader lives.")
    loans: int = dm.field(ge=0, unit="loans", description="Books borrowed.")


@dm.data_product(contract=Readers, version="1.0.0", serves=["reports"], promise=dm.Promise(min_completeness=0.1))
def readers(library_events: dm.Events) -> dm.Projection:
    """Take the newest town, and count loans."""
    reader = dm.entity(
        "reader_id",
        name=dm.first(ReaderRegistered="name"),
        email=dm.first(ReaderRegistered="email"),
        town=dm.last(ReaderRegistered="town", ReaderMoved="town"),
        loans=dm.count("BookBorrowed"),
    )
    return dm.projection(library_events, of=reader)
'''
LOANS = '''"""What was lent, a day at a time."""
from datetime import date
import dagmesh as dm


class Loans(dm.Contract):
    """One row per loan."""

    loan_id: str = dm.field(key=True, description="Number of the loan.")
    lent_on: date = dm.field(description="UTC day.")
    book: str = dm.field(description="What was lent.")
    weeks: int = dm.field(ge=1, unit="weeks", description="For how long.")


@dm.data_product(contract=Loans, version="1.0.0", serves=["reports"], promise=dm.Promise(), partitioned_by="lent_on")
def loans(library_events: dm.Events) -> dm.Projection:
    """List the loans."""
    loan = dm.entity(
        "loan_id",
        lent_at=dm.first(BookBorrowed="time"),
        book=dm.first(BookBorrowed="book"),
        weeks=dm.first(BookBorrowed="weeks"),
    )
    return dm.projection(library_events, of=loan, columns={"lent_on": "CAST(lent_at AS DATE)"})
'''
TOWNS = '''"""Where readers registered."""
import dagmesh as dm


class Towns(dm.Contract):
    """One row per town."""

    town: str = dm.field(key=True, description="The town.")
    readers: int = dm.field(ge=1, unit="readers", description="Who registered there.")


@dm.data_product(contract=Towns, version="1.0.0", serves=["reports"], promise=dm.Promise())
def towns(library_events: dm.Events) -> dm.Projection:
    """Count readers by the town they registered in."""
    reader = dm.entity("reader_id", town=dm.first(ReaderRegistered="town"))
    return dm.projection(library_events, of=reader, by={"town": "town"}, columns={"readers": dm.count()})
'''
LETTERS = '''"""Whom to write to, computed from the events themselves."""
import duckdb
import dagmesh as dm


class Letters(dm.Contract):
    """One row per reader."""

    reader_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the reader.")
    name: str | None = dm.field(classification="pii", purpose="Writing letters.", mask="partial", description="Name; NULL when erased.")


@dm.data_product(contract=Letters, version="1.0.0", serves=["reports"], promise=dm.Promise(min_completeness=0.1))
def letters(library_events: dm.Events) -> duckdb.DuckDBPyRelation:
    """Take the names."""
    return dm.sql("SELECT reader_id, max(name) AS name FROM registered GROUP BY ALL", registered=library_events.of("ReaderRegistered"))
'''
ADDRESSED = '''"""How many can be written to: what reports makes of the library's readers."""
import duckdb
import dagmesh as dm


class Addressed(dm.Contract):
    """One row per town."""

    town: str = dm.field(key=True, description="The town.")
    readers: int = dm.field(unit="readers", description="Readers there.")


@dm.data_product(contract=Addressed, version="1.0.0", serves=[], promise=dm.Promise(), reads={"readers": "library.readers@1"})
def addressed(readers: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Count readers by town."""
    return dm.sql("SELECT town, count(*) AS readers FROM readers GROUP BY town", readers=readers)
'''
PRODUCTS = {"readers": READERS, "loans": LOANS, "towns": TOWNS, "letters": LETTERS}
NAMES = {"r1": "Ada Lovelace", "r2": "Grace Hopper", "r3": "Mary Somerville"}


def event(number: int, day: str, type: str, reader: str, **data: Any) -> dict[str, Any]:
    subject, moment = f"readers/{reader}", f"{day}T{8 + number % 10:02}:00:00Z"
    return {"id": f"{day}-{number}", "type": type, "subject": subject, "time": moment, "data": {"reader_id": reader, **data}}


def events_of(day: str) -> list[dict[str, Any]]:
    """A day at the counter: on the first, everyone registers; each day each borrows; on the last, one moves."""
    found = [
        event(n, day, "BookBorrowed", reader, loan_id=f"{day}-{n}", book=f"book {n}", weeks=1 + n % 3) for n, reader in enumerate(NAMES)
    ]
    if day == DAYS[0]:
        found += [
            event(10 + n, day, "ReaderRegistered", reader, name=name, email=f"{name.split()[0].lower()}@example.org", town="Bath")
            for n, (reader, name) in enumerate(NAMES.items())
        ]
    return [*found, event(20, day, "ReaderMoved", "r2", town="York")] if day == DAYS[-1] else found


class EventMesh(SmallMesh):
    """The small mesh's ways, in a mesh of events."""

    @property
    def private(self) -> Path:
        """The domain's private home."""
        return self.root / ".dagmesh/home/library"

    def hand_over(self, day: str, events: list[dict[str, Any]] | None = None) -> None:
        """The day's export, closed."""
        found = events_of(day) if events is None else events
        closed = {"type": "ExportClosed", "data": {"events": len(found)}}
        self.write(f".dagmesh/exports/library/{day}.jsonl", "".join(json.dumps(line) + "\n" for line in [*found, closed]))

    def handed_over_and_built(self, *days: str) -> None:
        """Hand over these days, or all, and make everything."""
        for day in days or DAYS:
            self.hand_over(day)
        ran = self.build(*(days or DAYS))
        assert all(run.success for run in ran), [run.messages for run in ran]

    def store(self) -> EventStore:
        """The domain's events."""
        return EventStore(self.private / "events", "library")


def make_event_mesh(root: Path) -> EventMesh:
    """Two domains in a folder, nothing handed over yet."""
    made = EventMesh(root)
    stanzas = [
        f"  - python_module: {{module_name: {d}.definitions, attribute: defs, working_directory: domains/{d}, location_name: {d}}}"
        for d in ("library", "reports")
    ]
    made.write("workspace.yaml", "\n".join(["load_from:", *stanzas, ""]))
    for domain in ("library", "reports"):
        package = f"domains/{domain}/{domain}"
        made.write(f"{package}/__init__.py", "")
        said = f'import dagmesh as dm\n\ndefs = dm.domain("{domain}", owner="team:{domain}", ready_at="00:00")\n'
        made.write(f"{package}/definitions.py", said)
        made.write(f"{package}/products/__init__.py", "")
    for name, text in PRODUCTS.items():
        made.write(f"domains/library/library/products/{name}.py", text)
    made.write("domains/library/library/events.py", EVENTS)
    made.write("domains/library/library/sources.py", SOURCES)
    made.write("domains/reports/reports/products/addressed.py", ADDRESSED)
    return made


@pytest.fixture
def event_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventMesh]:
    """The mesh, nothing handed over yet, the working directory in it."""
    import sys

    for name in HOME_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    before = list(sys.path)
    made = make_event_mesh(tmp_path / "mesh")
    monkeypatch.chdir(made.root)
    yield made
    sys.path[:] = before
    forget()
