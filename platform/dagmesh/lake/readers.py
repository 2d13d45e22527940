"""Who reads whom, as names of empty files in the lake: where to look for a product's readers without a look at every product.

`_readers/<domain>.<source>/<reader>@<major>` says that a publication of the reader once named the source. It is a hint: whether the
reader still reads it, which major, and what it relies on is said by its newest signed publication alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dagmesh.lake.storage import Storage
from dagmesh.model.address import Address

FOLDER = "_readers"
_COMPLETE = f"{FOLDER}/_complete"


def are_noted(lake: Storage) -> bool:
    """Whether every reader is noted: not in a new lake, nor in one of a release that noted none, before the next publication."""
    return lake.state(_COMPLETE) is not None


def note_all(lake: Storage, products: Iterable[tuple[Address, Mapping[str, Any]]]) -> None:
    """Note every reader of a lake, and that it was done: from then on each publication notes its own."""
    for reader, product in products:
        note_reads(lake, reader, product)
    lake.create(_COMPLETE, b"")


def note_reads(lake: Storage, reader: Address, product: Mapping[str, Any]) -> None:
    """Note the reader with each product that its description names; before it is committed, so that none is missed.

    Args:
        lake: the lake's storage.
        reader: its address with its major.
        product: the reader as it is described.
    """
    for source in sources(reader, product):
        name = f"{FOLDER}/{source}/{reader}"
        if lake.state(name) is None:
            lake.create(name, b"")


def noted_readers(lake: Storage, address: Address) -> list[Address]:
    """Who once named the product, in any major; of its own domain those too that named it without the domain."""
    # A name with a dot before it is a file under way.
    return sorted(Address.parse(name) for name in lake.names(f"{FOLDER}/{address.name}") if name[0] != ".")


def sources(reader: Address, product: Mapping[str, Any]) -> set[str]:
    """The names of all that a product reads, with their domains and without majors; what has no domain is of the reader's own."""
    return {Address.parse(r["source"]).name if "." in r["source"] else f"{reader.domain}.{r['source']}" for r in product["reads"]}
