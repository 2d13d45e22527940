"""Reads the projection that a product's function declares, and what is wrong with how it is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dagmesh.model.product import Form, Read
from dagmesh.model.projection import Events, Projection

Complaint = tuple[str, str]


def declared_projection(function: Callable[..., Any], reads: tuple[Read, ...]) -> Projection | None:
    """What a function annotated `-> dm.Projection` declares; its parameters only name the feeds."""
    declared = function(**{read.parameter: Events(read.source) for read in reads})
    return declared if isinstance(declared, Projection) else None


def projection_complaints(reads: tuple[Read, ...], form: Form, projection: Projection | None) -> Iterator[Complaint]:
    """Parameter or field, and message, of each mistake in a projection's declaration; nothing of another product's."""
    if form != "projection":
        return
    for read in reads:
        if read.form != "events" or read.days is not None or read.late_days:
            yield (
                f"parameter '{read.parameter}'",
                "a projection reads all events of its own domain's feeds: annotate it dm.Events, without a window; to read "
                "anything else, write a function that returns a relation.",
            )
    if projection is None:
        yield "return", "gives back no projection; end with return dm.projection(...)."
    else:
        yield from projection.complaints()
