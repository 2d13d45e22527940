"""A major stays until its sunset, and after it until nobody reads it."""

from collections.abc import Iterator

import dagmesh as dm
from dagmesh.model.retirement import removal_refused


class SunsetRespected(dm.Policy):
    """takes away what is published: {refused}"""

    waivable = False

    def of_domain(self, domain: dm.DomainSubject) -> Iterator[dm.Finding]:
        """Every published major that the domain's code has no more."""
        for address, product in domain.published.items():
            if str(address) not in domain.products:
                refused = removal_refused(product, domain.facts.readers(address), domain.today)
                if refused:
                    yield dm.Finding(refused=refused)
