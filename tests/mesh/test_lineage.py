"""What each column is made of is derived when a product is published, signed, and shown in the UI and by the command."""

import base64
import json

import dagster as dg
from click.testing import CliRunner
from tests.small_mesh import SmallMesh, forget

from dagmesh.cli import main
from dagmesh.model.address import Address
from dagmesh.orchestrate.definitions import definitions
from dagmesh.orchestrate.instance import install

TOTALS = "domains/reports/reports/products/totals.py"
MADE_OF = {
    "sensor": [["events", "sensor", "value"]],
    "read_on": [["events", "day", "value"]],
    "degrees": [["events", "degrees", "value"]],
}


def built(mesh: SmallMesh) -> SmallMesh:
    mesh.export("2026-11-01", 10, 20)
    assert all(run.success for run in mesh.build("2026-11-01"))
    return mesh


def lineage(mesh: SmallMesh, name: str):
    return mesh.lake.table(Address(*name.split("."), 1)).snapshot().publication.lineage


def command(mesh: SmallMesh, monkeypatch, *arguments: str):
    monkeypatch.chdir(mesh.root)
    return CliRunner().invoke(main, ["lineage", *arguments])


def test_a_publication_signs_what_each_column_is_made_of(small_mesh) -> None:
    built(small_mesh)

    assert lineage(small_mesh, "sensors.readings") == MADE_OF
    assert lineage(small_mesh, "reports.totals")["degrees"] == [["sensors.readings@1", "degrees", "value"]]


def test_a_product_in_pandas_is_published_without(small_mesh) -> None:
    small_mesh.change(TOTALS, "import duckdb", "import duckdb\nimport pandas as pd")
    small_mesh.change(TOTALS, "def totals(readings: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:", PANDAS)

    assert lineage(built(small_mesh), "reports.totals") == {}


PANDAS = '''def totals(readings: pd.DataFrame) -> pd.DataFrame:
    """Sum the sensors."""
    return readings.groupby("read_on", as_index=False)["degrees"].sum()


def unused(readings):'''


def test_a_materialisation_has_dagsters_column_lineage(small_mesh) -> None:
    built(small_mesh)

    with dg.DagsterInstance.from_config(str(install(small_mesh.mesh.home))) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["reports", "totals_v1"]))
    columns = event.asset_materialization.metadata["dagster/column_lineage"].value.deps_by_column
    assert columns["degrees"] == [dg.TableColumnDep(dg.AssetKey(["sensors", "readings_v1"]), "degrees")]


def test_a_private_table_is_the_domains_asset_in_dagsters_column_lineage(small_mesh) -> None:
    built(small_mesh)

    with dg.DagsterInstance.from_config(str(install(small_mesh.mesh.home))) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["sensors", "readings_v1"]))
    columns = event.asset_materialization.metadata["dagster/column_lineage"].value.deps_by_column
    assert columns["sensor"] == [dg.TableColumnDep(dg.AssetKey(["sensors", "events"]), "sensor")]


def test_the_description_ends_with_a_picture_of_what_was_published(small_mesh) -> None:
    key = dg.AssetKey(["sensors", "readings_v1"])

    def description() -> str:
        forget()
        return definitions(small_mesh.mesh.location("sensors").load()).resolve_asset_graph().get(key).description

    before = description()
    built(small_mesh)

    text, _, picture = description().partition("\n\nWhat each column is made of:\n\n")
    svg = base64.b64decode(picture.partition("base64,")[2].rstrip(")")).decode()
    assert text == before
    assert "events.degrees" in svg
    assert svg.count("<path") == len(MADE_OF)


def test_the_command_shows_a_column_as_a_tree_across_products(small_mesh, monkeypatch) -> None:
    result = command(built(small_mesh), monkeypatch, "reports.totals.degrees")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["reports.totals@1.degrees", "└─ sensors.readings@1.degrees", "   └─ events.degrees"]


def test_the_command_shows_every_column_and_prints_json(small_mesh, monkeypatch) -> None:
    built(small_mesh)

    result = command(small_mesh, monkeypatch, "reports.totals@1")
    printed = command(small_mesh, monkeypatch, "sensors.readings.sensor", "--json")

    assert [line for line in result.stdout.splitlines() if line.startswith("reports")] == [
        "reports.totals@1.read_on",
        "reports.totals@1.degrees",
    ]
    assert json.loads(printed.stdout) == [
        {
            "source": "sensors.readings@1",
            "column": "sensor",
            "way": "value",
            "made_of": [{"source": "events", "column": "sensor", "way": "value", "made_of": []}],
        }
    ]


def test_the_command_names_the_nearest_column_and_says_how_a_column_is_written(small_mesh, monkeypatch) -> None:
    built(small_mesh)

    unknown = command(small_mesh, monkeypatch, "reports.totals.degree")
    nonsense = command(small_mesh, monkeypatch, "degrees")

    assert (unknown.exit_code, unknown.stderr.strip()) == (
        2,
        "reports.totals@1 has no column 'degree'; choose read_on or degrees. Did you mean 'degrees'?",
    )
    assert (nonsense.exit_code, nonsense.stderr.strip()) == (
        2,
        "'degrees' is no column; write <domain>.<product>.<column>, for example orders.purchase_patterns.spend_90d_eur, "
        "or <domain>.<product> for all columns.",
    )


def test_the_command_says_when_there_is_no_lineage(small_mesh, monkeypatch) -> None:
    small_mesh.change(TOTALS, "import duckdb", "import duckdb\nimport pandas as pd")
    small_mesh.change(TOTALS, "def totals(readings: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:", PANDAS)

    result = command(built(small_mesh), monkeypatch, "reports.totals")

    assert (result.exit_code, result.stderr.strip()) == (
        4,
        "reports.totals@1 has no column lineage: products in SQL have one, from the first publication by this dagmesh on, and those "
        "that compute in pandas, Polars or Arrow have none. Publish it: dagmesh run reports.totals",
    )
