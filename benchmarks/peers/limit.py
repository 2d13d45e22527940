"""The limit: one process runs the products' SQL, writes Parquet and counts each product's violations in one query.

Usage: python -m benchmarks.peers.limit RAW OUT full | RAW OUT YYYY-MM-DD. A day is added to what is there. Files that are as they were
end the run at once.
"""

from __future__ import annotations

import glob
import json
import shutil
import sys
from pathlib import Path

import duckdb
from benchmarks.peers.exports import RAW_DAILY, raw_path
from benchmarks.peers.products import PRODUCTS, Product, filled


def main() -> None:
    """Build everything or add a day; end with 1 when a rule is broken."""
    raw, out, asked = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    day = None if asked == "full" else asked
    known, files = out / "files.json", _files(raw)
    if day and known.exists() and json.loads(known.read_text()) == files:
        return
    con = duckdb.connect(config={"preserve_insertion_order": False})
    broken = {}
    for name, product in PRODUCTS.items():
        if not (day and product.kind == "reference"):
            _write(con, name, product, raw, out, day)
            broken |= _violations(con, name, product, raw, out, day)
    known.write_text(json.dumps(files))
    if broken:
        sys.exit(f"broken: {broken}")


def _files(raw: str) -> list[list[object]]:
    found = [(path, Path(path).stat()) for path in sorted(glob.glob(f"{raw}/**/*.parquet", recursive=True))]
    return [[path, stat.st_size, stat.st_mtime_ns] for path, stat in found]


def relation(name: str, raw: str, out: Path, day: str | None) -> str:
    """FROM-able text of a source or product; of one day where it has days and a day is given."""
    domain, short = name.split(".")
    if domain == "raw":
        hive = ", hive_partitioning=true" if short in RAW_DAILY else ""
        return f"read_parquet('{raw_path(raw, short, day or '*')}'{hive})"
    if PRODUCTS[name].kind != "daily":
        return f"read_parquet('{out}/{domain}/{short}/data.parquet')"
    files = f"{out}/{domain}/{short}/day={day or '*'}/*.parquet"
    return f"read_parquet('{files}', hive_partitioning=true, hive_types={{'day': DATE}})"


def _write(con: duckdb.DuckDBPyConnection, name: str, product: Product, raw: str, out: Path, day: str | None) -> None:
    folder = out / name.replace(".", "/")
    seen = day if product.kind == "daily" else None
    sql = filled(product.sql, lambda other: relation(other, raw, out, seen))
    if product.kind == "daily" and day is None:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if product.kind == "daily":
        con.execute(f"COPY ({sql}) TO '{folder}' (FORMAT parquet, PARTITION_BY (day), OVERWRITE_OR_IGNORE)")
        return
    con.execute(f"COPY ({sql}) TO '{folder}/.new' (FORMAT parquet)")
    (folder / ".new").replace(folder / "data.parquet")


def _violations(con: duckdb.DuckDBPyConnection, name: str, product: Product, raw: str, out: Path, day: str | None) -> dict[str, int]:
    """The rules that are broken, each with how often."""
    if not product.rules:
        return {}
    seen = day if product.kind == "daily" else None
    counts = ", ".join(product.rules.values())
    sql = filled(f"SELECT {counts} FROM {{{name}}}", lambda other: relation(other, raw, out, seen))
    found = con.execute(sql).fetchall()[0]
    return {f"{name} {rule}": count for rule, count in zip(product.rules, found, strict=True) if count}


if __name__ == "__main__":
    main()
