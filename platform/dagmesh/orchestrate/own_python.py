"""Domains with an environment of their own: `executable_path` in workspace.yaml names the interpreter that runs `dagmesh` for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import perf_counter

from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.processes import environment_of
from dagmesh.orchestrate.ran import Ran

# Tells the interpreter started for a domain that it is the one, however it was reached (a link, a script).
_STARTED_FOR = "DAGMESH_STARTED_FOR"


def has_own_python(location: Location) -> bool:
    """Whether another interpreter than this one runs the domain."""
    if location.executable is None or os.environ.get(_STARTED_FOR) == location.name:
        return False
    return _place(location.executable) != _place(sys.executable)


def _place(executable: str) -> Path:
    """Where an interpreter is; a link to it is not followed, since environments are links to one Python."""
    path = Path(executable)
    return path.parent.resolve() / path.name


@dataclass(frozen=True)
class BuildThere:
    """Brings domains up to date with their own interpreters, each again only after another domain has published."""

    mesh: Mesh
    days: Sequence[date]
    seen: dict[str, list[str]] = field(default_factory=dict)

    def build(self, locations: Sequence[Location]) -> Iterator[Ran]:
        """What each interpreter did, if it published or failed."""
        lake = Lake.of(self.mesh)
        for location in locations:
            before = lake.heads()
            if self.seen.get(location.name) != before:
                ran = run_there(self.mesh, location, self._arguments(location.name))
                self.seen[location.name] = lake.heads()
                if not ran.success or self.seen[location.name] != before:
                    yield ran

    def _arguments(self, name: str) -> list[str]:
        return ["build", "--domain", name, "--days", str(len(self.days)), "--to", str(self.days[-1])]


def run_there(mesh: Mesh, location: Location, arguments: Sequence[str]) -> Ran:
    """What came of a `dagmesh` command that the domain's own interpreter ran, and what it said when it failed."""
    began = perf_counter()
    done = said_there(mesh, location, arguments)
    messages = tuple(done.stderr.splitlines()) if done.returncode else ()
    return Ran(location.name, (), (), done.returncode == 0, perf_counter() - began, messages)


def said_there(mesh: Mesh, location: Location, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The end of a `dagmesh` command that the domain's own interpreter ran, with all it printed."""
    executable = str(location.executable)
    environment = {**environment_of(executable), _STARTED_FOR: location.name}
    command = [executable, "-m", "dagmesh", *arguments]
    return subprocess.run(command, cwd=mesh.root, capture_output=True, text=True, check=False, env=environment)
