"""Every product of a mesh as policies see it, each looked up when it is asked for: most policies ask for one or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dagmesh.consume.baseline import published
from dagmesh.errors import AddressError
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.policy import Described


@dataclass(frozen=True, eq=False)
class MeshProducts(Mapping[str, Described]):
    """Described products by address with a major: as declared where that is known, else as last published."""

    lake: Lake
    declared: Mapping[str, Described]
    _published: dict[str, Described | None] = field(default_factory=dict, init=False, repr=False)

    def __getitem__(self, address: str) -> Described:
        found = self.declared.get(address) or self._last(address)
        if found is None:
            raise KeyError(address)
        return found

    def __iter__(self) -> Iterator[str]:
        others = (str(address) for address in self.lake.addresses())
        yield from self.declared
        yield from (address for address in others if address not in self.declared and self._last(address))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _last(self, address: str) -> Described | None:
        if address not in self._published:
            self._published[address] = self._looked_up(address)
        return self._published[address]

    def _looked_up(self, text: str) -> Described | None:
        try:
            address = Address.parse(text)
        except AddressError:  # a private table's name
            return None
        return None if address.major is None else published(self.lake, address)
