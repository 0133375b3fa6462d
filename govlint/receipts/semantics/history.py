"""What a run has said so far: steps, attempts, decisions. Watchers read it, one writer grows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
Handler = Callable[[Event, int], None]


@dataclass(slots=True)
class Attempt:
    """One attempt of a step: the line (from 1) of each of its events, 0 where there is none."""

    number: int
    resolved: Mapping[str, Any] | None = None
    resolved_line: int = 0
    allowed: bool | None = None
    decided_line: int = 0
    reserved: Mapping[str, int] | None = None
    reserved_line: int = 0
    started_line: int = 0
    started_epoch: int = 0
    ended: str = ""
    ended_line: int = 0
    settled_line: int = 0
    measured_line: int = 0


@dataclass(slots=True)
class Step:
    """A step and where it stands; `state` is one of the machine `step`, "" before its plan."""

    name: str
    plan: Mapping[str, Any] | None = None
    line: int = 0
    state: str = ""
    attempts: dict[int, Attempt] = field(default_factory=dict)
    retry: int = 0  # the attempt that step.retried announced and that has not begun
    relied_on: int = 0  # the line from which on another step took it for settled

    @property
    def goes_on(self) -> bool:
        """Whether a failure of it is allowed for by the plan."""
        return self.plan is not None and self.plan.get("continue_on_error", False) is True

    def attempt(self, number: int) -> Attempt:
        """The attempt of this number, made where it is new."""
        found = self.attempts.get(number)
        if found is None:
            found = self.attempts[number] = Attempt(number)
        return found


@dataclass(slots=True)
class History:
    """The run as told so far."""

    tenant: str = ""
    run: str = ""
    request: Mapping[str, Any] | None = None
    decision: Mapping[str, Any] | None = None
    accepted: bool = False
    refused: bool = False
    terminal: Event | None = None
    terminal_line: int = 0
    steps: dict[str, Step] = field(default_factory=dict)
    completed: list[str] = field(default_factory=list)  # in the order of completion
    counts: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, tuple[str, int]] = field(default_factory=dict)  # step → digest, line

    def step(self, event: Event) -> Step:
        """The step that an event is about, made where it is new."""
        name = event["step"]
        found = self.steps.get(name)
        if found is None:
            found = self.steps[name] = Step(name)
        return found

    def take(self, event: Event, line: int) -> None:
        """Let the history grow by one event, after the watchers saw it."""
        kind = event["type"]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        grow = _GROW.get(kind)
        if grow is not None:
            grow(self, event, line)


def _submitted(history: History, event: Event, line: int) -> None:
    if history.request is None:
        history.request = event["request"]


def _decided(history: History, event: Event, line: int) -> None:
    if history.decision is None:
        history.decision = event["decision"]


def _accepted(history: History, event: Event, line: int) -> None:
    history.accepted = True


def _terminal(history: History, event: Event, line: int) -> None:
    if history.terminal is None:
        history.terminal, history.terminal_line = event, line


def _planned(history: History, event: Event, line: int) -> None:
    step = history.step(event)
    if step.plan is None:
        step.plan, step.line, step.state = event["plan"], line, "planned"


def _resolved(history: History, event: Event, line: int) -> None:
    if "attempt" in event:
        attempt = history.step(event).attempt(event["attempt"])
        attempt.resolved, attempt.resolved_line = event["capability"], line


def _gate(history: History, event: Event, line: int) -> None:
    attempt = history.step(event).attempt(event["attempt"])
    attempt.allowed = event["decision"]["outcome"] == "allow"
    attempt.decided_line = line


def _reserved(history: History, event: Event, line: int) -> None:
    attempt = history.step(event).attempt(event["attempt"])
    if attempt.reserved is None:
        attempt.reserved, attempt.reserved_line = event["budget"]["amounts"], line


def _started(history: History, event: Event, line: int) -> None:
    step = history.step(event)
    attempt = step.attempt(event["attempt"])
    attempt.started_line, attempt.started_epoch = line, event["epoch"]
    step.state, step.retry = "started", 0


def _ended(history: History, event: Event, line: int) -> None:
    step = history.step(event)
    step.state = kind = event["type"].removeprefix("step.")
    number = event.get("attempt") or max(step.attempts, default=0)
    if kind != "skipped" and number in step.attempts:
        attempt = step.attempts[number]
        if attempt.started_line and not attempt.ended:
            attempt.ended, attempt.ended_line = kind, line
    if kind == "completed":
        history.completed.append(step.name)
        history.outputs[step.name] = event["output"]["sha256"], line


def _retried(history: History, event: Event, line: int) -> None:
    history.step(event).retry = event["attempt"]


def _settled(history: History, event: Event, line: int) -> None:
    attempt = history.step(event).attempt(event["attempt"])
    attempt.settled_line = attempt.settled_line or line


def _measured(history: History, event: Event, line: int) -> None:
    attempt = history.step(event).attempt(event["attempt"])
    attempt.measured_line = attempt.measured_line or line


_GROW: dict[str, Callable[[History, Event, int], None]] = {
    "run.submitted": _submitted,
    "policy.decided": _decided,
    "run.accepted": _accepted,
    "run.completed": _terminal,
    "run.failed": _terminal,
    "run.cancelled": _terminal,
    "run.refused": _terminal,
    "step.planned": _planned,
    "capability.resolved": _resolved,
    "gate.decided": _gate,
    "budget.reserved": _reserved,
    "step.started": _started,
    "step.completed": _ended,
    "step.failed": _ended,
    "step.cancelled": _ended,
    "step.skipped": _ended,
    "step.refused": _ended,
    "step.retried": _retried,
    "budget.settled": _settled,
    "metrics.recorded": _measured,
}


class Watcher:
    """What one rule looks for. A subclass names its `fault` and its handlers by event type."""

    fault = ""

    def __init__(
        self, history: History, report: Callable[[str, str, int, str, bool], None]
    ) -> None:
        self.history = history
        self._report = report

    def handlers(self) -> dict[str, Handler]:
        """Which event types it looks at, and with what."""
        raise NotImplementedError

    def end(self, line: int) -> None:
        """The record is over at `line`."""

    def say(self, message: str, line: int, about: str = "", weak: bool = False) -> None:
        """Report a fault; of those about one thing (a step) only the first is kept."""
        self._report(self.fault, message, line, about, weak)
