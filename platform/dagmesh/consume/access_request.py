"""Asking for access: a grant that opens nothing until the product's owner approves it, written as a file to review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from dagmesh.consume.grant_files import complaints, grant_text, write_grant
from dagmesh.consume.grants import Grants
from dagmesh.consume.identity.principal import ANALYST
from dagmesh.errors import AddressError, DefinitionError, MeshError, Problem
from dagmesh.model.contract import RESTRICTED
from dagmesh.model.grant import Grant, GrantMask, Majors
from dagmesh.model.grant_reading import read_grant
from dagmesh.model.mesh import Mesh

DEFAULT_TERM = timedelta(days=365)


@dataclass(frozen=True)
class Wanted:
    """What a consumer asks to see of a product; without columns and classes every column that is not restricted.

    `until` is the last day, a year from today by default; `mask` and `rows` are those of a grant.
    """

    consumer: str
    purpose: str
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    mask: Mapping[str, GrantMask] = field(default_factory=dict)
    rows: str | None = None
    until: date | None = None


def request_access(mesh: Mesh, product: Mapping[str, Any], wanted: Wanted) -> Grant:
    """The pending grant, now a file in the producer's folder.

    Args:
        mesh: where the consumer and the producer's folder are.
        product: the product as it is described.
        wanted: who asks, for what and why.

    Raises:
        MeshError: the consumer is no domain, or has an approved grant that the request would take away.
        AddressError: nothing is named, and there is nothing unnamed to ask for.
        DefinitionError: with every mistake of what is asked for.
    """
    if wanted.consumer != ANALYST:
        mesh.location(wanted.consumer)
    grant = Grant(
        producer=product["domain"],
        consumer=wanted.consumer,
        product=product["name"],
        majors=Majors((_major(product),)),
        purpose=wanted.purpose,
        expires=wanted.until or datetime.now(UTC).date() + DEFAULT_TERM,
        status="requested",
        columns=wanted.columns,
        classes=wanted.classes or (() if wanted.columns else _unrestricted(product, wanted.consumer)),
        mask=wanted.mask,
        rows=wanted.rows,
    )
    _check_free(mesh, grant)
    save_grant(mesh, grant, [product])
    return grant


def save_grant(mesh: Mesh, grant: Grant, products: Sequence[Mapping[str, Any]]) -> None:
    """Write the grant's file, whole at once, unless it would be wrong.

    Args:
        mesh: whose file it is.
        grant: what to write.
        products: the described products it is held against; none to hold it against nothing.

    Raises:
        DefinitionError: with every mistake, against each product of the grant's majors too.
    """
    read_grant(grant_text(grant), grant.producer, Path(grant.file))
    described = {name: [other for other in products if other["name"] == name] for name in {product["name"] for product in products}}
    problems = [Problem(grant.file, "", where, message) for where, message in (complaints(grant, described) if products else ())]
    if problems:
        raise DefinitionError(problems)
    write_grant(mesh.root, grant)


def opens(grant: Grant) -> str:
    """What a grant opens, in words."""
    named = [f"{name} ({grant.mask[name]})" if name in grant.mask else name for name in grant.columns]
    return ", ".join([*named, *(f"every {name} column" for name in grant.classes)])


def _major(product: Mapping[str, Any]) -> int:
    return int(product["version"].split(".")[0])


def _unrestricted(product: Mapping[str, Any], consumer: str) -> tuple[str, ...]:
    """The classes of the product's columns that are not restricted: what is asked for by who names nothing."""
    address = f"{product['domain']}.{product['name']}@{_major(product)}"
    columns = product["contract"]["columns"]
    if consumer in product["serves"]:
        restricted = [column["name"] for column in columns if column["classification"] in RESTRICTED]
        more = f"Name those you need: --columns {','.join(restricted)}" if restricted else "It has no others."
        raise AddressError(f"{address} serves {consumer}, which reads every column that is not restricted. {more}")
    classes = dict.fromkeys(column["classification"] for column in columns if column["classification"] not in RESTRICTED)
    if not classes:
        names = ",".join(column["name"] for column in columns)
        raise AddressError(f"every column of {address} is restricted. Name those you need: --columns {names}")
    return tuple(classes)


def _check_free(mesh: Mesh, wanted: Grant) -> None:
    """Nothing, unless a grant holds that the request would take away."""
    found = Grants.of(mesh).held(wanted.consumer, wanted.producer, wanted.product)
    today = datetime.now(UTC).date()
    if found and found.grant and found.grant.status == "approved" and today <= found.grant.expires:
        raise MeshError(
            f"{wanted.file} is approved until {found.grant.expires} and opens {opens(found.grant)}. "
            f"Change the file, or take it back first: dagmesh grant revoke {wanted.name}"
        )
