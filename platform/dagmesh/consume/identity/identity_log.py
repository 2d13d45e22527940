"""The log of identities: who was refused and why, who logged in and out, which tokens were made and taken back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.consume.identity.secret_key import identity_home
from dagmesh.consume.read_log import append_line
from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import owner_only

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
        path = owner_only(identity_home(self.home) / "log") / f"{at.astimezone(UTC).date()}.jsonl"
        line = json.dumps({"at": at.isoformat(), "what": what, "who": who, **said}, ensure_ascii=False)
        try:
            append_line(path, line.encode() + b"\n")
        except OSError as error:
            raise MeshError(
                f"{path}: cannot be written ({error.strerror or error}). Make room, or make it writable for its owner."
            ) from error
