"""A GLOB that is asked before a regular expression: it finds no text that Python does not."""

from __future__ import annotations

import re

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.strategies import PATTERNS, TEXTS

from dagmesh.audit.glob import to_glob
from dagmesh.audit.literals import text as sql_text

SPELLED = {
    r"^SKU-[0-9]{6}$": "SKU-[0-9][0-9][0-9][0-9][0-9][0-9]",
    r"^[a-z]{2}-\d{2}\Z": "[a-z][a-z]-[0-9][0-9]",
    r"\A[xA-C_]+?[.]": None,
    r"[xA-C_-]": "[A-C_x]*",
    r"(?:a[bc]){2}": "a[bc]a[bc]*",
    "a.c": None,
    "[^a]": None,
    r"\D": None,
    "é": None,
    r"\*": None,
    r"\[a\]": None,
    "[.]": ".*",
    "a|b": "[ab]*",
    "a|bc": None,
    "a{2,3}": None,
    "a$b": None,
    "a^b": None,
    "": None,
    "^$": None,
    "a{65}": None,
}


@pytest.mark.parametrize("pattern", SPELLED)
def test_a_sequence_of_fixed_length_is_spelled_and_nothing_else(pattern: str) -> None:
    assert to_glob(pattern) == SPELLED[pattern]


PLACES = st.sampled_from(
    ["a", "A", "7", "-", "@", "'", "!", "[0-9]", "[a-c]", r"[^\W_]", r"\d", r"\w", "[a-c7_]", "[!-~]", r"[\]a-]", "é", r"\.", r"\?"]
)
SEQUENCES = st.lists(st.tuples(PLACES, st.sampled_from(["", "", "{2}", "{3}", "?"])).map("".join), min_size=1, max_size=5).map("".join)


@settings(max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    pattern=st.sampled_from(PATTERNS) | st.tuples(st.sampled_from(["", "^"]), SEQUENCES, st.sampled_from(["", "$", r"\Z"])).map("".join),
)
@example(data=None, pattern=r"^a[0-9]$")
@example(data=None, pattern=r"^a[0-9]{2}$")
def test_no_text_is_found_that_python_does_not_find(con: duckdb.DuckDBPyConnection, data: st.DataObject | None, pattern: str) -> None:
    glob = to_glob(pattern)
    if glob is None:
        return
    fitting = [data.draw(st.from_regex(pattern)) for _ in range(4)] if data else ["a7", "a7\n", "a", "a77", "ba7"]
    texts = [t for t in dict.fromkeys([*fitting, *TEXTS]) if "\0" not in t and not any("\ud800" <= c <= "\udfff" for c in t)]

    rows = con.execute(f"SELECT t FROM (SELECT unnest($1::VARCHAR[]) AS t) WHERE t GLOB {sql_text(glob)}", [texts]).fetchall()

    assert {row[0] for row in rows} <= {t for t in texts if re.match(pattern, t)}


def test_ascii_texts_that_fit_are_found(con: duckdb.DuckDBPyConnection) -> None:
    glob, codes = to_glob(r"^[A-Za-z]{2}-\d{4}$"), ["DE-0000", "FR-1234", "zz-9999"]

    found = con.execute(f"SELECT list(t GLOB {sql_text(glob or '')}) FROM (SELECT unnest($1) AS t)", [codes]).fetchall()

    assert found == [([True, True, True],)]
