"""An identifier is the same everywhere."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagmesh as dm


@dataclass(frozen=True)
class Identifier:
    """A mesh-wide identifier: its type, and the product whose key it is."""

    type: str
    owner: str


# campaign_id is none: the newsletter's campaigns and the grocery panel's are not the same things.
IDENTIFIERS = {
    "customer_id": Identifier("VARCHAR", "customers.profiles@1"),
    "order_id": Identifier("VARCHAR", "orders.orders@1"),
    "household_id": Identifier("BIGINT", "grocery.household_spend@1"),
}


class SharedIdentifiers(dm.Policy):
    """is {type}, and in this mesh it is {wanted}, the key of {owner}; take that type, or another name when it is another thing."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Columns named like a mesh-wide identifier."""
        for column in subject.columns:
            known = IDENTIFIERS.get(column["name"])
            if known and column["type"] != known.type:
                yield dm.Finding(f"column '{column['name']}'", type=column["type"], wanted=known.type, owner=known.owner)
