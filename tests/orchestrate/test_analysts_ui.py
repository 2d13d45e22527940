"""The read-only web interface of a real `up`: nobody without an identity, nothing but reading with one; the writing one stays as it is."""

import base64
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.orchestrate.test_up import UP, Mesh, free_port, until

from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.identity.tokens import Tokens
from dagmesh.errors import MeshError
from dagmesh.orchestrate.servers import ForAnalysts

FORGED = {"check_name": "no_nulls", "passed": True, "severity": "WARN", "metadata": {}}
MUTATIONS = {
    "launchPipelineExecution": 'mutation { launchPipelineExecution(executionParams: {mode: "default", selector: {repositoryLocationName: '
    '"orders", repositoryName: "__repository__", pipelineName: "__ASSET_JOB", assetSelection: [{path: ["orders_facts"]}]}}) '
    "{ __typename ... on PythonError { message } } }",
    "reloadWorkspace": "mutation { reloadWorkspace { __typename ... on PythonError { message } } }",
    "reloadRepositoryLocation": 'mutation { reloadRepositoryLocation(repositoryLocationName: "orders") { __typename } }',
    "shutdownRepositoryLocation": 'mutation { shutdownRepositoryLocation(repositoryLocationName: "orders") { __typename } }',
    "reportRunlessAssetEvents": "mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION, "
    'assetKey: {path: ["orders_facts"]}}) { __typename } }',
    "wipeAssets": 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["orders_facts"]}}]) { __typename } }',
    "setConcurrencyLimit": 'mutation { setConcurrencyLimit(concurrencyKey: "x", limit: 1) }',
    "addDynamicPartition": 'mutation { addDynamicPartition(repositorySelector: {repositoryLocationName: "orders", repositoryName: '
    '"__repository__"}, partitionsDefName: "x", partitionKey: "y") { __typename } }',
}


@dataclass
class ReadOnly:
    """The mesh's read-only interface as somebody with a token sees it, or without one."""

    mesh: Mesh
    token: str

    def ask(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of an answer; with Anna's token unless there are headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.mesh.port + 1, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json", **sent})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    def query(self, query: str, headers: Mapping[str, str] | None = None) -> Any:
        return json.loads(self.ask("POST", "/graphql", json.dumps({"query": query}), headers)[2])

    def websocket(self, headers: Mapping[str, str]) -> tuple[str, socket.socket]:
        """The first line that is answered to a websocket's request, and the socket."""
        line = socket.create_connection(("127.0.0.1", self.mesh.port + 1), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {"Host": f"127.0.0.1:{self.mesh.port + 1}", "Upgrade": "websocket", "Connection": "Upgrade", **headers}
        asked |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "graphql-ws"}
        said = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
        line.sendall(f"GET /graphql HTTP/1.1\r\n{said}\r\n".encode())
        return line.recv(4096).decode(errors="replace").partition("\r\n")[0], line


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadOnly]:
    root = tmp_path_factory.mktemp("mesh")
    mesh = Mesh(root, root / ".dagmesh", free_port())
    mesh.make("orders")
    (root / "platform").mkdir()
    (root / "platform/principals.yaml").write_text("principals:\n  - {token: anna, reader: orders}\n")
    token = Tokens(mesh.home, secret_key(mesh.home)).create("anna", "root", datetime.now(UTC), 1)[1]
    try:
        mesh.start()
        made = ReadOnly(mesh, token)
        until(lambda: _answers(made))
        yield made
    finally:
        mesh.stop()


def _answers(read_only: ReadOnly) -> bool:
    try:
        return read_only.ask("GET", "/login", headers={})[0] == 200
    except OSError:
        return False


def test_without_an_identity_nothing_is_shown(read_only: ReadOnly) -> None:
    asked = [
        ("GET", "/"),
        ("GET", "/server_info"),
        ("POST", "/graphql"),
        ("GET", "/assets/orders_facts"),
        ("POST", "/report_asset_check/x"),
    ]
    answers = [
        read_only.ask(method, path, "{}", headers={})
        for method, path in [*asked, ("GET", "/index.js"), ("GET", "/static/x"), ("GET", "/healthz")]
    ]

    assert {status for status, _, _ in answers} == {401}
    assert {headers["www-authenticate"] for _, headers, _ in answers} == {'Bearer realm="dagmesh"'}
    assert not any("orders" in text or "dagster" in text.lower() for _, _, text in answers)


def test_with_a_token_assets_and_runs_are_there_to_read(read_only: ReadOnly) -> None:
    said = read_only.query("{ assetNodes { assetKey { path } } permissions { permission value } }")["data"]

    assert {"orders_facts"} <= {node["assetKey"]["path"][-1] for node in said["assetNodes"]}
    assert [entry["permission"] for entry in said["permissions"] if entry["value"]] == []
    assert "<!DOCTYPE html>" in read_only.ask("GET", "/")[2]


@pytest.mark.parametrize("name", MUTATIONS)
def test_nothing_can_be_changed(read_only: ReadOnly, name: str) -> None:
    said = read_only.query(MUTATIONS[name])

    refused = (said.get("data") or {}).get(name) or {}
    assert "UnauthorizedError" in (refused.get("__typename"), *str(said.get("errors")).replace("Graphene", " ").split()), said


def test_no_green_check_can_be_forged(read_only: ReadOnly) -> None:
    paths = ("report_asset_check", "report_asset_materialization", "report_asset_observation")

    answers = [read_only.ask("POST", f"/{path}/orders_facts", json.dumps(FORGED)) for path in paths]

    assert {(status, json.loads(text)["error"]) for status, _, text in answers} == {
        (401, "Not authorized to report runless asset events.")
    }  # Dagster's own words
    assert read_only.mesh.ask("{ assetNodes { assetMaterializations { timestamp } } }")["assetNodes"][0]["assetMaterializations"] == []


def test_a_browser_logs_in_and_goes_on_with_its_cookie(read_only: ReadOnly) -> None:
    here = {"Origin": f"http://127.0.0.1:{read_only.mesh.port + 1}"}
    form = {"Content-Type": "application/x-www-form-urlencoded", **here}

    status, headers, text = read_only.ask("GET", "/assets", headers={"Accept": "text/html"})
    done = read_only.ask("POST", "/login", urllib.parse.urlencode({"token": read_only.token, "next": "/assets"}), form)
    cookie = {"Cookie": done[1]["set-cookie"].partition(";")[0]}

    assert (status, headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert 'name="token"' in text
    assert (done[0], done[1]["location"]) == (303, "/assets")
    assert read_only.query("{ version }", {**cookie, **here})["data"]["version"]
    assert read_only.ask("POST", "/graphql", '{"query": "{ version }"}', {**cookie, "Origin": "https://evil.example"})[0] == 403


def test_subscriptions_need_an_identity_too(read_only: ReadOnly) -> None:
    refused, line = read_only.websocket({})
    line.close()
    accepted, line = read_only.websocket({"Authorization": f"Bearer {read_only.token}"})
    line.close()

    assert refused.startswith("HTTP/1.1 401")
    assert accepted.startswith("HTTP/1.1 101")


def test_the_writing_interface_is_as_it_was(read_only: ReadOnly) -> None:
    mesh = read_only.mesh

    mesh.finished(mesh.click("orders", "orders_facts"))
    runs = read_only.query("{ runsOrError { ... on Runs { results { status } } } }")["data"]["runsOrError"]["results"]
    lines = psutil.Process(mesh.pid("dagster-webserver")).net_connections()

    assert [run["status"] for run in runs] == ["SUCCESS"]
    assert {line.laddr.ip for line in lines if line.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_a_token_that_is_revoked_ends_here_too(read_only: ReadOnly) -> None:
    tokens = Tokens(read_only.mesh.home, secret_key(read_only.mesh.home))
    made, text = tokens.create("anna", "root", datetime.now(UTC), 1)
    headers = {"Authorization": f"Bearer {text}"}
    assert read_only.query("{ version }", headers)["data"]["version"]

    tokens.revoke(made.id, "root", datetime.now(UTC))

    assert read_only.ask("GET", "/", headers=headers)[0] == 401


def test_it_does_not_leave_the_machine_in_clear_text() -> None:
    with pytest.raises(MeshError) as refused:
        ForAnalysts(3001, "0.0.0.0").check()

    assert str(refused.value) == (
        "0.0.0.0: tokens would go over the network in clear text. Serve it with --tls-cert and --tls-key, "
        "or stay on 127.0.0.1 behind a proxy that does TLS."
    )


def test_a_port_that_is_taken_is_named_with_its_option(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path, tmp_path / ".dagmesh", free_port())
    mesh.make("orders")

    command = [sys.executable, "-c", UP, str(mesh.root), str(mesh.home), str(mesh.port)]
    with socket.create_server(("127.0.0.1", mesh.port + 1)):
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert refused.returncode == 1
    assert re.search(r"dagmesh up --analysts-port \d+", refused.stderr)
