"""What changed between two versions of a product, and which version that needs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model.contract_changes import ADDITIVE, BREAKING, CASES, DOCUMENTATION, Case
from tests.model.contract_dicts import PRODUCT, Described, column, patterns, renamed_column, rule, with_column, with_rule, without_column
from tests.strategies import contracts, product

from dagmesh.errors import ContractBroken
from dagmesh.model.change import Change
from dagmesh.model.diff import CONTRACT_KEYS, PRODUCT_KEYS, changes, check_version, is_enough, needed_version
from dagmesh.model.diff_columns import COLUMN_KEYS
from dagmesh.model.diff_promise import PRICE_KEYS, PROMISE_KEYS
from dagmesh.model.diff_rules import RULE_KEYS

WORSE = {DOCUMENTATION: 0, ADDITIVE: 1, BREAKING: 2}


OPPOSITE = {"tightens": "loosens", "loosens": "tightens"}


def verbs(found: tuple[Change, ...]) -> list[str]:
    """Which way each change that has one goes."""
    return [verb for change in found if (verb := change.words.split(" ")[0].strip(":")) in OPPOSITE]


def at(version: str, described: Described) -> Described:
    return {**described, "version": version}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_has_its_effect_and_its_words(case: Case) -> None:
    found = changes(case.before, case.after)

    assert (found[0].effect, found[0].words) == (case.effect, case.words)
    assert {change.effect for change in found[1:]} <= {ADDITIVE}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_survives_json(case: Case) -> None:
    before, after = (json.loads(json.dumps(side)) for side in (case.before, case.after))

    assert [change.text for change in changes(before, after)] == [change.text for change in changes(case.before, case.after)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_way_back_is_found_too(case: Case) -> None:
    there, back = changes(case.before, case.after), changes(case.after, case.before)

    assert back
    assert sorted(OPPOSITE.get(verb, verb) for verb in verbs(there)) == sorted(verbs(back))


def test_nothing_changed_is_no_change() -> None:
    assert changes(patterns(), patterns()) == ()


@given(contracts())
def test_a_contract_does_not_differ_from_itself(contract: Any) -> None:
    described = product(contract, None).describe()

    assert changes(described, described) == ()


@given(st.sampled_from(CASES), st.sampled_from(CASES))
def test_of_two_changes_each_is_found(one: Case, other: Case) -> None:
    if one.name == other.name:
        return
    both = patterns(one.change)
    try:
        other.change(both)
    except (StopIteration, AttributeError):  # the one took away what the other changes
        return

    found = changes(patterns(), both)

    # Of whole numbers > 0 is the same as >= 1: the one undoes the other.
    undone = {one.name, other.name} == {"lower bound down", "lower bound now outside"}
    assert found or undone or both == patterns()
    if both == one.after:
        assert [change.text for change in found] == [change.text for change in changes(one.before, one.after)]


@given(st.lists(st.sampled_from(CASES), max_size=4), st.sampled_from(CASES))
def test_one_change_more_never_needs_a_lower_version(some: list[Case], another: Case) -> None:
    found = [change for case in some for change in changes(case.before, case.after)]
    more = [*found, *changes(another.before, another.after)]

    assert is_enough(needed_version("1.2.3", more), needed_version("1.2.3", found))


@pytest.mark.parametrize(
    ("before", "effects", "needed"),
    [
        ("1.2.3", [], "1.2.3"),
        ("1.2.3", [DOCUMENTATION], "1.2.4"),
        ("1.2.3", [DOCUMENTATION, ADDITIVE], "1.3.0"),
        ("1.2.3", [ADDITIVE, BREAKING, DOCUMENTATION], "2.0.0"),
        ("0.9.9", [BREAKING], "1.0.0"),
        ("0.9.9", [ADDITIVE], "0.10.0"),
    ],
)
def test_the_least_version_that_will_do(before: str, effects: list[Any], needed: str) -> None:
    assert needed_version(before, [Change(effect, "", "") for effect in effects]) == needed


@pytest.mark.parametrize("version", ["1.3.0", "1.3.7", "1.10.0", "2.0.0", "10.0.0"])
def test_a_higher_version_than_needed_is_fine(version: str) -> None:
    check_version(patterns(), at(version, patterns(lambda p: with_column(p, "city"))))


def test_removing_a_column_needs_a_major_version() -> None:
    after = at("1.3.0", patterns(lambda p: without_column(p, "category")))

    with pytest.raises(ContractBroken) as refused:
        check_version(patterns(), after, ["marketing.segments"])

    assert str(refused.value) == (
        "orders.purchase_patterns 1.2.0 -> 1.3.0 removes column 'category' (breaking: marketing.segments reads it). "
        "Release 2.0.0, or keep the column."
    )
    assert (refused.value.address, refused.value.needed) == ("orders.purchase_patterns@1", "2.0.0")


def test_several_breaking_changes_are_a_line_each() -> None:
    def change(p: Described) -> None:
        renamed_column(p, "area", "region")
        p["promise"]["max_lag"] = "72h"
        with_column(p, "city")

    with pytest.raises(ContractBroken) as refused:
        check_version(patterns(), patterns(change), ["risk.signals", "marketing.segments"])

    assert str(refused.value) == (
        "orders.purchase_patterns 1.2.0 -> 1.2.0 has 2 changes that need more (breaking: marketing.segments and risk.signals read it):\n"
        "  renames column 'area' to 'region'\n"
        "  loosens the promised max_lag from 24h to 72h\n"
        "Release 2.0.0, or take them back."
    )


def test_an_additive_change_needs_a_minor_version() -> None:
    with pytest.raises(ContractBroken) as refused:
        check_version(patterns(), at("1.2.1", patterns(lambda p: with_column(p, "city"))))

    assert str(refused.value) == (
        "orders.purchase_patterns 1.2.0 -> 1.2.1 adds column 'city' (additive). Release 1.3.0, or take the change back."
    )


def test_a_renamed_column_may_keep_its_name() -> None:
    with pytest.raises(ContractBroken, match=r"renames column 'area' to 'region' \(breaking\)\. Release 2\.0\.0, or keep the name\."):
        check_version(patterns(), patterns(lambda p: renamed_column(p, "area", "region")))


def test_a_version_never_goes_back() -> None:
    with pytest.raises(ContractBroken) as refused:
        check_version(patterns(), at("1.1.9", patterns()))

    assert str(refused.value) == "orders.purchase_patterns 1.2.0 -> 1.1.9 goes back. Release 1.2.0 or a later one."


def test_a_renamed_column_that_changed_besides_is_compared_by_its_new_name() -> None:
    def change(p: Described) -> None:
        renamed_column(p, "spend_90d_eur", "gross_90d_eur")
        rule(p, "gross_90d_eur__ge")["value"] = {"decimal": "-1.00"}

    assert [change.words for change in changes(patterns(), patterns(change))] == [
        "renames column 'spend_90d_eur' to 'gross_90d_eur'",
        "loosens the rule gross_90d_eur >= 0.00 to gross_90d_eur >= -1.00",
    ]


def test_a_column_that_came_for_one_that_went_is_no_new_name_when_it_is_another() -> None:
    def change(p: Described) -> None:
        without_column(p, "area")
        with_column(p, "weight", description="Weight of the parcel.")

    assert [change.words for change in changes(patterns(), patterns(change))] == ["removes column 'area'", "adds column 'weight'"]


def test_a_column_of_a_similar_name_is_a_renamed_one_though_described_anew() -> None:
    def change(p: Described) -> None:
        renamed_column(p, "customer_id", "customers_id")
        column(p, "customers_id")["description"] = "Who bought."

    assert [change.words for change in changes(patterns(), patterns(change))] == [
        "renames column 'customer_id' to 'customers_id'",
        "changes the description of column 'customers_id'",
    ]


def test_a_first_sunset_breaks_nobody() -> None:
    before = patterns(lambda p: p.update(sunset=None))

    (change,) = changes(before, patterns())

    assert (change.effect, change.words) == (ADDITIVE, "announces the sunset '2027-06-30'")


def test_a_publication_from_before_there_were_sunsets_is_compared() -> None:
    def old(p: Described) -> None:
        del p["sunset"], p["accepts"], p["price"]

    assert [change.place for change in changes(patterns(old), patterns())] == ["price", "sunset", "accepts"]


def test_values_are_compared_not_their_spelling() -> None:
    def respelt(p: Described) -> None:
        rule(p, "spend_90d_eur__ge")["value"] = {"decimal": "0"}
        rule(p, "channel__isin")["value"] = ["web", "app"]

    def allowed(*amounts: str) -> Described:
        return patterns(lambda p: with_rule(p, "paid_eur", "isin", [{"decimal": amount} for amount in amounts]))

    assert changes(patterns(), patterns(respelt)) == ()
    assert changes(allowed("1.0", "2"), allowed("2.00", "1")) == ()


def test_moments_are_compared_across_zones() -> None:
    def bound(moment: str) -> Described:
        said = {"name": "seen_at__ge", "kind": "ge", "columns": ["seen_at"], "severity": "error", "value": {"timestamp": moment}}
        return patterns(lambda p: p["contract"]["rules"].append(said))

    noon = bound("2026-01-01T12:00:00+00:00")
    assert changes(noon, bound("2026-01-01T13:00:00+01:00")) == ()
    assert [change.effect for change in changes(noon, bound("2026-01-01T12:30:00+01:00"))] == [BREAKING]


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("orders_90d", ("ge", 1), ("gt", 0)),
        ("orders_90d", ("le", 9), ("lt", 10)),
        ("day", ("ge", {"date": "2026-01-01"}), ("gt", {"date": "2025-12-31"})),
        ("day", ("le", {"date": "2025-12-31"}), ("lt", {"date": "2026-01-01"})),
    ],
)
def test_more_than_nought_is_one_or_more_in_whole_steps(column: str, before: tuple[str, Any], after: tuple[str, Any]) -> None:
    def bound(kind: str, value: Any) -> Described:
        def change(p: Described) -> None:
            p["contract"]["rules"] = []
            with_rule(p, column, kind, value)

        return patterns(change)

    assert changes(bound(*before), bound(*after)) == ()
    assert changes(bound(*after), bound(*before)) == ()


def test_more_than_nought_is_not_one_or_more_where_there_are_parts() -> None:
    before = patterns(lambda p: with_rule(p, "paid_eur", "gt", {"decimal": "0"}))
    after = patterns(lambda p: with_rule(p, "paid_eur", "ge", {"decimal": "1"}))

    assert [change.words for change in changes(after, before)] == ["loosens the rule paid_eur >= 1 to paid_eur > 0"]


def test_nan_is_itself() -> None:
    def bound(p: Described) -> None:
        with_rule(p, "orders_90d", "ne", float("nan"))
        with_rule(p, "paid_eur", "ge", float("nan"))

    assert changes(patterns(bound), patterns(bound)) == ()


def test_a_bound_of_another_type_cannot_be_compared() -> None:
    def day(p: Described) -> None:
        rule(p, "orders_90d__ge")["value"] = {"date": date(2026, 1, 1).isoformat()}

    assert changes(patterns(), patterns(day))[0].words == "changes the rule orders_90d >= 1 to orders_90d >= 2026-01-01"


def test_the_worst_comes_first() -> None:
    def change(p: Described) -> None:
        p["owner"] = "team:shop"
        with_column(p, "city")
        p["serves"] = []

    effects = [change.effect for change in changes(patterns(), patterns(change))]

    assert effects == sorted(effects, key=lambda effect: -WORSE[effect])


def test_every_key_of_a_described_product_is_compared() -> None:
    described = PRODUCT.describe()

    assert set(described) == PRODUCT_KEYS
    assert set(described["contract"]) == CONTRACT_KEYS
    assert set().union(*described["contract"]["columns"]) == COLUMN_KEYS
    assert set().union(*described["contract"]["rules"]) == RULE_KEYS
    assert set(described["promise"]) == PROMISE_KEYS
    assert set(described["price"]) == PRICE_KEYS


def test_every_key_of_a_described_product_changes_something_in_some_case() -> None:
    """What the key tables promise: no key is named and then ignored."""

    def differing(before: Any, after: Any) -> set[str]:
        return {key for key in {*before, *after} if before.get(key) != after.get(key)}

    changed: set[str] = set()
    for case in CASES:
        before, after = case.before, case.after
        changed |= differing(before, after)
        changed |= {f"promise.{key}" for key in differing(before["promise"], after["promise"])}
        changed |= {f"price.{key}" for key in differing(before["price"], after["price"] or {})}
        for kind in ("columns", "rules"):
            now = {said["name"]: said for said in after["contract"][kind]}
            pairs = [(said, now[said["name"]]) for said in before["contract"][kind] if said["name"] in now]
            changed |= {f"{kind}.{key}" for was, is_ in pairs for key in differing(was, is_)}

    assert set(PRODUCT_KEYS) - {"version", "name", "domain"} <= changed
    assert {f"columns.{key}" for key in COLUMN_KEYS - {"name"}} <= changed
    assert {f"rules.{key}" for key in RULE_KEYS - {"name", "kind"}} <= changed
    assert {f"promise.{key}" for key in PROMISE_KEYS} | {f"price.{key}" for key in PRICE_KEYS} <= changed


def test_the_comparison_with_datacontract_is_of_these_changes_and_misses_none_of_its_breaks() -> None:
    found = json.loads((Path(__file__).parents[2] / "benchmarks/results/contract_changes.json").read_text(encoding="utf-8"))

    assert [(case["case"], case["ours"], case["words"]) for case in found["cases"]] == [
        (case.name, case.effect, case.words) for case in CASES
    ]
    assert found["breaking for datacontract only"] == []
    assert found["not read by datacontract"] == []
