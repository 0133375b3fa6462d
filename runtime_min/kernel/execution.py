"""A run under way: what an engine decides the order of steps with.

An engine is a function of an `Execution`. It calls `run_step` (from as many threads as it likes)
or awaits `run_step_async` for each step when its turn has come, `skip`s what will not run, and
returns; the kernel then ends the run. After a crash the engine is called again with an execution
that knows from the journal what is settled: `run_step` of such a step gives its recorded outcome
and runs nothing. docs/runtime.md shows one.

The record of concurrent steps shares commits. `open`, `commit`, `call` and `close` are the parts
of `run_step`, for an engine that wants several starts or ends in one commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runtime_min.kernel.envelope import Envelope, Request, Step, ordered
from runtime_min.kernel.errors import (
    Cancelled,
    RuntimeMinError,
    StaleWriter,
    ValidationFailed,
    error_envelope,
)
from runtime_min.kernel.facts import Facts
from runtime_min.kernel.gate import Attempt, Gate, Outcome
from runtime_min.kernel.ports import Clock, Randomness, utc_timestamp
from runtime_min.kernel.progress import Progress, envelope_of
from runtime_min.kernel.workers import Called
from runtime_min.record.canonical import NotCanonical, canonical_user_value
from runtime_min.record.events import Event
from runtime_min.record.journal import Journal, Ticket
from runtime_min.record.payloads import Payload

UNCHANGED = object()
_OWN_EVENTS = ("note.recorded", "validation.recorded", "state.changed")


@dataclass(slots=True)
class _Held:
    """Events that wait for the next commit, and what to undo should it fail."""

    events: Sequence[Event]
    payloads: Sequence[Payload]
    undo: Callable[[], None] | None


class Execution:
    """One run that this process executes. Thread-safe."""

    def __init__(
        self,
        journal: Journal,
        gate: Gate,
        facts: Facts,
        clock: Clock,
        randomness: Randomness,
        progress: Progress,
    ) -> None:
        self.journal = journal
        self.gate = gate
        self.facts = facts
        self.clock = clock
        self.randomness = randomness
        self.progress = progress
        self.output: Any = UNCHANGED
        """What `run.completed` will say; unless an engine sets it, the outputs by step."""
        self.stopped: RuntimeMinError | None = None
        self.compensating = False
        """Whether completed steps are being undone; from then on no cancellation holds it up."""
        plan = ordered(progress.request.steps)
        self.steps = [step for step in plan if step.compensates is None]
        """The steps that act, in an order that respects `depends_on`."""
        self._by_id = {step.id: step for step in plan}
        self._lock = threading.RLock()
        self._held: list[_Held] = []
        self._ticket: Ticket | None = None
        self._broken = False
        self._wake = threading.Event()

    @property
    def request(self) -> Request:
        return self.progress.request

    @property
    def tenant(self) -> str:
        return self.progress.identity.tenant

    @property
    def run(self) -> str:
        return self.progress.identity.run

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Outputs of completed steps, by step."""
        return self.progress.outputs

    @property
    def failures(self) -> Mapping[str, Mapping[str, Any]]:
        """Error envelopes of steps that failed, were refused or skipped, by step."""
        return self.progress.failed

    def settled(self, step: str) -> bool:
        """Whether nothing more will happen to a step, also when it ended before a restart."""
        return self.progress.settled(step)

    def step(self, name: str) -> Step:
        """A planned step by its id; ValidationFailed where the run has none."""
        if name not in self._by_id:
            raise ValidationFailed(f"run {self.run} has no step {name!r}", "unknown-step")
        return self._by_id[name]

    def fatal(self) -> Mapping[str, Any] | None:
        """The error of the first failed step that the run may not go on after, or None."""
        progress = self.progress
        ended: Mapping[str, Any] | None = None
        for step in self.steps:
            error = progress.failed.get(step.id) or progress.cancelled.get(step.id)
            if error is None or step.continue_on_error:
                continue
            if step.id not in progress.skipped:
                return error
            if error["error"]["details"]["code"] == "ended":  # said before a restart
                ended = ended or error
        return ended

    def skipped(self, step: str) -> bool:
        """Whether an engine decided that a step does not run (again)."""
        return step in self.progress.skipped

    def cancel_requested(self) -> bool:
        """Whether no further attempt begins; capabilities see it as `Invocation.cancelled`."""
        if self.compensating:
            return False
        return self.stopped is not None or self.journal.cancel_requested(self.tenant, self.run)

    def stop(self, error: RuntimeMinError) -> None:
        """End the run early: no further attempt begins and it fails with `error` (a deadline)."""
        self.stopped = self.stopped or error
        self.wake()

    def wake(self) -> None:
        """Cut waits for retries short, so that a stop or a cancellation is seen now."""
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Wait, no longer than until the run is stopped or cancelled."""
        self.clock.wait(self._wake, seconds)

    def run_step(self, step: str, payload: Any = UNCHANGED) -> Outcome:
        """Bring one step to its end: gate, attempts, retries, record; durable on return.

        `payload` replaces the planned one, for what is resolved only now. A cancelled run gives an
        outcome with `cancelled`. RecordError where the journal cannot be written.
        """
        while True:
            done = self._known(step)
            if done is not None:
                return done
            attempt = self.open(step, payload)
            self.commit()
            wait = self.close(attempt, self.gate.call(attempt)) if not attempt.outcome else None
            self.commit()
            if wait is None:
                return attempt.outcome or Outcome()
            self.pause(wait)

    async def run_step_async(self, step: str, payload: Any = UNCHANGED) -> Outcome:
        """`run_step` for an event loop: neither the disk nor the capability blocks it.

        An `async def` capability runs in the loop. A task that is cancelled while it waits closes
        its attempt as cancelled, on record.
        """
        while True:
            done = self._known(step)
            if done is not None:
                return done
            attempt = self.open(step, payload)
            await self._commit_async()
            wait = None
            if attempt.outcome is None:
                try:
                    called = await self.gate.call_async(attempt)
                except asyncio.CancelledError:
                    self.close(attempt, (None, Cancelled("the step was cancelled")))
                    self.commit()
                    raise
                wait = self.close(attempt, called)
                await self._commit_async()
            if wait is None:
                return attempt.outcome or Outcome()
            await asyncio.to_thread(self.pause, wait)

    def open(self, step: str, payload: Any = UNCHANGED) -> Attempt:
        """Take the next attempt of a step through the gate's checks, and hold its events.

        With an `outcome` it is refused. Else: `commit`, `call` or `start` it at the gate, `close`.
        """
        planned = self.step(step)
        if payload is not UNCHANGED:
            try:
                canonical_user_value(payload)
            except NotCanonical as error:
                raise ValidationFailed(f"the payload of step {step}: {error}") from error
            planned = replace(planned, payload=payload)
        progress = self.progress
        with self._lock:
            number = progress.attempts.get(step, 0) + 1
            progress.attempts[step] = number
        envelope = Envelope(
            self.tenant,
            self.run,
            progress.request.principal,
            progress.request.session,
            progress.identity.trace_id,
            planned,
            number,
            progress.decision,
        )
        needed = planned.depends_on
        if planned.compensates is not None:
            needed = (*needed, planned.compensates)
        upstream = {name: progress.outputs[name] for name in needed if name in progress.outputs}
        attempt = self.gate.open(envelope, self.cancel_requested, upstream)
        with self._lock:
            self.hold(attempt.events, attempt.payloads, lambda: self.gate.abandon(attempt))
            if attempt.outcome is not None:
                progress.failed[step] = attempt.outcome.error or {}
        return attempt

    def close(self, attempt: Attempt, called: Called) -> float | None:
        """Judge what came of an attempt and hold its events; seconds to wait where it is retried.

        What is held is durable with the next `commit`, together with what starts then.
        """
        step, number = attempt.envelope.step, attempt.envelope.attempt
        events, payloads = self.gate.close(attempt, called)
        outcome = attempt.outcome or Outcome()
        again = outcome.retryable and number < step.retry.max_attempts
        wait: float | None = None
        if again and not self.cancel_requested():
            wait = step.retry.delay_seconds(number - 1)
            delay = round(wait * 1000)
            events.append(
                self.facts.event("step.retried", step, attempt=number + 1, delay_ms=delay)
            )
        progress = self.progress
        with self._lock:
            progress.settle(attempt.used)
            if outcome.error is None:
                progress.outputs[step.id] = outcome.output
                progress.completed_order.append(step.id)
            elif outcome.cancelled:
                progress.cancelled[step.id] = outcome.error
            elif not again:  # else it is open still: tried again, or dropped with the run
                progress.failed[step.id] = outcome.error
            self.hold(events, payloads, lambda: self.gate.reopen(attempt))
        return wait

    def skip(self, step: str, message: str, code: str = "skipped") -> None:
        """Say that a step will not run (again), and why; held until the next commit."""
        planned = self.step(step)
        if self.settled(step):
            return
        error = {"type": "ExecutionError", "message": message[:4000], "code": code}
        wrapped = envelope_of({"error": error})
        with self._lock:
            self.progress.skipped.add(step)
            if self.progress.attempts.get(step):
                self.progress.cancelled[step] = wrapped
                self.hold([self.facts.event("step.cancelled", planned, error=error)])
            else:
                self.progress.failed[step] = wrapped
                self.hold([self.facts.event("step.skipped", planned, error=error)])

    def drop(self, step: str) -> None:
        """Say that a step will not run since the run was cancelled; held until the next commit."""
        planned = self.step(step)
        with self._lock:
            self.progress.skipped.add(step)
            self.progress.cancelled[step] = envelope_of({})
            self.hold([self.facts.event("step.cancelled", planned)])

    def note(self, kind: str, **fields: Any) -> None:
        """Hold an event of an engine's own: a note, a validation, a state of role or mission."""
        if kind not in _OWN_EVENTS:
            accepted = ", ".join(_OWN_EVENTS)
            raise ValidationFailed(f"{kind} is the kernel's to record (accepted: {accepted})")
        self.hold([self.facts.event(kind, **fields)])

    def hold(
        self,
        events: Sequence[Event],
        payloads: Sequence[Payload] = (),
        undo: Callable[[], None] | None = None,
    ) -> None:
        """Keep events for the next commit; `undo` is called should it fail."""
        with self._lock:
            self._held.append(_Held(events, payloads, undo))

    def commit(self) -> None:
        """Make all that is held durable; RecordError where that fails, and then nothing is.

        After a failure this execution is over; the run goes on with `Kernel.execute`.
        """
        ticket, held = self._enqueue()
        if ticket is None:
            return
        try:
            self.journal.commit(ticket)
        except BaseException:
            self._break(held)
            raise

    async def _commit_async(self) -> None:
        ticket, held = self._enqueue()
        if ticket is None or (ticket.done and ticket.error is None):
            return
        try:
            await asyncio.to_thread(self.journal.commit, ticket)
        except asyncio.CancelledError:
            raise  # the commit goes on in its thread; the run is taken up from its journal
        except BaseException:
            self._break(held)
            raise

    def _enqueue(self) -> tuple[Ticket | None, list[_Held]]:
        """Queue what is held; the ticket of what others queued before, where nothing is."""
        with self._lock:
            if self._broken:
                raise StaleWriter(f"run {self.run} has to be taken up from its journal again")
            held, self._held = self._held, []
            if held:
                progress = self.progress
                events = [event for one in held for event in one.events]
                payloads = [payload for one in held for payload in one.payloads]
                self._ticket = self.journal.enqueue(
                    progress.identity, events, expected_size=progress.size, payloads=payloads
                )
                progress.size += len(events)
            return self._ticket, held

    def _break(self, held: list[_Held]) -> None:
        with self._lock:
            self._broken = True
            rest, self._held = self._held, []
        for one in reversed([*held, *rest]):
            if one.undo is not None:
                one.undo()

    def _known(self, step: str) -> Outcome | None:
        """How a step ended already, or that the run is cancelled; None where it may run."""
        self.step(step)
        progress = self.progress
        with self._lock:
            if step in progress.outputs:
                return Outcome(output=progress.outputs[step])
            if step in progress.failed:
                return Outcome(error=progress.failed[step])
        if step in progress.cancelled or self.cancel_requested():
            now = utc_timestamp(self.clock.now_ns())
            wrapped = error_envelope(self.stopped or Cancelled(), step, now)
            return Outcome(error=wrapped, cancelled=True)
        return None
