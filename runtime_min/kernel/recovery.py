"""What a crash cut off is closed, in the record and in the ledger, before a run goes on."""

from __future__ import annotations

from runtime_min.kernel.envelope import Step
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.progress import envelope_of


def close_interrupted(execution: Execution, ledger: Ledger) -> None:
    """Close every attempt that has a start and no end; it may be made again."""
    progress = execution.progress
    cut_off = [step for step in execution.request.steps if step.id in progress.interrupted]
    if not cut_off:
        return
    for step in cut_off:
        _close(execution, step)
    execution.commit()
    for step in cut_off:
        reservation = f"{step.id}/{progress.attempts[step.id]}"
        ledger.settle_interrupted(execution.tenant, execution.run, reservation, _reserved(step))


def _close(execution: Execution, step: Step) -> None:
    """The reservation is settled in full: what the attempt used before the crash is not known."""
    progress, facts = execution.progress, execution.facts
    attempt = progress.attempts[step.id]
    error = {
        "type": "ExecutionError",
        "message": "the runtime ended while this attempt was running",
        "code": "interrupted",
    }
    budget = {"reservation": f"{step.id}/{attempt}", "amounts": _reserved(step)}
    metrics = {"outcome": "ERROR", "duration_us": 0}
    events = [
        facts.event("step.failed", step, attempt=attempt, error=error),
        facts.event("budget.settled", step, attempt=attempt, budget=budget),
        facts.event("metrics.recorded", step, attempt=attempt, metrics=metrics),
    ]
    if attempt < step.retry.max_attempts:
        events.append(facts.event("step.retried", step, attempt=attempt + 1, delay_ms=0))
    else:
        progress.failed[step.id] = envelope_of({"error": error})
    progress.interrupted.discard(step.id)
    progress.settle(_reserved(step))
    execution.hold(events)


def _reserved(step: Step) -> dict[str, int]:
    return {"time_ms": step.timeout_ms, **step.budget}
