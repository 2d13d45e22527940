"""The OpenAPI document is what the service does: schemathesis asks whatever the document allows, and what it does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.consume.service.conftest import Served

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
# A text that is no statement over products is refused though its type is right, and so is an address that nobody published.
LEFT_OUT = "positive_data_acceptance"


def test_every_route_is_documented(served: Served) -> None:
    document = json.loads(served.request("GET", "/v1/openapi.json").read())

    paths = {route.path for route in served.app.routes}

    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {path for path in paths if path.startswith("/v1/")}


@pytest.mark.slow
def test_schemathesis_finds_nothing_that_the_document_does_not_say(served: Served, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{served.port}/v1/openapi.json"
    asked = ["--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--generation-deterministic"]
    command = [SCHEMATHESIS, "run", url, "--header", "Authorization: Bearer finance", "--exclude-checks", LEFT_OUT, *asked, "--no-color"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested: 7" in done.stdout
