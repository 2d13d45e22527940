"""Local tokens: random, shown once, kept as keyed hashes, each for some scopes until a day."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagmesh.consume.identity.principal import SCOPES, Scope
from dagmesh.consume.identity.secret_key import SecretKey, identity_home
from dagmesh.errors import IdentityRefused, MeshError, nearest, one_of
from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.whole_files import create_secret

_TEXT = re.compile(r"dagmesh_([0-9a-f]{16})_([A-Za-z0-9_-]{43})\Z")
_USE = "token"


@dataclass(frozen=True)
class Token:
    """What is kept of a token: nothing that could be shown as one.

    `id` is sixteen hexadecimal digits, `code` the keyed hash of the secret; `made_by` is a user of this machine.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    made_at: datetime
    made_by: str
    expires_at: datetime
    code: str
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """`holds`, `expired` or `revoked`."""
        return "revoked" if self.revoked_at else "expired" if now >= self.expires_at else "holds"


@dataclass(frozen=True)
class Tokens:
    """The tokens of a mesh on this machine: one file each in `<home>/identity/tokens`, another beside it once it is revoked."""

    home: Path
    key: SecretKey

    def create(self, name: str, made_by: str, now: datetime, days: int, scopes: Collection[Scope] = SCOPES) -> tuple[Token, str]:
        """A new token and its text, which nobody can find out again."""
        number, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        held = tuple(scope for scope in SCOPES if scope in scopes)
        code = self.key.code(_USE, f"{number}_{secret}")
        token = Token(number, name, held, now, made_by, now + timedelta(days=days), code)
        moments = {"made_at": now.isoformat(), "expires_at": token.expires_at.isoformat()}
        kept = {**vars(token), **moments}
        kept.pop("revoked_at")
        create_secret(self._folder / f"{number}.json", json.dumps(kept, indent=1).encode())
        return token, f"dagmesh_{number}_{secret}"

    def all(self) -> list[Token]:
        """Every token there ever was, the newest last."""
        return sorted(self._all(), key=lambda token: (token.made_at, token.id))

    def held_by(self, text: str, now: datetime) -> Token:
        """The token of a text.

        Raises:
            IdentityRefused: there is none, or it is expired or revoked.
        """
        match = _TEXT.match(text)
        token = self.kept(match[1]) if match else None
        if match is None or token is None or not self.key.proves(_USE, f"{match[1]}_{match[2]}", token.code):
            raise IdentityRefused("the token is not known here. Ask who looks after the mesh for one: dagmesh token create")
        return self.standing(token, now)

    def standing(self, token: Token, now: datetime) -> Token:
        """The same token; IdentityRefused when it is expired or revoked."""
        state = token.state(now)
        if state != "holds":
            when = token.revoked_at or token.expires_at
            why = f"the token {token.name} is {state} since {when:%Y-%m-%d %H:%M} UTC"
            raise IdentityRefused(f"{why}. Ask for a new one: dagmesh token create {token.name}", claimed=f"token:{token.name}")
        return token

    def kept(self, number: str) -> Token | None:
        """The token of an id; None when there is none."""
        path = self._folder / f"{number}.json"
        return _read(path) if path.is_file() else None

    def revoke(self, named: str, by: str, now: datetime) -> list[Token]:
        """Take back the token of an id, or every one of a name that still holds; those that were taken back.

        Raises:
            MeshError: no such token, or none that holds.
        """
        tokens = self.all()
        taken = [token for token in tokens if named in (token.id, token.name) and token.state(now) == "holds"]
        if not taken:
            names = sorted({token.name for token in tokens if token.state(now) == "holds"})
            known = f"choose {one_of(names)}" if names else "there is none"
            raise MeshError(f"no token '{named}' holds; {known}.{nearest(named, names)} See all: dagmesh token list")
        for token in taken:
            create_secret(_revoked(self._folder / f"{token.id}.json"), json.dumps({"at": now.isoformat(), "by": by}).encode())
        return taken

    def _all(self) -> Iterator[Token]:
        for path in self._folder.glob("*.json"):
            yield _read(path)

    @property
    def _folder(self) -> Path:
        return owner_only(identity_home(self.home) / "tokens")


def _read(path: Path) -> Token:
    """The token of a file; MeshError when it is none."""
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        revoked = _revoked(path)
        moments = {name: datetime.fromisoformat(said[name]) for name in ("made_at", "expires_at")}
        ended = datetime.fromisoformat(json.loads(revoked.read_text(encoding="utf-8"))["at"]) if revoked.is_file() else None
        return Token(**{**said, **moments, "scopes": tuple(said["scopes"]), "revoked_at": ended})
    except (ValueError, TypeError, KeyError) as error:
        raise MeshError(f"{path}: is no token as it was written. Remove it, and make a new one: dagmesh token create") from error


def _revoked(path: Path) -> Path:
    return path.with_suffix(".revoked")
