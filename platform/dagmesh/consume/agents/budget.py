"""What agents may still take today: queries, rows and seconds, counted where every server of the mesh sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from dagmesh.consume.identity.principal import Budget, Principal
from dagmesh.errors import BudgetSpent
from dagmesh.lake.owner_only import owner_only

_KEPT = timedelta(days=90)
_TABLES = """
CREATE TABLE IF NOT EXISTS spent (
    principal TEXT, day TEXT, queries INTEGER NOT NULL, rows INTEGER NOT NULL, milliseconds INTEGER NOT NULL, PRIMARY KEY (principal, day)
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Spent:
    """What an agent has taken on a UTC day: queries begun, rows handed out, seconds of work."""

    queries: int = 0
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Budgets:
    """The agents' accounts, in `<home>/agents/spent.sqlite`; an account begins anew each UTC day."""

    home: Path

    def begin(self, principal: Principal, now: datetime) -> None:
        """Take one query from the principal's budget, before any of it is run: one that is killed or refused has been taken too.

        Raises:
            BudgetSpent: nothing is left of today's queries, rows or seconds.
        """
        budget, day = principal.budget or Budget(), now.astimezone(UTC).date()
        with self._account(principal.name, day) as (con, spent):
            _check(principal.name, budget, spent, now)
            con.execute("DELETE FROM spent WHERE day < ?", [(day - _KEPT).isoformat()])
            con.execute(
                "INSERT INTO spent VALUES (?, ?, 1, 0, 0) ON CONFLICT (principal, day) DO UPDATE SET queries = queries + 1",
                [principal.name, day.isoformat()],
            )

    def end(self, principal: Principal, begun: datetime, rows: int, seconds: float) -> Spent:
        """Put down what a query took in the end; what is taken by then, on the day it began."""
        day = begun.astimezone(UTC).date()
        with self._account(principal.name, day) as (con, spent):
            con.execute(
                "UPDATE spent SET rows = rows + ?, milliseconds = milliseconds + ? WHERE principal = ? AND day = ?",
                [rows, round(seconds * 1000), principal.name, day.isoformat()],
            )
        return Spent(spent.queries, spent.rows + rows, spent.seconds + seconds)

    def spent(self, principal: Principal, day: date) -> Spent:
        """What the principal has taken on a day."""
        with self._account(principal.name, day) as (_, spent):
            return spent

    @contextmanager
    def _account(self, name: str, day: date) -> Iterator[tuple[sqlite3.Connection, Spent]]:
        """The accounts with this one's standing, nobody else's hand on them until the block ends."""
        path = owner_only(self.home / "agents") / "spent.sqlite"
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as con:
            con.execute(_TABLES)
            con.execute("BEGIN IMMEDIATE")
            query = "SELECT queries, rows, milliseconds FROM spent WHERE principal = ? AND day = ?"
            found = con.execute(query, [name, day.isoformat()]).fetchone()
            yield con, Spent(found[0], found[1], found[2] / 1000) if found else Spent()
            con.execute("COMMIT")


def _check(name: str, budget: Budget, spent: Spent, now: datetime) -> None:
    taken = {"queries": (spent.queries, budget.queries), "rows": (spent.rows, budget.rows), "seconds": (int(spent.seconds), budget.seconds)}
    for what, (gone, most) in taken.items():
        if gone >= most:
            now = now.astimezone(UTC)
            midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
            minutes = int((midnight - now).total_seconds() // 60)
            raise BudgetSpent(
                f"{name} has taken {gone:,} of today's {most:,} {what}. The next day begins in {minutes // 60} h {minutes % 60} min (UTC). "
                f"Whoever reviews platform/principals.yaml may raise its budget."
            )
