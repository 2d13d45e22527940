"""`dagmesh events`: what the owner of a domain does with its private event store."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table
from dagmesh.consume.own_events import opened_store

if TYPE_CHECKING:
    from dagmesh.events.event import Event
    from dagmesh.events.store import EventStore
    from dagmesh.events.verification import Verification
    from dagmesh.model.mesh import Mesh

COLUMNS = ["position", "time", "type", "version", "subject", "id"]


@click.group(epilog=example("dagmesh events verify orders", "dagmesh events list orders --limit 5"))
def events() -> None:
    """List, seal and verify the events of a domain; they are private to it."""


@events.command(epilog=example("dagmesh events verify orders"))
@click.argument("domain")
def verify(domain: str) -> None:
    """Follow the chain of a domain's events and check its sealed segments and their signatures."""
    mesh = found_mesh()
    with opened_store(mesh, domain) as store:
        click.echo(in_words(domain, verified(mesh, domain, store)))


@events.command(epilog=example("dagmesh events seal orders", "dagmesh events seal orders --upto 1000000"))
@click.argument("domain")
@click.option("--upto", type=int, help="The last position to seal; the newest by default.")
def seal(domain: str, upto: int | None) -> None:
    """Write a domain's events since the last seal as signed, typed Parquet files."""
    from dagmesh.events.segments import seal
    from dagmesh.lake.lake import Lake

    mesh = found_mesh()
    with opened_store(mesh, domain) as store:
        key, last = Lake.of(mesh).signing_key(domain), store.head().position if upto is None else upto
        sealed = list(iter(lambda: seal(store, key, last), None))
    for segment in sealed:
        files = len(segment.files)
        click.echo(f"{domain}: events {segment.first} to {segment.last} are sealed in {files} files, signed by {segment.key_id}.")
    if not sealed:
        click.echo(f"{domain}: nothing to seal up to event {last}.")


@events.command(
    name="list", epilog=example("dagmesh events list orders --subject orders/4711", "dagmesh events list orders --limit 5 --json")
)
@click.argument("domain")
@click.option("--subject", help="Only this subject's events, and those of subjects below it.")
@click.option("--type", "kind", help="Only events of this type.")
@click.option("--limit", default=20, show_default=True, help="Print at most so many, the newest.")
@click.option("--payload", is_flag=True, help="Print the data too, personal values opened.")
@json_option
def list_events(domain: str, subject: str | None, kind: str | None, limit: int, payload: bool, as_json: bool) -> None:
    """List the newest events of a domain, without their data."""
    with opened_store(found_mesh(), domain) as store:
        types = None if kind is None else [kind]
        found = store.read(subject, recursive=subject is not None, types=types, order="newest first")
        some = list(islice(found, limit))
    entries = [_entry(event, payload) for event in some]
    if as_json:
        print_json(entries)
    else:
        columns = [*COLUMNS, "data"] if payload else COLUMNS
        print_table(columns, [[entry[column] for column in columns] for entry in entries])


def found_mesh() -> Mesh:
    """The mesh of the working directory."""
    from dagmesh.model.mesh import Mesh

    return Mesh.find()


def verified(mesh: Mesh, domain: str, store: EventStore) -> Verification:
    """What holds of the domain's events; raises what `verify_events` raises."""
    from dagmesh.events.verification import verify_events
    from dagmesh.lake.keys import public_key
    from dagmesh.lake.lake import Lake

    return verify_events(store, public_key(Lake.of(mesh).storage, domain))


def in_words(domain: str, found: Verification) -> str:
    """What holds, in a sentence."""
    tail = found.head.position - found.sealed
    return (
        f"{domain}: {found.head.position} events are chained up to {found.head.hash.hex()[:16]}; "
        f"{found.sealed} of them sealed in {found.segments} segments, {tail} after them."
    )


def _entry(event: Event, payload: bool) -> dict[str, Any]:
    """An event as JSON values, its data only when asked for."""
    from dagmesh.events.event import canonical

    said: dict[str, Any] = {name: getattr(event, name) for name in COLUMNS}
    said["time"] = event.time.isoformat().replace("+00:00", "Z")
    return said | {"hash": event.hash.hex()} | ({"data": canonical(event.data)} if payload else {})
