"""`dagmesh export` and `dagmesh import`: what they print and write, for our own documents and for those of other tools."""

from __future__ import annotations

import json
import linecache
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from tests.model.test_odcs import PAYMENTS, Payments
from tests.small_mesh import SmallMesh, forget, small_mesh
from tests.strategies import products

from dagmesh.cli import main
from dagmesh.cli.draft_source import draft_source
from dagmesh.model.domain import Product
from dagmesh.model.odcs import from_odcs, to_odcs
from dagmesh.model.odcs_draft import drafted
from dagmesh.model.odps import from_odps
from dagmesh.model.product import DataProduct
from dagmesh.model.yaml_text import yaml_text

__all__ = ["small_mesh"]  # a fixture of this module too
FOREIGN = """
apiVersion: v3.0.2
kind: DataContract
id: 1
name: Orders
version: v2.1
status: active
domain: Web Shop
tags: [gold, "two words"]
description: {purpose: All orders., usage: Reports}
team:
  - {username: nobody, role: steward}
  - {username: ann@example.org, role: owner}
support: [{channel: "#orders", url: "https://chat.example.org/orders"}]
roles: [{role: bi_reader, access: read}]
servers: [{server: production, type: postgres, host: db, port: 5432, database: shop, schema: public}]
slaProperties:
  - {property: latency, value: 4, unit: h}
  - {property: retention, value: 3, unit: y}
  - {property: timeOfAvailability, value: "09:00"}
  - {property: frequency, value: 1, unit: d}
schema:
  - name: Orders
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0, description: There are orders.}
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [order_id]}}
    properties:
      - {name: orderId, logicalType: string, primaryKey: true, description: Id, logicalTypeOptions: {pattern: "^O-[0-9]+$", maxLength: 12}}
      - {name: total, physicalType: "numeric(12,4)", required: true, description: Total., logicalTypeOptions: {minimum: 0}}
      - {name: placed_on, logicalType: date, required: true, partitioned: true, description: D, logicalTypeOptions: {minimum: "2020-01-01"}}
      - {name: state, logicalType: string, description: State., enum: [{value: new}, {value: paid}], classification: restricted}
      - name: email
        logicalType: strng
        quality:
          - {metric: nullValues, mustBeLessThan: 5, unit: percent}
          - {type: sql, name: known, query: "SELECT 1", mustBe: 1}
      - {name: address, logicalType: object, required: true, description: Where to., properties: [{name: city, logicalType: string}]}
      - {name: codes, logicalType: array, items: {logicalType: integer}, description: Codes.}
      - {name: country, logicalType: string, required: true, description: Country., unique: true,
         quality: [{metric: invalidValues, mustBeLessOrEqualTo: 2, unit: percent, arguments: {validValues: [DE, FR]}},
                   {metric: nullValues, mustBe: 0}]}
  - name: lines
    properties: [{name: line_id, logicalType: integer}]
"""


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh, working directory inside."""
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def loaded(source: str) -> DataProduct[..., Any]:
    """The product of a draft's source, imported like a file."""
    module = types.ModuleType("drafted.products.draft")
    linecache.cache[module.__name__] = (len(source), None, source.splitlines(keepends=True), module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, module.__name__, "exec"), vars(module))
    finally:
        del sys.modules[module.__name__]
    (found,) = [value for value in vars(module).values() if isinstance(value, DataProduct)]
    return found


def without_checks(described: dict[str, Any]) -> dict[str, Any]:
    contract = described["contract"]
    return {**contract, "rules": [rule for rule in contract["rules"] if rule["kind"] != "check"]}


# Drafts


@settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(product=products())
@example(product=PAYMENTS)
def test_a_draft_describes_the_same_contract_as_the_document(product: Product) -> None:
    described = product.describe()
    described["contract"]["grain"] = "One row per row."  # a docstring keeps no white space
    for column in described["contract"]["columns"]:
        column["description"] = column["description"].strip()
        column.pop("choices", None)  # the strategy gives them without the rule that they always bring
    described["reads"] = [{**read, "parameter": f"rows{number}"} for number, read in enumerate(described["reads"])]
    draft = drafted(to_odcs(described))

    again = loaded(draft_source(draft.product, draft.notes, "x.odcs.yaml"))

    assert json.dumps(again.contract.describe(), sort_keys=True) == json.dumps(without_checks(described), sort_keys=True)
    assert [check for check in draft.notes if check.startswith("check ")] == list(draft.notes)


def test_all_else_a_document_says_of_a_product_is_in_its_draft() -> None:
    described = PAYMENTS.describe()
    draft = drafted(to_odcs(described))

    again = loaded(draft_source(draft.product, draft.notes, "payments.odcs.yaml")).in_domain("shop", "team:shop", None)

    assert again.describe() == described | {"contract": without_checks(described)}
    assert draft.notes == ("check not_free (warn, of total_eur) is Python code; write it again: not all are free",)


def test_the_source_of_a_draft_is_as_it_was_reviewed(golden: Any) -> None:
    draft = drafted(to_odcs(PAYMENTS.describe()))
    foreign = drafted(yaml.safe_load(FOREIGN))

    golden("payments_draft.txt", draft_source(draft.product, draft.notes, "payments.odcs.yaml"))
    golden("foreign_draft.txt", draft_source(foreign.product, foreign.notes, "orders.odcs.yaml"))


def test_a_drafts_function_says_what_to_do_next() -> None:
    draft = drafted(to_odcs(PAYMENTS.describe()))

    with pytest.raises(NotImplementedError) as raised:
        loaded(draft_source(draft.product, draft.notes, "payments.odcs.yaml"))(orders=None)

    assert str(raised.value) == "Write payments: give its parameters the tables it reads, return its rows."


def test_a_foreign_contract_is_drafted_as_near_as_it_gets() -> None:
    draft = drafted(yaml.safe_load(FOREIGN))
    again = loaded(draft_source(draft.product, draft.notes, "orders.odcs.yaml"))
    described = again.describe()

    assert described["contract"] == draft.product["contract"]
    assert (described["name"], described["version"], described["owner"]) == ("orders", "2.1.0", "ann@example.org")
    assert (described["partitioned_by"], described["support"]) == ("placed_on", "https://chat.example.org/orders")
    assert described["tags"] == {"gold": ""}
    assert (again.promise.max_lag, again.promise.retention, again.promise.available_by) == ("4h", "1095d", "09:00")
    assert {column["name"]: column["type"] for column in described["contract"]["columns"]} == {
        "order_id": "VARCHAR",
        "total": "DECIMAL(12,4)",
        "placed_on": "DATE",
        "state": "VARCHAR",
        "email": "VARCHAR",
        "address": "VARCHAR",
        "codes": "BIGINT[]",
        "country": "VARCHAR",
    }
    assert [rule.text for rule in again.contract.rules if rule.kind != "not_null"] == [
        "order_id is unique",
        "order_id contains ^O-[0-9]+$",
        "order_id max_length 12",
        "total >= 0",
        "placed_on >= 2020-01-01",
        "state is one of new, paid",
        "country is unique",
        "country is one of DE, FR",
    ]
    assert again.contract.rules[-1].max_failing == 0.02


def test_what_a_draft_could_not_carry_is_named_with_the_nearest() -> None:
    assert drafted(yaml.safe_load(FOREIGN)).notes == (
        "schema object 'lines' is left out: a product is one table.",
        "column 'orderId' is named order_id: names are snake_case.",
        "column state: unknown classification 'restricted'; choose public, internal, pseudonymous, confidential or pii. "
        "It is confidential for now.",
        "column email: 'strng' has no place in the type table; choose string, integer, number, boolean, date, timestamp or array. "
        "Did you mean 'string'? Text is the nearest for now.",
        "column email is not described; say what the value means, for a stranger.",
        "quality of email: nullValues is not carried: nullValues",
        "quality of email: known is not carried: SELECT 1",
        "column address: 'object' has no place in the type table; choose string, integer, number, boolean, date, timestamp or array. "
        "Text is the nearest for now.",
        "quality of Orders: rowCount is not carried: There are orders.",
        "roles: 'bi_reader' is not carried.",
        "servers: 'production' is not carried.",
        "service level frequency 1 d is not carried.",
    )


# Commands


def test_export_prints_the_product_as_the_code_says_it(mesh: SmallMesh) -> None:
    contract, product = dagmesh("export", "sensors.readings"), dagmesh("export", "sensors.readings@1", "--format", "odps")

    described = from_odcs(yaml.safe_load(contract.output))
    assert (contract.exit_code, product.exit_code) == (0, 0)
    assert (described["domain"], described["version"], described["owner"]) == ("sensors", "1.0.0", "team:sensors")
    assert from_odps(yaml.safe_load(product.output)) | {"contract": described["contract"]} == described


def test_export_can_print_what_was_published(mesh: SmallMesh) -> None:
    mesh.export("2026-01-01", 10, 20)
    mesh.build("2026-01-01")
    mesh.change("domains/sensors/sensors/products/readings.py", 'version="1.0.0"', 'version="1.1.0"')

    published, code = dagmesh("export", "sensors.readings", "--published"), dagmesh("export", "sensors.readings")

    assert yaml.safe_load(published.output)["version"] == "1.0.0"
    assert yaml.safe_load(code.output)["version"] == "1.1.0"


def test_export_of_no_product_names_the_nearest(mesh: SmallMesh) -> None:
    result = dagmesh("export", "sensors.reading@1")

    assert result.exit_code == 2
    assert result.stderr == (
        "domain sensors has no product sensors.reading@1; choose sensors.readings@1. Did you mean 'sensors.readings@1'?\n"
    )


def test_an_imported_draft_is_a_product_of_its_domain_at_once(mesh: SmallMesh, tmp_path: Path) -> None:
    file = tmp_path / "payments.odcs.yaml"
    file.write_text(yaml_text(to_odcs(PAYMENTS.describe())), encoding="utf-8")

    result = dagmesh("import", str(file), "--to", "reports")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "wrote domains/reports/reports/products/payments.py",
        "Next: write its function, then dagmesh run reports.payments",
    ]
    assert result.stderr == "note: check not_free (warn, of total_eur) is Python code; write it again: not all are free\n"
    again = from_odcs(yaml.safe_load(dagmesh("export", "reports.payments").output))
    assert again["contract"] == without_checks(PAYMENTS.describe())
    assert dagmesh("import", str(file), "--to", "reports").exit_code == 2


def test_an_imported_draft_is_printed_unless_it_has_a_place(mesh: SmallMesh, tmp_path: Path) -> None:
    file = tmp_path / "orders.odcs.yaml"
    file.write_text(FOREIGN, encoding="utf-8")

    result = dagmesh("import", str(file))

    assert result.exit_code == 0
    assert loaded(result.stdout).contract.describe()["name"] == "Orders"
    assert not list(mesh.root.glob("domains/*/*/products/orders.py"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read as YAML: while parsing"),
        ("kind: Something", "is no data contract of ODCS; its kind must be DataContract."),
        ("- 1", "is no data contract of ODCS; its kind must be DataContract."),
        ("kind: DataContract", "describes no table with columns; a product needs one: schema[0].properties."),
        ("{kind: DataContract, schema: [{name: a, properties: [1]}]}", "breaks the schema of ODCS (TypeError: "),
    ],
)
def test_a_file_that_is_no_data_contract_is_refused(mesh: SmallMesh, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.odcs.yaml"
    file.write_text(text, encoding="utf-8")

    result = dagmesh("import", str(file))

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}: {message}")


def test_a_file_that_is_not_there_is_named(mesh: SmallMesh) -> None:
    result = dagmesh("import", "x.odcs.yaml")

    assert result.exit_code == 2
    assert result.stderr == ("x.odcs.yaml: no such file; name a data contract, for example domains/orders/contracts/orders.v1.odcs.yaml.\n")


def test_the_example_of_these_tests_is_a_contract() -> None:
    assert Payments.problems == ()
