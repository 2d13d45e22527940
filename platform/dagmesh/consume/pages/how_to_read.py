"""How to read a product, ready to copy: on the command line, in Python, over HTTP, by an agent."""

from __future__ import annotations

import json
from dataclasses import dataclass

from dagmesh.model.address import Address

ROWS = 10


@dataclass(frozen=True)
class Snippet:
    """A way to read: its name, and the text to copy."""

    way: str
    text: str


def how_to_read(address: Address, service: str | None) -> list[Snippet]:
    """The ways to read a product.

    Args:
        address: with its major.
        service: where `dagmesh serve` answers; None leaves out the ways that need it.
    """
    sql = f'select * from "{address}" limit {ROWS}'
    local = [
        Snippet("SQL", f"dagmesh query '{sql}'"),
        Snippet("Python", f'import dagmesh as dm\n\nrows = dm.connect().read("{address}")  # lazy: .pl(), .df(), .to_arrow_table()'),
    ]
    if service is None:
        return local
    curl = (
        f"curl {service}/v1/query \\\n  -H 'Authorization: Bearer '\"$DAGMESH_TOKEN\" -H 'Accept: text/csv' \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{json.dumps({'sql': sql})}'"
    )
    server = {"dagmesh": {"type": "http", "url": f"{service}/mcp", "headers": {"Authorization": "Bearer ${DAGMESH_TOKEN}"}}}
    agent = f"{json.dumps({'mcpServers': server}, indent=2)}\n\nquery: {json.dumps({'sql': sql})}"
    return [*local, Snippet("curl", curl), Snippet("MCP", agent)]
