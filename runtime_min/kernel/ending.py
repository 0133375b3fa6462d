"""The end of a run: what it comes to, what has to be undone, what is evidenced, how it is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel import evidence, saga
from runtime_min.kernel.errors import (
    Cancelled,
    RuntimeMinError,
    error_envelope,
    recorded_error,
)
from runtime_min.kernel.execution import UNCHANGED, Execution
from runtime_min.kernel.ports import utc_timestamp
from runtime_min.kernel.progress import envelope_of
from runtime_min.record.canonical import canonical_user_value
from runtime_min.record.journal import Journal
from runtime_min.record.payloads import JSON_MEDIA, Payload


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands: `status` is accepted, refused, completed, failed or cancelled.

    `quality` is the quality gate's decision, where the request asked for one.
    """

    run: str
    status: str
    output: Any = None
    error: Mapping[str, Any] | None = None
    quality: Mapping[str, Any] | None = None


def end(execution: Execution) -> RunResult:
    """Bring a run whose engine is done to its terminal event."""
    status, error = _verdict(execution)
    if status == "cancelled":
        for step in execution.steps:
            if not execution.settled(step.id):
                execution.drop(step.id)
    elif error is not None:
        for step in execution.steps:
            execution.skip(step.id, "the run ended before", "ended")
    quality = None
    if status == "completed":
        quality = _quality(execution)
        gate = execution.request.quality_gate
        if quality and gate and gate.blocks and not quality["passed"]:
            refusal = RuntimeMinError(
                f"evidence covers {quality['coverage_bp'] / 100:g} % of what was claimed, "
                f"{gate.threshold_bp / 100:g} % is demanded",
                "R008",
            )
            status, error = "failed", _wrap(execution, refusal)
    if status == "completed":
        saga.skip_all(execution)
    else:
        saga.compensate(execution)
    return _terminal(execution, status, error, quality)


def result_of(journal: Journal, tenant: str, run: str) -> RunResult:
    """How a run stands, from its journal; RuntimeMinError where this tenant has no such run."""
    last = journal.last(tenant, run)
    if last is None:
        raise RuntimeMinError(f"there is no run {run}", "unknown-run")
    kind = last["type"]
    if kind not in ("run.completed", "run.failed", "run.cancelled", "run.refused"):
        return RunResult(run, "accepted")
    decided = journal.query(tenant, run=run, type="quality_gate.decided")
    quality = decided[-1]["quality_gate"] if decided else None
    if kind == "run.completed":
        kept = journal.payload(tenant, last["output"]["sha256"])
        value = json.loads(kept.data) if kept else None
        return RunResult(run, "completed", output=value, quality=quality)
    public = {
        **envelope_of(last)["error"],
        "plugin": last["trace"]["capability_id"].removeprefix("plugin:"),
        "timestamp": last["ts"],
    }
    return RunResult(run, kind.removeprefix("run."), error=public, quality=quality)


def _verdict(execution: Execution) -> tuple[str, Mapping[str, Any] | None]:
    unsettled = [step for step in execution.steps if not execution.settled(step.id)]
    if execution.stopped is not None:
        return "failed", _wrap(execution, execution.stopped)
    if execution.cancel_requested() and (unsettled or execution.progress.cancelled):
        return "cancelled", _wrap(execution, Cancelled())
    if (fatal := execution.fatal()) is not None:
        return "failed", fatal
    progress = execution.progress
    if progress.compensating or "compensating" in progress.saga_states:
        error = RuntimeMinError("the runtime ended while it was undoing this run", "interrupted")
        return "failed", _wrap(execution, error)
    if unsettled:
        error = RuntimeMinError(
            f"step {unsettled[0].id} was neither run nor skipped", "engine-incomplete"
        )
        return "failed", _wrap(execution, error)
    return "completed", None


def _quality(execution: Execution) -> Mapping[str, Any] | None:
    gate = execution.request.quality_gate
    if gate is None:
        return None
    execution.commit()
    journal, tenant = execution.journal, execution.tenant
    lines = journal.lines(tenant, execution.run)
    found = evidence.collect(journal, lines, execution.request.steps, tenant)
    decision = evidence.judge(found, gate)
    facts = execution.facts
    execution.hold(
        [
            facts.event("evidence.collected", evidence=found.as_json()),
            facts.event("quality_gate.decided", quality_gate=decision),
        ]
    )
    return decision


def _terminal(
    execution: Execution,
    status: str,
    error: Mapping[str, Any] | None,
    quality: Mapping[str, Any] | None,
) -> RunResult:
    facts, request, run = execution.facts, execution.request, execution.run
    totals = dict(execution.progress.totals)
    execution.hold(facts.moved(request, run, "started", status))
    if error is not None:
        kind = f"run.{status}"
        execution.hold([facts.event(kind, error=recorded_error(error), totals=totals)])
        execution.commit()
        return result_of(execution.journal, execution.tenant, run)
    value = execution.output
    if value is UNCHANGED:
        outputs = execution.outputs
        acting = {step.id: outputs[step.id] for step in execution.steps if step.id in outputs}
        value = acting[execution.steps[0].id] if len(execution.steps) == 1 and acting else acting
    payload = Payload.of(canonical_user_value(value), JSON_MEDIA, execution.randomness)
    completed = facts.event("run.completed", output=payload.digest, totals=totals)
    execution.hold([completed], [payload])
    execution.commit()
    return RunResult(run, "completed", output=value, quality=quality)


def _wrap(execution: Execution, error: RuntimeMinError) -> dict[str, Any]:
    now = utc_timestamp(execution.clock.now_ns())
    return error_envelope(error, execution.progress.identity.capability_id, now)
