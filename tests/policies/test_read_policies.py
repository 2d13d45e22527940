"""A policy of reads says the same of a read that is declared and of one about to be done."""

from datetime import UTC, datetime

import pytest
from tests.policies.conftest import TODAY, TOTALS_FILE, wrong
from tests.small_mesh import SmallMesh

from dagmesh.consume.connection import connect
from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.read_policies import ReadPolicies
from dagmesh.errors import PolicyViolated
from dagmesh.model.address import Address

READINGS = Address("sensors", "readings", 1)
PURPOSE = '''"""Who reads says why."""
import dagmesh as dm


class PurposeOfReads(dm.Policy):
    """is read for no purpose; write dm.read("{source}", purpose=...)."""

    def of_read(self, read):
        if not read.purpose:
            yield dm.Finding(source=read.source)
'''


@pytest.fixture
def asked(policed: SmallMesh) -> SmallMesh:
    policed.write("platform/policies/purpose_of_reads.py", PURPOSE)
    return policed


def guard(mesh: SmallMesh) -> ReadPolicies:
    return ReadPolicies(mesh.mesh, mesh.lake)


def test_a_read_that_breaks_a_policy_is_refused_in_words(asked: SmallMesh) -> None:
    with pytest.raises(PolicyViolated) as refusal:
        guard(asked).refuse("reports", READINGS, None, TODAY)

    assert refusal.value.policies == ("purpose_of_reads",)
    assert str(refusal.value) == (
        "reports may not read sensors.readings@1; that breaks purpose_of_reads:\n"
        '  purpose_of_reads: sensors.readings@1: is read for no purpose; write dm.read("sensors.readings@1", purpose=...).'
    )


def test_the_declared_read_and_the_read_get_one_verdict(asked: SmallMesh) -> None:
    before = [one.rule for one in wrong(asked)]
    asked.change(TOTALS_FILE, '"sensors.readings@1"', 'dm.read("sensors.readings@1", purpose="Heating.")')

    after = [one.rule for one in wrong(asked)]
    guard(asked).refuse("reports", READINGS, "Heating.", TODAY)

    assert (before, after) == (["purpose_of_reads"], [])


def test_a_domain_reads_its_own_as_it_likes(asked: SmallMesh) -> None:
    guard(asked).refuse("sensors", READINGS, None, TODAY)


def test_an_analyst_is_held_to_the_meshs_policies_too(asked: SmallMesh) -> None:
    with pytest.raises(PolicyViolated):
        guard(asked).refuse("analyst", READINGS, None, TODAY)


def test_a_private_table_is_refused_to_others(policed: SmallMesh) -> None:
    with pytest.raises(PolicyViolated, match="no_private_dependency"):
        guard(policed).refuse("reports", Address("sensors", "events", 1), None, TODAY)


def test_every_reader_is_held_to_them_and_a_refusal_is_recorded(asked: SmallMesh) -> None:
    asked.export("2026-11-01", 10, 20)
    asked.build("2026-11-01")
    since = datetime.now(UTC)

    with pytest.raises(PolicyViolated):
        connect(asked.root, reader="reports").read("sensors.readings@1")
    rows = connect(asked.root, reader="reports", purpose="Heating.").read("sensors.readings@1").fetchall()

    assert len(rows) == 2
    reads = [(read["decision"], read["purpose"]) for read in ReadLog(asked.mesh.home).reads("sensors.readings@1", since)]
    assert reads == [("refused", None), ("allowed", "Heating.")]
    assert asked.lake.latest_major(Address("reports", "totals")) is None  # its run was refused too
