"""Tokens that others issue (OIDC): JSON Web Tokens, believed for their issuer's signature, made out for this mesh, for a day at most.

A token is not used up by a use: programs send it with every request until it ends. What keeps a copied one from doing harm is TLS,
its audience, its short life, and the line of its principal in the file, which ends it at once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from dagmesh.consume.identity.issuer_keys import IssuerKeys
from dagmesh.consume.identity.principals import FILE, Issuer, named
from dagmesh.errors import IdentityRefused

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
    *("Ed25519", "EdDSA"),
)  # only those whose signatures the holder of the public key cannot make
LEEWAY = 30  # seconds that two clocks may differ by
LONGEST_LIFE = 24 * 3600  # seconds
_SAID = 200  # characters of what a stranger claims that are written down


class Issued:
    """Verifies tokens of issuers; keeps their keys."""

    def __init__(self) -> None:
        self._keys: dict[str, IssuerKeys] = {}

    def claims(self, text: str, issuers: tuple[Issuer, ...], now: datetime) -> dict[str, Any]:
        """The claims of a token that holds: `iss`, `sub`, `aud`, `iat`, `exp` and whatever else its issuer says.

        Raises:
            IdentityRefused: it does not hold; the message says why. MeshError: its issuer's keys cannot be fetched.
        """
        header, unproved = _peeked(text)
        claimed = _claimed(unproved)
        issuer = next((one for one in issuers if one.issuer == unproved.get("iss")), None)
        if issuer is None:
            raise IdentityRefused(f"the token's issuer is not one that {FILE} names.", claimed=claimed)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise IdentityRefused(
                f"the token is signed with {str(algorithm)[:20]!r}; {', '.join(ALGORITHMS)} are allowed.", claimed=claimed
            )
        key = self._keys.setdefault(issuer.keys, IssuerKeys(issuer.keys)).key(kid) if isinstance(kid, str) else None
        if key is None:
            raise IdentityRefused("the token is signed with a key that its issuer does not publish.", claimed=claimed)
        try:
            proved = jwt.decode(text, key, [*ALGORITHMS], JWSRegistry(algorithms=[*ALGORITHMS], strict_check_header=False)).claims
            _registry(issuer, now).validate(proved)
        except ExpiredTokenError as error:
            raise IdentityRefused("the token is expired. Get a new one from its issuer.", claimed=claimed) from error
        except (JoseError, ValueError) as error:
            why = getattr(error, "description", None) or getattr(error, "error", None) or "it cannot be read"
            raise IdentityRefused(f"the token does not hold: {str(why).rstrip(chr(46))}.", claimed=claimed) from error
        if proved["exp"] - proved["iat"] > LONGEST_LIFE:
            raise IdentityRefused(
                f"the token is for more than {LONGEST_LIFE // 3600} h; let its issuer give shorter ones.", claimed=claimed
            )
        return dict(proved)


def _registry(issuer: Issuer, now: datetime) -> JWTClaimsRegistry:
    """What a token's claims must be: everything here must be there."""
    return JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer.issuer},
        aud={"essential": True, "value": issuer.audience},
        sub={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )


def _peeked(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What a token says of itself, believed by nobody yet: its header and its claims."""
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in text.split(".")[:2])
    except (ValueError, RecursionError) as error:
        raise IdentityRefused("the token is none that can be read.") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise IdentityRefused("the token is none that can be read.")
    return header, claims


def _claimed(unproved: Mapping[str, Any]) -> str | None:
    """Whom an unproved token is said to be about, for the log."""
    if not isinstance(unproved.get("iss"), str) or not isinstance(unproved.get("sub"), str):
        return None
    try:
        return named({**unproved, "email": None})[:_SAID]
    except ValueError:
        return None
