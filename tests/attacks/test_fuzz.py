"""What a statement answers, by rows or by words, depends on nothing that its reader may not see; and it touches no file.

Two meshes are asked the same: what finance may see is the same in both, everything else is not. So whatever an answer depends on
beyond the grant, be it by a hash, a length, an order or an error, is a difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, time_ns

import duckdb
import pytest
from tests.attacks.grammar import Grammar
from tests.attacks.world import World, made
from tests.consume.service.conftest import Served, serving

from dagmesh.consume.connection import Connection
from dagmesh.consume.resolver import Resolver
from dagmesh.consume.service.limits import Limits
from dagmesh.lake.lake import Lake

# DAGMESH_FUZZ_SECONDS=600 searches for as long as one likes, from another seed each time; the same seed draws the same statements.
ASKED = os.environ.get("DAGMESH_FUZZ_SECONDS")
SECONDS = 60.0
AGAIN = 3  # asked so often, an answer that is chance's differs also from itself
LIMITS = Limits(workers=1, memory_mb=512, seconds=3, wait_seconds=20, rows=100_000)


@dataclass
class Asked:
    """A world that is asked, and its path in words."""

    world: World
    served: Served

    def answer(self, statement: str) -> tuple[int, str, str]:
        """Status, columns or the limit met, and the rows sorted or a problem's words; the world's own paths are its `{root}`."""
        statement, root = statement.replace("{root}", str(self.world.root)), str(self.world.root)
        response = self.served.query(statement)
        text = response.read().decode()
        self.hold(statement, text + response.headers.get("dagmesh-reads", ""))
        self.served.sockets.pop().close()
        if response.status == 200:
            said = json.loads(text)
            columns, rows = json.dumps(said["columns"]), json.dumps(sorted(map(json.dumps, said["rows"])))
            return 200, columns.replace(root, "{root}"), rows.replace(root, "{root}")
        problem = json.loads(text)
        return response.status, str(problem.get("limit", "")), problem["detail"].replace(root, "{root}")

    def hold(self, statement: str, text: str) -> None:
        """Nothing, when the answer has no secret in it that the statement has not."""
        told = {canary for canary in self.world.canaries if canary in text.lower() and canary not in statement.lower()}
        assert not told, f"{statement}\n{text}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asked, Asked]]:
    """Two worlds whose difference finance may not see."""
    worlds = [made(tmp_path_factory.mktemp("world"), token) for token in ("qzxkanari", "wvyfinken")]
    with serving(worlds[0].mesh, LIMITS) as one, serving(worlds[1].mesh, LIMITS) as other:
        yield Asked(worlds[0], one), Asked(worlds[1], other)


def functions() -> list[tuple[str, str, list[str]]]:
    """Name, kind and types of the arguments of every function, in an order that does not change."""
    named = "SELECT DISTINCT function_name, function_type, parameter_types FROM duckdb_functions()"
    wanted = f"{named} WHERE regexp_full_match(function_name, '\\w+')"
    with duckdb.connect() as con:
        found = con.execute(f"{wanted} ORDER BY ALL").fetchall()
    return [(name, kind, [one or "ANY" for one in types or []]) for name, kind, types in found]


def same(pair: tuple[Asked, Asked], statement: str) -> str:
    """What both answer; chance and the clock aside, it is the same."""
    one, other = (asked.answer(statement) for asked in pair)
    if one != other:
        mine, others = ({asked.answer(statement) for _ in range(AGAIN)} for asked in pair)
        assert ({one} | mine) & ({other} | others) or len(mine) > 1 or len(others) > 1, f"{statement}\n{one}\n{other}"
    return f"{one[0]} {one[1]}"


def test_no_statement_tells_of_what_its_reader_may_not_see(pair: tuple[Asked, Asked]) -> None:
    seed = time_ns() if ASKED else 1
    files = [
        "{root}/outside/secret.csv",
        "{root}/mesh/.dagmesh/secret.parquet",
        "{root}/mesh/**/*.parquet",
        "/etc/passwd",
        "/proc/self/environ",
    ]
    grammar, before = Grammar(seed, functions(), files), [asked.world.files() for asked in pair]
    met: dict[str, int] = {}
    end = monotonic() + float(ASKED or SECONDS)

    while monotonic() < end:
        found = same(pair, grammar.statement()).partition(" [")[0]
        met[found] = met.get(found, 0) + 1

    print(f"seed {seed}: {sum(met.values())} statements, {met}")  # noqa: T201 - a search that finds nothing says how far it looked
    assert [asked.world.files() for asked in pair] == before
    assert {"200", "400 ", "403 "} <= met.keys(), met
    for asked in pair:
        assert asked.served.rows("SELECT count(*) FROM customers.profiles") == [[2]]


def test_the_two_worlds_are_told_apart_by_who_may(pair: tuple[Asked, Asked]) -> None:
    """The fuzzer's own test: an answer that depends on a hidden value is a difference."""
    owners = [Connection(Resolver(Lake.of(asked.world.mesh), "customers")) for asked in pair]

    one, other = (owner.sql("SELECT email, credit_eur FROM customers.profiles").fetchall() for owner in owners)

    assert one != other
