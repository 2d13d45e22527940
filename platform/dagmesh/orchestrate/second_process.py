"""A second process of a build: it folds a domain's events while this process makes others that need nothing of it.

Folding is Python and keeps one core busy, where DuckDB uses all: beside each other they take less time, and two of DuckDB's
batches take more. It is forked once the domains are loaded, so that it imports nothing, and before the lake and Dagster's
databases are opened: neither Delta's library nor a database connection survives a fork. It ends with this process, however
that ends.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from time import perf_counter

from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.builder import Builder, dagster_instance
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.loading import Loaded
from dagmesh.orchestrate.nodes import ProductNode
from dagmesh.orchestrate.plan import Plan, Todo, parts
from dagmesh.orchestrate.processes import Guard, fork, how
from dagmesh.orchestrate.ran import Ran
from dagmesh.orchestrate.run_days import days_made

WORTH = 20  # days of tables and products in a batch: fewer are made here before another process has opened what it needs
_STOP_WITHIN = 10.0  # seconds an interrupted run may clean up

Asked = tuple[list[tuple[Key, tuple[date, ...]]], Sequence[date]]
"""The nodes to make with their days, and the days that were looked at."""


@contextmanager
def second_process(mesh: Mesh, domains: Mapping[str, Loaded], wanted: bool) -> Iterator[SecondProcess | None]:
    """The process; None where it is not wanted, nothing is folded beside anything, there is one core, or this process must not fork."""
    folding = any(product.projection for loaded in domains.values() for product in loaded.domain.products)
    if not (wanted and folding and len(domains) > 1 and (os.cpu_count() or 1) > 1 and threading.active_count() == 1):
        yield None
        return
    second = SecondProcess(mesh, domains)
    try:
        yield second
    finally:
        second.end()


class SecondProcess:
    """One batch at a time, made by another process; `batch` is the one that it is making, empty when it makes none."""

    def __init__(self, mesh: Mesh, domains: Mapping[str, Loaded]) -> None:
        self.batch: tuple[Todo, ...] = ()
        self._began = 0.0
        self._here, there = Pipe()
        self._guard = Guard(closing=(self._here.fileno(), there.fileno()))
        closing = (self._here.fileno(), self._guard.descriptor)
        self._pid: int | None = fork(lambda: _serve(there, mesh, domains), group=self._guard.pid, closing=closing)
        there.close()

    @property
    def domains(self) -> frozenset[str]:
        """Whose batch it is making."""
        return frozenset(todo.node.key[0] for todo in self.batch)

    def offer(self, planned: Plan, looked_at: Sequence[date]) -> None:
        """Have the largest batch that folds events made, when the process is free, it is worth that, and another is left for here."""
        whole = planned.whole_batches()
        folding = [batch for batch in whole if _folds(batch) and len(parts(batch)) >= WORTH]
        if self._pid is None or self.batch or len(whole) < 2 or not folding:
            return
        beside = max(folding, key=lambda batch: len(parts(batch)))
        asked: Asked = ([(todo.node.key, todo.days) for todo in beside], looked_at)
        try:
            self._here.send(asked)
        except ConnectionError:  # it was killed while it had nothing to do
            self._ended()
            return
        self.batch, self._began = beside, perf_counter()

    def has_made(self) -> bool:
        """Whether the batch it was making is over."""
        return bool(self.batch) and self._here.poll()

    def made(self) -> tuple[tuple[Todo, ...], Ran]:
        """The batch it was making, once that is over, and what came of it; a process that died has failed, and is offered nothing more."""
        try:
            ran = self._here.recv()
        except (EOFError, OSError):
            keys = tuple(todo.node.key for todo in self.batch)
            words = f"the process that made it {how(self._ended())} before it was done. What was published before is as it was."
            ran = Ran(keys[0][0], keys, days_made(self.batch), False, perf_counter() - self._began, (words,))
        batch, self.batch = self.batch, ()  # only now: who is interrupted while waiting knows what is being made
        return batch, ran

    def end(self) -> None:
        """End the process; a batch that it is making is interrupted, and its run is recorded as that."""
        if self.batch and self._pid is not None:
            os.kill(self._pid, signal.SIGINT)
            wait([self._here], _STOP_WITHIN)
        self._here.close()
        self._guard.end()
        if self._pid is not None:
            self._ended()

    def _ended(self) -> int:
        assert self._pid is not None
        _, status = os.waitpid(self._pid, 0)
        self._pid = None
        return os.waitstatus_to_exitcode(status)


def _folds(batch: Sequence[Todo]) -> bool:
    return any(isinstance(todo.node, ProductNode) and todo.node.product.projection for todo in batch)


def _serve(connection: Connection, mesh: Mesh, domains: Mapping[str, Loaded]) -> None:
    """Make what is asked for until nobody can ask any more."""
    if not connection.poll(None):
        return
    try:
        with dagster_instance(mesh) as instance:
            builder = Builder(mesh, domains, instance)
            while True:
                keys, looked_at = connection.recv()
                batch = [Todo(builder.nodes[key], days, "", frozenset()) for key, days in keys]
                connection.send(builder.run(batch, lambda step: None, looked_at))
    except (EOFError, ConnectionError):  # who asked is gone; any other error is told by this process's traceback
        return
