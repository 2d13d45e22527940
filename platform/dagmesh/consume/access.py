"""Who may read what: default deny, the owner everything, the served domains and analysts the unrestricted columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagmesh.errors import AccessRefused
from dagmesh.model.address import Address
from dagmesh.model.contract import RESTRICTED

ANALYST = "analyst"


def check_access(product: Mapping[str, Any], address: Address, reader: str) -> None:
    """Nothing, when the reader may read the product.

    Args:
        product: the product as its newest publication describes it.
        address: what was asked for.
        reader: a domain's name, or `analyst` for a person at the mesh's own machine.

    Raises:
        AccessRefused: the product does not serve the reader; the message says who does and whom to ask.
    """
    serves = [*product["serves"]]
    if reader in (product["domain"], ANALYST, *serves):
        return
    whom = product["support"] or product["owner"]
    served = ", ".join(serves) or "nobody yet"
    raise AccessRefused(
        f"{reader} may not read {address} (it serves {served}). Ask {product['owner']} ({whom}) to add "
        f"'{reader}' to serves of {product['name']}.",
        reader=reader,
        address=str(address),
    )


def hidden_columns(product: Mapping[str, Any], reader: str) -> frozenset[str]:
    """The columns whose values the reader sees as NULL: confidential and pii, for everyone but the owner."""
    if reader == product["domain"]:
        return frozenset()
    return frozenset(column["name"] for column in product["contract"]["columns"] if column["classification"] in RESTRICTED)
