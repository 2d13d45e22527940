"""Snapshots: one published, immutable state of a product, and its rows as SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from dagmesh.errors import NotPublished
from dagmesh.lake.data_file import DataFile, digest
from dagmesh.lake.delta_log import newest_version
from dagmesh.lake.opened_files import opened_path
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication
from dagmesh.lake.rows_sql import pattern_free, rows_sql
from dagmesh.lake.storage import State
from dagmesh.model.address import Address


@dataclass(frozen=True)
class Snapshot:
    """One snapshot whose signature holds and whose files are the ones that were signed; their content is checked by `sql`."""

    publication: Publication
    files: tuple[DataFile, ...]
    place: Place = field(repr=False)

    @property
    def version(self) -> int:
        """The snapshot's number."""
        return self.publication.snapshot

    @property
    def address(self) -> Address:
        """The product's address with the snapshot's number."""
        return self.place.address.at_snapshot(self.version)

    @cached_property
    def days(self) -> dict[date, str]:
        """Each published day and what it was made of; empty for a whole product."""
        return {file.day: file.made_of for file in self.files if file.day}

    @cached_property
    def day_digests(self) -> dict[date, str]:
        """Each published day and the digest of its content; empty for a whole product."""
        by_day: dict[date, list[DataFile]] = {}
        for file in self.files:
            if file.day:
                by_day.setdefault(file.day, []).append(file)
        return {day: digest(files) for day, files in by_day.items()}

    @cached_property
    def digest(self) -> str:
        """The digest of the whole snapshot's content."""
        return digest(self.files)

    def completeness(self, days: Collection[date] | None = None) -> float:
        """The lowest share of complete records among the days; None: of the whole snapshot."""
        if self.publication.day_column is None:
            return self.publication.completeness
        shares = self.publication.incomplete.items()
        return min((share for day, share in shares if days is None or date.fromisoformat(day) in days), default=1.0)

    def sql(self, days: Collection[date] | None = None, values: Collection[str] | None = None) -> str:
        """FROM-able text of the rows, of the chosen days' files only, columns in contract order.

        `values` are the columns whose values are needed, None for all: an encrypted one that is not among them is NULL, and its key
        is not touched.

        Each file's content is hashed the first time this machine reads it, and again when the file has changed.

        Raises:
            UntrustedSnapshot: a file is missing, damaged or not what was signed.
            NotPublished: the snapshot is an old one that is no longer kept.
            MeshError: the key of an encrypted column is not on this machine.
        """
        chosen = [file for file in self.files if days is None or file.day in days]
        self.check(chosen)
        about, secret = self.publication, self.publication.encrypted
        needed = {name for name in secret if values is None or name in values}
        hidden = secret.keys() - needed
        # Files published before columns were encrypted, or opened without some of them, are read by name.
        mixed = about.mixed or bool(secret)
        paths = [opened_path(self.place, file.path, needed) if needed else self.place.storage.path(file.path) for file in chosen]
        return rows_sql(paths, about.columns, about.day_column, mixed, hidden)

    @property
    def parquet(self) -> dict[str, int]:
        """Its files as DuckDB takes them, each with its number of rows."""
        return {pattern_free(self.place.storage.path(file.path)): file.rows for file in self.files}

    def lost(self, days: Collection[date] | None = None) -> tuple[DataFile, ...]:
        """The files (of these days) that are not there or have not the size that was signed, by a look at names and sizes alone."""
        chosen = [file for file in self.files if days is None or file.day is None or file.day in days]
        states = self.place.storage.states([file.path for file in chosen])
        return tuple(file for file in chosen if file.path not in states or states[file.path].size != file.size)

    def check(self, files: Collection[DataFile], anew: bool = False) -> None:
        """Nothing, when the files' content is what was signed.

        Args:
            files: files of the snapshot.
            anew: hash them even when this machine knows them.

        Raises:
            UntrustedSnapshot: a file is missing, damaged or not what was signed.
            NotPublished: the snapshot is an old one that is no longer kept.
        """
        found = damage(self.place, files, anew)
        if found is None:
            return
        newest = newest_version(self.place.storage)
        if found.is_missing and newest is not None and self.version < newest:
            address = str(self.place.address)
            raise NotPublished(
                f"{self.address} is no longer kept; the newest snapshot is #{newest}: dagmesh history {address}", address=address
            )
        # Imported here because verify makes snapshots.
        from dagmesh.lake.verify import refusal

        raise refusal(self.place, self.version, found.reason)


@dataclass(frozen=True)
class Damage:
    """What is wrong with a file, as the end of a sentence, and whether it is that there is none."""

    reason: str
    is_missing: bool = False


def damage(place: Place, files: Collection[DataFile], anew: bool = False) -> Damage | None:
    """What is wrong with the first bad file; None when all are good, which is remembered."""
    states = place.storage.states([file.path for file in files])
    known = {} if anew else place.checked.known(place.storage.root, states)
    good: dict[str, State] = {}
    try:
        for file in files:
            found = _damage(place, file, states.get(file.path), known.get(file.path))
            if found:
                return found
            if known.get(file.path) != states[file.path]:
                good[file.path] = states[file.path]
    finally:
        place.checked.note(place.storage.root, good)
    return None


def _damage(place: Place, file: DataFile, state: State | None, known: State | None) -> Damage | None:
    if state is None:
        return Damage(f"its file {file.path} is missing", is_missing=True)
    if state.size != file.size:
        return Damage(f"its file {file.path} has {state.size} bytes, {file.size} were signed")
    if state != known and place.storage.sha256(file.path) != file.sha256:
        return Damage(f"its file {file.path} has not the content that was signed")
    return None
