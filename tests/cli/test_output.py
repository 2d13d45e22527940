"""How commands print: JSON that loses nothing, tables that fit where they go."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf, nan

import pytest

from dagmesh.cli.output import data_console, print_json, print_table, progress_console, shown


def test_json_keeps_every_digit_and_writes_times_as_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"amount": Decimal("0.10"), "day": date(2026, 11, 19), "at": datetime(2026, 11, 19, 8, tzinfo=UTC), "rows": (1, None, True)})

    assert json.loads(capsys.readouterr().out) == {
        "amount": "0.10",
        "day": "2026-11-19",
        "at": "2026-11-19T08:00:00+00:00",
        "rows": [1, None, True],
    }


def test_json_has_null_where_a_number_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([nan, inf, 1.5])

    assert json.loads(capsys.readouterr().out) == [None, None, 1.5]


def test_a_piped_table_is_aligned_lines_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["product", "rows", "kept"], [["orders.orders", 1200, True], ["a.b", None, False]])

    assert capsys.readouterr().out == ("product        rows  kept\norders.orders  1200  yes\na.b                  no\n")


def test_a_piped_table_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["text"], [["x" * 5000], ["[bold]y[/bold]"]])

    assert capsys.readouterr().out == f"text\n{'x' * 5000}\n[bold]y[/bold]\n"


def test_a_table_without_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["product", "rows"], [])

    assert capsys.readouterr().out == "product  rows\n"


def test_a_table_on_a_terminal_folds_to_the_window_and_loses_nothing() -> None:
    code = f"from dagmesh.cli.output import print_table; print_table(['name', 'rows'], [['[{'abcdefghij' * 6}]', 7]])"
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": "40", "TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, env=environment)
    os.close(theirs)

    printed = re.sub(r"\x1b\[[0-9;]*m", "", _all_of(ours))

    assert process.wait() == 0
    assert all(len(line) <= 40 for line in printed.splitlines())
    assert printed.count("j") == 6
    assert "[" in printed
    assert "7" in printed


def _all_of(terminal: int) -> str:
    chunks = []
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        while True:
            try:
                chunk = stream.read(4096)
            except OSError:  # Linux's answer when the other end of a terminal is closed
                break
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "yes"), (["finance", "marketing"], "finance, marketing"), ("two\nlines", "two lines"), (Decimal("1.50"), "1.50")],
)
def test_a_cell_is_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_data_goes_to_stdout_and_progress_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    data_console().print("rows")
    progress_console().print("working")

    assert capsys.readouterr() == ("rows\n", "working\n")
