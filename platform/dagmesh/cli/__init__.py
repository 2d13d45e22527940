"""The command `dagmesh`: every command in one line of commands.py, its module imported only when it runs.

Exit codes:
    0  done
    1  something unexpected; a traceback says where; of `dagmesh replay <product> --compare`: something changes
    2  a mistake to mend: the command line, a definition, an address, a setting
    3  access refused: the product does not serve the reader, nobody is known by that proof, or an agent's budget is spent
    4  not published: the product to read, or the day, has no snapshot yet
    5  untrusted: a snapshot, an event store or a receipt that is unsigned, forged or damaged
    6  not all was published: rows broke the contract, an input is missing or the code failed; the message says which
    7  a contract, a lock file, a policy or an expectation is broken
  130  stopped by Ctrl-C, but for `dagmesh up` and `dagmesh serve`, which end with 0
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from dagmesh.cli.commands import COMMANDS
from dagmesh.errors import (
    AccessRefused,
    AuditRefused,
    BudgetSpent,
    ChainBroken,
    ContractBroken,
    DagmeshError,
    IdentityRefused,
    NotPublished,
    PolicyViolated,
    ReceiptRefused,
    UntrustedSnapshot,
    nearest,
    one_of,
)

EXIT_CODES: dict[type[DagmeshError], int] = {
    AccessRefused: 3,
    IdentityRefused: 3,
    BudgetSpent: 3,
    NotPublished: 4,
    UntrustedSnapshot: 5,
    ChainBroken: 5,
    ReceiptRefused: 5,
    AuditRefused: 6,
    ContractBroken: 7,
    PolicyViolated: 7,
}
MISTAKE, INTERRUPTED = 2, 130


def exit_code(error: DagmeshError) -> int:
    """The exit code of an error: its class's own, or the one of all other mistakes."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), MISTAKE)


class Commands(click.Group):
    """The commands of the table, imported when they run or show their help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module; None when the table has no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command the first argument names; any other name is refused with the nearest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command '{args[0]}'; choose {one_of(COMMANDS)}.{nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and summaries from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """The command's result; a DagmeshError or Ctrl-C becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except DagmeshError as error:
            click.echo(str(error), err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            click.echo("stopped by Ctrl-C.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Commands, epilog="\b\n" + (__doc__ or "").partition("\n\n")[2])
@click.version_option(package_name="dagmesh", message="%(prog)s %(version)s")
def main() -> None:
    """A data mesh on Dagster: every data product one file, nothing bad ever published.

    Run it inside a mesh: the folder of workspace.yaml, or any folder below.
    """
