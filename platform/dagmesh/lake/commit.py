"""Commits: one signed, metadata-only Delta commit makes a snapshot; a lost race repeats the commit alone, a few times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError

from dagmesh.errors import PublishConflict
from dagmesh.lake.data_file import DataFile
from dagmesh.lake.delta_log import UnreadableLog, commit_info, newest_version
from dagmesh.lake.keys import SigningKey, announce
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication, manifest
from dagmesh.lake.readers import note_reads
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.verify import PUBLICATION, SIGNATURE, refusal, remember

ATTEMPTS = 40
_LONGEST_WAIT = 0.25  # seconds; the waits grow to it from a hundredth


@dataclass(frozen=True)
class Change:
    """What a commit is to do to the table as it was opened.

    `publication` lacks what depends on the commit: number, rows, manifest, key. `files` are the snapshot's after it.
    """

    publication: Publication
    files: tuple[DataFile, ...]
    write: Callable[[CommitProperties], object]


Propose = Callable[[DeltaTable | None], Change]


def committed(place: Place, key: SigningKey, propose: Propose) -> Snapshot:
    """The snapshot that the proposed change made.

    Args:
        place: the table.
        key: who signs.
        propose: gives the change for the table as it is now (None: there is none yet); asked again after a lost race.

    Raises:
        PublishConflict: every attempt lost to another publisher.
        MeshError: the lake has another key for the domain.
    """
    announce(place.lake, key)
    for attempt in range(ATTEMPTS):
        with _opened(place) as table:
            snapshot = _attempt(place, key, propose(table), -1 if table is None else table.version())
        if snapshot:
            return snapshot
        time.sleep(random.uniform(0, min(_LONGEST_WAIT, 0.01 * 2**attempt)))  # noqa: S311 - to get out of step, not secret
    raise PublishConflict(
        f"{place.address}: {ATTEMPTS} attempts to commit lost to other publishers; nothing was published. "
        f"See who publishes it: dagmesh history {place.address} - then run it again."
    )


@contextmanager
def _opened(place: Place) -> Iterator[DeltaTable | None]:
    try:
        with place.tables.newest(place.storage) as table:
            yield table
    except UnreadableLog as error:
        raise refusal(place, newest_version(place.storage) or 0, str(error)) from error


def _attempt(place: Place, key: SigningKey, change: Change, version: int) -> Snapshot | None:
    """The new snapshot; None when another publisher was faster."""
    publication = replace(
        change.publication,
        snapshot=version + 1,
        rows=sum(file.rows for file in change.files),
        manifest=manifest(change.files),
        key_id=key.key_id,
    )
    note_reads(place.lake, place.address, publication.product)
    text = publication.to_json()
    signature = key.sign(text)
    try:
        # No re-tries of Delta's own: they would commit a signature for another version.
        change.write(CommitProperties(custom_metadata={PUBLICATION: text, SIGNATURE: signature}, max_commit_retries=0))
    except DeltaError:
        if commit_info(place.storage, version + 1).get(SIGNATURE) != signature:
            if (newest_version(place.storage) or 0) <= version:
                raise
            return None
    snapshot = Snapshot(Publication.from_json(text), tuple(sorted(change.files, key=lambda file: file.path)), place)
    remember(place, snapshot)
    return snapshot
