"""The warm process of publisher.py, and what tests do with its forks."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from dagmesh.lake.lake import Lake
from dagmesh.lake.table import Table
from dagmesh.model.address import Address

if not hasattr(os, "pidfd_open"):
    collect_ignore_glob = ["test_*.py"]  # a fork's process is held by Linux's pidfd


@dataclass(frozen=True)
class Fork:
    """A forked worker."""

    descriptor: int

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in that time."""
        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def kill(self) -> None:
        """End it as a crash would."""
        signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
        assert self.ends_within(30)
        os.close(self.descriptor)


@dataclass(frozen=True)
class Publishers:
    """A lake, and the warm process that forks its publishers and readers."""

    folder: Path
    process: subprocess.Popen

    @property
    def lake(self) -> Lake:
        return Lake(str(self.folder / "lake"), self.folder / "home")

    @property
    def errors(self) -> str:
        """What went wrong in forks."""
        path = self.folder / "errors"
        return path.read_text() if path.exists() else ""

    def table(self, major: int) -> Table:
        return self.lake.table(Address("orders", "numbers", major))

    def start(self, work: str, major: int, **arguments: object) -> Fork:
        return self.begin(work, root=self.lake.root, home=str(self.lake.home), major=major, **arguments)

    def begin(self, work: str, **arguments: object) -> Fork:
        """A fork that does some work."""
        print(json.dumps({"work": work, **arguments}), file=self.process.stdin, flush=True)
        return Fork(os.pidfd_open(int(self.process.stdout.readline())))

    def acknowledged(self, name: str) -> list[int]:
        """The numbers that a publisher noted in its file."""
        path = self.folder / name
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def newest(self, major: int) -> dict[int, int]:
        """The number of the publication that each day of the newest snapshot is of, nothing torn."""
        table = self.table(major)
        if table.newest is None:
            return {}
        with duckdb.connect() as con:
            sql = f"SELECT made_on, min(publication), max(publication), count(*) FROM {table.snapshot().sql()} GROUP BY 1"
            found = con.execute(sql).fetchall()
        assert {rows for *_, rows in found} == {50}
        assert all(least == most for _, least, most, _ in found)
        return {day.day - 1: number for day, number, _, _ in found}


@pytest.fixture
def publishers(tmp_path: Path) -> Iterator[Publishers]:
    command = [sys.executable, str(Path(__file__).with_name("publisher.py")), str(tmp_path / "errors")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "ready\n"
        yield Publishers(tmp_path, process)
        process.stdin.close()
        process.wait(30)
