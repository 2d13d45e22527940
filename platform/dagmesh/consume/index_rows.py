"""One product in the search index: the words it is found by, what can be filtered, what it reads, and its card in lists."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from dagmesh.consume.promise_kept import kept_until
from dagmesh.lake.history import newest_trusted
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address
from dagmesh.model.promise import Promise

_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("owner", "description", "version"), ""),
    **{name: [] for name in ("serves", "columns", "classes")},
    "tags": {},
    "rows": None,
}


def remove(con: sqlite3.Connection, address: str) -> None:
    """Take a product out of the index; nothing when it is not in it."""
    found = con.execute("SELECT id FROM product WHERE address = ?", (address,)).fetchone()
    if found:
        con.execute("DELETE FROM words WHERE rowid = ?", found)
        for table in ("facet", "read", "edge"):
            con.execute(f"DELETE FROM {table} WHERE product = ?", found)
        con.execute("DELETE FROM product WHERE id = ?", found)


def insert(con: sqlite3.Connection, lake: Lake, address: Address, mark: str) -> None:
    """Index a product as its newest trusted publication describes it; one without any is found by its address alone."""
    publication = newest_trusted(lake.table(address).place)
    newest = int(mark.partition(" ")[0])
    refused = "" if publication and publication.snapshot == newest else _refused(address, newest, publication)
    said = _said(publication) if publication else _NOTHING
    until = _kept_until(publication)
    moment = publication.published_at.isoformat() if publication else ""
    row = (str(address), address.name, address.major, address.domain, mark, moment, *until, refused)
    card = {"address": str(address), "domain": address.domain, **said}
    columns = "address, name, major, domain, mark, published_at, kept_until, is_complete, refused, card"
    found = con.execute(f"INSERT INTO product ({columns}) VALUES ({', '.join('?' * 10)})", (*row, json.dumps(card)))
    product = found.lastrowid
    words = _words(address, publication.product if publication else {})
    con.execute(f"INSERT INTO words (rowid, {', '.join(words)}) VALUES (?{', ?' * len(words)})", (product, *words.values()))
    if publication:
        con.executemany("INSERT INTO facet VALUES (?, ?, ?)", [(product, *facet) for facet in _facets(publication.product)])
        con.executemany("INSERT INTO read VALUES (?, ?)", [(product, source) for source in _sources(address, publication, lake)])
        con.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?)", [(product, *edge) for edge in _edges(publication)])


def _refused(address: Address, newest: int, publication: Publication | None) -> str:
    good = f"the last good one is #{publication.snapshot}" if publication else "no earlier one is good"
    return f"{address}#{newest} does not verify; {good}."


def _said(publication: Publication) -> dict[str, Any]:
    product = publication.product
    return {
        "owner": product["owner"],
        "description": product["description"],
        "serves": product["serves"],
        "tags": product["tags"],
        "columns": [column["name"] for column in product["contract"]["columns"]],
        "classes": sorted({column["classification"] for column in product["contract"]["columns"]}),
        "version": publication.version,
        "snapshot": publication.snapshot,
        "rows": publication.rows,
        "through": publication.through.isoformat() if publication.through else None,
        "published_at": publication.published_at.isoformat(),
        "sunset": product["sunset"],
    }


def _kept_until(publication: Publication | None) -> tuple[str, bool]:
    """Until when the promise of freshness is kept if nothing follows, as UTC text that sorts, and whether the one of completeness is."""
    if publication is None:
        return "", False
    promise = Promise(**publication.product["promise"])
    until = kept_until(promise, publication.through, publication.published_at)
    return until.isoformat(timespec="seconds"), publication.completeness >= promise.min_completeness


def _words(address: Address, product: Mapping[str, Any]) -> dict[str, str]:
    columns = product["contract"]["columns"] if product else []
    tags = [f"{name} {value}" for name, value in (product["tags"] if product else {}).items()]
    texts = {
        "name": [address.product],
        "description": [product.get("description", ""), product["contract"]["grain"] if product else ""],
        "columns": [column["name"] for column in columns],
        "meanings": [column["description"] for column in columns],
        "owner": [product.get("owner", "")],
        "tags": [*tags, *product.get("serves", ())],
        "units": [column.get("unit", "") for column in columns],
        "domain": [address.domain],
    }
    return {name: " ".join(parts).replace("\0", " ") for name, parts in texts.items()}


def _facets(product: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    columns = product["contract"]["columns"]
    yield "owner", product["owner"].lower()
    yield from (("column", column["name"].lower()) for column in columns)
    yield from (("class", name) for name in {column["classification"] for column in columns})


def _sources(address: Address, publication: Publication, lake: Lake) -> list[str]:
    """What the product reads: addresses, also of its own domain's products, and `<domain>.<table>` of what is private to it."""
    return sorted({full_source(lake, address.domain, read["source"]) for read in publication.product["reads"]})


def full_source(lake: Lake, domain: str, source: str) -> str:
    """A read's source with its domain: an address, or `domain.table` without a major for what is private."""
    if "." in source:
        return source
    own = Address(domain, source)
    return str(lake.latest_major(own) or own) if _is_product(lake, own) else str(own)


def _is_product(lake: Lake, own: Address) -> bool:
    return any(name.startswith("v") for name in lake.storage.names(f"{own.domain}/{own.product}"))


def _edges(publication: Publication) -> Iterator[tuple[str, str, str, str]]:
    domain = publication.product["domain"]
    for column, parts in publication.lineage.items():
        for source, name, way in parts:
            yield column, source if "." in source else f"{domain}.{source}", name, way
