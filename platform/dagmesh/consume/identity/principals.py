"""The principals of a mesh: who is known and in whose name each reads, and whose word is taken for it; a file under review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dagmesh.consume.identity.principal import Budget, Kind, Principal, Role

FILE = "platform/principals.yaml"


@dataclass(frozen=True)
class Issuer:
    """Somebody else's login whose tokens are believed: its name, for whom they must be made out, and the URL of its public keys."""

    issuer: str
    audience: str
    keys: str


@dataclass(frozen=True)
class Entry:
    """Who is known: a local token by its name, or whom `issuer` describes by one claim: `subject`, `email` or `group`.

    `budget` is what it may take in a day as an agent.
    """

    reader: str
    kind: Kind = "person"
    roles: frozenset[Role] = frozenset()
    token: str | None = None
    issuer: str | None = None
    subject: str | None = None
    email: str | None = None
    group: str | None = None
    budget: Budget | None = None

    def describes(self, claims: Mapping[str, Any]) -> bool:
        """Whether verified claims are about it; an e-mail address counts once its issuer has verified it."""
        if self.issuer is None or claims["iss"] != self.issuer:
            return False
        if self.subject is not None:
            return bool(claims["sub"] == self.subject)
        if self.email is not None:
            return claims.get("email") == self.email and claims.get("email_verified") is True
        groups = claims.get("groups")
        return isinstance(groups, list) and self.group in groups


@dataclass(frozen=True)
class Principals:
    """What the file says: the issuers that are believed and who is known, in its order."""

    issuers: tuple[Issuer, ...] = ()
    entries: tuple[Entry, ...] = ()

    def of_token(self, name: str) -> Principal | None:
        """Whom a local token of the name stands for."""
        found = next((entry for entry in self.entries if entry.token == name), None)
        return Principal(f"token:{name}", found.reader, found.kind, found.roles, found.budget) if found else None

    def of_claims(self, claims: Mapping[str, Any]) -> Principal | None:
        """Whom the claims of an issuer are about, by the first entry that describes them."""
        found = next((entry for entry in self.entries if entry.describes(claims)), None)
        return Principal(named(claims), found.reader, found.kind, found.roles, found.budget) if found else None

    def needed(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Of verified claims those that say who somebody is to this file: of many groups only the ones that it names."""
        named_here = {entry.group for entry in self.entries}
        groups = claims.get("groups")
        kept = {name: claims[name] for name in ("iss", "sub", "email", "email_verified") if name in claims}
        return kept | {
            "groups": [group for group in groups if isinstance(group, str) and group in named_here] if isinstance(groups, list) else []
        }


def named(claims: Mapping[str, Any]) -> str:
    """What the log calls somebody: the verified e-mail address, else the issuer's host and the subject."""
    if claims.get("email_verified") is True and isinstance(claims.get("email"), str):
        return str(claims["email"])
    return f"{urlsplit(claims['iss']).hostname}/{claims['sub']}"


def principals_file(root: Path) -> Path:
    """Where a mesh says who may ask."""
    return root / FILE
