"""Dagster's run launcher for a mesh: a run starts in a worker forked from a warm parent, not in a new interpreter.

`dagmesh up` keeps that parent. Under plain `dagster dev` there is none, and a run is launched as Dagster does by default.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterRun
from dagster._config.config_schema import UserConfigSchema
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult, ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, deserialize_value, serialize_value

from dagmesh.orchestrate.sockets import ask

PROCESS = "dagmesh/process"  # tag of a run that a command makes in its own process
_COLD = "No warm parent of runs listens at %s (is `dagmesh up` running?): the run starts in a new process."


class ForkLauncher(DefaultRunLauncher):
    """Launches, checks and terminates runs through the warm parent; for `run_launcher` in dagster.yaml."""

    def __init__(self, socket: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._socket = Path(socket)
        super().__init__(inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What dagster.yaml may say: the path of the warm parent's socket."""
        return {"socket": str}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> ForkLauncher:
        """The launcher that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run in a forked worker, or as Dagster does by default when no warm parent listens."""
        origin = context.job_code_origin
        if origin is None or ask(self._socket, self._question(context.dagster_run, origin)) is None:
            logging.getLogger("dagmesh.launcher").warning(_COLD, self._socket)
            self._instance.report_engine_event(_COLD % self._socket, context.dagster_run, cls=type(self))
            super().launch_run(context)

    def _question(self, run: DagsterRun, origin: JobPythonOrigin) -> dict[str, str]:
        arguments = ExecuteRunArgs(
            job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref(), set_exit_code_on_failure=True
        )
        return {
            "ask": "launch",
            "run_id": run.run_id,
            "executable": origin.repository_origin.executable_path or sys.executable,
            "directory": getattr(origin.repository_origin.code_pointer, "working_directory", None) or str(Path.cwd()),
            "arguments": serialize_value(arguments),
        }

    def terminate(self, run_id: str) -> bool:
        """Whether the run's worker was running and has been asked to end."""
        question = {"ask": "check", "run_id": run_id}
        if (ask(self._socket, question) or {}).get("state") != "running":
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]  # Dagster leaves it untyped
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_canceling(run)
        return (ask(self._socket, {**question, "ask": "terminate"}) or {}).get("state") == "running"

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask about workers."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """How the run's worker is; one that ended is reported as failed, since Dagster asks only about unfinished runs."""
        if PROCESS in run.tags:
            return _health_of_command(int(run.tags[PROCESS]))
        if GRPC_INFO_TAG in run.tags:
            return self._health_of_cold(run)
        answer = ask(self._socket, {"ask": "check", "run_id": run.run_id})
        if answer is None or answer["state"] == "unknown":
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The warm parent that ran it is gone, and its workers with it.")
        if answer["state"] == "ended":
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {answer['how']} before the run was finished.")
        return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=answer["pid"])

    def _health_of_cold(self, run: DagsterRun) -> CheckRunHealthResult:
        """How a run launched the default way is: its code server knows."""
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]  # Dagster leaves it untyped
        if client is None:
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        try:
            reply = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"The code server that ran it is gone: {error}")
        if deserialize_value(reply, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The code server that started it no longer runs it.")


def _health_of_command(pid: int) -> CheckRunHealthResult:
    """How a run of `dagmesh build`, `run` or `backfill` is: the command is its worker."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return CheckRunHealthResult(WorkerStatus.FAILED, "The command that made it ended before the run was finished.")
    except PermissionError:  # it lives, as another user
        pass
    return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(pid))
