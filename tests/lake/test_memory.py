"""Memory: a build takes its share of the machine, and a table far larger than that is published all the same."""

import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from dagmesh.lake.lake import Lake

MEGABYTES = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0, "TiB": 1024.0 * 1024}
LIMIT, LIBRARIES = 200, 350  # megabytes: DuckDB's, and what Python, DuckDB, Delta and Arrow take beside it
AT_ROOT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
PROGRAM = '''
"""Lines of orders."""
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
import duckdb
import dagmesh as dm
from benchmarks.measuring import own_peak_mb
from dagmesh.audit.audit import audit
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record


class Lines(dm.Contract):
    """One row per line of an order."""

    sold_on: date = dm.field(key=True, description="UTC day of the sale.")
    line_id: int = dm.field(key=True, description="Number of the line.")
    buyer: str = dm.field(description="Who bought it.")
    amount_eur: Decimal = dm.field(ge=0, unit="EUR", description="Paid for the line.")


@dm.data_product(contract=Lines, version="1.0.0", serves=[], promise=dm.Promise(), partitioned_by="sold_on")
def lines(sales: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return sales


folder, rows, limit = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
product = lines.in_domain("orders", "team:orders", None)
lake = Lake(str(folder / "lake"), folder / "home")
con = lake.connect()
con.execute(f"SET memory_limit = '{limit}MB'")
days = [date(2026, 1, 1) + timedelta(days=number) for number in range(5)]
sql = f"""(SELECT DATE '2026-01-01' + (i % 5)::INT AS sold_on, i AS line_id, (i % 1000)::DECIMAL(18,2) AS amount_eur,
                  md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS buyer
           FROM range({rows}) numbers(i) ORDER BY buyer)"""
table = lake.table(product.address)
stage = table.stage(con, sql, product, days).with_row_hashes(con, {})
report = audit(con, stage.sql(), product, days=days, arrived={day: 1.0 for day in days})
record = Record("run-1", datetime.now(UTC), {day: "0123456789abcdef" for day in days})
snapshot = table.publish(stage, days, record, lake.signing_key("orders"))
print(report.passed, snapshot.publication.rows, own_peak_mb())
'''


def test_a_build_takes_two_fifths_of_the_machine_and_spills_where_nobody_else_looks(tmp_path: Path) -> None:
    with Lake(str(tmp_path / "lake"), tmp_path / "home").connect() as con:
        limit, spill = con.execute("SELECT current_setting('memory_limit'), current_setting('temp_directory')").fetchone()

    size, unit = re.fullmatch(r"([\d.]+) (\w+)", limit).groups()
    assert float(size) * MEGABYTES[unit] == pytest.approx(0.4 * psutil.virtual_memory().total / 2**20, rel=0.05)
    assert spill == str(tmp_path / "home" / "spill")
    assert stat.S_IMODE(Path(spill).stat().st_mode) == 0o700


@pytest.mark.slow
def test_a_table_far_larger_than_the_limit_is_published_within_it(tmp_path: Path) -> None:
    program = tmp_path / "publishes.py"
    program.write_text(textwrap.dedent(PROGRAM).lstrip())
    rows = 8_000_000  # 90 bytes each: more than three times the limit, and sorted as a whole

    command = [sys.executable, program, tmp_path, str(rows), str(LIMIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=AT_ROOT)

    assert done.returncode == 0, done.stderr
    passed, published, peak = done.stdout.split()
    assert (passed, published) == ("True", str(rows))
    assert int(peak) < LIMIT + LIBRARIES
    assert not list((tmp_path / "home" / "spill").iterdir())
