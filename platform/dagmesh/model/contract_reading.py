"""Reads a contract class: its columns, its rules and every mistake in it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagmesh.errors import Problem, nearest, one_of
from dagmesh.model.address import NAME
from dagmesh.model.contract import CLASSIFICATIONS, MASKS, Column, Contract, FieldSpec
from dagmesh.model.rule import COMPARISONS, MEMBERSHIPS, SEVERITIES, TEXTS, WORDS, CheckMark, ColumnRef, Rule, Tuned
from dagmesh.model.types import ANNOTATIONS, ColumnType, column_type

_VALUE_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "decimal": (int, Decimal),
    "str": (str,),
    "bool": (bool,),
    "date": (date,),
    "timestamp": (datetime,),
}
Report = Callable[[str, str], None]
FIELD_WORDS = ("description", "unit", "classification", "key", "unique", "required", "purpose", "mask", "declassified")


def shown_file(path: str) -> str:
    """The path from the mesh's root down where there is one, for messages."""
    parts = Path(path).parts
    start = len(parts) - 1 - parts[::-1].index("domains") if "domains" in parts else None
    return "/".join(parts[start:]) if start is not None else path


def read_contract(cls: type[Contract], file: str) -> tuple[tuple[Column, ...], tuple[Rule, ...], tuple[Problem, ...]]:
    """Columns, rules and problems of a contract class, in the order they are written."""
    problems: list[Problem] = []

    def report(place: str, message: str) -> None:
        problems.append(Problem(shown_file(file), cls.__name__, place, message))

    if not inspect.cleandoc(cls.__doc__ or ""):
        report("docstring", "missing; say the grain in one sentence, for example 'One row per customer and category.'")
    columns = tuple(_columns(cls, report))
    if not columns and not problems:
        report("", "has no columns; write at least one, for example  customer_id: str = dm.field(key=True, description=...)")
    key = tuple(column.name for column in columns if column.key)
    keys = (Rule("unique", key),) if key else ()
    rules = (*keys, *(rule for column in columns for rule in column.rules), *_checks(cls, columns, report))
    _report_unknown_columns(rules, columns, report)
    return columns, rules, tuple(problems)


def _columns(cls: type[Contract], report: Report) -> Iterator[Column]:
    try:
        # Not typing.get_type_hints: it would evaluate Contract's own annotations anew for every contract.
        bases = [base for base in reversed(cls.__mro__) if base is not Contract and issubclass(base, Contract)]
        hints = {name: found for base in bases for name, found in inspect.get_annotations(base, eval_str=True).items()}
    except NameError as error:
        report("annotations", f"{error}; import it at the top of the file.")
        return
    for name, annotation in hints.items():
        if typing.get_origin(annotation) is typing.ClassVar:
            continue
        found = column_type(annotation)
        if found is None:
            report(f"column '{name}'", f"type {_annotation_name(annotation)} has no place in the type table; choose {ANNOTATIONS}.")
            continue
        spec = getattr(cls, name, None)
        if not isinstance(spec, FieldSpec):
            report(f"column '{name}'", "has no dm.field; write = dm.field(description=...), every column is documented.")
            continue
        yield _column(name, *found, spec, lambda message, name=name: report(f"column '{name}'", message))  # type: ignore[misc]  # mypy: default argument of a lambda


def _column(name: str, kind: ColumnType, nullable: bool, spec: FieldSpec, report: Callable[[str], None]) -> Column:
    if not NAME.match(name):
        report("is not snake_case; use lower-case words joined by single underscores.")
    if not isinstance(spec.description, str) or not spec.description.strip():
        report("has no description; say what the value means, for a stranger.")
    if spec.classification not in CLASSIFICATIONS:
        report(f"unknown classification {spec.classification!r}; choose {one_of(CLASSIFICATIONS)}.")
    if not isinstance(spec.key, bool):
        report(f"key={spec.key!r} is not True or False.")
    if spec.unit is not None and not isinstance(spec.unit, str):
        report(f"unit={spec.unit!r} is not text.")
    if spec.key and nullable:
        report("is a key and may be NULL; drop '| None' or key=True.")
    _report_handling(kind, spec, report)
    rules = tuple(_field_rules(name, kind, nullable, spec, report))
    handling = spec.purpose, spec.mask, spec.declassified
    return Column(name, kind, str(spec.description).strip(), spec.unit, spec.classification, bool(spec.key), nullable, rules, *handling)


def _report_handling(kind: ColumnType, spec: FieldSpec, report: Callable[[str], None]) -> None:
    """The mistakes in what is said of how the values are to be handled."""
    for word in ("purpose", "declassified"):
        value = getattr(spec, word)
        if value is not None and not (isinstance(value, str) and value.strip()):
            report(f"{word}={value!r} is not a sentence.")
    if spec.mask is not None and spec.mask not in MASKS:
        report(f"unknown mask {spec.mask!r}; choose {one_of(MASKS)}.")
    elif spec.mask in ("hash", "partial") and kind.kind != "str":
        report(f"mask={spec.mask!r} works on text, and the column is {kind.duckdb}; choose mask='null'.")


def _field_rules(name: str, kind: ColumnType, nullable: bool, spec: FieldSpec, report: Callable[[str], None]) -> Iterator[Rule]:
    required = spec.required if spec.required is not None else not nullable
    value, severity, share = _tuning(required, "required", report)
    if value is True and nullable:
        report("is '| None' and required; drop one of them.")
    elif value is True:
        yield Rule("not_null", (name,), None, severity, share)
    value, severity, share = _tuning(spec.unique, "unique", report)
    if value is True:
        yield Rule("unique", (name,), None, severity, share)
    if kind.choices and "isin" not in spec.rules:
        yield Rule("isin", (name,), kind.choices)
    for word in (*(w for w in WORDS if w in spec.rules), *(w for w in spec.rules if w not in WORDS)):
        if word not in WORDS:
            known = (*WORDS, *FIELD_WORDS)
            report(f"unknown argument {word!r}; choose {one_of(known)}.{nearest(word, known)}")
            continue
        value, severity, share = _tuning(spec.rules[word], word, report)
        complaint = _complaint(word, value, kind)
        if complaint:
            report(f"{word}={value!r} {complaint}")
        else:
            yield Rule(word, (name,) if not isinstance(value, ColumnRef) else (name, value.name), _frozen(value), severity, share)


def _tuning(value: Any, word: str, report: Callable[[str], None]) -> tuple[Any, Any, float]:
    if not isinstance(value, Tuned):
        return value, "error", 0.0
    if value.severity not in SEVERITIES:
        report(f"{word}: unknown severity {value.severity!r}; choose {one_of(SEVERITIES)}.")
    share = value.max_failing
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        report(f"{word}: max_failing={share!r} is not a share from 0 to 1.")
        return value.value, value.severity, 0.0
    return value.value, value.severity, float(share)


def _complaint(word: str, value: Any, kind: ColumnType) -> str:
    """Why the value does not fit the rule and the column, or an empty text."""
    if word in TEXTS:
        return _text_complaint(word, value, kind)
    if kind.kind == "list":
        return "compares a list; write a @dm.check for it."
    if word in MEMBERSHIPS:
        if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)) or not value:
            return "is not a list of values."
        return next((c for c in (_value_complaint(v, kind) for v in value) if c), "")
    if word in COMPARISONS and not isinstance(value, ColumnRef):
        return _value_complaint(value, kind)
    return ""


def _text_complaint(word: str, value: Any, kind: ColumnType) -> str:
    if kind.kind != "str":
        return f"works on text, and the column is {kind.duckdb}."
    if word.endswith("_length"):
        return "" if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "is not a length (0 or more)."
    if not isinstance(value, str):
        return "is not text."
    if word in ("matches", "contains"):
        try:
            re.compile(value)
        except re.error as error:
            return f"is not a regular expression: {error}."
    return ""


def _value_complaint(value: Any, kind: ColumnType) -> str:
    fits = isinstance(value, _VALUE_TYPES[kind.kind]) and (isinstance(value, bool) == (kind.kind == "bool"))
    if kind.kind == "date" and isinstance(value, datetime):
        fits = False
    if not fits:
        return f"cannot be compared with a column of {kind.duckdb}; give {one_of(t.__name__ for t in _VALUE_TYPES[kind.kind])}."
    if kind.kind == "timestamp" and value.tzinfo is None:
        return "has no time zone; all times are UTC: datetime(..., tzinfo=UTC)."
    return ""


def _frozen(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(value))
    return tuple(value) if isinstance(value, list) else value


def _checks(cls: type[Contract], columns: tuple[Column, ...], report: Report) -> Iterator[Rule]:
    marked = {name: found for base in reversed(cls.__mro__) for name, found in vars(base).items() if hasattr(found, "__dagmesh_check__")}
    for name, function in marked.items():
        mark: CheckMark = function.__dagmesh_check__
        if not mark.description:
            report(f"check '{name}'", "has no description; say the rule in words.")
        _tuning(Tuned(None, mark.severity, mark.max_failing), "check", lambda message, name=name: report(f"check '{name}'", message))  # type: ignore[misc]  # mypy: default argument of a lambda
        needs = mark.columns or tuple(column.name for column in columns)
        yield Rule("check", needs, None, mark.severity, mark.max_failing, name, function, mark.row_wise, mark.description)


def _report_unknown_columns(rules: tuple[Rule, ...], columns: tuple[Column, ...], report: Report) -> None:
    by_name = {column.name: column for column in columns}
    for rule in rules:
        unknown = [name for name in rule.columns if name not in by_name]
        for name in unknown:
            report(f"rule '{rule.name}'", f"names column '{name}', which the contract does not have.{nearest(name, by_name)}")
        if isinstance(rule.value, ColumnRef) and not unknown and len({by_name[name].type.kind for name in rule.columns}) > 1:
            types = " with ".join(by_name[name].type.duckdb for name in rule.columns)
            report(f"rule '{rule.name}'", f"compares {types}; both must have one type.")


def _annotation_name(annotation: object) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
