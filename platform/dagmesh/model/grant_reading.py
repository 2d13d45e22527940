"""Reads a grant's YAML file: the grant, or every mistake in it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import yaml

from dagmesh.errors import DefinitionError, Problem, nearest, one_of
from dagmesh.model.address import NAME
from dagmesh.model.contract import CLASSIFICATIONS
from dagmesh.model.grant import GRANT_MASKS, STATUSES, Grant, GrantMask, Majors, Status
from dagmesh.model.product_reading import OWNER
from dagmesh.model.yaml_text import read_strictly

FIELDS = ("consumer", "product", "majors", "columns", "classes", "mask", "rows", "purpose", "expires", "status", "approver")
_NEEDED = ("consumer", "product", "majors", "purpose", "expires", "status")
Complaints = Iterator[tuple[str, str]]


def read_grant(text: str, producer: str, path: Path) -> Grant:
    """The grant a file's text says.

    Args:
        text: YAML.
        producer: the domain whose folder holds the file.
        path: the file's name, which is `<consumer>.<product>.yaml`, and where it is, for messages.

    Raises:
        DefinitionError: with every mistake in the file.
    """
    file = f"domains/{producer}/grants/{path.name}"
    try:
        said = read_strictly(text)
    except yaml.YAMLError as error:
        raise DefinitionError([Problem(file, "", "", f"is no YAML: {' '.join(str(error).split())}.")]) from error
    if not isinstance(said, dict):
        raise DefinitionError([Problem(file, "", "", f"is no grant; write the fields {one_of(_NEEDED)}, one a line.")])
    problems = [Problem(file, "", field, message) for field, message in _complaints(said, path.name)]
    if problems:
        raise DefinitionError(problems)
    return _grant(said, producer)


def _grant(said: Mapping[str, Any], producer: str) -> Grant:
    return Grant(
        producer=producer,
        consumer=said["consumer"],
        product=said["product"],
        majors=Majors.parse(said["majors"]),
        purpose=" ".join(said["purpose"].split()),
        expires=date.fromisoformat(str(said["expires"])),
        status=cast("Status", said["status"]),
        columns=tuple(said.get("columns") or ()),
        classes=tuple(said.get("classes") or ()),
        mask={name: cast("GrantMask", mask or "null") for name, mask in (said.get("mask") or {}).items()},
        rows=said.get("rows"),
        approver=said.get("approver"),
    )


def _complaints(said: Mapping[Any, Any], name: str) -> Complaints:
    for field in said:
        if field not in FIELDS:
            yield str(field), f"unknown field; choose {one_of(FIELDS)}.{nearest(str(field), FIELDS)}"
    for field in _NEEDED:
        if said.get(field) is None:
            yield field, "is missing."
    for field, complain in _CHECKS.items():
        if said.get(field) is not None and (complaint := complain(said[field])):
            yield field, complaint
    yield from _together(said, name)


def _together(said: Mapping[Any, Any], name: str) -> Complaints:
    """What is wrong of one field beside another."""
    wanted = f"{said.get('consumer')}.{said.get('product')}.yaml"
    if said.get("consumer") and said.get("product") and name != wanted:
        yield "file", f"is named {name}; a grant to {said['consumer']} on {said['product']} is {wanted}."
    if not said.get("columns") and not said.get("classes"):
        yield "columns", "neither columns nor classes are named; name what the grant opens."
    if said.get("status") == "approved" and not said.get("approver"):
        yield "approver", "is missing; an approved grant names the product's owner."
    columns, masks = said.get("columns"), said.get("mask")
    if isinstance(columns, list) and isinstance(masks, dict) and not said.get("classes"):
        for column in masks:
            if column not in columns:
                yield "mask", f"masks '{column}', which the grant does not open; columns has {one_of(map(str, columns)) or 'none'}."


def _name(value: object) -> str | None:
    return None if isinstance(value, str) and NAME.match(value) else f"{value!r} is no name; write it as the mesh does, in snake_case."


def _majors(value: object) -> str | None:
    try:
        Majors.parse(value)
    except ValueError:
        return f'{value!r} names no majors; write a list, [1], or a range, ">=1,<3".'
    return None


def _names(value: object) -> str | None:
    named = isinstance(value, list) and all(isinstance(item, str) and NAME.match(item) for item in value)
    return None if named else f"{value!r} is no list of column names; write [email, city]."


def _classes(value: object) -> str | None:
    if not isinstance(value, list):
        return f"{value!r} is no list of classifications; write [internal, pii]."
    unknown = next((item for item in value if item not in CLASSIFICATIONS), None)
    if unknown is None:
        return None
    return f"unknown classification {unknown!r}; write a list of {one_of(CLASSIFICATIONS)}.{nearest(str(unknown), CLASSIFICATIONS)}"


def _mask(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"{value!r} is no mask for each column; write {{email: hash}}."
    unknown = next((mask for mask in value.values() if mask is not None and mask not in GRANT_MASKS), None)
    return None if unknown is None else f"unknown mask {unknown!r}; choose {one_of(GRANT_MASKS)}.{nearest(str(unknown), GRANT_MASKS)}"


def _sentence(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else f"{value!r} says nothing; write it in words."


def _condition(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else f"{value!r} is no condition; write SQL, \"country = 'AT'\"."


def _day(value: object) -> str | None:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return f"{value!r} is not a day; write YYYY-MM-DD."
    return None if isinstance(value, date) and not isinstance(value, datetime) else f"{value!r} is not a day; write YYYY-MM-DD."


def _status(value: object) -> str | None:
    return None if value in STATUSES else f"unknown status {value!r}; choose {one_of(STATUSES)}.{nearest(str(value), STATUSES)}"


def _owner(value: object) -> str | None:
    return None if OWNER.match(str(value)) else f"{value!r} is nobody who can be reached; write team:<name> or an e-mail address."


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "consumer": _name,
    "product": _name,
    "majors": _majors,
    "columns": _names,
    "classes": _classes,
    "mask": _mask,
    "rows": _condition,
    "purpose": _sentence,
    "expires": _day,
    "status": _status,
    "approver": _owner,
}
