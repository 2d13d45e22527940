"""Hostile arguments of agents' tools, over HTTP as they come: refused in words, written down, and no file or grant is made of them."""

import json
from typing import Any

import pytest
from tests.attacks.conftest import Attacked

from dagmesh.consume.agents.verification import verified
from dagmesh.errors import ReceiptRefused

ACCEPT = "application/json, text/event-stream"


def call(attacked: Attacked, tool: str, **arguments: Any) -> dict[str, Any]:
    """The result of a tool that the bot of finance calls."""
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    reply = attacked.send("POST", "/mcp", said, "bot", accept=ACCEPT)
    assert reply.status == 200, reply.text
    found: dict[str, Any] = json.loads(reply.text)
    return found.get("result") or {"isError": True, **found["error"]}


@pytest.mark.parametrize(
    "sql",
    [
        *(
            "FROM read_text('/etc/passwd')",
            "SELECT 1; SELECT 2",
            "FROM ledger.entries",
            "COPY (SELECT 1) TO '/tmp/stolen'",
            "SELECT getenv('HOME')",
        ),
        *(
            "SELECT 1) ORDER BY ALL; SELECT (1",
            "SELECT 1 /*",
            "SELECT 1) x, ledger.entries --",
            "SELECT repeat('x', 2000000000)",
            "FROM nope.nope",
        ),
        *(
            "FROM " + "(FROM " * 2500 + "range(1)" + ")" * 2500,
            "SELECT " + "(" * 9000 + "1" + ")" * 9000,
            "WITH a AS (" * 1000 + "SELECT 1" + ") FROM a" * 1000,
        ),
    ],
    ids=lambda sql: sql[:40],
)
def test_an_agents_hostile_statement_is_refused_and_written_down(attacked: Attacked, sql: str) -> None:
    before = len(attacked.refusals())

    assert call(attacked, "query", sql=sql, purpose="an attack")["isError"]
    assert len(attacked.refusals()) == before + 1


@pytest.mark.parametrize("tool", ["describe", "sample", "lineage", "request_access", "trace"])
@pytest.mark.parametrize(
    "product", ["../../etc/passwd", "ledger.entries'--", 'orders.orders" UNION FROM ledger.entries --', "\0", "x" * 5000, "nope.nope"]
)
def test_a_hostile_name_of_a_product_is_refused(attacked: Attacked, tool: str, product: str) -> None:
    grants = attacked.world.files()
    more = {"request_access": {"purpose": "an attack"}, "trace": {"key": {"order_id": "1"}, "column": "x"}}.get(tool, {})

    assert call(attacked, tool, product=product, **more)["isError"]
    assert attacked.world.files() == grants


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("trace", {"product": "customers.profiles", "key": {"customer_id": "0' OR '1'='1"}, "column": "credit_eur"}),
        ("trace", {"product": "customers.profiles", "key": {"customer_id": "c1"}, "column": "credit_eur"}),
        ("trace", {"product": "customers.profiles", "key": {"customer_id": "0"}, "column": "city"}),
        ("trace", {"product": "ledger.entries", "key": {"entry_id": "1"}, "column": "secret"}),
        ("lineage", {"product": "ledger.entries", "column": "secret' OR 1=1"}),
        ("search", {"text": "\" OR rowid:* NEAR(a b) -- '", "limit": 50}),
        ("search", {"text": "column:secret domain:ledger owner:* class:\0"}),
        ("search", {"text": "x" * 400}),
        ("sample", {"product": "orders.orders", "rows": 10**12}),
        ("query", {"sql": "FROM customers.profiles", "purpose": "x" * 501}),
        ("request_access", {"product": "ledger.entries", "purpose": "x\nstatus: approved\nrows: true", "columns": ["../x", "secret"]}),
        ("request_access", {"product": "customers.profiles", "purpose": "all of it", "columns": ["credit_eur"]}),
        ("nothing", {}),
    ],
    ids=lambda said: str(said)[:70],
)
def test_hostile_arguments_tell_and_open_nothing(attacked: Attacked, tool: str, arguments: dict[str, Any]) -> None:
    call(attacked, tool, **arguments)  # `send` holds that no secret is in the reply

    assert attacked.query("SELECT count(*), count(credit_eur) FROM customers.profiles").rows == [[2, 0]]
    assert attacked.query("FROM ledger.entries").status == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [("reader", "customers"), ("principal", "token:crm"), ("id", "0"), ("purpose", "another"), ("code", ""), ("code", "0" * 64)],
)
def test_a_forged_receipt_proves_nothing_and_reads_nothing(attacked: Attacked, name: str, value: str) -> None:
    result = call(attacked, "query", sql="SELECT email FROM customers.profiles", purpose="a report of the week")
    receipt = result["structuredContent"]["receipt"]
    mesh, reads = attacked.world.mesh, len(attacked.written)
    assert verified(mesh, json.dumps(receipt)).rows == 2
    reads = len(attacked.written)

    with pytest.raises(ReceiptRefused):
        verified(mesh, json.dumps({**receipt, name: value}))

    assert len(attacked.written) == reads
