"""What an agent can do: find, describe, sample, query, follow lineage, trace a number, ask for access. Each answer carries a receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from dagmesh.consume import trace_values
from dagmesh.consume.access_request import Wanted, opens
from dagmesh.consume.access_request import request_access as written_request
from dagmesh.consume.agents.answers import MOST_ROWS, Rows, answer
from dagmesh.consume.agents.budget import Budgets
from dagmesh.consume.agents.described import caveats, described
from dagmesh.consume.agents.receipt import Asked, Receipt, digest, product_in_receipt, receipt
from dagmesh.consume.catalogue import entry
from dagmesh.consume.column_lineage import trees
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.read_log import Asking, ReadLog
from dagmesh.consume.resolver import Look, Resolver
from dagmesh.consume.search import search
from dagmesh.consume.search_index import SearchIndex
from dagmesh.consume.service.queries import Queries, Statement
from dagmesh.consume.trace import Tracer
from dagmesh.errors import AccessRefused, BudgetSpent, NotPublished, PolicyViolated, UntrustedSnapshot
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

Answer = dict[str, Any]
MOST_SAMPLED = 20


@dataclass(frozen=True)
class Tools:
    """The tools of one mesh; each takes who asks, and raises what dagmesh.errors says of what it cannot do."""

    mesh: Mesh
    queries: Queries
    budgets: Budgets
    index: SearchIndex

    async def search(self, principal: Principal, text: str, limit: int) -> Answer:
        """The products that the words ask for, the best first."""
        return await asyncio.to_thread(self._search, principal, text, limit)

    async def describe(self, principal: Principal, product: str) -> Answer:
        """A product's contract, promise, state and caveats, and what the asker may see of it."""
        return await asyncio.to_thread(self._describe, principal, product)

    async def lineage(self, principal: Principal, product: str, column: str | None) -> Answer:
        """What the columns of a product are made of, back through all products."""
        return await asyncio.to_thread(self._lineage, principal, product, column)

    async def trace(self, principal: Principal, product: str, key: Mapping[str, str], column: str) -> Answer:
        """How one published value came to be, as far as the asker may see."""
        return await self._paid(principal, asyncio.to_thread(self._trace, principal, product, key, column))

    async def request_access(self, principal: Principal, product: str, purpose: str, columns: tuple[str, ...]) -> Answer:
        """A pending request for the product's owner; it opens nothing."""
        return await asyncio.to_thread(self._request, principal, product, purpose, columns)

    async def sample(self, principal: Principal, product: str, rows: int) -> Answer:
        """The first rows of a product as the asker sees them."""
        address = Address.parse(product)
        return await self.query(principal, f'SELECT * FROM "{address}"', f"sample of {address}", min(rows, MOST_SAMPLED))

    async def query(self, principal: Principal, statement: str, purpose: str, rows: int) -> Answer:
        """The first rows of one SELECT over products, by the same path as everybody's."""
        begun, started = datetime.now(UTC), monotonic()
        await asyncio.to_thread(self._begin, principal, begun, purpose)
        taken = Rows(max(1, min(rows, MOST_ROWS)))
        try:
            made_of = await self._run(principal, statement, purpose, taken)
        finally:
            await asyncio.to_thread(self.budgets.end, principal, begun, len(taken.rows), monotonic() - started)
        return answer(taken.describe(), made_of)

    async def _run(self, principal: Principal, statement: str, purpose: str, taken: Rows) -> Receipt:
        asked = Statement(statement, max_rows=taken.most + 1, in_order=True)
        found = await self.queries.run(principal, asked, purpose=purpose, via="mcp")
        try:
            taken.columns += found.schema.names
            async for batch in found:
                if not taken.take(batch):
                    break
        finally:
            await found.close()
        of = Asked(statement, taken.most, len(taken.rows), taken.is_cut, digest(taken.columns, taken.rows), found.repeatable)
        products = [product_in_receipt(self._lake, reading, principal.reader) for reading in found.readings]
        return receipt(self.mesh.home, principal, found.query, products, purpose=purpose, asked=of)

    async def _paid(self, principal: Principal, work: Awaitable[Answer]) -> Answer:
        """What the work gives, counted as one query."""
        begun, started = datetime.now(UTC), monotonic()
        await asyncio.to_thread(self._begin, principal, begun, None)
        try:
            return await work
        finally:
            await asyncio.to_thread(self.budgets.end, principal, begun, 0, monotonic() - started)

    def _begin(self, principal: Principal, now: datetime, purpose: str | None) -> None:
        """Take one query from the principal's budget; that nothing is left of it is recorded."""
        try:
            self.budgets.begin(principal, now)
        except BudgetSpent as refusal:
            ReadLog(self.mesh.home).refuse(Asking(principal.name, "mcp"), principal.reader, str(refusal), now, purpose)
            raise

    def _search(self, principal: Principal, text: str, limit: int) -> Answer:
        with self.index.fresh() as con:
            found = search(con, text, limit)
        cards = [dict(card) for card in found.products]
        looks = [self._seen(principal, Address.parse(card["address"])) for card in cards]
        return answer({"products": cards, "notes": list(found.notes)}, self._receipt(principal, looks))

    def _describe(self, principal: Principal, product: str) -> Answer:
        address = self._planning(principal).completed(Address.parse(product))
        found, look = entry(self._lake, address), self._seen(principal, address)
        said = described(found, datetime.now(UTC)) | {"caveats": caveats(self.mesh, found, look, datetime.now(UTC))}
        return answer(said, self._receipt(principal, [look]))

    def _lineage(self, principal: Principal, product: str, column: str | None) -> Answer:
        address = self._planning(principal).completed(Address.parse(product))
        made = [tree.describe() for tree in trees(self._lake, address, column)]
        return answer({"columns": made}, self._receipt(principal, [self._seen(principal, address)]))

    def _trace(self, principal: Principal, product: str, key: Mapping[str, str], column: str) -> Answer:
        asking = Asking(principal.name, "mcp")
        resolver = self.queries.readers.resolver(principal.reader, f"trace of {column}", asking)
        address = resolver.completed(Address.parse(product))
        with self._lake.connect() as con:
            found = Tracer(self.mesh, resolver, con).value(address, key, column)
        look = self._seen(principal, found.address)
        return answer(trace_values.described(found), self._receipt(principal, [look], asking.query))

    def _request(self, principal: Principal, product: str, purpose: str, columns: tuple[str, ...]) -> Answer:
        address = self._planning(principal).completed(Address.parse(product))
        published = self._lake.table(address).snapshot().publication.product
        grant = written_request(self.mesh, published, Wanted(principal.reader, purpose, columns))
        said = {"request": grant.file, "status": grant.status, "asks for": opens(grant), "decided by": published["owner"]}
        return answer(said, self._receipt(principal, [self._seen(principal, address)]))

    def _receipt(self, principal: Principal, looks: Iterable[Look | Refused], query: str = "") -> Receipt:
        """A receipt of products that were looked at, none of their rows but by the read of that name."""
        said = [product_in_receipt(self._lake, look, principal.reader) if isinstance(look, Look) else look.describe() for look in looks]
        return receipt(self.mesh.home, principal, query, said)

    def _seen(self, principal: Principal, address: Address) -> Look | Refused:
        """What the asker would see of a product, or why nothing."""
        try:
            return self._planning(principal).look(address)
        except (AccessRefused, PolicyViolated, NotPublished, UntrustedSnapshot) as refusal:
            return Refused(address, str(refusal))

    def _planning(self, principal: Principal) -> Resolver:
        return replace(self.queries.readers.resolver(principal.reader), planning=True)

    @property
    def _lake(self) -> Lake:
        return self.queries.readers.lake


@dataclass(frozen=True)
class Refused:
    """A product of which the asker sees no rows, and why."""

    address: Address
    why: str

    def describe(self) -> dict[str, Any]:
        """What a receipt says of it."""
        return {"product": str(self.address), "policy": {"decision": "refused", "why": self.why}}
