"""`dagmesh trace` on a small mesh whose readings are a projection: what it prints, refuses and writes."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.cli.tracing import FIRST, LATE, dagmesh, hand_over, make_tracing_mesh, said, tracing_mesh
from tests.events.sealing import tamper
from tests.small_mesh import SmallMesh, small_mesh

from dagmesh.events.store import EventStore

__all__ = ["small_mesh", "tracing_mesh"]
NORTH = ["sensors.readings", "sensor=north", "read_on=2026-11-18", "degrees"]
DAYS = ("2026-11-18", "2026-11-19")
STEPS = [
    "event  when                  type       subject      contribution  degrees",
    "    1  2026-11-18T08:00:00Z  Read       readings/r1             4        4",
    "    2  2026-11-18T09:00:00Z  Read       readings/r2             9       13",
    "    4  2026-11-18T11:00:00Z  Withdrawn  readings/r2            -9        4",
    "    5  2026-11-18T12:00:00Z  Read       readings/r4             7       11",
]


def test_a_value_is_told_step_by_step(tracing_mesh: SmallMesh) -> None:
    result = dagmesh("trace", "sensors.readings", "sensor=north", "degrees")

    assert result.output.splitlines() == [
        "sensors.readings@1#0: degrees of sensor=north read_on=2026-11-18 is 11 degrees.",
        "",
        *STEPS,
        "",
        "4 of 4 events of 3 things change it; the hash of each is verified; known up to event 5.",
    ]


def test_a_late_event_changes_what_was_true_and_the_next_snapshot_not_what_was_known(tracing_mesh: SmallMesh) -> None:
    published = tracing_mesh.lake.table(_address()).snapshot().publication.published_at
    hand_over(tracing_mesh, *FIRST, LATE)
    tracing_mesh.build("2026-11-18")

    now, then, known, valid = (
        dagmesh("trace", *NORTH, *more).output.splitlines()
        for more in ([], ["--as-of", "0"], ["--known-at", published.isoformat()], ["--valid-at", "2026-11-18T10:00"])
    )

    assert now[3:8] == [
        "    1  2026-11-18T08:00:00Z  Read       readings/r1             4  4",
        "    2  2026-11-18T09:00:00Z  Read       readings/r2             9  13",
        "    6  2026-11-18T10:00:00Z  Withdrawn  readings/r1            -4  9",
        "    4  2026-11-18T11:00:00Z  Withdrawn  readings/r2            -9  no row",
        "    5  2026-11-18T12:00:00Z  Read       readings/r4             7  7",
    ]
    assert then == known
    assert then[2:7] == STEPS
    assert valid[0] == (
        "sensors.readings@1#1: degrees of sensor=north read_on=2026-11-18, had nothing happened after 2026-11-18T10:00:00Z, is 9 degrees."
    )
    assert valid[-1] == "3 of 3 events of 2 things change it; the hash of each is verified; known up to event 6."


def test_a_day_that_was_not_made_again_is_traced_to_the_events_of_its_own_publication(tracing_mesh: SmallMesh) -> None:
    next_day = said(7, "Read", "r7", 8, sensor="north", degrees=1).replace("2026-11-18T", "2026-11-19T")
    tracing_mesh.write(".dagmesh/exports/sensors/2026-11-19.jsonl", f"{next_day}\n")
    tracing_mesh.build("2026-11-18", "2026-11-19")

    first, second = (json.loads(dagmesh("trace", *NORTH[:2], f"read_on={day}", "degrees", "--json").stdout) for day in DAYS)

    assert first["address"] == second["address"] == "sensors.readings@1#1"
    assert (first["value"], first["position"]) == (11, 5)
    assert (second["value"], second["position"]) == (1, 6)


def test_what_was_true_can_be_asked_of_what_was_known(tracing_mesh: SmallMesh) -> None:
    hand_over(tracing_mesh, *FIRST, LATE)
    tracing_mesh.build("2026-11-18")

    both = json.loads(dagmesh("trace", *NORTH, "--as-of", "0", "--valid-at", "2026-11-18T10:00", "--json").stdout)

    assert (both["value"], both["position"], both["valid_at"]) == (13, 5, "2026-11-18T10:00:00Z")


def test_a_product_of_products_is_traced_to_the_rows_it_is_made_of_and_says_where_it_stops(tracing_mesh: SmallMesh) -> None:
    result = dagmesh("trace", "reports.totals", "degrees")

    assert result.output.splitlines() == [
        "reports.totals@1#0: degrees of read_on=2026-11-18 is 31 degrees.",
        "└─ sensors.readings@1#0: 2 rows with read_on=2026-11-18; it stops here: the events of sensors are private to it, and reports may "
        "not trace them; as their owner: --as sensors",
        "   ├─ degrees of sensor=north read_on=2026-11-18 is 11",
        "   └─ degrees of sensor=south read_on=2026-11-18 is 20",
    ]


def test_the_owner_of_the_events_goes_on_into_them(tracing_mesh: SmallMesh) -> None:
    tracing_mesh.change("domains/reports/reports/products/totals.py", "serves=[]", 'serves=["sensors"]')
    tracing_mesh.build("2026-11-18")

    told = dagmesh("trace", "reports.totals", "degrees", "--as", "sensors").output.splitlines()
    complete = json.loads(dagmesh("trace", "reports.totals", "degrees", "--as", "sensors", "--json").stdout)

    assert told[1:] == [
        "└─ sensors.readings@1#0: 2 rows with read_on=2026-11-18",
        "   ├─ degrees of sensor=north read_on=2026-11-18 is 11; 4 events, verified",
        "   └─ degrees of sensor=south read_on=2026-11-18 is 20; 1 event, verified",
        "Step by step: dagmesh trace sensors.readings sensor=north read_on=2026-11-18 degrees --as-of 0",
    ]
    (port,) = complete["inputs"]
    assert [step["value"] for step in port["values"][0]["steps"]] == [4, 13, 4, 11]
    assert dagmesh(*told[-1].removeprefix("Step by step: dagmesh ").split()).output.splitlines()[2:7] == STEPS


def test_without_a_key_in_common_the_trace_stops(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_mesh.root)
    totals = "domains/reports/reports/products/totals.py"
    small_mesh.change(totals, "SELECT read_on,", "SELECT read_on AS day,")
    small_mesh.change(totals, "    read_on: date", "    day: date")
    small_mesh.change(totals, 'partitioned_by="read_on"', 'partitioned_by="day"')
    make_tracing_mesh(small_mesh)

    told = dagmesh("trace", "reports.totals", "degrees").output.splitlines()

    assert told == [
        "reports.totals@1#0: degrees of day=2026-11-18 is 31 degrees.",
        "└─ sensors.readings@1#0; it stops here: no key in common: none of day is handed on unchanged from it",
    ]


REFUSALS = [
    (
        ["sensors.readings", "degrees"],
        2,
        "sensors.readings@1#0 has several rows; say also which of: sensor=north read_on=2026-11-18; sensor=south read_on=2026-11-18.",
    ),
    (["sensors.readings", "sensor=nord", "degrees"], 4, "sensors.readings@1#0 has no row with sensor=nord. Did you mean 'north'?"),
    (
        ["sensors.readings", "sensor=north", "degree"],
        2,
        "sensors.readings@1#0 has no column 'degree'; choose sensor, read_on, degrees or highest. Did you mean 'degrees'?",
    ),
    (
        ["sensors.readings", "senso=north", "degrees"],
        2,
        "sensors.readings@1#0 has no column 'senso'; choose sensor, read_on, degrees or highest. Did you mean 'sensor'?",
    ),
    (
        ["sensors.readings", "sensor=north"],
        2,
        "sensors.readings: sensor=north names no column; write one, and the row as column=value: dagmesh show sensors.readings",
    ),
    (
        ["sensors.readings", "read_on=monday", "degrees"],
        2,
        'sensors.readings@1#0: read_on=monday is no value of its column: Conversion Error: invalid date field format: "monday", '
        "expected format is (YYYY-MM-DD).",
    ),
    (
        ["sensors.readings", "sensor=north", "degrees", "--valid-at", "2026-11-18"],
        2,
        "sensors.readings@1#0: what was true at a moment is asked for by all that names a row: sensor, read_on.",
    ),
    (
        [*NORTH, "--valid-at", "2026-11-17"],
        4,
        "sensors.readings@1#0: of what had happened at 2026-11-17T23:59:59.999999+00:00 nothing makes a row with sensor=north "
        "read_on=2026-11-18.",
    ),
    ([*NORTH, "--valid-at", "noon"], 2, "'noon' is no moment; write 2026-11-19, 2026-11-19T12:00 or 2026-11-19T12:00+01:00."),
    ([*NORTH, "--as-of", "0", "--known-at", "2026-11-18"], 2, "sensors.readings: --as-of and --known-at both choose a snapshot; keep one."),
    ([*NORTH, "--as-of", "7"], 4, "sensors.readings@1 has no snapshot #7; the newest is #0: dagmesh history sensors.readings@1"),
    (
        [*NORTH, "--as", "reports"],
        3,
        "the events of sensors are private to it, and reports may not trace them; as their owner: --as sensors",
    ),
    (
        ["reports.totals", "degrees", "--valid-at", "2026-11-18"],
        2,
        "reports.totals@1#0 is made of no events directly, so that nothing says what it was at a moment; leave out --valid-at to see what "
        "it was made of.",
    ),
]


def test_what_cannot_be_traced_is_refused_with_the_next_step(tracing_mesh: SmallMesh) -> None:
    results = [dagmesh("trace", *arguments) for arguments, _, _ in REFUSALS]

    assert [(result.exit_code, result.stderr) for result in results] == [(code, f"{message}\n") for _, code, message in REFUSALS]


def test_a_value_that_the_definition_gives_no_more_is_told_as_both(tracing_mesh: SmallMesh) -> None:
    tracing_mesh.change("domains/sensors/sensors/products/readings.py", 'dm.sum("degrees")', 'dm.sum("degrees + 1")')

    result = dagmesh("trace", *NORTH)

    assert result.exit_code == 2
    assert re.sub(r"[0-9a-f]{16}", "<digits>", result.stderr) == (
        "sensors.readings@1#0: degrees of sensor=north read_on=2026-11-18 is published as 11, and the events up to 5 come to 13; the "
        "definition changed since it was published (then <digits>, now <digits>). "
        "Publish it again: dagmesh run sensors.readings --day 2026-11-18\n"
    )
    assert dagmesh("trace", "sensors.readings", "sensor=north", "highest").exit_code == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_an_event_that_was_changed_is_found_where_it_is_read(tracing_mesh: SmallMesh, sealed: bool) -> None:
    if sealed:
        assert dagmesh("events", "seal", "sensors").exit_code == 0
    store = EventStore(tracing_mesh.root / ".dagmesh/home/sensors/events", "sensors")
    tamper(store, "UPDATE events SET subject = 'readings/r9', hash = x'00' WHERE position = 2")
    path = store.path
    store.close()

    result = dagmesh("trace", *NORTH)
    other = dagmesh("trace", "sensors.readings", "sensor=south", "degrees")

    mend = "Put it back from a backup." if sealed else "Put the file back from a backup."
    assert (result.exit_code, result.stderr) == (
        5,
        f"{path}: event 2, of which the value is made, was changed since it was appended. {mend} "
        "See what else was: dagmesh events verify sensors\n",
    )
    assert other.exit_code == 5  # its event is chained to the one that was changed


def test_only_who_can_open_the_store_traces(tracing_mesh: SmallMesh) -> None:
    store = tracing_mesh.root / ".dagmesh/home/sensors/events"
    store.rename(store.with_name("elsewhere"))

    result = dagmesh("trace", *NORTH)

    assert (result.exit_code, result.stderr) == (
        2,
        f"sensors has no event store on this machine ({store}). Run this where sensors is kept.\n",
    )
    assert "11" in dagmesh("trace", "reports.totals", "degrees").output


def test_a_lost_state_only_takes_longer(tracing_mesh: SmallMesh) -> None:
    before = dagmesh("trace", *NORTH).output
    (folder,) = (tracing_mesh.root / ".dagmesh/home/sensors/projections/readings.v1").iterdir()
    (folder / "things.duckdb").unlink()

    assert dagmesh("trace", *NORTH).output == before


def test_the_page_has_the_steps_and_a_chart_and_nothing_from_elsewhere(tracing_mesh: SmallMesh, tmp_path: Path) -> None:
    hand_over(tracing_mesh, *FIRST)
    file = tmp_path / "trace.html"

    assert dagmesh("trace", *NORTH, "--html", str(file)).exit_code == 0

    text = file.read_text()
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|src=", text)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r'<td class="number">(-?\d+)</td></tr>', text) == ["4", "13", "4", "11"]
    svg = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + len("</svg>")])
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in svg.iter("circle")]
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert dots[1][1] < dots[3][1] < dots[0][1] == dots[2][1]  # higher values are further up


def test_what_a_page_shows_is_text(tracing_mesh: SmallMesh, tmp_path: Path) -> None:
    hand_over(tracing_mesh, *(line.replace("readings/r1", "<b>r1</b>") for line in FIRST[:1]))
    tracing_mesh.build("2026-11-18")
    file = tmp_path / "trace.html"

    dagmesh("trace", *NORTH, "--html", str(file))

    assert "<b>" not in file.read_text()


def _address() -> object:
    from dagmesh.model.address import Address

    return Address.parse("sensors.readings@1")
