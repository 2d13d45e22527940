"""`dagmesh replay`: folded again from the first event, to publish the same, to compare, or to see what was."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.event_mesh import DAYS, EventMesh, event, event_mesh
from tests.small_mesh import forget

from dagmesh.cli import main
from dagmesh.model.address import Address

__all__ = ["event_mesh"]
READERS, LOANS = Address("library", "readers", 1), Address("library", "loans", 1)
LETTERS = Address("library", "letters", 1)


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def bytes_of(mesh: EventMesh, address: Address) -> list[tuple[object, str]]:
    """Day and SHA-256 of each file of the newest snapshot."""
    return sorted((str(file.day), file.sha256) for file in mesh.lake.table(address).snapshot().files)


def test_a_replay_publishes_the_same_bytes_and_restates_no_consumer(event_mesh: EventMesh) -> None:
    for day in DAYS:  # folded in three steps
        event_mesh.handed_over_and_built(day)
    before = {address: (bytes_of(event_mesh, address), event_mesh.lake.table(address).newest) for address in (READERS, LOANS, LETTERS)}

    results = [dagmesh("replay", name) for name in ("library.readers", "library.loans@1", "library.letters")]

    assert [result.exit_code for result in results] == [0, 0, 0], [result.output for result in results]
    for address, (content, newest) in before.items():
        assert bytes_of(event_mesh, address) == content
        assert event_mesh.lake.table(address).newest > newest
    assert event_mesh.build(*DAYS) == []


def test_a_replay_mends_what_a_projection_was_folded_to(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built(*DAYS[:2])
    (state,) = event_mesh.private.glob("projections/readers.v1/*/things.duckdb")
    state.write_bytes(b"no database")
    event_mesh.hand_over(DAYS[2])

    said = [message for run in event_mesh.build(*DAYS) if not run.success for message in run.messages]
    assert len(said) == 1
    assert said[0].startswith(f"{state}: what library.readers@1 was folded to is damaged: IO Error: ")
    assert said[0].endswith(" Fold it again: dagmesh replay library.readers@1")

    assert dagmesh("replay", "library.readers").exit_code == 0
    assert [row[:1] + row[3:] for row in event_mesh.rows("library.readers")] == [("r1", "Bath", 3), ("r2", "York", 3), ("r3", "Bath", 3)]
    assert dagmesh("replay", "library.readers", "--compare").exit_code == 0


def test_compare_says_what_a_changed_definition_changes_and_keeps_nothing(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    newest, files = event_mesh.lake.table(READERS).newest, sorted(event_mesh.private.glob("projections/*/*"))
    same = dagmesh("replay", "library.readers", "--compare")
    event_mesh.change("domains/library/library/products/readers.py", 'dm.count("BookBorrowed")', 'dm.sum(BookBorrowed="weeks")')
    event_mesh.change("domains/library/library/products/readers.py", "of=reader)", "of=reader, where=\"reader_id <> 'r3'\")")

    result, as_json = dagmesh("replay", "library.readers", "--compare"), dagmesh("replay", "library.readers", "--compare", "--json")

    assert (same.exit_code, same.output) == (0, f"library.readers@1#{newest}: a replay of events up to 13 changes nothing.\n")
    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert result.output.splitlines() == [
        f"library.readers@1#{newest}: a replay of events up to 13 changes it.",
        "  0 rows new, 1 rows gone, cells changed: 1 of loans",
        "",
        "2 of 2 changes, by key:",
        "change   key           column  published  replayed",
        "changed  reader_id=r2  loans           3         6",
        "gone     reader_id=r3",
    ]
    said = json.loads(as_json.stdout)
    assert (said["rows_new"], said["rows_gone"], said["cells_changed"]) == (0, 1, {"loans": 1})
    assert said["first"][0] == {"what": "changed", "key": {"reader_id": "r2"}, "column": "loans", "before": 3, "after": 6}
    assert event_mesh.lake.table(READERS).newest == newest
    assert [path for path in sorted(event_mesh.private.glob("projections/*/*")) if path not in files] == []


def test_rows_are_shown_as_believed_and_as_true_at_a_time(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built(DAYS[0])
    believed = event_mesh.lake.table(READERS).snapshot().publication.published_at
    event_mesh.hand_over(DAYS[1], [event(50, DAYS[0], "ReaderMoved", "r1", town="Leeds")])  # it comes a day late
    event_mesh.build(*DAYS[:2])

    def towns(*options: str) -> list[str]:
        return [row["town"] for row in json.loads(dagmesh("replay", "library.readers", "--json", *options).stdout)]

    assert towns("--known-at", believed.isoformat()) == ["Bath", "Bath", "Bath"]
    assert towns("--known-at", "6") == ["Bath", "Bath", "Bath"]
    assert towns("--known-at", "7") == ["Leeds", "Bath", "Bath"]
    assert towns("--valid-at", DAYS[0]) == ["Leeds", "Bath", "Bath"]
    assert towns("--valid-at", "2026-02-28T23:00:00Z") == []
    assert dagmesh("replay", "library.towns", "--valid-at", DAYS[0]).output.splitlines() == ["town  readers", "Bath        3"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["library.letters", "--compare"],
            2,
            "library.letters@1 is a function over events and keeps nothing to compare; run it: dagmesh replay library.letters@1",
        ),
        (
            ["library.loans"],
            4,
            "library.loans@1 has no snapshot yet, so no days to make again. Make it: dagmesh backfill library --from ...",
        ),
        (["reports.addressed"], 2, "reports has no event store on this machine ({home}/reports/events). Run this where reports is kept."),
        (["library.readers", "--valid-at", "2026-03-01T08:00"], 2, "'2026-03-01T08:00' has no zone; write 2026-03-01T08:00Z for UTC."),
        (["library.readers", "--json"], 2, "--json is of --compare, --known-at or --valid-at; a replay that publishes prints nothing."),
        (
            ["library.readers", "--compare", "--known-at", "3"],
            2,
            "--compare is with the rows of today; leave out --known-at and --valid-at.",
        ),
    ],
)
def test_what_cannot_be_replayed_is_said(event_mesh: EventMesh, arguments: list[str], code: int, message: str) -> None:
    event_mesh.store().close()

    result = dagmesh("replay", *arguments)

    assert (result.exit_code, result.stderr.strip().splitlines()[-1].removeprefix("Error: ").split("': ")[-1]) == (
        code,
        message.format(home=event_mesh.root / ".dagmesh/home"),
    )


def test_who_does_not_own_the_store_may_not_replay(event_mesh: EventMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    event_mesh.store().close()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as for a user who is not root

    result = dagmesh("replay", "library.readers", "--compare")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("the events of library are private to its owner, who alone can open ")
    assert not Path(event_mesh.private / "projections").exists()
