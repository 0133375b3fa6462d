"""The gate: the only code that calls a capability.

An attempt has three parts. `open` checks in order identity, tenant, lease, policy, budget,
capability and breaker, and precharges. Its events are made durable by who called, and only then
may `call` run the handler, under a deadline. `close` judges what came of it, settles the budget
and gives the events of outcome, metrics and state.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.breaker import Breakers, Change
from runtime_min.kernel.checks import checks
from runtime_min.kernel.envelope import Capability, Envelope, Invocation, Permit
from runtime_min.kernel.errors import (
    Cancelled,
    CapabilityFailed,
    Refused,
    RuntimeMinError,
    ValidationFailed,
    error_envelope,
    recorded_error,
)
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.ports import Clock, Randomness, utc_timestamp
from runtime_min.kernel.workers import Called, Workers, attempt
from runtime_min.record.canonical import NotCanonical, canonical_user_value
from runtime_min.record.events import Event
from runtime_min.record.payloads import JSON_MEDIA, Payload


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: an output, or the error envelope with `_internal`."""

    output: Any = None
    digest: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    retryable: bool = False
    refused: bool = False
    cancelled: bool = False


@dataclass(slots=True)
class Attempt:
    """One attempt on its way through the gate; `outcome` is there once it is refused or closed."""

    envelope: Envelope
    capability: Capability | None
    begun_ns: int
    amounts: dict[str, int]
    events: list[Event] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)
    outcome: Outcome | None = None
    invocation: Invocation | None = None
    called_ns: int = 0
    given_bytes: int = 0
    used: dict[str, int] = field(default_factory=dict)


class Gate:
    """Judges and runs envelopes. One for a runtime, since breakers and accounts are shared."""

    def __init__(
        self,
        catalog: Mapping[str, Capability],
        ledger: Ledger,
        breakers: Breakers,
        clock: Clock,
        randomness: Randomness,
        *,
        inline: bool = False,
    ) -> None:
        """`inline` runs capabilities in the calling thread, which simulation needs; a deadline
        is then noticed only when the capability returns."""
        self._catalog = catalog
        self._ledger = ledger
        self._breakers = breakers
        self._clock = clock
        self._randomness = randomness
        self._workers = Workers()
        self._live: dict[str, str] = {}
        self.inline = inline

    def holds(self, permit: Permit) -> bool:
        """Whether `permit` is of an attempt that this gate let through and that still runs."""
        return self._live.get(permit.token) == permit.capability_id

    def open(
        self,
        envelope: Envelope,
        cancelled: Callable[[], bool] = lambda: False,
        upstream: Mapping[str, Any] | None = None,
    ) -> Attempt:
        """Judge an envelope and precharge. The handler may run once the events are durable."""
        capability = self._catalog.get(envelope.step.capability_id)
        amounts = {"time_ms": envelope.step.timeout_ms, **envelope.step.budget}
        now = self._clock.monotonic_ns()
        made = Attempt(envelope, capability, now, amounts)
        found = checks(
            envelope, capability, amounts, self._ledger, self._breakers, self._clock.now_ns()
        )
        if capability is None or not found[-1]["passed"]:
            return self._refuse(made, found)
        data = canonical_user_value(envelope.step.payload)
        try:
            self._ledger.reserve(envelope.tenant, envelope.run, envelope.reservation, amounts)
        except Refused as error:  # another attempt was faster
            reason = {"check": "budget", "passed": False, "reason": str(error)}
            return self._refuse(made, [*found[:4], reason])
        given = Payload.of(data, JSON_MEDIA, self._randomness)
        changes = self._breakers.enter(envelope.tenant, capability.id)
        at = self._event(made)
        shown = capability.as_json()
        made.events = [
            at("capability.resolved", capability=shown),
            at("gate.decided", decision=_decision(envelope, found)),
            *self._breaker_events(at, capability.id, changes),
            at("budget.reserved", budget=_budget(envelope, amounts)),
            at(
                "step.started",
                input=given.digest,
                idempotency_key=envelope.idempotency_key,
                capability=shown,
                sandbox=capability.sandbox,
            ),
        ]
        made.payloads = [given]
        made.given_bytes = len(data)
        permit = Permit(self._randomness.bytes(16).hex(), capability.id)
        made.invocation = Invocation(
            envelope.step.payload,
            permit,
            envelope.tenant,
            envelope.run,
            envelope.idempotency_key,
            cancelled,
            upstream or {},
        )
        return made

    def abandon(self, opened: Attempt) -> None:
        """Take back what `open` took: nothing is on record, so nothing runs or stays taken."""
        envelope = opened.envelope
        if opened.outcome is None:
            self._ledger.release(envelope.tenant, envelope.run, envelope.reservation)
            self._breakers.abandon(envelope.tenant, envelope.step.capability_id)

    def call(self, opened: Attempt) -> Called:
        """Run the handler of a recorded attempt and wait for it, no longer than its deadline."""
        timeout_ms = opened.envelope.step.timeout_ms
        work = self._begin(opened)
        if not self.inline:
            return self._workers.call(work, timeout_ms / 1000) or self.late(opened)
        called = attempt(work)
        if self._clock.monotonic_ns() - opened.called_ns <= timeout_ms * 1_000_000:
            return called
        return self.late(opened)

    def start(self, opened: Attempt, deliver: Callable[[Called], None]) -> None:
        """Run the handler of a recorded attempt in a thread, which calls `deliver` at its end.

        The deadline is the caller's: past it, `close` with what `late` gives, and forget the rest.
        """
        self._workers.start(self._begin(opened), deliver)

    async def call_async(self, opened: Attempt) -> Called:
        """`call` for an event loop: an `async def` handler runs in the loop, others in a thread."""
        loop = asyncio.get_running_loop()
        seconds = opened.envelope.step.timeout_ms / 1000
        work = self._begin(opened)
        if inspect.iscoroutinefunction(opened.capability.handler if opened.capability else None):
            try:
                return await asyncio.wait_for(self._handler(opened), seconds), None
            except TimeoutError:
                return self.late(opened)
            except Exception as error:
                return None, error
        if self.inline:
            return attempt(work)
        future: asyncio.Future[Called] = loop.create_future()

        def hand_over(called: Called) -> None:
            if not future.done():
                future.set_result(called)

        def deliver(called: Called) -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it who waited
                loop.call_soon_threadsafe(hand_over, called)

        self._workers.start(work, deliver)
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return self.late(opened)

    def late(self, opened: Attempt) -> Called:
        """What stands for the answer of a handler that has outlived its deadline."""
        step = opened.envelope.step
        return None, CapabilityFailed(
            f"{step.capability_id} did not finish within {step.timeout_ms} ms",
            "timeout",
            retryable=True,
        )

    def close(self, opened: Attempt, called: Called) -> tuple[list[Event], list[Payload]]:
        """Judge what came of an attempt, settle, and give the events that say so."""
        envelope, capability, invocation = opened.envelope, opened.capability, opened.invocation
        assert capability is not None and invocation is not None, "a refused attempt is closed"
        self._live.pop(invocation.permit.token, None)
        outcome, payload = self._judge(capability, *called)
        opened.used = self._used(opened, invocation, payload)
        outcome, payload = self._within(opened, outcome, payload)
        opened.outcome = outcome
        at = self._event(opened)
        events = [at(kind, **fields) for kind, fields in list(invocation.notes)]
        error = outcome.error
        if outcome.cancelled:
            events.append(at("step.cancelled", error=recorded_error(error or {})))
        elif error is not None:
            events.append(at("step.failed", error=recorded_error(error)))
        else:
            events.append(at("step.completed", output=dict(outcome.digest or {})))
        blameless = outcome.cancelled or (error or {}).get("error", {}).get("type") == (
            "ValidationError"
        )
        blamed = error is not None and not blameless and capability.breaks
        changes = self._breakers.leave(envelope.tenant, capability.id, blamed)
        duration = (self._clock.monotonic_ns() - opened.begun_ns) // 1000
        ended = "ERROR" if error is not None else "SUCCESS"
        events.append(at("budget.settled", budget=_budget(envelope, opened.used)))
        events.append(at("metrics.recorded", metrics={"outcome": ended, "duration_us": duration}))
        events += self._breaker_events(at, capability.id, changes)
        self._ledger.settle(envelope.tenant, envelope.run, envelope.reservation, opened.used)
        return events, [payload] if payload else []

    def reopen(self, closed: Attempt) -> None:
        """Undo the settlement of an attempt whose end could not be recorded: it is open again."""
        envelope = closed.envelope
        self._ledger.unsettle(
            envelope.tenant, envelope.run, envelope.reservation, closed.amounts, closed.used
        )

    def _begin(self, opened: Attempt) -> Callable[[], Any]:
        invocation = opened.invocation
        assert invocation is not None and opened.capability is not None, "a refused attempt runs"
        handler = opened.capability.handler
        self._live[invocation.permit.token] = opened.capability.id
        opened.called_ns = self._clock.monotonic_ns()
        if inspect.iscoroutinefunction(handler):
            return lambda: asyncio.run(self._handler(opened))
        return lambda: handler(invocation)

    async def _handler(self, opened: Attempt) -> Any:
        assert opened.capability is not None and opened.invocation is not None
        return await opened.capability.handler(opened.invocation)

    def _refuse(self, made: Attempt, found: list[dict[str, Any]]) -> Attempt:
        refusal = found[-1]
        error = Refused(
            f"refused by the gate ({refusal['check']}): {refusal['reason']}",
            f"refused-{refusal['check']}",
        )
        wrapped = error_envelope(error, made.envelope.step.capability_id, self._now())
        at = self._event(made)
        if made.capability is not None:
            made.events.append(at("capability.resolved", capability=made.capability.as_json()))
        made.events.append(at("gate.decided", decision=_decision(made.envelope, found)))
        made.events.append(at("step.refused", error=recorded_error(wrapped)))
        made.outcome = Outcome(error=wrapped, refused=True)
        return made

    def _judge(
        self, capability: Capability, result: Any, error: BaseException | None
    ) -> tuple[Outcome, Payload | None]:
        if error is not None:
            retryable = isinstance(error, CapabilityFailed) and error.retryable
            cancelled = isinstance(error, Cancelled)
            wrapped = self._wrap(error, capability)
            return Outcome(error=wrapped, retryable=retryable, cancelled=cancelled), None
        if isinstance(result, dict) and "error" in result and "_internal" in result:
            return Outcome(error=result, retryable=_says_retryable(result)), None
        try:
            data = canonical_user_value(result)
        except NotCanonical as fault:
            invalid = ValidationFailed(f"the output is no JSON: {fault}", "invalid-output")
            return Outcome(error=self._wrap(invalid, capability)), None
        payload = Payload.of(data, JSON_MEDIA, self._randomness)
        return Outcome(output=result, digest=payload.digest), payload

    def _used(
        self, opened: Attempt, invocation: Invocation, payload: Payload | None
    ) -> dict[str, int]:
        """What the attempt used, for the units that were reserved and for time.

        Memory and processor time of a thread cannot be told from its neighbours': what the
        capability does not report is settled as it was reserved.
        """
        elapsed = (self._clock.monotonic_ns() - opened.called_ns) // 1_000_000
        moved = opened.given_bytes + (len(payload.data) if payload else 0)
        measured = {"time_ms": elapsed, "io_bytes": moved, "tokens": 0}
        return {
            unit: invocation.used.get(unit, measured.get(unit, reserved))
            for unit, reserved in opened.amounts.items()
        }

    def _within(
        self, opened: Attempt, outcome: Outcome, payload: Payload | None
    ) -> tuple[Outcome, Payload | None]:
        used, amounts = opened.used, opened.amounts
        over = [u for u in used if u != "time_ms" and used[u] > amounts[u]]
        if not over or outcome.error is not None or opened.capability is None:
            return outcome, payload
        unit = over[0]
        error = RuntimeMinError(
            f"{opened.capability.id} used {used[unit]} {unit} and had {amounts[unit]}",
            "budget-exceeded",
        )
        return Outcome(error=self._wrap(error, opened.capability)), None

    def _breaker_events(
        self, at: Callable[..., Event], capability_id: str, changes: list[Change]
    ) -> list[Event]:
        return [
            at(
                "state.changed",
                transition={"machine": "breaker", "entity": capability_id, "from": b, "to": a},
            )
            for b, a in changes
        ]

    def _event(self, made: Attempt) -> Callable[..., Event]:
        """Maker of events of this attempt; those of one part share a span."""
        span = self._randomness.bytes(8).hex()
        envelope, capability = made.envelope, made.capability
        version = capability.version if capability else "unresolved"
        step, number = envelope.step, envelope.attempt

        def at(kind: str, **fields: Any) -> Event:
            fields["step"] = step.id
            fields["attempt"] = number
            return Event(kind, fields, span, step.id, step.capability_id, version)

        return at

    def _wrap(self, error: BaseException, capability: Capability) -> dict[str, Any]:
        return error_envelope(error, capability.id, self._now())

    def _now(self) -> str:
        return utc_timestamp(self._clock.now_ns())


def _decision(envelope: Envelope, found: list[dict[str, Any]]) -> dict[str, Any]:
    refused = not found[-1]["passed"]
    return {
        "outcome": "deny" if refused else "allow",
        "policy_sha256": envelope.decision.policy_sha256,
        "reasons": [found[-1]["reason"]] if refused else [],
        "checks": found,
    }


def _budget(envelope: Envelope, amounts: Mapping[str, int]) -> dict[str, Any]:
    return {"reservation": envelope.reservation, "amounts": amounts}


def _says_retryable(envelope: Mapping[str, Any]) -> bool:
    return envelope["error"].get("details", {}).get("retryable") is True
