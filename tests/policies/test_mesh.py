"""The mesh of this repository under its own policies: kept by all, cheap to judge, each with a check and a line of documentation."""

from datetime import date
from pathlib import Path
from statistics import median
from time import process_time

import dagster as dg
import pytest
from tests.policies.conftest import POLICIES

from dagmesh.consume.policies import Judge
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh
from dagmesh.model.policy_files import load_policies
from dagmesh.orchestrate.policy_checks import Policing

ROOT = Path(__file__).parents[2]
MESH = Mesh.find(ROOT)
DOMAINS = [location.name for location in MESH.locations]
NAMES = sorted(path.stem for path in POLICIES.glob("[!_]*.py"))


@pytest.mark.parametrize("name", DOMAINS)
def test_every_product_keeps_the_policies(name: str, tmp_path: Path) -> None:
    domain = MESH.location(name).load()

    judge = Judge.of(MESH, domain, load_policies(ROOT, name), date(2026, 11, 21), Lake(str(tmp_path / "lake"), tmp_path / "home"), {})

    assert [str(found) for product in domain.products for found in judge.of_product(product)] == []
    assert [str(found) for found in judge.of_domain()] == []


def test_a_product_has_a_check_for_every_policy_that_looks_at_products() -> None:
    domain = MESH.location("customers").load()
    policing = Policing.of(MESH, domain)

    names = [spec.name for spec in policing.specs(dg.AssetKey(["customers", "profiles_v1"]))]

    of_products = [name for name in NAMES if name != "sunset_respected"]
    assert sorted(names) == sorted(f"policy__{name}" for name in [*of_products, "policies_only_tighten", "waivers_in_order"])


def test_judging_a_product_costs_less_than_50_ms(tmp_path: Path) -> None:
    domain, lake = MESH.location("risk").load(), Lake(str(tmp_path / "lake"), tmp_path / "home")
    held = load_policies(ROOT, "risk")
    seconds = []

    for _ in range(7):
        began = process_time()
        Judge.of(MESH, domain, held, date(2026, 11, 21), lake, {}).of_product(domain.products[0])
        seconds.append(process_time() - began)

    assert median(seconds) < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["naming", "decimals_for_money"])
def test_the_lists_of_words_are_whole(name: str) -> None:
    import importlib

    load_policies(ROOT)
    module = importlib.import_module(f"policies.{name}")

    words = module.RESERVED if name == "naming" else module.CURRENCIES
    assert {"order", "select", "group"} <= words if name == "naming" else {"EUR", "USD", "CHF", "XCG"} <= words
    assert all(word == (word.lower() if name == "naming" else word.upper()) for word in words)


def test_what_duckdb_reserves_is_refused_as_a_name() -> None:
    import importlib

    import duckdb

    load_policies(ROOT)
    reserved = duckdb.connect().execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()

    # These two words are DuckDB's only, nobody reads them elsewhere.
    missing = {word for (word,) in reserved} - importlib.import_module("policies.naming").RESERVED - {"pivot_longer", "pivot_wider"}
    assert missing == set()
