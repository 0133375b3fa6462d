"""The kernel: one way from a request to its outcome, for every front end.

accept: validate → decide (once) → record. execute: plan → gate, step by step → record.
recover: take up what a crash left, from the journal alone.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import (
    Capability,
    Decision,
    Envelope,
    Request,
    Step,
    check_request,
    ordered,
)
from runtime_min.kernel.errors import (
    Cancelled,
    Refused,
    RuntimeMinError,
    StaleWriter,
    error_envelope,
)
from runtime_min.kernel.gate import Gate, Outcome, recorded_error
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.policy import Policy
from runtime_min.kernel.ports import Clock, Randomness, utc_timestamp
from runtime_min.kernel.states import RUN_MACHINES
from runtime_min.kernel.wire import request_from_json, request_to_json
from runtime_min.record.canonical import canonical_user_value
from runtime_min.record.events import Event, RunIdentity
from runtime_min.record.journal import Journal
from runtime_min.record.payloads import JSON_MEDIA, Payload


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands: `status` is accepted, refused, completed, failed or cancelled."""

    run: str
    status: str
    output: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Progress:
    """A run under way: what its journal says, in the form that the next decision needs."""

    request: Request
    identity: RunIdentity
    decision: Decision
    size: int
    started: bool = False
    outputs: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    pending_retry: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


class Kernel:
    """Owns execution and its record. Thread-safe: a run is executed by one thread at a time."""

    def __init__(
        self,
        journal: Journal,
        catalog: Mapping[str, Capability],
        policy: Policy,
        *,
        clock: Clock,
        randomness: Randomness,
        ledger: Ledger | None = None,
        breakers: Breakers | None = None,
        inline: bool = False,
    ) -> None:
        self.journal = journal
        self.ledger = ledger or Ledger()
        self.breakers = breakers or Breakers(clock)
        self._catalog = catalog
        self._policy = policy
        self._clock = clock
        self._randomness = randomness
        self._running: set[tuple[str, str]] = set()
        self._running_lock = threading.Lock()
        self.gate = Gate(catalog, self.ledger, self.breakers, clock, randomness, inline=inline)
        for tenant in journal.tenants():
            self.ledger.restore(tenant, self._budget_events(tenant))
            self.breakers.restore(tenant, self._breaker_events(tenant))

    def submit(self, request: Request) -> RunResult:
        """Accept and execute; an earlier run with the same idempotency key is the answer, too."""
        accepted = self.accept(request)
        if accepted.status != "accepted":
            return accepted
        return self.execute(request.tenant, accepted.run)

    def accept(self, request: Request) -> RunResult:
        """Validate, decide and record; nothing is executed yet.

        ValidationFailed for a malformed request. A refusal is a result, since it is recorded.
        """
        check_request(request)
        known = self.journal.run_by_key(request.tenant, request.idempotency_key)
        if known is not None:
            return self.result(request.tenant, known.run)
        run = request.run or f"r-{self._randomness.bytes(10).hex()}"
        first = request.steps[0]
        capability = self._catalog.get(first.capability_id)
        identity = RunIdentity(
            request.tenant,
            run,
            request.session.id,
            request.trace_id or self._randomness.bytes(16).hex(),
            request.principal.id,
            first.capability_id,
            capability.version if capability else "unresolved",
        )
        given = Payload.of(
            canonical_user_value(request_to_json(request)), JSON_MEDIA, self._randomness
        )
        decision = self._policy.evaluate(request)
        events = [
            self._event(
                "run.submitted",
                request={
                    "kind": request.kind,
                    "intent_type": request.intent_type,
                    "idempotency_key": request.idempotency_key,
                    "principal": request.principal.as_json(),
                },
                input=given.digest,
            ),
            self._event(
                "policy.decided",
                decision={
                    "outcome": "allow" if decision.allowed else "deny",
                    "policy_sha256": decision.policy_sha256,
                    "reasons": list(decision.reasons),
                    "sandbox": decision.sandbox,
                },
            ),
        ]
        if decision.allowed:
            events.append(self._event("run.accepted"))
            events += self._entity(request, run, None, "accepted")
            events += [self._planned(step) for step in request.steps]
        else:
            wrapped = self._wrap(Refused("; ".join(decision.reasons), "refused-policy"), identity)
            events.append(self._event("run.refused", error=recorded_error(wrapped), totals={}))
        try:
            self.journal.append(identity, events, expected_size=0, payloads=[given])
        except StaleWriter:  # the same key at the same time: the other one is the run
            raced = self.journal.run_by_key(request.tenant, request.idempotency_key)
            if raced is None:
                raise
            return self.result(request.tenant, raced.run)
        return self.result(request.tenant, run)

    def execute(self, tenant: str, run: str) -> RunResult:
        """Bring an accepted run to its end, from wherever its journal says it stands."""
        with self._running_lock:
            if (tenant, run) in self._running:
                return self.result(tenant, run)
            self._running.add((tenant, run))
        try:
            row = self.journal.run(tenant, run)
            if row is None or row.terminal is not None:
                return self.result(tenant, run)
            progress = self._load(tenant, run)
            self._close_interrupted(progress)
            return self._go(progress)
        finally:
            with self._running_lock:
                self._running.discard((tenant, run))

    def recover(self) -> list[RunResult]:
        """Execute what is accepted and not finished; call it once after a start."""
        return [self.execute(row.tenant, row.run) for row in self.unfinished()]

    def unfinished(self) -> list[Any]:
        """Runs that are accepted and not finished, of all tenants."""
        return [
            row
            for tenant in self.journal.tenants()
            for row in self.journal.runs(tenant, open_only=True, limit=-1)
        ]

    def cancel(self, tenant: str, run: str) -> bool:
        """Ask for a run to be cancelled; it stops before its next attempt. False if it is over."""
        return self.journal.request_cancel(tenant, run)

    def result(self, tenant: str, run: str) -> RunResult:
        """How a run stands, from its journal; RuntimeMinError where this tenant has no such run."""
        events = self.journal.events(tenant, run)
        if not events:
            raise RuntimeMinError(f"there is no run {run}", "unknown-run")
        last = events[-1]
        if last["type"] == "run.completed":
            output = self.journal.payload(tenant, last["output"]["sha256"])
            value = json.loads(output.data) if output else None
            return RunResult(run, "completed", output=value)
        if last["type"] in ("run.failed", "run.cancelled", "run.refused"):
            status = last["type"].removeprefix("run.")
            error = {**last["error"]}
            code = error.pop("code")
            details = {"code": code}
            plugin = last["trace"]["capability_id"].removeprefix("plugin:")
            public = {**error, "details": details, "plugin": plugin, "timestamp": last["ts"]}
            return RunResult(run, status, error=public)
        return RunResult(run, "accepted")

    def _go(self, progress: _Progress) -> RunResult:
        request, run = progress.request, progress.identity.run
        if not progress.started:
            moved = self._entity(request, run, "accepted", "started")
            if moved:
                self._record(progress, moved)
        fatal: Mapping[str, Any] | None = None
        for step in ordered(request.steps):
            if step.id in progress.outputs or step.id in progress.failed:
                failure = progress.failed.get(step.id)
                if failure is not None and not step.continue_on_error:
                    fatal = fatal or failure
                continue
            if self._cancel_requested(progress):
                return self._finish_cancelled(progress)
            if fatal is not None:
                error = {"type": "ExecutionError", "message": "an earlier step failed"}
                self._record(
                    progress,
                    [self._event("step.skipped", step, error={**error, "code": "skipped"})],
                )
                continue
            outcome = self._attempts(progress, step)
            if outcome is None:
                return self._finish_cancelled(progress)
            if outcome.error is not None and not step.continue_on_error:
                fatal = outcome.error
        return self._finish(progress, fatal)

    def _attempts(self, progress: _Progress, step: Step) -> Outcome | None:
        """Attempts of one step until one succeeds, none is left, or the run is cancelled (None)."""
        while True:
            attempt = progress.attempts.get(step.id, 0) + 1
            envelope = Envelope(
                progress.request.tenant,
                progress.identity.run,
                progress.request.principal,
                progress.request.session,
                progress.identity.trace_id,
                step,
                attempt,
                progress.decision,
            )
            outcome = self.gate.execute(
                envelope,
                lambda events, payloads: self._record(progress, events, payloads),
                lambda: self._cancel_requested(progress),
            )
            progress.attempts[step.id] = attempt
            if outcome.error is None:
                progress.outputs[step.id] = outcome.output
                return outcome
            if not outcome.retryable or attempt >= step.retry.max_attempts:
                progress.failed[step.id] = outcome.error
                return outcome
            self._wait_for_retry(progress, step, attempt)
            if self._cancel_requested(progress):
                return None

    def _wait_for_retry(self, progress: _Progress, step: Step, attempt: int) -> None:
        seconds = step.retry.delay_seconds(attempt - 1)
        event = self._event(
            "step.retried", step, attempt=attempt + 1, delay_ms=round(seconds * 1000)
        )
        self._record(progress, [event])
        self._clock.sleep(seconds)

    def _finish(self, progress: _Progress, fatal: Mapping[str, Any] | None) -> RunResult:
        request, run = progress.request, progress.identity.run
        status = "completed" if fatal is None else "failed"
        events = self._entity(request, run, "started", status)
        totals = dict(progress.totals)
        if fatal is not None:
            events.append(self._event("run.failed", error=recorded_error(fatal), totals=totals))
            self._record(progress, events)
            return self.result(request.tenant, run)
        outputs = progress.outputs
        value = outputs[request.steps[0].id] if len(request.steps) == 1 and outputs else outputs
        payload = Payload.of(canonical_user_value(value), JSON_MEDIA, self._randomness)
        events.append(self._event("run.completed", output=payload.digest, totals=totals))
        self._record(progress, events, [payload])
        return RunResult(run, "completed", output=value)

    def _finish_cancelled(self, progress: _Progress) -> RunResult:
        request, run = progress.request, progress.identity.run
        wrapped = self._wrap(Cancelled(), progress.identity)
        settled = {*progress.outputs, *progress.failed}
        events = [
            self._event("step.cancelled", step) for step in request.steps if step.id not in settled
        ]
        events += self._entity(request, run, "started", "cancelled")
        events.append(
            self._event(
                "run.cancelled", error=recorded_error(wrapped), totals=dict(progress.totals)
            )
        )
        self._record(progress, events)
        return self.result(request.tenant, run)

    def _load(self, tenant: str, run: str) -> _Progress:
        """Rebuild a run from its journal and the payload of its request."""
        events = self.journal.events(tenant, run)
        first, decided = events[0], events[1]
        stored = self.journal.payload(tenant, first["input"]["sha256"])
        if stored is None:
            raise RuntimeMinError(f"run {run} cannot go on: its request was erased", "erased")
        request = request_from_json(json.loads(stored.data))
        trace = first["trace"]
        identity = RunIdentity(
            tenant,
            run,
            trace["session_id"],
            trace["trace_id"],
            first["actor"],
            trace["capability_id"],
            trace["version"],
        )
        taken = decided["decision"]
        decision = Decision(
            taken["outcome"] == "allow",
            taken["policy_sha256"],
            tuple(taken["reasons"]),
            taken["sandbox"],
        )
        progress = _Progress(request, identity, decision, len(events))
        steps = {step.id: step for step in request.steps}
        machine = RUN_MACHINES.get(request.kind)
        for event in events:
            self._replay_event(progress, steps, event, machine[1]["started"] if machine else None)
        return progress

    def _replay_event(
        self,
        progress: _Progress,
        steps: Mapping[str, Step],
        event: Mapping[str, Any],
        started_state: str | None,
    ) -> None:
        kind, name = event["type"], event.get("step", "")
        if kind == "state.changed" and event["transition"]["to"] == started_state:
            progress.started = progress.started or event["transition"]["entity"] == event["run"]
        elif kind == "step.started":
            progress.attempts[name] = event["attempt"]
            progress.pending_retry[name] = 0
        elif kind == "step.completed":
            payload = self.journal.payload(event["tenant"], event["output"]["sha256"])
            progress.outputs[name] = json.loads(payload.data) if payload else None
            progress.pending_retry.pop(name, None)
        elif kind in ("step.failed", "step.refused", "step.skipped"):
            progress.failed[name] = {"error": {**event["error"]}}
            progress.failed[name]["error"]["details"] = {"code": event["error"]["code"]}
            progress.pending_retry.pop(name, None)
        elif kind == "step.retried":
            progress.failed.pop(name, None)
        elif kind == "budget.settled":
            for unit, amount in event["budget"]["amounts"].items():
                progress.totals[unit] = progress.totals.get(unit, 0) + amount

    def _close_interrupted(self, progress: _Progress) -> None:
        """Close the attempt that a crash cut off, in the record and in the ledger."""
        for step in progress.request.steps:
            if step.id not in progress.pending_retry:
                continue
            attempt = progress.attempts[step.id]
            error = {
                "type": "ExecutionError",
                "message": "the runtime ended while this attempt was running",
                "code": "interrupted",
            }
            amounts = {"time_ms": step.timeout_ms, **step.budget}
            reservation = f"{step.id}/{attempt}"
            again = attempt < step.retry.max_attempts
            events = [
                self._event("step.failed", step, attempt=attempt, error=error),
                self._event(
                    "budget.settled",
                    step,
                    attempt=attempt,
                    budget={"reservation": reservation, "amounts": amounts},
                ),
                self._event(
                    "metrics.recorded",
                    step,
                    attempt=attempt,
                    metrics={"outcome": "ERROR", "duration_us": 0},
                ),
            ]
            if again:
                events.append(self._event("step.retried", step, attempt=attempt + 1, delay_ms=0))
            else:
                progress.failed[step.id] = {"error": {**error, "details": {"code": "interrupted"}}}
            self._record(progress, events)
            self.ledger.settle(progress.request.tenant, progress.identity.run, reservation, amounts)

    def _record(
        self, progress: _Progress, events: list[Event], payloads: list[Payload] | None = None
    ) -> None:
        progress.size = self.journal.append(
            progress.identity, events, expected_size=progress.size, payloads=payloads or ()
        )
        for event in events:
            if event.type == "budget.settled":
                for unit, amount in event.fields["budget"]["amounts"].items():
                    progress.totals[unit] = progress.totals.get(unit, 0) + amount

    def _cancel_requested(self, progress: _Progress) -> bool:
        row = self.journal.run(progress.request.tenant, progress.identity.run)
        return row is not None and row.cancel_requested

    def _entity(self, request: Request, run: str, before: str | None, after: str) -> list[Event]:
        """The event by which a job or mission moves along with its run."""
        if request.kind not in RUN_MACHINES:
            return []
        machine, names = RUN_MACHINES[request.kind]
        transition = {
            "machine": machine,
            "entity": run,
            "from": names[before] if before else None,
            "to": names[after],
        }
        return [self._event("state.changed", transition=transition)]

    def _planned(self, step: Step) -> Event:
        return self._event(
            "step.planned",
            step,
            plan={
                "depends_on": list(dict.fromkeys(step.depends_on)),
                "max_attempts": step.retry.max_attempts,
                "timeout_ms": step.timeout_ms,
                "continue_on_error": step.continue_on_error,
            },
        )

    def _event(self, kind: str, step: Step | None = None, **fields: Any) -> Event:
        span = self._randomness.bytes(8).hex()
        if step is None:
            return Event(kind, fields, span)
        capability = self._catalog.get(step.capability_id)
        version = capability.version if capability else "unresolved"
        return Event(kind, {"step": step.id, **fields}, span, step.id, step.capability_id, version)

    def _wrap(self, error: BaseException, identity: RunIdentity) -> dict[str, Any]:
        return error_envelope(error, identity.capability_id, utc_timestamp(self._clock.now_ns()))

    def _budget_events(self, tenant: str) -> list[dict[str, Any]]:
        found = []
        for kind in ("budget.reserved", "budget.settled"):
            found += self.journal.query(tenant, type=kind, limit=-1)
        return found

    def _breaker_events(self, tenant: str) -> list[dict[str, Any]]:
        found = []
        for kind in ("metrics.recorded", "state.changed"):
            found += self.journal.query(tenant, type=kind, limit=-1)
        return sorted(found, key=lambda e: (e["ts"], e["run"], e["seq"]))


def code_digest(code: Callable[..., Any] | type) -> str:
    """SHA-256 of the source file that a capability is written in."""
    import inspect

    with open(inspect.getfile(code), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
