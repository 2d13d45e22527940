"""Upcasting: events of older versions are lifted, step by step, to their type's newest, so that a projection sees one version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, overload

from dagmesh.errors import EventRefused, nearest
from dagmesh.events.event_type import EventType
from dagmesh.events.typed import COLUMNS, Field, quoted

Types = Mapping[tuple[str, int], EventType]
Function = Callable[[dict[str, Any]], Mapping[str, Any]]
_WIDER = {("BIGINT", "DOUBLE")}  # changes of type that need no word


@dataclass(frozen=True)
class Upcast:
    """One step: data of a type's version as data of the next. Either SQL for each field that is not the old one's, or a function."""

    type: str
    from_version: int
    fields: Mapping[str, str] = field(default_factory=dict)
    function: Function | None = None

    def __str__(self) -> str:
        return f"{self.type} {self.from_version} -> {self.from_version + 1}"

    @property
    def code(self) -> str:
        """What its function does, as text; empty for SQL. Comments and places are not in it, nor what it calls."""
        return repr(_said(self.function.__code__)) if self.function else ""


def _said(constant: object) -> object:
    """What code, or a constant of it, says: the same in every process, so without addresses and the order of a set."""
    if isinstance(constant, CodeType):
        return constant.co_code, constant.co_names, [_said(inner) for inner in constant.co_consts]
    return sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant)


@overload
def upcast(type: str, *, from_version: int) -> Callable[[Function], Upcast]: ...
@overload
def upcast(type: str, *, from_version: int, fields: Mapping[str, str]) -> Upcast: ...
def upcast(type: str, *, from_version: int, fields: Mapping[str, str] | None = None) -> Any:
    """The step from a version to the next: of SQL, or of the function it decorates, which takes the old data and gives the new.

        lift_currency = upcast("OrderPlaced", from_version=1, fields={"currency": "'EUR'", "total": "cents / 100"})

        @upcast("OrderPlaced", from_version=2)
        def split_name(data):
            first, _, last = data.pop("name").partition(" ")
            return {**data, "first_name": first, "last_name": last}

    SQL is DuckDB's, over the old version's fields and the event's own columns; a field that is not named stays what it was.
    SQL is much faster: write a function where SQL will not do.
    """
    if fields is not None:
        return Upcast(type, from_version, dict(fields))
    return lambda function: Upcast(type, from_version, function=function)


class Upcasts:
    """Every step of a domain, checked against its types.

    Raises:
        EventRefused: a step is there twice, is of no version, gives a field that the next version lacks, or its SQL is none
            over the old version's fields. The message names type, version and field.
    """

    def __init__(self, types: Types, steps: Iterable[Upcast] = ()) -> None:
        self._types = types
        self._steps: dict[tuple[str, int], Upcast] = {}
        for step in steps:
            if self._steps.setdefault((step.type, step.from_version), step) is not step:
                raise EventRefused(f"{step}: there are two upcasts; keep one.")
            if (step.type, step.from_version) not in types or (step.type, step.from_version + 1) not in types:
                known = [f"{name} {version}" for name, version in sorted(types)]
                raise EventRefused(f"{step}: no such versions are registered; the types are {', '.join(known) or 'none yet'}.")
            _check_given(step, types[step.type, step.from_version], types[step.type, step.from_version + 1])

    def newest(self, type: str) -> EventType:
        """The newest version of a type.

        Raises:
            EventRefused: there is no such type.
        """
        versions = [version for name, version in self._types if name == type]
        if not versions:
            names = sorted({name for name, _ in self._types})
            raise EventRefused(f"unknown event type {type!r}; choose {', '.join(names) or 'none yet'}.{nearest(type, names)}")
        return self._types[type, max(versions)]

    def step(self, type: str, version: int) -> Upcast:
        """The step from a version to the next; one that says nothing keeps every field."""
        return self._steps.get((type, version), Upcast(type, version))

    def steps(self, type: str, version: int) -> list[Upcast]:
        """The steps from a version to the newest.

        Raises:
            EventRefused: a version needs a step, or a step a field, and has none.
        """
        found = [self.step(type, below) for below in range(version, self.newest(type).version)]
        for step in found:
            _check_complete(step, self._types[type, step.from_version], self._types[type, step.from_version + 1])
        return found

    def lifted_sql(self, rows: str, step: Upcast) -> str:
        """SELECT of rows of one version with the columns of the next; only for steps of SQL."""
        old, new = (self._types[step.type, step.from_version + more].fields for more in (0, 1))
        columns = [f"{expression(step, field, old)} AS {quoted(field.column)}" for field in new.values()]
        return f"SELECT {', '.join([*COLUMNS, *columns])} FROM {rows}"


def expression(step: Upcast, field: Field, old: Mapping[str, Field]) -> str:
    """SQL of a field of the next version over the columns of the old one."""
    if field.name in step.fields:
        return f"CAST(({step.fields[field.name]}) AS {field.type})"
    return f"CAST({quoted(old[field.name].column)} AS {field.type})" if field.name in old else f"NULL::{field.type}"


def _check_given(step: Upcast, old: EventType, new: EventType) -> None:
    for name in step.fields:
        if name not in new.fields:
            choices = ", ".join(new.fields) or "none"
            raise EventRefused(f"{step}: {new.name} {new.version} has no field {name!r}; choose {choices}.{nearest(name, new.fields)}")
        _try(step, name, old)


def _check_complete(step: Upcast, old: EventType, new: EventType) -> None:
    if step.function is not None:
        return
    for name, after in new.fields.items():
        before = old.fields.get(name)
        write = f'Write upcast("{new.name}", from_version={old.version}, fields={{"{name}": "..."}}).'
        if name in step.fields:
            continue
        if before is None and after.required:
            raise EventRefused(f"{step}: field {name!r} is required in {new.version} and not in {old.version}. {write}")
        if before is not None and before.type != after.type and (before.type, after.type) not in _WIDER:
            raise EventRefused(f"{step}: field {name!r} is {before.type} in {old.version} and {after.type} in {new.version}. {write}")


def _try(step: Upcast, name: str, old: EventType) -> None:
    """Nothing, when DuckDB understands the field's SQL."""
    said = _refusal(step.fields[name], empty(old))
    if said:
        raise EventRefused(f"{step}: field {name!r}: {step.fields[name]} is no SQL over {old.name} {old.version}: {said}")


@lru_cache(maxsize=1024)
def _refusal(sql: str, rows: str) -> str | None:
    """What DuckDB says against SQL over rows. Remembered: every relation asks, and a new DuckDB takes 20 ms."""
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": False}) as con:
        try:
            con.execute(f"SELECT ({sql}) FROM ({rows})").fetchall()
        except duckdb.Error as error:
            return str(error).partition("\n")[0]
    return None


_OWN = {"position": "BIGINT", "version": "INTEGER", "time": "TIMESTAMPTZ", "predecessor": "BLOB", "hash": "BLOB"}


def empty(kind: EventType) -> str:
    """SELECT of no rows with the columns that events of a type have."""
    own = [f"NULL::{_OWN.get(name, 'VARCHAR')} AS {name}" for name in COLUMNS]
    return f"SELECT {', '.join([*own, *(f'NULL::{field.type} AS {quoted(field.column)}' for field in kind.fields.values())])} LIMIT 0"
