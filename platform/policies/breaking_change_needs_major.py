"""What readers were promised holds as long as the major does."""

from collections.abc import Iterator

import dagmesh as dm
from dagmesh.errors import ContractBroken
from dagmesh.model.diff import changes, check_version


class BreakingChangeNeedsMajor(dm.Policy):
    """breaks what its readers were promised: {broken}"""

    waivable = False

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """The contract held against the one last published in the same major; smaller changes are the lock file's to judge."""
        before = subject.published
        found = changes(before, subject.product) if before else ()
        if before is None or not any(change.effect == "breaking" for change in found):
            return
        try:
            check_version(before, subject.product, subject.domain.facts.broken_readers(subject.address, found))
        except ContractBroken as error:
            yield dm.Finding("version", broken=str(error))
