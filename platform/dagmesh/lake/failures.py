"""Failures: the last run of a product that ended in an error instead of rows, until one goes well; for the board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.address import Address

_SHOWN = 300  # characters of an error


@dataclass(frozen=True)
class Failure:
    """What a run ended in, when (UTC, ISO), and its id."""

    why: str
    at: str
    run_id: str


@dataclass(frozen=True)
class Failures:
    """The standing failure of one product, in its domain's home."""

    file: Path

    @classmethod
    def of(cls, home: Path, address: Address) -> Failures:
        """The failure of a product's major."""
        return cls(home / "home" / address.domain / "failed" / f"{address.product}_v{address.major}.json")

    def standing(self) -> Failure | None:
        """The failure of the last run; None when it went well."""
        try:
            return Failure(**json.loads(self.file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    @contextmanager
    def noted(self, run_id: str, now: datetime) -> Iterator[None]:
        """Whatever error the block ends in is noted; when it ends without, none stands any more."""
        try:
            yield
        except Exception as error:
            first = str(error).strip().partition("\n")[0][:_SHOWN]
            self._write(Failure(f"{type(error).__name__}: {first}", now.isoformat(timespec="seconds"), run_id))
            raise
        self.file.unlink(missing_ok=True)

    def _write(self, failure: Failure) -> None:
        owner_only(self.file.parent)
        replace_whole(self.file, json.dumps(asdict(failure), indent=1))
