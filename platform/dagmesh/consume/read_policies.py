"""Policies of reads, where the read is about to be done: the same classes that judge the reads a product declares."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from dagmesh.consume.policies import MeshFacts
from dagmesh.errors import PolicyViolated
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh
from dagmesh.model.policy import Policy, ReadSubject
from dagmesh.model.policy_files import PolicySet, load_policies
from dagmesh.model.violation import of_read


@dataclass(frozen=True)
class ReadPolicies:
    """Holds the reads of a mesh's products to its policies; each reader's are read once."""

    mesh: Mesh
    lake: Lake
    _held: dict[str, PolicySet] = field(default_factory=dict, init=False, compare=False, repr=False)

    def refuse(self, reader: str, address: Address, purpose: str | None, today: date) -> None:
        """Nothing, when the reader may read the product as far as policies say.

        Args:
            reader: a domain, held to its own policies too, or `analyst`.
            address: what is read; a domain reads its own as it likes.
            purpose: what it is read for.
            today: the UTC day.

        Raises:
            PolicyViolated: a policy of severity error is broken. MeshError: a policy's file is none.
        """
        if reader == address.domain:
            return
        read = ReadSubject(reader, address, purpose, today, MeshFacts(self.mesh, self.lake, today))
        found = [violation for violation in of_read(self._policies(reader), read) if violation.blocks]
        if found:
            names = sorted({violation.policy for violation in found})
            lines = "".join(f"\n  {violation.policy}: {violation}" for violation in found)
            raise PolicyViolated(f"{reader} may not read {address}; that breaks {', '.join(names)}:{lines}", policies=names)

    def _policies(self, reader: str) -> PolicySet:
        if reader not in self._held:
            held = load_policies(self.mesh.root, reader if reader in self.mesh.names else None)
            looking = tuple(policy for policy in held.policies if type(policy).of_read is not Policy.of_read)
            self._held[reader] = PolicySet(looking, held.faults)
        return self._held[reader]
