"""Products as documents of the Open Data Product Standard: valid, and nothing but the contract left to ODCS."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import HealthCheck, example, given, settings
from tests.model.test_odcs import PAYMENTS
from tests.strategies import products

from dagmesh.model.domain import Product
from dagmesh.model.odcs import from_odcs, to_odcs
from dagmesh.model.odps import from_odps, to_odps
from dagmesh.model.yaml_text import yaml_text

SCHEMA = Path(__file__).parents[1] / "standards" / "odps-1.1.0.schema.json"
SETTINGS = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cache
def validator() -> jsonschema.Draft201909Validator:
    """Judges documents by the standard's own schema."""
    return jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


@SETTINGS
@given(product=products())
@example(product=PAYMENTS)
def test_every_document_is_valid_by_the_standards_schema(product: Product) -> None:
    validator().validate(to_odps(product.describe()))


@SETTINGS
@given(product=products())
@example(product=PAYMENTS)
def test_a_product_comes_back_from_both_its_documents_without_loss(product: Product) -> None:
    described = product.describe()

    again = from_odps(yaml.safe_load(yaml_text(to_odps(described)))) | {"contract": from_odcs(to_odcs(described))["contract"]}

    assert json.dumps(again, sort_keys=True) == json.dumps(described, sort_keys=True)


def test_the_ports_name_the_contracts_by_their_ids() -> None:
    document = to_odps(PAYMENTS.describe())
    ((port,), (read,)) = document["outputPorts"], document["inputPorts"]

    assert port["contractId"] == to_odcs(PAYMENTS.describe())["id"]
    assert port["inputContracts"] == [{"id": read["contractId"], "version": "1"}]
    assert (read["name"], read["version"]) == ("orders.orders@1", "1")


def test_the_document_of_a_product_is_as_it_was_reviewed(golden: Any) -> None:
    golden("payments.odps.yaml", yaml_text(to_odps(PAYMENTS.describe())))
