"""Who may read what: default deny; the owner everything, the served domains what is not restricted, the others what they were granted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from dagmesh.consume.grants import Found, Grants
from dagmesh.consume.identity.principal import ANALYST
from dagmesh.errors import AccessRefused
from dagmesh.model.address import Address
from dagmesh.model.contract import CLASSIFICATIONS, RESTRICTED
from dagmesh.model.grant import Grant, GrantMask, strictest

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Access:
    """What a reader sees: every column but those in `masks`, each as its mask shows it; of all rows those that `rows` keeps.

    `grant` is the file it hangs on, None where `serves` alone or ownership gives it.
    """

    masks: Mapping[str, GrantMask] = field(default_factory=dict)
    rows: str | None = None
    grant: str | None = None

    def needed(self, columns: Iterable[str]) -> frozenset[str]:
        """Of a product's columns those whose values must be known to show what the reader sees: also for a hash, and for its rows."""
        words = frozenset(_WORD.findall(self.rows or ""))
        return frozenset(name for name in columns if self.masks.get(name) != "null" or name in words)


@dataclass(frozen=True)
class Asked:
    """Who asks for what on which day; a snapshot's product as it was described then, and as it is described today."""

    reader: str
    address: Address
    product: Mapping[str, Any]
    now: Mapping[str, Any]
    today: date


def access(asked: Asked, grants: Grants) -> Access:
    """What the reader sees of the product.

    Who may read is said today, also of old snapshots; a column that is restricted today, or was then, is.

    Raises:
        AccessRefused: nothing; the message says who does and how to ask.
    """
    if asked.reader == asked.now["domain"]:
        return Access()
    found = grants.held(asked.reader, asked.address.domain, asked.address.product)
    grant, why = _standing(found, asked)
    if grant is None and found is not None and _standing(found, replace(asked, product=asked.now))[0]:
        # Its masks and rows hold today; an older snapshot they do not fit is no way around them, also for who is served.
        raise _refusal(asked, grants, found, f"its grant does not fit snapshot {asked.address}: {why}")
    is_served = asked.reader in (ANALYST, *asked.now["serves"])
    if not is_served and grant is None:
        raise _refusal(asked, grants, found, why)
    masks = {column["name"]: _mask(column, asked, grant, is_served) for column in asked.product["contract"]["columns"]}
    hidden = {name: mask for name, mask in masks.items() if mask != "none"}
    return Access(hidden, grant.rows, grant.file) if grant else Access(hidden)


def _standing(found: Found | None, asked: Asked) -> tuple[Grant | None, str]:
    """The grant when it holds for what is asked; else why it does not."""
    if found is None:
        return None, ""
    for product in (asked.now, asked.product):
        state, why = found.standing(product if product is asked.now else {**product, "owner": asked.now["owner"]}, asked.today)
        if state != "approved":
            return None, f"its grant {'is void: ' if state == 'void' else ''}{why}"
    grant = found.grant
    if grant is None or asked.address.major not in grant.majors:
        return None, f"its grant is for majors {grant.majors if grant else ''}"
    return grant, ""


def _mask(column: Mapping[str, Any], asked: Asked, grant: Grant | None, is_served: bool) -> GrantMask:
    """How the reader sees a column of the snapshot: the stricter of what its class then and its class today say."""
    today = [other for other in asked.now["contract"]["columns"] if other["name"] == column["name"]]
    return strictest([_seen_as(described, grant, is_served) for described in (column, *today)])


def _seen_as(column: Mapping[str, Any], grant: Grant | None, is_served: bool) -> GrantMask:
    opened = grant.opens(column) if grant else None
    if opened is not None:
        return opened
    if not is_served:
        return "null"
    own: GrantMask = column.get("mask") or "null"
    return own if column["classification"] in RESTRICTED else "none"


def _refusal(asked: Asked, grants: Grants, found: Found | None, why: str) -> AccessRefused:
    product, address = asked.now, str(Address(asked.address.domain, asked.address.product, asked.address.major))
    classes = {column["classification"] for column in product["contract"]["columns"]} & RESTRICTED
    granted = _granted_to(asked, grants)
    facts = [
        *([max(classes, key=CLASSIFICATIONS.index)] if classes else []),
        *([f"serves {', '.join(product['serves'])}"] if product["serves"] else []),
        *([f"granted to {', '.join(granted)}"] if granted else []),
    ]
    why = why.rstrip(".")
    told = "; ".join([f"{asked.reader} may not read {asked.address} ({', '.join(facts) or 'serves nobody yet'})", *([why] if why else [])])
    waits = found is not None and found.grant is not None and found.grant.status == "requested"
    approve = f"dagmesh grant approve {asked.reader}.{asked.address.product} --by {product['owner']}"
    request = f'dagmesh grant request {address} --as {asked.reader} --purpose "..."'
    message = f"{told}. Ask {product['owner']}: {approve if waits else request}"
    return AccessRefused(message, reader=asked.reader, address=str(asked.address))


def _granted_to(asked: Asked, grants: Grants) -> list[str]:
    """The consumers with a grant that holds."""
    address = asked.address
    its = [found for found in grants.of_producer(address.domain) if found.grant and found.grant.product == address.product]
    standing = [found.grant for found in its if found.standing(asked.now, asked.today)[0] == "approved"]
    return [grant.consumer for grant in standing if grant and address.major in grant.majors]
