"""`dagmesh events` and `dagmesh forget` on a store in a small mesh."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, forget, small_mesh

from dagmesh.cli import main
from dagmesh.events.certificate import certifies
from dagmesh.events.event import NewEvent
from dagmesh.events.event_type import EventType
from dagmesh.events.store import EventStore

__all__ = ["small_mesh"]
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
MOVED = EventType(
    "SensorMoved", 1, {"type": "object", "properties": {"keeper": {"type": "string", "x-pii": True}, "room": {"type": "string"}}}
)


def moved(number: int, subject: str) -> NewEvent:
    return NewEvent(f"e{number}", "SensorMoved", subject, NOON, {"keeper": "Ada Lovelace", "room": "B2"})


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh with three events of `sensors`, the working directory in it."""
    monkeypatch.chdir(small_mesh.root)
    store = EventStore(folder(small_mesh), "sensors")
    store.register([MOVED])
    store.append([moved(1, "sensors/1"), moved(2, "sensors/2"), moved(3, "sensors/1")])
    store.close()
    return small_mesh


def folder(mesh: SmallMesh) -> Path:
    return mesh.root / ".dagmesh/home/sensors/events"


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def test_events_are_listed_newest_first_without_their_data(mesh: SmallMesh) -> None:
    result = dagmesh("events", "list", "sensors", "--limit", "2")

    assert result.output.splitlines() == [
        "position  time                  type         version  subject    id",
        "       3  2026-11-19T12:00:00Z  SensorMoved        1  sensors/1  e3",
        "       2  2026-11-19T12:00:00Z  SensorMoved        1  sensors/2  e2",
    ]


def test_a_listing_is_narrowed_by_subject_and_type_and_shows_data_when_asked(mesh: SmallMesh) -> None:
    of_one = json.loads(dagmesh("events", "list", "sensors", "--subject", "sensors/2", "--payload", "--json").stdout)

    assert [(entry["id"], entry["data"]) for entry in of_one] == [("e2", '{"keeper":"Ada Lovelace","room":"B2"}')]
    assert json.loads(dagmesh("events", "list", "sensors", "--type", "SensorLost", "--json").stdout) == []
    assert all("Ada" not in dagmesh("events", "list", "sensors", *more).output for more in ([], ["--json"]))


def test_what_is_sealed_is_verified_with_the_key_of_the_domain(mesh: SmallMesh) -> None:
    store = EventStore(folder(mesh), "sensors")
    head = store.head().hash.hex()[:16]
    store.close()

    assert dagmesh("events", "verify", "sensors").output == (
        f"sensors: 3 events are chained up to {head}; 0 of them sealed in 0 segments, 3 after them.\n"
    )
    sealed, again = dagmesh("events", "seal", "sensors", "--upto", "2"), dagmesh("events", "seal", "sensors", "--upto", "2")
    assert sealed.output.startswith("sensors: events 1 to 2 are sealed in 1 files, signed by ")
    assert again.output == "sensors: nothing to seal up to event 2.\n"
    assert dagmesh("events", "verify", "sensors").output == (
        f"sensors: 3 events are chained up to {head}; 2 of them sealed in 1 segments, 1 after them.\n"
    )


def test_a_damaged_segment_ends_with_the_exit_code_of_what_is_not_trusted(mesh: SmallMesh) -> None:
    dagmesh("events", "seal", "sensors")
    file = folder(mesh) / "segments/1-3.SensorMoved.1.parquet"
    file.write_bytes(file.read_bytes()[:-1])

    result = dagmesh("events", "verify", "sensors")

    assert (result.exit_code, result.stderr) == (5, f"{file}: the file was changed since it was sealed. Put it back from a backup.\n")


def test_a_forgotten_subject_gets_a_signed_certificate_that_does_not_name_it(mesh: SmallMesh) -> None:
    dagmesh("events", "seal", "sensors", "--upto", "2")

    result = dagmesh("forget", "sensors", "sensors/1", "--reason", "erasure asked for")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "sensors: the personal values of sensors/1 cannot be read any more; their key is deleted."
    assert "3 events are chained up to" in result.stdout.splitlines()[1]
    assert result.stderr == ""  # no product is made of these events
    (path,) = (mesh.root / ".dagmesh/home/sensors/certificates").iterdir()
    text, said = path.read_text(), json.loads(path.read_text())
    assert path.name == f"{said['at'][:10]}-{said['subject_sha256']}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (said["positions"], said["reason"], said["key_deleted"], said["products"], said["head"]["position"]) == (
        [1, 3],
        "erasure asked for",
        True,
        [],
        3,
    )
    assert "sensors/1" not in text
    assert "Ada" not in text
    key = mesh.lake.signing_key("sensors").public
    assert certifies(path, "sensors/1", key)
    assert not certifies(path, "sensors/2", key)
    path.write_text(text.replace("asked for", "asked by"))
    assert not certifies(path, "sensors/1", key)
    assert [entry["data"] for entry in json.loads(dagmesh("events", "list", "sensors", "--payload", "--json").stdout)] == [
        '{"keeper":null,"room":"B2"}',
        '{"keeper":"Ada Lovelace","room":"B2"}',
        '{"keeper":null,"room":"B2"}',
    ]


def test_to_forget_twice_says_that_there_was_no_key(mesh: SmallMesh) -> None:
    results = [dagmesh("forget", "sensors", "sensors/1", "--reason", "asked for") for _ in range(2)]

    assert [result.exit_code for result in results] == [0, 0]
    assert "there was no key: it was deleted before, or nothing of theirs is personal." in results[1].stdout
    assert len(list((mesh.root / ".dagmesh/home/sensors/certificates").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["forget", "sensors", "sensors/9", "--reason", "asked for"],
            "sensors has no event of subject 'sensors/9'. See its subjects: dagmesh events list sensors",
        ),
        (["events", "list", "sensor"], "no domain 'sensor' in this mesh; choose sensors or reports. Did you mean 'sensors'?"),
        (
            ["events", "verify", "reports"],
            "reports has no event store on this machine ({home}/reports/events). Run this where reports is kept.",
        ),
    ],
)
def test_a_subject_or_store_that_is_not_there_is_named(mesh: SmallMesh, arguments: list[str], message: str) -> None:
    result = dagmesh(*arguments)

    assert (result.exit_code, result.stderr.strip()) == (2, message.format(home=mesh.root / ".dagmesh/home"))


def test_a_store_that_only_another_can_open_is_refused(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as for a user who is not root

    result = dagmesh("events", "list", "sensors", "--payload")

    assert result.exit_code == 3
    assert result.stderr.startswith("the events of sensors are private to its owner, who alone can open ")
    assert result.stdout == ""
