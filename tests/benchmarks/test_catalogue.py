"""benchmarks/catalogue.py, small: what a search looks at does not grow with the catalogue, nor what a publication makes it read again."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks.catalogue import products, publish
from benchmarks.looking import looked

from dagmesh.consume.search import search
from dagmesh.consume.search_index import SearchIndex
from dagmesh.lake.lake import Lake

SIZES = (6, 12, 24)
Counts = dict[str, Counter[str]]


def lake(root: Path) -> Lake:
    return Lake(str(root / "home" / "lake"), root / "home")


def search_fresh(root: Path) -> None:
    with SearchIndex(lake(root)).fresh() as con:
        assert search(con, "orders of each customer")


def publish_all(root: Path, count: int, version: int) -> None:
    with lake(root).connect() as con:
        for product in products(count, random.Random(7)):
            publish(lake(root), con, product, datetime.now(UTC), version)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> list[Counts]:
    """What searches look at in catalogues of twice as many products each: the first, one more, and one after a publication."""
    found = []
    for size in SIZES:
        root = tmp_path_factory.mktemp("catalogue") / str(size)
        publish_all(root, size, 0)
        index, again = (looked(root, search_fresh, root) for _ in range(2))
        publish_all(root, 1, 1)
        found.append({"index": index, "again": again, "published": looked(root, search_fresh, root)})
    return found


def test_an_index_is_made_of_a_few_files_a_product(grown: list[Counts]) -> None:
    assert all(0 < counts["index"]["files"] <= 8 * size for counts, size in zip(grown, SIZES, strict=True))


def test_a_look_for_changes_lists_two_folders_a_product_and_opens_nothing_of_it(grown: list[Counts]) -> None:
    assert all(0 < counts["again"]["files"] <= 2 * size + 2 for counts, size in zip(grown, SIZES, strict=True))


def test_what_is_read_after_a_publication_does_not_depend_on_how_many_others_there_are(grown: list[Counts]) -> None:
    more = [counts["published"]["files"] - counts["again"]["files"] for counts in grown]

    assert 0 < more[0] <= 6
    assert len(set(more)) == 1


def test_a_search_opens_no_delta_table_and_asks_no_database_of_rows(grown: list[Counts]) -> None:
    assert {counts[step][what] for counts in grown for step in counts for what in ("tables", "queries", "opened")} == {0}
