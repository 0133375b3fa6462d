"""Sagas: a run that does not complete undoes what it completed, newest first.

A step is undone by the step that `compensates` it, which goes through the gate as any other. A
compensation that fails for good leaves the rest to an operator. After a crash the record says how
far it was.
"""

from __future__ import annotations

from runtime_min.kernel.execution import Execution
from runtime_min.kernel.progress import Progress

MACHINE = "saga"


def skip_all(execution: Execution) -> None:
    """Nothing has to be undone: say so of every compensation."""
    for step in execution.request.steps:
        if step.compensates is not None:
            execution.skip(step.id, "there is nothing to compensate", "not-needed")


def compensate(execution: Execution) -> None:
    """Undo the completed steps that have a compensation, in reverse order of completion."""
    progress = execution.progress
    undoing = {s.compensates: s for s in execution.request.steps if s.compensates is not None}
    if not undoing and execution.request.kind != MACHINE:
        return
    _moved(execution, "running", "compensating")
    execution.compensating = True
    for name in reversed(progress.completed_order):
        undo = undoing.get(name)
        if undo is None or name in progress.compensated or progress.given_up:
            continue
        if name not in progress.compensating:
            progress.compensating.add(name)
            execution.hold([execution.facts.event("saga.compensating", execution.step(name))])
        outcome = execution.run_step(undo.id)
        if outcome.error is not None:
            _give_up(execution, name)
        else:
            progress.compensated.add(name)
            execution.hold([execution.facts.event("saga.compensated", execution.step(name))])
    skip_all(execution)
    _moved(execution, "compensating", "needs_operator" if progress.given_up else "compensated")


def _give_up(execution: Execution, name: str) -> None:
    error = {
        "type": "ExecutionError",
        "message": f"step {name} could not be undone: an operator has to see to it",
        "code": "needs_operator",
    }
    execution.progress.given_up = True
    execution.hold([execution.facts.event("saga.failed", execution.step(name), error=error)])


def _moved(execution: Execution, before: str, after: str) -> None:
    """Move the saga's own state, once, also when a crash lies in between."""
    progress: Progress = execution.progress
    if execution.request.kind == MACHINE and after not in progress.saga_states:
        progress.saga_states.add(after)
        execution.hold([execution.facts.state(MACHINE, execution.run, before, after)])
