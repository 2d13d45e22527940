"""A receipt proved: its question asked again, of the same snapshots, in the same name, and the rows compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dagmesh.consume.agents.answers import Rows
from dagmesh.consume.agents.receipt import Asked, Receipt, digest
from dagmesh.consume.connection import resolver_of
from dagmesh.consume.identity.principal import local
from dagmesh.consume.plain_select import settled
from dagmesh.consume.query import duckdb_errors_refused, run_query
from dagmesh.consume.read_log import Asking, ReadLog
from dagmesh.consume.resolver import Reading
from dagmesh.consume.usage.ending import ended
from dagmesh.errors import ReceiptRefused
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh


@dataclass(frozen=True)
class Verified:
    """A receipt that holds: of which statement over which snapshots, how many rows were the same, and what stands beside it."""

    id: str
    at: str
    principal: str
    products: tuple[str, ...]
    rows: int
    notes: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The finding in words."""
        yield f"The receipt holds: {self.rows:,} rows, the same as those given to {self.principal} at {self.at}."
        yield from (f"made of  {product}" for product in self.products)
        yield from self.notes


def verified(mesh: Mesh, text: str) -> Verified:
    """What was found when the receipt's question was asked again.

    The read is recorded, as what it is.

    Args:
        mesh: the one that gave the receipt.
        text: the receipt as JSON, or the whole answer with it.

    Raises:
        ReceiptRefused: it is not one of this mesh's, has no statement, its question gives other rows, or other rows stand beside it.
        AccessRefused, NotPublished, UntrustedSnapshot: the snapshots cannot be read in that name any more.
    """
    said = _said_in(text)
    given = Receipt.read(json.dumps(said["receipt"]) if _is_answer(said) else text, mesh.home)
    if given.asked is None:
        raise ReceiptRefused(f"receipt {given.id or given.at} has no statement to ask again; those of query and sample have.")
    found, readings = _again(mesh, given, given.asked)
    notes = [*_changes(given, given.asked, readings)]
    if digest(found.columns, found.rows) != given.asked.rows_sha256:
        why = f": {'; '.join(notes)}" if notes else ""
        raise ReceiptRefused(f"receipt {given.id}: asked again, its statement does not give the same rows{why}.")
    if _is_answer(said) and _shown_in(said) != digest(found.columns, found.shown):
        raise ReceiptRefused(f"receipt {given.id} holds, but the rows beside it are not those that it was given for.")
    return Verified(
        given.id, given.at, given.principal, tuple(product["product"] for product in given.products), given.asked.rows, tuple(notes)
    )


def _changes(given: Receipt, asked: Asked, readings: Iterable[Reading]) -> Iterator[str]:
    """What may make other rows of the same snapshots."""
    if not asked.repeatable:
        yield "the statement asks the clock or chance"
    then = {product["snapshot"]: product["policy"] for product in given.products}
    for reading in readings:
        policy = then[str(reading.address)]
        if (policy["masked"], policy["rows"]) != (dict(reading.access.masks), reading.access.rows):
            yield f"{given.reader} may see other values of {reading.address} today than then"


def _said_in(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise ReceiptRefused(f"this is no JSON ({error}); hand over an answer, or the value of its `receipt`.") from error
    if not isinstance(said, Mapping):
        raise ReceiptRefused("this is no receipt; hand over an answer, or the value of its `receipt`, as JSON.")
    return said


def _is_answer(said: Mapping[str, Any]) -> bool:
    """Whether this is a whole answer, with its receipt and its rows; in a receipt alone the word has its format's number."""
    return isinstance(said.get("receipt"), Mapping)


def _shown_in(said: Mapping[str, Any]) -> str | None:
    """The digest of an answer's rows as it shows them; None where it shows none in the way of answers."""
    told = said.get("untrusted")
    try:
        return digest(told["columns"], told["rows"]) if isinstance(told, Mapping) else None
    except (KeyError, TypeError):
        return None


def _again(mesh: Mesh, given: Receipt, asked: Asked) -> tuple[Rows, list[Reading]]:
    """The rows as they are now."""
    asking = Asking(local(given.reader).name, "cli")
    resolver = resolver_of(mesh, given.reader, f"verification of receipt {given.id}", asking)
    pinned = [Address.parse(product["snapshot"]) for product in given.products]
    with ended(ReadLog(mesh.home), asking.query) as handed_out, resolver.lake.connect() as con, duckdb_errors_refused():
        handed_out.rows = 0  # they are compared, and shown to nobody
        relation, readings = run_query(con, resolver, settled(con, asked.statement), pinned)
        # One row more than were given says whether there were none, where none was left out.
        most = asked.rows if asked.is_cut else asked.rows + 1
        table = relation.limit(most).to_arrow_table()
        found = Rows(most, list(table.column_names))
        for batch in table.to_batches():
            if not found.take(batch):
                break
    return found, readings
