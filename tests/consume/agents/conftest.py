"""Agents of a small mesh: the real client library, against the real server, workers and lake."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from mcp.client import Client
from tests.small_mesh import SmallMesh, small_mesh

from dagmesh.consume.agents.budget import Budgets
from dagmesh.consume.agents.server import server
from dagmesh.consume.agents.tools import Tools
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.search_index import SearchIndex
from dagmesh.consume.service.queries import Queries

__all__ = ["small_mesh"]

REPORTS = Principal("token:reports-bot", "reports", "agent")
CALL = Callable[[str, dict[str, Any]], Awaitable[Any]]


@dataclass
class Agent:
    """An agent of a mesh; `call` gives the answer, `refused` the words of the refusal."""

    mesh: SmallMesh
    principal: Principal = REPORTS
    answers: list[Any] = field(default_factory=list)

    def as_(self, **said: Any) -> "Agent":
        return Agent(self.mesh, replace(self.principal, **said))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = asyncio.run(self._asked(tool, arguments))
        assert not result.is_error, result.content[0].text
        return result.structured_content

    def refused(self, tool: str, **arguments: Any) -> str:
        result = asyncio.run(self._asked(tool, arguments))
        assert result.is_error, result.structured_content
        return result.content[0].text

    async def _asked(self, tool: str, arguments: dict[str, Any]) -> Any:
        queries = Queries(self.mesh.mesh)
        await queries.open()
        try:
            tools = Tools(self.mesh.mesh, queries, Budgets(self.mesh.mesh.home), SearchIndex(self.mesh.lake))
            async with Client(server(tools, lambda _: self.principal)) as client:
                return await client.call_tool(tool, arguments)
        finally:
            await queries.close()


@pytest.fixture
def agent(small_mesh: SmallMesh) -> Agent:
    small_mesh.export("2026-11-16", 10, 20, 30)
    small_mesh.export("2026-11-17", 11, 21)
    small_mesh.build("2026-11-16", "2026-11-17")
    return Agent(small_mesh)
