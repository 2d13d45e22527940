"""What the start page and a domain's page say, as values for their templates."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dagmesh.consume.pages.facts import Facts
from dagmesh.consume.search_index import cards
from dagmesh.errors import NotPublished, nearest

LATELY, FEW = 6, 60


def start_page(con: sqlite3.Connection, now: datetime) -> dict[str, Any]:
    """The domains, each with how many products it has and how many keep their promise now; what was published last, what is read most."""
    moment = now.astimezone(UTC).isoformat(timespec="seconds")
    counted = "SELECT domain, count(*), sum(refused = '' AND is_complete AND kept_until > ?) FROM product GROUP BY domain ORDER BY domain"
    domains = [{"name": name, "products": count, "kept": kept} for name, count, kept in con.execute(counted, (moment,))]
    lately = "SELECT id FROM product ORDER BY published_at DESC, address LIMIT ?"
    most = "SELECT p.id FROM read r JOIN product p ON p.address = r.source GROUP BY p.id ORDER BY count(*) DESC, p.address LIMIT ?"
    total = sum(domain["products"] for domain in domains)
    few = {"products": cards(con)} if total <= FEW else {"products": None}
    return {
        "domains": domains,
        "total": total,
        "kept": sum(domain["kept"] for domain in domains),
        "lately": cards(con, f"id IN ({lately})", (LATELY,)),
        "most_read": cards(con, f"id IN ({most})", (LATELY,)),
        **few,
    }


def domain_page(con: sqlite3.Connection, facts: Facts, name: str) -> Mapping[str, Any]:
    """A domain's products.

    Raises:
        NotPublished: the mesh has no such domain with anything published.
    """
    found = cards(con, "domain = ?", (name,))
    if not found:
        names = [domain for (domain,) in con.execute("SELECT DISTINCT domain FROM product")]
        raise NotPublished(f"No domain '{name[:60]}' publishes anything here.{nearest(name[:60], names)}", address=name[:60])
    return {"name": name, "products": found}
