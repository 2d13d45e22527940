"""The reference: a contract as a Pandera model judges the frames people write."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pytest

import dagmesh as dm
from dagmesh.model.contract import Contract

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Orders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, ge=1, description="Number.")
    example: Literal["new", "paid"] = dm.field(description="A name that Pandera uses itself.")
    total_eur: Annotated[Decimal, dm.digits(10, 2)] = dm.field(ge=0, unit="EUR", description="Total.")
    items: int | None = dm.field(description="Items.")
    placed_at: datetime = dm.field(ge=NOON, description="Moment.")
    order_date: date = dm.field(description="Day.")
    tags: list[str] | None = dm.field(unique=True, description="Tags.")
    shipped_at: datetime | None = dm.field(ge=dm.column("placed_at"), description="Moment.")

    @dm.check("items", "total_eur", description="what has items costs something")
    def costs(cls, frame: pd.DataFrame) -> pd.Series[bool]:
        return frame["total_eur"].map(bool) | (frame["items"] == 0)


def frame(**changes: Any) -> pd.DataFrame:
    """One good order, with some columns changed."""
    good = {
        "order_id": [1],
        "example": ["new"],
        "total_eur": [Decimal("1.50")],
        "items": pd.array([2], dtype="Int64"),
        "placed_at": pd.to_datetime([NOON]),
        "order_date": [date(2024, 1, 1)],
        "tags": [["a"]],
        "shipped_at": pd.to_datetime([NOON]),
    }
    return pd.DataFrame(good | changes)


def errors(given: pd.DataFrame) -> dict[str, str]:
    """Reason of each error by the check's or column's name."""
    with pytest.raises(pandera.errors.SchemaErrors) as raised:
        Orders.validate(given)
    return {getattr(error.check, "name", error.schema.name): error.reason_code.name for error in raised.value.schema_errors}


def test_a_good_frame_comes_back_unchanged() -> None:
    given = frame()

    assert Orders.validate(given).equals(given)


def test_the_model_is_a_data_frame_model_with_the_contracts_columns_and_checks() -> None:
    schema = Orders.to_model().to_schema()

    assert issubclass(Orders.to_model(), pa.DataFrameModel)
    assert list(schema.columns) == [column.name for column in Orders.columns]
    assert [check.name for check in schema.columns["example"].checks] == ["example__isin"]
    assert [check.name for check in schema.checks] == ["shipped_at__ge_placed_at", "costs"]
    assert schema.columns["total_eur"].metadata == {"unit": "EUR", "classification": "internal"}
    assert (schema.strict, schema.columns["order_id"].unique, schema.columns["items"].nullable) == (True, True, True)
    assert str(schema.columns["total_eur"].dtype) == "DECIMAL(10,2)"
    assert Orders.to_model().order_id == "order_id"


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": pd.array([1], dtype="Int64")},
        {"order_id": pd.array([1], dtype="int32")},
        {"items": pd.array([None], dtype="Int64")},
        {"items": [None]},
        {"example": pd.Series(["new"], dtype=object)},
        {"example": pd.Series(["new"], dtype="string")},
        {"placed_at": pd.to_datetime([NOON]).as_unit("ns")},
        {"placed_at": pd.to_datetime([NOON]).tz_convert("Europe/Berlin")},
        {"placed_at": pd.Series([NOON], dtype=object)},
        {"shipped_at": [None]},
        {"tags": [None]},
    ],
)
def test_every_dtype_that_holds_the_type_is_taken(changes: dict[str, Any]) -> None:
    Orders.validate(frame(**changes))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("order_id", [1.0]),
        ("order_id", [True]),
        ("order_id", ["1"]),
        ("example", [1]),
        ("total_eur", [1.5]),
        ("total_eur", [2]),
        ("placed_at", [datetime(2024, 1, 2)]),  # noqa: DTZ001 - the mistake under test
        ("placed_at", pd.Series([datetime(2024, 1, 2)], dtype=object)),  # noqa: DTZ001 - the mistake under test
        ("order_date", pd.to_datetime([NOON])),
        ("order_date", pd.Series([NOON], dtype=object)),
        ("tags", ["a"]),
    ],
)
def test_a_frame_of_another_type_is_refused(column: str, values: Any) -> None:
    assert errors(frame(**{column: values}))[column] == "WRONG_DATATYPE"


def test_missing_and_extra_columns_are_refused() -> None:
    with pytest.raises(pandera.errors.SchemaErrors) as raised:
        Orders.validate(frame().rename(columns={"items": "units"}))

    reasons = {(error.reason_code.name, str(error.failure_cases)) for error in raised.value.schema_errors}
    assert {("COLUMN_NOT_IN_SCHEMA", "units"), ("COLUMN_NOT_IN_DATAFRAME", "items")} <= reasons


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"order_id": [0]}, {"order_id__ge": "DATAFRAME_CHECK"}),
        ({"example": ["NEW"]}, {"example__isin": "DATAFRAME_CHECK"}),
        ({"example": [None]}, {"example": "SERIES_CONTAINS_NULLS"}),
        ({"total_eur": [Decimal("-0.01")]}, {"total_eur__ge": "DATAFRAME_CHECK"}),
        ({"total_eur": [Decimal(0)]}, {"costs": "DATAFRAME_CHECK"}),
        ({"shipped_at": pd.to_datetime([datetime(2023, 1, 1, tzinfo=UTC)])}, {"shipped_at__ge_placed_at": "DATAFRAME_CHECK"}),
    ],
)
def test_a_broken_rule_is_reported_by_its_name(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert errors(frame(**changes)) == expected


def test_equal_lists_are_not_unique() -> None:
    two = pd.concat([frame(), frame(order_id=[2])], ignore_index=True)
    apart = pd.concat([frame(), frame(order_id=[2], tags=[["b"]])], ignore_index=True)

    assert errors(two) == {"tags__unique": "DATAFRAME_CHECK"}
    Orders.validate(apart)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_a_pattern_means_what_python_says_however_the_text_is_stored(storage: Any) -> None:
    class Codes(dm.Contract):
        """One row per code."""

        code: str = dm.field(matches=r"\d+$", contains=r"(?:1|\u0661)", description="Code.")

    good = pd.DataFrame({"code": pd.array(["1\n", "\u0661"], dtype=pd.StringDtype(storage, na_value=float("nan")))})

    assert len(Codes.validate(good)) == 2


def test_a_model_may_be_used_from_another_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    model: type[pa.DataFrameModel] = Orders.to_model()

    with ThreadPoolExecutor(1) as pool, pytest.raises(pandera.errors.SchemaErrors):
        pool.submit(model.validate, frame(order_id=[0]), lazy=True).result()


def test_the_columns_of_every_contract_are_those_of_its_model() -> None:
    names = ["copy", "example", "strategy", "to_schema", "config", "name"]
    namespace = {"__doc__": "One row.", "__annotations__": dict.fromkeys(names, int), **{n: dm.field(description="Any.") for n in names}}
    contract: type[Contract] = type("Awkward", (Contract,), namespace)

    assert list(contract.to_model().to_schema().columns) == names
