"""What commands share in their declaration: the `--json` option and the example that ends each help."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def example(*lines: str) -> str:
    """The epilog that ends a command's help: `@click.command(epilog=example("dagmesh list", "dagmesh list --json"))`."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])
