"""Adds a line about a local token to `platform/principals.yaml`, leaving what people wrote there as it is."""

from __future__ import annotations

from textwrap import indent
from typing import Any

from dagmesh.consume.identity.principals import FILE, Entry, Principals, principals_file
from dagmesh.consume.identity.principals_reading import principals_of, read_principals
from dagmesh.errors import DefinitionError, MeshError
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.mesh import Mesh
from dagmesh.model.yaml_text import yaml_text

_NEW = "# Who may ask, and in whose name each reads; a change here is reviewed like code. See docs/identity.md\nprincipals:\n"


def known_or_added(mesh: Mesh, name: str, wanted: Entry | None) -> str | None:
    """The file, when a line about a token of the name had to be added to it; None when it says the same already.

    Raises:
        MeshError: the file says otherwise of the name, or knows it not and nothing is wanted, or has no place for a line.
        DefinitionError: the file, or what is wanted, is wrong.
    """
    principals = principals_of(mesh)
    known = next((entry for entry in principals.entries if entry.token == name), None)
    if known is None and wanted is None:
        raise MeshError(f"{FILE} does not know the token {name}. Say in whose name it reads: dagmesh token create {name} --as <domain>")
    if known is None and wanted is not None:
        return _added(mesh, principals, wanted)
    if wanted is not None and known != wanted:
        raise MeshError(
            f"{FILE} says of the token {name}: {_said(known)}; asked for is: {_said(wanted)}. Change the file, or take another name."
        )
    return None


def _added(mesh: Mesh, principals: Principals, wanted: Entry) -> str:
    path = principals_file(mesh.root)
    before = path.read_text(encoding="utf-8") if path.is_file() else _NEW
    line = indent(yaml_text([_fields(wanted)]), "  ")
    text = f"{before.rstrip()}\n{line}"
    domains = [location.name for location in mesh.locations]
    try:
        after = read_principals(text, domains)
    except DefinitionError:
        read_principals(_NEW + line, domains)  # raises when it is the line that is wrong
        after = principals
    if after != Principals(principals.issuers, (*principals.entries, wanted)):
        raise MeshError(f"{FILE}: a line can only be added at its end. Let `principals:` be the last list of the file, or add:\n{line}")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_whole(path, text)
    return FILE


def _fields(entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = {"token": entry.token, "reader": entry.reader, "kind": entry.kind}
    return fields | ({"roles": sorted(entry.roles)} if entry.roles else {})


def _said(entry: Entry | None) -> str:
    roles = f", {' and '.join(sorted(entry.roles))}" if entry and entry.roles else ""
    return f"reads as {entry.reader}, a {entry.kind}{roles}" if entry else "nothing"
