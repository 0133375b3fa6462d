"""The gate: the only code that calls a capability.

It checks in order identity, tenant, lease, policy, budget, capability and breaker; precharges;
makes `step.started` durable; runs under a deadline; and whatever happens, settles the budget and
records metrics and state in one commit with the outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel.breaker import Breakers, Change
from runtime_min.kernel.envelope import Capability, Envelope, Invocation, Permit
from runtime_min.kernel.errors import (
    CapabilityFailed,
    Refused,
    RuntimeMinError,
    ValidationFailed,
    error_envelope,
)
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.ports import Clock, Randomness, utc_timestamp
from runtime_min.record.canonical import NotCanonical, canonical_user_value
from runtime_min.record.events import Event
from runtime_min.record.payloads import JSON_MEDIA, Payload

SANDBOX_LEVELS = ("none", "rlimits", "landlock", "bubblewrap")
Record = Callable[[list[Event], list[Payload]], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: an output, or the error envelope with `_internal`."""

    output: Any = None
    digest: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    retryable: bool = False
    refused: bool = False


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
        self._inline = inline
        self._live: dict[str, str] = {}

    def holds(self, permit: Permit) -> bool:
        """Whether `permit` is of an attempt that this gate let through and that still runs."""
        return self._live.get(permit.token) == permit.capability_id

    def execute(
        self, envelope: Envelope, record: Record, cancelled: Callable[[], bool] = lambda: False
    ) -> Outcome:
        """Run one attempt, or refuse it. `record` makes events durable before it returns."""
        started = self._clock.monotonic_ns()
        capability = self._catalog.get(envelope.step.capability_id)
        amounts = {"time_ms": envelope.step.timeout_ms, **envelope.step.budget}
        checks = self._checks(envelope, capability, amounts)
        refusal = next((c for c in checks if not c["passed"]), None)
        events = self._opening(envelope, capability, checks)
        if refusal is not None or capability is None:
            return self._refuse(envelope, events, refusal, record)
        try:
            self._ledger.reserve(envelope.tenant, envelope.run, envelope.reservation, amounts)
        except Refused as error:  # another attempt was faster
            checks[4:] = [{"check": "budget", "passed": False, "reason": str(error)}]
            events = self._opening(envelope, capability, checks)
            return self._refuse(envelope, events, checks[-1], record)
        data = canonical_user_value(envelope.step.payload)
        given = Payload.of(data, JSON_MEDIA, self._randomness)
        changes = self._breakers.enter(envelope.tenant, capability.id)
        events += self._breaker_events(envelope, capability.id, changes)
        at = self._event(envelope, capability)
        budget = {"reservation": envelope.reservation, "amounts": amounts}
        events.append(at("budget.reserved", budget=budget))
        events.append(
            at(
                "step.started",
                input=given.digest,
                idempotency_key=envelope.idempotency_key,
                capability=capability.as_json(),
                sandbox="none",
            )
        )
        record(events, [given])
        permit = Permit(self._randomness.bytes(16).hex(), capability.id)
        invocation = Invocation(
            envelope.step.payload,
            permit,
            envelope.tenant,
            envelope.run,
            envelope.idempotency_key,
            cancelled,
        )
        outcome, payload = (
            Outcome(error=self._wrap(Refused("not run", "not-run"), capability)),
            None,
        )
        self._live[permit.token] = capability.id
        called = self._clock.monotonic_ns()
        try:
            result, raised = self._call(capability, invocation, envelope.step.timeout_ms)
            outcome, payload = self._judge(capability, result, raised)
        finally:
            self._live.pop(permit.token, None)
            used = self._used(invocation, amounts, called, len(data), payload)
            outcome, payload = self._within(outcome, payload, used, amounts, capability)
            self._close(envelope, capability, invocation, outcome, payload, used, started, record)
        return outcome

    def _checks(
        self, envelope: Envelope, capability: Capability | None, amounts: Mapping[str, int]
    ) -> list[dict[str, Any]]:
        """The checks in the order of spec 004 section 6.5, up to the first that fails."""
        principal, session, decision = envelope.principal, envelope.session, envelope.decision
        now = self._clock.now_ns()

        def identity() -> str | None:
            return None if principal.id and principal.roles else "the principal has no identity"

        def tenant() -> str | None:
            for what, owner in (("principal", principal.tenant), ("session", session.tenant)):
                if owner != envelope.tenant:
                    return f"the {what} belongs to tenant {owner}, the run to {envelope.tenant}"
            return None

        def lease() -> str | None:
            return None if session.expires_ns > now else f"the lease of {session.id} has run out"

        def policy() -> str | None:
            if not decision.allowed:
                return "; ".join(decision.reasons) or "the policy denies this request"
            if decision.sandbox != "none":
                return f"the policy demands the sandbox {decision.sandbox}, which is not available"
            return None

        def budget() -> str | None:
            return self._ledger.refusal(envelope.tenant, amounts)

        def trust() -> str | None:
            if capability is None:
                return f"there is no capability {envelope.step.capability_id!r}"
            if not (capability.verified and capability.trusted and capability.status == "active"):
                return (
                    f"{capability.id} is not verified, trusted and active (verified: "
                    f"{capability.verified}, trusted: {capability.trusted}, {capability.status})"
                )
            return None

        def breaker() -> str | None:
            return self._breakers.refusal(envelope.tenant, envelope.step.capability_id)

        results: list[dict[str, Any]] = []
        for check in (identity, tenant, lease, policy, budget, trust, breaker):
            name = "capability" if check is trust else check.__name__
            reason = check()
            results.append({"check": name, "passed": reason is None})
            if reason is not None:
                results[-1]["reason"] = reason
                break
        return results

    def _opening(
        self, envelope: Envelope, capability: Capability | None, checks: list[dict[str, Any]]
    ) -> list[Event]:
        at = self._event(envelope, capability)
        passed = all(check["passed"] for check in checks)
        events = []
        if capability is not None:
            events.append(at("capability.resolved", capability=capability.as_json()))
        events.append(
            at(
                "gate.decided",
                decision={
                    "outcome": "allow" if passed else "deny",
                    "policy_sha256": envelope.decision.policy_sha256,
                    "reasons": [c["reason"] for c in checks if not c["passed"]],
                    "checks": checks,
                },
            )
        )
        return events

    def _refuse(
        self,
        envelope: Envelope,
        events: list[Event],
        refusal: Mapping[str, Any] | None,
        record: Record,
    ) -> Outcome:
        check, reason = (refusal or {})["check"], (refusal or {})["reason"]
        error = Refused(f"refused by the gate ({check}): {reason}", f"refused-{check}")
        wrapped = error_envelope(error, envelope.step.capability_id, self._now())
        at = self._event(envelope, self._catalog.get(envelope.step.capability_id))
        record([*events, at("step.refused", error=recorded_error(wrapped))], [])
        return Outcome(error=wrapped, refused=True)

    def _call(
        self, capability: Capability, invocation: Invocation, timeout_ms: int
    ) -> tuple[Any, BaseException | None]:
        """Call the handler under a deadline; what it raises is handed back, not raised."""
        box: list[tuple[Any, BaseException | None]] = []

        def call() -> None:
            try:
                box.append((capability.handler(invocation), None))
            except Exception as error:
                box.append((None, error))

        if self._inline:
            before = self._clock.monotonic_ns()
            call()
            if self._clock.monotonic_ns() - before <= timeout_ms * 1_000_000:
                return box[0]
        else:
            worker = threading.Thread(target=call, name=f"step-{capability.id}", daemon=True)
            worker.start()
            worker.join(timeout_ms / 1000)
            if box:
                return box[0]
        return None, CapabilityFailed(
            f"{capability.id} did not finish within {timeout_ms} ms", "timeout", retryable=True
        )

    def _judge(
        self, capability: Capability, result: Any, error: BaseException | None
    ) -> tuple[Outcome, Payload | None]:
        if error is not None:
            retryable = isinstance(error, CapabilityFailed) and error.retryable
            return Outcome(error=self._wrap(error, capability), retryable=retryable), None
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
        self,
        invocation: Invocation,
        amounts: Mapping[str, int],
        called: int,
        given: int,
        payload: Payload | None,
    ) -> dict[str, int]:
        """What the attempt used, for the units that were reserved and for time.

        Memory and processor time of a thread cannot be told from its neighbours': what the
        capability does not report is settled as it was reserved.
        """
        elapsed = (self._clock.monotonic_ns() - called) // 1_000_000
        measured = {"time_ms": elapsed, "io_bytes": given + (len(payload.data) if payload else 0)}
        used = {}
        for unit, reserved in amounts.items():
            used[unit] = measured.get(unit, reserved)
            if unit in invocation.used:
                used[unit] = invocation.used[unit]
            elif unit == "tokens":
                used[unit] = 0
        return used

    def _within(
        self,
        outcome: Outcome,
        payload: Payload | None,
        used: Mapping[str, int],
        amounts: Mapping[str, int],
        capability: Capability,
    ) -> tuple[Outcome, Payload | None]:
        over = [u for u in used if u != "time_ms" and used[u] > amounts[u]]
        if not over or outcome.error is not None:
            return outcome, payload
        unit = over[0]
        error = RuntimeMinError(
            f"{capability.id} used {used[unit]} {unit} and had {amounts[unit]}", "budget-exceeded"
        )
        return Outcome(error=self._wrap(error, capability)), None

    def _close(
        self,
        envelope: Envelope,
        capability: Capability,
        invocation: Invocation,
        outcome: Outcome,
        payload: Payload | None,
        used: dict[str, int],
        started: int,
        record: Record,
    ) -> None:
        at = self._event(envelope, capability)
        events = [at(kind, **fields) for kind, fields in list(invocation.notes)]
        failed = outcome.error is not None
        if outcome.error is not None:
            events.append(at("step.failed", error=recorded_error(outcome.error)))
        else:
            events.append(at("step.completed", output=dict(outcome.digest or {})))
        blamed = failed and (outcome.error or {})["error"]["type"] != "ValidationError"
        changes = self._breakers.leave(envelope.tenant, capability.id, blamed)
        budget = {"reservation": envelope.reservation, "amounts": used}
        events.append(at("budget.settled", budget=budget))
        events.append(
            at(
                "metrics.recorded",
                metrics={
                    "outcome": "ERROR" if failed else "SUCCESS",
                    "duration_us": (self._clock.monotonic_ns() - started) // 1000,
                },
            )
        )
        events += self._breaker_events(envelope, capability.id, changes)
        record(events, [payload] if payload else [])
        self._ledger.settle(envelope.tenant, envelope.run, envelope.reservation, used)

    def _breaker_events(
        self, envelope: Envelope, capability_id: str, changes: list[Change]
    ) -> list[Event]:
        at = self._event(envelope, self._catalog.get(capability_id))
        return [
            at(
                "state.changed",
                transition={"machine": "breaker", "entity": capability_id, "from": b, "to": a},
            )
            for b, a in changes
        ]

    def _event(self, envelope: Envelope, capability: Capability | None) -> Callable[..., Event]:
        span = self._randomness.bytes(8).hex()

        def at(kind: str, **fields: Any) -> Event:
            return Event(
                kind,
                {"step": envelope.step.id, "attempt": envelope.attempt, **fields},
                span,
                envelope.step.id,
                envelope.step.capability_id,
                capability.version if capability else "unresolved",
            )

        return at

    def _wrap(self, error: BaseException, capability: Capability) -> dict[str, Any]:
        return error_envelope(error, capability.id, self._now())

    def _now(self) -> str:
        return utc_timestamp(self._clock.now_ns())


def recorded_error(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What a record keeps of an error envelope: never its `_internal`."""
    error = envelope["error"]
    code = error.get("details", {}).get("code", "execution-failed")
    return {"type": error["type"], "message": str(error["message"])[:4000], "code": code}


def _says_retryable(envelope: Mapping[str, Any]) -> bool:
    return envelope["error"].get("details", {}).get("retryable") is True
