"""What pages are made of: one lake, its search index, its grants, and the past of its products, read once and kept while it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

from dagmesh.consume.grants import Grants
from dagmesh.consume.promise_history import DAYS
from dagmesh.consume.read_policies import ReadPolicies
from dagmesh.consume.resolver import Resolver
from dagmesh.consume.search_index import SearchIndex
from dagmesh.lake.history import history
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

_REMEMBERED = 256  # products
_LEAST = 20  # publications that a page shows, however old they are


@dataclass(frozen=True)
class PastPublication:
    """What pages say of a publication of the past; `checks` are each check's name and failing rows, None where it passed."""

    snapshot: int
    kind: str
    version: str
    published_at: datetime
    reason: str
    run_id: str
    rows: int
    through: date | None
    completeness: float
    is_trusted: bool
    promise: Mapping[str, Any]
    checks: Mapping[str, int | None]
    profile: Mapping[str, Mapping[str, Any]]


@dataclass
class _Remembered:
    """The pasts of the products looked at last, by address, each as of a newest version."""

    pasts: OrderedDict[str, tuple[int | None, list[PastPublication]]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True)
class Facts:
    """The facts of one mesh; one object serves every request."""

    mesh: Mesh
    lake: Lake
    index: SearchIndex
    grants: Grants
    policies: ReadPolicies
    _remembered: _Remembered = field(default_factory=_Remembered, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, mesh: Mesh) -> Facts:
        """The facts of a mesh."""
        lake = Lake.of(mesh)
        return cls(mesh, lake, SearchIndex(lake), Grants.of(mesh), ReadPolicies(mesh, lake))

    def looks_as(self, reader: str) -> Resolver:
        """What says what a reader may see, and reads nothing."""
        return Resolver(self.lake, reader, self.grants, planning=True, policies=self.policies.refuse)

    def past(self, address: Address, now: datetime) -> list[PastPublication]:
        """A product's publications, oldest first: those of the last 90 days and the one before, or the last 20 if that is more.

        They are read once for each new version: what an older commit says does not change, and `dagmesh verify` looks whether it did.
        """
        table, remembered = self.lake.table(address), self._remembered
        newest = table.newest
        with remembered.lock:
            known = remembered.pasts.get(str(address))
        if known is None or known[0] != newest:
            known = (newest, self._past(address, now - timedelta(days=DAYS)))
        with remembered.lock:
            remembered.pasts[str(address)] = known
            remembered.pasts.move_to_end(str(address))
            while len(remembered.pasts) > _REMEMBERED:
                remembered.pasts.popitem(last=False)
        return known[1]

    def _past(self, address: Address, since: datetime) -> list[PastPublication]:
        found: list[PastPublication] = []
        for past in history(self.lake.table(address).place):
            found.append(_of(past.publication, past.trusted))
            if len(found) >= _LEAST and past.publication.published_at < since:
                break
        return found[::-1]


def _of(publication: Publication, is_trusted: bool) -> PastPublication:
    return PastPublication(
        snapshot=publication.snapshot,
        kind=publication.kind,
        version=publication.version,
        published_at=publication.published_at,
        reason=publication.reason,
        run_id=publication.run_id,
        rows=publication.rows,
        through=publication.through,
        completeness=publication.completeness,
        is_trusted=is_trusted,
        promise=publication.product["promise"],
        checks={check["name"]: None if check["passed"] else check["failing_rows"] for check in publication.checks},
        profile=publication.profile,
    )
