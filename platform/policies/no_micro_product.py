"""A product is worth its contract."""

from collections.abc import Iterator

import dagmesh as dm

LEAST = 2


class NoMicroProduct(dm.Policy):
    """has {count} column beside its key; a contract is worth at least two. Join it with the product it belongs to, or ask for a waiver:
    domains/{domain}/waivers/no_micro_product.{product}.yaml."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The number of columns that are no key."""
        count = sum(not column["key"] for column in subject.columns)
        if count < LEAST:
            yield dm.Finding("contract", count=count or "no", domain=subject.domain.name, product=subject.product["name"])
