"""A data mesh on Dagster: every data product one file, nothing bad ever published."""

from dagmesh.model.contract import Contract, field
from dagmesh.model.product import DataProduct, data_product, read
from dagmesh.model.promise import Price, Promise
from dagmesh.model.rule import check, column, rule
from dagmesh.model.types import digits

__all__ = [
    "Contract",
    "DataProduct",
    "Price",
    "Promise",
    "check",
    "column",
    "data_product",
    "digits",
    "field",
    "read",
    "rule",
]
