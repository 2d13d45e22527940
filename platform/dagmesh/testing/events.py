"""Events that a test tells, in a real store that is thrown away, folded by the state that runs use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dagmesh.events.feeds.cloudevent import event_of
from dagmesh.model.domain import Product
from dagmesh.model.product import Read
from dagmesh.orchestrate.domain_events import event_store
from dagmesh.orchestrate.folding import Folding, folding_in

if TYPE_CHECKING:
    import duckdb


@contextmanager
def told(con: duckdb.DuckDBPyConnection, product: Product, events: Mapping[Read, Sequence[Mapping[str, Any]]]) -> Iterator[Folding]:
    """What a run of the product would have of these events.

    Args:
        con: a connection in UTC.
        product: the product; its domain's events.py says the types.
        events: by port, what `testing.event` gives, in the order of their arrival.

    Raises:
        TypeError: the product is of no domain.
        EventRefused: an event is not as its type says.
    """
    if not product.domain:
        raise TypeError(f"{product.name}: {product.file} is in no domain's products folder, and a domain declares the types of events.")
    with TemporaryDirectory(prefix="dagmesh-") as folder:
        with event_store(Path(folder), product.domain, register=True) as store:
            store.append(
                [
                    event_of({"id": f"{read.parameter}-{number}", **said, "data": _json(said.get("data"))})
                    for read, given in events.items()
                    for number, said in enumerate(given, 1)
                ]
            )
        with folding_in(Path(folder), con, product) as folding:
            yield folding


def _json(value: Any) -> Any:
    """A value as JSON has it: decimals, days and moments as text."""
    if isinstance(value, Mapping):
        return {name: _json(below) for name, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(below) for below in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
