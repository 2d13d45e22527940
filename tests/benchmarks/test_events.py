"""benchmarks/events.py, small: what folding asks of DuckDB is the same at any length of the history."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from benchmarks.peers.counting import counted

LENGTHS = (1_000, 2_000, 4_000)
PROJECTIONS = ("stateless", "state of orders")
Counts = dict[tuple[int, str, str], Counter[str]]


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """What a rebuild and an advance ask, by length and projection; in a process of its own, as events.py puts a domain on the path."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_counts, tmp_path_factory.mktemp("events")).result()


def _counts(folder: Path) -> Counts:
    from benchmarks.events import KEY, SOURCE, advance_by, declared, make, rebuild

    found: Counts = {}
    for length in LENGTHS:
        history = folder / str(length)
        make(history, length, declared(SOURCE), KEY, tail=100, most=250)
        for name in PROJECTIONS:
            state = folder / f"{length} {name}"
            with counted() as asked:
                rebuild(history, name, state)
                found[length, name, "rebuild"] = asked()
            for about in ("recent", "old"):
                with counted() as asked:
                    advance_by(history, name, state, about)
                    found[length, name, about] = asked()
    return found


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("about", ["recent", "old"])
def test_an_advance_asks_the_same_at_any_length_and_opens_no_segment(counts: Counts, name: str, about: str) -> None:
    short, _, long = (counts[length, name, about] for length in LENGTHS)

    assert 0 < long["queries"] <= 35
    assert (long["opened"], long["row_groups"]) == (0, 0)
    assert short == long


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_rebuild_opens_segments_as_often_as_there_are_more_of_them(counts: Counts, name: str) -> None:
    short, medium, long = (counts[length, name, "rebuild"] for length in LENGTHS)

    assert 0 < long["queries"] <= 40
    for what in ("opened", "row_groups"):
        assert 0 < long[what] - medium[what] <= 2 * (medium[what] - short[what])
