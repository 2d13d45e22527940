"""Reads `platform/principals.yaml`: the principals, or every mistake in the file at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from dagmesh.consume.identity.principal import ANALYST, KINDS, ROLES, Budget
from dagmesh.consume.identity.principals import FILE, Entry, Issuer, Principals, principals_file
from dagmesh.errors import DefinitionError, Problem, nearest, one_of
from dagmesh.model.mesh import Mesh
from dagmesh.model.yaml_text import read_strictly

TOKEN_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_SECTIONS = ("issuers", "principals")
_ISSUER = ("issuer", "audience", "keys")
_CLAIMS = ("subject", "email", "group")
_ENTRY = ("token", "issuer", *_CLAIMS, "reader", "kind", "roles", "budget")
Complaints = Iterator[tuple[str, str]]


def principals_of(mesh: Mesh) -> Principals:
    """Who is known in a mesh; nobody when it has no such file.

    Raises:
        DefinitionError: with every mistake in the file; then nobody is known.
    """
    path = principals_file(mesh.root)
    readers = [location.name for location in mesh.locations]
    return read_principals(path.read_text(encoding="utf-8"), readers) if path.is_file() else Principals()


def principals_problems(mesh: Mesh) -> tuple[Problem, ...]:
    """Every mistake in a mesh's file."""
    try:
        principals_of(mesh)
    except DefinitionError as error:
        return error.problems
    return ()


def read_principals(text: str, domains: Collection[str]) -> Principals:
    """The principals a text says.

    Args:
        text: YAML.
        domains: the mesh's; a principal reads as one of them or as `analyst`.

    Raises:
        DefinitionError: with every mistake.
    """
    try:
        said = read_strictly(text) or {}
    except yaml.YAMLError as error:
        raise DefinitionError([Problem(FILE, "", "", f"is no YAML: {' '.join(str(error).split())}.")]) from error
    problems = [Problem(FILE, "", place, message) for place, message in _complaints(said, (*domains, ANALYST))]
    if problems:
        raise DefinitionError(problems)
    issuers = tuple(Issuer(**one) for one in said.get("issuers") or ())
    return Principals(issuers, tuple(_entry(one) for one in said.get("principals") or ()))


def _entry(one: Mapping[str, Any]) -> Entry:
    budget = Budget(**one["budget"]) if one.get("budget") else None
    return Entry(**{**one, "roles": frozenset(one.get("roles") or ()), "budget": budget})


def _complaints(said: Any, readers: Collection[str]) -> Complaints:
    if not isinstance(said, dict):
        yield "", f"is no map; write {one_of(_SECTIONS)}, each with a list."
        return
    yield from _unknown("", said, _SECTIONS)
    for section in _SECTIONS:
        if not isinstance(said.get(section) or [], list):
            yield section, f"{said[section]!r} is no list; write one entry a line, each begun with a dash."
            return
    issuers = said.get("issuers") or []
    for number, one in enumerate(issuers, start=1):
        yield from _each(f"issuers[{number}]", one, _ISSUER, _issuer_complaints(one))
    known = [one.get("issuer") for one in issuers if isinstance(one, dict)]
    entries = said.get("principals") or []
    for number, one in enumerate(entries, start=1):
        yield from _each(f"principals[{number}]", one, _ENTRY, _entry_complaints(one, readers, known))
    yield from _twice("issuers", "issuer", issuers)
    for field in ("token", *_CLAIMS):
        yield from _twice("principals", field, entries)


def _each(place: str, one: Any, fields: Collection[str], complaints: Complaints) -> Complaints:
    """An entry's complaints with its place; one that is no map is complained of as a whole, and not looked into."""
    if not isinstance(one, dict):
        yield place, f"{one!r} is no map; write the fields {one_of(fields)}."
        return
    yield from _unknown(place, one, fields)
    for field, message in complaints:
        yield f"{place}.{field}", message


def _unknown(place: str, said: Mapping[Any, Any], fields: Collection[str]) -> Complaints:
    for field in said:
        if field not in fields:
            yield f"{place}.{field}".removeprefix("."), f"unknown field; choose {one_of(fields)}.{nearest(str(field), fields)}"


def _issuer_complaints(one: Mapping[str, Any]) -> Complaints:
    for field in _ISSUER:
        if not isinstance(one.get(field), str) or not one[field].strip():
            yield field, "is missing; write a text." if one.get(field) is None else f"{one[field]!r} is no text."
    keys = one.get("keys")
    if isinstance(keys, str) and not is_safe_url(keys):
        yield "keys", f"{keys!r} can be tampered with on the way; only https, or http to this machine, is allowed."


def is_safe_url(url: str) -> bool:
    """Whether what a URL gives can be believed: TLS, or this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.hostname is not None and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)))


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, whoever answers for names."""
    return host in ("127.0.0.1", "::1", "localhost")


def _entry_complaints(one: Mapping[str, Any], readers: Collection[str], issuers: Collection[Any]) -> Complaints:
    claims = [claim for claim in _CLAIMS if one.get(claim) is not None]
    if (one.get("token") is None) == (one.get("issuer") is None):
        yield "token", "name either a token, or an issuer with one of its claims."
    elif one.get("token") is not None and claims:
        yield claims[0], "goes with an issuer; a local token says nothing but its name."
    elif one.get("issuer") is not None and len(claims) != 1:
        yield "issuer", f"{len(claims)} claims say who it is; name one: {one_of(_CLAIMS)}."
    token, issuer, reader = one.get("token"), one.get("issuer"), one.get("reader")
    if token is not None and not (isinstance(token, str) and TOKEN_NAME.match(token)):
        yield "token", f"{token!r} is no name of a token; write small letters, digits and hyphens, weekly-report."
    if issuer is not None and issuer not in issuers:
        near = nearest(str(issuer), [str(one) for one in issuers])
        yield "issuer", f"{issuer!r} is not among the issuers of this file; add it there.{near}"
    for claim in claims:
        if not isinstance(one[claim], str) or not one[claim].strip():
            yield claim, f"{one[claim]!r} is no text; write what the issuer says."
    if reader not in readers:
        got = "is missing" if reader is None else f"{reader!r} is no domain of this mesh"
        yield "reader", f"{got}; choose {one_of(readers)}.{nearest(str(reader), readers)}"
    if "kind" in one and one["kind"] not in KINDS:
        yield "kind", f"unknown kind {one['kind']!r}; choose {one_of(KINDS)}.{nearest(str(one['kind']), KINDS)}"
    yield from _role_complaints(one.get("roles"))
    yield from _budget_complaints(one.get("budget"))


def _role_complaints(roles: Any) -> Complaints:
    if not isinstance(roles or [], list):
        yield "roles", f"{roles!r} is no list; write [{one_of(ROLES)}]."
        return
    for role in roles or []:
        if role not in ROLES:
            yield "roles", f"unknown role {role!r}; choose {one_of(ROLES)}.{nearest(str(role), ROLES)}"


def _budget_complaints(budget: Any) -> Complaints:
    parts = tuple(vars(Budget()))
    if not isinstance(budget or {}, dict):
        yield "budget", f"{budget!r} is no map; write {{{', '.join(f'{part}: 100' for part in parts)}}}, or some of them."
        return
    for part, most in (budget or {}).items():
        if part not in parts:
            yield f"budget.{part}", f"unknown field; choose {one_of(parts)}.{nearest(str(part), parts)}"
        elif isinstance(most, bool) or not isinstance(most, int) or most < 0:
            yield f"budget.{part}", f"{most!r} is no whole number from 0; it is what the agent may take in a UTC day."


def _twice(section: str, field: str, entries: Collection[Any]) -> Complaints:
    """A complaint of each entry that says of the same somebody what one before it has said."""
    said = [(one.get("issuer"), one[field]) for one in entries if isinstance(one, dict) and one.get(field)]
    for number, who in enumerate(said):
        if who in said[:number]:
            yield section, f"{field} {who[1]!r} is there twice; the first would count, remove one."
