"""What a run that was made in this process said: why its steps failed, and which checks only warn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg


def _cause(error: Any) -> str:
    """What went wrong in a domain's code: the first cause, and where in the domain's files; the whole stack is in the run."""
    while error.cause:
        error = error.cause
    own = [line for line in error.stack if "/domains/" in line] or error.stack[-1:]
    return "\n".join([error.message.strip(), *(line.strip() for line in own[-1:])])


def warnings(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """The checks that failed and only warn."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            if not found.passed and found.severity == dg.AssetCheckSeverity.WARN:
                yield f"warning: {'.'.join(found.asset_key.path)} {found.check_name}: {found.description or 'failed'}"


def failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What each failed step said; of a run that failed outside its steps, what the run said."""
    steps = [event for event in result.all_events if event.is_step_failure]
    for event in steps:
        data = event.step_failure_data
        failure = data.user_failure_data
        yield (failure.description or "") if failure else (_cause(data.error) if data.error else "")
    for event in result.all_events if not steps else ():
        if event.is_failure:
            error = getattr(event.event_specific_data, "error", None)
            yield error.to_string() if error else (event.message or "")
