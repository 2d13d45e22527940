"""`dagmesh up` of a small mesh as a process of its own, and what its web interface is asked."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.small_mesh import HOME_SETTINGS, SmallMesh

from dagmesh.orchestrate.run_days import range_tags

_RUNS = """{ runsOrError { ... on Runs { results {
  runId status startTime tags { key value } assetSelection { path } repositoryOrigin { repositoryLocationName }
} } } }"""
_TICK = """query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { __typename ... on Sensor {
  sensorState { ticks(limit: 1) { timestamp skipReason error { message } } }
} } }"""
_LAUNCH = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
} }"""
_CHECKS = """query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetChecksOrError { ... on AssetChecks {
  checks { name assetKey { path } canExecuteIndividually }
} } } }"""
_MESSAGES = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on MessageEvent { message } ... on ExecutionStepFailureEvent { error { message } failureMetadata { description } }
} } } }"""
_FINISHED = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class Run:
    """One run: of which domain, in which state, for which assets and days, who asked for it, and when it started."""

    run_id: str
    domain: str
    status: str
    assets: frozenset[str]
    days: tuple[date, date] | None
    tags: dict[str, str]
    started: float

    def makes(self, asset: str, day: date) -> bool:
        """Whether it was asked to make the asset's day."""
        return asset in self.assets and self.days is not None and self.days[0] <= day <= self.days[1]


@dataclass(frozen=True)
class RunningMesh:
    """The mesh, the process that runs it, and its web interface."""

    small: SmallMesh
    port: int
    process: subprocess.Popen[str]

    def ask(self, query: str, **variables: object) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            question = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", question, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        assert "errors" not in answer, answer
        return answer["data"]

    def runs(self, domain: str) -> list[Run]:
        """The domain's runs, newest first."""
        found = [_run(run) for run in self.ask(_RUNS)["runsOrError"]["results"]]
        return [run for run in found if run.domain == domain]

    def tick(self, domain: str) -> tuple[float, str]:
        """When the domain's sensor ticked last, and why it asked for nothing; no words when it asked or is asking."""
        sensor = {"repositoryLocationName": domain, "repositoryName": "__repository__", "sensorName": f"{domain}_daily"}
        ticks = self.ask(_TICK, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]
        assert not any(tick["error"] for tick in ticks), ticks
        return (ticks[0]["timestamp"], ticks[0]["skipReason"] or "") if ticks else (0.0, "")

    def press(self, domain: str, *assets: str, days: Sequence[date] = ()) -> str:
        """The id of the run that the Materialize button starts for the domain's assets: of a day, or of a range in one run."""
        selector = {
            "repositoryLocationName": domain,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": _selection(domain, assets),
            "assetCheckSelection": self._checks(domain, assets),
        }
        wanted = {"dagster/partition": str(days[0])} if len(days) == 1 else range_tags(days)
        tags = [{"key": key, "value": value} for key, value in wanted.items()]
        params = {"mode": "default", "executionMetadata": {"tags": tags}, "runConfigData": {}, "selector": selector}
        answer = self.ask(_LAUNCH, params=params)["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def _checks(self, domain: str, assets: Sequence[str]) -> list[Any]:
        """The checks that come with the assets, as the web interface adds them."""
        found = self.ask(_CHECKS, keys=_selection(domain, assets))["assetNodes"]
        checks = [check for node in found for check in node["assetChecksOrError"].get("checks", ())]
        return [
            {"assetKey": check["assetKey"], "name": check["name"]}
            for check in checks
            if check["canExecuteIndividually"] == "REQUIRES_MATERIALIZATION"
        ]

    def backfill(self, domain: str, *assets: str, days: Sequence[date]) -> str:
        """The id of the backfill of the domain's assets that the web interface starts."""
        names = [day.isoformat() for day in days]
        params = {"assetSelection": _selection(domain, assets), "partitionNames": names, "fromFailure": False, "tags": []}
        answer = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        backfill_id: str = answer["backfillId"]
        return backfill_id

    def runs_of_backfill(self, domain: str, backfill_id: str) -> list[Run]:
        """The backfill's runs, once there are some and all have ended."""

        def found() -> list[Run]:
            return [run for run in self.runs(domain) if run.tags.get("dagster/backfill") == backfill_id]

        until(lambda: found() and all(run.status in _FINISHED for run in found()))
        return found()

    def finished(self, run_id: str) -> Run:
        """The run, once it has ended."""

        def found() -> Run:
            return next(run for run in map(_run, self.ask(_RUNS)["runsOrError"]["results"]) if run.run_id == run_id)

        until(lambda: found().status in _FINISHED)
        return found()

    def said(self, run_id: str) -> str:
        """Everything the run's log says, the failures' own words included."""
        return json.dumps(self.ask(_MESSAGES, id=run_id)["logsForRun"]["events"])


def _selection(domain: str, assets: Sequence[str]) -> list[dict[str, list[str]]]:
    return [{"path": [domain, asset]} for asset in assets]


def _run(said: Any) -> Run:
    tags = {tag["key"]: tag["value"] for tag in said["tags"]}
    first, last = (tags.get(f"dagster/asset_partition_range_{end}", tags.get("dagster/partition")) for end in ("start", "end"))
    return Run(
        run_id=said["runId"],
        domain=said["repositoryOrigin"]["repositoryLocationName"],
        status=said["status"],
        assets=frozenset(asset["path"][-1] for asset in said["assetSelection"] or []),
        days=(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None,
        tags=tags,
        started=said["startTime"] or 0.0,
    )


def until(condition: Callable[[], object], seconds: float = 120, every: float = 0.2) -> None:
    """Nothing, as soon as the condition holds; an error when it does not in time."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"still not so after {seconds} s"
        time.sleep(every)


@contextmanager
def running(small: SmallMesh) -> Iterator[RunningMesh]:
    """`dagmesh up` of the mesh, answering; stopped at the end as by an operator, with nothing to complain of."""
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
        port: int = free.getsockname()[1]
        analysts: int = other.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in HOME_SETTINGS}
    command = [sys.executable, "-m", "dagmesh", "up", "--port", str(port), "--analysts-port", str(analysts)]
    with subprocess.Popen(command, cwd=small.root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("Dagster UI: "), process.wait(10)
            yield RunningMesh(small, port, process)
        finally:
            process.terminate()
            code = process.wait(60)
    assert code == 0
