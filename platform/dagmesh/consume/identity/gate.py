"""The gate of a mesh's servers: a proof of who asks becomes a caller, or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dagmesh.consume.identity.identity_log import IdentityLog
from dagmesh.consume.identity.principal import SCOPES, Caller, Principal
from dagmesh.consume.identity.principals import FILE, Principals, named, principals_file
from dagmesh.consume.identity.principals_reading import principals_of
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.sessions import Session, Sessions
from dagmesh.consume.identity.tokens import Token, Tokens
from dagmesh.errors import IdentityRefused, MeshError
from dagmesh.model.mesh import Mesh

if TYPE_CHECKING:
    from dagmesh.consume.identity.issued import Issued


class Gate:
    """Says who a proof stands for, by the tokens in the mesh's home, by issuers, and by `platform/principals.yaml` as it is now.

    An issuer's token is for everything (every scope); a local one for what it was made for.
    """

    def __init__(self, mesh: Mesh) -> None:
        key = secret_key(mesh.home)
        self.log = IdentityLog(mesh.home)
        self._mesh = mesh
        self._tokens = Tokens(mesh.home, key)
        self._sessions = Sessions(mesh.home, key)
        self._issued: Issued | None = None
        self._read: tuple[tuple[int, int, int] | None, Principals] | None = None

    def caller(self, proof: str) -> Caller:
        """Who offers a proof: the text of a local token, or a JSON Web Token of an issuer.

        Raises:
            IdentityRefused: it proves nobody who is known. DefinitionError: the file of principals is wrong, so that nobody is.
            MeshError: an issuer's keys cannot be fetched.
        """
        if is_issued(proof):
            return self._of_claims(self._claims(proof, datetime.now(UTC)))
        return self._of_token(self._tokens.held_by(proof, datetime.now(UTC)))

    def begin(self, proof: str) -> tuple[Caller, Session, str]:
        """A session of who offers a proof, and the text of its cookie; raises what `caller` raises."""
        now = datetime.now(UTC)
        if is_issued(proof):
            claims = self._claims(proof, now)
            kept, ends = self.principals.needed(claims), datetime.fromtimestamp(claims["exp"], UTC)
            return self._of_claims(claims), *self._sessions.begin(now, ends, claims=kept)
        token = self._tokens.held_by(proof, now)
        return self._of_token(token), *self._sessions.begin(now, token.expires_at, token=token.id)

    def in_session(self, cookie: str) -> Caller:
        """Who logged in and got a cookie; a token that was revoked since, or a principal no longer known, is refused.

        Raises:
            IdentityRefused: the session is over or nobody's. DefinitionError: the file of principals is wrong.
        """
        now = datetime.now(UTC)
        session = self._sessions.of(cookie, now)
        if session.claims is not None:
            return self._of_claims(session.claims)
        token = self._tokens.kept(session.token or "")
        if token is None:
            raise IdentityRefused("the token of this session is gone. Log in again: /login")
        return self._of_token(self._tokens.standing(token, now))

    def end(self, cookie: str) -> None:
        """End a cookie's session; IdentityRefused when it is nobody's or over."""
        now = datetime.now(UTC)
        self._sessions.end(self._sessions.of(cookie, now), now)

    def _claims(self, proof: str, now: datetime) -> Mapping[str, Any]:
        issuers = self.principals.issuers
        if not issuers:
            raise IdentityRefused(f"no issuer's tokens are believed here, {FILE} names none.")
        if self._issued is None:
            self._issued = _issued()
        return self._issued.claims(proof, issuers, now)

    def _of_claims(self, claims: Mapping[str, Any]) -> Caller:
        return Caller(_known(self.principals.of_claims(claims), named(claims)), frozenset(SCOPES))

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


def is_issued(proof: str) -> bool:
    """Whether a proof has the form of a JSON Web Token; a local one has no dots."""
    return proof.count(".") == 2


def _issued() -> Issued:
    try:
        from dagmesh.consume.identity.issued import Issued
    except ModuleNotFoundError as error:
        raise MeshError(f"tokens of issuers need {error.name}, which is not installed. Run: pip install 'dagmesh[serve]'") from error
    return Issued()


def _known(principal: Principal | None, claimed: str) -> Principal:
    if principal is None:
        raise IdentityRefused(
            f"{claimed} is not in {FILE}, which says in whose name each principal reads. Ask for a line there.", claimed=claimed
        )
    return principal
