"""Changes of one contract, each with its effect and its words: the diff's table of tests, and the benchmark's list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tests.model.contract_dicts import (
    Described,
    column,
    patterns,
    renamed_column,
    rule,
    with_column,
    with_rule,
    without_column,
    without_rule,
)

BREAKING, ADDITIVE, DOCUMENTATION = "breaking", "additive", "documentation"


@dataclass(frozen=True)
class Case:
    """One change of the described product `patterns()`, what it does to readers, and how the diff says it."""

    name: str
    effect: str
    words: str
    change: Callable[[Described], object]

    @property
    def before(self) -> Described:
        return patterns()

    @property
    def after(self) -> Described:
        return patterns(self.change)


def columns(name: str, /, **said: object) -> Callable[[Described], object]:
    return lambda product: column(product, name).update(said)


def rules(name: str, /, **said: object) -> Callable[[Described], object]:
    return lambda product: rule(product, name).update(said)


def promised(**said: object) -> Callable[[Described], object]:
    return lambda product: product["promise"].update(said)


def stated(**said: object) -> Callable[[Described], object]:
    return lambda product: product.update(said)


def grain(text: str) -> Callable[[Described], object]:
    return lambda product: product["contract"].update(grain=text)


def all_of(*changes: Callable[[Described], object]) -> Callable[[Described], object]:
    def change(product: Described) -> None:
        for one in changes:
            one(product)

    return change


def nullable(product: Described) -> None:
    column(product, "area")["nullable"] = True
    without_rule(product, "area__not_null")


def required(product: Described) -> None:
    column(product, "note")["nullable"] = False
    product["contract"]["rules"].append({"name": "note__not_null", "kind": "not_null", "columns": ["note"], "severity": "error"})


def choices(*values: str) -> Callable[[Described], object]:
    return all_of(columns("level", choices=list(values)), rules("level__isin", value=list(values)))


def plain_text(product: Described) -> None:
    del column(product, "level")["choices"]
    without_rule(product, "level__isin")


def enumerated(product: Described) -> None:
    column(product, "area")["choices"] = ["1010", "1020"]
    with_rule(product, "area", "isin", ["1010", "1020"])


def reordered(product: Described) -> None:
    product["contract"]["columns"].reverse()


def unit_said(product: Described) -> None:
    column(product, "area")["unit"] = "postcode"


def unit_dropped(product: Described) -> None:
    del column(product, "spend_90d_eur")["unit"]


def priced(**said: str) -> Callable[[Described], object]:
    return lambda product: product["price"].update(said)


COLUMNS = [
    Case("column removed", BREAKING, "removes column 'area'", lambda p: without_column(p, "area")),
    Case("key column removed", BREAKING, "removes column 'category'", lambda p: without_column(p, "category")),
    Case("column renamed", BREAKING, "renames column 'area' to 'region'", lambda p: renamed_column(p, "area", "region")),
    Case("day column renamed", BREAKING, "renames column 'day' to 'sold_on'", lambda p: renamed_column(p, "day", "sold_on")),
    Case(
        "column renamed that others refer to",
        BREAKING,
        "renames column 'spend_90d_eur' to 'gross_90d_eur'",
        lambda p: renamed_column(p, "spend_90d_eur", "gross_90d_eur"),
    ),
    Case("column added", ADDITIVE, "adds column 'city'", lambda p: with_column(p, "city")),
    Case(
        "key column added",
        BREAKING,
        "changes the key from (customer_id, category) to (customer_id, category, city)",
        lambda p: with_column(p, "city", key=True),
    ),
    Case(
        "int becomes float",
        BREAKING,
        "changes the type of column 'orders_90d' from BIGINT to DOUBLE",
        columns("orders_90d", type="DOUBLE", logical_type="number"),
    ),
    Case(
        "number becomes text",
        BREAKING,
        "changes the type of column 'orders_90d' from BIGINT to VARCHAR",
        columns("orders_90d", type="VARCHAR", logical_type="string"),
    ),
    Case(
        "decimal wider",
        BREAKING,
        "changes the type of column 'paid_eur' from DECIMAL(18,2) to DECIMAL(20,2)",
        columns("paid_eur", type="DECIMAL(20,2)"),
    ),
    Case(
        "decimal finer",
        BREAKING,
        "changes the type of column 'paid_eur' from DECIMAL(18,2) to DECIMAL(18,4)",
        columns("paid_eur", type="DECIMAL(18,4)"),
    ),
    Case(
        "moment becomes day",
        BREAKING,
        "changes the type of column 'seen_at' from TIMESTAMP WITH TIME ZONE to DATE",
        columns("seen_at", type="DATE", logical_type="date"),
    ),
    Case(
        "text becomes list",
        BREAKING,
        "changes the type of column 'area' from VARCHAR to VARCHAR[]",
        columns("area", type="VARCHAR[]", logical_type="array"),
    ),
    Case("may be NULL", BREAKING, "lets column 'area' be NULL", nullable),
    Case("never NULL any more", ADDITIVE, "lets column 'note' never be NULL", required),
    Case("key changed", BREAKING, "changes the key from (customer_id, category) to (customer_id)", columns("category", key=False)),
    Case(
        "unit changed", BREAKING, "changes the unit of column 'spend_90d_eur' from 'EUR' to 'cents'", columns("spend_90d_eur", unit="cents")
    ),
    Case("unit dropped", BREAKING, "changes the unit of column 'spend_90d_eur' from 'EUR' to nothing", unit_dropped),
    Case("unit said", DOCUMENTATION, "changes the unit of column 'area' from nothing to 'postcode'", unit_said),
    Case(
        "becomes confidential",
        BREAKING,
        "changes column 'area' from public to confidential, which hides its values from those without a grant",
        columns("area", classification="confidential"),
    ),
    Case(
        "becomes pii",
        BREAKING,
        "changes column 'customer_id' from pseudonymous to pii, which hides its values from those without a grant",
        columns("customer_id", classification="pii"),
    ),
    Case("no longer pii", ADDITIVE, "changes column 'email' from pii to internal", columns("email", classification="internal")),
    Case("becomes internal", ADDITIVE, "changes column 'area' from public to internal", columns("area", classification="internal")),
    Case("mask changed", BREAKING, "changes the mask of column 'email' from hash to partial", columns("email", mask="partial")),
    Case("mask of what nobody hides", DOCUMENTATION, "changes the mask of column 'area' from null to hash", columns("area", mask="hash")),
    Case("mask said as it is by default", DOCUMENTATION, "says the mask of column 'area', which it had", columns("area", mask="null")),
    Case("column described anew", DOCUMENTATION, "changes the description of column 'area'", columns("area", description="Postcode.")),
    Case("other purpose", DOCUMENTATION, "changes the purpose of column 'email'", columns("email", purpose="Letters.")),
    Case("other reason to declassify", DOCUMENTATION, "changes the declassified of column 'area'", columns("area", declassified="Coarse.")),
    Case("columns in another order", DOCUMENTATION, "orders the columns in another way", reordered),
    Case(
        "grain changed",
        BREAKING,
        "changes the grain from 'One row per customer and category, over the last 90 days.' to 'One row per customer.'",
        grain("One row per customer."),
    ),
    Case(
        "grain written otherwise",
        DOCUMENTATION,
        "changes the grain from 'One row per customer and category, over the last 90 days.' to "
        "'one row per customer and category, over the last 90  days'",
        grain("one row per customer and category, over the last 90  days"),
    ),
    Case("contract's name", DOCUMENTATION, "calls the contract Habits, it was Patterns", lambda p: p["contract"].update(name="Habits")),
]

RULES = [
    Case("lower bound up", ADDITIVE, "tightens the rule orders_90d >= 1 to orders_90d >= 2", rules("orders_90d__ge", value=2)),
    Case("lower bound down", BREAKING, "loosens the rule orders_90d >= 1 to orders_90d >= 0", rules("orders_90d__ge", value=0)),
    Case("upper bound up", BREAKING, "loosens the rule orders_90d <= 1000 to orders_90d <= 2000", rules("orders_90d__le", value=2000)),
    Case("upper bound down", ADDITIVE, "tightens the rule orders_90d <= 1000 to orders_90d <= 900", rules("orders_90d__le", value=900)),
    Case(
        "lower bound now outside",
        ADDITIVE,
        "tightens the rule orders_90d >= 1 to orders_90d > 1",
        rules("orders_90d__ge", kind="gt", name="orders_90d__gt"),
    ),
    Case(
        "upper bound now outside",
        ADDITIVE,
        "tightens the rule orders_90d <= 1000 to orders_90d < 1000",
        rules("orders_90d__le", kind="lt", name="orders_90d__lt"),
    ),
    Case(
        "bound outside, but further",
        BREAKING,
        "loosens the rule orders_90d >= 1 to orders_90d > -1",
        rules("orders_90d__ge", kind="gt", name="orders_90d__gt", value=-1),
    ),
    Case(
        "decimal bound down",
        BREAKING,
        "loosens the rule spend_90d_eur >= 0.00 to spend_90d_eur >= -0.01",
        rules("spend_90d_eur__ge", value={"decimal": "-0.01"}),
    ),
    Case(
        "bound by another column",
        BREAKING,
        "loosens: drops the rule paid_eur <= spend_90d_eur",
        lambda p: without_rule(p, "paid_eur__le_spend_90d_eur"),
    ),
    Case(
        "fewer allowed values",
        ADDITIVE,
        "tightens the rule channel is one of 'app', 'web' to channel is one of 'app'",
        rules("channel__isin", value=["app"]),
    ),
    Case(
        "more allowed values",
        BREAKING,
        "loosens the rule channel is one of 'app', 'web' to channel is one of 'app', 'web', 'shop'",
        rules("channel__isin", value=["app", "web", "shop"]),
    ),
    Case(
        "other allowed values",
        BREAKING,
        "changes the rule channel is one of 'app', 'web' to channel is one of 'app', 'shop'",
        rules("channel__isin", value=["app", "shop"]),
    ),
    Case(
        "more values ruled out",
        ADDITIVE,
        "tightens the rule code is none of 'SKU1' to code is none of 'SKU1', 'SKU2'",
        rules("code__notin", value=["SKU1", "SKU2"]),
    ),
    Case("fewer choices", ADDITIVE, "tightens the rule level is one of 'gold', 'silver' to level is one of 'gold'", choices("gold")),
    Case(
        "more choices",
        BREAKING,
        "loosens the rule level is one of 'gold', 'silver' to level is one of 'gold', 'silver', 'tin'",
        choices("gold", "silver", "tin"),
    ),
    Case("choices become text", BREAKING, "loosens: drops the rule level is one of 'gold', 'silver'", plain_text),
    Case("text becomes choices", ADDITIVE, "tightens: adds the rule area is one of '1010', '1020'", enumerated),
    Case(
        "pattern changed",
        BREAKING,
        r"changes the rule code matches '[A-Z]+\d' to code matches '[A-Z]+\d\d'",
        rules("code__matches", value=r"[A-Z]+\d\d"),
    ),
    Case(
        "contained pattern changed",
        BREAKING,
        "changes the rule channel contains '[a-z]' to channel contains '[a-x]'",
        rules("channel__contains", value="[a-x]"),
    ),
    Case(
        "longer prefix",
        ADDITIVE,
        "tightens the rule code startswith 'SKU' to code startswith 'SKU-'",
        rules("code__startswith", value="SKU-"),
    ),
    Case("shorter suffix", BREAKING, "loosens the rule code endswith '1' to code endswith ''", rules("code__endswith", value="")),
    Case("other suffix", BREAKING, "changes the rule code endswith '1' to code endswith '2'", rules("code__endswith", value="2")),
    Case("shorter allowed", BREAKING, "loosens the rule code min_length 4 to code min_length 3", rules("code__min_length", value=3)),
    Case("longer allowed", BREAKING, "loosens the rule code max_length 9 to code max_length 10", rules("code__max_length", value=10)),
    Case("longest shorter", ADDITIVE, "tightens the rule code max_length 9 to code max_length 8", rules("code__max_length", value=8)),
    Case("no longer unique", BREAKING, "loosens: drops the rule code is unique", lambda p: without_rule(p, "code__unique")),
    Case("new rule", ADDITIVE, "tightens: adds the rule orders_90d <> 13", lambda p: with_rule(p, "orders_90d", "ne", 13)),
    Case("only warns", BREAKING, "loosens the rule orders_90d >= 1 from severity error to warn", rules("orders_90d__ge", severity="warn")),
    Case(
        "stops now",
        ADDITIVE,
        "tightens the rule spend_90d_eur >= 0.00 from severity warn to error",
        rules("spend_90d_eur__ge", severity="error"),
    ),
    Case(
        "more may fail",
        BREAKING,
        "loosens the rule spend_90d_eur >= 0.00 from 0.02 to 0.05 of the rows that may break it",
        rules("spend_90d_eur__ge", max_failing=0.05),
    ),
    Case(
        "fewer may fail",
        ADDITIVE,
        "tightens the rule spend_90d_eur >= 0.00 from 0.02 to 0.01 of the rows that may break it",
        rules("spend_90d_eur__ge", max_failing=0.01),
    ),
    Case(
        "some NULLs",
        BREAKING,
        "loosens the rule area is given from 0 to 0.1 of the rows that may break it",
        rules("area__not_null", max_failing=0.1),
    ),
    Case(
        "check dropped",
        BREAKING,
        "loosens: drops the rule 'most_come_back' (Most buyers come back.)",
        lambda p: without_rule(p, "most_come_back"),
    ),
    Case(
        "check says something else",
        BREAKING,
        "changes the rule 'most_come_back' (Most buyers come back.) to 'most_come_back' (Some buyers come back.)",
        rules("most_come_back", description="Some buyers come back."),
    ),
    Case(
        "check's punctuation",
        DOCUMENTATION,
        "changes the description of check 'most_come_back'",
        rules("most_come_back", description="most buyers come back"),
    ),
    Case("check row by row", DOCUMENTATION, "changes the row_wise of check 'most_come_back'", rules("most_come_back", row_wise=True)),
    Case(
        "check of other columns",
        BREAKING,
        "changes the rule 'most_come_back' (Most buyers come back.) to 'most_come_back' (Most buyers come back.)",
        rules("most_come_back", columns=["orders_90d", "area"]),
    ),
]

PROMISES = [
    Case(
        "later hour", BREAKING, "loosens the promised hour from 08:00 Europe/Vienna to 09:00 Europe/Vienna", promised(available_by="09:00")
    ),
    Case(
        "earlier hour",
        ADDITIVE,
        "tightens the promised hour from 08:00 Europe/Vienna to 06:30 Europe/Vienna",
        promised(available_by="06:30"),
    ),
    Case("same hour further west", BREAKING, "loosens the promised hour from 08:00 Europe/Vienna to 08:00 UTC", promised(timezone="UTC")),
    Case(
        "same moment in winter, later in summer",
        BREAKING,
        "loosens the promised hour from 08:00 Europe/Vienna to 07:00 UTC",
        promised(available_by="07:00", timezone="UTC"),
    ),
    Case(
        "earlier for some weeks in spring",
        ADDITIVE,
        "tightens the promised hour from 08:00 Europe/Vienna to 02:00 America/New_York",
        promised(available_by="02:00", timezone="America/New_York"),
    ),
    Case(
        "earlier in winter, same moment in summer",
        ADDITIVE,
        "tightens the promised hour from 08:00 Europe/Vienna to 06:00 UTC",
        promised(available_by="06:00", timezone="UTC"),
    ),
    Case(
        "same moments all year",
        DOCUMENTATION,
        "says in other words the promised hour from 08:00 Europe/Vienna to 08:00 Europe/Berlin",
        promised(timezone="Europe/Berlin"),
    ),
    Case("longer lag", BREAKING, "loosens the promised max_lag from 24h to 72h", promised(max_lag="72h")),
    Case("shorter lag", ADDITIVE, "tightens the promised max_lag from 24h to 4h", promised(max_lag="4h")),
    Case("lag in days", DOCUMENTATION, "says in other words the promised max_lag from 24h to 1d", promised(max_lag="1d")),
    Case("less complete", BREAKING, "loosens the promised min_completeness from 0.95 to 0.9", promised(min_completeness=0.9)),
    Case("more complete", ADDITIVE, "tightens the promised min_completeness from 0.95 to 0.99", promised(min_completeness=0.99)),
    Case("kept shorter", BREAKING, "loosens the promised retention from 400d to 9600m", promised(retention="9600m")),
    Case("kept longer", ADDITIVE, "tightens the promised retention from 400d to 800d", promised(retention="800d")),
]

PRODUCT = [
    Case("consumer removed", BREAKING, "no longer serves risk", stated(serves=["marketing"])),
    Case("consumer added", ADDITIVE, "serves finance", stated(serves=["marketing", "risk", "finance"])),
    Case("other days", BREAKING, "changes the partitioning from 'day' to nothing", stated(partitioned_by=None)),
    Case("other files", BREAKING, "changes the format from 'parquet' to 'csv'", stated(output_format="csv")),
    Case("dearer", BREAKING, "raises the price from 100.00 EUR per month to 120 EUR per month", priced(amount="120")),
    Case("cheaper", ADDITIVE, "lowers the price from 100.00 EUR per month to 99 EUR per month", priced(amount="99")),
    Case("billed otherwise", BREAKING, "changes the price from 100.00 EUR per month to 1 EUR per read", priced(amount="1", per="read")),
    Case("free", ADDITIVE, "lowers the price from 100.00 EUR per month to nothing", stated(price=None)),
    Case(
        "price written otherwise",
        DOCUMENTATION,
        "says in other words the price from 100.00 EUR per month to 100 EUR per month",
        priced(amount="100"),
    ),
    Case("sunset earlier", BREAKING, "moves the sunset from '2027-06-30' to '2027-06-29'", stated(sunset=date(2027, 6, 29).isoformat())),
    Case("sunset later", ADDITIVE, "moves the sunset from '2027-06-30' to '2027-07-01'", stated(sunset=date(2027, 7, 1).isoformat())),
    Case("sunset taken back", ADDITIVE, "takes back the sunset '2027-06-30'", stated(sunset=None)),
    Case(
        "expectations accepted",
        ADDITIVE,
        "accepts the expectations of risk.signals",
        stated(accepts=["marketing.segments", "risk.signals"]),
    ),
    Case("expectations no longer accepted", ADDITIVE, "no longer accepts the expectations of marketing.segments", stated(accepts=[])),
    Case("owner", DOCUMENTATION, "changes the owner from 'team:orders' to 'team:shop'", stated(owner="team:shop")),
    Case("support", DOCUMENTATION, "changes the support", stated(support="help@example.org")),
    Case("described anew", DOCUMENTATION, "changes the description", stated(description="Habits.")),
    Case("documentation", DOCUMENTATION, "changes the documentation", stated(documentation="https://example.org/habits")),
    Case("tags", DOCUMENTATION, "changes the tags", stated(tags={"tier": "silver"})),
    Case("inputs", DOCUMENTATION, "changes the inputs", stated(reads=[])),
]

# What the test suite of datacontract-cli 1.2.8 covers of `datacontract breaking` (tests/test_breaking.py, by the names of its cases),
# in our words, as far as our contracts can say it: they have one table, no relationships and no SQL rules.
SUITE = [
    Case("property removed", BREAKING, "removes column 'note'", lambda p: without_column(p, "note")),
    Case("property added", ADDITIVE, "adds column 'region'", lambda p: with_column(p, "region")),
    Case("required dropped", BREAKING, "loosens: drops the rule seen_at is given", lambda p: without_rule(p, "seen_at__not_null")),
    Case(
        "logicalType updated",
        BREAKING,
        "changes the type of column 'area' from VARCHAR to BIGINT",
        columns("area", type="BIGINT", logical_type="integer"),
    ),
    Case("unique added", ADDITIVE, "tightens: adds the rule area is unique", lambda p: with_rule(p, "area", "unique")),
    Case("rename-column", BREAKING, "renames column 'code' to 'codes'", lambda p: renamed_column(p, "code", "codes")),
    Case(
        "date minimum raised",
        ADDITIVE,
        "tightens the rule day >= 2024-01-01 to day >= 2024-02-01",
        lambda p: rule(p, "day__ge").update(value={"date": "2024-02-01"}),
    ),
    Case(
        "date minimum lowered",
        BREAKING,
        "loosens the rule day >= 2024-01-01 to day >= 2023-01-01",
        lambda p: rule(p, "day__ge").update(value={"date": "2023-01-01"}),
    ),
    Case(
        "date maximum added",
        ADDITIVE,
        "tightens: adds the rule day <= 2030-01-01",
        lambda p: with_rule(p, "day", "le", {"date": "2030-01-01"}),
    ),
    Case(
        "timestamp-minimum-raised",
        ADDITIVE,
        "tightens: adds the rule seen_at >= 2024-01-01T00:00:00+00:00",
        lambda p: with_rule(p, "seen_at", "ge", {"timestamp": "2024-01-01T00:00:00+00:00"}),
    ),
    Case("pattern added", ADDITIVE, "tightens: adds the rule area matches '[0-9]+'", lambda p: with_rule(p, "area", "matches", "[0-9]+")),
    Case("pattern removed", BREAKING, r"loosens: drops the rule code matches '[A-Z]+\d'", lambda p: without_rule(p, "code__matches")),
    Case(
        "maximum-replaced-by-higher-exclusive",
        BREAKING,
        "loosens the rule orders_90d <= 1000 to orders_90d < 1002",
        rules("orders_90d__le", kind="lt", name="orders_90d__lt", value=1002),
    ),
    Case("enum removed", BREAKING, "loosens: drops the rule channel is one of 'app', 'web'", lambda p: without_rule(p, "channel__isin")),
    Case("freshness-shorter", ADDITIVE, "tightens the promised max_lag from 24h to 1h", promised(max_lag="1h")),
    Case("freshness-longer", BREAKING, "loosens the promised max_lag from 24h to 25h", promised(max_lag="25h")),
    Case("freshness-same-duration", DOCUMENTATION, "says in other words the promised max_lag from 24h to 1440m", promised(max_lag="1440m")),
    Case("retention", BREAKING, "loosens the promised retention from 400d to 200d", promised(retention="200d")),
    Case("rule-removed", BREAKING, "loosens: drops the rule code min_length 4", lambda p: without_rule(p, "code__min_length")),
    Case(
        "rule-made-warning", BREAKING, "loosens the rule code is unique from severity error to warn", rules("code__unique", severity="warn")
    ),
    Case(
        "less-than-lowered",
        ADDITIVE,
        "tightens the rule 'most_come_back' (Most buyers come back.) from 0.1 to 0.05 of the rows that may break it",
        rules("most_come_back", max_failing=0.05),
    ),
    Case(
        "threshold raised",
        BREAKING,
        "loosens the rule 'most_come_back' (Most buyers come back.) from 0.1 to 0.2 of the rows that may break it",
        rules("most_come_back", max_failing=0.2),
    ),
    Case("key made single", BREAKING, "removes column 'customer_id'", lambda p: without_column(p, "customer_id")),
]

CASES = [*COLUMNS, *RULES, *PROMISES, *PRODUCT, *SUITE]
