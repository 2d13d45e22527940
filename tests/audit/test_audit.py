"""The audit's report: verdicts by day, tolerance, severity, completeness, history, samples and masks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from tests.strategies import product

import dagmesh as dm
from dagmesh.audit.audit import audit
from dagmesh.audit.bad_rows import SAMPLES
from dagmesh.audit.report import Report, Result, check_names
from dagmesh.audit.shown import LONGEST, MASK
from dagmesh.errors import AuditRefused

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
Staging = Callable[..., str]


class Orders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, description="Number.")
    order_date: date = dm.field(description="UTC day.")
    items: int | None = dm.field(ge=dm.rule(1, max_failing=0.25), description="Items.")
    email: str | None = dm.field(contains=dm.rule("@", severity="warn"), classification="pii", description="Address.")
    note: str | None = dm.field(max_length=1000, description="Note.")


DAILY, WHOLE = product(Orders, "order_date"), product(Orders, None)


@pytest.fixture
def staged(con: duckdb.DuckDBPyConnection) -> Staging:
    """Stages orders: each a dict with what differs from a good order."""

    def stage(*orders: dict[str, Any]) -> str:
        good = {"order_date": MONDAY, "items": 1, "email": "a@b", "note": None}
        rows = [{"order_id": number, **good, **order} for number, order in enumerate(orders)]
        types = {"order_id": pa.int64(), "order_date": pa.date32(), "items": pa.int64(), "email": pa.string(), "note": pa.string()}
        con.register("orders", pa.Table.from_pylist(rows, schema=pa.schema(types)))
        return "orders"

    return stage


def found(report: Report, name: str) -> Result:
    return next(result for result in report.results if result.name == name)


def test_good_rows_pass_everything(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({}, {}), WHOLE)

    assert report.passed
    assert (report.rows, report.completeness, report.failed, report.days) == (2, 1.0, (), {})
    assert [(result.name, result.text) for result in report.results] == list(check_names(WHOLE))


def test_a_result_says_which_rule_failed_how_often_and_where(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({}, {"items": 0}, {"items": -1}), WHOLE)

    assert found(report, "items__ge") == Result(
        name="items__ge",
        column="items",
        text="items >= 1",
        severity="error",
        rows=3,
        failing_rows=2,
        share=2 / 3,
        max_failing=0.25,
        passed=False,
        samples=({"order_id": 1, "items": 0}, {"order_id": 2, "items": -1}),
    )
    assert not report.passed


def test_each_day_is_judged_on_its_own(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    orders = [{"order_date": MONDAY}, {"order_date": TUESDAY, "items": 0}, {"order_date": TUESDAY}]

    report = audit(con, staged(*orders), DAILY, days=[MONDAY, TUESDAY, WEDNESDAY])

    assert (report.passed_days, report.refused_days) == ((MONDAY, WEDNESDAY), (TUESDAY,))
    assert found(report, "items__ge").failed_days == (TUESDAY,)
    assert {day: (facts.rows, facts.failing) for day, facts in report.days.items()} == {
        MONDAY: (1, {}),
        TUESDAY: (2, {"items__ge": 1}),
        WEDNESDAY: (0, {}),
    }


def test_a_value_may_repeat_on_another_day_but_not_on_the_same(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    same = {"order_id": 7}

    apart = audit(con, staged(same, {**same, "order_date": TUESDAY}), DAILY, days=[MONDAY, TUESDAY])
    together = audit(con, staged(same, same, {}), DAILY, days=[MONDAY])

    assert apart.passed
    assert (found(together, "order_id__unique").failing_rows, together.refused_days) == (2, (MONDAY,))


@pytest.mark.parametrize(("bad", "rows", "passes"), [(1, 4, True), (2, 4, False), (1, 3, False), (25, 100, True), (26, 100, False)])
def test_a_rule_tolerates_its_share_of_each_days_rows(
    con: duckdb.DuckDBPyConnection, staged: Staging, bad: int, rows: int, passes: bool
) -> None:
    orders = [{"items": 0}] * bad + [{}] * (rows - bad)

    report = audit(con, staged(*orders, *({"order_date": TUESDAY} for _ in range(100))), DAILY, days=[MONDAY, TUESDAY])

    assert found(report, "items__ge").failing_rows == bad
    assert found(report, "items__ge").passed is passes
    assert report.days[MONDAY].failing == {"items__ge": bad}


def test_a_tolerated_share_is_read_as_it_is_written(con: duckdb.DuckDBPyConnection) -> None:
    passed = []
    for percent in range(1, 100):
        rule = dm.rule(percent, max_failing=float(f"0.{percent:02}"))
        namespace = {"__doc__": "One number.", "__annotations__": {"n": int}, "n": dm.field(gt=rule, description="N.")}
        report = audit(con, "(SELECT range + 1 AS n FROM range(100))", product(type("Tolerant", (dm.Contract,), namespace), None))
        passed.append((found(report, "n__gt").failing_rows, report.passed))

    assert passed == [(percent, True) for percent in range(1, 100)]


def test_a_warning_does_not_refuse_a_day(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({"email": "nobody"}), DAILY, days=[MONDAY])

    assert [result.name for result in report.failed] == ["email__contains"]
    assert report.passed
    assert report.passed_days == (MONDAY,)


def test_restricted_values_are_masked_in_samples_and_absent_from_the_profile(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({"email": "nobody"}, {"email": None}), WHOLE)

    assert found(report, "email__contains").samples == ({"order_id": 0, "email": MASK},)
    assert report.profile["email"] == {"nulls": 1}
    assert "nobody" not in json.dumps(report.describe())


def test_the_report_stays_small_however_much_is_bad(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged(*({"items": 0, "note": "x" * 5000} for _ in range(300))), WHOLE)

    assert [len(found(report, name).samples) for name in ("items__ge", "note__max_length")] == [SAMPLES, SAMPLES]
    assert found(report, "items__ge").samples[0] == {"order_id": 0, "items": 0}
    assert len(found(report, "note__max_length").samples[0]["note"]) == LONGEST
    assert len(json.dumps(report.describe())) < 20_000


def test_a_day_is_as_complete_as_its_least_arrived_or_filled_part(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    promised = product(Orders, "order_date", min_completeness=0.75)
    orders = [{}, {}, {}, {"order_id": None}, {"order_date": TUESDAY}]

    report = audit(con, staged(*orders), promised, days=[MONDAY, TUESDAY, WEDNESDAY], arrived={TUESDAY: 0.74, WEDNESDAY: 0.8})

    assert {day: facts.completeness for day, facts in report.days.items()} == {MONDAY: 0.75, TUESDAY: 0.74, WEDNESDAY: 0.8}
    assert report.completeness == pytest.approx((0.75 + 0.74 + 0.8) / 3)
    promise = found(report, "promise__min_completeness")
    assert (promise.failed_days, promise.failing_rows, promise.detail) == (
        (TUESDAY,),
        1,
        "74.00% complete; the rest of what the source announced has not arrived, or could not be read: "
        "look among the domain's dead_letters",
    )
    assert (promise.text, promise.severity, promise.max_failing) == ("at least 75.00% complete", "error", 0.25)


def test_a_whole_product_is_complete_by_the_share_that_arrived(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({}), product(Orders, None, min_completeness=0.9), arrived={None: 0.5})

    assert (report.completeness, report.passed) == (0.5, False)


@pytest.mark.parametrize(
    ("history", "rows", "passes"),
    [
        ([], 9, True),
        ([1, 1], 9, True),
        ([4, 4, 40], 2, True),
        ([4, 4, 40], 1, False),
        ([4, 4, 0], 8, True),
        ([4, 4, 0], 9, False),
        ([0, 0, 0], 0, True),
    ],
)
def test_a_day_warns_when_its_size_is_far_from_usual(
    con: duckdb.DuckDBPyConnection, staged: Staging, history: list[int], rows: int, passes: bool
) -> None:
    report = audit(con, staged(*[{}] * rows), DAILY, days=[MONDAY], history=history)

    size = found(report, "history__row_count")
    assert (size.passed, size.severity, size.failed_days) == (passes, "warn", () if passes else (MONDAY,))
    assert size.detail == ("" if passes else f"{rows} rows where 4 are usual")
    assert report.passed_days == (MONDAY,)


@pytest.mark.parametrize("target", [DAILY, WHOLE])
def test_no_rows_break_no_rule(con: duckdb.DuckDBPyConnection, staged: Staging, target: Any) -> None:
    report = audit(con, staged(), target, days=[MONDAY] if target is DAILY else [])

    assert report.passed
    assert (report.rows, report.completeness) == (0, 1.0)
    assert report.profile["items"] == {"nulls": 0, "distinct_about": 0, "min": None, "max": None, "mean": None}


@pytest.mark.parametrize("stray", [TUESDAY, None])
def test_rows_of_a_day_nobody_asked_for_are_refused(con: duckdb.DuckDBPyConnection, staged: Staging, stray: date | None) -> None:
    with pytest.raises(AuditRefused) as raised:
        audit(con, staged({}, {"order_date": stray}), DAILY, days=[MONDAY])

    assert str(raised.value) == (
        f"shop.things@1: rows of {stray} in a run for 2026-11-16 to 2026-11-16; nothing was published. "
        "Keep only the run's days of order_date."
    )


def test_rows_with_other_columns_pass_nothing(con: duckdb.DuckDBPyConnection) -> None:
    types = {"order_id": pa.int64(), "order_date": pa.date32(), "items": pa.int32(), "email": pa.string(), "not_e": pa.string()}
    con.register("other", pa.Table.from_pylist([{"order_id": 1, "order_date": MONDAY, "items": 1}], schema=pa.schema(types)))

    report = audit(con, "other", DAILY, days=[MONDAY])

    assert not any(result.passed for result in report.results)
    assert [result.name for result in report.results] == [name for name, _ in check_names(DAILY)]
    assert (report.rows, report.refused_days, report.passed) == (1, (MONDAY,), False)
    assert found(report, "schema__columns").detail == (
        "column 'items' is an INTEGER, the contract says BIGINT; the cast may lose something, so write it: CAST(items AS BIGINT) AS items. "
        "column 'note' is missing; select a VARCHAR of that name. Did you mean 'not_e'? "
        "column 'not_e' is not in the contract; leave it out, or add it there. Did you mean 'note'?"
    )
    assert found(report, "items__ge").detail == "not judged: schema__columns failed"
    assert found(report, "history__row_count").severity == "warn"


def test_the_profile_is_of_the_days_that_may_be_published(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    orders = [{"items": 3, "note": "b"}, {"items": 5, "note": "a"}, {"order_date": TUESDAY, "items": -100}]

    report = audit(con, staged(*orders), DAILY, days=[MONDAY, TUESDAY])
    refused = audit(con, staged(*orders[2:]), DAILY, days=[TUESDAY])

    assert report.profile["items"] == {"nulls": 0, "distinct_about": 2, "min": 3, "max": 5, "mean": 4.0}
    assert report.profile["note"] == {"nulls": 0, "distinct_about": 2, "min": "a", "max": "b"}
    assert report.profile["order_date"] == {"nulls": 0, "distinct_about": 1, "min": "2026-11-16", "max": "2026-11-16"}
    assert list(report.day_profiles) == [MONDAY]
    assert report.day_profiles[MONDAY] == report.profile
    assert refused.profile["items"]["min"] == -100


def test_each_published_day_has_a_profile_of_its_own(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({"items": 3}, {"items": 5, "order_date": TUESDAY}), DAILY, days=[MONDAY, TUESDAY])

    assert [report.day_profiles[day]["items"]["mean"] for day in (MONDAY, TUESDAY)] == [3.0, 5.0]
    assert report.profile["items"]["mean"] == 4.0


def test_a_report_is_json_values(con: duckdb.DuckDBPyConnection, staged: Staging) -> None:
    report = audit(con, staged({"items": 0}), DAILY, days=[MONDAY])

    described = json.loads(json.dumps(report.describe(), allow_nan=False))

    assert described == report.describe()
    assert set(described) == {field.name for field in fields(Report)} - {"day_profiles", "tallies"}
    assert set(described["results"][0]) == {field.name for field in fields(Result)}
    assert described["days"] == {"2026-11-16": {"rows": 1, "completeness": 1.0, "failing": {"items__ge": 1}}}


def test_a_contract_without_python_rules_is_audited_without_pandas() -> None:
    script = Path(__file__).with_name("light_audit.py")

    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)

    assert json.loads(ran.stdout) == {"failed": ["total__ge"], "loaded": []}


def test_python_rules_are_judged_by_pandera_and_their_rows_shown(con: duckdb.DuckDBPyConnection) -> None:
    class Checked(dm.Contract):
        """One row per number."""

        n: int = dm.field(key=True, description="N.")
        word: str = dm.field(matches=r"\bw", description="Word.")

        @dm.check("n", description="n is even")
        def is_even(cls, series: pd.Series[int]) -> pd.Series[bool]:
            return series % 2 == 0

    con.execute("CREATE TABLE numbers AS SELECT range AS n, 'w' AS word FROM range(1, 6)")
    report = audit(con, "numbers", product(Checked, None))

    even = found(report, "is_even")
    assert (even.engine, even.failing_rows, even.samples) == ("pandera", 3, ({"n": 1}, {"n": 3}, {"n": 5}))
    assert (found(report, "word__matches").engine, found(report, "word__matches").passed) == ("pandera", True)
    assert found(report, "n__not_null").engine == "duckdb"
