"""Python checks: what they are given, how answers are read, and that whatever goes wrong in one fails its rule alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pandas as pd
import pytest
from tests.strategies import product

import dagmesh as dm
from dagmesh.audit import pandera_checks
from dagmesh.audit.audit import audit
from dagmesh.audit.report import Result
from dagmesh.model.contract import Contract

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


def checked(function: Callable[..., Any], *needs: str, classification: Any = "internal", row_wise: bool = False) -> type[Contract]:
    class Numbers(dm.Contract):
        """One row per number."""

        n: int | None = dm.field(description="N.", classification=classification)
        m: float | None = dm.field(description="M.")
        day: date = dm.field(description="UTC day.")

        @dm.check(*needs, description="as asked", row_wise=row_wise)
        def asked(cls, data: Any) -> Any:
            return function(data)

    return Numbers


def judged(con: duckdb.DuckDBPyConnection, contract: type[Contract], *days: date) -> Result:
    """The check's result over 1 to 6, of which 4 is NULL; odd ones on Monday, even ones on Tuesday."""
    con.execute(
        """CREATE OR REPLACE TABLE numbers AS SELECT CASE WHEN range <> 4 THEN range END AS n, range / 2 AS m,
        DATE '2026-11-17' - (range % 2)::INTEGER AS day FROM range(1, 7)"""
    )
    report = audit(con, "numbers", product(contract, "day" if days else None), days=days)
    return next(result for result in report.results if result.name == "asked")


def test_a_check_of_one_column_sees_its_given_values(con: duckdb.DuckDBPyConnection) -> None:
    seen: list[Any] = []

    result = judged(con, checked(lambda series: seen.append(list(series)) or series < 3, "n"))

    assert seen == [[1, 2, 3, 5, 6]]
    assert (result.failing_rows, result.rows) == (3, 6)


def test_a_check_of_several_columns_sees_those_and_every_row(con: duckdb.DuckDBPyConnection) -> None:
    seen: list[Any] = []

    judged(con, checked(lambda frame: seen.append((list(frame.columns), len(frame))) or frame.n.notna(), "m", "n"))

    assert seen == [(["m", "n"], 6)]


def test_a_check_that_names_no_column_sees_all(con: duckdb.DuckDBPyConnection) -> None:
    seen: list[Any] = []

    judged(con, checked(lambda frame: seen.append(list(frame.columns)) or frame.n.notna()))

    assert seen == [["n", "m", "day"]]


def test_a_check_is_asked_once_a_day_with_the_whole_day(con: duckdb.DuckDBPyConnection) -> None:
    seen: list[Any] = []

    result = judged(con, checked(lambda frame: seen.append(sorted(frame.m)) or frame.m < 2.5, "m", "day"), MONDAY, TUESDAY)

    assert seen == [[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]]
    assert (result.failing_rows, result.failed_days) == (2, (MONDAY, TUESDAY))


def test_a_day_without_rows_is_judged_too(con: duckdb.DuckDBPyConnection) -> None:
    wednesday = date(2026, 11, 18)

    result = judged(con, checked(lambda series: len(series) > 0, "m"), MONDAY, TUESDAY, wednesday)

    assert (result.failing_rows, result.failed_days) == (1, (wednesday,))


def test_one_boolean_judges_all_rows_together(con: duckdb.DuckDBPyConnection) -> None:
    result = judged(con, checked(lambda series: series.sum() < 9, "m"), MONDAY, TUESDAY)
    failed = judged(con, checked(lambda series: bool(series.sum() < 5), "m"), MONDAY, TUESDAY)

    assert result.passed
    assert (failed.failing_rows, failed.failed_days) == (3, (TUESDAY,))


def test_a_row_wise_check_is_asked_batch_by_batch(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandera_checks, "BATCH", 2048)
    sizes: list[int] = []
    contract = checked(lambda series: sizes.append(len(series)) or series % 10 != 0, "n", row_wise=True)
    con.execute(
        "CREATE TABLE many AS SELECT range AS n, 0::DOUBLE AS m, DATE '2026-11-17' - (range % 2)::INTEGER AS day FROM range(10_000)"
    )

    report = audit(con, "many", product(contract, "day"), days=[MONDAY, TUESDAY])

    assert sum(sizes) == 10_000
    assert max(sizes) <= 2048
    assert {day: facts.failing for day, facts in report.days.items()} == {MONDAY: {}, TUESDAY: {"asked": 1000}}
    assert report.refused_days == (TUESDAY,)


def test_a_check_sees_a_day_whole_that_comes_in_batches(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandera_checks, "BATCH", 2048)
    seen: list[Any] = []
    con.execute(
        "CREATE TABLE many AS SELECT range AS n, 0::DOUBLE AS m, DATE '2026-11-16' + (range % 2)::INTEGER AS day FROM range(10_000)"
    )

    audit(con, "many", product(checked(lambda series: seen.append(list(series)) or True, "n"), "day"), days=[MONDAY, TUESDAY])

    assert seen == [list(range(0, 10_000, 2)), list(range(1, 10_000, 2))]


def test_what_a_check_leaves_unknown_is_good(con: duckdb.DuckDBPyConnection) -> None:
    result = judged(con, checked(lambda frame: frame.n > 2, "n", "m"))

    assert result.failing_rows == 2


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (lambda series: 1 // 0, "raised ZeroDivisionError: integer division or modulo by zero"),
        (lambda series: series.to_numpy() > 0, "raised TypeError: gave ndarray, not a boolean Series with the rows it was given."),
        (lambda series: (series > 0).iloc[1:], "raised TypeError: gave Series, not a boolean Series with the rows it was given."),
        (lambda series: None, "raised TypeError: gave NoneType, not a boolean Series with the rows it was given."),
    ],
)
def test_a_check_that_goes_wrong_fails_every_row_and_says_why(
    con: duckdb.DuckDBPyConnection, answer: Callable[..., Any], detail: str
) -> None:
    result = judged(con, checked(answer, "n"))

    assert (result.failing_rows, result.passed, result.detail) == (6, False, detail)


def test_one_boolean_of_a_row_wise_check_is_a_mistake(con: duckdb.DuckDBPyConnection) -> None:
    result = judged(con, checked(lambda series: True, "n", row_wise=True))

    assert (result.passed, result.detail) == (False, "raised TypeError: gave bool, not a boolean Series with the rows it was given.")


def test_what_a_check_of_restricted_values_raises_is_not_shown(con: duckdb.DuckDBPyConnection) -> None:
    def reveal(series: pd.Series[int]) -> None:
        raise ValueError(f"bad value {series.iloc[0]}")

    result = judged(con, checked(reveal, "n", classification="pii"))

    assert result.detail == "raised ValueError"


def test_a_check_may_change_what_it_was_given(con: duckdb.DuckDBPyConnection) -> None:
    def spoil(frame: pd.DataFrame) -> pd.Series[bool]:
        frame["m"] = -1.0
        return frame.m < 0

    class Twice(checked(spoil, "m", "n")):  # type: ignore[misc]  # a class made at run time
        """One row per number."""

        @dm.check("m", "n", description="m is not negative")
        def later(cls, frame: pd.DataFrame) -> pd.Series[bool]:
            return frame.m >= 0

    con.execute("CREATE TABLE numbers AS SELECT 1::BIGINT AS n, 1::DOUBLE AS m, DATE '2026-11-16' AS day")

    assert audit(con, "numbers", product(Twice, None)).passed
