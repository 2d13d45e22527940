"""Arrow tables as pandas frames without losing a value: what product functions and Python checks are given.

The dtypes are those of the type table (dagmesh.model.types): NULLs do not turn integers into floats or booleans into
objects, decimals stay `Decimal`, days stay `date`, lists stay lists. A float's NULL is NaN: pandas has no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagmesh.model.contract import Contract

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(table: Any, contract: type[Contract] | None = None) -> pd.DataFrame:
    """The Arrow table as a frame with an index of 0, 1, 2...

    Args:
        table: a `pyarrow.Table`.
        contract: says which integer and boolean columns may be NULL and so always have a dtype that can hold it;
            without one, those with NULLs do.
    """
    import pandas as pd

    nullable = {column.name for column in contract.columns if column.nullable} if contract else set()
    series = {name: _series(table.column(name), name in nullable) for name in table.column_names}
    return pd.DataFrame(series, index=pd.RangeIndex(table.num_rows), copy=False)


def _series(column: Any, nullable: bool) -> pd.Series[Any]:
    import pandas as pd
    import pyarrow as pa

    if (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)) and (nullable or column.null_count):
        name = "boolean" if pa.types.is_boolean(column.type) else str(column.type).replace("int", "Int").replace("uI", "UI")
        return column.to_pandas(types_mapper={column.type: pd.api.types.pandas_dtype(name)}.get)  # type: ignore[no-any-return]  # pyarrow has no types
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    return column.to_pandas()  # type: ignore[no-any-return]  # pyarrow has no types
