"""The log of identities: who was refused and why, who logged in and out, which tokens were made and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.consume.day_log import DayLog
from dagmesh.consume.identity.secret_key import identity_home
from dagmesh.errors import MeshError

Happening = Literal["refused", "logged in", "logged out", "token made", "token revoked"]


@dataclass(frozen=True)
class IdentityLog:
    """One line of JSON a happening in `<home>/identity/log/<UTC day>.jsonl`, beside the log of reads; it never holds a proof."""

    home: Path

    def record(self, at: datetime, what: Happening, who: str | None, **said: Any) -> None:
        """Write down what happened; `who` is proved, or for a refusal what was claimed, None for nobody in particular.

        Raises:
            MeshError: it cannot be written.
        """
        log, day = DayLog(identity_home(self.home) / "log"), at.astimezone(UTC).date()
        try:
            log.append(day, {"at": at, "what": what, "who": who, **said})
        except OSError as error:
            raise MeshError(
                f"{log.path(day)}: cannot be written ({error.strerror or error}). Make room, or make it writable for its owner."
            ) from error
