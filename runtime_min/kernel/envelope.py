"""What is asked of the kernel, and the envelope in which each attempt of a step travels."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.errors import ValidationFailed

UNITS = ("cpu_ms", "memory_kb", "time_ms", "tokens", "io_bytes")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_INTENT_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
KINDS = ("plugin", "mission", "intent", "role", "saga", "replay")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and to which tenant they belong."""

    id: str
    tenant: str
    roles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "tenant": self.tenant, "roles": list(self.roles)}


@dataclass(frozen=True, slots=True)
class Session:
    """A session's lease: after `expires_ns` (wall time) nothing runs under it."""

    id: str
    tenant: str
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits `backoff_factor × 2^n` seconds (n from 0), or `backoff_factor × (n + 1)` if linear,
    or `backoff_factor` if constant."""

    max_attempts: int = 1
    backoff_factor: float = 1.5
    linear: bool = False
    constant: bool = False

    def delay_seconds(self, retry: int) -> float:
        """Wait before retry number `retry`, counted from 0."""
        if self.constant:
            return self.backoff_factor
        return self.backoff_factor * ((retry + 1) if self.linear else 2**retry)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan: a capability with its input and its bounds."""

    id: str
    capability_id: str
    payload: Any
    depends_on: tuple[str, ...] = ()
    timeout_ms: int = 60_000
    retry: Retry = Retry()
    budget: Mapping[str, int] = field(default_factory=dict)
    continue_on_error: bool = False
    compensates: str | None = None
    """The step that this one undoes: it runs only when the run fails after that step."""
    claims: tuple[str, ...] = ()
    """JSON pointers (RFC 6901) of what the output is declared to hold, each to be evidenced."""


@dataclass(frozen=True, slots=True)
class QualityGate:
    """How much of what a run claims must be evidenced (spec 000: 90 %), in basis points."""

    threshold_bp: int = 9000
    blocks: bool = False
    """Whether a run below the threshold fails; else it completes and the record says so."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a front end submits: `tenant` is whose run it will be."""

    tenant: str
    principal: Principal
    session: Session
    kind: str
    intent_type: str
    idempotency_key: str
    steps: tuple[Step, ...]
    run: str | None = None
    trace_id: str | None = None
    quality_gate: QualityGate | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the front end needs to go on after a restart; plain JSON, recorded with the request."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer, taken once and frozen into every envelope of the run."""

    allowed: bool
    policy_sha256: str
    reasons: tuple[str, ...] = ()
    sandbox: str = "none"


@dataclass(frozen=True, slots=True)
class Permit:
    """Shows that the gate let one attempt through; worth something only while it runs."""

    token: str
    capability_id: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """All that the gate needs to judge and to run one attempt of one step."""

    tenant: str
    run: str
    principal: Principal
    session: Session
    trace_id: str
    step: Step
    attempt: int
    decision: Decision

    @property
    def idempotency_key(self) -> str:
        """The key that every capability is given: at-least-once effects can be told apart."""
        return f"{self.run}/{self.step.id}/{self.attempt}"

    @property
    def reservation(self) -> str:
        return f"{self.step.id}/{self.attempt}"


@dataclass(slots=True)
class Invocation:
    """What a capability gets, and where it says what it did and what it used."""

    payload: Any
    permit: Permit
    tenant: str
    run: str
    idempotency_key: str
    cancelled: Callable[[], bool]
    upstream: Mapping[str, Any] = field(default_factory=dict)
    """Outputs of the steps that this one depends on or compensates, by step."""
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)

    def record_validation(self, target: str, passed: bool, reasons: tuple[str, ...] = ()) -> None:
        """Say that input or output was checked, and how it came out."""
        validation = {"target": target, "passed": passed, "reasons": list(reasons)}
        self.notes.append(("validation.recorded", {"validation": validation}))

    def record_transition(self, machine: str, entity: str, before: str | None, after: str) -> None:
        """Say that an entity changed state."""
        transition = {"machine": machine, "entity": entity, "from": before, "to": after}
        self.notes.append(("state.changed", {"transition": transition}))

    def charge(self, unit: str, amount: int) -> None:
        """Add to what this attempt used, for units that only the capability can count."""
        if unit not in UNITS or amount < 0:
            raise ValidationFailed(f"{amount} {unit} cannot be charged (units: {', '.join(UNITS)})")
        self.used[unit] = self.used.get(unit, 0) + amount


@dataclass(frozen=True, slots=True)
class Capability:
    """What a name stands for. `sha256` is the digest of the code that was verified."""

    id: str
    version: str
    sha256: str
    handler: Callable[[Invocation], Any]
    status: str = "active"
    verified: bool = True
    trusted: bool = True
    sandbox: str = "none"
    """The level under which the handler does its work; a policy may demand more."""
    breaks: bool = True
    """Whether its failures open its circuit: not where they are the caller's, as of a command."""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "version": self.version,
            "sha256": self.sha256,
            "status": self.status,
            "verified": self.verified,
            "trusted": self.trusted,
        }


def check_request(request: Request) -> None:
    """Raise ValidationFailed for what no policy needs to see."""
    for name, value in (
        ("tenant", request.tenant),
        ("session", request.session.id),
        ("run", request.run or "x"),
    ):
        if not _IDENTIFIER.fullmatch(value):
            raise ValidationFailed(
                f"{name} {value!r}: accepted are up to 128 letters, digits, '.', '_' and '-'"
            )
    if request.kind not in KINDS:
        raise ValidationFailed(f"kind {request.kind!r}: accepted are {', '.join(KINDS)}")
    if not _INTENT_TYPE.fullmatch(request.intent_type):
        raise ValidationFailed(f"intent type {request.intent_type!r}: it has the form realm.action")
    if not 0 < len(request.idempotency_key) <= 200:
        raise ValidationFailed("the idempotency key has 1 to 200 characters")
    gate = request.quality_gate
    if gate is not None and not 9000 <= gate.threshold_bp <= 10_000:
        raise ValidationFailed(f"a quality gate at {gate.threshold_bp}: accepted are 9000 to 10000")
    if not request.steps:
        raise ValidationFailed("a request has at least one step")
    ordered(request.steps)
    _check_compensations(request.steps)
    for step in request.steps:
        if step.timeout_ms < 1 or step.retry.max_attempts < 1:
            raise ValidationFailed(f"step {step.id}: timeout and attempts are at least 1")
        for unit, amount in step.budget.items():
            if unit not in UNITS or not 0 <= amount < 2**53:
                raise ValidationFailed(f"step {step.id}: {amount} {unit} is no budget")


def _check_compensations(steps: tuple[Step, ...]) -> None:
    """A compensation undoes one step, follows nothing else, and nothing follows it."""
    by_id = {step.id: step for step in steps}
    undone: set[str] = set()
    for step in steps:
        for name in step.depends_on:
            if by_id[name].compensates is not None:
                raise ValidationFailed(f"step {step.id} depends on {name}, which is a compensation")
        if step.compensates is None:
            continue
        target = by_id.get(step.compensates)
        if target is None or target.compensates is not None:
            raise ValidationFailed(
                f"step {step.id} compensates {step.compensates}, which is no step that acts"
            )
        if target.id in undone:
            raise ValidationFailed(f"two steps compensate {target.id}")
        undone.add(target.id)


def ordered(steps: tuple[Step, ...]) -> list[Step]:
    """Steps in an order that respects `depends_on`, otherwise as written."""
    known = {step.id for step in steps}
    if len(known) != len(steps):
        raise ValidationFailed("two steps have one id")
    for step in steps:
        if not _IDENTIFIER.fullmatch(step.id):
            raise ValidationFailed(f"step {step.id!r}: not an identifier")
        if missing := [name for name in step.depends_on if name not in known]:
            raise ValidationFailed(f"step {step.id} depends on {missing[0]}, which is no step")
    waiting = {step.id: set(step.depends_on) for step in steps}
    dependents: dict[str, list[str]] = {}
    for step in steps:
        for name in set(step.depends_on):
            dependents.setdefault(name, []).append(step.id)
    position = {step.id: at for at, step in enumerate(steps)}
    ready = [position[name] for name, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    result: list[Step] = []
    while ready:
        step = steps[heapq.heappop(ready)]
        result.append(step)
        for name in dependents.get(step.id, ()):
            waiting[name].discard(step.id)
            if not waiting[name]:
                heapq.heappush(ready, position[name])
    if len(result) != len(steps):
        stuck = sorted(known - {step.id for step in result})
        raise ValidationFailed(f"the steps {', '.join(stuck)} wait for each other")
    return result
