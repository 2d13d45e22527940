"""Lock files: written once, read back whole, and every difference from the code said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.model.test_odcs import PAYMENTS
from tests.strategies import products

from dagmesh.errors import MeshError
from dagmesh.model.domain import Product
from dagmesh.model.lock import lock_path, lock_problems, lock_text, read_lock, write_lock

ADDRESS = "shop.payments@2"
FILE = "contracts/payments.v2.odcs.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a domain."""
    made = tmp_path / "domains" / "shop"
    made.mkdir(parents=True)
    return made


def described(**changes: Any) -> dict[str, Any]:
    return {**PAYMENTS.describe(), **changes}


def test_a_lock_file_is_named_after_the_product_and_its_major(folder: Path) -> None:
    assert lock_path(folder, "payments", 2) == folder / FILE


def test_a_lock_file_reads_back_as_the_product_it_was_written_of(folder: Path) -> None:
    assert write_lock(folder, described())

    assert read_lock(folder / FILE) == described()
    assert lock_problems(folder, [described()]) == []


@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(product=products())
def test_any_product_is_as_it_was_just_locked(tmp_path_factory: pytest.TempPathFactory, product: Product) -> None:
    folder = tmp_path_factory.mktemp("domain")

    write_lock(folder, product.describe())

    assert lock_problems(folder, [product.describe()]) == []
    read = read_lock(lock_path(folder, product.name, product.major))
    assert json.dumps(read, sort_keys=True) == json.dumps(product.describe(), sort_keys=True)
    assert not write_lock(folder, product.describe())


def test_a_file_that_says_the_same_is_not_written_again(folder: Path) -> None:
    write_lock(folder, described())
    before = (folder / FILE).stat().st_mtime_ns

    assert not write_lock(folder, described())
    assert (folder / FILE).stat().st_mtime_ns == before
    assert write_lock(folder, described(version="2.2.0"))


def test_a_lock_file_is_plain_text_of_no_moment_and_no_machine(folder: Path) -> None:
    write_lock(folder, described(description="Was wir zahlten: 3 €, 日本."))

    text = (folder / FILE).read_bytes().decode("utf-8")
    assert "Was wir zahlten: 3 €, 日本." in text
    assert text == lock_text(described(description="Was wir zahlten: 3 €, 日本."))
    assert not {"contractCreatedTs", str(folder), "\r", "&id"} & set(text.split())


def test_a_product_without_a_lock_file_is_missing(folder: Path) -> None:
    (problem,) = lock_problems(folder, [described()])

    assert (problem.kind, problem.address) == ("missing", ADDRESS)
    assert str(problem) == (
        "domains/shop/contracts/payments.v2.odcs.yaml: shop.payments@2 has no lock file. Write and commit it: dagmesh lock shop"
    )
    assert read_lock(problem.path) is None


def test_a_product_that_changed_is_stale_and_the_changed_parts_are_named(folder: Path) -> None:
    write_lock(folder, described())
    changed = described(serves=["finance"], version="2.2.0", accepts=[])

    (problem,) = lock_problems(folder, [changed])

    assert problem.kind == "stale"
    assert str(problem) == (
        "domains/shop/contracts/payments.v2.odcs.yaml: shop.payments@2 is not as it was locked (version, serves, accepts). "
        "See what changed: dagmesh diff shop.payments@2; then lock it: dagmesh lock shop"
    )


def test_any_word_of_a_column_or_a_rule_is_locked(folder: Path) -> None:
    write_lock(folder, described())
    for path, value in ((("columns", 7, "mask"), "hash"), (("rules", 3, "severity"), "warn"), (("grain",), "Many."), (("name",), "Paid")):
        changed = json.loads(json.dumps(described()))
        place = changed["contract"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

        (problem,) = lock_problems(folder, [changed])
        assert "(contract)" in problem.message


def test_a_comment_or_a_damaged_file_is_stale_too(folder: Path) -> None:
    write_lock(folder, described())
    text = (folder / FILE).read_text(encoding="utf-8")

    (folder / FILE).write_text(f"# by hand\n{text}", encoding="utf-8")
    (commented,) = lock_problems(folder, [described()])
    (folder / FILE).write_text(text.replace("slaProperties:", "<<<<<<< HEAD\nslaProperties:"), encoding="utf-8")
    (damaged,) = lock_problems(folder, [described()])

    assert (commented.kind, damaged.kind) == ("stale", "stale")
    assert "(its text only)" in commented.message
    assert "(the file is damaged)" in damaged.message


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "name: x", "apiVersion: v3.2.0\ncustomProperties: 3"])
def test_a_file_that_is_no_lock_file_is_refused(folder: Path, text: str) -> None:
    (folder / "contracts").mkdir()
    (folder / FILE).write_text(text, encoding="utf-8")

    with pytest.raises(MeshError) as raised:
        read_lock(folder / FILE)

    assert str(raised.value) == "domains/shop/contracts/payments.v2.odcs.yaml: is no lock file any more. Write it again: dagmesh lock"


def test_a_lock_file_of_a_product_that_is_gone_is_left_over(folder: Path) -> None:
    write_lock(folder, described())
    write_lock(folder, described(version="1.9.0"))

    (problem,) = lock_problems(folder, [described()])

    assert (problem.kind, problem.address) == ("left over", "shop.payments@1")
    assert str(problem) == (
        "domains/shop/contracts/payments.v1.odcs.yaml: the code has no shop.payments@1 any more. "
        "Bring it back, or retire it and remove the file: dagmesh retire shop.payments@1"
    )
