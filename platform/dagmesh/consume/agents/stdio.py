"""The tools of agents over standard input and output: one agent, on this machine, in one domain's name."""

from __future__ import annotations

from dataclasses import replace

from dagmesh.consume.agents.budget import Budgets
from dagmesh.consume.agents.server import server
from dagmesh.consume.agents.tools import Tools
from dagmesh.consume.identity.principal import local
from dagmesh.consume.search_index import SearchIndex
from dagmesh.consume.service.queries import Queries
from dagmesh.model.mesh import Mesh


async def serve(mesh: Mesh, reader: str) -> None:
    """Answer until standard input ends."""
    principal, queries = replace(local(reader), kind="agent"), Queries(mesh)
    await queries.open()
    try:
        tools = Tools(mesh, queries, Budgets(mesh.home), SearchIndex(queries.readers.lake))
        await server(tools, lambda _: principal).run_stdio_async()
    finally:
        await queries.close()
