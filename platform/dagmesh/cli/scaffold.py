"""What `dagmesh new` writes: checked names, rendered templates, and files that overwrite nothing."""

from __future__ import annotations

import importlib.metadata
import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from dagmesh.cli.stanza import with_stanza
from dagmesh.errors import AddressError, DefinitionError, MeshError, Problem
from dagmesh.model.address import NAME, Address
from dagmesh.model.domain import Domain
from dagmesh.model.mesh import Location, Mesh

TABLE = "sample_records"
_TAKEN = {"dm", "duckdb", "date", TABLE}  # names the product's file uses itself
Files = Mapping[Path, str]


def check_new_domain(mesh: Mesh, name: str, owner: str) -> None:
    """Nothing, when the mesh can have a domain of that name.

    Raises:
        DefinitionError: the name or the owner is not allowed. MeshError: the mesh has such a domain already.
    """
    Domain(name, owner)
    if keyword.iskeyword(name):
        raise _refused(f"domains/{name}", "", f"Domain name '{name}' is a word of Python's. Try {name}_data.")
    if name in importlib.metadata.packages_distributions():
        raise _refused(f"domains/{name}", "", f"Domain name '{name}' would hide the installed package {name}. Try {name}_data.")
    if name in (location.name for location in mesh.locations):
        raise MeshError(f"workspace.yaml has a domain '{name}' already; add products to it: dagmesh new product {name}.<product>")
    if (mesh.root / "domains" / name).exists():
        raise MeshError(f"domains/{name} exists already and workspace.yaml does not list it; nothing was written. Remove it first.")


def check_new_product(mesh: Mesh, text: str, consumers: Sequence[str]) -> tuple[Location, str]:
    """The location and the name of the product to write.

    Raises:
        AddressError: not `domain.product`. MeshError: no such domain. DefinitionError: a name is not allowed.
    """
    address = Address.parse(text)
    if address.major is not None:
        raise AddressError(f"'{text}' names a major; write {address.name}, its file says version=\"1.0.0\".")
    location = mesh.location(address.domain)
    problems = list(_product_problems(location, address.product, consumers))
    if problems:
        raise DefinitionError(problems)
    return location, address.product


def _product_problems(location: Location, name: str, consumers: Sequence[str]) -> Iterator[Problem]:
    place = f"domains/{location.name}", f"{location.name}.{name}"
    if not NAME.match(name):
        yield Problem(*place, "name", f"{name!r} is not snake_case; use lower-case words joined by single underscores.")
    elif keyword.iskeyword(name) or name in _TAKEN:
        yield Problem(*place, "name", f"{name!r} is a word its file uses itself. Try {location.name}_{name}.")
    elif _defined_in(_package(location), name):
        yield Problem(*place, "name", f"{location.name} has a private table {name!r} already; products and tables share their names.")
    for consumer in consumers:
        if not NAME.match(consumer):
            yield Problem(*place, "serves", f"{consumer!r} is not a domain's name (snake_case).")


def _refused(place: str, product: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(place, product, "name", message)])


def domain_files(root: Path, name: str, owner: str) -> Files:
    """The files of a new domain, by path."""
    words = {"domain": name, "owner": owner, "quoted_owner": json.dumps(owner), "table": TABLE, "year": str(Domain.start.year)}
    folder = root / "domains" / name
    return {
        folder / "pyproject.toml": _render("domain/pyproject.toml", words),
        folder / "README.md": _render("domain/README.md", words),
        folder / name / "__init__.py": _render("domain/package.py", words),
        folder / name / "definitions.py": _render("domain/definitions.py", words),
        folder / name / "sources.py": _render("domain/sources.py", words),
        folder / name / "products" / "__init__.py": _render("domain/products.py", words),
        folder / "tests" / "test_definitions.py": _render("domain/test_definitions.py", words),
    }


def product_files(location: Location, name: str, consumers: Sequence[str], whole: bool) -> Files:
    """The files of a new product, by path: its own, its test, and the table it reads when the domain has none."""
    kind, package = "whole" if whole else "daily", _package(location)
    words = {
        "domain": location.name,
        "package": package.name,
        "product": name,
        "contract": "".join(word.capitalize() for word in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
        "serves": "[" + ", ".join(f'"{consumer}"' for consumer in consumers) + "]",
        "imports": "\n".join(sorted(["from dagmesh import testing", f"from {package.name}.products.{name} import {name}"])),
        "table": TABLE,
        "year": str(Domain.start.year),
    }
    source = {} if _defined_in(package, TABLE) else {_source_file(package): _render("domain/sources.py", words)}
    return {
        **source,
        package / "products" / f"{name}.py": _render(f"product/{kind}.py", words),
        location.folder / "tests" / f"test_{name}.py": _render(f"product/test_{kind}.py", words),
    }


def _source_file(package: Path) -> Path:
    sources = package / "sources.py"
    return package / f"{TABLE}.py" if sources.exists() else sources


def _package(location: Location) -> Path:
    return location.folder / location.module.split(".")[0]


def _defined_in(package: Path, table: str) -> bool:
    """Whether a module of the domain's package (its products aside) defines a function of that name."""
    definition = re.compile(rf"^def {table}\(", re.MULTILINE)
    return any(definition.search(path.read_text(encoding="utf-8")) for path in package.glob("*.py"))


def _render(template: str, words: Mapping[str, str]) -> str:
    text = files("dagmesh.cli").joinpath("templates", f"{template}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(words)


def write(root: Path, texts: Files) -> None:
    """Write every file, or none when one of them is there already.

    Raises:
        MeshError: naming each file that exists.
    """
    existing = [str(path.relative_to(root)) for path in texts if path.exists()]
    if existing:
        raise MeshError(f"{', '.join(existing)}: exists already; nothing was written. Choose another name, or remove it.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def add_to_workspace(workspace: Path, domain: str) -> None:
    """Append the domain's entry to workspace.yaml, leaving every other character as it is."""
    workspace.write_text(with_stanza(workspace.read_text(encoding="utf-8"), domain), encoding="utf-8")
