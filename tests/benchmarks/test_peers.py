"""The mesh of benchmarks/peers at its smallest, dagmesh beside the limit: equal rows, and counts that do not depend on the machine."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.peers.chart import chart
from benchmarks.peers.contenders import CONTENDERS, STEPS
from benchmarks.peers.dbt_models import TESTS
from benchmarks.peers.equality import Digest, Digests, differences, digests
from benchmarks.peers.exports import write_exports
from benchmarks.peers.place import ROOT, Place
from benchmarks.peers.products import PRODUCTS
from benchmarks.peers.report import CHART, PAGES, charted, with_tables
from benchmarks.peers.sqlmesh_models import AUDITS

from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address

DAYS, ORDERS = 4, 2_000
# What each of the 23 rules is in dagmesh's contracts.
RULES = {
    "sales.customers": ["customer_id__unique", "country__isin", "email__matches"],
    "sales.products": ["product_id__unique", "price_eur__gt"],
    "sales.orders": [
        "order_id__unique",
        "customer_id__not_null",
        "amount_eur__ge",
        "status__isin",
        "qty__ge",
        "qty__le",
        "product_id__not_null",
    ],
    "sales.revenue_by_category_day": ["key__unique", "revenue_eur__ge", "is_reconciled__eq"],
    "fulfilment.shipments": ["order_id__not_null", "delivered_at__ge_shipped_at", "carrier__isin"],
    "fulfilment.timelines": ["order_id__unique", "hours_to_ship__ge"],
    "marketing.campaign_conversion": ["conversion_rate__ge", "conversion_rate__le"],
    "customer.purchase_patterns": ["customer_id__unique", "n_orders__ge"],
    "customer.segments": ["segment__isin"],
}


@dataclass(frozen=True)
class Step:
    """What a step came to: the rows of every product, what DuckDB was asked to do, how many commits the lake has, and how many runs
    and events of them Dagster has.
    """

    rows: Digests
    counts: dict[str, int]
    commits: int
    runs: int
    events: int


@dataclass(frozen=True)
class Built:
    """Every step of one contender, and where it built."""

    place: Place
    steps: dict[str, Step]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """The limit and dagmesh, each in a place of its own."""
    folder = tmp_path_factory.mktemp("peers")
    write_exports(folder / "exports", ORDERS, DAYS)
    return {name: Built(place, dict(_steps(name, place, folder))) for name, place in _places(folder)}


def _places(folder: Path) -> Iterator[tuple[str, Place]]:
    for name in ("limit", "dagmesh"):
        place = Place(folder / name, DAYS)
        place.hand_over(folder / "exports")
        yield name, place


def _steps(name: str, place: Place, folder: Path) -> Iterator[tuple[str, Step]]:
    for step in STEPS:
        if step == "one day more":
            place.hand_over_one_day_more(folder / "exports")
        CONTENDERS[name].prepare(place, step)
        command, counts = CONTENDERS[name].command(place, step), folder / f"{name} {step}.json"
        words = [sys.executable, "-m", "benchmarks.peers.counting", str(counts), *command.words[2:]]
        environment = {"PYTHONPATH": str(ROOT), **command.environment}
        done = subprocess.run(words, cwd=command.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        commits = len([*place.folder.glob("lake/*/*/*/_delta_log/*.json")])
        history = place.folder / "dagster/history"
        runs, events = _rows(history / "runs.db", "runs"), sum(_rows(log, "event_logs") for log in history.glob("runs/*.db"))
        yield step, Step(digests(CONTENDERS[name], place), json.loads(counts.read_text()), commits, runs, events)


def _rows(database: Path, table: str) -> int:
    """How many rows a table of Dagster's has; none where the contender has no Dagster."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as con:
        return int(con.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_dagmesh_makes_the_rows_of_the_limit(built: dict[str, Built], step: str) -> None:
    wanted, found = (built[name].steps[step].rows for name in ("limit", "dagmesh"))

    assert all(digest.rows for digest in wanted.values())
    assert differences(wanted, found) == []


@pytest.mark.slow
def test_one_day_more_makes_other_rows(built: dict[str, Built]) -> None:
    full, more = (built["limit"].steps[step].rows for step in ("full", "one day more"))

    unchanged = {name for name, product in PRODUCTS.items() if product.kind == "reference"}
    assert {name for name in PRODUCTS if full[name] == more[name]} == unchanged


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "most"),
    [
        ("full", {"queries": 315, "opened": 620, "row_groups": 140}),
        ("one day more", {"queries": 132, "opened": 395, "row_groups": 80}),
    ],
)
def test_a_build_asks_no_more_of_duckdb_than_it_did(built: dict[str, Built], step: str, most: dict[str, int]) -> None:
    counts = built["dagmesh"].steps[step].counts

    assert {what: count for what, count in counts.items() if count > most[what]} == {}
    assert min(counts.values()) > 0, "nothing was counted"


@pytest.mark.slow
def test_where_nothing_changed_nothing_is_asked(built: dict[str, Built]) -> None:
    assert set(built["dagmesh"].steps["nothing changed"].counts.values()) == {0}


@pytest.mark.slow
def test_a_product_is_committed_once_a_build_and_only_where_it_changes(built: dict[str, Built]) -> None:
    changing = [name for name, product in PRODUCTS.items() if product.kind != "reference"]

    commits = [built["dagmesh"].steps[step].commits for step in STEPS]

    assert commits == [len(PRODUCTS), len(PRODUCTS) + len(changing), len(PRODUCTS) + len(changing)]


@pytest.mark.slow
def test_a_build_is_one_run_of_each_domain(built: dict[str, Built]) -> None:
    runs = [built["dagmesh"].steps[step].runs for step in STEPS]

    assert runs == [4, 8, 8]


@pytest.mark.slow
def test_one_day_more_writes_no_more_events_than_it_did(built: dict[str, Built]) -> None:
    full, more, unchanged = (built["dagmesh"].steps[step].events for step in STEPS)

    assert 0 < more - full <= 1_600
    assert unchanged == more


@pytest.mark.slow
@pytest.mark.parametrize("name", PRODUCTS)
def test_dagmesh_checks_every_rule_of_the_peers(built: dict[str, Built], name: str) -> None:
    lake = Lake(str(built["dagmesh"].place.folder / "lake"), built["dagmesh"].place.folder)

    checks = lake.table(Address.parse(f"{name}@1")).snapshot().publication.checks

    assert set(RULES.get(name, [])) <= {check["name"] for check in checks}


def test_rows_differ_by_an_exact_value_or_by_more_of_a_float_than_adding_up_loses() -> None:
    digest = Digest(2, 17, (2, 48.5, 900.0))

    assert digest.same(Digest(2, 17, (2, 48.5 + 1e-12, 900.0)))
    assert not digest.same(Digest(2, 18, (2, 48.5, 900.0)))
    assert not digest.same(Digest(2, 17, (2, 48.5, 900.01)))


def test_there_are_23_rules_and_the_peers_name_each_products() -> None:
    ruled = {name for name, product in PRODUCTS.items() if product.rules}

    assert sum(len(product.rules) for product in PRODUCTS.values()) == 23
    assert sum(len(tests) for columns in TESTS.values() for tests in columns.values()) + len(["reconciles"]) == 23
    assert set(RULES) == set(AUDITS) == ruled
    assert {name.split(".")[1] for name in ruled} == set(TESTS)


def test_the_chart_and_the_tables_are_made_of_the_results() -> None:
    assert CHART.read_text(encoding="utf-8") == chart(charted())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert "<!-- peers " in text
        assert text == with_tables(text)
