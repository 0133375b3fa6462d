"""The kernel's own engine: steps in the order of their needs, so many at a time.

The ends of some steps and the starts of the next share one commit.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from runtime_min.kernel.envelope import Step
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.gate import Attempt
from runtime_min.kernel.workers import Called

_Result = tuple[Attempt, Called]


def in_order(execution: Execution) -> None:
    """One step after the other."""
    Plan(execution, 1).run()


def side_by_side(width: int) -> Callable[[Execution], None]:
    """An engine that runs up to `width` steps at a time."""

    def engine(execution: Execution) -> None:
        Plan(execution, width).run()

    return engine


class Plan:
    """Brings the steps of one execution to their ends; a subclass has other ideas of failure."""

    def __init__(self, execution: Execution, width: int) -> None:
        self.execution = execution
        self._width = width
        self._results: SimpleQueue[_Result] = SimpleQueue()
        self._inline: deque[_Result] = deque()
        self._flying: dict[str, tuple[Attempt, int]] = {}
        self._delayed: list[tuple[int, int]] = []
        steps = execution.steps
        self._steps = steps
        self._position = {step.id: at for at, step in enumerate(steps)}
        self._needs = {
            step.id: {name for name in step.depends_on if not execution.settled(name)}
            for step in steps
        }
        self.dependents: dict[str, list[str]] = {}
        for step in steps:
            for name in self._needs[step.id]:
                self.dependents.setdefault(name, []).append(step.id)
        self._ready = [
            at
            for at, step in enumerate(steps)
            if not self._needs[step.id] and not execution.settled(step.id)
        ]
        self.fatal = execution.fatal() is not None

    def run(self) -> None:
        execution = self.execution
        while True:
            due = self.due_ns()
            if due is not None and execution.clock.monotonic_ns() >= due:
                self.overdue()
            ending = self.fatal or execution.cancel_requested()
            if not ending:
                self._start_ready()
            if self._flying:
                for result in self._wait():
                    self._close(*result)
            elif self._delayed and not ending:
                next_ns = self._delayed[0][0] if due is None else min(due, self._delayed[0][0])
                execution.commit()
                execution.pause(max(next_ns - execution.clock.monotonic_ns(), 0) / 1e9)
                if self._delayed[0][0] <= execution.clock.monotonic_ns():
                    heapq.heappush(self._ready, heapq.heappop(self._delayed)[1])
            elif ending or not self._ready:
                break
        if self.fatal and not execution.cancel_requested():
            for step in self._steps:
                execution.skip(step.id, "an earlier step failed")

    def _start_ready(self) -> None:
        """Open what may start, make it durable in one commit, and only then run it."""
        execution = self.execution
        opened: list[Attempt] = []
        while self._ready and len(self._flying) + len(opened) < self._width and not self.fatal:
            attempt = execution.open(self._steps[heapq.heappop(self._ready)].id)
            if attempt.outcome is None:
                opened.append(attempt)
            else:
                self.ended(attempt.envelope.step)
        if not opened:
            return
        execution.commit()
        now = execution.clock.monotonic_ns()
        for attempt in opened:
            step = attempt.envelope.step
            self._flying[step.id] = attempt, now + step.timeout_ms * 1_000_000
            self.started(step)
            if execution.gate.inline:
                self._inline.append((attempt, execution.gate.call(attempt)))
            else:
                self._start(attempt)

    def _start(self, attempt: Attempt) -> None:
        self.execution.gate.start(attempt, lambda called: self._results.put((attempt, called)))

    def _wait(self) -> list[_Result]:
        """All results that are there, at least one; a step past its deadline is one, too."""
        if self._inline:
            found = list(self._inline)
            self._inline.clear()
            return found
        gate, clock = self.execution.gate, self.execution.clock
        due = min(deadline for _, deadline in self._flying.values())
        if self._delayed and len(self._flying) < self._width:
            due = min(due, self._delayed[0][0])
        if (whole := self.due_ns()) is not None and whole > clock.monotonic_ns():
            due = min(due, whole)
        found = []
        now = clock.monotonic_ns()
        try:
            found.append(self._results.get(timeout=max(due - now, 0) / 1e9))
            while True:
                found.append(self._results.get_nowait())
        except Empty:
            now = clock.monotonic_ns() if found else max(clock.monotonic_ns(), due)
        here = {id(attempt) for attempt, _ in found}
        for attempt, deadline in self._flying.values():
            if deadline <= now and id(attempt) not in here:
                found.append((attempt, gate.late(attempt)))
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._delayed)[1])
        return found

    def _close(self, attempt: Attempt, called: Called) -> None:
        step = attempt.envelope.step
        if self._flying.get(step.id, (None, 0))[0] is not attempt:
            return  # it was given up on before
        del self._flying[step.id]
        wait = self.execution.close(attempt, called)
        if wait is None:
            self.ended(step)
        else:
            due = self.execution.clock.monotonic_ns() + round(wait * 1e9)
            heapq.heappush(self._delayed, (due, self._position[step.id]))

    def started(self, step: Step) -> None:
        """An attempt of a step begins; it is on record."""

    def ended(self, step: Step) -> None:
        """A step is over; what this means for the others is decided here."""
        if step.id not in self.execution.outputs and not step.continue_on_error:
            self.fatal = True
        self.release(step)

    def release(self, step: Step) -> None:
        """Let the dependents of a step that is over start, as far as it depends on it."""
        for name in self.dependents.get(step.id, ()):
            self._needs[name].discard(step.id)
            if not self._needs[name] and not self.execution.settled(name):
                heapq.heappush(self._ready, self._position[name])

    def due_ns(self) -> int | None:
        """When the whole run is over, on the monotonic clock; None: never."""
        return None

    def overdue(self) -> None:
        """The whole run's time is over: stop it."""
