"""RCP005: every entity moves along its machine, and a run keeps to the order it has to keep."""

from __future__ import annotations

from govlint.receipts.format import machine, tables
from govlint.receipts.semantics.history import Event, Handler, History, Step, Watcher

_LONG_LIVED = ("plugin", "breaker")  # they outlive a run: their first state may be any
_OWN_EVENTS = ("run", "step")
_STEP_ENDS = ("completed", "failed", "skipped", "refused", "cancelled")
_JOB_END = {"completed": "SUCCESS", "failed": "FAILED", "cancelled": "FAILED"}


class Transitions(Watcher):
    """The machines of runs and steps, and those that `state.changed` moves."""

    fault = "transition"

    def __init__(self, history: History, report: object) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self._states: dict[tuple[str, str], str] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._terminal = frozenset(tables()["terminal_events"])
        self._unclosed: set[str] = set()

    def handlers(self) -> dict[str, Handler]:
        return {
            "run.submitted": self._submitted,
            "policy.decided": self._decided,
            "run.accepted": self._accepted,
            "run.refused": self._refused,
            "run.completed": self._ended,
            "run.failed": self._ended,
            "run.cancelled": self._ended,
            "step.planned": self._planned,
            "step.started": self._started,
            "step.completed": self._closed,
            "step.failed": self._closed,
            "step.cancelled": self._closed,
            "step.skipped": self._left_out,
            "step.refused": self._left_out,
            "step.retried": self._retried,
            "state.changed": self._changed,
            "budget.settled": self._accounted,
            "metrics.recorded": self._accounted,
        }

    # -- the run ---------------------------------------------------------------------------

    def any_event(self, event: Event, line: int) -> None:
        """What holds for every event; called before the handler of its type."""
        if self.history.terminal is not None:
            said = f"{event['type']} comes after {self.history.terminal['type']}, which is last"
            self.say(said, line)
        elif line == 1 and event["type"] != "run.submitted":
            self.say(f"a run begins with run.submitted, this one with {event['type']}", line)

    def _submitted(self, event: Event, line: int) -> None:
        if line != 1:
            self.say("run.submitted is the first event and no other", line)

    def _decided(self, event: Event, line: int) -> None:
        if line != 2 and self.history.decision is None and self.history.accepted is False:
            self.say("policy.decided comes right after run.submitted, before all else", line)

    def _accepted(self, event: Event, line: int) -> None:
        if self.history.accepted:
            self.say("the run is accepted a second time", line)
        elif line != 3 and self.history.decision is not None:
            self.say("run.accepted comes right after policy.decided", line)

    def _refused(self, event: Event, line: int) -> None:
        if self.history.accepted:
            self.say("an accepted run does not become refused", line)

    def _ended(self, event: Event, line: int) -> None:
        if not self.history.accepted:
            self.say(f"{event['type']} ends a run that was never accepted", line)

    # -- steps -----------------------------------------------------------------------------

    def _planned(self, event: Event, line: int) -> None:
        step = self.history.step(event)
        if step.plan is not None:
            self.say(f"step {step.name} is planned twice", line, step.name)
        elif not self.history.accepted:
            self.say(f"step {step.name} is planned before the run is accepted", line, step.name)

    def _started(self, event: Event, line: int) -> None:
        step, number = self.history.step(event), event["attempt"]
        name = step.name
        if step.plan is None:
            self.say(f"step {name} starts and was never planned", line, name)
            return
        if not self._may_go(step, "started", line):
            return
        self._check_number(step, number, line)
        if event["idempotency_key"] != f"{event['run']}/{name}/{number}":
            self.say(
                f"step {name} has the idempotency key {event['idempotency_key']!r}, not"
                f" {event['run']}/{name}/{number}",
                line,
                name,
            )
        if number == 1:
            for needed in step.plan["depends_on"]:
                self._check_dependency(step, needed, line)
        elif step.relied_on:
            said = f"step {name} starts again after line {step.relied_on} took it for failed"
            self.say(said, line, name)

    def _check_number(self, step: Step, number: int, line: int) -> None:
        last = max((a.number for a in step.attempts.values() if a.started_line), default=0)
        most = step.plan["max_attempts"] if step.plan else 1
        if number != last + 1:
            said = f"step {step.name} starts attempt {number} after attempt {last}"
            self.say(said, line, step.name)
        elif number > most:
            said = f"step {step.name} starts attempt {number} of at most {most}"
            self.say(said, line, step.name)
        elif number > 1 and step.retry != number:
            said = f"attempt {number} of step {step.name} starts without step.retried before it"
            self.say(said, line, step.name)

    def _check_dependency(self, step: Step, needed: str, line: int) -> None:
        other = self.history.steps.get(needed)
        state = other.state if other is not None else ""
        if other is not None and state in ("failed", "refused") and other.goes_on:
            other.relied_on = other.relied_on or line
        elif not state:
            said = f"step {step.name} depends on {needed}, which is not planned before it starts"
            self.say(said, step.line, step.name)
        elif state != "completed" and needed not in self._unclosed:
            self.say(
                f"step {step.name} starts while {needed}, which it depends on, is {state}",
                line,
                step.name,
            )

    def _may_go(self, step: Step, after: str, line: int) -> bool:
        allowed = machine("step").get(step.state, [])
        if after in allowed:
            return True
        self.say(
            f"step {step.name} goes from {step.state or 'nothing'} to {after} (accepted:"
            f" {', '.join(allowed) or 'nothing, it is final'})",
            line,
            step.name,
        )
        return False

    def _closed(self, event: Event, line: int) -> None:
        step = self.history.step(event)
        kind = event["type"].removeprefix("step.")
        if not self._may_go(step, kind, line) or "attempt" not in event:
            return
        attempt = step.attempts.get(event["attempt"])
        if step.state == "started" and (attempt is None or not attempt.started_line):
            said = f"attempt {event['attempt']} of step {step.name} ends and was never started"
            self.say(said, line, step.name)
        elif (
            attempt is not None
            and event.get("error", {}).get("code") == "interrupted"
            and event["epoch"] <= attempt.started_epoch
        ):
            self.say(
                f"step {step.name} was interrupted, and recovered in the epoch it had started in;"
                " a recovery has a higher one",
                line,
                step.name,
            )

    def _left_out(self, event: Event, line: int) -> None:
        step = self.history.step(event)
        self._may_go(step, event["type"].removeprefix("step."), line)

    def _retried(self, event: Event, line: int) -> None:
        step, number = self.history.step(event), event["attempt"]
        last = max((a.number for a in step.attempts.values() if a.started_line), default=0)
        most = step.plan["max_attempts"] if step.plan else 1
        if step.state != "failed":
            said = f"step {step.name} is retried while it is {step.state or 'not planned'}"
            self.say(said, line, step.name)
        elif step.retry:
            self.say(
                f"attempt {step.retry} of step {step.name} is announced twice", line, step.name
            )
        elif number != last + 1 or number > most:
            said = f"step {step.name} is to have attempt {number} after {last}, of at most {most}"
            self.say(said, line, step.name)

    def _accounted(self, event: Event, line: int) -> None:
        """Accounts are closed when the attempt is; one that never ended is taken for ended."""
        step = self.history.step(event)
        attempt = step.attempt(event["attempt"])
        if attempt.started_line and not attempt.ended:
            attempt.ended, attempt.ended_line = "unclosed", line
            said = f"attempt {attempt.number} of step {step.name} is accounted for and never ended"
            self._unclosed.add(step.name)
            self.say(said, line, step.name)

    # -- what state.changed moves -------------------------------------------------------------

    def _changed(self, event: Event, line: int) -> None:
        change = event["transition"]
        name, entity = change["machine"], change["entity"]
        about = f"{name} {entity}"
        if name in _OWN_EVENTS:
            self.say(f"a {name} moves by its own events, not by state.changed", line, about)
            return
        table, before = machine(name), change["from"]
        known = self._states.get((name, entity))
        if known is None and name in _LONG_LIVED:
            known = before
        elif known != before:
            said = f"{about} goes on from {before or 'nothing'} and was {known or 'not there yet'}"
            self.say(said, line, about)
        allowed = table.get(before or "", [])
        if change["to"] not in allowed:
            self.say(
                f"{about} goes from {before or 'nothing'} to {change['to']} (accepted:"
                f" {', '.join(allowed) or 'nothing'})",
                line,
                about,
            )
        self._states[name, entity] = change["to"]
        self._places[name, entity] = line

    # -- the end -----------------------------------------------------------------------------

    def end(self, line: int) -> None:
        history = self.history
        terminal = history.terminal
        if terminal is None:
            self.say(
                "the record ends without a terminal event: it was cut, or never finished", line
            )
            return
        kind = terminal["type"].removeprefix("run.")
        at = history.terminal_line
        self._check_plans()
        for step in history.steps.values():
            if step.state not in _STEP_ENDS and step.plan is not None:
                said = f"the run is {kind} while step {step.name} is {step.state}"
                self.say(said, at, step.name)
            elif step.retry:
                said = f"the run is {kind} while attempt {step.retry} of step {step.name} is due"
                if kind == "completed":
                    self.say(said, at, step.name)
            if kind == "completed" and step.state in ("failed", "refused") and not step.goes_on:
                said = f"the run is completed, and its step {step.name} {step.state}"
                self.say(said, at, step.name)
        for (name, entity), state in self._states.items():
            if name in _LONG_LIVED:
                continue
            onward = machine(name).get(state)
            if onward:
                said = f"the run is {kind} while {name} {entity} is {state}"
                self.say(said, at, f"{name} {entity}")
            elif name == "job" and entity == history.run and state != _JOB_END.get(kind, state):
                self.say(f"the run is {kind}, and its job ends as {state}", at, f"job {entity}")

    def _check_plans(self) -> None:
        planned = {n: s.plan["depends_on"] for n, s in self.history.steps.items() if s.plan}
        for name, needs in planned.items():
            for needed in needs:
                if needed not in planned:
                    said = f"step {name} depends on {needed}, which is never planned"
                    self.say(said, self.history.steps[name].line, name)
        waiting = {name: len([n for n in needs if n in planned]) for name, needs in planned.items()}
        needed_by: dict[str, list[str]] = {}
        for name, needs in planned.items():
            for needed in needs:
                needed_by.setdefault(needed, []).append(name)
        free = [name for name, count in waiting.items() if not count]
        while free:  # Kahn: what waits for nothing goes, and lets go of what waits for it
            name = free.pop()
            del waiting[name]
            for other in needed_by.get(name, ()):
                waiting[other] -= 1
                if not waiting[other]:
                    free.append(other)
        left = waiting
        if left:
            name = min(left, key=lambda n: self.history.steps[n].line)
            said = f"step {name} depends on itself, by way of {', '.join(sorted(left)[:9])}"
            self.say(said, self.history.steps[name].line, name)
