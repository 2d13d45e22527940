"""Nothing that breaks a policy is published: the gate of a real run, and what Dagster shows of it."""

import logging
from collections.abc import Mapping

import dagster as dg
import pytest
from tests.policies.conftest import READINGS_FILE, TODAY, wrong
from tests.small_mesh import SmallMesh, forget

from dagmesh.errors import NotPublished
from dagmesh.orchestrate.instance import install

DAY, NEXT = "2026-01-02", "2026-01-03"
KEY = dg.AssetKey(["sensors", "readings_v1"])
NO_FROST = '''"""Readings are of heated rooms."""
import dagmesh as dm


class NoFrost(dm.Policy):
    """is below 10 degrees in {count} rows; light the stove."""

    def of_publication(self, publication):
        count = publication.count("degrees < 10")
        if count:
            yield dm.Finding("column 'degrees'", count=count)
'''
WAIVER = "policy: {policy}\nproduct: readings\nreason: the plates are printed\napprover: team:federation\nexpires: 2099-12-31\n"
IDENTIFIERS = "platform/policies/shared_identifiers.py"


def run(mesh: SmallMesh, day: str = DAY) -> list[str]:
    """Build the day of all that is stale; what the runs of the sensors' domain that failed say."""
    return [message for ran in mesh.build(day) if not ran.success and ran.domain == "sensors" for message in ran.messages]


def checks(mesh: SmallMesh, key: dg.AssetKey = KEY) -> Mapping[str, dg.AssetCheckEvaluation]:
    """The newest result that Dagster has of each policy's check."""
    forget()
    specs = mesh.mesh.location(key.path[0]).load()().resolve_asset_graph().asset_check_keys  # type: ignore[operator]  # a domain is a callable
    keys = [one for one in specs if one.asset_key == key and one.name.startswith("policy__")]
    with dg.DagsterInstance.from_config(str(install(mesh.mesh.home))) as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        return {one.name.removeprefix("policy__"): record.event.dagster_event.asset_check_evaluation_data for one, record in found.items()}  # type: ignore[union-attr]


def specs(mesh: SmallMesh) -> dg.AssetSpec:
    forget()
    found = mesh.mesh.location("sensors").load()().resolve_all_asset_specs()  # type: ignore[operator]  # a domain is a callable
    return next(spec for spec in found if spec.key == KEY)


def test_a_product_that_keeps_the_policies_is_published_with_a_passed_check_for_each(policed: SmallMesh) -> None:
    policed.export(DAY, 20, 30)

    assert run(policed) == []

    found = checks(policed)
    assert len(policed.rows("sensors.readings")) == 2
    assert all(one.passed for one in found.values())
    assert {"naming", "pii_is_handled", "policies_only_tighten", "waivers_in_order", "breaking_change_needs_major"} <= found.keys()
    assert "sunset_respected" not in found


def test_a_product_that_breaks_a_policy_is_not_published_and_its_check_is_red(policed: SmallMesh) -> None:
    policed.change(READINGS_FILE, 'unit="degrees"', 'unit="\\u200bdegrees"')
    policed.change(READINGS_FILE, '"subject": "orders"', '"subject": "heat"')
    policed.export(DAY, 20, 30)

    messages = "\n".join(run(policed))

    found = {name for name, one in checks(policed).items() if not one.passed}
    assert found == {"tags_from_vocabulary", "utf8"}
    assert messages == (
        "sensors.readings@1: nothing was published; it breaks tags_from_vocabulary, utf8:\n"
        "  tags_from_vocabulary: sensors.readings@1: tags['subject'] 'heat' is not in the mesh's vocabulary; choose campaigns, customers, "
        "delivery, fraud, mesh, newsletter, orders, revenue or spend, or add the word to platform/policies/tags_from_vocabulary.py.\n"
        "  utf8: sensors.readings@1: column 'degrees' holds the character U+200B in its unit, which cannot be seen; "
        "save the file as UTF-8 and write text that everyone can print.\n"
        "See it beside its line: dagmesh check sensors"
    )
    with pytest.raises(NotPublished):
        policed.rows("sensors.readings")


def test_the_check_says_file_and_line(policed: SmallMesh) -> None:
    policed.change(READINGS_FILE, '"subject": "orders"', '"subject": "heat"')
    policed.export(DAY, 20)
    run(policed)

    found = checks(policed)["tags_from_vocabulary"]

    assert f"({READINGS_FILE}:24)" in str(found.metadata["says"].value)
    assert found.severity == dg.AssetCheckSeverity.ERROR


def test_what_is_waived_is_published_and_shown(policed: SmallMesh) -> None:
    policed.change(READINGS_FILE, '"subject": "orders"', '"subject": "heat"')
    policed.write("domains/sensors/waivers/tags_from_vocabulary.readings.yaml", WAIVER.format(policy="tags_from_vocabulary"))
    policed.export(DAY, 20)

    assert run(policed) == []

    waived = "tags_from_vocabulary is waived until 2099-12-31 by team:federation: the plates are printed"
    assert len(policed.rows("sensors.readings")) == 1
    assert waived in str(checks(policed)["tags_from_vocabulary"].metadata["waived"].value)
    assert waived in str(specs(policed).metadata["waivers"].value)


def test_loosening_a_policy_stops_the_domains_products(policed: SmallMesh) -> None:
    policed.write("domains/sensors/policies/naming.py", NO_FROST)
    policed.export(DAY, 20)

    messages = "\n".join(run(policed))

    assert "policies_only_tighten: sensors: replaces naming, a policy of the mesh; give yours another name." in messages
    assert not checks(policed)["policies_only_tighten"].passed


def test_a_policy_of_the_rows_stops_them_before_anyone_sees_them(policed: SmallMesh) -> None:
    policed.write("domains/sensors/policies/no_frost.py", NO_FROST)
    policed.export(DAY, 20, 5)

    messages = "\n".join(run(policed))

    assert "no_frost: sensors.readings@1: column 'degrees' is below 10 degrees in 1 rows; light the stove." in messages
    assert not checks(policed)["no_frost"].passed
    with pytest.raises(NotPublished):
        policed.rows("sensors.readings")


def share_sensors(mesh: SmallMesh) -> None:
    """Let totals have a column `sensor`, the shared identifier that readings has the key of."""
    mesh.change(
        IDENTIFIERS, '"customer_id": Identifier("VARCHAR", "customers.profiles@1"),', '"sensor": Identifier("VARCHAR", "reports.totals@1"),'
    )
    totals = "domains/reports/reports/products/totals.py"
    mesh.change(totals, "    degrees: int", '    sensor: str = dm.field(key=True, description="Name on the housing.")\n    degrees: int')
    mesh.change(totals, "GROUP BY read_on", "GROUP BY read_on, sensor")
    mesh.change(totals, "SELECT read_on", "SELECT read_on, sensor")


def test_an_identifier_that_its_owner_does_not_know_warns_and_is_published(policed: SmallMesh) -> None:
    share_sensors(policed)
    policed.export(DAY, 20)
    run(policed)
    first = checks(policed)["identifiers_resolve"]
    policed.export(NEXT, 20, 30, 40)

    assert run(policed, NEXT) == []

    second = checks(policed)["identifiers_resolve"]
    assert len(policed.rows("sensors.readings")) == 4
    assert first.passed
    assert first.description == "column 'sensor' was not held against reports.totals@1, which has published nothing that can be trusted."
    assert (second.passed, second.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert second.description == (
        "sensors.readings@1: column 'sensor' 2 values are not in reports.totals@1; ask its owner whether they are late or wrong."
    )


def test_a_breaking_change_needs_a_major(policed: SmallMesh) -> None:
    policed.export(DAY, 20)
    run(policed)
    policed.change(READINGS_FILE, "degrees: int = dm.field(ge=0,", "degrees: int | None = dm.field(")
    policed.change(READINGS_FILE, '"1.0.0"', '"1.1.0"')

    found = {one.rule: one for one in wrong(policed)}

    assert found.keys() == {"breaking_change_needs_major"}
    assert found["breaking_change_needs_major"].line == 18
    assert found["breaking_change_needs_major"].message.startswith(
        "sensors.readings@1: version breaks what its readers were promised: sensors.readings 1.0.0 -> 1.1.0 "
    )
    assert "reports.totals reads it" in found["breaking_change_needs_major"].message


def test_a_product_that_is_read_is_not_taken_away(policed: SmallMesh) -> None:
    policed.export(DAY, 20)
    run(policed)
    (policed.root / READINGS_FILE).unlink()

    found = [one for one in wrong(policed) if one.rule == "sunset_respected"]

    assert [(one.address, one.message) for one in found] == [
        (
            "sensors",
            "sensors: takes away what is published: sensors.readings@1 may not be removed: it has no sunset. "
            "Publish it once more with sunset=date(...), the day by which its readers are to be gone.",
        )
    ]


def test_a_code_location_with_a_product_that_breaks_a_policy_loads_and_says_so(
    policed: SmallMesh, caplog: pytest.LogCaptureFixture
) -> None:
    policed.change(READINGS_FILE, '"subject": "orders"', '"subject": "heat"')

    with caplog.at_level(logging.WARNING, "dagmesh.policies"):
        shown = str(specs(policed).metadata["policies"].value)

    assert "tags_from_vocabulary: sensors.readings@1: tags['subject'] 'heat' is not" in shown
    assert f"tags_from_vocabulary: {READINGS_FILE}:24: sensors.readings@1" in caplog.text


def test_loading_a_code_location_does_not_look_into_the_lake_for_policies(policed: SmallMesh) -> None:
    from dagmesh.consume.policies import Judge
    from dagmesh.model.policy_files import load_policies

    policed.export(DAY, 20)
    run(policed)
    policed.change(READINGS_FILE, "degrees: int = dm.field(ge=0,", "degrees: int | None = dm.field(")
    forget()
    domain = policed.mesh.location("sensors").load()
    held = load_policies(policed.root, "sensors")

    def broken(lake: object) -> list[str]:
        judge = Judge.of(policed.mesh, domain, held, TODAY, lake, {})  # type: ignore[arg-type]  # None or a lake
        return [one.policy for product in domain.products for one in judge.of_product(product)]

    assert broken(None) == []
    assert broken(policed.lake) == ["breaking_change_needs_major"]
