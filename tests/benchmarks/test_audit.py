"""benchmarks/audit.py, small: every contender finds the same columns broken, and what the audit asks of DuckDB to find them."""

from pathlib import Path

import pytest
from benchmarks.audit import dagmesh, pandas, polars, write_orders
from benchmarks.audit_data import BAD, SHAPES
from benchmarks.peers.counting import counted

MOST = {
    "good": {"queries": 5, "opened": 15, "row_groups": 4},
    "bad": {"queries": 8, "opened": 39, "row_groups": 12},
    "wide": {"queries": 5, "opened": 15, "row_groups": 4},
    "skewed": {"queries": 5, "opened": 18, "row_groups": 5},
    "scattered": {"queries": 5, "opened": 15, "row_groups": 4},
    "groups": {"queries": 5, "opened": 15, "row_groups": 80},
    "unicode": {"queries": 6, "opened": 18, "row_groups": 5},
    "dirty": {"queries": 8, "opened": 39, "row_groups": 12},
}
FEW, MANY = 2_000, 40_000  # below 20,000 rows values are looked at, not footers


@pytest.mark.parametrize("shape", SHAPES)
def test_the_contenders_find_the_same_columns_broken(tmp_path: Path, shape: str) -> None:
    file = str(tmp_path / "orders.parquet")
    write_orders(file, FEW, shape, seed=1)

    ours, theirs = dagmesh(file, FEW, profile=False)(), [pandas(file, FEW)(), polars(file, FEW)()]

    assert [sorted(set(found)) for found in theirs] == [sorted(set(ours))] * 2
    assert bool(ours) == (shape in (*BAD, "unicode"))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_audit_asks_no_more_of_duckdb_than_it_did(tmp_path: Path, shape: str) -> None:
    file = str(tmp_path / "orders.parquet")
    write_orders(file, MANY, shape, seed=1)

    with counted() as found:
        judge = dagmesh(file, MANY, profile=True)
        before = found()
        judge()
        counts = found() - before

    assert {what: count for what, count in counts.items() if count > MOST[shape][what]} == {}
    assert min(counts.values()) > 0, "nothing was counted"
