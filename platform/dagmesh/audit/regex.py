"""Python regular expressions as RE2 ones, where both provably match the same texts.

Every character class is spelled out as ranges of code points, taken from the Python that runs, so that neither engine's
Unicode tables nor its idea of a newline matters. What has no exact counterpart (look-around, back references, flags, `\\b`,
`$` inside a pattern, repeats of something that may be empty, very large patterns) is not translated: Pandera matches it.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from itertools import pairwise
from re import _constants as code  # type: ignore[attr-defined]  # the parser that `re` itself uses; typeshed has no stub
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

from dagmesh.audit.literals import NotCompiled

# RE2 unrolls counted repeats and gives up above its memory budget: this is far below, whatever the pattern. It also
# refuses repeats whose counts, multiplied where they nest, pass a thousand.
LARGEST, MOST_REPEATS = 4000, 1000
_TOP = sys.maxunicode
_SURROGATES = (0xD800, 0xDFFF)
_CATEGORIES = {
    code.CATEGORY_DIGIT: r"\d",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_SPACE: r"\s",
    code.CATEGORY_NOT_SPACE: r"\S",
    code.CATEGORY_WORD: r"\w",
    code.CATEGORY_NOT_WORD: r"\W",
}
Ranges = tuple[tuple[int, int], ...]


def to_re2(pattern: str, *, anchored: bool) -> str:
    """The RE2 pattern that finds a match exactly where Python's `match` (anchored) or `search` does.

    Raises:
        NotCompiled: no pattern is certain to.
    """
    parsed = parser.parse(pattern)
    if parsed.state.flags & ~re.UNICODE.value:
        raise NotCompiled("flags")
    if parsed.getwidth()[1] == 0:
        # DuckDB 2.0.0 rewrites `\\A(?:)` to `= ''`; nobody misses the others.
        raise NotCompiled("matches a place, not a text")
    items = list(parsed)
    ends = bool(items) and items[-1] == (code.AT, code.AT_END)
    body, size = _sequence(items[:-1] if ends else items)
    if size > LARGEST:
        raise NotCompiled("larger than RE2 is sure to take")
    return (r"\A" if anchored else "") + f"(?:{body})" + (r"\n?\z" if ends else "")


def _sequence(items: Any, repeats: int = MOST_REPEATS) -> tuple[str, int]:
    parts = [_item(operator, argument, repeats) for operator, argument in items]
    return "".join(part for part, _ in parts), sum(size for _, size in parts)


def _item(operator: Any, argument: Any, repeats: int) -> tuple[str, int]:
    """One element's pattern, and about how many instructions RE2 makes of it; `repeats` is how often parts may repeat."""
    if operator is code.LITERAL:
        return _class(((argument, argument),))
    if operator is code.NOT_LITERAL:
        return _class(_inverted(((argument, argument),)))
    if operator is code.ANY:
        return _class(_inverted(((10, 10),)))
    if operator is code.IN:
        return _class(_members(argument))
    if operator is code.AT and argument in (code.AT_BEGINNING, code.AT_BEGINNING_STRING):
        return r"\A", 1
    if operator is code.AT and argument is code.AT_END_STRING:
        return r"\z", 1
    if operator is code.BRANCH:
        branches = [_sequence(branch, repeats) for branch in argument[1]]
        return f"(?:{'|'.join(body for body, _ in branches)})", sum(size for _, size in branches) + len(branches)
    if operator is code.SUBPATTERN and not argument[1] and not argument[2]:
        body, size = _sequence(argument[3], repeats)
        return f"(?:{body})", size
    if operator in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, repeated = argument
        return _repeat(least, most, repeated, repeats)
    raise NotCompiled(f"regular expression element {operator}")


def _repeat(least: int, most: int, body: Any, repeats: int) -> tuple[str, int]:
    if body.getwidth()[0] == 0 and most > 1:
        raise NotCompiled("repeats what may be empty")
    endless = most is code.MAXREPEAT
    copies = max(least + 1 if endless else most, 1)
    if copies > repeats:
        raise NotCompiled("more repeats than RE2 takes")
    inner, size = _sequence(body, repeats // copies)
    return f"(?:{inner}){{{least},{'' if endless else most}}}", copies * size + 1


def _members(argument: Any) -> Ranges:
    found: list[tuple[int, int]] = []
    for operator, value in argument:
        if operator is code.LITERAL:
            found.append((value, value))
        elif operator is code.RANGE:
            found.append(value)
        elif operator is code.CATEGORY:
            found += _category(_CATEGORIES[value])
        elif operator is not code.NEGATE:
            raise NotCompiled(f"class element {operator}")
    return _inverted(tuple(found)) if argument[0][0] is code.NEGATE else tuple(found)


@lru_cache
def _category(escape: str) -> Ranges:
    """The code points Python's `\\d`, `\\s`, `\\w` and their opposites match."""
    every = "".join(map(chr, range(_TOP + 1)))
    return tuple((match.start(), match.end() - 1) for match in re.finditer(f"{escape}+", every))


def _inverted(ranges: Ranges) -> Ranges:
    edges = [-1, *(edge for pair in _merged(ranges) for edge in pair), _TOP + 1]
    gaps = list(pairwise(edges))[::2]
    return tuple((low + 1, high - 1) for low, high in gaps if low + 1 <= high - 1)


def _merged(ranges: Ranges) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _class(ranges: Ranges) -> tuple[str, int]:
    """The class of code points without surrogates, which no stored text holds."""
    first, last = _SURROGATES
    kept = [r for low, high in _merged(ranges) for r in ((low, min(high, first - 1)), (max(low, last + 1), high)) if r[0] <= r[1]]
    if not kept:
        raise NotCompiled("a class without members")
    spelled = "".join(_point(low) if low == high else f"{_point(low)}-{_point(high)}" for low, high in kept)
    single = len(kept) == 1 and kept[0][0] == kept[0][1]
    return spelled if single else f"[{spelled}]", len(kept)


def _point(number: int) -> str:
    character = chr(number)
    return character if character.isascii() and character.isalnum() else f"\\x{{{number:x}}}"
