"""Lock files: each product's contract as the domain's team committed it, and where the code has left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from dagmesh.errors import DefinitionError, MeshError
from dagmesh.model.contract_reading import shown_file
from dagmesh.model.odcs import address_of, from_odcs, to_odcs
from dagmesh.model.yaml_text import yaml_text

Described = Mapping[str, Any]
SUFFIX = ".odcs.yaml"


def lock_path(domain_folder: Path, name: str, major: int) -> Path:
    """Where the lock file of a product's major is: `<domain>/contracts/<name>.v<major>.odcs.yaml`."""
    return domain_folder / "contracts" / f"{name}.v{major}{SUFFIX}"


def lock_text(product: Described) -> str:
    """What a product's lock file says: all that `describe()` does, as ODCS, the same in every run."""
    return yaml_text(to_odcs(product))


def write_lock(domain_folder: Path, product: Described) -> bool:
    """Write a product's lock file; whether that changed it."""
    path, text = _path(domain_folder, product), lock_text(product)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def read_lock(path: Path) -> dict[str, Any] | None:
    """The described product a lock file holds; None when there is no such file.

    Raises:
        MeshError: the file is not one that `dagmesh lock` wrote.
    """
    if not path.is_file():
        return None
    try:
        return from_odcs(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, DefinitionError, LookupError, AttributeError, TypeError, ValueError) as error:
        # A file that was edited or merged by hand may break anywhere on the way from text to product.
        raise MeshError(f"{shown_file(str(path))}: is no lock file any more. Write it again: dagmesh lock") from error


@dataclass(frozen=True)
class LockProblem:
    """One lock file that is not what the code says."""

    path: Path
    address: str
    kind: Literal["missing", "stale", "left over"]
    message: str

    def __str__(self) -> str:
        return f"{shown_file(str(self.path))}: {self.message}"


def lock_problems(domain_folder: Path, products: Iterable[Described]) -> list[LockProblem]:
    """Where a domain's lock files differ from its described products: those missing and stale first, then those left over."""
    described = {_path(domain_folder, product): product for product in products}
    found = (_problem(path, product) for path, product in described.items())
    return [*(problem for problem in found if problem), *_left_over(domain_folder, set(described))]


def _path(domain_folder: Path, product: Described) -> Path:
    address = address_of(product)
    return lock_path(domain_folder, address.product, address.major or 0)


def _problem(path: Path, product: Described) -> LockProblem | None:
    address, domain = str(address_of(product)), product["domain"]
    if not path.is_file():
        return LockProblem(path, address, "missing", f"{address} has no lock file. Write and commit it: dagmesh lock {domain}")
    if path.read_text(encoding="utf-8") == lock_text(product):
        return None
    changed = _changed(path, product)
    message = (
        f"{address} is not as it was locked ({changed}). See what changed: dagmesh diff {address}; then lock it: dagmesh lock {domain}"
    )
    return LockProblem(path, address, "stale", message)


def _changed(path: Path, product: Described) -> str:
    """The parts of the product that differ from its lock file, in words."""
    try:
        locked = read_lock(path) or {}
    except MeshError:
        return "the file is damaged"
    names = [name for name in {**product, **locked} if locked.get(name) != product.get(name)]
    # NaN differs from itself, a comment or an order is no part of the product.
    return ", ".join(names) or "its text only"


def _left_over(domain_folder: Path, expected: set[Path]) -> Iterator[LockProblem]:
    for path in sorted((domain_folder / "contracts").glob(f"*{SUFFIX}")):
        if path not in expected:
            name, _, major = path.name.removesuffix(SUFFIX).rpartition(".v")
            address = f"{domain_folder.name}.{name}@{major}"
            message = f"the code has no {address} any more. Bring it back, or retire it and remove the file: dagmesh retire {address}"
            yield LockProblem(path, address, "left over", message)
