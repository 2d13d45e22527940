"""Delta tables that this process keeps open: to bring one up to date takes a tenth of opening it, at any length of history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from dagmesh.lake.delta_log import commit_name, newest_version, opened
from dagmesh.lake.storage import State, Storage

KEPT = 64  # a table of a thousand days takes some megabytes


@dataclass(frozen=True)
class OpenTables:
    """The tables used last, by root, each with the state that its newest commit was in; one in use is nobody else's."""

    _kept: OrderedDict[str, tuple[State | None, DeltaTable]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def newest(self, storage: Storage) -> Iterator[DeltaTable | None]:
        """The table at its newest version; None when there is no table. It is kept when all went well with it.

        Raises:
            UnreadableLog: the log is damaged.
        """
        newest = newest_version(storage)
        table = None if newest is None else self._brought_up_to(newest, storage) or opened(storage)
        yield table
        if table is not None:
            self._keep(storage, table)

    def _brought_up_to(self, newest: int, storage: Storage) -> DeltaTable | None:
        with self._lock:
            known, table = self._kept.pop(storage.root, (None, None))
        # A log that was moved away or put back by others has another commit of that version.
        if table is None or known is None or known != storage.state(commit_name(table.version())):
            return None
        try:
            if table.version() != newest:
                table.update_incremental()
        except DeltaError:  # opened anew, it says what is damaged
            return None
        return table if table.version() >= newest else None

    def _keep(self, storage: Storage, table: DeltaTable) -> None:
        state = storage.state(commit_name(table.version()))
        with self._lock:
            self._kept[storage.root] = state, table
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
