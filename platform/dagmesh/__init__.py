"""A data mesh on Dagster: every data product one file, nothing bad ever published."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from dagmesh.model.contract import Contract, field
from dagmesh.model.mesh import exports
from dagmesh.model.product import DataProduct, data_product, read
from dagmesh.model.projection import (
    Events,
    Projection,
    count,
    count_distinct,
    entity,
    first,
    last,
    last_days,
    max,  # noqa: A004 - the field's word
    min,  # noqa: A004 - the field's word
    projection,
    sum,  # noqa: A004 - the field's word
)
from dagmesh.model.promise import Price, Promise
from dagmesh.model.rule import check, column, rule
from dagmesh.model.types import digits
from dagmesh.orchestrate.domain import domain
from dagmesh.sql import sql

if TYPE_CHECKING:
    from dagmesh.consume.connection import connect
    from dagmesh.events.event_type import EventType
    from dagmesh.events.feeds.json_lines import Export, read_json_lines
    from dagmesh.events.upcast import upcast
    from dagmesh.model.policy import DomainSubject, Edit, Finding, Policy, PublicationSubject, ReadSubject, Subject
    from dagmesh.orchestrate.event_stores import Arrivals, EventStoreResource
    from dagmesh.orchestrate.mesh_records import MeshRecords, Recorded, records
    from dagmesh.orchestrate.private_assets import files
    from dagmesh.orchestrate.product_asset import daily
    from dagmesh.orchestrate.resources import LakeResource, ResolverResource
    from dagmesh.orchestrate.run_days import days_of

__all__ = [
    "Arrivals",
    "Contract",
    "DataProduct",
    "DomainSubject",
    "Edit",
    "EventStoreResource",
    "EventType",
    "Events",
    "Export",
    "Finding",
    "LakeResource",
    "MeshRecords",
    "Policy",
    "Price",
    "Projection",
    "Promise",
    "PublicationSubject",
    "ReadSubject",
    "Recorded",
    "ResolverResource",
    "Subject",
    "check",
    "column",
    "connect",
    "count",
    "count_distinct",
    "daily",
    "data_product",
    "days_of",
    "digits",
    "domain",
    "entity",
    "exports",
    "field",
    "files",
    "first",
    "last",
    "last_days",
    "max",
    "min",
    "projection",
    "read",
    "read_json_lines",
    "records",
    "rule",
    "sql",
    "sum",
    "upcast",
]

# Imported when first used: these need Dagster or DuckDB, or are for policies, which a product file alone is not.
_LATER = {
    "Arrivals": "dagmesh.orchestrate.event_stores",
    "DomainSubject": "dagmesh.model.policy",
    "Edit": "dagmesh.model.policy",
    "EventStoreResource": "dagmesh.orchestrate.event_stores",
    "EventType": "dagmesh.events.event_type",
    "Export": "dagmesh.events.feeds.json_lines",
    "Finding": "dagmesh.model.policy",
    "LakeResource": "dagmesh.orchestrate.resources",
    "MeshRecords": "dagmesh.orchestrate.mesh_records",
    "Policy": "dagmesh.model.policy",
    "PublicationSubject": "dagmesh.model.policy",
    "ReadSubject": "dagmesh.model.policy",
    "Recorded": "dagmesh.orchestrate.mesh_records",
    "ResolverResource": "dagmesh.orchestrate.resources",
    "Subject": "dagmesh.model.policy",
    "connect": "dagmesh.consume.connection",
    "daily": "dagmesh.orchestrate.product_asset",
    "days_of": "dagmesh.orchestrate.run_days",
    "files": "dagmesh.orchestrate.private_assets",
    "read_json_lines": "dagmesh.events.feeds.json_lines",
    "records": "dagmesh.orchestrate.mesh_records",
    "upcast": "dagmesh.events.upcast",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'dagmesh' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)
