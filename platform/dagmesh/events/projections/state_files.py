"""The files of projections' states: where each is, opened by one process at a time, made anew, and removed."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dagmesh.errors import MeshError
from dagmesh.events.durable import synced
from dagmesh.events.projections.state import FILE, NOTE, Checkpoint, Definition, State
from dagmesh.events.store import EventStore
from dagmesh.events.typed import literal

if TYPE_CHECKING:
    from typing import TextIO

_LOCK, _WAL = "lock", f"{FILE}.wal"
_AGAIN = ".again"  # no product is called so
_DAMAGED = ("Corrupt database file", "not a valid DuckDB database file", "Could not read enough bytes")
_FULL = ("Could not write", "CHECKPOINT during DETACH failed")


def state_folder(home: Path, name: str, definition: str) -> Path:
    """Where a product's state is kept: another definition has another folder.

    Args:
        home: the domain's private home.
        name: `<product>.v<major>`.
        definition: its digest.
    """
    return home / "projections" / name / definition


def state_folders(home: Path, name: str = "*") -> list[Path]:
    """Every state in a domain's private home, of all products or of `<product>.v<major>`, of any definition."""
    return sorted((home / "projections").glob(f"{name}/*/"))


@contextmanager
def opened(con: duckdb.DuckDBPyConnection, definition: Definition, folder: Path, alias: str = "projected") -> Iterator[State]:
    """The state in a folder, attached to the connection as `alias`; one process at a time, others wait.

    Raises:
        MeshError: the file is damaged, or cannot be written.
    """
    with _locked(folder), _attached(con, definition, folder, alias) as state:
        yield state


@contextmanager
def fresh(con: duckdb.DuckDBPyConnection, definition: Definition, home: Path) -> Iterator[State]:
    """A state of nothing folded yet, in a folder of its own that is removed in the end."""
    folder = state_folder(home, _AGAIN, uuid.uuid4().hex)
    try:
        with opened(con, definition, folder) as state:
            yield state
    finally:
        shutil.rmtree(folder)


def fold_again(con: duckdb.DuckDBPyConnection, definition: Definition, folder: Path, store: EventStore) -> Checkpoint:
    """How far the state in a folder is folded, now from the first event, by a new file that takes the place of the old one whole.

    Raises:
        MeshError: the new file cannot be written; the old one stays.
    """
    beside = folder.parents[1] / _AGAIN / uuid.uuid4().hex
    try:
        with _locked(beside):
            with _attached(con, definition, beside) as state:
                reached = state.fold_to(store, store.head())
            synced(beside / FILE)
            with _locked(folder):
                # The log is the old file's. Without it that is older than its note says, and folds the rest again.
                (folder / _WAL).unlink(missing_ok=True)
                (beside / FILE).replace(folder / FILE)
                reached.write(folder)
    finally:
        shutil.rmtree(beside)
    return reached


def remove_state(folder: Path) -> None:
    """Remove a state, once whoever has it open is done; what it held is folded again when it is needed."""
    with _locked(folder):
        for name in (FILE, _WAL, NOTE):
            (folder / name).unlink(missing_ok=True)


def remove_unused(home: Path, used: Collection[Path], name: str = "*") -> list[Path]:
    """The states in a domain's private home, of all products or of `<product>.v<major>`, now removed, that are none of the folders
    used, and that nobody has open.
    """
    removed = []
    for folder in state_folders(home, name):
        if folder not in used:
            with (folder / _LOCK).open("w") as lock:
                if _taken(lock):
                    shutil.rmtree(folder)
                    removed.append(folder)
    return removed


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, definition: Definition, folder: Path, alias: str = "projected") -> Iterator[State]:
    """The state in a folder that is locked."""
    with _explained(folder):
        if not (folder / FILE).exists():
            _make(con, folder)
        state = State(con, definition, folder, alias)
        con.execute(f"ATTACH {literal(str(folder / FILE))} AS {state.alias}")
        try:
            yield state
        finally:
            con.execute(f"DETACH {state.alias}")


def _make(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the empty file at once: a crash leaves it whole or not at all."""
    beside = folder / f".{FILE}"
    beside.unlink(missing_ok=True)
    con.execute(f"ATTACH {literal(str(beside))} AS made")
    con.execute("DETACH made")
    beside.chmod(0o600)
    beside.replace(folder / FILE)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    for level in (folder.parents[1], folder.parent, folder):
        level.mkdir(exist_ok=True, mode=0o700)
    (folder / _LOCK).touch(mode=0o600)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """What DuckDB says of a damaged file or a full disk, with the next step."""
    try:
        yield
    except duckdb.Error as error:
        product = f"{folder.parents[2].name}.{folder.parent.name.replace('.v', '@')}"
        place, said = f"{folder / FILE}: what {product} was folded to", str(error).partition("\n")[0]
        if any(words in said for words in _DAMAGED):
            raise MeshError(f"{place} is damaged: {said} Fold it again: dagmesh replay {product}") from error
        if any(words in said for words in _FULL) and str(folder) in str(error):
            raise MeshError(f"{place} cannot be written: {said} What was folded before stands. Make room, then run it again.") from error
        raise
