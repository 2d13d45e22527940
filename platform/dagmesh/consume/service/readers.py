"""Resolvers of a service that runs for months: one lake that remembers what it verified, grants and policies as their files are now."""

from __future__ import annotations

import threading
from datetime import date

from dagmesh.consume.grants import Grants
from dagmesh.consume.read_log import Asking
from dagmesh.consume.read_policies import ReadPolicies
from dagmesh.consume.resolver import Resolver
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

_State = tuple[tuple[str, int, int], ...]


class Readers:
    """Gives a mesh's resolvers to whoever asks, from any thread."""

    def __init__(self, mesh: Mesh) -> None:
        self.lake = Lake.of(mesh)
        self._mesh = mesh
        self._grants = Grants.of(mesh)
        self._loading = threading.Lock()
        self._policies = ReadPolicies(mesh, self.lake)
        self._state: _State = ()

    def resolver(self, reader: str, purpose: str | None = None, asking: Asking | None = None) -> Resolver:
        """What reads in a reader's name; without `asking` it is for looks alone."""
        return Resolver(self.lake, reader, self._grants, purpose, policies=self._judge, asking=asking)

    def _judge(self, reader: str, address: Address, purpose: str | None, today: date) -> None:
        with self._loading:  # policies are modules, and are imported one after the other
            state = self._now()
            if state != self._state:
                self._policies, self._state = ReadPolicies(self._mesh, self.lake), state
            self._policies.refuse(reader, address, purpose, today)

    def _now(self) -> _State:
        """What tells whether a policy's file changed."""
        root = self._mesh.root
        files = sorted([*root.glob("platform/policies/*.py"), *root.glob("domains/*/policies/*.py")])
        return tuple((str(file), stat.st_mtime_ns, stat.st_size) for file in files for stat in [file.stat()])
