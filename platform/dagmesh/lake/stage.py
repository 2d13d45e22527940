"""Stages: rows written beside a table where no reader looks, until they are published or discarded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from dagmesh.model.domain import Product


@dataclass(frozen=True)
class Stage:
    """Staged rows of a product. `days` are the days asked for (none for a whole product), `rows` counts by day (None: whole)."""

    product: Product
    days: tuple[date, ...]
    rows: Mapping[date | None, int]

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the staged rows, columns in contract order."""
        raise NotImplementedError

    def discard(self) -> None:
        """Remove what is left of the stage."""
        raise NotImplementedError
