"""A product is more than its source."""

from collections.abc import Iterator

import dagmesh as dm


class NoRawTable(dm.Policy):
    """hands on {source} column by column as it is, and no documentation says why; publish what consumers need of it, or give the address
    of a page that says what the raw table means as documentation=."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Functions that give back one input unchanged, without a documentation of their own."""
        handed_on = subject.source.handed_on
        if handed_on and not subject.product["documentation"]:
            sources = {port["parameter"]: port["source"] for port in subject.product["reads"]}
            yield dm.Finding("", source=sources.get(handed_on, handed_on))
