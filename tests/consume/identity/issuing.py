"""An issuer of tokens as a real server on loopback, its keys and what it signs, in good order and in bad."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = RSAKey | ECKey | OKPKey
AUDIENCE = "dagmesh"
ALL = [*JWSRegistry.algorithms]


@dataclass
class Issuer:
    """Signs tokens, and answers at /keys with the public halves of its keys, or with `answer` when there is one."""

    url: str
    keys: dict[str, Key]
    answer: tuple[int, bytes] | None = None
    asked: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)

    def token(self, kid: str = "first", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of Anna's that holds for an hour; a claim of None is left out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "anna-42", "email": "anna@example.org", "email_verified": True}
        said = {**good, "iat": now, "exp": now + 3600, "jti": "one", **claims}
        algorithm = "ES256" if isinstance(self.keys[kid], ECKey) else "Ed25519" if isinstance(self.keys[kid], OKPKey) else "RS256"
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": kid, **(header or {})}, kept, self.keys[kid], ALL)

    @property
    def published(self) -> bytes:
        return json.dumps({"keys": [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]}).encode()

    @property
    def principals(self) -> str:
        """The file of a mesh that believes it: Anna reads as marketing, its finance team as finance."""
        return f"""issuers:
  - {{issuer: "{self.url}", audience: {AUDIENCE}, keys: "{self.url}/keys"}}
principals:
  - {{issuer: "{self.url}", email: anna@example.org, reader: marketing, roles: [owner]}}
  - {{issuer: "{self.url}", group: finance-team, reader: finance}}
"""


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer with a key of RSA's, one on a curve and one of Edwards'."""
    keys: dict[str, Key] = {
        "first": RSAKey.generate_key(2048),
        "curve": ECKey.generate_key("P-256"),
        "edwards": OKPKey.generate_key("Ed25519"),
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            status, body = issuer.answer or (200, issuer.published)
            self.send_response(status)
            for name, value in issuer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}", keys)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
