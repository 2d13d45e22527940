"""Hostile statements through the real service: refused by kind and written down, or harmless; no file is read, made or changed."""

import json
from typing import Any

import pytest
from tests.attacks.conftest import Attacked
from tests.attacks.statements import BOMBS, FILES, HARMLESS, NAMES, OTHERS, REFUSED, SETTINGS

STATEMENTS = [*((one, REFUSED) for one in (*FILES, *SETTINGS, *OTHERS)), *NAMES]


def filled(attacked: Attacked, statement: str) -> str:
    """The statement with this world's paths."""
    home, root = attacked.world.mesh.home, attacked.world.root
    return statement.replace("{file}", f"{home}/secret.csv").replace("{lake}", f"{home}/lake").replace("{out}", f"{root}/outside/stolen")


def test_there_are_as_many_as_were_tried_on_duckdb_itself() -> None:
    assert len({statement for statement, _ in STATEMENTS}) > 100


@pytest.mark.parametrize(("statement", "kind"), STATEMENTS, ids=lambda said: said[:40])
def test_a_hostile_statement_is_refused_and_written_down(attacked: Attacked, statement: str, kind: str) -> None:
    before, files = len(attacked.refusals()), attacked.world.files()

    problem = attacked.query(filled(attacked, statement)).problem

    assert problem["type"] == f"urn:dagmesh:error:{kind}", problem
    assert len(attacked.refusals()) == before + 1
    assert attacked.world.files() == files


@pytest.mark.parametrize(("statement", "rows"), HARMLESS)
def test_a_statement_that_only_looks_hostile_runs(attacked: Attacked, statement: str, rows: list[list[Any]]) -> None:
    assert attacked.query(statement).rows == rows


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda said: said[:40])
def test_a_bomb_costs_its_own_statement_and_is_written_down(attacked: Attacked, bomb: str) -> None:
    before = len(attacked.refusals())

    problem = attacked.query(bomb).problem

    assert problem["status"] == 422
    assert problem["limit"] in ("memory", "time", "length")
    assert len(attacked.refusals()) == before + 1


def test_the_way_to_a_row_is_no_way_to_its_files(attacked: Attacked) -> None:
    """What the catalogue says of a product and what a reading's header says name no file of the lake."""
    said = attacked.query("SELECT 1 FROM customers.profiles").headers["dagmesh-reads"]
    told = [attacked.send("GET", path).text for path in ("/v1/products", "/v1/products/customers.profiles", "/v1/products/ledger.entries")]

    assert json.loads(said)[0]["rows"] == "city = 'Graz'"
    assert not [text for text in (said, *told) if ".parquet" in text or str(attacked.world.root) in text]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"sql": "select \'\\ud800\'"}', 400),
        (b'{"sql": "select 1", "purpose": "\\udfff"}', 400),
        (b'{"sql": "select * from \\"\\ud800\\".x"}', 400),
        (b'{"sql": "select 1", "purpose": "' + b"p" * 501 + b'"}', 400),
        (b'{"sql": "select 1", "max_rows": 1e400}', 400),
        (b'{"sql": "select 1", "max_rows": ' + b"9" * 5000 + b"}", 400),
        (b'{"sql": ' + b"[" * 100_000 + b"}", 400),
        (b"\x1f\x8b\x08\x00 a bomb that nobody inflates", 400),
        (b"x" * (1 << 21), 413),
    ],
    ids=lambda said: repr(said)[:40],
)
def test_a_hostile_body_is_not_understood(attacked: Attacked, body: bytes, status: int) -> None:
    reply = attacked.send("POST", "/v1/query", body, content_type="application/json", content_encoding="gzip")

    assert reply.problem["status"] == status
