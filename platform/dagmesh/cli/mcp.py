"""`dagmesh mcp`: the tools of agents over standard input and output, for an agent on this machine."""

from __future__ import annotations

import click

from dagmesh.cli.options import example


@click.command(epilog=example("dagmesh mcp --as marketing"))
@click.option("--as", "reader", default="analyst", show_default=True, help="The domain in whose name the agent reads.")
def mcp(reader: str) -> None:
    """Serve the catalogue and queries to an agent on this machine, over MCP (stdio)."""
    import asyncio

    from dagmesh.errors import MeshError
    from dagmesh.model.mesh import Mesh

    try:
        from dagmesh.consume.agents.stdio import serve
    except ModuleNotFoundError as error:
        raise MeshError(f"agents need {error.name}, which is not installed. Run: pip install 'dagmesh[agents]'") from error
    asyncio.run(serve(Mesh.find(), reader))
