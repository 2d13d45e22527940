"""Where grants are found: files in the producers' folders, looked at again at each read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from dagmesh.consume.row_filter import filter_problem
from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.address import NAME
from dagmesh.model.grant import Grant, Standing, grant_file
from dagmesh.model.grant_reading import read_grant
from dagmesh.model.mesh import Mesh


@dataclass(frozen=True)
class Found:
    """One grant file: the grant in it, or its mistakes."""

    file: str
    grant: Grant | None
    problems: tuple[Problem, ...] = ()

    def standing(self, product: Mapping[str, Any], today: date) -> tuple[Standing, str]:
        """Whether the grant holds, and in a few words why not.

        Args:
            product: the granted product as it is described.
            today: the day, UTC.
        """
        if self.grant is None:
            return "void", str(self.problems[0])
        state, why = self.grant.standing(product["owner"], today)
        problem = filter_problem(self.grant.rows, product) if state == "approved" and self.grant.rows else ""
        return ("void", f"rows: {problem}") if problem else (state, why)


@dataclass(frozen=True)
class Grants:
    """The grants below a mesh's root; without a root there are none."""

    root: Path | None = None
    _seen: dict[Path, tuple[tuple[int, ...], Found]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, mesh: Mesh) -> Grants:
        """The grants of a mesh."""
        return cls(mesh.root)

    def held(self, consumer: str, producer: str, product: str) -> Found | None:
        """The file of the consumer's grant on a product, as it is now; None when there is none."""
        name = f"{consumer}.{product}"
        # A consumer is whatever the caller says: it names no file elsewhere.
        return self._file(producer, name) if all(NAME.match(part) for part in (consumer, producer, product)) else None

    def of_producer(self, producer: str) -> Iterator[Found]:
        """Every grant file in a producer's folder, by name."""
        folder = self.root / f"domains/{producer}/grants" if self.root else None
        for path in sorted(folder.glob("*.yaml")) if folder else ():
            found = self._file(producer, path.stem)
            if found:
                yield found

    def producers(self) -> list[str]:
        """The domains that have a folder of grants."""
        return sorted(path.parent.name for path in self.root.glob("domains/*/grants")) if self.root else []

    def _file(self, producer: str, name: str) -> Found | None:
        if self.root is None:
            return None
        path = self.root / grant_file(producer, name)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        state = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        known = self._seen.get(path)
        if known is None or known[0] != state:
            known = self._seen[path] = (state, _read(path, producer))
        return known[1]


def _read(path: Path, producer: str) -> Found:
    file = grant_file(producer, path.stem)
    try:
        return Found(file, read_grant(path.read_text(encoding="utf-8"), producer, path))
    except UnicodeDecodeError as error:
        return Found(file, None, (Problem(file, "", "", f"is no text: {error}."),))
    except DefinitionError as error:
        return Found(file, None, error.problems)
