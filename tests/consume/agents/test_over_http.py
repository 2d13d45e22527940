"""Agents over HTTP: the real client library, a real token, the service's own identity."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.middleware import Middleware
from tests.consume.service.conftest import Served, serving

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.middleware import Identity
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.tokens import Tokens
from dagmesh.consume.service.limits import Limits
from dagmesh.model.mesh import Mesh


@pytest.fixture
def behind_identity(agent):
    mesh: Mesh = agent.mesh.mesh
    agent.mesh.write("platform/principals.yaml", "principals:\n  - {token: bot, reader: reports, kind: agent}\n")
    with serving(mesh, Limits(workers=1, memory_mb=512), Middleware(Identity, gate=Gate(mesh))) as served:
        yield served


def token(served: Served, *scopes: str) -> str:
    return Tokens(served.mesh.home, secret_key(served.mesh.home)).create("bot", "root", datetime.now(UTC), 1, scopes)[1]


async def called(served: Served, proof: str, tool: str, arguments: dict[str, Any]) -> Any:
    url, headers = f"http://127.0.0.1:{served.port}/mcp", {"Authorization": f"Bearer {proof}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        return await client.call_tool(tool, arguments)


def test_an_agent_with_a_token_asks_in_the_name_of_its_principal(behind_identity):
    arguments = {"sql": "SELECT sum(degrees)::BIGINT AS degrees FROM sensors.readings", "purpose": "a report of the week"}

    result = asyncio.run(called(behind_identity, token(behind_identity, "agent"), "query", arguments))

    assert result.structured_content["untrusted"]["rows"] == [[92]]
    assert result.structured_content["receipt"]["principal"] == "token:bot"


def test_without_a_token_for_agents_nobody_gets_to_the_tools(behind_identity):
    path = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"accept": "application/json, text/event-stream"}

    nobody = behind_identity.request("POST", "/mcp", path, **accept)
    other = behind_identity.request("POST", "/mcp", path, authorization=f"Bearer {token(behind_identity, 'query')}", **accept)

    assert (nobody.status, other.status) == (401, 403)
