"""History: the publications of a table, newest first, each with whether its signature holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from dagmesh.errors import NotPublished
from dagmesh.lake.delta_log import commit_info, newest_version
from dagmesh.lake.keys import public_key
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.verify import PUBLICATION, Unverified, signed_publication, states_of


@dataclass(frozen=True)
class Past:
    """One publication of a table's history; `trusted` says whether its domain signed it for this table and version."""

    publication: Publication
    trusted: bool


def history(place: Place) -> Iterator[Past]:
    """Every publication, newest first; versions that do not even claim to be one are left out."""
    key = public_key(place.lake, place.address.domain)
    newest = newest_version(place.storage)
    for version in range(-1 if newest is None else newest, -1, -1):
        try:
            yield Past(signed_publication(place, version, key), trusted=True)
        except Unverified:
            claimed = _claimed(place, version)
            if claimed:
                yield Past(claimed, trusted=False)


def newest_trusted(place: Place) -> Publication | None:
    """The newest publication that its domain signed; the one verified before, while neither its commit nor the key was touched."""
    newest = newest_version(place.storage)
    if newest is None:
        return None
    states = states_of(place, newest)
    known_states, known = place.verified.get(place.storage.root, (None, None))
    if known and known.version == newest and known_states == states:
        return known.publication
    return next((past.publication for past in history(place) if past.trusted), None)


def _claimed(place: Place, version: int) -> Publication | None:
    try:
        return Publication.from_json(commit_info(place.storage, version)[PUBLICATION])
    except (KeyError, TypeError, ValueError):  # whatever it is, nobody vouches for it
        return None


def version_at(place: Place, moment: datetime) -> int:
    """The version that was the newest at a moment, by the publication's own time.

    Raises:
        NotPublished: nothing was published yet.
    """
    first = None
    for past in history(place):
        if past.trusted:
            first = past.publication
            if first.published_at <= moment:
                return first.snapshot
    known = f"its first snapshot is of {first.published_at:%Y-%m-%d %H:%M} UTC" if first else "nothing is published yet"
    raise NotPublished(f"{place.address} has no snapshot of {moment:%Y-%m-%d %H:%M} UTC: {known}.", address=str(place.address))


def added_by(snapshot: Snapshot, day: date | None) -> Publication:
    """The publication that made a snapshot's rows of a day (None: of a whole product): what they were made of, it says."""
    paths = {file.path for file in snapshot.files if file.day == day}
    later = (past.publication for past in history(snapshot.place) if past.trusted and past.publication.snapshot < snapshot.version)
    for publication in chain([snapshot.publication], later):
        if any(file["path"] in paths for file in publication.files):
            return publication
    return snapshot.publication
