"""A domain's event store as its owner opens it, on the machine where it is: nobody else's command reads events."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagmesh.errors import AccessRefused, MeshError

if TYPE_CHECKING:
    from pathlib import Path

    from dagmesh.events.store import EventStore
    from dagmesh.model.mesh import Mesh


@contextmanager
def opened_store(mesh: Mesh, domain: str) -> Iterator[EventStore]:
    """The domain's store on this machine; raises what `owned_events` raises."""
    from dagmesh.events.store import EventStore

    store = EventStore(owned_events(mesh, domain), domain)
    try:
        yield store
    finally:
        store.close()


def owned_events(mesh: Mesh, domain: str) -> Path:
    """The folder of the domain's events on this machine.

    Raises:
        MeshError: there is none.
        AccessRefused: it is another user's.
    """
    mesh.location(domain)
    folder = mesh.home / "home" / domain / "events"
    closed = next((path for path in (folder.parent, folder) if path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK)), None)
    if closed:
        message = f"the events of {domain} are private to its owner, who alone can open {closed}. Ask for a product instead."
        raise AccessRefused(message, reader=str(os.geteuid()), address=domain)
    if not (folder / "events.sqlite").exists():
        raise MeshError(f"{domain} has no event store on this machine ({folder}). Run this where {domain} is kept.")
    return folder
