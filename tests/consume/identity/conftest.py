"""A mesh of two domains that publish nothing, its gate, and a server behind it that says who asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.middleware import Identity
from dagmesh.consume.identity.principal import SCOPES, Scope
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.tokens import Token, Tokens
from dagmesh.model.mesh import Mesh

PRINCIPALS = """principals:
  - token: anna
    reader: marketing
    roles: [owner]
  - token: weekly-report
    reader: finance
    kind: service
"""


@dataclass
class Guarded:
    """A mesh on disk and a server in front of it, in this process."""

    mesh: Mesh

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.mesh.home, secret_key(self.mesh.home))

    def write_principals(self, text: str) -> None:
        file = self.mesh.root / "platform/principals.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def token(self, name: str = "anna", scopes: tuple[Scope, ...] = SCOPES, days: int = 30, now: datetime | None = None) -> str:
        return self.made(name, scopes, days, now)[1]

    def made(
        self, name: str = "anna", scopes: tuple[Scope, ...] = SCOPES, days: int = 30, now: datetime | None = None
    ) -> tuple[Token, str]:
        return self.tokens.create(name, "root", now or datetime.now(UTC), days, scopes)

    def client(self, base_url: str = "http://mesh.example", address: str = "203.0.113.7") -> TestClient:
        """A browser or a program that asks the server; it follows no redirect."""
        app = Starlette(routes=[Route("/{path:path}", _who, methods=["GET", "POST"]), WebSocketRoute("/socket", _socket)])
        guarded = Identity(app, Gate(self.mesh))
        return TestClient(guarded, base_url=base_url, client=(address, 50000), follow_redirects=False)

    def log(self) -> list[dict[str, Any]]:
        """Every line of the identities' log."""
        files = sorted((self.mesh.home / "identity/log").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def everything_written(self) -> str:
        """What all files in the home say."""
        files = [path for path in self.mesh.home.rglob("*") if path.is_file()]
        return "".join(path.read_bytes().decode("latin-1") for path in files)


async def _who(request: Request) -> JSONResponse:
    principal = getattr(request.state, "principal", None)
    said = principal and {**vars(principal), "roles": sorted(principal.roles)}
    return JSONResponse({"principal": said, "path": request.url.path})


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.state.principal.name)
    await websocket.close()


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    """Anna of marketing and finance's weekly report are known."""
    for name in ("DAGMESH_HOME", "DAGMESH_LAKE"):
        monkeypatch.delenv(name, raising=False)
    stanza = "  - python_module: {{module_name: {0}.definitions, working_directory: domains/{0}}}\n"
    (tmp_path / "workspace.yaml").write_text("load_from:\n" + "".join(stanza.format(name) for name in ("marketing", "finance")))
    made = Guarded(Mesh.find(tmp_path))
    made.write_principals(PRINCIPALS)
    return made


@pytest.fixture
def bearer() -> Callable[[str], dict[str, str]]:
    """The header of a token."""
    return lambda token: {"Authorization": f"Bearer {token}"}
