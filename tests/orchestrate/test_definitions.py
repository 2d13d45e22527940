"""A domain as Dagster sees it: its keys are its own, every rule is a check, and what cannot be read is said by name."""

import itertools
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from tests.small_mesh import SmallMesh

from dagmesh.errors import DefinitionError
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.domain import DagsterDomain

ROOT = Path(__file__).parents[2]
DOMAINS = [location.name for location in Mesh.find(ROOT).locations]
OF_THE_PLATFORM = {"schema__columns", "promise__min_completeness", "history__row_count", "expected_by_others"}
READINGS = "domains/sensors/sensors/products/readings.py"


def domain(name: str) -> DagsterDomain:
    found = Mesh.find(ROOT).location(name).load()
    assert isinstance(found, DagsterDomain)
    return found


def made(definitions: dg.Definitions) -> list[dg.AssetKey]:
    """The keys that the domain's own code makes."""
    return sorted(definitions.resolve_asset_graph().materializable_asset_keys)


def refused(mesh: SmallMesh) -> str:
    with pytest.raises(DefinitionError) as refusal:
        mesh.mesh.location("sensors").load()()  # type: ignore[operator]  # a domain is a callable for Dagster
    return str(refusal.value)


@pytest.mark.parametrize("name", DOMAINS)
def test_dagster_finds_nothing_wrong_with_a_domain(name: str) -> None:
    dg.Definitions.validate_loadable(domain(name)())


@pytest.mark.parametrize("name", DOMAINS)
def test_every_key_a_domain_makes_begins_with_its_name(name: str) -> None:
    keys = made(domain(name)())

    assert {key.path[0] for key in keys} == {name}
    assert all(len(key.path) == 2 for key in keys)


def test_no_key_is_made_by_two_domains() -> None:
    keys = list(itertools.chain.from_iterable(made(domain(name)()) for name in DOMAINS))

    assert len(keys) == len(set(keys))


def test_what_a_domain_reads_of_another_is_made_there_under_the_same_key() -> None:
    keys = {key for name in DOMAINS for key in made(domain(name)())}
    foreign = {key for name in DOMAINS for key in domain(name)().resolve_asset_graph().external_asset_keys}

    assert foreign
    assert foreign <= keys


@pytest.mark.parametrize("name", DOMAINS)
def test_a_product_has_one_check_for_every_rule_and_those_of_the_platform(name: str) -> None:
    graph = domain(name)().resolve_asset_graph()

    for product in domain(name).products:
        key = dg.AssetKey(product.address.key)
        names = [check.name for check in graph.asset_check_keys if check.asset_key == key]
        checks = sorted(name for name in names if not name.startswith(("expected_by__", "policy__")))
        assert checks == sorted([*(rule.name for rule in product.contract.rules), *OF_THE_PLATFORM]), product.address


@pytest.mark.parametrize("name", DOMAINS)
def test_every_product_can_be_found_by_group_owner_kind_and_tag(name: str) -> None:
    specs = {spec.key: spec for spec in domain(name)().resolve_all_asset_specs()}

    for product in domain(name).products:
        spec = specs[dg.AssetKey(product.address.key)]
        assert (spec.group_name, spec.owners) == (name, [product.owner])
        assert product.form in spec.kinds
        assert spec.tags["dagmesh/product"] == product.name
        assert spec.description is not None
        assert spec.description.splitlines()[0] == product.description


@pytest.mark.parametrize("name", DOMAINS)
def test_a_product_depends_on_everything_it_reads(name: str) -> None:
    graph = domain(name)().resolve_asset_graph()

    own = {product.name: product.address.key for product in domain(name).products}
    for product in domain(name).products:
        parents = graph.get(dg.AssetKey(product.address.key)).parent_keys
        assert len(parents) == len(product.inputs)
        for read in product.inputs:
            assert dg.AssetKey(read.address.key if read.address else own.get(read.source, [name, read.source])) in parents


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_runs_by_itself_in_process_on_the_shared_resources(name: str) -> None:
    definitions = domain(name)()

    sensors = list(definitions.sensors or [])
    assert [(sensor.name, sensor.default_status) for sensor in sensors] == [(f"{name}_daily", dg.DefaultSensorStatus.RUNNING)]
    assert set(definitions.resources or {}) == {"lake", "resolver", "events", "records", "io_manager"}
    assert definitions.resources["resolver"].reader == name
    assert definitions.executor is dg.in_process_executor


def test_a_products_days_are_its_partitions_and_a_whole_product_has_none() -> None:
    graph = domain("orders")().resolve_asset_graph()

    assert isinstance(graph.get(dg.AssetKey(["orders", "orders_v1"])).partitions_def, dg.DailyPartitionsDefinition)
    assert graph.get(dg.AssetKey(["orders", "purchase_patterns_v1"])).partitions_def is None


def test_a_range_of_days_is_one_run() -> None:
    graph = domain("orders")().resolve_asset_graph()

    assert graph.get(dg.AssetKey(["orders", "orders_v1"])).backfill_policy == dg.BackfillPolicy.single_run()


def test_a_parameter_that_names_nothing_is_refused_with_what_there_is(small_mesh: SmallMesh) -> None:
    small_mesh.change(READINGS, "def readings(events:", "def readings(evnts:")
    small_mesh.change(READINGS, "events=events", "events=evnts")

    assert refused(small_mesh) == (
        f"{READINGS}: sensors.readings@1: parameter 'evnts': reads 'evnts', which is no table or product of sensors; "
        "choose events or readings, or name a product in reads. Did you mean 'events'?"
    )


def test_every_parameter_that_names_nothing_is_refused_at_once(small_mesh: SmallMesh) -> None:
    small_mesh.change(
        READINGS, "def readings(events: duckdb.DuckDBPyRelation)", "def readings(a: duckdb.DuckDBPyRelation, b: duckdb.DuckDBPyRelation)"
    )

    assert [line.split(": ")[2] for line in refused(small_mesh).splitlines()] == ["parameter 'a'", "parameter 'b'"]


def test_a_domain_without_tables_says_so(small_mesh: SmallMesh) -> None:
    (small_mesh.root / "domains/sensors/sensors/sources.py").unlink()

    assert "which is no table or product of sensors; choose readings, or name a product in reads." in refused(small_mesh)


def test_a_broken_module_is_dagsters_to_show(small_mesh: SmallMesh) -> None:
    small_mesh.write("domains/sensors/sensors/sources.py", "import no_such_module\n")

    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        small_mesh.mesh.location("sensors").load()()  # type: ignore[operator]  # a domain is a callable for Dagster


def test_a_domain_is_declared_without_dagster_and_defined_without_pandas() -> None:
    code = """
import sys
from pathlib import Path
from dagmesh.model.mesh import Mesh
orders = Mesh.find(Path(sys.argv[1])).location("orders").load()
orders.products
print(sorted({"dagster", "pandas", "pandera", "polars", "duckdb"} & set(sys.modules)))
orders()
print(sorted({"pandas", "pandera", "polars"} & set(sys.modules)))
"""

    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "[]"]
