"""An issuer's public keys, fetched when they are needed, kept for a while, and fetched again when it signs with a new one."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from dagmesh.errors import MeshError

FRESH = 600.0  # seconds after which a key that its issuer withdrew is no longer believed
LONGEST = 3600.0  # seconds without an answer of the issuer, after which none of its keys is
PAUSE = 60.0  # seconds between two requests to an issuer at least, however many unknown keys are named
LARGEST = 256 * 1024  # bytes
PATIENCE = 5.0  # seconds
LEAST_RSA_BITS = 2048

PublicKey = RSAKey | ECKey | OKPKey


class IssuerKeys:
    """The keys behind a URL by their ids; one caller fetches, the others wait for it.

    Args:
        url: https, or http to this machine.
        clock: seconds that only go forward.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, PublicKey] = {}
        self._fetched: float | None = None
        self._asked: float | None = None
        self._failure = ""

    def key(self, kid: str) -> PublicKey | None:
        """The key of an id; None when the issuer has none, as of a minute ago at most.

        Raises:
            MeshError: the issuer does not answer, and did not for too long.
        """
        with self._lock:
            if (kid not in self._keys or self._age() >= FRESH) and self._may_ask():
                self._ask()
            if self._age() >= LONGEST:
                raise MeshError(f"{self._url}: the issuer's keys cannot be fetched ({self._failure}). Try again in a minute.")
            return self._keys.get(kid)

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    def _may_ask(self) -> bool:
        return self._asked is None or self._clock() - self._asked >= PAUSE

    def _ask(self) -> None:
        self._asked = self._clock()
        try:
            self._keys = read_keys(fetched(self._url))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._failure = str(error) or type(error).__name__
        else:
            self._fetched = self._clock()


def read_keys(text: bytes) -> dict[str, PublicKey]:
    """The keys of a JWK set (RFC 7517) that can prove a signature, by id; the others are left out, as that asks for.

    Raises:
        ValueError: it is no such set.
    """
    said = json.loads(text)
    if not isinstance(said, dict) or not isinstance(said.get("keys"), list):
        raise ValueError("the answer is no JWK set")  # noqa: TRY004  # of what came in, not of how we are called
    found = ((entry["kid"], _read(entry)) for entry in said["keys"] if isinstance(entry, dict) and isinstance(entry.get("kid"), str))
    return {kid: key for kid, key in found if key is not None}


def _read(entry: Mapping[str, Any]) -> PublicKey | None:
    if entry.get("use", "sig") != "sig":
        return None
    try:
        key = JWKRegistry.import_key({name: value for name, value in entry.items() if name != "d"})
    except (JoseError, ValueError, TypeError):  # a kind of key that will be invented is no reason to believe none
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
        return None
    # Never a secret that both sides have: it proves nothing of who signed.
    return key if isinstance(key, (RSAKey, ECKey, OKPKey)) else None


def fetched(url: str) -> bytes:
    """What a URL gives: no redirect is followed, no more than so much is read, for no longer than so long.

    Raises:
        OSError, http.client.HTTPException: it does not answer. ValueError: it answers something else.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE)
    limit = time.monotonic() + PATIENCE
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            raise ValueError(f"the answer is {response.status}, not 200")
        text = b""
        while part := response.read1(64 * 1024):
            text += part
            if len(text) > LARGEST or time.monotonic() > limit:
                raise ValueError(f"the answer has more than {LARGEST} bytes, or takes longer than {PATIENCE} s")
        return text
    finally:
        connection.close()
