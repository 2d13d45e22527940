"""Rules as SQL: which rows of each type break which rule, at the edges and between two engines' ideas."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal

import duckdb
import pyarrow as pa
import pytest
from tests.strategies import arrow_type

import dagmesh as dm
from dagmesh.audit.compile import compiled, incomplete
from dagmesh.model.contract import Contract

NAN, INF = float("nan"), float("inf")
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
LARGEST = 2**63 - 1
Cents = Annotated[Decimal, dm.digits(6, 2)]


def contract(annotation: Any, **rules: Any) -> type[Contract]:
    namespace = {"__doc__": "One row.", "__annotations__": {"c": annotation | None}, "c": dm.field(description="Any.", **rules)}
    made: type[Contract] = type("One", (Contract,), namespace)
    assert not made.problems, made.problems
    return made


def broken(con: duckdb.DuckDBPyConnection, made: type[Contract], values: list[Any]) -> list[Any]:
    """The values for which the contract's only rule finds a failing row."""
    (step,) = compiled(made)
    assert step.way == "condition"
    column = made.columns[0]
    con.register("staged", pa.table({"n": range(len(values)), "c": pa.array(values, arrow_type(column.type))}))
    return [values[row[0]] for row in con.execute(f"SELECT n FROM staged WHERE {step.sql} ORDER BY n").fetchall()]


@pytest.mark.parametrize(
    ("annotation", "rules", "good", "bad"),
    [
        (int, {"ge": 1}, [1, 2, None], [0, -1]),
        (int, {"gt": 1}, [2, None], [1, 0]),
        (int, {"le": 1}, [1, 0, None], [2]),
        (int, {"lt": 1}, [0, None], [1, 2]),
        (int, {"eq": 1}, [1, None], [0, 2]),
        (int, {"ne": 1}, [0, 2, None], [1]),
        (int, {"isin": [1, 2]}, [1, 2, None], [0, 3]),
        (int, {"notin": [1, 2]}, [0, 3, None], [1, 2]),
        (int, {"ge": 2**53 + 1}, [2**53 + 1, LARGEST], [2**53]),
        (int, {"eq": 2**53 + 1}, [2**53 + 1], [2**53, 2**53 + 2]),
        (int, {"lt": 2**63}, [LARGEST, -LARGEST - 1, None], []),
        (int, {"ge": 2**63}, [None], [LARGEST, 0]),
        (int, {"gt": -(2**63) - 1}, [-LARGEST - 1, None], []),
        (int, {"le": -(2**63) - 1}, [None], [-LARGEST - 1]),
        (int, {"ge": -(2**63)}, [-LARGEST - 1, 0], []),
        (int, {"eq": LARGEST}, [LARGEST], [0]),
        (int, {"lt": LARGEST}, [0], [LARGEST]),
        (int, {"ne": -(2**63)}, [0], [-LARGEST - 1]),
        (int, {"eq": 2**64}, [None], [LARGEST, 0]),
        (int, {"ne": 2**64}, [None, LARGEST, 0], []),
        (int, {"isin": [1, 2**64]}, [1, None], [0]),
        (float, {"ge": 0}, [0.0, -0.0, INF, NAN, None], [-0.1, -INF]),
        (float, {"gt": 0}, [5e-324, INF, NAN, None], [0.0, -0.0]),
        (float, {"le": 1.5}, [1.5, -INF, NAN, None], [1.6, INF]),
        (float, {"lt": INF}, [1e308, NAN, None], [INF]),
        (float, {"eq": 0.1}, [0.1, NAN, None], [0.2]),
        (float, {"ne": 0.0}, [0.1, NAN, None], [0.0, -0.0]),
        (float, {"isin": [0.0, 1]}, [0.0, -0.0, 1.0, NAN, None], [2.0]),
        (float, {"isin": [NAN, 1.0]}, [1.0, NAN, None], [2.0]),
        (float, {"notin": [NAN, 1.0]}, [2.0, NAN, None], [1.0]),
        (float, {"isin": [NAN]}, [NAN, None], [0.0, 1.0]),
        (float, {"ge": 2**53 + 1}, [2.0**53], [2.0**53 - 1]),
        (Cents, {"ge": Decimal("0.005")}, [Decimal("0.01"), None], [Decimal("0.00")]),
        (Cents, {"gt": Decimal("0.005")}, [Decimal("0.01")], [Decimal("0.00")]),
        (Cents, {"le": Decimal("0.005")}, [Decimal("0.00")], [Decimal("0.01")]),
        (Cents, {"lt": Decimal("0.005")}, [Decimal("0.00")], [Decimal("0.01")]),
        (Cents, {"ge": Decimal("-0.005")}, [Decimal("0.00")], [Decimal("-0.01")]),
        (Cents, {"le": Decimal("-0.005")}, [Decimal("-0.01")], [Decimal("0.00")]),
        (Cents, {"lt": Decimal("0.01")}, [Decimal("0.00")], [Decimal("0.01")]),
        (Cents, {"eq": Decimal("0.005")}, [None], [Decimal("0.00"), Decimal("0.01")]),
        (Cents, {"ne": Decimal("0.005")}, [None, Decimal("0.00"), Decimal("0.01")], []),
        (Cents, {"eq": Decimal("1.5")}, [Decimal("1.50")], [Decimal("1.51")]),
        (Cents, {"isin": [1, Decimal("0.001")]}, [Decimal("1.00"), None], [Decimal("0.00")]),
        (Cents, {"notin": [Decimal("0.001")]}, [Decimal("0.00"), None], []),
        (Cents, {"lt": 10**40}, [Decimal("9999.99"), Decimal("-9999.99"), None], []),
        (Cents, {"gt": 10**40}, [None], [Decimal("9999.99")]),
        (Cents, {"gt": -(10**40)}, [Decimal("-9999.99"), None], []),
        (Cents, {"ge": Decimal("-9999.99")}, [Decimal("-9999.99")], []),
        (Annotated[Decimal, dm.digits(38, 38)], {"lt": Decimal("1E-38")}, [Decimal("0E-38")], [Decimal("1E-38")]),
        (str, {"ge": "b"}, ["b", "ba", "é", None], ["a", "B", ""]),
        (str, {"eq": "it's"}, ["it's", None], ["its", ""]),
        (str, {"isin": ["a", ""]}, ["a", "", None], ["A", " "]),
        (Literal["new", "paid"], {}, ["new", "paid", None], ["NEW", ""]),
        (str, {"startswith": "a%"}, ["a%", "a%b", None], ["ab", "a"]),
        (str, {"endswith": "\n"}, ["a\n", None], ["a", ""]),
        (str, {"startswith": ""}, ["", "a", None], []),
        (str, {"min_length": 2}, ["ab", "e\u0301", None], ["a", "😀", ""]),
        (str, {"max_length": 1}, ["a", "😀", "", None], ["ab", "e\u0301"]),
        (str, {"matches": "(a|b)$"}, ["a", "b", "b\n", None], ["ba", "cb", ""]),
        (str, {"contains": "b$"}, ["ab", "ab\n", None], ["ba", "b\n\n"]),
        (str, {"matches": r"SKU-\d{3}$"}, ["SKU-123", "SKU-١٢٣", "SKU-123\n", None], ["sku-123", "SKU-12", " SKU-123"]),
        (bool, {"eq": True}, [True, None], [False]),
        (bool, {"ge": True}, [True, None], [False]),
        (date, {"ge": date(2024, 1, 1)}, [date(2024, 1, 1), date(9999, 12, 31), None], [date(2023, 12, 31), date(1, 1, 1)]),
        (date, {"isin": [date(2024, 2, 29)]}, [date(2024, 2, 29), None], [date(2024, 3, 1)]),
        (datetime, {"ge": NOON}, [NOON, None], [NOON - timedelta(microseconds=1)]),
        (datetime, {"gt": NOON.astimezone(timezone(timedelta(hours=-8)))}, [NOON + timedelta(microseconds=1)], [NOON]),
        (datetime, {"ge": NOON + timedelta(microseconds=5)}, [NOON + timedelta(microseconds=5)], [NOON + timedelta(microseconds=4)]),
        (datetime, {"isin": [NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))]}, [NOON, None], [NOON + timedelta(hours=1)]),
    ],
)
def test_a_rule_breaks_exactly_the_bad_values(
    con: duckdb.DuckDBPyConnection, annotation: Any, rules: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    assert broken(con, contract(annotation, **rules), [*good, *bad]) == bad


def test_a_required_float_is_missing_when_it_is_nan_whatever_the_file_says_of_its_bounds(
    con: duckdb.DuckDBPyConnection, tmp_path: Any
) -> None:
    import pyarrow.parquet as pq

    class Rates(dm.Contract):
        """One row per rate."""

        rate: float = dm.field(description="Share.", lt=1)

    file = tmp_path / "rates.parquet"
    pq.write_table(pa.table({"rate": [0.0, NAN, 0.5]}), file)
    counts = ", ".join(f"count_if({step.sql})" for step in compiled(Rates))

    assert con.execute(f"SELECT {counts} FROM '{file}'").fetchall() == [(1, 0)]


def test_columns_are_compared_where_both_have_a_value(con: duckdb.DuckDBPyConnection) -> None:
    class Trips(dm.Contract):
        """One row per trip."""

        low: float | None = dm.field(description="Low.", le=dm.column("high"))
        high: float | None = dm.field(description="High.")

    rows = {"low": [1.0, 2.0, NAN, None, 3.0, 1.0, INF], "high": [2.0, 1.0, 1.0, 1.0, NAN, None, 1.0]}
    con.register("staged", pa.table(rows))
    (step,) = compiled(Trips)

    assert con.execute(f"SELECT low, high FROM staged WHERE {step.sql}").fetchall() == [(2.0, 1.0), (INF, 1.0)]


def test_decimals_of_two_sizes_are_compared_exactly_or_not_by_sql(con: duckdb.DuckDBPyConnection) -> None:
    class Sizes(dm.Contract):
        """One row per size."""

        a: Annotated[Decimal, dm.digits(20, 2)] = dm.field(description="A.", le=dm.column("b"))
        b: Annotated[Decimal, dm.digits(22, 20)] = dm.field(description="B.", le=dm.column("c"))
        c: Annotated[Decimal, dm.digits(30, 1)] = dm.field(description="C.")

    ways = {step.rule.name: step.way for step in compiled(Sizes)}

    assert (ways["a__le_b"], ways["b__le_c"]) == ("condition", "pandera")


@pytest.mark.parametrize(
    ("annotation", "rules"),
    [
        (float, {"ge": NAN}),
        (float, {"le": 10**400}),
        (Decimal, {"ge": Decimal("NaN")}),
        (Decimal, {"lt": Decimal("Infinity")}),
        (str, {"eq": "\0"}),
        (str, {"startswith": "\ud800"}),
        (str, {"matches": r"\bword"}),
        (datetime, {"ge": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}),
    ],
)
def test_what_sql_cannot_say_for_certain_is_left_to_pandera(annotation: Any, rules: dict[str, Any]) -> None:
    (step,) = compiled(contract(annotation, **rules))

    assert (step.way, step.sql) == ("pandera", "")


def test_a_row_is_incomplete_when_a_required_column_has_no_value(con: duckdb.DuckDBPyConnection) -> None:
    class Mixed(dm.Contract):
        """One row per thing."""

        a: int = dm.field(description="A.")
        b: float = dm.field(description="B.", required=dm.rule(True, max_failing=0.5))
        c: str | None = dm.field(description="C.")

    con.register("staged", pa.table({"n": [1, 2, 3, 4], "a": [1, None, 1, 1], "b": [1.0, 1.0, NAN, 1.0], "c": ["x", "x", "x", None]}))

    assert con.execute(f"SELECT n FROM staged WHERE {incomplete(Mixed)}").fetchall() == [(2,), (3,)]


def test_nothing_is_incomplete_without_required_columns() -> None:
    assert incomplete(contract(int)) == "FALSE"
