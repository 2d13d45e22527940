"""What is stale, and why: decided from files, code and the lake, day by day."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable
from tests.orchestrate.graph import DAYS, EVENTS, FILES, PLACES, READINGS, TOTALS, Graph, numbers

from dagmesh.cli import main
from dagmesh.orchestrate.nodes import State

D1, D2, D3, D4, D5, *_ = DAYS
CHECKED = ("sensors", "checked")
CHECKED_EVENTS = '''

@dg.asset(partitions_def=dm.daily("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run())
def checked(events):
    """The events again."""
    return events
'''


def waits(graph: Graph, key: tuple[str, str], *days: object) -> list[str]:
    return [wait.words for wait in graph.state(key, *days).waiting.values()]


def test_a_day_with_a_new_file_is_stale_and_one_without_waits_for_it(graph: Graph) -> None:
    graph.export(D1, 10)

    state = graph.state(EVENTS, D1, D2)

    assert (state.days, state.reason) == ((D1,), "not published yet")
    folder = graph.mesh.mesh.home / "exports" / "sensors"
    assert waits(graph, EVENTS, D1, D2) == [f"sensors's events 2026-11-02 waits for {folder}/2026-11-02.jsonl"]


def test_what_was_made_of_the_same_is_not_stale(graph: Graph) -> None:
    graph.make_all(D1, D2)

    assert [graph.state(key, D1, D2) for key in (EVENTS, READINGS, TOTALS)] == [State()] * 3


def test_a_changed_file_makes_exactly_its_day_stale(graph: Graph) -> None:
    graph.make_all(D1, D2, D3)

    graph.export(D2, 99)

    state = graph.state(EVENTS, D1, D2, D3)
    assert (state.days, state.reason) == ((D2,), "inputs, code or contract changed")


def test_changed_rows_make_exactly_their_day_stale(graph: Graph) -> None:
    graph.make_all(D1, D2, D3)

    graph.export(D2, 99)
    graph.make(EVENTS, D2)

    assert graph.state(READINGS, D1, D2, D3).days == (D2,)
    assert graph.state(TOTALS, D1, D2, D3).days == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("avg(degrees)::BIGINT", "max(degrees)"),
        ("ge=0", "ge=1"),
        ('description="Mean temperature."', 'description="Highest temperature."'),
    ],
)
def test_changed_code_or_a_changed_contract_makes_every_day_stale(graph: Graph, before: str, after: str) -> None:
    graph.make_all(D1, D2)

    graph.mesh.change(FILES["readings"], before, after)

    assert graph.state(READINGS, D1, D2).days == (D1, D2)
    assert not graph.state(TOTALS, D1, D2).stale


def test_changed_code_of_a_private_table_makes_every_day_of_it_stale(graph: Graph) -> None:
    graph.make_all(D1, D2)

    graph.mesh.change(FILES["sources"], "Readings by the day", "All readings by the day")

    assert graph.state(EVENTS, D1, D2).days == (D1, D2)


def test_a_file_that_goes_after_its_day_was_made_is_not_missed(graph: Graph) -> None:
    graph.make_all(D1)

    (graph.mesh.mesh.home / "exports" / "sensors" / "2026-11-01.jsonl").unlink()

    assert not graph.state(EVENTS, D1).stale
    assert waits(graph, EVENTS, D1) == [""]


def test_a_day_waits_until_its_table_has_it_and_says_so(graph: Graph) -> None:
    graph.make_all(D1)

    assert waits(graph, READINGS, D1, D2) == ["sensors.readings@1 2026-11-02 waits for events"]


def test_a_day_waits_until_the_product_it_reads_has_it_and_says_so(graph: Graph) -> None:
    graph.make_all(D1)

    assert waits(graph, TOTALS, D1, D2) == ["reports.totals@1 2026-11-02 waits for sensors.readings@1#0"]


def test_a_consumer_waits_for_a_product_that_was_never_published(graph: Graph) -> None:
    assert set(waits(graph, TOTALS, D1, D2)) == {"reports.totals@1 waits for sensors.readings@1: it has no snapshot yet."}


def test_a_day_that_the_input_no_longer_keeps_is_not_made_again(graph: Graph) -> None:
    graph.make_all(D1, D2)
    table = graph.mesh.lake.table(graph.nodes[READINGS].product.address)
    table.expire(D2, graph.mesh.lake.signing_key("sensors"), datetime.now(UTC))

    assert not graph.state(TOTALS, D1, D2).stale
    assert waits(graph, TOTALS, D1, D2) == [""]


def test_a_consumer_that_is_not_served_is_told_and_nothing_else_stops(graph: Graph) -> None:
    graph.mesh.change(FILES["readings"], 'serves=["reports"]', "serves=[]")
    graph.make_readings(D1)

    state = graph.state(TOTALS, D1)

    assert not state.stale
    assert state.waiting[D1].words.startswith("reports.totals@1 cannot be made: reports may not read sensors.readings@1")
    assert state.waiting[D1].sources == frozenset()


@pytest.mark.parametrize("damaged", [READINGS, TOTALS])
def test_a_consumer_of_a_snapshot_that_does_not_verify_or_has_one_is_told(graph: Graph, damaged: tuple[str, str]) -> None:
    graph.make_all(D1)
    table = graph.mesh.lake.table(graph.nodes[damaged].product.address)
    forged = DeltaTable(table.place.storage.root)
    forged.create_write_transaction([], mode="append", schema=forged.schema(), partition_by=["read_on"])

    state = graph.state(TOTALS, D1)

    assert not state.stale
    assert [("is not signed" in wait.words, wait.sources) for wait in state.waiting.values()] == [(True, frozenset())]


def test_late_rows_make_the_days_stale_that_they_may_belong_to(graph: Graph) -> None:
    graph.mesh.change(
        FILES["readings"], 'serves=["reports"],', 'serves=["reports"],\n    reads={"events": dm.read("events", late_days=2)},'
    )
    graph.make_all(D1, D2, D3, D4)

    graph.export(D5, 50)
    graph.make(EVENTS, D5)

    assert numbers(graph.state(READINGS, D1, D2, D3, D4, D5).days) == [3, 4, 5]


def test_days_that_look_back_are_stale_with_the_day_they_see(graph: Graph) -> None:
    graph.let_readings_see("days=3")
    graph.make_all(D1, D2, D3, D4, D5)

    graph.export(D2, 99)
    graph.make(EVENTS, D2)

    assert numbers(graph.state(READINGS, D1, D2, D3, D4, D5).days) == [2, 3, 4]


def test_a_whole_product_is_stale_when_any_day_of_its_input_changes(graph: Graph) -> None:
    graph.write_places()
    graph.make_all(D1, D2)
    graph.make(PLACES)
    assert not graph.state(PLACES, D2).stale

    graph.export(D1, 99)
    graph.make(EVENTS, D1)
    graph.make(READINGS, D1)

    assert (graph.state(PLACES, D2).stale, graph.state(PLACES, D2).days) == (True, ())


def test_a_whole_product_that_sees_the_newest_days_is_not_stale_for_an_older_one(graph: Graph) -> None:
    graph.write_places('dm.read("sensors.readings@1", days=1)')
    graph.make_all(D1, D2)
    graph.make(PLACES)

    graph.export(D1, 99)
    graph.make(EVENTS, D1)
    graph.make(READINGS, D1)

    assert not graph.state(PLACES).stale


def test_a_whole_input_does_not_date_a_daily_product_but_makes_it_wait_until_it_covers_the_day(graph: Graph) -> None:
    graph.write_places()
    graph.let_totals_read("places", "reports.places@1")
    graph.export(D1, 10)
    for key, *days in ((EVENTS, D1), (READINGS, D1), (PLACES,), (TOTALS, D1)):
        graph.make(key, *days)

    graph.export(D2, 20)
    for key in (EVENTS, READINGS):
        graph.make(key, D2)

    assert waits(graph, TOTALS, D1, D2) == ["reports.totals@1 2026-11-02 waits for reports.places@1#0"]
    graph.make(PLACES)
    assert graph.state(TOTALS, D1, D2).days == (D2,)


def test_a_refused_day_is_not_stale_while_it_would_be_made_of_the_same(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D2, -5)
    graph.make(EVENTS, D2)
    graph.make(READINGS, D2)

    state = graph.state(READINGS, D1, D2)

    assert not state.stale
    assert state.refused == {D2: "sensors.readings@1 2026-11-02 is refused: degrees >= 0"}


def test_a_refused_day_is_stale_again_once_its_rows_have_changed(graph: Graph) -> None:
    graph.export(D2, -5)
    graph.make(EVENTS, D2)
    graph.make(READINGS, D2)

    graph.export(D2, 5)
    graph.make(EVENTS, D2)

    assert graph.state(READINGS, D2).days == (D2,)
    assert graph.state(READINGS, D2).refused == {}


@pytest.mark.parametrize("mended", [False, True])
def test_what_was_rolled_back_is_not_made_again_of_the_same(graph: Graph, mended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    graph.make_all(D1, D2)
    graph.export(D2, 99)
    graph.make(EVENTS, D2)
    graph.make(READINGS, D2)

    monkeypatch.chdir(graph.mesh.root)
    done = CliRunner().invoke(main, ["rollback", "sensors.readings#0", "--reason", "a sensor was broken"])
    if mended:
        graph.export(D2, 20)
        graph.make(EVENTS, D2)

    assert done.exit_code == 0, done.output
    state = graph.state(READINGS, D1, D2)
    if mended:
        assert (state.days, state.refused) == ((D2,), {})
    else:
        assert (state.days, state.refused) == ((), {D2: "sensors.readings@1 2026-11-02 is refused: rolled back: a sensor was broken"})


def test_a_private_table_of_a_private_table_is_stale_for_the_same_day_only(graph: Graph) -> None:
    graph.mesh.write(FILES["sources"], (graph.mesh.root / FILES["sources"]).read_text() + CHECKED_EVENTS)
    graph.make_all(D1, D2)
    graph.make(CHECKED, D1, D2)
    assert not graph.state(CHECKED, D1, D2).stale

    graph.export(D2, 99)
    graph.make(EVENTS, D2)

    assert graph.state(CHECKED, D1, D2).days == (D2,)
    assert waits(graph, CHECKED, D3) == ["sensors's checked 2026-11-03 waits for events"]


def test_a_private_table_that_looks_back_is_stale_for_the_days_that_see_the_change(graph: Graph) -> None:
    back = 'ins={"events": dg.AssetIn(partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1))}, partitions_def'
    graph.mesh.write(FILES["sources"], (graph.mesh.root / FILES["sources"]).read_text() + CHECKED_EVENTS.replace("partitions_def", back))
    graph.make_all(D1, D2, D3, D4)
    graph.make(CHECKED, D1, D2, D3, D4)

    graph.export(D2, 99)
    graph.make(EVENTS, D2)

    assert numbers(graph.state(CHECKED, D1, D2, D3, D4).days) == [2, 3]


@pytest.mark.parametrize("key", [EVENTS, READINGS])
def test_what_a_run_would_change_is_told_apart_by_what_is_there_and_what_would_be(graph: Graph, key: tuple[str, str]) -> None:
    graph.export(D1, 10)
    graph.make(EVENTS, D1)
    never = graph.nodes[key].changes([D1])

    graph.make(key, D1)
    made = graph.nodes[key].changes([D1])
    graph.export(D1, 99)
    graph.make(EVENTS, D1)
    graph.make(key, D1)

    assert len({str(change) for change in (never, made, graph.nodes[key].changes([D1]))}) == (2 if key == EVENTS else 3)
    assert graph.nodes[key].changes([D1]) == graph.nodes[key].changes([D1])
