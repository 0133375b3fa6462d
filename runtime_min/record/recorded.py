"""The world as a record has it: what a full replay runs the kernel against.

What came from outside (answers of capabilities, the policy's decision, accounts, breakers, leases,
cancellations, the order that an engine chose) is taken from the record. What the kernel decides by
itself (checks, retries, compensation, evidence, the end) it decides again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import Capability, Decision, Envelope, Invocation, Request
from runtime_min.kernel.errors import (
    Cancelled,
    CapabilityFailed,
    RecordError,
    RuntimeMinError,
)
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.gate import Attempt, Gate
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.ports import SeededRandomness, SimulatedClock
from runtime_min.kernel.progress import decision_of
from runtime_min.record.journal import Journal
from runtime_min.record.sqlite import SqliteMemory

_HOUR_NS = 3_600_000_000_000
_OWN_ENDS = ("R008", "engine-incomplete", "interrupted")
"""Codes of ends that the kernel comes to by itself."""
_SKIPS = ("step.skipped", "step.cancelled")
_ENDS = ("step.completed", "step.failed", "step.cancelled")


class Recorded:
    """One finished run; `observed` has the outputs that the replay saw, by step."""

    def __init__(
        self,
        journal: Journal,
        tenant: str,
        events: Sequence[Mapping[str, Any]],
        again: Mapping[str, Callable[[Invocation], Any]],
    ) -> None:
        self.observed: dict[str, Any] = {}
        self._journal = journal
        self._tenant = tenant
        self._events = events
        self._again = again
        self._catalog: dict[str, Capability] = {}
        self._refusal: tuple[str, str] = ("", "")
        self._endings = {
            (e["step"], e["attempt"]): e for e in events if e["type"] in _ENDS and "attempt" in e
        }
        self._resolved = {
            (e["step"], e["attempt"]): e["capability"]
            for e in events
            if e["type"] == "capability.resolved"
        }
        self._refusals = {
            (e["step"], e["attempt"]): (refusal["check"], refusal["reason"])
            for e in events
            if e["type"] == "gate.decided"
            and not (refusal := e["decision"]["checks"][-1])["passed"]
        }
        self._retried = {
            (e["step"], e["attempt"] - 1) for e in events if e["type"] == "step.retried"
        }
        self._dropped = {
            e["step"] for e in events if e["type"] == "step.cancelled" and "attempt" not in e
        }

    def repeat(self, request: Request) -> list[dict[str, Any]]:
        """The events of the same run, in a journal that is thrown away."""
        clock = SimulatedClock(request.session.expires_ns - _HOUR_NS)
        scratch = Journal(SqliteMemory(), origin=self._journal.origin, clock=clock)
        try:
            kernel = Kernel(
                scratch,
                self._catalog,
                self,
                clock=clock,
                randomness=SeededRandomness(0),
                ledger=(ledger := _Accounts(self.refused)),
                breakers=(breakers := _Breakers(self.refused, clock)),
            )
            kernel.gate = _Gate(
                self._catalog, ledger, breakers, clock, SeededRandomness(1), inline=True
            )
            kernel.gate.recorded = self
            for event in self._events:
                if event["type"] == "capability.resolved":
                    self.resolve(event["step"], event["attempt"])
            run = self._events[0]["run"]
            kernel.submit(replace(request, run=run), self._engine)
            return scratch.events(self._tenant, run)
        finally:
            scratch.close()

    def evaluate(self, request: Request) -> Decision:
        """The decision that was taken then: a replay never asks a policy again."""
        return decision_of(next(e for e in self._events if e["type"] == "policy.decided"))

    def refused(self, check: str) -> str | None:
        """Why the attempt that is being made was refused then by `check`, if it was."""
        return self._refusal[1] if self._refusal[0] == check else None

    def _engine(self, execution: Execution) -> None:
        """Starts, ends, skips and stops in the order of the record; the end is the kernel's own.

        Steps that ran side by side end in the order of then: what undoes them goes by that.
        """
        acting = {step.id for step in execution.steps}
        running: dict[tuple[str, int], Attempt] = {}
        for event in self._events:
            kind, step = event["type"], event.get("step", "")
            if step not in acting:
                continue
            if kind == "gate.decided":
                self._open(execution, event, running)
            elif (step, event.get("attempt", 0)) in running and kind in _ENDS:
                self._close(execution, running.pop((step, event["attempt"])))
            elif kind in _SKIPS and "attempt" not in event and self._is_choice(event):
                execution.skip(step, event["error"]["message"], event["error"]["code"])
        for opened in running.values():
            self._close(execution, opened)
        self._interrupt(execution)

    def _is_choice(self, event: Mapping[str, Any]) -> bool:
        """Whether it was the engine that left a step out, and not the end of the run."""
        return "error" in event and event["error"]["code"] != "ended"

    def _open(
        self,
        execution: Execution,
        decided: Mapping[str, Any],
        running: dict[tuple[str, int], Attempt],
    ) -> None:
        step = decided["step"]
        if execution.settled(step):
            return  # the replay went another way: the comparison says so
        opened = execution.open(step)
        execution.commit()
        if opened.outcome is None:
            running[step, decided["attempt"]] = opened

    def _close(self, execution: Execution, opened: Attempt) -> None:
        step, attempt = opened.envelope.step.id, opened.envelope.attempt
        called = execution.gate.call(opened)
        if step in self._dropped and (step, attempt) not in self._retried:
            self._interrupt(execution)
        execution.close(opened, called)

    def _interrupt(self, execution: Execution) -> None:
        """Stop or cancel the run where it was stopped or cancelled then."""
        last = self._events[-1]
        if last["type"] == "run.cancelled":
            execution.commit()
            execution.journal.request_cancel(execution.tenant, execution.run)
        elif self._stops(last):
            error = last["error"]
            execution.stop(RuntimeMinError(error["message"], error["code"]))

    def _stops(self, last: Mapping[str, Any]) -> bool:
        """Whether a run ended by no fault of a step and by no judgement of the kernel."""
        if last["type"] != "run.failed" or last["error"]["code"] in _OWN_ENDS:
            return False
        steps = ("step.failed", "step.refused", "step.skipped", "step.cancelled")
        return all(e.get("error") != last["error"] for e in self._events if e["type"] in steps)

    def enter(self, step: str, attempt: int) -> str:
        """Make the world what it was for an attempt; the check that refused it then, or ""."""
        self.resolve(step, attempt)
        self._refusal = self._refusals.get((step, attempt), ("", ""))
        return self._refusal[0]

    def leave(self) -> None:
        self._refusal = ("", "")

    def resolve(self, step: str, attempt: int) -> None:
        """Put what an attempt found under its capability's name into the catalog, or nothing."""
        was = self._resolved.get((step, attempt))
        if was is None:
            return
        refused_by, _ = self._refusals.get((step, attempt), ("", ""))
        self._catalog[was["id"]] = Capability(
            was["id"],
            was["version"],
            was["sha256"],
            lambda invocation: self._answer(was["id"], invocation),
            was["status"],
            was["verified"],
            was["trusted"],
            self._sandbox(refused_by),
        )

    def _sandbox(self, refused_by: str) -> str:
        """At least what the policy demanded, unless that was why it was refused."""
        decided = next(e for e in self._events if e["type"] == "policy.decided")
        return "none" if refused_by == "policy" else decision_of(decided).sandbox

    def _answer(self, capability_id: str, invocation: Invocation) -> Any:
        """What the capability gave back then."""
        _, step, number = invocation.idempotency_key.rsplit("/", 2)
        attempt = int(number)
        ending = self._endings.get((step, attempt))
        if ending is None:
            raise RecordError(f"the record has no attempt {attempt} of {step}", "drift")
        if ending["type"] == "step.cancelled":
            raise Cancelled(ending["error"]["message"])
        if ending["type"] == "step.failed":
            error = ending["error"]
            last = (step, attempt + 1) not in self._endings
            again = (step, attempt) in self._retried or (step in self._dropped and last)
            details = {"code": error["code"], "retryable": again}
            public = {"type": error["type"], "message": error["message"], "details": details}
            return {"error": public, "_internal": {}}
        if capability_id in self._again:
            value = self._again[capability_id](invocation)
        else:
            payload = self._journal.payload(self._tenant, ending["output"]["sha256"])
            if payload is None:
                raise CapabilityFailed(f"the output of {step} was erased", "erased")
            value = json.loads(payload.data)
        self.observed[step] = value
        return value


class _Gate(Gate):
    """A gate in a world that is, for each attempt, what it was then."""

    recorded: Recorded

    def open(
        self,
        envelope: Envelope,
        cancelled: Callable[[], bool] = lambda: False,
        upstream: Mapping[str, Any] | None = None,
    ) -> Attempt:
        check = self.recorded.enter(envelope.step.id, envelope.attempt)
        if check == "lease":  # it had run out
            envelope = replace(envelope, session=replace(envelope.session, expires_ns=0))
        try:
            return super().open(envelope, cancelled, upstream)
        finally:
            self.recorded.leave()


class _Accounts(Ledger):
    """Refuses what was refused then, and nothing else."""

    def __init__(self, refused: Callable[[str], str | None]) -> None:
        super().__init__()
        self._refused = refused

    def refusal(self, tenant: str, amounts: Mapping[str, int]) -> str | None:
        return self._refused("budget")


class _Breakers(Breakers):
    """Refuses what was refused then, and nothing else."""

    def __init__(self, refused: Callable[[str], str | None], clock: SimulatedClock) -> None:
        super().__init__(clock, threshold=2**31)
        self._refused = refused

    def refusal(self, tenant: str, capability_id: str) -> str | None:
        return self._refused("breaker")
