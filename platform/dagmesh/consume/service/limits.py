"""What one statement, and one request, may take of the service."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

MEBIBYTE = 1 << 20


def _cores() -> int:
    return max(2, os.cpu_count() or 2)


@dataclass(frozen=True)
class Limits:
    """The limits of a query service; the defaults suit one machine.

    `workers` run statements at the same time, each in `memory_mb` MiB beyond what an idle one has; one is replaced after
    `queries_per_worker`. A statement waits `wait_seconds` for a worker, may have `statement_length` characters, work for `seconds`
    and give `rows` rows; its client may keep a worker waiting for `client_seconds` in all. A request's body may have `body_bytes`.
    """

    workers: int = field(default_factory=_cores)
    memory_mb: int = 1024
    queries_per_worker: int = 200
    wait_seconds: float = 20.0
    statement_length: int = 100_000
    seconds: float = 60.0
    rows: int = 100_000_000
    client_seconds: float = 300.0
    body_bytes: int = MEBIBYTE
