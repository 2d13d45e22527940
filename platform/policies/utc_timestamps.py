"""Times are UTC timestamps and days are dates, and their names tell which."""

from collections.abc import Iterator

import dagmesh as dm

MOMENT, DAY = "TIMESTAMP WITH TIME ZONE", "DATE"
PERIODS = ("day", "week", "month", "quarter", "year")  # a date may also be a period's first day


class UtcTimestamps(dm.Policy):
    """is {type} and is named like {named}; {better}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Names that end in _at, _on or _date, and columns of these types."""
        for column in subject.columns:
            name, kind = column["name"], column["type"]
            last = name.rpartition("_")[2]
            wanted = MOMENT if last == "at" and "_" in name else DAY if last in ("on", "date") and "_" in name else None
            place = f"column '{name}'"
            if wanted and kind != wanted:
                annotation = "datetime, in UTC" if wanted == MOMENT else "date"
                named = "a moment" if wanted == MOMENT else "a day"
                yield dm.Finding(place, type=kind, named=named, better=f"annotate it with {annotation}, or rename it")
            elif kind == MOMENT and wanted is None:
                yield dm.Finding(place, type=kind, named="no moment", better="end its name in _at")
            elif kind == DAY and wanted is None and last not in PERIODS:
                yield dm.Finding(place, type=kind, named="no day", better="end its name in _on or _date")
