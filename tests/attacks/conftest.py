"""The attacked service: a world behind its real identity on a loopback socket, and what it writes down of an attack."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from starlette.middleware import Middleware
from tests.attacks.world import World, made
from tests.consume.service.conftest import Served, serving

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.middleware import Identity
from dagmesh.consume.identity.principal import SCOPES, Scope
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.tokens import Tokens
from dagmesh.consume.service.limits import Limits
from dagmesh.model.mesh import Mesh

LIMITS = Limits(workers=2, memory_mb=512, seconds=5, wait_seconds=30)
PAGE = "text/html,*/*"


@dataclass(frozen=True)
class Reply:
    """What came back: its status, headers by lower-case name, and text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def problem(self) -> dict[str, Any]:
        """The problem of a refusal."""
        assert self.headers["content-type"] == "application/problem+json", self
        found: dict[str, Any] = json.loads(self.text)
        assert found["status"] == self.status
        return found

    @property
    def rows(self) -> list[list[Any]]:
        """The rows of an answer."""
        assert self.status == 200, self.text
        found: list[list[Any]] = json.loads(self.text)["rows"]
        return found


@dataclass
class Attacked:
    """The service and its world; each request may come from an address of its own, so that none waits for another's failures."""

    world: World
    served: Served
    proofs: dict[str, str] = field(default_factory=dict)
    addresses: Iterator[int] = field(default_factory=lambda: itertools.count(2))

    def token(self, name: str, *scopes: Scope, now: datetime | None = None, days: int = 1) -> str:
        """A new token of a principal's name."""
        tokens = Tokens(self.world.mesh.home, secret_key(self.world.mesh.home))
        return tokens.create(name, "root", now or datetime.now(UTC), days, scopes or SCOPES)[1]

    def proof(self, name: str) -> str:
        """A principal's token, the same each time."""
        return self.proofs.setdefault(name, self.token(name))

    def send(self, method: str, path: str, body: Any = None, who: str = "fin", address: str = "127.0.0.1", **said: str) -> Reply:
        """The reply to a request as it is written, in somebody's name or nobody's; it never tells a secret of the world."""
        headers = {name.replace("_", "-"): value for name, value in said.items()}
        if who:
            headers["authorization"] = f"Bearer {self.proof(who)}"
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"content-type": "application/json", **headers}
        connection = HTTPConnection("127.0.0.1", self.served.port, timeout=60, source_address=(address, 0))
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            reply = Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()
        self.holds(f"{text}{reply.headers}", f"{path}{body}")
        return reply

    def holds(self, text: str, asked: str = "") -> None:
        """Nothing, when a text has no secret of the world in it that the question has not."""
        told = {canary for canary in self.world.canaries if canary in text.lower() and canary not in asked.lower()}
        assert not told, text

    def query(self, sql: str, who: str = "fin", **said: Any) -> Reply:
        """The reply to a statement, as JSON."""
        return self.send("POST", "/v1/query", {"sql": sql, **said}, who)

    def page(self, path: str, who: str = "fin") -> Reply:
        """A page of the catalogue."""
        return self.send("GET", path, None, who, accept=PAGE)

    @property
    def stranger(self) -> str:
        """A loopback address that nobody has asked from."""
        return f"127.0.1.{next(self.addresses)}"

    @property
    def written(self) -> list[dict[str, Any]]:
        """All that the logs of reads and of identities say."""
        home = self.world.mesh.home
        files = [*sorted((home / "reads").glob("*.jsonl")), *sorted((home / "identity/log").glob("*.jsonl"))]
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    def refusals(self) -> list[dict[str, Any]]:
        """What is written down of those who did not get what they asked for."""
        return [line for line in self.written if _is_refusal(line)]


def _is_refusal(line: dict[str, Any]) -> bool:
    return "refused" in (line.get("decision"), line.get("what")) or line.get("outcome") in ("failed", "limit")


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    world = made(tmp_path_factory.mktemp("attacked"), "qzxkanari")
    with serving(world.mesh, LIMITS, identity(world.mesh), proxy_headers=False) as served:
        yield Attacked(world, served)


def identity(mesh: Mesh) -> Middleware:
    """The service's own identity."""
    return Middleware(Identity, gate=Gate(mesh))


def product(address: str) -> str:
    """The path of a product's page."""
    return f"/products/{quote(address, safe='')}"


@pytest.fixture(autouse=True)
def alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each attack the service answers, no file has changed, and a refusal is written down if one was made."""
    yield
    if "attacked" in request.fixturenames:
        running: Attacked = request.getfixturevalue("attacked")
        assert running.query("SELECT count(*) FROM customers.profiles").rows == [[2]]
