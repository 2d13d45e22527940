"""Events are invisible outside their domain: every door that another could try is shut."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from tests.event_mesh import DAYS, NAMES, EventMesh, make_event_mesh
from tests.small_mesh import HOME_SETTINGS, forget

import dagmesh as dm
from dagmesh.cli import main
from dagmesh.consume.catalogue import catalogue
from dagmesh.consume.resolver import Resolver
from dagmesh.errors import AccessRefused, AddressError, NotPublished, QueryRefused
from dagmesh.orchestrate.instance import install

PLAIN = [*NAMES.values(), "ada@example.org"]  # what only payloads, and masked columns of products, have


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventMesh]:
    """The mesh, built and its events sealed; the tests only look."""
    with pytest.MonkeyPatch.context() as patch:
        for name in HOME_SETTINGS:
            patch.delenv(name, raising=False)
        made = make_event_mesh(tmp_path_factory.mktemp("doors") / "mesh")
        patch.chdir(made.root)
        made.handed_over_and_built()
        assert dagmesh("events", "seal", "library", "--upto", "7").exit_code == 0
        (made.private / "dead_letters").mkdir(exist_ok=True, mode=0o700)
        yield made
        forget()


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def places(mesh: EventMesh) -> list[Path]:
    """A segment, a state, the store, the keys."""
    home = mesh.private
    return [
        next(home.glob("events/segments/*.parquet")),
        next(home.glob("projections/readers.v1/*/things.duckdb")),
        home / "events/events.sqlite",
        home / "events/subject_keys.sqlite",
    ]


@pytest.mark.parametrize("reader", ["reports", "analyst", "library"])
@pytest.mark.parametrize("address", ["library.library_events", "library.library_events@1", "library.events", "library.readers.things"])
def test_the_resolver_and_connections_know_no_events(mesh: EventMesh, reader: str, address: str) -> None:
    for read in (Resolver(mesh.lake, reader).resolve, dm.connect(mesh.root, reader=reader).read):
        with pytest.raises((AddressError, NotPublished, AccessRefused)):
            read(address)
    with pytest.raises((QueryRefused, AddressError, NotPublished, AccessRefused)):
        dm.connect(mesh.root, reader=reader).sql(f'SELECT * FROM "{address}"')


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM '{0}'",
        "SELECT * FROM read_parquet('{0}')",
        "SELECT * FROM parquet_scan('{0}')",
        "SELECT * FROM parquet_metadata('{0}')",
        "SELECT * FROM read_blob('{0}')",
        "SELECT * FROM read_text('{0}')",
        "SELECT * FROM glob('{0}*')",
        "SELECT * FROM sqlite_scan('{0}', 'events')",
        "ATTACH '{0}' AS s",
        "SELECT * FROM query('FROM read_blob(''{0}'')')",
        "SELECT * FROM library.readers r, (SELECT * FROM read_blob('{0}')) b",
        "SELECT * FROM projected.things",
        "COPY (SELECT 1) TO '{0}'",
    ],
)
def test_a_query_reaches_no_file_of_the_events(mesh: EventMesh, statement: str) -> None:
    for place in places(mesh):
        before = place.stat().st_size, place.stat().st_mtime_ns

        result = dagmesh("query", statement.format(place))

        assert result.exit_code in (2, 3, 4), result.output
        assert result.stdout == ""
        assert (place.stat().st_size, place.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--json"],
        ["show", "library.readers", "--json"],
        ["show", "library.loans", "--json"],
        ["history", "library.readers", "--json"],
        ["lineage", "library.readers", "--json"],
        ["lineage", "library.letters", "--json"],
        ["board", "--json"],
        ["export", "library.readers"],
        ["events", "list", "library", "--json"],
    ],
)
def test_no_command_about_products_says_what_is_in_an_event(mesh: EventMesh, arguments: list[str]) -> None:
    result = dagmesh(*arguments)

    assert result.exit_code in (0, 4), result.output  # 4: a function over events has no lineage
    assert [text for text in PLAIN if text in result.output] == []


def test_the_catalogue_has_products_only(mesh: EventMesh) -> None:
    listed = [entry["address"] for entry in json.loads(dagmesh("list", "--json").stdout)]

    assert (
        sorted(listed)
        == [str(entry.address) for entry in catalogue(mesh.lake)]
        == [
            "library.letters@1",
            "library.loans@1",
            "library.readers@1",
            "library.towns@1",
            "reports.addressed@1",
        ]
    )


def test_another_domain_cannot_take_a_feed_as_input(mesh: EventMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    other = make_event_mesh(tmp_path / "mesh")
    file = "domains/reports/reports/products/addressed.py"
    text = (other.root / file).read_text()
    for source, parameter, form in [
        ("library.library_events@1", "readers", "dm.Events"),
        ("library.library_events@1", "readers", "duckdb.DuckDBPyRelation"),
        ("library.library_events", "readers", "duckdb.DuckDBPyRelation"),
    ]:
        changed = text.replace("library.readers@1", source).replace("readers: duckdb.DuckDBPyRelation", f"{parameter}: {form}")
        other.write(file, changed)
        other.hand_over(DAYS[0])

        made = [run for run in other.build(DAYS[0]) if "reports" in run.domain and run.success and run.keys]

        assert made == []
        assert not (Path(other.lake.root) / "reports").exists()
    unread = text.replace('reads={"readers": "library.readers@1"}', "reads={}")
    other.write(file, unread.replace("readers: duckdb.DuckDBPyRelation", "library_events: dm.Events"))
    (run,) = [run for run in other.build(DAYS[0]) if run.domain == "reports"]
    assert not run.success
    assert "reads 'library_events', which is no table or product of reports" in run.messages[0]


def test_an_asset_of_another_code_location_gets_no_events(mesh: EventMesh) -> None:
    forget()
    reports: dg.Definitions = mesh.mesh.location("reports").load()()
    library: dg.Definitions = mesh.mesh.location("library").load()()

    @dg.asset(ins={"given": dg.AssetIn(key=dg.AssetKey(["library", "library_events"]))})
    def greedy(given: Any) -> list[tuple]:
        return given.fetchall()

    feed = dg.AssetSpec(dg.AssetKey(["library", "library_events"]))
    said = []
    for resources in (reports.resources, library.resources):
        result = dg.materialize([greedy, feed], resources=dict(resources), selection=[greedy], raise_on_error=False)
        said += [event.step_failure_data.error.cause.message.strip() for event in result.all_events if event.is_step_failure]

    assert [words.split(": ", 1)[1] for words in said] == [
        "reports's private table library_events was never written; run its asset first.",
        "library's private table library_events is a feed and has no rows; a product takes its events by a parameter annotated dm.Events.",
    ]


def test_dagster_shows_no_payload(mesh: EventMesh) -> None:
    folder = install(mesh.mesh.home)
    forget()
    definitions: dg.Definitions = mesh.mesh.location("library").load()()
    seen = [f"{spec} {shown(spec.metadata)}" for spec in definitions.resolve_all_asset_specs()]
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for run in instance.get_runs():
            seen += [entry.to_json() for entry in instance.all_logs(run.run_id)]
        keys = {tuple(key.path) for key in instance.all_asset_keys()}

    assert ("library", "library_events") in keys
    assert len(seen) > 50
    assert [text for text in PLAIN if any(text in one for one in seen)] == []


def shown(value: Any) -> Any:
    """Metadata, taken apart."""
    if isinstance(value, Mapping):
        return {str(name): shown(found) for name, found in value.items()}
    return getattr(value, "value", value)


def test_nobody_else_may_enter_what_a_domain_keeps(mesh: EventMesh) -> None:
    home = mesh.private
    found = {path.relative_to(home).parts[0] for path in home.rglob("*")}
    assert {"events", "projections", "private", "dead_letters"} <= found

    open_folders = [path for path in [home, *home.rglob("*")] if path.is_dir() and path.stat().st_mode & 0o077]
    kept = [path for name in ("events", "projections", "dead_letters") for path in (home / name).rglob("*")]
    open_files = [path for path in kept if path.is_file() and path.stat().st_mode & 0o077]

    assert (open_folders, open_files) == ([], [])
