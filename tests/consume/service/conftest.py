"""A shop's lake served over real loopback sockets, with a header in place of an identity."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.consume.conftest import MONDAY, TUESDAY, Shop

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.app import application
from dagmesh.consume.service.limits import Limits
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh

ARROW, PARQUET, CSV = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet", "text/csv"

READERS = ("finance", "marketing", "risk", "analyst", "customers", "orders")


class ByHeader:
    """Believes the `reader` header, or a token that is a reader's name; identity proper has tests of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            said = dict(scope["headers"])
            reader = said.get(b"reader", said.get(b"authorization", b"").removeprefix(b"Bearer ")).decode()
            if reader in READERS:
                scope.setdefault("state", {})["principal"] = Principal(f"{reader}@example.org", reader)
        await self.app(scope, receive, send)


@dataclass
class Served:
    """A running service."""

    mesh: Mesh
    app: Starlette
    port: int = 0
    loop: asyncio.AbstractEventLoop | None = None
    sockets: list[HTTPConnection] = field(default_factory=list)

    def request(self, method: str, path: str, body: Any = None, reader: str = "finance", **headers: str) -> HTTPResponse:
        """The response to one request, its body still to be read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.sockets.append(connection)
        sent = {"reader": reader, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {"content-type": "application/json", **sent}
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        return connection.getresponse()

    def query(self, sql: str, accept: str = "application/json", reader: str = "finance", **said: Any) -> HTTPResponse:
        """The response to a query."""
        return self.request("POST", "/v1/query", {"sql": sql, **said}, reader, accept=accept)

    def rows(self, sql: str, reader: str = "finance", **said: Any) -> list[list[Any]]:
        """The rows of a query that succeeds, as JSON has them."""
        response = self.query(sql, reader=reader, **said)
        content = json.loads(response.read())
        assert response.status == 200, content
        return content["rows"]

    def problem(self, sql: str, reader: str = "finance", **said: Any) -> dict[str, Any]:
        """The problem of a query that does not succeed."""
        response = self.query(sql, reader=reader, **said)
        content = json.loads(response.read())
        assert response.headers["content-type"] == "application/problem+json", content
        assert content["status"] == response.status
        return content

    def inside(self, doing: Callable[[], Any]) -> Any:
        """What a function gives that runs in the service's own loop."""

        async def done() -> Any:
            return doing()

        assert self.loop
        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(timeout=30)

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return self.inside(lambda: sorted(worker.pid for worker in self.app.state.queries.pool.workers))

    @property
    def log(self) -> list[dict[str, Any]]:
        """The read log's lines."""
        files = sorted((self.mesh.home / "reads").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@contextmanager
def serving(mesh: Mesh, limits: Limits, identity: Middleware | None = None, **config: Any) -> Iterator[Served]:
    """The mesh served by uvicorn in a thread until the block ends."""
    served = Served(mesh, application(mesh, middleware=[identity or Middleware(ByHeader)], limits=limits))
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    served.port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(served.app, log_level="error", **config))
    started = threading.Event()

    async def run() -> None:
        served.loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(server.serve([listener]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.01)
        started.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    started.wait()
    try:
        yield served
    finally:
        for connection in served.sockets:
            connection.close()
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="session")
def shop_mesh(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """A mesh of no code and a lake with a shop's orders of two days and its customers' profiles."""
    root = tmp_path_factory.mktemp("served")
    (root / "workspace.yaml").write_text("load_from: []\n")
    mesh = Mesh.find(root)
    lake = Lake.of(mesh)
    con = lake.connect()
    shop = Shop(lake, con)
    shop.publish_orders({MONDAY: [1, 2, 3], TUESDAY: [4]})
    shop.publish_profiles()
    con.close()
    return mesh


@pytest.fixture(scope="session")
def served(shop_mesh: Mesh) -> Iterator[Served]:
    """The shop, served with small limits."""
    with serving(shop_mesh, Limits(workers=2, memory_mb=512, seconds=10, wait_seconds=20)) as running:
        yield running


@pytest.fixture
def own(shop_mesh: Mesh) -> Callable[..., Any]:
    """Serves the shop with limits of a test's own: `with own(workers=1) as served`."""
    return lambda **said: serving(shop_mesh, Limits(**{"workers": 1, "memory_mb": 512, **said}))
