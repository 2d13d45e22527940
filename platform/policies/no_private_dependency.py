"""A domain's private tables are its own."""

from collections.abc import Iterator

import dagmesh as dm


class NoPrivateDependency(dm.Policy):
    """names {source}, a private table of {domain} that may change any day; read one of its products, or ask {domain} to publish one."""

    def of_read(self, read: dm.ReadSubject) -> Iterator[dm.Finding]:
        """A read that names a private table of another domain."""
        if read.source.product in read.facts.private(read.source.domain):
            yield dm.Finding(read.place, source=read.source.name, domain=read.source.domain)
