"""A few rows of what is published, for the UI."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from dagmesh.audit.shown import MASK
from dagmesh.lake.stage import Stage
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    import duckdb

ROWS = 5


def sample_rows(con: duckdb.DuckDBPyConnection, product: Product, stage: Stage, days: Sequence[date]) -> list[dict[str, Any]]:
    """A few rows of the newest of the days (none: of the whole), restricted columns masked."""
    columns = product.contract.columns
    shown = ", ".join(f"'{MASK}'" if column.restricted else f'"{column.name}"' for column in columns)
    rows = con.execute(f"SELECT {shown} FROM {stage.sql(days[-1:] or None)} LIMIT {ROWS}").fetchall()
    return [dict(zip((column.name for column in columns), row, strict=True)) for row in rows]
