"""What consumers rely on, as data in the lake: each signed publication carries its product's reads with what it expects of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dagmesh.lake.history import newest_trusted
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address

Described = Mapping[str, Any]


@dataclass(frozen=True)
class Expectation:
    """What one consumer relies on of one product.

    `expects` is a described contract of just the columns and rules relied on, None when only `max_lag` is. `accepted` is
    whether the producer names the consumer in `accepts`: only then may a broken expectation stop a publication.
    """

    producer: Address
    consumer: Address
    owner: str
    expects: Described | None
    max_lag: str | None
    purpose: str
    accepted: bool


def expectations_of(lake: Lake, address: Address, *, declared: Iterable[Described] = ()) -> list[Expectation]:
    """What all consumers rely on of one product, by consumer.

    Args:
        lake: where consumers publish what they rely on; only what a domain signed counts.
        address: the producer's, with its major.
        declared: products as files describe them now, the producer's own among them; of a product that is published too
            the higher version counts, and of equals the file.
    """
    readers, declared = lake.readers(address), list(declared)
    products = _described(lake, [address, *readers] if readers or declared else [], declared)
    return _by_producer(products).get(address, [])


def all_expectations(lake: Lake, *, declared: Iterable[Described] = ()) -> dict[Address, list[Expectation]]:
    """What consumers rely on of every product that any relies on, by its address; for the arguments see `expectations_of`."""
    return _by_producer(_described(lake, lake.addresses(), declared))


def _by_producer(products: Mapping[Address, Described]) -> dict[Address, list[Expectation]]:
    found: dict[Address, list[Expectation]] = {}
    for consumer in sorted(products):
        for read in products[consumer]["reads"]:
            if "expects" in read or "max_lag" in read:
                producer = Address.parse(read["source"])
                accepts = products.get(producer, {}).get("accepts", ())
                found.setdefault(producer, []).append(_expectation(producer, consumer, products[consumer], read, accepts))
    return found


def _described(lake: Lake, addresses: Iterable[Address], declared: Iterable[Described]) -> dict[Address, Described]:
    """Products as their newest trusted publications describe them, by address, or as declared in the same or a higher version."""
    products = {}
    for address in addresses:
        trusted = newest_trusted(lake.table(address).place)
        if trusted:
            products[address] = trusted.product
    for product in declared:
        address = address_of(product)
        if address not in products or _version(product) >= _version(products[address]):
            products[address] = product
    return products


def address_of(product: Described) -> Address:
    """The address, with its major, of a described product."""
    return Address(product["domain"], product["name"], _version(product)[0])


def _version(product: Described) -> tuple[int, ...]:
    return tuple(int(part) for part in product["version"].split("."))


def _expectation(producer: Address, consumer: Address, product: Described, read: Described, accepts: Iterable[str]) -> Expectation:
    return Expectation(
        producer=producer,
        consumer=consumer,
        owner=product["owner"],
        expects=read.get("expects"),
        max_lag=read.get("max_lag"),
        purpose=read.get("purpose", ""),
        accepted=consumer.name in accepts,
    )
