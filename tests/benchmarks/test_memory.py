"""The memory ceiling of benchmarks/memory.py at a small size: more rows than DuckDB may hold, audited and published all the same."""

import pytest
from benchmarks.memory import measured

LIMIT, LIBRARIES = 200, 300  # megabytes: DuckDB's, and what Python, DuckDB, Delta and Arrow take beside it


@pytest.mark.slow
def test_rows_whose_audit_does_not_fit_are_spilled_and_published() -> None:
    found = measured(8_000_000, f"{LIMIT}MB")

    assert found["spilled_mb"] > 0
    assert max(found[step]["peak_mb"] for step in ("stage", "audit", "publish", "rules")) < LIMIT + LIBRARIES
