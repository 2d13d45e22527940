"""The gate of a mesh's servers: a proof of who asks becomes a caller, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from dagmesh.consume.identity.identity_log import IdentityLog
from dagmesh.consume.identity.principal import Caller, Principal
from dagmesh.consume.identity.principals import FILE, Principals, principals_file
from dagmesh.consume.identity.principals_reading import principals_of
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.sessions import Session, Sessions
from dagmesh.consume.identity.tokens import Token, Tokens
from dagmesh.errors import IdentityRefused
from dagmesh.model.mesh import Mesh


class Gate:
    """Says who a proof stands for, by the tokens in the mesh's home and by `platform/principals.yaml` as it is now."""

    def __init__(self, mesh: Mesh) -> None:
        key = secret_key(mesh.home)
        self.log = IdentityLog(mesh.home)
        self._mesh = mesh
        self._tokens = Tokens(mesh.home, key)
        self._sessions = Sessions(mesh.home, key)
        self._read: tuple[tuple[int, int, int] | None, Principals] | None = None

    def caller(self, proof: str) -> Caller:
        """Who offers a proof: the text of a local token.

        Raises:
            IdentityRefused: it proves nobody who is known. DefinitionError: the file of principals is wrong, so that nobody is.
        """
        return self._of_token(self._tokens.held_by(proof, datetime.now(UTC)))

    def begin(self, proof: str) -> tuple[Caller, Session, str]:
        """A session of who offers a proof, and the text of its cookie; raises what `caller` raises."""
        now = datetime.now(UTC)
        token = self._tokens.held_by(proof, now)
        return self._of_token(token), *self._sessions.begin(now, token.expires_at, token=token.id)

    def in_session(self, cookie: str) -> Caller:
        """Who logged in and got a cookie; a token that was revoked since, or a principal no longer known, is refused.

        Raises:
            IdentityRefused: the session is over or nobody's. DefinitionError: the file of principals is wrong.
        """
        now = datetime.now(UTC)
        session = self._sessions.of(cookie, now)
        token = self._tokens.kept(session.token or "")
        if token is None:
            raise IdentityRefused("the token of this session is gone. Log in again: /login")
        return self._of_token(self._tokens.standing(token, now))

    def end(self, cookie: str) -> None:
        """End a cookie's session; IdentityRefused when it is nobody's or over."""
        now = datetime.now(UTC)
        self._sessions.end(self._sessions.of(cookie, now), now)

    def _of_token(self, token: Token) -> Caller:
        principal = self.principals.of_token(token.name)
        return Caller(_known(principal, f"token:{token.name}"), frozenset(token.scopes))

    @property
    def principals(self) -> Principals:
        """Who is known, as the file says now; DefinitionError when it is wrong."""
        path = principals_file(self._mesh.root)
        found = path.stat() if path.is_file() else None
        stamp = found and (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, principals_of(self._mesh))
        return self._read[1]


def _known(principal: Principal | None, claimed: str) -> Principal:
    if principal is None:
        raise IdentityRefused(
            f"{claimed} is not in {FILE}, which says in whose name each principal reads. Ask for a line there.", claimed=claimed
        )
    return principal
