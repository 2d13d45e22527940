"""The mesh on disk: its root, its home, where its lake is, and the domains that workspace.yaml lists."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

from dagmesh.errors import DagmeshError, MeshError, nearest, one_of
from dagmesh.model.domain import Domain


@dataclass(frozen=True)
class Location:
    """One code location of workspace.yaml: a domain's module, its folder and, if it has its own, its interpreter."""

    name: str
    module: str
    attribute: str
    folder: Path
    executable: str | None

    def load(self) -> Domain:
        """The domain's declaration, imported into this process.

        Raises:
            MeshError: the module cannot be imported or holds no domain; the message names the cause.
        """
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        try:
            domain = getattr(importlib.import_module(self.module), self.attribute)
        except DagmeshError:
            raise
        except Exception as error:
            raise MeshError(f"domains/{self.name}: {self.module} cannot be imported: {type(error).__name__}: {error}") from error
        if not isinstance(domain, Domain):
            where = f"domains/{self.name}: {self.module}.{self.attribute}"
            raise MeshError(f"{where} is not a domain; write {self.attribute} = dm.domain(...).")
        return domain


@dataclass(frozen=True)
class Mesh:
    """One organisation's mesh: where its code, its private home and its lake are."""

    root: Path
    home: Path
    locations: tuple[Location, ...]

    @classmethod
    def find(cls, start: Path | None = None) -> Mesh:
        """The mesh whose folder holds `start` (the working directory by default).

        Raises:
            MeshError: no workspace.yaml there or above, or one that cannot be read.
        """
        start = (start or Path.cwd()).resolve()
        root = next((folder for folder in (start, *start.parents) if (folder / "workspace.yaml").is_file()), None)
        if root is None:
            raise MeshError(f"{start}: no workspace.yaml here or above; change into the mesh's folder.")
        home = Path(os.environ.get("DAGMESH_HOME") or root / ".dagmesh").absolute()
        return cls(root, home, _locations(root))

    @property
    def lake_root(self) -> str:
        """Path or URL of the lake: `DAGMESH_LAKE` (a path is meant from the mesh's root), or a folder in the mesh's home."""
        named = os.environ.get("DAGMESH_LAKE")
        if not named:
            return str(self.home / "lake")
        return named if "://" in named else str(self.root / named)

    def location(self, domain: str) -> Location:
        """The code location of a domain; MeshError naming the nearest when there is none."""
        if domain not in self._by_name:
            names = list(self._by_name)
            known = f"choose {one_of(names)}" if names else "workspace.yaml lists none"
            raise MeshError(f"no domain '{domain}' in this mesh; {known}.{nearest(domain, names)}")
        return self._by_name[domain]

    @property
    def names(self) -> Set[str]:
        """The names of its domains."""
        return self._by_name.keys()

    @cached_property
    def _by_name(self) -> dict[str, Location]:
        return {location.name: location for location in self.locations}

    def loaded(self) -> tuple[dict[str, Domain], dict[str, DagmeshError]]:
        """The domains that load in this process, and why each of the others does not."""
        domains: dict[str, Domain] = {}
        broken: dict[str, DagmeshError] = {}
        for location in self.locations:
            try:
                domain = location.load()
                _ = domain.products
                domains[location.name] = domain
            except DagmeshError as error:
                broken[location.name] = error
        return domains, broken


def _locations(root: Path) -> tuple[Location, ...]:
    """The domains of a mesh; its file is read once while it stays the same, as every domain asks for its mesh when it is loaded."""
    stat = (root / "workspace.yaml").stat()
    return _read(root, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@cache
def _read(root: Path, state: tuple[int, ...]) -> tuple[Location, ...]:
    return tuple(_listed(root))


def _listed(root: Path) -> Iterator[Location]:
    file = root / "workspace.yaml"
    try:
        workspace = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise MeshError(f"{file}: is not YAML: {' '.join(str(error).split())}.") from error
    entries = (workspace.get("load_from") or []) if isinstance(workspace, dict) else None
    if not isinstance(entries, list):
        raise MeshError(f"{file}: load_from is a list of domains; see one written by dagmesh new domain.")
    for entry in entries:
        module = entry.get("python_module") if isinstance(entry, dict) else None
        if not isinstance(module, dict) or not {"module_name", "working_directory"} <= set(module):
            wanted = "every entry is a python_module with module_name and working_directory"
            raise MeshError(f"{file}: {wanted}; got {entry}.")
        executable = module.get("executable_path")
        yield Location(
            name=module.get("location_name") or module["module_name"].split(".")[0],
            module=module["module_name"],
            attribute=module.get("attribute", "defs"),
            folder=root / module["working_directory"],
            executable=str(root / executable) if executable else None,
        )


def service_url() -> str:
    """Where people reach the catalogue and the query service: `DAGMESH_URL`, or where `dagmesh serve` answers on this machine."""
    return os.environ.get("DAGMESH_URL", "http://127.0.0.1:3080").rstrip("/")


def ui_url() -> str:
    """Where people reach the Dagster UI: `DAGMESH_UI_URL`, or where `dagmesh up` answers on this machine."""
    return os.environ.get("DAGMESH_UI_URL", "http://127.0.0.1:3000").rstrip("/")


def exports(domain: str) -> str:
    """The folder where the domain's operational systems hand over their exports."""
    folder = Path(next(iter(importlib.import_module(domain).__path__)))
    return str(Mesh.find(folder).home / "exports" / domain)
