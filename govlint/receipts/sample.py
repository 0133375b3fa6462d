"""Sample receipts: a run told in a few words, completed and sealed with a key made for tests.

Rule pages show runs this way, and tests attack them. An event needs its `type` alone; what is not
said is what a plain run would say, a key with `null` is left out.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from govlint.receipts.canonical import canonical
from govlint.receipts.chain import genesis, run_origin
from govlint.receipts.envelope import write_envelope, write_statement
from govlint.receipts.format import tables
from govlint.receipts.keys import ED25519, SigningKey
from govlint.receipts.merkle import inclusion_proof, leaf_hash, levels_of, root_of
from govlint.receipts.notes import write_checkpoint, write_inclusion_proof

ORIGIN = "example.org/acme"
TENANT, RUN = "acme", "r-1"
_POLICY = "c9" * 32
_DIGEST = {"media": "application/json", "sha256": "98" * 32, "size": 2}
_CAPABILITY = {
    "id": "work",
    "sha256": "ab" * 32,
    "status": "active",
    "trusted": True,
    "verified": True,
    "version": "1.0",
}
_ERROR = {"code": "failed", "message": "it failed", "type": "ExecutionError"}
_AMOUNTS = {"time_ms": 60000}
_TERMINAL = ("run.completed", "run.failed", "run.cancelled", "run.refused")
Event = dict[str, Any]


def sample_key(name: str = ORIGIN, seed: int = 0) -> SigningKey:
    """A key whose secret everybody knows."""
    return SigningKey.from_seed(name, ED25519, bytes([seed]) * 32)


def completed(given: Iterable[Event], run: str = RUN, tenant: str = TENANT) -> list[Event]:
    """The events of a run, of which only what matters was given."""
    events: list[Event] = []
    sums: Counter[str] = Counter()
    for seq, short in enumerate(given):
        kind = short["type"]
        event = _merge(_defaults(short, run, tenant, seq, sums), short)
        if kind == "gate.decided":
            _fill_checks(event, short)
        if kind == "budget.settled":
            sums.update(event.get("budget", {}).get("amounts", {}))
        events.append(event)
    return events


def _defaults(short: Event, run: str, tenant: str, seq: int, sums: Mapping[str, int]) -> Event:
    kind = short["type"]
    step = short.get("step", "a" if _is_about_a_step(kind) else None)
    attempt = short.get("attempt", 1)
    event: Event = {
        "v": 1,
        "seq": seq,
        "tenant": tenant,
        "run": run,
        "epoch": 1,
        "ts": "2026-01-01T00:00:00.000000Z",
        "type": kind,
        "actor": "user:jane",
        "trace": {
            "trace_id": "0e" * 16,
            "span_id": "cc" * 8,
            "session_id": "s1",
            "task_id": step or run,
            "capability_id": "work",
            "version": "1.0",
        },
    }
    if step is not None:
        event["step"] = step
        if kind not in ("step.planned", "step.skipped", "step.cancelled") and kind[:5] != "saga.":
            event["attempt"] = attempt
    principal = {"id": "user:jane", "roles": ["analyst"], "tenant": tenant}
    request = {"kind": "plugin", "intent_type": "test.work", "idempotency_key": "k1"}
    decision = {"outcome": "allow", "policy_sha256": _POLICY, "reasons": []}
    started = {"input": _DIGEST, "capability": _CAPABILITY, "sandbox": "none"}
    own: dict[str, Event] = {
        "run.submitted": {"request": {**request, "principal": principal}, "input": _DIGEST},
        "policy.decided": {"decision": {**decision, "sandbox": "none"}},
        "run.completed": {"output": _DIGEST, "totals": dict(sums)},
        "run.failed": {"error": _ERROR, "totals": dict(sums)},
        "run.cancelled": {"error": {**_ERROR, "code": "cancelled"}, "totals": dict(sums)},
        "run.refused": {"error": {**_ERROR, "code": "refused-policy"}, "totals": dict(sums)},
        "step.planned": {"plan": {"depends_on": [], "max_attempts": 1, "timeout_ms": 60000}},
        "capability.resolved": {"capability": _CAPABILITY},
        "gate.decided": {"decision": decision},
        "budget.reserved": {"budget": {"amounts": _AMOUNTS, "reservation": f"{step}/{attempt}"}},
        "budget.settled": {"budget": {"amounts": _AMOUNTS, "reservation": f"{step}/{attempt}"}},
        "step.started": {**started, "idempotency_key": f"{run}/{step}/{attempt}"},
        "step.completed": {"output": _DIGEST},
        "step.failed": {"error": _ERROR},
        "step.skipped": {"error": {**_ERROR, "code": "skipped"}},
        "step.refused": {"error": {**_ERROR, "code": "refused-capability"}},
        "step.retried": {"delay_ms": 1500},
        "metrics.recorded": {"metrics": {"outcome": "SUCCESS", "duration_us": 1000}},
        "saga.failed": {"error": {**_ERROR, "code": "needs_operator"}},
    }
    return {**event, **copy.deepcopy(own.get(kind, {}))}


def _is_about_a_step(kind: str) -> bool:
    return kind.startswith(("step.", "budget.", "saga.comp")) or kind in (
        "capability.resolved",
        "gate.decided",
        "metrics.recorded",
    )


def _fill_checks(event: Event, short: Event) -> None:
    """The gate's checks, as its outcome has them, where they are not given."""
    if "checks" in short.get("decision", {}):
        return
    checks: list[Event] = []
    for name in tables()["gate_checks"]:
        denied = event["decision"]["outcome"] == "deny" and name == "capability"
        checks.append({"check": name, "passed": not denied})
        if denied:
            break
    event["decision"]["checks"] = checks


def _merge(base: Any, given: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(given, dict):
        return given
    merged = {key: value for key, value in base.items() if given.get(key, "") is not None}
    for key, value in given.items():
        if value is not None:
            merged[key] = _merge(base.get(key), value)
    return merged


# -- sealing -----------------------------------------------------------------------------------


def chained(events: Sequence[Event], origin: str = ORIGIN) -> list[bytes]:
    """The lines of events, each naming the one before."""
    lines: list[bytes] = []
    for event in events:
        prev = sha256(lines[-1]).hexdigest() if lines else None
        named = prev or genesis(run_origin(origin, event["run"]), event["tenant"], event["run"])
        lines.append(canonical({**event, "prev": named}))
    return lines


def sealed(events: Sequence[Event], key: SigningKey, log: Sequence[bytes] = ()) -> dict[str, bytes]:
    """The files of a bundle, signed by `key`; `log` are the lines before it in its tenant's."""
    lines = chained(events, key.name)
    previous = next((line for line in reversed(log) if b'"type":"receipt"' in line), None)
    payload = receipt(lines, events, key.name, len(log), previous)
    leaf = receipt_leaf(payload, events[0]["tenant"], events[0]["run"], len(log))
    hashes = [leaf_hash(line) for line in (*log, leaf)]
    head = write_checkpoint(key.name, len(hashes), root_of(hashes), key)
    tree = root_of([leaf_hash(line) for line in lines])
    origin = run_origin(key.name, events[0]["run"])
    return {
        "events.jsonl": b"".join(line + b"\n" for line in lines),
        "checkpoint": write_checkpoint(origin, len(lines), tree, key),
        "receipt.dsse.json": write_envelope(payload, key),
        "tenant.tlog-proof": write_inclusion_proof(
            len(log), inclusion_proof(levels_of(hashes), len(log)), head
        ),
    }


def receipt(
    lines: Sequence[bytes], events: Sequence[Event], origin: str, index: int, previous: bytes | None
) -> bytes:
    """The statement about a run."""
    import json

    first = events[0]
    last = next((e for e in reversed(events) if e["type"] in _TERMINAL), events[-1])
    decided = [e for e in events if e["type"] == "policy.decided"]
    data = b"".join(line + b"\n" for line in lines)
    predicate = {
        "schema": "urn:govlint:schema:run-receipt:1",
        "tenant": first["tenant"],
        "run": first["run"],
        "kind": first.get("request", {}).get("kind", "plugin"),
        "status": last["type"].partition(".")[2] if last["type"] in _TERMINAL else "completed",
        "final": True,
        "policySha256": decided[0]["decision"]["policy_sha256"] if decided else _POLICY,
        "engine": {"name": "sample", "version": "1"},
        "runtime": {"version": "1", "sha256": "cd" * 32},
        "log": {
            "origin": run_origin(origin, first["run"]),
            "size": len(lines),
            "rootSha256": root_of([leaf_hash(line) for line in lines]).hex(),
            "head": sha256(lines[-1]).hexdigest(),
        },
        "tenantOrigin": origin,
        "tenantIndex": index,
        "previousReceipt": json.loads(previous)["sha256"] if previous else None,
        "counts": dict(Counter(event["type"] for event in events)),
        "totals": last.get("totals", {}),
        "artifacts": [],
    }
    subject = [{"name": "events.jsonl", "digest": {"sha256": sha256(data).hexdigest()}}]
    return write_statement(subject, "urn:govlint:predicate:run-receipt:1", predicate)


def receipt_leaf(payload: bytes, tenant: str, run: str, index: int) -> bytes:
    """The line of the tenant's log that stands for a receipt."""
    digest = sha256(payload).hexdigest()
    return canonical(
        {"v": 1, "index": index, "tenant": tenant, "type": "receipt", "run": run, "sha256": digest}
    )


PLAIN: tuple[Event, ...] = tuple(
    {"type": kind}
    for kind in (
        "run.submitted policy.decided run.accepted step.planned capability.resolved gate.decided"
        " budget.reserved step.started step.completed budget.settled metrics.recorded"
        " run.completed"
    ).split()
)
