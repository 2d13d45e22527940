"""Arrow tables become frames that hold the same values."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

import dagmesh as dm
from dagmesh.audit.frames import to_pandas


class Maybe(dm.Contract):
    """One row per thing."""

    n: int | None = dm.field(description="N.")
    b: bool | None = dm.field(description="B.")
    m: int = dm.field(description="M.")


def test_integers_stay_exact_beside_nulls() -> None:
    frame = to_pandas(pa.table({"n": [2**53 + 1, None], "small": pa.array([1, None], pa.uint8()), "m": [2**63 - 1, -(2**63)]}))

    assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "UInt8", "int64"]
    assert (frame["n"][0], frame["m"].tolist()) == (2**53 + 1, [2**63 - 1, -(2**63)])


def test_a_nullable_column_has_one_dtype_on_every_day() -> None:
    given = pa.table({"n": [1], "b": [True], "m": [1]})

    assert [str(dtype) for dtype in to_pandas(given, Maybe).dtypes] == ["Int64", "boolean", "int64"]
    assert [str(dtype) for dtype in to_pandas(given).dtypes] == ["int64", "bool", "int64"]


def test_objects_are_pythons_own() -> None:
    cells = {"d": [Decimal("1.50"), None], "day": [date(2024, 1, 1), None], "l": [[1, None], None], "s": ["a", None]}

    frame = to_pandas(pa.table(cells))

    assert [frame[name][0] for name in cells] == [Decimal("1.50"), date(2024, 1, 1), [1, None], "a"]
    assert frame.isna().loc[1].all()
    assert [str(dtype) for dtype in frame.dtypes] == ["object", "object", "object", "str"]


@pytest.mark.parametrize("rows", [0, 1])
def test_dtypes_do_not_depend_on_rows(rows: int) -> None:
    types = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.timestamp("us", "UTC")]
    table = pa.table([pa.array([None] * rows, kind) for kind in types], names=list("abcde"))

    assert len(to_pandas(table)) == rows
    assert str(to_pandas(table)["e"].dtype) == "datetime64[us, UTC]"
