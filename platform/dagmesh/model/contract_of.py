"""A contract class again from its JSON values: what is signed, locked or relied on can judge rows like the class it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from dagmesh.errors import DefinitionError, Problem, nearest, one_of
from dagmesh.model.contract import Column, Contract
from dagmesh.model.rule import ColumnRef, Rule
from dagmesh.model.types import ColumnType, Digits, Kind

_KINDS: dict[str, Kind] = {
    "BIGINT": "int",
    "DOUBLE": "float",
    "VARCHAR": "str",
    "BOOLEAN": "bool",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_VALUES: dict[str, Callable[[str], Any]] = {
    "column": ColumnRef,
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)\Z")


def contract_of(described: Mapping[str, Any], *, checks: Literal["refuse", "skip"] = "refuse") -> type[Contract]:
    """The contract whose `describe()` gives these values. Its columns and rules are all there is: it has no attributes to read.

    Args:
        described: what `Contract.describe()` gave, perhaps read from a publication, a lock file or an expectation.
        checks: Python checks are code and cannot be made again; "refuse" raises when there is one, "skip" leaves them out.

    Raises:
        DefinitionError: a column has an unknown type; or there is a Python check, and they are not skipped.
    """
    name = str(described["name"])
    found = [rule for rule in described["rules"] if rule["kind"] != "check" or checks == "refuse"]
    problems = [*_unknown_types(name, described["columns"]), *_python_checks(name, found)]
    if problems:
        raise DefinitionError(problems)
    rules = tuple(rule_of(rule) for rule in found)
    made: type[Contract] = type(name, (Contract,), {"__doc__": described["grain"], "__module__": __name__})
    # Read from JSON values, not from annotations: nothing of the values is lost on the way through Python's own syntax.
    # The first rule of a contract with a key is the key's, and belongs to no column.
    own = [rule for rule in rules[any(column["key"] for column in described["columns"]) :] if rule.kind != "check"]
    made.columns = tuple(_column(column, own) for column in described["columns"])
    made.rules, made.grain, made.problems = rules, described["grain"], ()
    return made


def column_type_of(text: str, choices: tuple[str, ...] = ()) -> ColumnType | None:
    """The column type whose `duckdb` name this is; None for a name that no type of the table has."""
    if text.endswith("[]"):
        item = column_type_of(text[:-2])
        return ColumnType("list", item=item) if item and item.kind != "list" else None
    sized = _DECIMAL.match(text)
    if sized:
        return ColumnType("decimal", Digits(int(sized[1]), int(sized[2])))
    return ColumnType(_KINDS[text], choices=choices) if text in _KINDS else None


def rule_of(described: Mapping[str, Any]) -> Rule:
    """The rule whose `describe()` gives these values; a Python check without its function."""
    is_check = described["kind"] == "check"
    return Rule(
        kind=described["kind"],
        columns=tuple(described["columns"]),
        value=value_of(described.get("value")),
        severity=described["severity"],
        max_failing=described.get("max_failing", 0.0),
        label=described["name"] if is_check else "",
        row_wise=described.get("row_wise", False),
        description=described.get("description", ""),
    )


def value_of(value: Any) -> Any:
    """A rule's value from its JSON form: the inverse of `dagmesh.model.rule.json_value`."""
    if isinstance(value, Mapping):
        ((kind, text),) = value.items()
        return _VALUES[kind](text)
    return tuple(value_of(member) for member in value) if isinstance(value, list) else value


def _column(described: Mapping[str, Any], rules: list[Rule]) -> Column:
    kind = column_type_of(described["type"], tuple(described.get("choices", ())))
    assert kind is not None
    name, said = described["name"], {word: described.get(word) for word in ("unit", "purpose", "mask", "declassified")}
    return Column(
        name=name,
        type=kind,
        description=described["description"],
        classification=described["classification"],
        key=described["key"],
        nullable=described["nullable"],
        rules=tuple(rule for rule in rules if rule.columns[0] == name),
        **said,
    )


def _unknown_types(contract: str, columns: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for column in columns:
        if column_type_of(column["type"]) is None:
            known = [*_KINDS, "DECIMAL(p,s)"]
            message = (
                f"unknown type {column['type']!r}; choose {one_of(known)}, or a list of one: BIGINT[].{nearest(column['type'], known)}"
            )
            yield Problem("", contract, f"column '{column['name']}'", message)


def _python_checks(contract: str, rules: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for rule in rules:
        if rule["kind"] == "check":
            message = 'is Python code and cannot be made again from its description; leave it out with checks="skip".'
            yield Problem("", contract, f"check '{rule['name']}'", message)
