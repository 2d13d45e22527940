"""A GLOB pattern that finds no text which a Python regular expression does not find: it is asked first, where there is one.

DuckDB matches GLOB by a plain loop, and once for each different value of a dictionary; RE2 costs twice as much, for every row.
A text that GLOB does not find is matched by RE2, so what a GLOB cannot say (more scripts than ASCII, a last newline) may be left out.
"""

from __future__ import annotations

import string
from re import _constants as code  # type: ignore[attr-defined]  # the parser that `re` itself uses; typeshed has no stub
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

# In a class only these, so that no member is a sign of GLOB's own; outside of one all but its signs.
_MEMBERS = string.ascii_letters + string.digits + "_"
_LITERALS = frozenset(map(chr, range(0x20, 0x7F))) - frozenset("*?[]\\")
_CATEGORIES = {code.CATEGORY_DIGIT: string.digits, code.CATEGORY_WORD: _MEMBERS}
# A longer text of fixed length is rare, and each place costs a step for every row.
LONGEST = 64


def to_glob(pattern: str) -> str | None:
    """The GLOB for a pattern without flags that is one sequence of characters and classes of ASCII, each a fixed number of times."""
    items = list(parser.parse(pattern))
    if items and items[0] in ((code.AT, code.AT_BEGINNING), (code.AT, code.AT_BEGINNING_STRING)):
        items = items[1:]
    ends = bool(items) and items[-1] in ((code.AT, code.AT_END), (code.AT, code.AT_END_STRING))
    places = _places(items[:-1] if ends else items)
    if not places or len(places) > LONGEST:
        return None
    return "".join(places) + ("" if ends else "*")


def _places(items: Any) -> list[str] | None:
    """What stands at each place of the text; None where GLOB cannot say it."""
    found: list[str] = []
    for operator, argument in items:
        some = _place(operator, argument)
        if some is None:
            return None
        found += some
    return found


def _place(operator: Any, argument: Any) -> list[str] | None:
    if operator is code.LITERAL:
        return [chr(argument)] if chr(argument) in _LITERALS else None
    if operator is code.IN:
        members = _members(argument)
        return [f"[{members}]"] if members else None
    if operator in (code.MAX_REPEAT, code.MIN_REPEAT) and argument[0] == argument[1] <= LONGEST:
        inner = _places(argument[2])
        return inner * argument[0] if inner is not None else None
    if operator is code.SUBPATTERN and not argument[1] and not argument[2]:
        return _places(argument[3])
    return None


def _members(argument: Any) -> str:
    """The ASCII letters, digits and underscores of a class, neighbours as ranges; none of a class of all but some."""
    found: set[str] = set()
    for operator, value in argument:
        if operator is code.LITERAL:
            found.add(chr(value))
        elif operator is code.RANGE:
            found |= {member for member in _MEMBERS if value[0] <= ord(member) <= value[1]}
        elif operator is code.CATEGORY and value in _CATEGORIES:
            found |= set(_CATEGORIES[value])
        else:
            return ""
    return "".join(_spelled(sorted(found & set(_MEMBERS))))


def _spelled(members: list[str]) -> list[str]:
    runs: list[list[str]] = []
    for member in members:
        if runs and ord(member) == ord(runs[-1][-1]) + 1:
            runs[-1].append(member)
        else:
            runs.append([member])
    return [f"{run[0]}-{run[-1]}" if len(run) > 2 else "".join(run) for run in runs]
