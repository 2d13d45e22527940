"""A waiver lets one product break one policy until its day is over; one that is not in order is itself a violation."""

from datetime import date

import pytest
from tests.policies.conftest import READINGS_FILE, wrong
from tests.small_mesh import SmallMesh

FILE = "domains/sensors/waivers/naming.readings.yaml"
WAIVER = {
    "policy": "naming",
    "product": "readings",
    "reason": "the plates are printed",
    "approver": "team:federation",
    "expires": "2026-12-31",
}


@pytest.fixture
def sinful(policed: SmallMesh) -> SmallMesh:
    policed.change(READINGS_FILE, "reading_count: int", "order: int")
    return policed


def waive(mesh: SmallMesh, file: str = FILE, **changed: str | None) -> None:
    said = {word: value for word, value in {**WAIVER, **changed}.items() if value is not None}
    mesh.write(file, "".join(f"{word}: {value}\n" for word, value in said.items()))


def blocking(mesh: SmallMesh, **when: date) -> list[str]:
    return [one.rule for one in wrong(mesh, **when) if one.blocks]


def test_a_waived_violation_is_shown_and_does_not_block(sinful: SmallMesh) -> None:
    waive(sinful)

    (found,) = wrong(sinful)

    assert found.rule == "naming"
    assert found.waived == "naming is waived until 2026-12-31 by team:federation: the plates are printed"
    assert not found.blocks


def test_a_waiver_holds_on_its_last_day_and_not_on_the_next(sinful: SmallMesh) -> None:
    waive(sinful)

    assert blocking(sinful, today=date(2026, 12, 31)) == []
    assert blocking(sinful, today=date(2027, 1, 1)) == ["naming", "waivers_in_order"]


def test_a_waiver_is_for_its_own_product_and_policy_only(sinful: SmallMesh) -> None:
    waive(sinful, "domains/sensors/waivers/no_micro_product.readings.yaml", policy="no_micro_product")

    assert blocking(sinful) == ["naming"]


def test_another_domain_cannot_waive(sinful: SmallMesh) -> None:
    waive(sinful, "domains/reports/waivers/naming.readings.yaml")

    assert blocking(sinful) == ["waivers_in_order", "naming"]


NOT_IN_ORDER = {
    "no reason": (
        {"reason": None},
        "sensors.readings: lacks reason; a waiver is YAML with policy, product, reason, approver and expires.",
    ),
    "an unknown word": (
        {"until": "further notice"},
        "sensors.readings: has 'until', which means nothing; a waiver is YAML with policy, product, reason, approver and expires.",
    ),
    "expired": (
        {"expires": "2026-11-20"},
        "sensors.readings: expired on 2026-11-20; mend what it waives, or have it approved again.",
    ),
    "no day": ({"expires": "never"}, "sensors.readings: expires 'never' is not a day; write YYYY-MM-DD."),
    "nobody": (
        {"approver": "me"},
        "sensors.readings: approver 'me' is nobody who can be reached; write team:<name> or an e-mail address.",
    ),
    "another name": (
        {"policy": "utf8"},
        "sensors.readings: is named otherwise than what it waives; call it utf8.readings.yaml.",
    ),
}


@pytest.mark.parametrize(("changed", "message"), NOT_IN_ORDER.values(), ids=NOT_IN_ORDER.keys())
def test_a_waiver_that_is_not_in_order_is_a_violation_and_waives_nothing(
    changed: dict[str, str | None], message: str, sinful: SmallMesh
) -> None:
    waive(sinful, **changed)

    found = {one.rule: one.message for one in wrong(sinful) if one.blocks}

    assert found.keys() == {"naming", "waivers_in_order"}
    assert found["waivers_in_order"] == message


@pytest.mark.parametrize(
    ("policy", "product", "message"),
    [
        ("nameing", "readings", "sensors.readings: waives 'nameing', which is no policy that can be waived. Did you mean 'naming'?"),
        ("naming", "reading", "sensors: waives for 'reading', which is no product of the domain. Did you mean 'readings'?"),
        (
            "breaking_change_needs_major",
            "readings",
            "sensors.readings: waives 'breaking_change_needs_major', which is no policy that can be waived.",
        ),
    ],
)
def test_a_waiver_of_what_is_not_there_or_cannot_be_waived_is_a_violation(
    policy: str, product: str, message: str, policed: SmallMesh
) -> None:
    waive(policed, f"domains/sensors/waivers/{policy}.{product}.yaml", policy=policy, product=product)

    assert [(one.rule, one.message) for one in wrong(policed)] == [("waivers_in_order", message)]


@pytest.mark.parametrize("text", ["- not\n- a mapping\n", "policy: [", ""])
def test_a_file_that_is_no_waiver_is_a_violation(text: str, policed: SmallMesh) -> None:
    policed.write(FILE, text)

    assert blocking(policed) == ["waivers_in_order"]
