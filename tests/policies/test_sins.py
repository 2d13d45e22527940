"""One faulty product file per common sin: each is refused for its own named policy and only for it, in these words."""

from dataclasses import dataclass

import pytest
from tests.policies.conftest import READINGS_FILE, TOTALS_FILE, wrong
from tests.small_mesh import SmallMesh

READINGS, TOTALS = "sensors.readings@1", "reports.totals@1"


@dataclass(frozen=True)
class Sin:
    """A change of a product's file, the policy that it breaks, the line and the whole message."""

    policy: str
    before: str
    after: str
    line: int
    message: str
    file: str = READINGS_FILE


COUNT = 'reading_count: int = dm.field(ge=1, unit="readings", description="How many there were.")'
SINS = {
    "a reserved word for a name": Sin(
        "naming",
        COUNT,
        'order: int = dm.field(ge=1, description="Place of the sensor among all.")',
        13,
        f"{READINGS}: column 'order' is a reserved word of SQL; call it what it is of, for example order_order.",
    ),
    "a number without its unit in the name": Sin(
        "naming",
        COUNT,
        'delay: float = dm.field(unit="hours", description="From the reading to the export.")',
        13,
        f"{READINGS}: column 'delay' does not say its unit, hours; call it delay_hours.",
    ),
    "a bool that is no sentence": Sin(
        "naming",
        COUNT,
        'frozen: bool = dm.field(description="Whether it was below zero all day.")',
        13,
        f"{READINGS}: column 'frozen' is true or false and does not read as a sentence; call it is_frozen or has_frozen.",
    ),
    "a moment as text": Sin(
        "utc_timestamps",
        COUNT,
        'first_read_at: str = dm.field(description="When the first event came in.")',
        13,
        f"{READINGS}: column 'first_read_at' is VARCHAR and is named like a moment; annotate it with datetime, in UTC, or rename it.",
    ),
    "a day that is not named like one": Sin(
        "utc_timestamps",
        COUNT,
        'calibrated: date = dm.field(description="When it was last set.")',
        13,
        f"{READINGS}: column 'calibrated' is DATE and is named like no day; end its name in _on or _date.",
    ),
    "a character that cannot be seen": Sin(
        "utf8",
        '"How many there were."',
        '"How many\\u200b there were."',
        13,
        f"{READINGS}: column 'reading_count' holds the character U+200B in its description, which cannot be seen; "
        "save the file as UTF-8 and write text that everyone can print.",
    ),
    "money as a binary fraction": Sin(
        "decimals_for_money",
        COUNT,
        'cost_eur: float = dm.field(unit="EUR", description="Power used.")',
        13,
        f"{READINGS}: column 'cost_eur' is money and is DOUBLE; "
        'write cost_eur: Decimal = dm.field(unit="EUR", ...), cents are no binary fractions.',
    ),
    "a description that repeats the name": Sin(
        "every_column_described",
        '"How many there were."',
        '"The count of readings."',
        13,
        f"{READINGS}: column 'reading_count' has the description 'The count of readings.', which says no more than the name; "
        "say what the value means, for a stranger.",
    ),
    "support that is nobody": Sin(
        "owner_and_support_reachable",
        'support="sensors@example.org"',
        'support="ask around"',
        22,
        f"{READINGS}: support 'ask around' is nobody who can be asked; "
        "write an e-mail address, #channel, team:<name> or an https:// address.",
    ),
    "a promise of nothing": Sin(
        "promise_present_and_measurable",
        "min_completeness=0.9, max_lag",
        "min_completeness=0.0, max_lag",
        20,
        f"{READINGS}: promise.min_completeness 0.0 is kept by publishing nothing; write a share such as 0.98.",
    ),
    "an e-mail address that is internal": Sin(
        "classification_on_every_column",
        COUNT,
        'keeper_email: str = dm.field(description="Who mends it.")',
        13,
        f"{READINGS}: column 'keeper_email' is classified internal and tells something about a person; "
        'write classification="pii", or declassified="<why it is none>".',
    ),
    "personal data without a mask": Sin(
        "pii_is_handled",
        COUNT,
        'keeper: str = dm.field(classification="pii", purpose="Calling whoever mends it.", description="Who mends it.")',
        13,
        f'{READINGS}: column \'keeper\' is personal data and has no mask; write mask="null", "hash" or "partial".',
    ),
    "a raw table": Sin(
        "no_raw_table",
        '    documentation="https://docs.example.org/sensors/readings",\n',
        "",
        16,
        f"{READINGS}: hands on events column by column as it is, and no documentation says why; publish what consumers need of it, or give "
        "the address of a page that says what the raw table means as documentation=.",
    ),
    "a product of one column": Sin(
        "no_micro_product",
        f"    {COUNT}\n",
        "",
        16,
        f"{READINGS}: contract has 1 column beside its key; a contract is worth at least two. Join it with the product it belongs to, "
        "or ask for a waiver: domains/sensors/waivers/no_micro_product.readings.yaml.",
    ),
    "an identifier of another type": Sin(
        "shared_identifiers",
        COUNT,
        'order_id: int = dm.field(description="Number of the order that it came with.")',
        13,
        f"{READINGS}: column 'order_id' is BIGINT, and in this mesh it is VARCHAR, the key of orders.orders@1; "
        "take that type, or another name when it is another thing.",
    ),
    "a read of a private table": Sin(
        "no_private_dependency",
        "sensors.readings@1",
        "sensors.events@1",
        20,
        f"{TOTALS}: reads['readings'] names sensors.events, a private table of sensors that may change any day; "
        "read one of its products, or ask sensors to publish one.",
        TOTALS_FILE,
    ),
    "an import of another domain": Sin(
        "no_import_of_another_domain",
        "import dagmesh as dm\n",
        "import dagmesh as dm\nimport sensors\n",
        5,
        f"{TOTALS}: import 'sensors' takes the code of another domain, which may change any day; "
        "read a product of sensors, or write the lines you need.",
        TOTALS_FILE,
    ),
    "a link that goes nowhere": Sin(
        "documentation_url_well_formed",
        "https://docs.example.org/sensors/readings",
        "https://wiki/readings",
        23,
        f"{READINGS}: documentation 'https://wiki/readings' names no host that others can reach, but 'wiki'; "
        "write an address such as https://docs.example.org/sensors/readings.",
    ),
    "a tag of one's own": Sin(
        "tags_from_vocabulary",
        '{"subject": "orders"}',
        '{"subject": "order"}',
        24,
        f"{READINGS}: tags['subject'] 'order' is not in the mesh's vocabulary; choose orders, campaigns, customers, delivery, fraud, mesh, "
        "newsletter, revenue or spend, or add the word to platform/policies/tags_from_vocabulary.py.",
    ),
}
RAW = (
    '    return dm.sql(\n        """\n        SELECT sensor, day AS read_on, avg(degrees)::BIGINT AS degrees, count(*) AS reading_count\n'
    '        FROM events\n        GROUP BY ALL\n        """,\n        events=events,\n    )\n'
)


def commit(mesh: SmallMesh, sin: Sin) -> None:
    mesh.change(sin.file, sin.before, sin.after)
    if sin.policy == "no_raw_table":
        mesh.change(sin.file, RAW, "    return events\n")


def test_the_mesh_without_a_sin_breaks_no_policy(policed: SmallMesh) -> None:
    assert wrong(policed) == []


@pytest.mark.parametrize("sin", SINS.values(), ids=SINS.keys())
def test_a_sin_is_refused_for_its_own_policy_only_and_in_these_words(sin: Sin, policed: SmallMesh) -> None:
    commit(policed, sin)

    found = wrong(policed)

    assert [(one.rule, one.severity, one.file) for one in found] == [(sin.policy, "error", sin.file)]
    assert found[0].message == sin.message
    assert found[0].line == sin.line


def test_a_file_that_is_not_utf_8_is_refused(policed: SmallMesh) -> None:
    path = policed.root / READINGS_FILE
    text = "# -*- coding: latin-1 -*-\n" + path.read_text().replace("How many there were", "How many; at most 20 °C")
    path.write_bytes(text.encode("latin-1"))

    found = wrong(policed)

    assert [one.rule for one in found] == ["utf8"]
    assert found[0].message == (f"{READINGS}: {READINGS_FILE} is not UTF-8; save the file as UTF-8 and write text that everyone can print.")
