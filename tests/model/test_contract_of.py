"""A contract made again from its JSON values is the contract, as far as it is no Python code."""

from __future__ import annotations

import json
from typing import Any

import pandera.errors
import pytest
from hypothesis import HealthCheck, given, settings
from tests.strategies import cases, contracts

import dagmesh as dm
from dagmesh.audit.frames import to_pandas
from dagmesh.errors import DefinitionError
from dagmesh.model.contract import Contract
from dagmesh.model.contract_of import column_type_of, contract_of

SETTINGS = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Readings(dm.Contract):
    """One row per reading."""

    sensor: str = dm.field(key=True, unique=True, description="Name.", classification="pii", purpose="calibration", mask="hash")
    degrees: float | None = dm.field(ge=dm.rule(-273.15, severity="warn", max_failing=0.1), unit="degrees", description="Mean.")

    @dm.check("degrees", description="as warm as the day before")
    def steady(cls, series: Any) -> bool:
        return True


def as_stored(contract: type[Contract]) -> dict[str, Any]:
    """The description as it comes back from a file."""
    read: dict[str, Any] = json.loads(json.dumps(contract.describe()))
    return read


def without_checks(described: dict[str, Any]) -> dict[str, Any]:
    return {**described, "rules": [rule for rule in described["rules"] if rule["kind"] != "check"]}


@settings(SETTINGS, max_examples=200)
@given(contracts())
def test_a_contract_made_again_describes_itself_alike(contract: type[Contract]) -> None:
    again = contract_of(as_stored(contract), checks="skip")

    # As text, because NaN equals nothing.
    assert json.dumps(again.describe()) == json.dumps(without_checks(contract.describe()))
    assert repr(again.columns) == repr(contract.columns)
    assert again.key() == contract.key()
    assert again.problems == ()


@settings(SETTINGS, max_examples=60)
@given(cases())
def test_a_contract_made_again_judges_the_same_rows_alike(case: Any) -> None:
    contract = case.product.contract
    again = contract_of(as_stored(contract), checks="skip")
    frame = to_pandas(case.rows, contract)

    python = {rule.name for rule in contract.rules if rule.function}
    assert judged(again, frame) == judged(contract, frame) - python


def judged(contract: type[Contract], frame: Any) -> set[str]:
    """The names of the checks, or of the columns whose own properties, that the frame breaks."""
    try:
        contract.to_model().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return {getattr(error.check, "name", None) or f"{error.reason_code} {error.schema.name}" for error in errors.schema_errors}
    return set()


def test_python_checks_are_refused_unless_they_are_skipped() -> None:
    with pytest.raises(DefinitionError) as raised:
        contract_of(Readings.describe())

    assert str(raised.value) == (
        "Readings: check 'steady': is Python code and cannot be made again from its description; leave it out with checks=\"skip\"."
    )
    assert contract_of(Readings.describe(), checks="skip").describe() == without_checks(Readings.describe())


def test_an_unknown_type_is_refused_with_the_nearest() -> None:
    described = without_checks(Readings.describe())
    described["columns"][1]["type"] = "DOUBEL"

    with pytest.raises(DefinitionError) as raised:
        contract_of(described)

    assert str(raised.value) == (
        "Readings: column 'degrees': unknown type 'DOUBEL'; choose BIGINT, DOUBLE, VARCHAR, BOOLEAN, DATE, TIMESTAMP WITH TIME ZONE "
        "or DECIMAL(p,s), or a list of one: BIGINT[]. Did you mean 'DOUBLE'?"
    )


@pytest.mark.parametrize("name", ["BIGINT[][]", "", "DECIMAL", "VARCHAR(3)", "INTEGER[]"])
def test_a_name_that_no_type_has_is_no_type(name: str) -> None:
    assert column_type_of(name) is None
