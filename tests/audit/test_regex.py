"""Regular expressions: a translated pattern matches what Python's does, and what cannot be is refused."""

from __future__ import annotations

import re

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.strategies import PATTERNS, TEXTS

from dagmesh.audit.literals import NotCompiled
from dagmesh.audit.regex import to_re2

# Flags, look-around, references, Unicode word borders, `$` before the end, repeats of what may be empty, mere places,
# classes without members, more repeats than RE2 takes.
REFUSED = [
    "(?i)A",
    "(?s)a.b",
    "(?m)^b",
    "(?a)\\d",
    "(?x) a",
    "(?i:a)b",
    "(?!x)a",
    "(?=a)",
    "(?<=a)b",
    r"(a)\1",
    "(a)?(?(1)b|c)",
    r"\bab",
    r"\Ba",
]
REFUSED += ["a$|b", "(a$)b?", "(a*)*b", "(a|b*)+$", "a*+b", "(?>a|ab)c", "", "^", "$", r"\Z", "()", "(|)", "a{0}", r"[^\s\S]", "a{1001}"]


def agrees(con: duckdb.DuckDBPyConnection, pattern: str, anchored: bool, texts: list[str]) -> None:
    find = re.compile(pattern).match if anchored else re.compile(pattern).search
    translated = to_re2(pattern, anchored=anchored).replace("'", "''")
    rows = con.execute(f"SELECT regexp_matches(t, '{translated}') FROM (SELECT unnest($1::VARCHAR[]) AS t)", [texts]).fetchall()
    assert dict(zip(texts, (row[0] for row in rows), strict=True)) == {text: find(text) is not None for text in texts}


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern not in REFUSED])
def test_a_translated_pattern_matches_what_python_matches(con: duckdb.DuckDBPyConnection, pattern: str, anchored: bool) -> None:
    try:
        to_re2(pattern, anchored=anchored)
    except NotCompiled:
        pytest.fail(f"{pattern!r} was refused")
    agrees(con, pattern, anchored, list(dict.fromkeys(TEXTS)))


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_without_a_certain_counterpart_is_refused(pattern: str) -> None:
    with pytest.raises(NotCompiled):
        to_re2(pattern, anchored=True)


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        "[ab]",
        "[^a]",
        r"[^\d]",
        r"[\w-]",
        "^",
        r"\A",
        r"\Z",
        "$",
        "\n",
        "é",
        "😀",
        r"\.",
    ]
)
PIECES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}?", "+?", "{2,}"])).map(lambda two: f"({two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pattern=PIECES,
    texts=st.lists(st.text(alphabet="abc1٣_-. \n\u00a0é😀\x1c", max_size=6) | st.sampled_from(TEXTS), min_size=4, max_size=12, unique=True),
    anchored=st.booleans(),
)
@example(pattern="a$", texts=["a", "a\n", "a\n\n"], anchored=True)
def test_any_pattern_that_is_translated_matches_what_python_matches(
    con: duckdb.DuckDBPyConnection, pattern: str, texts: list[str], anchored: bool
) -> None:
    try:
        to_re2(pattern, anchored=anchored)
    except NotCompiled:
        return
    agrees(con, pattern, anchored, texts)


@pytest.mark.parametrize("escape", [r"\d", r"\w", r"\s", r"[^\d\w]"])
def test_a_class_holds_pythons_members_whatever_the_engines_unicode(con: duckdb.DuckDBPyConnection, escape: str) -> None:
    characters = [chr(number) for number in range(1, 0x110000) if not 0xD800 <= number <= 0xDFFF]
    sql = f"SELECT t FROM (SELECT unnest($1::VARCHAR[]) AS t) WHERE regexp_matches(t, '{to_re2(escape, anchored=True)}')"

    found = [row[0] for row in con.execute(sql, [characters]).fetchall()]

    assert found == [character for character in characters if re.match(escape, character)]


def test_the_largest_pattern_that_is_translated_is_one_the_engine_takes(con: duckdb.DuckDBPyConnection) -> None:
    words = [rf"\w{{{copies}}}" for copies in range(1, 100)]
    translated = [pattern for pattern in map(_translated, words) if pattern]

    assert 2 <= len(translated) < len(words)
    assert con.execute(f"SELECT regexp_matches('{'a' * 100}', '{translated[-1]}')").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("largest", "larger"), [("a{1000}", "a{1001}"), ("(?:a{250}){4}", "(?:a{250}){5}"), ("(?:a{2,}b){333}", "(?:a{2,}b){334}")]
)
def test_repeats_are_translated_up_to_what_the_engine_takes(con: duckdb.DuckDBPyConnection, largest: str, larger: str) -> None:
    assert con.execute(f"SELECT regexp_matches('{'a' * 1000}', '{_translated(largest)}')").fetchall() == [("b" not in largest,)]
    assert _translated(larger) is None


def _translated(pattern: str) -> str | None:
    try:
        return to_re2(pattern, anchored=True)
    except NotCompiled:
        return None
