"""An identifier stands for something that its owner knows."""

from collections.abc import Iterator

import dagmesh as dm
from dagmesh.model.address import Address
from policies.shared_identifiers import IDENTIFIERS


class IdentifiersResolve(dm.Policy):
    """{count} values are not in {owner}; ask its owner whether they are late or wrong."""

    severity = "warn"

    def of_publication(self, publication: dm.PublicationSubject) -> Iterator[dm.Finding]:
        """The staged values of every mesh-wide identifier, held against the owning product's newest snapshot."""
        subject = publication.subject
        for column in subject.columns:
            known = IDENTIFIERS.get(column["name"])
            if known and Address.parse(known.owner).name != subject.address.name and column["type"] == known.type:
                count = publication.unmatched(column["name"], Address.parse(known.owner), column["name"])
                if count:
                    yield dm.Finding(f"column '{column['name']}'", count=count, owner=known.owner)
