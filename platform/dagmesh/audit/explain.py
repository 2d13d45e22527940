"""What an audit of rows would cost: each rule's way, and the time it takes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import duckdb

from dagmesh.audit.audit import judged
from dagmesh.audit.compile import Step, compiled
from dagmesh.audit.conform import column_types, differences
from dagmesh.audit.plan import Plan, Way, planned, proved
from dagmesh.audit.scan import Staged, scan
from dagmesh.errors import SchemaMismatch
from dagmesh.model.domain import Product


@dataclass(frozen=True)
class Cost:
    """How one rule is judged; `columns` are those it may read, `milliseconds` what it takes alone, 0 by the footers."""

    rule: str
    text: str
    way: Way
    columns: tuple[str, ...]
    milliseconds: float


@dataclass(frozen=True)
class Explanation:
    """What an audit costs, in milliseconds: making the plan, each rule alone, all together as an audit judges them."""

    rows: int
    planning: float
    costs: tuple[Cost, ...]
    together: float

    def describe(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        return {**vars(self), "costs": [{**vars(cost), "columns": list(cost.columns)} for cost in self.costs]}


def explained(con: duckdb.DuckDBPyConnection, sql: str, product: Product, files: Mapping[str, int]) -> Explanation:
    """The plan for rows of a product and what it takes now; nothing is published, and no verdict is given.

    Args:
        con: a connection whose TimeZone is UTC.
        sql: FROM-able text of the rows.
        product: what they are.
        files: the Parquet files that hold the rows, each with its number of rows.

    Raises:
        SchemaMismatch: the rows have not the contract's columns.
    """
    found = differences(column_types(con, sql), product.contract, exact=True)
    if found:
        raise SchemaMismatch(product.contract.__name__, found)
    staged, steps = Staged(sql, product.partitioned_by, files), compiled(product.contract)
    planning, plan = _timed(lambda: planned(con, staged, product.contract, steps))
    costs = tuple(_cost(con, plan, product, step) for step in plan.steps)
    together, _ = _timed(lambda: judged(con, sql, product, files=files))
    return Explanation(sum(files.values()), planning, costs, together)


def _cost(con: duckdb.DuckDBPyConnection, plan: Plan, product: Product, step: Step) -> Cost:
    way, alone = plan.ways[step.rule.name], replace(plan, steps=(step,))
    milliseconds = 0.0 if way == "footer" else _timed(lambda: _judged_alone(con, alone, product, step))[0]
    return Cost(step.rule.name, step.rule.text, way, step.rule.columns, milliseconds)


def _judged_alone(con: duckdb.DuckDBPyConnection, plan: Plan, product: Product, step: Step) -> None:
    if step.way == "pandera":
        from dagmesh.audit.pandera_checks import judge

        judge(con, plan.staged, product.contract, [step.rule], [], keep=0)
    elif step.rule.name not in proved(con, plan):
        scan(con, plan.staged, plan.steps, "FALSE", plan.bitmaps)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = perf_counter()
    found = work()
    return round((perf_counter() - began) * 1000, 1), found
