"""A verdict is the same wherever it is made: from the code, from the signed publication, in `dagmesh check`, at the gate of a run."""

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policies.conftest import POLICIES, READINGS_FILE, TODAY
from tests.policies.test_sins import SINS, Sin, commit
from tests.small_mesh import SmallMesh, forget

import dagmesh as dm
from dagmesh.cli import main
from dagmesh.lake.publication import canonical
from dagmesh.model import violation
from dagmesh.model.address import Address
from dagmesh.model.change import Change
from dagmesh.model.domain import Product
from dagmesh.model.lineage import Derived, Lineage
from dagmesh.model.policy import Described, DomainSubject, NotLookedUp, Subject
from dagmesh.model.policy_files import load_policies
from dagmesh.model.source import Source
from dagmesh.model.waiver import Waiver, Waivers

HELD = load_policies(POLICIES.parents[1])
NAMES = ["customer_id", "order", "placed_at", "placed", "sent_on", "total_eur", "delay", "email", "is_open", "open", "items", "note_count"]
TYPES: list[Any] = [int, float, str, bool, date, datetime, Decimal]
UNITS = [None, "EUR", "usd", "hours", "items", "\u200bkg"]
DESCRIPTIONS = ["Delay.", "What the customer paid, all in.", "The total.", "Note\u0007 of the day."]
LINKS = [None, "https://docs.example.org/shop/things", "http://docs.example.org", "https://wiki", "https://u:p@docs.example.org"]


class Nothing:
    """A mesh in which nothing else is known, but one private table."""

    def __init__(self, published: Described | None) -> None:
        self.last = published

    def published(self, address: Address) -> Described | None:
        return self.last

    def products(self) -> dict[str, Described]:
        return {}

    def published_of(self, domain: str) -> dict[Address, Described]:
        return {}

    def private(self, domain: str) -> frozenset[str]:
        return frozenset({"ledger"})

    def lineage(self, address: Address) -> Derived:
        raise NotLookedUp

    def published_lineage(self, address: str) -> Lineage:
        raise NotLookedUp

    def broken_readers(self, address: Address, changes: Iterable[Change]) -> list[str]:
        return []

    def readers(self, address: Address) -> dict[str, datetime]:
        return {}


@st.composite
def products(draw: Callable[[Any], Any]) -> Product:
    """A product of up to five columns with faults of every kind a declaration may have."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    hints = {name: draw(st.sampled_from(TYPES)) for name in names}
    fields = {name: dm.field(**_said(draw)) for name in names}
    contract = type("Things", (dm.Contract,), {"__doc__": "One row.", "__annotations__": hints, "__module__": __name__, **fields})
    reads = draw(st.sampled_from([None, {"rows": "bank.ledger@1"}, {"rows": "bank.payments@2"}]))
    promise = dm.Promise(
        min_completeness=draw(st.sampled_from([0.0, 0.9])),
        retention=draw(st.sampled_from(["0d", "12h", "400d", "900d"])),
    )
    declared = dm.data_product(
        contract=contract,
        version="1.0.0",
        serves=[],
        promise=promise,
        reads=reads,
        owner=draw(st.sampled_from(["team:shop", "team:nobody"])),
        support=draw(st.sampled_from([None, "shop@example.org", "ask"])),
        documentation=draw(st.sampled_from(LINKS)),
        tags=draw(st.sampled_from([{}, {"subject": "orders"}, {"subject": "order"}, {"topic": "orders"}])),
        name="things",
        description=draw(st.sampled_from(["Anything.", "Any\u200bthing."])),
    )(things)
    return declared.in_domain("shop", "team:shop", None)


def _said(draw: Callable[[Any], Any]) -> dict[str, Any]:
    handling = {"purpose": "Delivery.", "mask": "null", "declassified": "Counted over all."}
    return {
        "description": draw(st.sampled_from(DESCRIPTIONS)),
        "unit": draw(st.sampled_from(UNITS)),
        "classification": draw(st.sampled_from(["internal", "pii", "pseudonymous"])),
        **{word: handling[word] for word in draw(st.sets(st.sampled_from(sorted(handling))))},
    }


def things(rows: "__import__('duckdb').DuckDBPyRelation") -> "__import__('duckdb').DuckDBPyRelation":
    return rows


def subject(product: Described, published: Described | None) -> Subject:
    domain = DomainSubject("shop", "team:shop", None, "", "", {}, frozenset({"shop", "bank"}), TODAY, Nothing(published))
    return Subject(product, domain, Source("things.py", b"import bank\n\ndef things(rows):\n    return rows\n", "Things", "things"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(products(), st.one_of(st.none(), products()), st.booleans())
def test_the_code_and_what_was_signed_are_judged_alike(product: Product, before: Product | None, waived: bool) -> None:
    described, last = product.describe(), before.describe() if before else None
    signed = json.loads(canonical(described))
    signed_last = json.loads(canonical(last)) if last else None
    waivers = Waivers((Waiver("naming", "things", "a reason", "team:shop", TODAY, ""),) if waived else ())

    from_code = violation.of_product(HELD, waivers, subject(described, last))
    from_lake = violation.of_product(HELD, waivers, subject(signed, signed_last))

    assert [found.describe() for found in from_code] == [found.describe() for found in from_lake]
    assert not any("cannot be judged" in found.message for found in from_code)
    assert {found.policy for found in from_code} >= {"no_import_of_another_domain"}


@pytest.mark.parametrize(
    "names", [("a tag of one's own", "a bool that is no sentence"), ("personal data without a mask", "a promise of nothing")]
)
def test_the_check_before_the_merge_and_the_gate_of_the_run_find_the_same(
    names: tuple[str, str], policed: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.policies.test_gate import checks

    sins: list[Sin] = [SINS[name] for name in names]
    for sin in sins:
        commit(policed, sin)
    policed.export("2026-01-02", 20)
    monkeypatch.chdir(policed.root)
    policed.change(READINGS_FILE, "count(*) AS reading_count", f"count(*) AS {added_column(sins)}") if added_column(sins) else None
    forget()

    said = json.loads(CliRunner().invoke(main, ["check", "sensors", "--json"]).stdout)
    runs = policed.build("2026-01-02")

    in_check = {(one["rule"], one["message"]) for one in said if one["kind"] == "policy"}
    refused = "\n".join(message for ran in runs if ran.domain == "sensors" for message in ran.messages)
    red = {name for name, one in checks(policed).items() if not one.passed}
    assert in_check == {(sin.policy, sin.message) for sin in sins}
    assert red == {sin.policy for sin in sins}
    assert all(sin.message in refused for sin in sins)


def added_column(sins: list[Sin]) -> str | None:
    """The column that a sin puts in place of the last one."""
    return next((sin.after.partition(":")[0] for sin in sins if sin.before.startswith("reading_count: int")), None)


def test_the_policies_under_test_are_those_of_the_platform_under_test() -> None:
    assert (POLICIES / "naming.py").is_file()
    assert Path(dm.__file__).parents[1] == POLICIES.parent
