"""A product's projection: its definition, with what its domain declares of its events, and where its state is kept."""

from __future__ import annotations

from pathlib import Path

from dagmesh.events.declared import declared
from dagmesh.events.projections.state import Definition
from dagmesh.events.projections.state_files import state_folder
from dagmesh.model.domain import Product


def definition_of(product: Product) -> Definition:
    """The product's projection with what its domain declares of its events."""
    assert product.projection is not None
    found = declared(product.domain)
    return Definition(product.projection, product.partitioned_by, found.types, found.upcasts)


def projection_folder(home: Path, product: Product) -> Path:
    """Where the product's state is; `home` is the domain's private one."""
    return state_folder(home, f"{product.name}.v{product.major}", definition_of(product).digest())
