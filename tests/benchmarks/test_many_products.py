"""The mesh of benchmarks/many_products.py, small: what a product costs does not depend on how many others there are."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.looking import command, looked
from benchmarks.many_products import DAY, PRODUCT, write_mesh
from benchmarks.peers.place import ROOT

SIZES = (2, 4, 8)
STEPS = {
    "build": ["build", "--days", "1", "--to", DAY],
    "plan": ["plan", "--days", "2", "--to", "2026-11-20"],
    "check": ["check"],
    "list": ["list"],
    "board": ["board"],
    "show": ["show", "many.p0000"],
}
# What the policies ask for, which the benchmark's mesh has none of.
KEEPS_POLICIES = {
    "The number.": "Which of the day's rows it is.",
    "dm.Promise()": "dm.Promise(min_completeness=0.9)",
    '"What it weighs.")\n': '"What it weighs.")\n    share: float = dm.field(description="Part of what all weigh.")\n',
    "number, weight FROM": "number, weight, weight / 7 AS share FROM",
}
Counts = dict[str, Counter[str]]
# A second domain in which each product relies on one of the first.
READS = 'reads={"numbers": dm.read("many.NAME@1", max_lag="48h")}, partitioned_by="day")'


def counts(root: Path) -> Counts:
    """What each step of a mesh asked and looked at, each in a process of its own."""
    shutil.copytree(ROOT / "platform" / "policies", root / "platform" / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    looked(root, command, "lock")
    return {step: looked(root, command, *words) for step, words in STEPS.items()}


def of_products(root: Path, number: int) -> Counts:
    """Of two domains of so many products, the second's each reading and relying on one of the first's."""
    write_mesh(root, number, ("many", "reports"))
    for name in (f"p{n:04}" for n in range(number)):
        text = kept(PRODUCT.replace("NAME", name))
        (root / f"domains/many/many/products/{name}.py").write_text(text.replace("serves=[]", 'serves=["reports"]'))
        reads = READS.replace("NAME", name)
        (root / f"domains/reports/reports/products/{name}.py").write_text(text.replace('partitioned_by="day")', reads))
    return counts(root)


def of_domains(root: Path, number: int) -> Counts:
    """Of so many domains of one product."""
    domains = ("many", *(f"many{n}" for n in range(1, number)))
    write_mesh(root, 1, domains)
    for domain in domains:
        (root / f"domains/{domain}/{domain}/products/p0000.py").write_text(kept(PRODUCT.replace("NAME", "p0000")))
    return counts(root)


def kept(text: str) -> str:
    for before, after in KEEPS_POLICIES.items():
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module", params=[of_products, of_domains])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Counts]:
    """The counts of meshes that are twice as large each time."""
    folder = tmp_path_factory.mktemp("many")
    return [request.param(folder / str(size) / "mesh", size) for size in SIZES]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_what_is_asked_and_looked_at_grows_with_the_products_and_no_faster(grown: list[Counts], step: str) -> None:
    small, medium, large = (found[step] for found in grown)

    assert large["files"] > 0, "nothing was counted"
    growth = {what: (medium[what] - small[what], large[what] - medium[what]) for what in large}
    faster = {what: (first, then) for what, (first, then) in growth.items() if then > 2 * first}
    assert faster == {}


@pytest.mark.slow
def test_one_product_is_shown_without_a_look_at_the_others(grown: list[Counts]) -> None:
    small, _, large = (found["show"] for found in grown)

    assert small == large


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_the_list_of_domains_is_read_once_however_many_there_are(grown: list[Counts], step: str) -> None:
    assert [found[step]["workspace"] for found in grown] == [1, 1, 1]
