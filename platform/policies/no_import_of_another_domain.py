"""Domains meet in products, not in code."""

from collections.abc import Iterator

import dagmesh as dm


class NoImportOfAnotherDomain(dm.Policy):
    """takes the code of another domain, which may change any day; read a product of {module}, or write the lines you need."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The modules that the product's file imports."""
        for module in sorted(subject.source.imports & (subject.domain.domains - {subject.domain.name})):
            yield dm.Finding(f"import '{module}'", module=module)
