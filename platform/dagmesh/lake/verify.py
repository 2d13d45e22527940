"""Verification: a snapshot is read only when its publication is signed by its domain and its files are the signed ones."""

from __future__ import annotations

from deltalake import DeltaTable

from dagmesh.errors import NotPublished, UntrustedSnapshot
from dagmesh.lake.data_file import DataFile
from dagmesh.lake.delta_log import UnreadableLog, active_files, commit_info, commit_name, newest_version, opened
from dagmesh.lake.keys import PublicKey, key_name, public_key
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication, manifest
from dagmesh.lake.snapshot import Snapshot, damage
from dagmesh.lake.storage import State

PUBLICATION = "dagmesh.publication"
SIGNATURE = "dagmesh.signature"


class Unverified(Exception):
    """What is wrong with a version, as the end of a sentence; readers get it as an UntrustedSnapshot."""

    def __init__(self, version: int, reason: str) -> None:
        super().__init__(reason)
        self.version = version


def load(place: Place, version: int | None = None) -> Snapshot:
    """The newest snapshot, or that version, verified.

    Raises:
        NotPublished: nothing is published, or not that version.
        UntrustedSnapshot: unsigned, forged or damaged.
    """
    address, newest = str(place.address), newest_version(place.storage)
    if newest is None:
        raise NotPublished(f"{address} is not published yet. Publish it: dagmesh run {place.address.name}", address=address)
    if version is not None and version > newest:
        raise NotPublished(f"{address} has no snapshot #{version}; the newest is #{newest}: dagmesh history {address}", address=address)
    try:
        return _newest(place, newest) if version in (None, newest) else verified(place, _opened(place, version))
    except Unverified as error:
        raise refusal(place, error.version, str(error)) from error


def _newest(place: Place, version: int) -> Snapshot:
    """The newest snapshot; the one verified before, when it is still the newest and neither commit nor key was touched."""
    states = states_of(place, version)
    known_states, known = place.verified.get(place.storage.root, (None, None))
    if known and known.version == version and known_states == states:
        return known
    try:
        with place.tables.newest(place.storage) as table:
            assert table is not None
            snapshot = verified(place, table)
    except UnreadableLog as error:
        raise Unverified(version, str(error)) from error
    if snapshot.version == version:
        place.verified[place.storage.root] = states, snapshot
    return snapshot


def states_of(place: Place, version: int) -> list[State | None]:
    """The states of all that decides whether a version verifies: its commit and its domain's key."""
    return [place.storage.state(commit_name(version)), place.lake.state(key_name(place.address.domain))]


def remember(place: Place, snapshot: Snapshot) -> None:
    """Take a snapshot that this process has just signed and committed as verified, while it is the newest."""
    place.verified[place.storage.root] = states_of(place, snapshot.version), snapshot


def _opened(place: Place, version: int) -> DeltaTable:
    try:
        table = opened(place.storage, version)
    except UnreadableLog as error:
        raise Unverified(version, str(error)) from error
    assert table is not None
    return table


def verified(place: Place, table: DeltaTable, files: tuple[DataFile, ...] | None = None) -> Snapshot:
    """The snapshot of an open table, whose files may be given by who has listed them already.

    Raises:
        Unverified: its signature does not hold, or its files are not the signed ones.
    """
    version = table.version()
    publication = signed_publication(place, version, public_key(place.lake, place.address.domain))
    files = active_files(table) if files is None else files
    if not all(file.is_named for file in files) or manifest(files) != publication.manifest:
        raise Unverified(version, "its files are not the ones that were signed")
    return Snapshot(publication, files, place)


def signed_publication(place: Place, version: int, key: PublicKey | None) -> Publication:
    """The version's publication, when the domain's key signed it for this address and version.

    Raises:
        Unverified: it did not.
    """
    info = commit_info(place.storage, version)
    text, signature = info.get(PUBLICATION), info.get(SIGNATURE)
    if not isinstance(text, str) or not isinstance(signature, str):
        raise Unverified(version, "it is not signed")
    if key is None:
        raise Unverified(version, f"the lake has no public key of {place.address.domain} to verify it with")
    if not key.verifies(text, signature):
        raise Unverified(version, f"its signature does not hold for {place.address.domain}'s key {key.key_id}")
    publication = Publication.from_json(text)
    if (publication.address, publication.snapshot) != (str(place.address), version):
        raise Unverified(version, f"it is a copy of {publication.address}#{publication.snapshot}")
    return publication


def refusal(place: Place, version: int, reason: str) -> UntrustedSnapshot:
    """The error that says what is wrong with a version, which is the last good one before it, and what to do."""
    good, address = _last_good(place, version), place.address
    if good is None:
        advice = f"No earlier snapshot is good. The owner of {address.domain} moves {place.storage.root} away and publishes it anew."
    else:
        advice = (
            f"The last good snapshot is {address}#{good}: read it with dagmesh query 'from \"{address}#{good}\"', or make it the "
            f"newest with dagmesh rollback '{address}#{good}' --reason ..."
        )
    return UntrustedSnapshot(f"{address}#{version} is refused: {reason}. {advice}", address=str(address), version=version, last_good=good)


def _last_good(place: Place, before: int) -> int | None:
    key = public_key(place.lake, place.address.domain)
    if key is None:
        return None
    return next((version for version in range(before - 1, -1, -1) if _is_good(place, version, key)), None)


def _is_good(place: Place, version: int, key: PublicKey) -> bool:
    try:
        signed_publication(place, version, key)
        return damage(place, verified(place, _opened(place, version)).files) is None
    except Unverified:
        return False
