"""An identifier is the same everywhere: the table of this mesh, in place of the shop's."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagmesh as dm


@dataclass(frozen=True)
class Identifier:
    """A mesh-wide identifier: its type, and the product whose key it is."""

    type: str
    owner: str


IDENTIFIERS = {
    "customer_id": Identifier("BIGINT", "sales.customers@1"),
    "order_id": Identifier("BIGINT", "sales.orders@1"),
    "product_id": Identifier("BIGINT", "sales.products@1"),
}


class SharedIdentifiers(dm.Policy):
    """is {type}, and in this mesh it is {wanted}, the key of {owner}; take that type, or another name when it is another thing."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Columns named like a mesh-wide identifier."""
        for column in subject.columns:
            known = IDENTIFIERS.get(column["name"])
            if known and column["type"] != known.type:
                yield dm.Finding(f"column '{column['name']}'", type=column["type"], wanted=known.type, owner=known.owner)
