"""The mesh's own domain in a small mesh: each read once in mesh.usage, the bill its sum, and nothing made again for nothing."""

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.small_mesh import SmallMesh, small_mesh

from dagmesh.consume.dated_id import dated_id
from dagmesh.consume.read_log import Asking, ReadLog, ReadRecord, Served
from dagmesh.consume.usage.reads import pack_old_days
from dagmesh.errors import AccessRefused
from dagmesh.model.address import Address
from dagmesh.orchestrate.mesh_records import MeshRecords
from dagmesh.orchestrate.resources import LakeResource

__all__ = ["small_mesh"]

MONDAY, TUESDAY = "2026-11-16", "2026-11-17"
DOMAIN = Path(__file__).parents[2] / "domains" / "mesh"
PRICE = {"amount": "0.25", "currency": "EUR", "per": "1000 rows"}


@pytest.fixture
def knowing(small_mesh: SmallMesh) -> Iterator[SmallMesh]:
    """The small mesh with the mesh's own domain, two days of readings, and reads of them on Monday."""
    shutil.copytree(DOMAIN, small_mesh.root / "domains/mesh", ignore=shutil.ignore_patterns("__pycache__"))
    stanza = "  - python_module: {module_name: mesh.definitions, attribute: defs, working_directory: domains/mesh, location_name: mesh}\n"
    small_mesh.write("workspace.yaml", (small_mesh.root / "workspace.yaml").read_text() + stanza)
    for day in (MONDAY, TUESDAY):
        small_mesh.export(day, 10, 20)
    forget_mesh()
    yield small_mesh
    forget_mesh()


def forget_mesh() -> None:
    """Unload the domain, so that the one of this mesh is imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "mesh"]:
        del sys.modules[name]


def read(mesh: SmallMesh, hour: int, reader: str = "reports", rows: int = 1000, outcome: str | None = "complete") -> Asking:
    """A read of Monday, as the service records it; without an outcome its reader was killed."""
    moment = datetime(2026, 11, 16, hour, tzinfo=UTC)
    asking, log = Asking("anna@example.org", "http", dated_id(moment)), ReadLog(mesh.mesh.home)
    log.record(ReadRecord(moment, reader, Address("sensors", "readings", 1, 0), rows=rows, asking=asking, price=PRICE))
    if outcome:
        log.complete(asking.query, Served(2, 64, 5, outcome), moment)
    return asking


def nodes(runs: list) -> dict[str, tuple[str, ...]]:
    return {key[1]: tuple(str(day) for day in run.days) for run in runs for key in run.keys if key[0] == "mesh"}


@pytest.mark.slow
def test_each_read_is_one_row_and_the_bill_is_their_sum(knowing: SmallMesh) -> None:
    for hour in range(5):
        read(knowing, hour, outcome=None if hour == 4 else "complete")
    read(knowing, 6, "sensors")
    log = ReadLog(knowing.mesh.home)
    log.record(
        ReadRecord(datetime(2026, 11, 16, 7, tzinfo=UTC), "reports", Address("sensors", "readings", 1), decision="refused", why="No.")
    )

    assert all(run.success for run in knowing.build(MONDAY, TUESDAY))

    usage = knowing.rows("mesh.usage@1")
    assert sorted(int(row[0].removeprefix(f"{MONDAY}.")) for row in usage) == [1, 3, 5, 7, 9, 10, 12]
    assert [row[-4] for row in usage].count("unfinished") == 1
    charges = [row[-3] for row in usage]
    (bill,) = knowing.rows("mesh.bill@1")
    assert (bill[1:6], bill[6:]) == (("reports", "sensors.readings", 1, "1000 rows", "EUR"), (5, 5000, Decimal("1.250000")))
    assert sum(charges) == bill[-1]


@pytest.mark.slow
def test_only_a_day_of_which_more_is_recorded_is_made_again(knowing: SmallMesh) -> None:
    killed = read(knowing, 9, outcome=None)
    knowing.build(MONDAY, TUESDAY)

    assert knowing.build(MONDAY, TUESDAY) == []  # what the builds themselves read is of another day

    ReadLog(knowing.mesh.home).complete(killed.query, Served(0, 0, 5, "failed"), datetime.now(UTC))
    made = nodes(knowing.build(MONDAY, TUESDAY))
    assert {name: made[name] for name in ("usage_v1", "bill_v1")} == {"usage_v1": (MONDAY,), "bill_v1": (MONDAY,)}
    assert not {"signed_publications", "promises", "said"} & set(made)
    assert (knowing.rows("mesh.usage@1")[0][-4], knowing.rows("mesh.bill@1")) == ("failed", [])

    pack_old_days(ReadLog(knowing.mesh.home), datetime(2026, 11, 20, tzinfo=UTC))
    assert knowing.build(MONDAY, TUESDAY) == []


@pytest.mark.slow
def test_the_principal_is_the_platforms_alone_to_see(knowing: SmallMesh) -> None:
    read(knowing, 9)
    knowing.change("domains/mesh/mesh/products/usage.py", '"orders", "risk"', '"orders", "reports"')
    knowing.build(MONDAY)

    ((shown, purpose),) = [(row[3], row[14]) for row in knowing.rows("mesh.usage@1", "reports")]

    assert knowing.rows("mesh.usage@1")[0][3] == "anna@example.org"
    assert (len(shown), "anna" in shown, purpose) == (64, False, None)


def test_other_domains_do_not_get_the_records(tmp_path: Path) -> None:
    door = MeshRecords(lake=LakeResource(root=str(tmp_path / "lake"), home=str(tmp_path)), domain="orders")

    with pytest.raises(AccessRefused) as refusal:
        door.promises([])

    assert str(refusal.value) == (
        "orders may not read the platform's records, which only the domain 'mesh' does. Read its products: dagmesh list"
    )
