"""What an audit would cost: the plan's own ways, each rule timed, nothing judged twice by footers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests.audit.test_plan import GOOD, WAYS, Sales, written
from tests.strategies import product

from dagmesh.audit.explain import explained
from dagmesh.errors import SchemaMismatch


def test_every_rule_has_its_way_and_its_time(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "sales.parquet", GOOD)

    found = explained(con, f"read_parquet({list(files)})", product(Sales, None), files)

    assert {cost.rule: cost.way for cost in found.costs} == WAYS
    assert {cost.rule for cost in found.costs if not cost.milliseconds} == {rule for rule, way in WAYS.items() if way == "footer"}
    assert found.together > max(cost.milliseconds for cost in found.costs if cost.way == "pruned")
    assert found.describe()["costs"][1] == {
        "rule": "sale__not_null",
        "text": "sale is given",
        "way": "footer",
        "columns": ["sale"],
        "milliseconds": 0.0,
    }


def test_rows_of_other_columns_are_not_explained(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SchemaMismatch, match="column 'sale' is missing"):
        explained(con, "(SELECT 1 AS other)", product(Sales, None), {})
