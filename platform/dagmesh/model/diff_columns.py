"""What changed in a contract's columns and key, and what that does to those who read them.

Types follow this table. A major is one table, and a table has one type a column; so no other type is compatible, a narrower
one neither.

| before                 | after                  | effect                                                       |
|------------------------|------------------------|--------------------------------------------------------------|
| a type                 | another type           | breaking; DECIMAL of another size and list of another item too |
| str                    | Literal or Enum of str | additive: `isin` of the choices is a new rule                |
| Literal or Enum of str | str                    | breaking: a promise is dropped                               |
| choices                | fewer choices          | additive: nobody reads a value that is new                   |
| choices                | more or other choices  | breaking: readers meet values they do not know               |

Choices are compared as what they promise, the rule `isin`; see diff_rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from dagmesh.model.change import Change, Effect, same_words, shown
from dagmesh.model.contract import RESTRICTED

Column = Mapping[str, Any]
SIMILAR = 0.75
# Every key of a described column: what compares it. Held complete by a test.
COLUMN_KEYS = frozenset(
    {
        "name",
        "type",
        "logical_type",
        "description",
        "classification",
        "nullable",
        "key",
        "unit",
        "purpose",
        "mask",
        "declassified",
        "choices",
    }
)


def columns_by_name(contract: Mapping[str, Any]) -> dict[str, Column]:
    """The described columns, in order, by name."""
    return {column["name"]: column for column in contract["columns"]}


def renamed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Old name -> new name of the columns that went by one name and came by another: of the same type and unit, with the
    same description or a similar name."""
    old, new = columns_by_name(before), columns_by_name(after)
    added = [column for name, column in new.items() if name not in old]
    found: dict[str, str] = {}
    for column in (column for name, column in old.items() if name not in new):
        likely = [(_likeness(column, other), other["name"]) for other in added if other["name"] not in found.values()]
        score, name = max(likely, default=(0.0, ""))
        if score >= SIMILAR:
            found[column["name"]] = name
    return found


def _likeness(before: Column, after: Column) -> float:
    if (before["type"], before.get("unit")) != (after["type"], after.get("unit")):
        return 0.0
    if before["description"] and same_words(before["description"], after["description"]):
        return 2.0
    return SequenceMatcher(None, before["name"], after["name"]).ratio()


def column_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Every change of the columns of two described contracts, whose renamed columns have one name already."""
    old, new = columns_by_name(before), columns_by_name(after)
    for name, column in old.items():
        if name in new:
            yield from _column(name, column, new[name])
        else:
            yield Change("breaking", f"column '{name}'", f"removes column '{name}'", dict(column), None, name)
    for name, column in new.items():
        if name not in old:
            yield Change("additive", f"column '{name}'", f"adds column '{name}'", None, dict(column))
    yield from _key(old, new)
    yield from _order(old, new)


def _column(name: str, before: Column, after: Column) -> Iterator[Change]:
    def change(effect: Effect, key: str, words: str) -> Change:
        return Change(effect, f"column '{name}'", words, before.get(key), after.get(key), name)

    if (before["type"], before["logical_type"]) != (after["type"], after["logical_type"]):
        yield change("breaking", "type", f"changes the type of column '{name}' from {before['type']} to {after['type']}")
    if after["nullable"] and not before["nullable"]:
        yield change("breaking", "nullable", f"lets column '{name}' be NULL")
    if before["nullable"] and not after["nullable"]:
        yield change("additive", "nullable", f"lets column '{name}' never be NULL")
    yield from (change(*said) for said in _handling(name, before, after))
    if before.get("unit") != after.get("unit"):
        # A unit said for the first time is what the numbers were all along.
        effect: Effect = "breaking" if before.get("unit") else "documentation"
        words = f"changes the unit of column '{name}' from {shown(before.get('unit'))} to {shown(after.get('unit'))}"
        yield change(effect, "unit", words)
    for key in ("description", "purpose", "declassified"):
        if before.get(key) != after.get(key):
            yield change("documentation", key, f"changes the {key} of column '{name}'")


def _handling(name: str, before: Column, after: Column) -> Iterator[tuple[Effect, str, str]]:
    """Classification and mask: whether those without a grant see less or something else."""
    was, now = before["classification"], after["classification"]
    if was != now:
        hidden = now in RESTRICTED and was not in RESTRICTED
        takes = ", which hides its values from those without a grant" if hidden else ""
        yield ("breaking" if hidden else "additive"), "classification", f"changes column '{name}' from {was} to {now}{takes}"
    if (before.get("mask") or "null") != (after.get("mask") or "null"):
        seen = was in RESTRICTED or now in RESTRICTED
        words = f"changes the mask of column '{name}' from {before.get('mask') or 'null'} to {after.get('mask') or 'null'}"
        yield ("breaking" if seen else "documentation"), "mask", words
    elif before.get("mask") != after.get("mask"):
        yield "documentation", "mask", f"says the mask of column '{name}', which it had"


def _key(old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[Change]:
    before, after = ([name for name, column in columns.items() if column["key"]] for columns in (old, new))
    if set(after) not in (set(before), set(before) & set(new)):  # that a key column went is said already
        words = f"changes the key from ({', '.join(before)}) to ({', '.join(after)})"
        yield Change("breaking", "key", words, before, after)


def _order(old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[Change]:
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    if before != after:
        yield Change("documentation", "columns", "orders the columns in another way", before, after)
