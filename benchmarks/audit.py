"""Measures the audit of a contract (P5) and of many strings' uniqueness (P6) beside Pandera and beside plain reading.

Usage: python benchmarks/audit.py [--rows 1000 2000000 10000000] [--rounds 5] [--codes 100000000] [--shapes good bad wide ...] [--seed 0]

The shapes are those of audit_data.py; the audit was tuned on `good` and `bad` alone.

Each figure is of a process of its own that has imported what it needs: CPU seconds of reading a Parquet file and judging it, wall
seconds beside, and the process's peak memory, imports and all. The contenders take turns. The rules each finds broken are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.audit_data import BAD, ROW_GROUPS, SHAPES, rows_sql  # noqa: E402  # after the path
from benchmarks.measuring import machine, own_peak_mb  # noqa: E402  # the same
from benchmarks.tables import write_tables  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "audit.json"
CODES_LIMIT = "900MB"
SMALL, MOST_MB = 1000, 300
# So often within one process, and the median taken, where one time is too short to be measured.
REPEATS = {1000: 15}
CONTENDERS = ("reading", "dagmesh", "dagmesh with profile", "pandera-polars", "pandera-pandas")
READ = """SELECT sum(order_id), sum(customer_id), sum(strlen(email)), sum(strlen(country)), sum(strlen(status)), sum(strlen(currency)),
    sum(amount), sum(qty), sum(discount), max(epoch_us(created_at)), max(epoch_us(shipped_at)), sum(strlen(sku)) FROM read_parquet('{}')"""


def main() -> None:
    """Run the rounds and write the medians, or be one of the processes that are measured."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, nargs="*", default=[1000, 2_000_000, 10_000_000])
    arguments.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=SHAPES)
    arguments.add_argument("--seed", type=int, default=0, help="another seed, other rows")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--codes", type=int, default=100_000_000, help="strings whose uniqueness is shown; 0: none")
    arguments.add_argument("--one", nargs=3, metavar=("CONTENDER", "FILE", "ROWS"), help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], asked.one[1], int(asked.one[2]))))
        return
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="dagmesh-bench-") as folder:
        for rows, shape in product(asked.rows, asked.shapes):
            found.append(measured(Path(folder), rows, shape, asked.rounds, asked.seed))
            save(found)
        if asked.codes:
            found.append(measured_codes(Path(folder), asked.codes))
            save(found)
    print(table(found))
    write_tables()


def save(found: list[dict[str, Any]]) -> None:
    """Write what was measured so far, as the rest may take an hour."""
    result = {"machine": machine(), "measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "load": os.getloadavg()[0], "found": found}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measured(folder: Path, rows: int, shape: str, rounds: int, seed: int) -> dict[str, Any]:
    """The medians of all contenders on one file, each round all of them in turn.

    Raises:
        SystemExit: they do not find the same rules broken.
    """
    file = folder / f"{shape}_{rows}.parquet"
    in_own_process(f"write_orders('{file}', {rows}, '{shape}', {seed})")
    taken = [{name: run(name, file, rows) for name in CONTENDERS} for _ in range(rounds)]
    file.unlink()
    broken = {name: taken[0][name]["broken"] for name in CONTENDERS if name != "reading"}
    if len({tuple(names) for names in broken.values()}) > 1:
        raise SystemExit(f"{shape} {rows}: the contenders find different rules broken: {broken}")
    fields = ("cpu_s", "wall_s", "peak_mb")
    medians = {name: {f: round(statistics.median(one[name][f] for one in taken), 4) for f in fields} for name in CONTENDERS}
    return {"rows": rows, "shape": shape, "seed": seed, "broken": broken["dagmesh"], "medians": medians, "rounds": taken}


def measured_codes(folder: Path, rows: int) -> dict[str, Any]:
    """Uniqueness of strings, once: all different, and one of them twice."""
    found = {}
    for shape in ("unique", "one repeated"):
        file = folder / "codes.parquet"
        in_own_process(f"write_codes('{file}', {rows}, {shape == 'one repeated'})")
        found[shape] = run("codes", file, rows)
    return {"rows": rows, "shape": "codes", "memory_limit": CODES_LIMIT, "medians": found}


def run(contender: str, file: Path, rows: int) -> dict[str, Any]:
    """What one contender says of itself, in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", contender, str(file), str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{rows:>12,} {file.stem:<16} {contender:<22} {said['cpu_s']:>9.3f} CPU-s {said['peak_mb']:>7,} MB", file=sys.stderr)
    return said


def one(contender: str, file: str, rows: int) -> dict[str, Any]:
    """CPU and wall seconds, peak megabytes, and the names of the rules found broken."""
    work = {"reading": reading, "codes": codes, "pandera-polars": polars, "pandera-pandas": pandas}.get(contender)
    judge = work(file, rows) if work else dagmesh(file, rows, profile=contender.endswith("profile"))
    times = []
    for _ in range(REPEATS.get(rows, 1)):
        began, before = perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        broken = judge()
        after = resource.getrusage(resource.RUSAGE_SELF)
        times.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, perf_counter() - began))
    cpu, wall = (statistics.median(some) for some in zip(*times, strict=True))
    return {"cpu_s": round(cpu, 4), "wall_s": round(wall, 4), "peak_mb": own_peak_mb(), "broken": sorted(set(broken))}


def connected() -> Any:
    """A connection as the platform opens one."""
    import duckdb

    con = duckdb.connect(config={"preserve_insertion_order": False})
    con.execute("SET TimeZone = 'UTC'")
    return con


def reading(file: str, rows: int) -> Callable[[], list[str]]:
    """Every value read and used once."""
    con = connected()

    def judge() -> list[str]:
        con.execute(READ.format(file)).fetchall()
        return []

    return judge


def dagmesh(file: str, rows: int, *, profile: bool) -> Callable[[], list[str]]:
    """The contract's rules, or the whole audit with completeness and profile."""
    from benchmarks.audit_contract import Orders, declared

    from dagmesh.audit.audit import audit, judged

    con, orders, sql, files = connected(), declared(Orders), f"read_parquet('{file}')", {file: rows}

    def judge() -> list[str]:
        results = audit(con, sql, orders, files=files).results if profile else judged(con, sql, orders, files=files)
        return [result.column for result in results if not result.passed and result.column]

    return judge


def codes(file: str, rows: int) -> Callable[[], list[str]]:
    """Uniqueness alone, in bounded memory."""
    from benchmarks.audit_contract import Codes, declared

    from dagmesh.audit.audit import judged

    con, listed = connected(), declared(Codes)
    con.execute(f"SET memory_limit = '{CODES_LIMIT}'; SET temp_directory = '{file}.spilled'")
    return lambda: [r.name for r in judged(con, f"read_parquet('{file}')", listed, files={file: rows}) if not r.passed]


def pandas(file: str, rows: int) -> Callable[[], list[str]]:
    """Pandera on pandas, decimals as Decimal, all errors collected."""
    import pandas as pd
    import pandera.pandas as pa
    from benchmarks.audit_contract import panderas

    schema = panderas(pa, lambda frame: frame["shipped_at"].isna() | (frame["shipped_at"] >= frame["created_at"]))
    return lambda: _broken(schema, pd.read_parquet(file))


def polars(file: str, rows: int) -> Callable[[], list[str]]:
    """Pandera on Polars, all errors collected; an eager frame, as a lazy one's values are not looked at."""
    import pandera.polars as pa
    import polars as pl
    from benchmarks.audit_contract import panderas

    kept = pl.col("shipped_at").is_null() | (pl.col("shipped_at") >= pl.col("created_at"))
    schema = panderas(pa, lambda data: data.lazyframe.select(kept))
    return lambda: _broken(schema, pl.read_parquet(file))


def _broken(schema: Any, frame: Any) -> list[str]:
    import pandera.errors

    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        # The comparison of two columns is a rule of the whole frame there, and of shipped_at here.
        return sorted({"shipped_at" if error.schema.name is None else error.schema.name for error in errors.schema_errors})
    return []


def in_own_process(call: str) -> None:
    """Run one of the two functions below elsewhere, so that what writes the file is not measured."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from benchmarks import audit; audit.{call}"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def write_orders(file: str, rows: int, shape: str, seed: int) -> None:
    """Orders as the platform stages them, but for the size of row groups where the shape has its own."""
    groups = f", ROW_GROUP_SIZE {ROW_GROUPS[shape]}" if shape in ROW_GROUPS else ""
    connected().execute(f"COPY ({rows_sql(rows, shape, seed)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd{groups})")


def write_codes(file: str, rows: int, repeated: bool) -> None:
    """Different strings in no order, and one of them again if `repeated`."""
    code = "'order-' || lpad((({} * 2654435761) % 4294967296)::VARCHAR, 10, '0') || '-' || ({} % 97)"
    select = f"SELECT {code.format('range', 'range')} AS code FROM range({rows})"
    again = f" UNION ALL SELECT {code.format(rows // 2, rows // 2)}" if repeated else ""
    connected().execute(f"COPY ({select}{again}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


def table(found: list[dict[str, Any]]) -> str:
    """The medians as a Markdown table, a line for each file: the rules' CPU seconds, how many times the others' they are, peaks."""
    lines = ["| rows | data | CPU s | by reading | by polars | by pandas | with profile | peak MB | polars MB | pandas MB | misses |"]
    lines.append("|" + "---|" * 11)
    shown = (case for case in found if case["shape"] != "codes")
    return "\n".join([*lines, *(f"| {case['rows']:,} | {case['shape']} | {' | '.join(cells(case))} |" for case in shown)])


def cells(case: dict[str, Any]) -> list[str]:
    """One file's figures as they are shown."""
    cpu, peak = ({name: figures[of] for name, figures in case["medians"].items()} for of in ("cpu_s", "peak_mb"))
    by = {name: cpu["dagmesh"] / cpu[name] for name in ("reading", "pandera-polars", "pandera-pandas")}
    missed = [name for name, most in targets(case["rows"], case["shape"]).items() if round(by[name], 2) > most]
    missed += ["memory"] if peak["dagmesh"] > MOST_MB else []
    ratios = [f"{ratio:.2f}x" for ratio in by.values()]
    peaks = [f"{peak[name]:,}" for name in ("dagmesh", "pandera-polars", "pandera-pandas")]
    return [f"{cpu['dagmesh']:.3f}", *ratios, f"{cpu['dagmesh with profile']:.3f}", *peaks, ", ".join(missed)]


def targets(rows: int, shape: str) -> dict[str, float]:
    """The most that the rules may cost, by contender, of rows of the shape (P5)."""
    if rows <= SMALL:
        return {"pandera-pandas": 1.0}
    return {"pandera-polars": 1.0} if shape in (*BAD, "unicode") else {"reading": 2.0, "pandera-polars": 0.6, "pandera-pandas": 0.3}


if __name__ == "__main__":
    main()
