"""How to read a product, ready to copy: on the command line, in Python, over HTTP, by an agent."""

from __future__ import annotations

import json
from dataclasses import dataclass

from dagmesh.consume.identity.principal import ANALYST
from dagmesh.model.address import Address

ROWS = 10


@dataclass(frozen=True)
class Snippet:
    """A way to read: its name, and the text to copy."""

    way: str
    text: str


def how_to_read(address: Address, reader: str, service: str | None) -> list[Snippet]:
    """The ways to read a product; those of a service take the token in DAGMESH_TOKEN.

    Args:
        address: with its major.
        reader: in whose name who looks reads.
        service: where `dagmesh serve` answers; None leaves out the ways that need it.
    """
    sql = f'select * from "{address}" limit {ROWS}'
    on_the_machine = Snippet("SQL", f"dagmesh query {'' if reader == ANALYST else f'--as {reader} '}'{sql}'")
    if service is None:
        return [on_the_machine, Snippet("Python", f"import dagmesh as dm\n\n{_in_python('', address)}")]
    token = f'"{service}", token=os.environ["DAGMESH_TOKEN"]'
    python = f"import os\n\nimport dagmesh as dm\n\n{_in_python(token, address)}"
    curl = (
        f"curl {service}/v1/query \\\n  -H 'Authorization: Bearer '\"$DAGMESH_TOKEN\" -H 'Accept: text/csv' \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{json.dumps({'sql': sql})}'"
    )
    server = {"dagmesh": {"type": "http", "url": f"{service}/mcp", "headers": {"Authorization": "Bearer ${DAGMESH_TOKEN}"}}}
    call = {"sql": sql, "purpose": "what the rows are for"}
    return [
        on_the_machine,
        Snippet("Python", python),
        Snippet("curl", curl),
        Snippet("MCP", json.dumps({"mcpServers": server}, indent=2)),
        Snippet("MCP: the tool query", json.dumps(call, indent=2)),
    ]


def _in_python(to: str, address: Address) -> str:
    return f'mesh = dm.connect({to})\nrows = mesh.read("{address}")  # .pl(), .df(), .to_arrow_table()'
