"""Sessions of browsers: a signed cookie that says who logged in and until when; logging out ends it for every server of the mesh."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagmesh.consume.identity.secret_key import SecretKey, identity_home
from dagmesh.errors import IdentityRefused
from dagmesh.lake.owner_only import owner_only

LENGTH = timedelta(hours=12)
_USE = "session"
_AGAIN = "Log in again: /login"


@dataclass(frozen=True)
class Session:
    """A browser that is logged in: by the token of an id, or by the claims of an issuer."""

    id: str
    until: datetime
    token: str | None = None
    claims: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Sessions:
    """Begins, recognises and ends sessions; what is ended is a file of its id until it would have ended by itself."""

    home: Path
    key: SecretKey

    def begin(
        self, now: datetime, latest: datetime, *, token: str | None = None, claims: Mapping[str, Any] | None = None
    ) -> tuple[Session, str]:
        """A new session and the text of its cookie; it ends with what proved who it is, at `latest`."""
        session = Session(secrets.token_hex(16), min(now + LENGTH, latest), token, claims)
        said = {**vars(session), "until": session.until.timestamp()}
        text = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        return session, f"{text}.{self.key.code(_USE, text)}"

    def of(self, cookie: str, now: datetime) -> Session:
        """The session of a cookie.

        Raises:
            IdentityRefused: it is not ours, has been changed, or is over.
        """
        text, _, code = cookie.rpartition(".")
        if not self.key.proves(_USE, text, code):
            raise IdentityRefused(f"the session's cookie is not one of this mesh. {_AGAIN}")
        said = json.loads(base64.urlsafe_b64decode(text))
        session = Session(**{**said, "until": datetime.fromtimestamp(said["until"], UTC)})
        if now >= session.until or (self._ended / session.id).exists():
            raise IdentityRefused(f"the session is over. {_AGAIN}")
        return session

    def end(self, session: Session, now: datetime) -> None:
        """Let nobody use the session any more, also who copied its cookie."""
        for path in self._ended.iterdir():
            if path.stat().st_mtime < (now - LENGTH).timestamp():
                path.unlink(missing_ok=True)
        (self._ended / session.id).touch(mode=0o600)

    @property
    def _ended(self) -> Path:
        return owner_only(identity_home(self.home) / "ended")
