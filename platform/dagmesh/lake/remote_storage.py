"""Storage behind a URL: an object store or anything else that fsspec has a file system for."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from dagmesh.lake.storage import State

_MARKS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified")
_FEW = 8
_WRITTEN = ("LastModified", "last_modified", "mtime", "updated")


@dataclass(frozen=True)
class RemoteStorage:
    """Files below a URL; `folder` is the URL's path as its file system has it."""

    filesystem: Any
    folder: str

    @classmethod
    def of(cls, url: str) -> RemoteStorage:
        """The storage of a URL; what its file system needs to know comes from the environment, as for Delta."""
        # Listings are not kept: other processes publish.
        filesystem, folder = url_to_fs(url, use_listings_cache=False)
        return cls(filesystem, folder.rstrip("/"))

    @property
    def root(self) -> str:
        """The root as DuckDB and Delta take it."""
        return str(self.filesystem.unstrip_protocol(self.folder))

    def at(self, folder: str) -> RemoteStorage:
        """The storage below a folder."""
        return RemoteStorage(self.filesystem, self._name(folder))

    def path(self, name: str) -> str:
        """The file's URL."""
        return str(self.filesystem.unstrip_protocol(self._name(name)))

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        """Let the connection read and write these files."""
        if not isinstance(self.filesystem, LocalFileSystem):  # DuckDB has its own for file://
            con.register_filesystem(self.filesystem)

    def make_folder(self, name: str) -> None:
        """Make a folder that may be there already, where storage has folders."""
        self.filesystem.makedirs(self._name(name), exist_ok=True)

    def names(self, folder: str) -> list[str]:
        """The names directly in a folder, sorted; none when there is no such folder."""
        try:
            found = self.filesystem.ls(self._name(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found)

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """Every file below a folder and when it was last written."""
        for path, info in self.filesystem.find(self._name(folder), detail=True).items():
            yield path.removeprefix(f"{self.folder}/"), _moment(next(info[key] for key in _WRITTEN if info.get(key)))

    def last_written(self, folder: str) -> datetime | None:
        """When anything in a folder was last written; None when nothing is there."""
        return max((written for _, written in self.files(folder)), default=None)

    def state(self, name: str) -> State | None:
        """The file's size and what its file system has to tell versions apart."""
        try:
            return _state(self.filesystem.info(self._name(name)))
        except FileNotFoundError:
            return None

    def states(self, names: Collection[str]) -> Mapping[str, State]:
        """The states of those of the files that are there: of many by one listing, which costs what a few single looks do."""
        if len(names) > _FEW:
            found = self.filesystem.find(self.folder, detail=True).items()
            listed = {path.removeprefix(f"{self.folder}/"): info for path, info in found}
            return {name: _state(listed[name]) for name in names if name in listed}
        states = {name: self.state(name) for name in names}
        return {name: state for name, state in states.items() if state}

    def read(self, name: str) -> bytes | None:
        """The file's content; None when there is no such file."""
        try:
            return bytes(self.filesystem.cat_file(self._name(name)))
        except FileNotFoundError:
            return None

    def sha256(self, name: str) -> str:
        """The hash of the file's content, hexadecimal."""
        with self.filesystem.open(self._name(name), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def create(self, name: str, content: bytes) -> bool:
        """Whether the file was created, whole at once; False when one was there already."""
        self.make_folder(name.rpartition("/")[0])
        try:
            self.filesystem.pipe_file(self._name(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    def move(self, source: str, target: str) -> None:
        """Rename a file: an object store copies it on its own side."""
        self.make_folder(target.rpartition("/")[0])
        self.filesystem.mv(self._name(source), self._name(target))

    def copy(self, source: str, target: str) -> None:
        """Write a file's content to another name."""
        self.make_folder(target.rpartition("/")[0])
        self.filesystem.cp_file(self._name(source), self._name(target))

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all it holds; nothing when there is neither."""
        if self.filesystem.exists(self._name(name)):
            self.filesystem.rm(self._name(name), recursive=True)

    def _name(self, name: str) -> str:
        return f"{self.folder}/{name}" if name else self.folder


def _state(info: Mapping[str, Any]) -> State:
    return State(info["size"], str(next((info[key] for key in _MARKS if info.get(key)), "")))


def _moment(written: datetime | float) -> datetime:
    return written if isinstance(written, datetime) else datetime.fromtimestamp(written, UTC)
