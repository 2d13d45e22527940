"""A data mesh on Dagster: every data product one file, nothing bad ever published."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from dagmesh.model.contract import Contract, field
from dagmesh.model.mesh import exports
from dagmesh.model.product import DataProduct, data_product, read
from dagmesh.model.promise import Price, Promise
from dagmesh.model.rule import check, column, rule
from dagmesh.model.types import digits
from dagmesh.orchestrate.domain import domain
from dagmesh.sql import sql

if TYPE_CHECKING:
    from dagmesh.consume.connection import connect
    from dagmesh.events.feeds.json_lines import Export, read_json_lines
    from dagmesh.model.policy import DomainSubject, Edit, Finding, Policy, PublicationSubject, ReadSubject, Subject
    from dagmesh.orchestrate.private_assets import files
    from dagmesh.orchestrate.product_asset import daily, days_of
    from dagmesh.orchestrate.resources import LakeResource, ResolverResource

__all__ = [
    "Contract",
    "DataProduct",
    "DomainSubject",
    "Edit",
    "Export",
    "Finding",
    "LakeResource",
    "Policy",
    "Price",
    "Promise",
    "PublicationSubject",
    "ReadSubject",
    "ResolverResource",
    "Subject",
    "check",
    "column",
    "connect",
    "daily",
    "data_product",
    "days_of",
    "digits",
    "domain",
    "exports",
    "field",
    "files",
    "read",
    "read_json_lines",
    "rule",
    "sql",
]

# Imported when first used: these need Dagster or DuckDB, or are for policies, which a product file alone is not.
_LATER = {
    "DomainSubject": "dagmesh.model.policy",
    "Edit": "dagmesh.model.policy",
    "Export": "dagmesh.events.feeds.json_lines",
    "Finding": "dagmesh.model.policy",
    "LakeResource": "dagmesh.orchestrate.resources",
    "Policy": "dagmesh.model.policy",
    "PublicationSubject": "dagmesh.model.policy",
    "ReadSubject": "dagmesh.model.policy",
    "ResolverResource": "dagmesh.orchestrate.resources",
    "Subject": "dagmesh.model.policy",
    "connect": "dagmesh.consume.connection",
    "daily": "dagmesh.orchestrate.product_asset",
    "days_of": "dagmesh.orchestrate.product_asset",
    "files": "dagmesh.orchestrate.private_assets",
    "read_json_lines": "dagmesh.events.feeds.json_lines",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'dagmesh' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)
