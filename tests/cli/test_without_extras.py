"""The service where only dagmesh itself is installed: what needs an extra says which, everything else works."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.serving_mesh import dagmesh, environment, serve
from tests.small_mesh import SmallMesh, make_small_mesh

HIDING = '''
import sys
from importlib.machinery import PathFinder


class Hidden(PathFinder):
    """Python's own finder, for which the extras are not there."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        is_hidden = name.partition(".")[0] in ("mcp", "mcp_types", "joserfc", "httpx2", "httpx")
        return None if is_hidden else super().find_spec(name, path, target)


sys.meta_path[:] = [Hidden if finder is PathFinder else finder for finder in sys.meta_path]
'''
ISSUER = "issuers:\n  - {issuer: 'https://login.example.org', audience: dagmesh, keys: 'https://login.example.org/keys'}\n"


@pytest.fixture
def small(tmp_path: Path) -> SmallMesh:
    """The small mesh, published, and beside it what hides the extras from each Python that has `without` on its path."""
    small = make_small_mesh(tmp_path / "mesh")
    small.write("without/sitecustomize.py", HIDING)
    small.write("platform/principals.yaml", f"{ISSUER}principals:\n  - {{token: sara, reader: reports}}\n")
    small.export("2026-11-16", 10, 20)
    dagmesh(small.root, "build", "--days", "1", "--to", "2026-11-16")
    return small


def ask(url: str, token: str, path: str, body: object) -> tuple[int, str]:
    """The status of a request by somebody with a token, and the content of its answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", path, json.dumps(body), {"authorization": f"Bearer {token}", "content-type": "application/json"})
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response.status, content


def test_the_service_serves_what_it_can_and_says_what_is_missing(small: SmallMesh) -> None:
    token = dagmesh(small.root, "token", "create", "sara").strip()

    with serve(small.root, PYTHONPATH=str(small.root / "without")) as url:
        rows = ask(url, token, "/v1/query", {"sql": "SELECT degrees FROM reports.totals"})
        tools = ask(url, token, "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        issued = ask(url, "a.b.c", "/v1/query", {"sql": "SELECT 1"})

    assert (rows[0], json.loads(rows[1])["rows"]) == (200, [[30]])
    missing = "agents need mcp, which is not installed where this service runs. Run there: pip install 'dagmesh[agents]'"
    assert (tools[0], json.loads(tools[1])["detail"]) == (501, missing)
    missing = "nobody can be let in now: tokens of issuers need joserfc, which is not installed. Run: pip install 'dagmesh[serve]'"
    assert (issued[0], json.loads(issued[1])["detail"]) == (503, missing)


def test_agents_over_standard_input_say_what_is_missing(small: SmallMesh) -> None:
    command = [sys.executable, "-m", "dagmesh", "mcp", "--as", "reports"]
    without = environment(PYTHONPATH=str(small.root / "without"))

    done = subprocess.run(command, cwd=small.root, env=without, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    assert (done.returncode, done.stderr) == (2, "agents need mcp, which is not installed. Run: pip install 'dagmesh[agents]'\n")
