"""The order of a mission's steps (spec 002, section 4): as many at once as the mission allows.

fail_fast: the first failure that nobody may see past ends the mission, running steps included.
Without it, independent branches go on and what depends on the failed step is skipped. A step with
`continue_on_error` fails without consequence: its dependents run, and see that it failed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runtime_min.kernel.envelope import Step
from runtime_min.kernel.errors import RuntimeMinError
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.plan import Plan
from runtime_min.missions.mission import Settings

Observer = Callable[[str, str, dict[str, Any]], None]


class MissionPlan(Plan):
    """The kernel's plan with a mission's own ideas of failure and of time."""

    def __init__(self, execution: Execution, settings: Settings, observer: Observer) -> None:
        """`observer` is told of every end of a step, in the thread that runs the plan."""
        super().__init__(execution, settings.width)
        self._observer = observer
        self._fail_fast = settings.fail_fast
        self._seconds = settings.timeout_seconds
        self._due_ns = None if self._seconds is None else _due(execution, self._seconds)
        if not self._fail_fast:
            self.fatal = False
            for step in execution.steps:
                if self._blocks(step):
                    self._skip_after(step)

    def due_ns(self) -> int | None:
        return self._due_ns

    def overdue(self) -> None:
        error = RuntimeMinError(f"the mission did not end within {self._seconds} s", "timeout")
        self.execution.stop(error)

    def started(self, step: Step) -> None:
        self._observer("step.started", step.id, {})

    def ended(self, step: Step) -> None:
        self._tell(step.id)
        if not self._blocks(step):
            self.release(step)
        elif self._fail_fast:
            self.fatal = True
            failure = self.execution.failures.get(step.id)
            if failure is not None:
                error = failure["error"]
                said = f"step {step.id} failed: {error['message']}"
                self.execution.stop(RuntimeMinError(said[:4000], error["details"]["code"]))
        else:
            self._skip_after(step)

    def _blocks(self, step: Step) -> bool:
        """Whether a step is over without an output, and nobody may see past that."""
        execution = self.execution
        over = execution.settled(step.id) and step.id not in execution.outputs
        return over and not step.continue_on_error

    def _skip_after(self, step: Step) -> None:
        pending = [step.id]
        while pending:
            name = pending.pop()
            for dependent in self.dependents.get(name, ()):
                if not self.execution.settled(dependent):
                    self.execution.skip(dependent, f"step {name} did not succeed")
                    self._tell(dependent)
                    pending.append(dependent)

    def _tell(self, step: str) -> None:
        execution = self.execution
        details: dict[str, Any] = {"status": "Success"}
        if step not in execution.outputs:
            error = execution.failures.get(step, {}).get("error", {})
            skipped = error.get("details", {}).get("code") == "skipped" or not error
            details = {"status": "Skipped" if skipped else "Failed", "error": error.get("message")}
        self._observer("step.ended", step, details)


def _due(execution: Execution, seconds: int) -> int:
    """When the mission's time is over, on the monotonic clock; a restart does not begin it anew."""
    begun = execution.journal.query(execution.tenant, run=execution.run, type="run.accepted")
    clock = execution.clock
    accepted = datetime.fromisoformat(begun[0]["ts"])
    gone_ns = max(clock.now_ns() - round(accepted.timestamp() * 1e9), 0)
    return clock.monotonic_ns() + max(seconds * 1_000_000_000 - gone_ns, 0)
