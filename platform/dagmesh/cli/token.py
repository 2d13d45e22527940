"""`dagmesh token`: make, list and take back the tokens by which people, programs and agents say who they are."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table
from dagmesh.consume.identity.principal import KINDS, ROLES, SCOPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagmesh.consume.identity.principal import Kind, Role, Scope
    from dagmesh.consume.identity.tokens import Tokens
    from dagmesh.model.mesh import Mesh

LONGEST = 366  # days
COLUMNS = ["name", "id", "reader", "kind", "roles", "scopes", "expires_at", "state"]


@click.group(
    epilog=example(
        "dagmesh token create weekly-report --as marketing",
        "dagmesh token list",
        "dagmesh token revoke weekly-report",
    )
)
def token() -> None:
    """Make, list and take back tokens, by which people, programs and agents say who they are."""


@token.command(
    epilog=example(
        "dagmesh token create weekly-report --as marketing --kind service --scope query",
        "dagmesh token create anna --as analyst --days 7 --role operator",
    )
)
@click.argument("name")
@click.option("--as", "reader", help="The domain in whose name it reads, or analyst; not needed where it is known.")
@click.option("--kind", type=click.Choice(KINDS), help="Who has it: a person by default.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="What it may do beside reading; may be given several times.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, LONGEST), help="How long it holds.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it is for; all three by default.")
def create(name: str, reader: str | None, kind: Kind | None, roles: Sequence[Role], days: int, scopes: Sequence[Scope]) -> None:
    """Print a new token, once; who it stands for is a line of platform/principals.yaml, added when it is not there."""
    from dagmesh.consume.identity.principals import Entry
    from dagmesh.consume.identity.principals_writing import known_or_added
    from dagmesh.model.mesh import Mesh

    if (kind or roles) and not reader:
        raise click.UsageError("--kind and --role are said with --as; without it they are what platform/principals.yaml says.")
    mesh = Mesh.find()
    wanted = Entry(reader, kind or "person", frozenset(roles), token=name) if reader else None
    added = known_or_added(mesh, name, wanted)
    made, text = _tokens(mesh).create(name, getpass.getuser(), datetime.now(UTC), days, scopes or SCOPES)
    _log(mesh, "token made", f"token:{name}", id=made.id, scopes=list(made.scopes), expires_at=made.expires_at.isoformat())
    click.echo(text)
    click.echo(
        f"Keep it safe: it is not shown again. It is for {', '.join(made.scopes)} until {made.expires_at:%Y-%m-%d %H:%M:%S} UTC.", err=True
    )
    if added:
        click.echo(f"{added}: token {name} reads as {reader}. Commit it.", err=True)


@token.command(name="list", epilog=example("dagmesh token list", "dagmesh token list --json"))
@json_option
def list_tokens(as_json: bool) -> None:
    """List every token: whose it is, what it is for, until when and whether it holds; `--json` adds who made it, and when."""
    from dagmesh.consume.identity.principals_reading import principals_of
    from dagmesh.model.mesh import Mesh

    mesh, now = Mesh.find(), datetime.now(UTC)
    principals = principals_of(mesh)
    entries: list[dict[str, Any]] = []
    for kept in _tokens(mesh).all():
        principal = principals.of_token(kept.name)
        who = {**vars(principal), "roles": sorted(principal.roles)} if principal else dict.fromkeys(("reader", "kind", "roles"))
        said = {name: value for name, value in vars(kept).items() if name != "code"}
        entries.append({**who, **said, "state": kept.state(now) if principal else "unknown principal"})
    if as_json:
        print_json(entries)
    else:
        print_table(COLUMNS, [[_shown(entry[column]) for column in COLUMNS] for entry in entries])


@token.command(epilog=example("dagmesh token revoke weekly-report", "dagmesh token revoke 3f2a9c0011d4e5f6"))
@click.argument("named", metavar="NAME|ID")
def revoke(named: str) -> None:
    """Take back every token of a name, or the one of an id; it and its sessions end at once."""
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    for taken in _tokens(mesh).revoke(named, getpass.getuser(), datetime.now(UTC)):
        _log(mesh, "token revoked", f"token:{taken.name}", id=taken.id)
        click.echo(f"token {taken.name} ({taken.id}) is revoked.")


def _tokens(mesh: Mesh) -> Tokens:
    from dagmesh.consume.identity.secret_key import secret_key
    from dagmesh.consume.identity.tokens import Tokens

    return Tokens(mesh.home, secret_key(mesh.home))


def _log(mesh: Mesh, what: Any, who: str, **said: Any) -> None:
    from dagmesh.consume.identity.identity_log import IdentityLog

    IdentityLog(mesh.home).record(datetime.now(UTC), what, who, by=f"local:{getpass.getuser()}", **said)


def _shown(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
