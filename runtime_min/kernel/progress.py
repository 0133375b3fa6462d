"""How far a run is, as its journal says: rebuilt from events, and kept up as new ones are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.envelope import Decision, Request
from runtime_min.kernel.errors import RuntimeMinError
from runtime_min.kernel.states import RUN_MACHINES
from runtime_min.kernel.wire import request_from_json
from runtime_min.record.events import RunIdentity
from runtime_min.record.payloads import Payload

Payloads = Callable[[str], Payload | None]


@dataclass(slots=True)
class Progress:
    """A run under way, in the form that the next decision needs."""

    request: Request
    identity: RunIdentity
    decision: Decision
    size: int
    started: bool = False
    outputs: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    cancelled: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    """Of these, the ones that an engine decided not to run (again); no fault of theirs."""
    attempts: dict[str, int] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)
    """Steps whose last attempt has a start and no end."""
    completed_order: list[str] = field(default_factory=list)
    compensating: set[str] = field(default_factory=set)
    compensated: set[str] = field(default_factory=set)
    saga_states: set[str] = field(default_factory=set)
    given_up: bool = False
    """A compensation failed for good. Never rebuilt: that is recorded together with the end."""
    totals: dict[str, int] = field(default_factory=dict)

    def settled(self, step: str) -> bool:
        """Whether nothing more will happen to a step."""
        return step in self.outputs or step in self.failed or step in self.cancelled

    def settle(self, amounts: Mapping[str, int]) -> None:
        """Add what an attempt used to the run's totals."""
        for unit, amount in amounts.items():
            self.totals[unit] = self.totals.get(unit, 0) + amount


def rebuild(events: Sequence[Mapping[str, Any]], payload: Payloads) -> Progress:
    """The progress that checked `events` of one accepted run lead to.

    `payload` gives what a digest stands for; RuntimeMinError where the request was erased.
    """
    first = events[0]
    stored = payload(first["input"]["sha256"])
    if stored is None:
        raise RuntimeMinError(f"run {first['run']} cannot go on: its request was erased", "erased")
    request = request_from_json(json.loads(stored.data))
    progress = Progress(request, _identity(first), decision_of(events[1]), len(events))
    machine = RUN_MACHINES.get(request.kind)
    for event in events:
        _apply(progress, event, payload, machine[1]["started"] if machine else None)
    return progress


def decision_of(event: Mapping[str, Any]) -> Decision:
    """The policy's decision as a `policy.decided` event has it."""
    taken = event["decision"]
    return Decision(
        taken["outcome"] == "allow",
        taken["policy_sha256"],
        tuple(taken["reasons"]),
        taken.get("sandbox", "none"),
    )


def envelope_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The error of an event in the form that the rest of the runtime has it."""
    recorded = event.get("error") or {"type": "ExecutionError", "message": "", "code": "cancelled"}
    error = {**recorded}
    error["details"] = {"code": error.pop("code")}
    return {"error": error}


def _identity(first: Mapping[str, Any]) -> RunIdentity:
    trace = first["trace"]
    return RunIdentity(
        first["tenant"],
        first["run"],
        trace["session_id"],
        trace["trace_id"],
        first["actor"],
        trace["capability_id"],
        trace["version"],
    )


def _apply(
    progress: Progress, event: Mapping[str, Any], payload: Payloads, started: str | None
) -> None:
    kind, name = event["type"], event.get("step", "")
    if kind == "state.changed":
        moved = event["transition"]
        if moved["to"] == started and moved["entity"] == event["run"]:
            progress.started = True
        if moved["machine"] == "saga":
            progress.saga_states.add(moved["to"])
    elif kind == "step.started":
        progress.attempts[name] = event["attempt"]
        progress.interrupted.add(name)
    elif kind == "step.completed":
        kept = payload(event["output"]["sha256"])
        progress.outputs[name] = json.loads(kept.data) if kept else None
        progress.completed_order.append(name)
        progress.interrupted.discard(name)
    elif kind in ("step.failed", "step.refused", "step.skipped"):
        progress.failed[name] = envelope_of(event)
        progress.interrupted.discard(name)
        if kind == "step.skipped":
            progress.skipped.add(name)
    elif kind == "step.cancelled":
        progress.cancelled[name] = envelope_of(event)
        if "attempt" not in event:
            progress.skipped.add(name)
        progress.interrupted.discard(name)
    elif kind == "step.retried":
        progress.failed.pop(name, None)
    elif kind == "budget.settled":
        progress.settle(event["budget"]["amounts"])
    elif kind == "saga.compensating":
        progress.compensating.add(name)
    elif kind == "saga.compensated":
        progress.compensated.add(name)
