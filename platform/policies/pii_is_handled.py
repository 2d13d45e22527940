"""Personal data is held for a purpose, for a time, and shown masked."""

import re
from collections.abc import Iterator

import dagmesh as dm

LONGEST_DAYS = 730
UNMASKED = "is personal data and has no mask"


class PiiIsHandled(dm.Policy):
    """{lacks}; write {better}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Every pii column has purpose and mask, and its product a retention of at most two years."""
        personal = [column for column in subject.columns if column["classification"] == "pii"]
        for column in personal:
            name = column["name"]
            if not column.get("purpose"):
                yield dm.Finding(f"column '{name}'", lacks="is personal data and has no purpose", better='purpose="<what it is held for>"')
            if not column.get("mask"):
                allowed = 'mask="null", "hash" or "partial"' if column["type"] == "VARCHAR" else 'mask="null"'
                yield dm.Finding(f"column '{name}'", lacks=UNMASKED, better=allowed)
        days = re.match(r"(\d+)d\Z", subject.product["promise"]["retention"])
        if personal and days and int(days[1]) > LONGEST_DAYS:
            lacks = f"keeps personal data for {days[1]} days"
            yield dm.Finding("promise.retention", lacks=lacks, better=f"a retention of {LONGEST_DAYS}d or less")

    def fix(self, subject: dm.Subject, finding: dm.Finding) -> dm.Edit | None:
        """A mask of "null", the strictest, where there is none; the purpose only its owner knows."""
        before = subject.source.segment(finding.place)
        if before is None or finding.facts["lacks"] != UNMASKED:
            return None
        return dm.Edit(subject.file, before, before.replace("dm.field(", 'dm.field(mask="null", ', 1))
