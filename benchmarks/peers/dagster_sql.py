"""The mesh in plain Dagster without data frames: each asset runs its SQL as a COPY and its rules as one query in the same step.

Environment: RAW, the files; OUT, where the products go.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from benchmarks.peers.limit import relation
from benchmarks.peers.products import PRODUCTS, Product, filled, reads

RAW, OUT = os.environ["RAW"], Path(os.environ["OUT"])
DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2027-01-01")


@cache
def database() -> duckdb.DuckDBPyConnection:
    """The process's one DuckDB."""
    return duckdb.connect(config={"preserve_insertion_order": False})


def key(name: str) -> dg.AssetKey:
    """The asset key of a product."""
    return dg.AssetKey(name.split("."))


def build(name: str, product: Product, days: list[str]) -> tuple[int, dict[str, int]]:
    """Write a product's days, or all of it, and count its rows and their violations by rule."""
    day = days[0] if len(days) == 1 and product.kind == "daily" else None
    folder = OUT / name.replace(".", "/")
    folder.mkdir(parents=True, exist_ok=True)
    sql = filled(product.sql, lambda other: relation(other, RAW, OUT, day))
    if product.kind == "daily":
        database().execute(f"COPY ({sql}) TO '{folder}' (FORMAT parquet, PARTITION_BY (day), OVERWRITE_OR_IGNORE)")
    else:
        database().execute(f"COPY ({sql}) TO '{folder}/.new' (FORMAT parquet)")
        (folder / ".new").replace(folder / "data.parquet")
    counts = ", ".join(["count(*)", *product.rules.values()])
    found = filled(f"SELECT {counts} FROM {{{name}}}", lambda other: relation(other, RAW, OUT, day))
    rows, *failing = database().execute(found).fetchall()[0]
    return rows, dict(zip(product.rules, failing, strict=True))


def asset(name: str, product: Product) -> dg.AssetsDefinition:
    """A product as an asset with a check a rule."""
    spec = dg.AssetSpec(key(name), deps=[key(other) for other in reads(product) if other != name], group_name=name.split(".")[0])

    @dg.multi_asset(
        name=name.replace(".", "__"),
        specs=[spec],
        check_specs=[dg.AssetCheckSpec(rule, asset=key(name)) for rule in product.rules],
        partitions_def=DAYS if product.kind == "daily" else None,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def built(context: dg.AssetExecutionContext) -> Iterator[Any]:
        rows, failing = build(name, product, list(context.partition_keys) if product.kind == "daily" else [])
        results = [
            dg.AssetCheckResult(asset_key=key(name), check_name=rule, passed=not count, metadata={"violations": count})
            for rule, count in failing.items()
        ]
        yield dg.MaterializeResult(asset_key=key(name), metadata={"dagster/row_count": rows}, check_results=results)

    return built


defs = dg.Definitions(assets=[asset(name, product) for name, product in PRODUCTS.items()], executor=dg.in_process_executor)
