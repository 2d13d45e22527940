"""A domain's plain assets are its private tables: found by being there, named and stored by the platform."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from tests.small_mesh import SmallMesh, forget

from dagmesh.errors import DefinitionError
from dagmesh.lake.private import PrivateTable as StoredTable
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.private_assets import PrivateTable, files_state, private_assets, private_tables

SOURCES = "domains/sensors/sensors/sources.py"
MORE = "domains/sensors/sensors/more_sources.py"
HEAD = '''"""More private tables."""
from datetime import date
from pathlib import Path
import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import dagmesh as dm

'''


def domain(mesh: SmallMesh) -> DagsterDomain:
    forget()
    found = mesh.mesh.location("sensors").load()
    assert isinstance(found, DagsterDomain)
    return found


def assets(mesh: SmallMesh) -> dict[str, dg.AssetSpec]:
    """The specs of the domain's private assets by key."""
    return {spec.key.to_user_string(): spec for definition in private_assets(domain(mesh)) for spec in definition.specs}


def tables(mesh: SmallMesh) -> dict[str, PrivateTable]:
    return private_tables("sensors", private_assets(domain(mesh)))


def run(mesh: SmallMesh, *names: str, day: str | None = None) -> dg.ExecuteInProcessResult:
    """What running the private assets of these names, with the domain's own resources, comes to."""
    job = domain(mesh)().resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(["sensors", name]) for name in names]
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(asset_selection=selection, partition_key=day, instance=instance, raise_on_error=False)


def stored(mesh: SmallMesh, name: str) -> StoredTable:
    return mesh.lake.private("sensors").table(name)


def rows(mesh: SmallMesh, name: str, days: Sequence[date] | None = None) -> list[tuple]:
    return sorted(mesh.lake.connect().sql(f"FROM {stored(mesh, name).sql(days)}").fetchall())


def failure(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    assert error is not None
    return (error.cause or error).message


# What they are in Dagster


def test_a_plain_asset_is_named_grouped_and_owned_by_its_domain(small_mesh: SmallMesh) -> None:
    (spec,) = assets(small_mesh).values()

    assert spec.key.path == ["sensors", "events"]
    assert (spec.group_name, spec.owners) == ("sensors", ["team:sensors"])
    assert "private" in spec.kinds
    assert "dagmesh/private" in spec.tags


def test_what_an_asset_says_of_itself_stays(small_mesh: SmallMesh) -> None:
    text = '@dg.asset(owners=["ada@example.com"], kinds={"csv"}, tags={"a": "b"}, description="Places.")\ndef places() -> None: ...\n'
    small_mesh.write(MORE, HEAD + text)

    spec = assets(small_mesh)["sensors/places"]

    assert (spec.owners, spec.description, spec.tags["a"]) == (["ada@example.com"], "Places.", "b")
    assert spec.kinds == {"csv", "private"}


def test_an_asset_with_all_the_kinds_dagster_allows_keeps_them(small_mesh: SmallMesh) -> None:
    small_mesh.write(MORE, HEAD + '@dg.asset(kinds={"csv", "s3", "python"})\ndef places() -> None: ...\n')

    assert assets(small_mesh)["sensors/places"].kinds == {"csv", "s3", "python"}


def test_assets_are_found_in_every_module_but_definitions_products_and_tests(small_mesh: SmallMesh) -> None:
    package = "domains/sensors/sensors"
    for module in ("more_sources", "tests/test_sources", "products/_drafts"):
        small_mesh.write(f"{package}/{module}.py", HEAD + f"@dg.asset\ndef in_{module.split('/')[0]}() -> None: ...\n")
    small_mesh.write(f"{package}/tests/__init__.py", "")

    assert set(assets(small_mesh)) == {"sensors/events", "sensors/in_more_sources"}


def test_a_key_with_a_prefix_of_its_own_is_refused(small_mesh: SmallMesh) -> None:
    small_mesh.write(MORE, HEAD + '@dg.asset(key_prefix="orders")\ndef places() -> None: ...\n')

    with pytest.raises(DefinitionError) as refusal:
        private_assets(domain(small_mesh))

    assert str(refusal.value) == "domains/sensors: orders.places: key: has a prefix of its own; 'sensors' is put before every key."


# What the planner knows of them


def test_the_planner_knows_the_days_the_files_and_the_tables_they_are_made_of(small_mesh: SmallMesh) -> None:
    small_mesh.write(
        MORE,
        HEAD
        + '@dg.asset(deps=[["sensors", "events"]], partitions_def=dm.daily("2026-01-01"))\ndef checked() -> None: ...\n\n\n'
        + "@dg.asset\ndef places() -> None: ...\n",
    )

    found = tables(small_mesh)

    assert {name: table.daily for name, table in found.items()} == {"events": True, "checked": True, "places": False}
    assert {name: dict(table.upstream) for name, table in found.items()} == {"events": {}, "checked": {"events": (0, 0)}, "places": {}}
    assert found["events"].files == f"{small_mesh.mesh.home}/exports/sensors/{{day}}.jsonl"
    assert found["places"].files is None


def test_another_domains_product_is_no_table_of_the_domain(small_mesh: SmallMesh) -> None:
    small_mesh.write(MORE, HEAD + '@dg.asset(deps=[["reports", "totals_v1"], ["sensors", "readings_v1"]])\ndef places() -> None: ...\n')

    assert dict(tables(small_mesh)["places"].upstream) == {}


def test_a_change_of_the_code_makes_the_table_anew_and_no_other(small_mesh: SmallMesh) -> None:
    small_mesh.write(MORE, HEAD + "@dg.asset\ndef places() -> None: ...\n")
    before = tables(small_mesh)

    small_mesh.write(MORE, HEAD + "@dg.asset\ndef places() -> int: ...\n")

    after = tables(small_mesh)
    assert after["places"].made_by != before["places"].made_by
    assert after["events"] == before["events"]


def test_a_change_of_the_code_version_makes_the_table_anew(small_mesh: SmallMesh) -> None:
    made_by = set()
    for version in "12":
        small_mesh.write(
            MORE, HEAD + 'VERSION = Path(f"{__file__}.txt").read_text()\n@dg.asset(code_version=VERSION)\ndef places() -> None: ...\n'
        )
        small_mesh.write(f"{MORE}.txt", version)
        made_by.add(tables(small_mesh)["places"].made_by)

    assert len(made_by) == 2


def test_the_state_of_the_files_changes_with_each_of_them(tmp_path: Path) -> None:
    pattern = f"{tmp_path}/{{day}}-*.csv"
    states = [files_state(pattern, "2026-11-01")]

    for name, content in [("2026-11-01-a", "1"), ("2026-11-01-b", "1"), ("2026-11-01-b", "22"), ("2026-11-02-a", "1")]:
        (tmp_path / f"{name}.csv").write_text(content)
        states.append(files_state(pattern, "2026-11-01"))

    assert states[0] == ""
    assert len(set(states[:-1])) == 4
    assert states[-1] == states[-2]


def test_a_table_without_files_has_no_state_of_files() -> None:
    assert files_state(None, "2026-11-01") == ""


# What they store


@pytest.mark.parametrize(
    "result",
    [
        "lake.connection().sql(\"SELECT 's1' AS sensor, 3 AS floor\")",
        'pd.DataFrame({"sensor": ["s1"], "floor": [3]})',
        'pl.DataFrame({"sensor": ["s1"], "floor": [3]})',
        'pa.table({"sensor": ["s1"], "floor": [3]})',
    ],
)
def test_whatever_table_an_asset_gives_back_is_stored(small_mesh: SmallMesh, result: str) -> None:
    small_mesh.write(MORE, HEAD + f"@dg.asset\ndef places(lake: dm.LakeResource) -> object:\n    return {result}\n")

    done = run(small_mesh, "places")

    assert done.success
    assert rows(small_mesh, "places") == [("s1", 3)]
    (event,) = done.asset_materializations_for_node("places")
    assert event.metadata["dagster/row_count"].value == 1


def test_an_asset_that_gives_back_nothing_stores_nothing(small_mesh: SmallMesh) -> None:
    small_mesh.write(MORE, HEAD + "@dg.asset\ndef places() -> None: ...\n")

    assert run(small_mesh, "places").success
    assert not stored(small_mesh, "places").exists()


def test_a_whole_table_is_replaced_whole(small_mesh: SmallMesh) -> None:
    for floor in (3, 4):
        small_mesh.write(MORE, HEAD + f'@dg.asset\ndef places() -> object:\n    return pa.table({{"floor": [{floor}]}})\n')
        run(small_mesh, "places")

    assert rows(small_mesh, "places") == [(4,)]


def test_a_daily_table_is_replaced_by_day(small_mesh: SmallMesh) -> None:
    for day, *degrees in (("2026-11-01", 10), ("2026-11-02", 20), ("2026-11-01", 11)):
        small_mesh.export(day, *degrees)
        run(small_mesh, "events", day=day)

    found = small_mesh.lake.connect().sql(f"SELECT day::VARCHAR, degrees FROM {stored(small_mesh, 'events').sql()} ORDER BY 1").fetchall()
    assert found == [("2026-11-01", 11), ("2026-11-02", 20)]


def test_a_daily_table_without_a_day_is_refused_with_what_to_add(small_mesh: SmallMesh) -> None:
    small_mesh.write(
        MORE, HEAD + '@dg.asset(partitions_def=dm.daily("2026-01-01"))\ndef places() -> object:\n    return pa.table({"floor": [3]})\n'
    )

    done = run(small_mesh, "places", day="2026-11-01")

    assert "its rows have no column 'day'; give them a DATE column 'day': the UTC day a row belongs to." in failure(done)


def test_an_asset_that_another_takes_as_an_argument_is_given_as_a_relation(small_mesh: SmallMesh) -> None:
    small_mesh.write(
        MORE,
        HEAD
        + '@dg.asset(partitions_def=dm.daily("2026-01-01"))\n'
        + "def warm(events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:\n"
        + "    assert isinstance(events, duckdb.DuckDBPyRelation)\n"
        + '    return dm.sql("SELECT day, degrees FROM events WHERE degrees > 10", events=events)\n',
    )
    for day in ("2026-11-01", "2026-11-02"):
        small_mesh.export(day, 10, 20)
        run(small_mesh, "events", day=day)

    assert run(small_mesh, "warm", day="2026-11-02").success
    assert rows(small_mesh, "warm") == [(date(2026, 11, 2), 20)]


def test_an_export_is_stored_with_how_much_of_it_arrived(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10, 20, announced=4)

    done = run(small_mesh, "events", day="2026-11-01")

    assert stored(small_mesh, "events").completeness([date(2026, 11, 1)]) == 0.5
    (event,) = done.asset_materializations_for_node("events")
    assert (event.metadata["arrived"].value, event.metadata["dagster/row_count"].value) == (0.5, 2)
    assert "dead_letters" not in event.metadata
    assert list((small_mesh.mesh.home / "home" / "sensors" / "dead_letters").iterdir()) == []


def test_the_lines_of_an_export_that_cannot_be_read_are_kept_and_shown(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10, 20, broken=3)

    done = run(small_mesh, "events", day="2026-11-01")

    (event,) = done.asset_materializations_for_node("events")
    letters = Path(str(event.metadata["dead_letters"].value))
    assert event.metadata["rejected_lines"].value == 3
    assert small_mesh.lake.connect().sql(f"SELECT line, reason FROM '{letters}'").fetchall() == [("{", "not JSON")] * 3
    assert oct(letters.stat().st_mode & 0o777) == "0o600"


def test_a_table_is_stored_where_only_its_owner_can_look(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10)

    run(small_mesh, "events", day="2026-11-01")

    assert oct((small_mesh.mesh.home / "home" / "sensors").stat().st_mode & 0o777) == "0o700"


def test_what_a_table_was_made_of_is_remembered(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10)
    run(small_mesh, "events", day="2026-11-01")
    first = stored(small_mesh, "events").fingerprints()

    run(small_mesh, "events", day="2026-11-01")
    again = stored(small_mesh, "events").fingerprints()
    small_mesh.export("2026-11-01", 10, 20)
    run(small_mesh, "events", day="2026-11-01")

    assert again == first
    assert stored(small_mesh, "events").fingerprints() != first
