"""Replay: what happened, gone through again without doing any of it a second time.

events_only gives the checked events; state_only folds them into the states they lead to; full
runs the kernel's own logic over the recorded outputs in a scratch journal and compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel.envelope import Invocation, Principal
from runtime_min.kernel.errors import RecordError
from runtime_min.kernel.ports import Randomness
from runtime_min.kernel.states import TERMINAL_EVENTS, check_transition
from runtime_min.kernel.wire import request_from_json
from runtime_min.record.canonical import canonical_user_value
from runtime_min.record.events import Event, RunIdentity
from runtime_min.record.journal import Journal
from runtime_min.record.payloads import JSON_MEDIA, Payload, salted
from runtime_min.record.recorded import Recorded

_COMPARED = (
    "step.planned",
    "gate.decided",
    "step.started",
    "step.completed",
    "step.failed",
    "step.refused",
    "step.retried",
    "step.skipped",
    "step.cancelled",
    "saga.compensating",
    "saga.compensated",
    "saga.failed",
    "quality_gate.decided",
    "run.completed",
    "run.failed",
    "run.cancelled",
    "run.refused",
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One completed step, then and now; `explanation` says where they first differ."""

    step: str
    recorded: str
    observed: str | None
    explanation: str | None = None

    @property
    def match(self) -> bool:
        return self.recorded == self.observed


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a full replay found; `drift` is the first difference in the order of events."""

    run: str
    comparisons: tuple[Comparison, ...]
    drift: str | None

    @property
    def faithful(self) -> bool:
        return self.drift is None and all(c.match for c in self.comparisons)


def events_only(journal: Journal, tenant: str, run: str) -> list[dict[str, Any]]:
    """The run's events, their chain checked; RecordError where there are none."""
    events = journal.events(tenant, run)
    if not events:
        raise RecordError(f"there is no run {run}", "unknown-run")
    return events


def state_only(journal: Journal, tenant: str, run: str) -> dict[str, dict[str, str]]:
    """States of all entities after the run, by machine; IllegalTransition where they cannot be."""
    states: dict[str, dict[str, str]] = {"run": {}, "step": {}}

    def move(machine: str, entity: str, before: str | None, after: str) -> None:
        check_transition(machine, before, after)
        states.setdefault(machine, {})[entity] = after

    for event in events_only(journal, tenant, run):
        kind = event["type"]
        realm, _, name = kind.partition(".")
        if kind == "state.changed":
            change = event["transition"]
            move(change["machine"], change["entity"], change["from"], change["to"])
        elif realm == "run":
            move("run", run, states["run"].get(run), name)
        elif realm == "step" and kind != "step.retried":
            move("step", event["step"], states["step"].get(event["step"]), name)
    return states


def full(
    journal: Journal,
    tenant: str,
    run: str,
    again: Mapping[str, Callable[[Invocation], Any]] | None = None,
) -> ReplayReport:
    """Run the record through the kernel once more and compare digests and decisions.

    Every call is answered from the record, so no effect is repeated. `again` names capabilities
    that the caller knows to be pure and wants computed anew, to find drift in their code.
    """
    events = events_only(journal, tenant, run)
    if events[-1]["type"] not in TERMINAL_EVENTS:
        raise RecordError(f"run {run} is not finished", "unfinished")
    stored = journal.payload(tenant, events[0]["input"]["sha256"])
    if stored is None:
        raise RecordError(f"run {run} cannot be replayed: its request was erased", "erased")
    if events[0]["request"]["kind"] == "replay":
        raise RecordError(f"run {run} is itself a replay", "replay-of-replay")
    then = Recorded(journal, tenant, events, again or {})
    now = then.repeat(request_from_json(json.loads(stored.data)))
    comparisons = _comparisons(journal, tenant, events, then.observed)
    return ReplayReport(run, tuple(comparisons), _first_difference(events, now))


def record_replay(
    journal: Journal,
    principal: Principal,
    session_id: str,
    report: ReplayReport,
    randomness: Randomness,
    policy_sha256: str,
) -> str:
    """Put a replay on record as a run of its own; returns its id."""
    tenant = principal.tenant
    run = f"replay-{randomness.bytes(8).hex()}"
    identity = RunIdentity(
        tenant, run, session_id, randomness.bytes(16).hex(), principal.id, "replay", "1"
    )
    outcome = {"of": report.run, "faithful": report.faithful, "drift": report.drift}
    given = Payload.of(canonical_user_value({"of": report.run}), JSON_MEDIA, randomness)
    result = Payload.of(canonical_user_value(outcome), JSON_MEDIA, randomness)
    request = {
        "kind": "replay",
        "intent_type": "replay.full",
        "idempotency_key": run,
        "principal": principal.as_json(),
        "replay_of": report.run,
    }
    decision = {"outcome": "allow", "policy_sha256": policy_sha256, "reasons": []}
    facts: list[tuple[str, dict[str, Any]]] = [
        ("run.submitted", {"request": request, "input": given.digest}),
        ("policy.decided", {"decision": decision}),
        ("run.accepted", {}),
    ]
    for found in report.comparisons:
        said = {
            "step": found.step,
            "recorded": found.recorded,
            "observed": found.observed,
            "match": found.match,
            "explanation": (found.explanation or "")[:2000],
        }
        facts.append(("replay.compared", {"replay": said}))
    if report.drift:
        facts.append(("note.recorded", {"note": report.drift[:4000]}))
    facts.append(("run.completed", {"output": result.digest, "totals": {}}))
    events = [Event(kind, fields, randomness.bytes(8).hex()) for kind, fields in facts]
    journal.append(identity, events, expected_size=0, payloads=[given, result])
    return run


def _comparisons(
    journal: Journal, tenant: str, events: list[dict[str, Any]], observed: Mapping[str, Any]
) -> list[Comparison]:
    found = []
    for event in events:
        if event["type"] != "step.completed":
            continue
        recorded = event["output"]["sha256"]
        payload = journal.payload(tenant, recorded)
        if payload is None:
            found.append(Comparison(event["step"], recorded, None, "the output was erased"))
        elif event["step"] not in observed:
            found.append(Comparison(event["step"], recorded, None, "the step was not reached"))
        else:
            data = canonical_user_value(observed[event["step"]])
            digest = salted(payload.salt, data)
            why = None if digest == recorded else _where(json.loads(payload.data), json.loads(data))
            found.append(Comparison(event["step"], recorded, digest, why))
    return found


def _first_difference(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> str | None:
    """Where the two part; times, salts and durations are not compared.

    Steps that ran at the same time may be interleaved otherwise: each is compared by itself.
    """
    recorded, observed = _by_step(then), _by_step(now)
    for step in [*recorded, *(name for name in observed if name not in recorded)]:
        before, after = recorded.get(step, []), observed.get(step, [])
        for at in range(max(len(before), len(after))):
            old = before[at] if at < len(before) else "nothing"
            new = after[at] if at < len(after) else "nothing"
            if old != new:
                where = f"event {at + 1} of {step}" if step else f"event {at + 1} of the run"
                return f"{where}: recorded was {old}, the replay has {new}"
    return None


def _by_step(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in events:
        if event["type"] in _COMPARED:
            found.setdefault(event.get("step", ""), []).append(_essence(event))
    return found


def _essence(event: Mapping[str, Any]) -> str:
    parts = [event["type"], event.get("step", ""), str(event.get("attempt", ""))]
    parts.append(event.get("decision", {}).get("outcome", ""))
    parts.append(event.get("error", {}).get("code", ""))
    if "plan" in event:
        parts.append(json.dumps(event["plan"], sort_keys=True))
    parts.append(str(event.get("quality_gate", {}).get("passed", "")))
    return " ".join(part for part in parts if part)


def _where(old: Any, new: Any, path: str = "") -> str:
    """The first difference of two JSON values that differ, as a pointer and both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        if alone := sorted({*old} ^ {*new}):
            return f"{path}/{alone[0]}: only in the {'record' if alone[0] in old else 'replay'}"
        key = next(key for key in sorted(old) if old[key] != new[key])
        return _where(old[key], new[key], f"{path}/{key}")
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        at = next(at for at in range(len(old)) if old[at] != new[at])
        return _where(old[at], new[at], f"{path}/{at}")
    return f"{path or '/'}: {json.dumps(old)[:80]} then, {json.dumps(new)[:80]} now"
