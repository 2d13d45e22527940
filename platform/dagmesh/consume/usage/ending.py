"""The end of a read: what it handed out and how long it took, written down whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

from dagmesh.consume.read_log import ReadLog, Served


@dataclass
class HandedOut:
    """What is counted meanwhile: rows, None where nobody counts them."""

    rows: int | None = None


@contextmanager
def ended(log: ReadLog, query: str) -> Iterator[HandedOut]:
    """Complete the query's reads at the end of the block: `failed` when it raises, `abandoned` when somebody stops it."""
    began, handed_out = perf_counter(), HandedOut()
    outcome: Literal["complete", "abandoned", "failed"] = "abandoned"
    try:
        yield handed_out
        outcome = "complete"
    except Exception:
        outcome = "failed"
        raise
    finally:
        took = round((perf_counter() - began) * 1000)
        log.complete(query, Served(handed_out.rows, None, took, outcome), datetime.now(UTC))
