"""What a run may say, case by case: each record is chained and signed as it should be."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from receipt_files import KEY, POLICY, judged, lay_down, told
from test_receipt_tampering import FAILED, RUNS, tenant_folder

from govlint.receipts.bundle import read_bundle
from govlint.receipts.canonical import canonical
from govlint.receipts.envelope import read_envelope, write_envelope
from govlint.receipts.keys import SigningKey, tobase64
from govlint.receipts.merkle import inclusion_proof, leaf_hash, levels_of, root_of
from govlint.receipts.notes import write_checkpoint, write_inclusion_proof
from govlint.receipts.pins import Pins
from govlint.receipts.policy import policy_of_keys
from govlint.receipts.request import Request
from govlint.receipts.ring import Ring
from govlint.receipts.sample import (
    PLAIN,
    RUN,
    TENANT,
    Event,
    completed,
    receipt_leaf,
    sample_key,
    sealed,
)

ATTEMPT = [dict(event) for event in PLAIN[4:11]]
BEGIN = [{"type": "run.submitted"}, {"type": "policy.decided"}, {"type": "run.accepted"}]
END = {"type": "run.completed"}
FAIL = {"type": "run.failed"}


def attempt(step: str = "a", number: int = 1, ends: str = "completed") -> list[Event]:
    """All events of one attempt."""
    events: list[Event] = [{**copy.deepcopy(e), "step": step, "attempt": number} for e in ATTEMPT]
    events[4]["type"] = f"step.{ends}"
    if ends != "completed":
        events[6]["metrics"] = {"outcome": "ERROR"}
    return events


def plan(step: str = "a", **more: Any) -> Event:
    return {"type": "step.planned", "step": step, "plan": more}


def change(number: int, **more: Any) -> list[Event]:
    """A plain run of which one event (from 1) says something else."""
    events = [dict(event) for event in PLAIN]
    events[number - 1] |= more
    return events


def moved(machine: str, *states: str | None, entity: str = "e") -> list[Event]:
    """The events by which an entity goes through these states."""
    pairs = itertools.pairwise(states)
    return [
        {"type": "state.changed",
         "transition": {"machine": machine, "entity": entity, "from": old, "to": new}}
        for old, new in pairs
    ]  # fmt: skip


def said(tmp_path: Path, events: list[Event]) -> list[str]:
    """What is found in a run, without the place's file where that is the events."""
    lay_down(tmp_path, sealed(completed(events), KEY))
    return [entry.replace("events.jsonl:", "") for entry in told(judged(tmp_path))]


RETRY = {"type": "step.retried", "attempt": 2}
TWICE = {"plan": {"max_attempts": 2}}
interrupted = attempt(ends="failed")
interrupted[4] |= {"error": {"code": "interrupted"}}
recovered = [*interrupted[:4], *({**event, "epoch": 2} for event in interrupted[4:])]

GOOD: dict[str, list[Event]] = {
    "every machine to its end": [
        *BEGIN, plan(), *moved("job", None, "PENDING", "RUNNING", entity=RUN), *ATTEMPT,
        *moved("job", "RUNNING", "SUCCESS", entity=RUN),
        *moved("mission", None, "Pending", "Running", "Completed"),
        *moved("role", None, "READY", "PARSING", "VALIDATE", "SCHEDULE", "EXECUTING", "SUCCESS",
               "AUDITING", "COMPLETE"),
        *moved("plugin", "INITIALIZED", "RUNNING", "INITIALIZED"),
        *moved("breaker", "open", "half_open", "closed"), END],
    "a crash that was recovered": [*BEGIN, plan(), *recovered, {**FAIL, "epoch": 2}],
    "a refused step that the plan lets go": [
        *BEGIN, plan(continue_on_error=True), plan("b", depends_on=["a"]),
        {"type": "gate.decided", "decision": {"outcome": "deny"}}, {"type": "step.refused"},
        *attempt("b"), END],
    "a cancelled attempt": [*BEGIN, plan(), *attempt(ends="cancelled"), {"type": "run.cancelled"}],
    "what never began is cancelled": [*BEGIN, plan(), {"type": "step.cancelled"},
                                      {"type": "run.cancelled"}],
    "a retry that a cancellation ends": [
        *BEGIN, plan(max_attempts=2), *attempt(ends="failed"), RETRY, {"type": "step.cancelled"},
        {"type": "run.cancelled"}],
    "notes and validations between": [
        *BEGIN, plan(), *ATTEMPT[:4],
        {"type": "validation.recorded", "validation": {"target": "output", "passed": True,
                                                       "reasons": []}},
        {"type": "note.recorded", "note": "fine"}, *ATTEMPT[4:], END],
    "an evidence of an earlier line": [],
}  # fmt: skip
GOOD.pop("an evidence of an earlier line")

BAD: dict[str, tuple[list[Event], list[str]]] = {
    "it begins with something else": (
        [{"type": "note.recorded", "note": "x"}, *PLAIN],
        ["RCP005 1"]),
    "submitted twice": ([*PLAIN[:3], BEGIN[0], *PLAIN[3:]], ["RCP005 4"]),
    "decided late": (
        [BEGIN[0], {"type": "note.recorded", "note": "x"}, *PLAIN[1:]], ["RCP005 3"]),
    "decided twice": ([*PLAIN[:3], BEGIN[1], *PLAIN[3:]], ["RCP004 4"]),
    "accepted twice": ([*PLAIN[:3], BEGIN[2], *PLAIN[3:]], ["RCP005 4"]),
    "accepted late": (
        [*PLAIN[:2], {"type": "note.recorded", "note": "x"}, *PLAIN[2:]], ["RCP005 4"]),
    "never decided": ([BEGIN[0], *PLAIN[2:]], ["RCP004 2"]),
    "never decided, never accepted, completed": ([BEGIN[0], END], ["RCP004 2", "RCP005 2"]),
    "completed and never accepted": ([BEGIN[0], BEGIN[1], END], ["RCP005 3"]),
    "refused after it was accepted": ([*BEGIN, {"type": "run.refused"}], ["RCP004 4", "RCP005 4"]),
    "refused and never denied": ([*BEGIN[:2], {"type": "run.refused"}], ["RCP004 3"]),
    "executed and never accepted": ([*PLAIN[:2], *PLAIN[3:11], FAIL],
                                    ["RCP005 3", "RCP004 7", "RCP005 11"]),
    "planned twice": ([*PLAIN[:4], plan(), *PLAIN[4:]], ["RCP005 5"]),
    "started and never planned": ([*BEGIN, *ATTEMPT, END], ["RCP005 7"]),
    "started after it was completed": ([*PLAIN[:11], *attempt(number=2), END], ["RCP005 15"]),
    "an attempt left out": (
        [*BEGIN, plan(max_attempts=3), *attempt(number=2), END], ["RCP005 8"]),
    "an attempt too many": (
        [*BEGIN, plan(), *attempt(ends="failed"), *attempt(number=2), END], ["RCP005 15"]),
    "another key than its own": (change(8, idempotency_key="r-1/b/1"), ["RCP005 8"]),
    "a failure that others relied on is taken back": (
        [*BEGIN, plan(max_attempts=2, continue_on_error=True), plan("b", depends_on=["a"]),
         *attempt(ends="failed"), *attempt("b"), RETRY, *attempt(number=2), END], ["RCP005 24"]),
    "a start on nothing": ([*BEGIN, plan(depends_on=["z"]), *ATTEMPT, END], ["RCP005 4"]),
    "steps that wait for each other": (
        [*BEGIN, plan(depends_on=["b"]), plan("b", depends_on=["a"]),
         {"type": "step.skipped"}, {"type": "step.skipped", "step": "b"}, END], ["RCP005 4"]),
    "an end that was never a start": (
        [*BEGIN, plan(max_attempts=2), *ATTEMPT[:4], {"type": "step.completed", "attempt": 2},
         *ATTEMPT[5:], END], ["RCP005 9"]),
    "an interruption in the same epoch": ([*BEGIN, plan(), *interrupted, FAIL], ["RCP005 9"]),
    "retried while it runs": (
        [*BEGIN, plan(max_attempts=2), *ATTEMPT[:4], RETRY, *ATTEMPT[4:], END], ["RCP005 9"]),
    "retried twice": (
        [*BEGIN, plan(max_attempts=3), *attempt(ends="failed"), RETRY, RETRY,
         *attempt(number=2), END], ["RCP005 13"]),
    "a retry that is due at the end": (
        [*BEGIN, plan(max_attempts=2, continue_on_error=True), *attempt(ends="failed"), RETRY, END],
        ["RCP005 13"]),
    "completed over a failure": ([*BEGIN, plan(), *attempt(ends="failed"), END], ["RCP005 12"]),
    "completed over what never began": ([*PLAIN[:4], plan("b"), *PLAIN[4:]], ["RCP005 13"]),
    "a step moved by hand": ([*PLAIN[:4], *moved("step", None, "planned"), *PLAIN[4:]],
                             ["RCP005 5"]),
    "a state that there is not": ([*PLAIN[:4], *moved("job", None, "QUEUED"), *PLAIN[4:]],
                                  ["RCP005 5"]),
    "a job left running": ([*PLAIN[:4], *moved("job", None, "PENDING", "RUNNING"), *PLAIN[4:]],
                           ["RCP005 14"]),
    "a job that failed in a run that did not": (
        [*PLAIN[:4], *moved("job", None, "PENDING", "RUNNING", "FAILED", entity=RUN), *PLAIN[4:]],
        ["RCP005 15"]),
    "a breaker out of nothing": ([*PLAIN[:4], *moved("breaker", "closed", "half_open"), *PLAIN[4:]],
                                 ["RCP005 5"]),
    "another policy at the gate": (
        change(6, decision={"policy_sha256": "00" * 32}), ["RCP004 6"]),
    "a gate that decides twice": ([*PLAIN[:6], PLAIN[5], *PLAIN[6:]], ["RCP004 7"]),
    "a check that failed and was let pass": (
        change(6, decision={"checks": [{"check": c, "passed": c != "lease"} for c in
               "identity tenant lease policy budget capability breaker".split()]}), ["RCP004 6"]),
    "checking on after a failure": (
        [*BEGIN, plan(), {"type": "gate.decided", "decision": {"outcome": "deny", "checks": [
            {"check": "identity", "passed": False}, {"check": "tenant", "passed": True}]}},
         {"type": "step.refused"}, FAIL], ["RCP004 5"]),
    "refused and never denied at the gate": (
        [*BEGIN, plan(), *ATTEMPT[:2], {"type": "step.refused"}, FAIL], ["RCP004 7"]),
    "denied, and the run goes by": (
        [*BEGIN, plan(), {"type": "gate.decided", "decision": {"outcome": "deny"}},
         {"type": "step.skipped"}, FAIL], ["RCP004 5"]),
    "a capability that is not trusted": (change(5, capability={"trusted": False}), ["RCP009 8"]),
    "a revoked one at the start": (change(8, capability={"status": "revoked"}), ["RCP009 8"]),
    "a reservation of another": (change(7, budget={"reservation": "b/1"}), ["RCP008 7"]),
    "reserved twice": ([*PLAIN[:7], PLAIN[6], *PLAIN[7:]], ["RCP008 8"]),
    "a settlement of another": (change(10, budget={"reservation": "b/1"}), ["RCP008 10"]),
    "settled and never reserved": (
        [*PLAIN[:4], {"type": "budget.settled", "attempt": 9}, *PLAIN[4:]], ["RCP008 5"]),
    "a unit that was not reserved": (
        change(10, budget={"amounts": {"tokens": 5, "time_ms": 1}}), ["RCP008 10"]),
    "measured twice": ([*PLAIN[:11], PLAIN[10], END], ["RCP011 12"]),
    "measured and never started": (
        [*PLAIN[:4], {"type": "metrics.recorded", "attempt": 9}, *PLAIN[4:]], ["RCP011 5"]),
    "another session": (change(9, trace={"session_id": "s2"}), ["RCP006 9"]),
    "a trace that is none": (change(9, trace=None), ["RCP006 9"]),
    "times that go back": (change(9, ts="2025-12-31T23:59:59.999999Z"), ["RCP002 9"]),
    "a time that there is not": (change(9, ts="2026-02-30T00:00:00.000000Z"), ["RCP001 9"]),
    "an epoch that falls": ([{**e, "epoch": 1 if n == 9 else 2} for n, e in enumerate(PLAIN)],
                            ["RCP002 10"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_run_that_may_be(name: str, tmp_path: Path) -> None:
    assert said(tmp_path, GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_run_that_may_not_be(name: str, tmp_path: Path) -> None:
    events, wanted = BAD[name]
    assert said(tmp_path, events) == wanted


def test_a_long_chain_of_steps_takes_no_longer_than_it_is(tmp_path: Path) -> None:
    names = [f"s{n}" for n in range(3000)]
    plans = [plan(b, depends_on=[a]) for a, b in itertools.pairwise(names)]
    skipped: list[Event] = [{"type": "step.skipped", "step": name} for name in names]
    events = [*BEGIN, plan(names[0]), *plans[::-1], *skipped, END]
    assert said(tmp_path, events) == []


# -- evidence, sagas, replays ----------------------------------------


def evidence(claims: int, verified: int, bp: int, *links: tuple[str, str]) -> Event:
    rows = [{"uri": uri, "sha256": digest} for uri, digest in links]
    found = {"claims": claims, "verified": verified, "coverage_bp": bp, "links": rows}
    return {"type": "evidence.collected", "evidence": found}


def gate(passed: bool, coverage: int, threshold: int = 9000) -> Event:
    judged_as = {
        "passed": passed,
        "coverage_bp": coverage,
        "threshold_bp": threshold,
        "reasons": [],
    }
    return {"type": "quality_gate.decided", "quality_gate": judged_as}


def test_a_link_to_an_earlier_line(tmp_path: Path) -> None:
    made = sealed(completed([*PLAIN[:11], END]), KEY)["events.jsonl"].splitlines()
    link = ("event:8", sha256(made[8]).hexdigest())
    good = [*PLAIN[:11], evidence(10, 10, 10000, link), gate(True, 10000), END]
    assert said(tmp_path, good) == []


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([evidence(10, 11, 10000)], ["RCP010 12"]),
        ([evidence(10, 10, 10000, ("event:11", "ab" * 32))], ["RCP010 12"]),
        ([evidence(10, 10, 10000, ("event:99999999999999999999", "ab" * 32))], ["RCP010 12"]),
        ([evidence(10, 10, 10000, ("payload:" + "ab" * 32, "ab" * 32))], ["RCP010 12"]),
        ([evidence(10, 10, 10000, ("payload:" + "98" * 32, "ab" * 32))], ["RCP010 12"]),
        ([evidence(10, 10, 10000), gate(True, 9500)], ["RCP010 13"]),
        ([evidence(10, 9, 9000), gate(True, 9000, 9500)], ["RCP010 13"]),
        ([evidence(10, 8, 8000)], ["RCP010 12"]),
        ([evidence(3, 2, 6666), gate(False, 6666)], ["RCP010 12"]),
        ([evidence(10, 9, 9000), gate(False, 9000, 9500)], []),
    ],
)
def test_evidence(events: list[Event], wanted: list[str], tmp_path: Path) -> None:
    assert said(tmp_path, [*PLAIN[:11], *events, END]) == wanted


def undone(step: str, **more: Any) -> list[Event]:
    return [
        {"type": "saga.compensating", "step": step},
        *attempt(f"undo-{step}", **more),
        {"type": "saga.compensated", "step": step},
    ]


SAGA = [*BEGIN, *(plan(s) for s in "abc"), *(plan(f"undo-{s}", compensates=s) for s in "ab"),
        *attempt("a"), *attempt("b"), *attempt("c", ends="failed")]  # fmt: skip
SKIPPED: list[Event] = [{"type": "step.skipped", "step": f"undo-{s}"} for s in "ab"]


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([*undone("b"), *undone("a"), FAIL], []),
        ([*SKIPPED, FAIL], ["RCP013 13", "RCP013 20"]),
        ([*SKIPPED, {"type": "run.cancelled"}], ["RCP013 13", "RCP013 20"]),
        ([*undone("a"), *undone("b"), FAIL], ["RCP013 30"]),
        ([{"type": "saga.compensating", "step": "c"}, *undone("b"), *undone("a"), FAIL],
         ["RCP013 30"]),
        ([{"type": "saga.compensated", "step": "b"}, *undone("b"), *undone("a"), FAIL],
         ["RCP013 30"]),
        ([*undone("b"), *undone("a"), {"type": "saga.compensating", "step": "a"}, FAIL],
         ["RCP013 48"]),
        ([{"type": "saga.compensating", "step": "b"}, *undone("b"), *undone("a"), FAIL], []),
        ([{"type": "saga.compensating", "step": "undo-b"}, *attempt("undo-b"),
          {"type": "saga.compensated", "step": "undo-b"}, *undone("a"), FAIL], []),
        ([{"type": "saga.failed", "step": "b", "error": {"code": "oops"}}, *SKIPPED, FAIL],
         ["RCP013 13", "RCP013 20", "RCP013 30"]),
        ([{"type": "saga.failed", "step": "b"}, *SKIPPED, FAIL], []),
        ([{"type": "saga.compensating", "step": "b"}, {"type": "saga.compensated", "step": "b"},
          *undone("a"), {"type": "step.skipped", "step": "undo-b"}, FAIL], ["RCP013 31"]),
    ],
)  # fmt: skip
def test_sagas(events: list[Event], wanted: list[str], tmp_path: Path) -> None:
    assert said(tmp_path, [*SAGA, *events]) == wanted


def test_a_saga_without_planned_compensations_keeps_its_order(tmp_path: Path) -> None:
    taken = [{"type": f"saga.compensat{end}", "step": s} for s in "ab" for end in ("ing", "ed")]
    events = [*BEGIN, plan("a"), plan("b"), *attempt("a"), *attempt("b"), *taken, FAIL]
    assert said(tmp_path, events) == ["RCP013 22"]


def replayed(of: str, *compared: tuple[str, str]) -> list[Event]:
    begin: list[Event] = [dict(event) for event in BEGIN]
    begin[0] = {**begin[0], "request": {"kind": "replay", "replay_of": of}}
    rows: list[Event] = [
        {"type": "replay.compared",
         "replay": {"step": step, "recorded": digest, "observed": digest, "match": True,
                    "explanation": ""}}
        for step, digest in compared
    ]  # fmt: skip
    return [*begin, *rows, END]


def test_a_replay_is_held_against_what_it_repeats(tmp_path: Path) -> None:
    for number, (replay, wanted) in enumerate(
        (
            (replayed("r-1", ("a", "98" * 32)), []),
            (replayed("r-1", ("a", "97" * 32)), ["RCP012 events.jsonl:4"]),
            (replayed("r-1"), ["RCP012 events.jsonl:1"]),
            (replayed("r-9"), []),  # the run that it repeats is not here
        )
    ):
        place = lay_down(tmp_path / str(number), tenant_folder({**RUNS, "r-3": replay}))
        assert told(judged(place)) == wanted


# -- a receipt against its run, and against its tenant's log -------------------


def resealed(
    edit: Callable[[dict[str, Any]], None], events: list[Event] | None = None
) -> dict[str, bytes]:
    """A bundle whose statement was changed by the holder of the key, with a proof that fits it."""
    files = sealed(completed(events or PLAIN), KEY)
    statement = json.loads(read_envelope(files["receipt.dsse.json"]).payload)
    edit(statement)
    payload = canonical(statement)
    said_so = statement["predicate"]
    leaf = leaf_hash(receipt_leaf(payload, said_so["tenant"], said_so["run"], 0))
    head = write_checkpoint(KEY.name, 1, leaf, KEY)
    proof = write_inclusion_proof(0, inclusion_proof(levels_of([leaf]), 0), head)
    return files | {"receipt.dsse.json": write_envelope(payload, KEY), "tenant.tlog-proof": proof}


@pytest.mark.parametrize(
    ("where", "value", "wanted"),
    [
        ("predicate/counts", {"note.recorded": 1}, "RCP002"),
        ("predicate/kind", "mission", "RCP002"),
        ("predicate/status", "failed", "RCP002"),
        ("predicate/log/head", "00" * 32, "RCP002"),
        ("predicate/log/origin", "elsewhere", "RCP002"),
        ("predicate/totals", {"time_ms": 1}, "RCP008"),
        ("predicate/policySha256", "00" * 32, "RCP004"),
        ("subject", [{"name": "events.jsonl", "digest": {"sha256": "00" * 32}}], "RCP002"),
    ],
)
def test_a_receipt_that_says_what_its_run_does_not(
    where: str, value: object, wanted: str, tmp_path: Path
) -> None:
    def edit(statement: dict[str, Any]) -> None:
        *way, last = where.split("/")
        inner: Any = statement
        for name in way:
            inner = inner[name]
        inner[last] = value

    lay_down(tmp_path, resealed(edit))
    assert told(judged(tmp_path)) == [f"{wanted} receipt.dsse.json:1"]


def test_artifacts_are_what_events_speak_of(tmp_path: Path) -> None:
    def name(digest: str) -> Callable[[dict[str, Any]], None]:
        def edit(statement: dict[str, Any]) -> None:
            row = {"name": "out.json", "sha256": digest, "size": 2, "media": "application/json"}
            statement["predicate"]["artifacts"] = [row]
            statement["subject"].append({"name": "out.json", "digest": {"sha256": digest}})

        return edit

    lay_down(tmp_path / "good", resealed(name("98" * 32)))
    assert told(judged(tmp_path / "good")) == []
    lay_down(tmp_path / "bad", resealed(name("97" * 32)))
    assert told(judged(tmp_path / "bad")) == ["RCP002 receipt.dsse.json:1"]


def test_a_mission_that_is_named(tmp_path: Path) -> None:
    def edit(statement: dict[str, Any]) -> None:
        statement["predicate"]["mission"] = {"uri": "m.yaml", "sha256": "12" * 32}

    lay_down(tmp_path, resealed(edit))
    assert told(judged(tmp_path, mission=("m.yaml", "12" * 32))) == []
    (finding,) = judged(tmp_path, mission=("m.yaml", "13" * 32)).findings
    assert "its digest is another" in finding.message


def test_a_proof_of_another_log(tmp_path: Path) -> None:
    other = sample_key("example.org/other", seed=8)
    policy = policy_of_keys((KEY.verifier.text, other.verifier.text))
    theirs = sealed(completed(PLAIN), other)["tenant.tlog-proof"]
    lay_down(tmp_path, sealed(completed(PLAIN), KEY) | {"tenant.tlog-proof": theirs})
    result = judged(tmp_path, Request(policy))
    assert told(result) == ["RCP002 tenant.tlog-proof:1"]
    assert "a proof of another tenant" in result.findings[0].message


def test_more_events_than_were_signed(tmp_path: Path) -> None:
    """The holder of the key wrote on after the receipt: the chain is whole, the heads are old."""
    files = sealed(completed(PLAIN[:11]), KEY)
    files["events.jsonl"] = sealed(completed(PLAIN), KEY)["events.jsonl"]
    lay_down(tmp_path, files)
    assert told(judged(tmp_path)) == ["RCP002 events.jsonl:12"]


def test_lines_moved_and_chained_again_in_part(tmp_path: Path) -> None:
    files = sealed(completed(PLAIN), KEY)
    lines = files["events.jsonl"].splitlines(keepends=True)
    for order, line in (
        ([0, 1, 2, 3, 6, 4, 5, *range(7, 12)], 5),
        ([*range(6), 3, *range(7, 12)], 7),
        ([*range(5), 7, 8, *range(9, 12)], 6),
    ):
        place = tmp_path / str(line)
        lay_down(place, files | {"events.jsonl": b"".join(lines[n] for n in order)})
        assert told(judged(place)) == [f"RCP002 events.jsonl:{line}"]
    event = json.loads(lines[5])
    event["seq"] = 2
    odd = [*lines[:5], canonical(event) + b"\n", lines[5], *lines[7:]]
    lay_down(tmp_path / "odd", files | {"events.jsonl": b"".join(odd)})
    assert told(judged(tmp_path / "odd")) == ["RCP002 events.jsonl:6"]
    for after in (b"null\n", b"[1]\n", b'{"seq":"x"}\n', b"x\n"):
        torn = [*lines[:5], *lines[6:8], after, *lines[9:]]
        lay_down(tmp_path / "odd", {"events.jsonl": b"".join(torn)})
        assert told(judged(tmp_path / "odd")) == ["RCP002 events.jsonl:6"]


def relogged(
    files: dict[str, bytes], lines: list[bytes], key: SigningKey = KEY
) -> dict[str, bytes]:
    """A tenant's folder whose log is this one, signed by the true key."""
    root = root_of([leaf_hash(line) for line in lines])
    return files | {
        f"{TENANT}/log.jsonl": b"".join(line + b"\n" for line in lines),
        f"{TENANT}/checkpoint": write_checkpoint(key.name, len(lines), root, key),
    }


def test_a_log_of_another_history(tmp_path: Path) -> None:
    """All of it signed by the true key: bundles and log are not of one history."""
    files = tenant_folder(RUNS)
    lines = files[f"{TENANT}/log.jsonl"].splitlines()
    leaf = json.loads(lines[0])
    missing = [lines[0], canonical({**json.loads(lines[1]), "run": "r-7"})]
    fork = [canonical({**leaf, "sha256": "ab" * 32}), lines[1]]
    erased = {"v": 1, "index": 1, "tenant": TENANT, "type": "payload.erased", "run": "r-1",
              "ts": "2026-01-01T00:00:00.000000Z", "sha256": "98" * 32, "actor": "a",
              "reason": "b"}  # fmt: skip
    later = [lines[0], canonical(erased), canonical({**json.loads(lines[1]), "index": 2})]
    for number, (log, wanted) in enumerate(
        (
            (lines, []),
            (lines[:1], ["RCP002 receipt.dsse.json:1"]),
            (missing, ["RCP002 log.jsonl:2", "RCP002 receipt.dsse.json:1"]),
            (fork, ["RCP002 receipt.dsse.json:1", "RCP002 receipt.dsse.json:1"]),
            (later, ["RCP002 receipt.dsse.json:1"]),
        )
    ):
        place = lay_down(tmp_path / str(number), relogged(files, log))
        assert told(judged(place)) == wanted
    twice = [lines[0], canonical({**leaf, "index": 1})]
    place = lay_down(tmp_path / "twice", relogged(files, twice))
    assert "RCP002 log.jsonl:2" in told(judged(place))


def test_a_log_that_began_otherwise(tmp_path: Path) -> None:
    """The receipts fit, the proof's head is one that this log never had."""
    files = tenant_folder(RUNS)
    other = tenant_folder({"r-1": list(PLAIN), "r-3": list(FAILED)})
    name = f"{TENANT}/runs/r-1/tenant.tlog-proof"
    lines = other[f"{TENANT}/log.jsonl"].splitlines()
    hashes = [leaf_hash(line) for line in lines]
    head = write_checkpoint(KEY.name, 2, root_of(hashes), KEY)
    proof = write_inclusion_proof(0, inclusion_proof(levels_of(hashes), 0), head)
    place = lay_down(tmp_path / "fork", files | {name: proof})
    assert told(judged(place)) == ["RCP002 tenant.tlog-proof:1"]
    hashes.append(bytes(32))
    head = write_checkpoint(KEY.name, 3, root_of(hashes), KEY)
    proof = write_inclusion_proof(0, inclusion_proof(levels_of(hashes), 0), head)
    place = lay_down(tmp_path / "ahead", files | {name: proof})
    assert told(judged(place)) == ["RCP002 tenant.tlog-proof:1"]


def test_a_folder_of_another_tenants_log(tmp_path: Path) -> None:
    other = sample_key("example.org/other", seed=8)
    policy = policy_of_keys((KEY.verifier.text, other.verifier.text))
    files = tenant_folder({"r-1": list(PLAIN)})
    theirs = tenant_folder({"r-1": list(PLAIN)}, other)
    for name in ("log.jsonl", "checkpoint"):
        files[f"{TENANT}/{name}"] = theirs[f"{TENANT}/{name}"]
    place = lay_down(tmp_path / "log", files)
    assert told(judged(place, Request(policy))) == ["RCP002 receipt.dsse.json:1"]
    moved_to = {name.replace(TENANT, "bcme"): data for name, data in tenant_folder(RUNS).items()}
    place = lay_down(tmp_path / "moved", moved_to)
    assert told(judged(place)) == ["RCP002 r-1:1", "RCP002 r-2:1"]


def test_runs_that_were_never_exported(tmp_path: Path) -> None:
    files = {n: d for n, d in tenant_folder(RUNS).items() if "r-2" not in n}
    lay_down(tmp_path, files)
    assert told(judged(tmp_path)) == ["RCP002 log.jsonl:2"]
    assert told(judged(tmp_path, partial=True)) == []
    (tmp_path / TENANT / "log.jsonl").unlink()
    assert told(judged(tmp_path, partial=True))


# -- keys that were rotated ----------------------------------------


def rotation(old: SigningKey, new: SigningKey, index: int, **more: Any) -> bytes:
    leaf: dict[str, Any] = {
        "v": 1, "index": index, "tenant": TENANT, "type": "key.rotated",
        "ts": "2026-01-01T00:00:00.000000Z", "old": old.verifier.text, "new": new.verifier.text,
    }  # fmt: skip
    leaf |= more
    signed = b"runtime-min key.rotated v1\n" + canonical(leaf)
    by = {"old": tobase64(old.sign(signed)), "new": tobase64(new.sign(signed))}
    return canonical({**leaf, "signatures": by})


NEW = sample_key(seed=21)


def test_a_key_counts_up_to_its_rotation(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    lines = [*files[f"{TENANT}/log.jsonl"].splitlines(), rotation(KEY, NEW, 2)]
    place = lay_down(tmp_path / "good", relogged(files, lines, NEW))
    assert told(judged(place)) == []
    only_new = Request(policy_of_keys((NEW.verifier.text,)))
    assert told(judged(place, only_new)) == []  # the new key vouches for the old one
    both = Request(policy_of_keys((KEY.verifier.text, NEW.verifier.text)))
    assert told(judged(place, both)) == []
    stranger = Request(policy_of_keys((sample_key(seed=4).verifier.text,)))
    assert {entry.split()[0] for entry in told(judged(place, stranger))} == {"RCP003"}
    place = lay_down(tmp_path / "old-signs-on", relogged(files, lines, KEY))
    assert "RCP003 checkpoint:1" in told(judged(place))
    later = sealed(completed(PLAIN, "r-3"), KEY, lines)  # the stolen old key goes on
    more = [
        *lines,
        receipt_leaf(read_envelope(later["receipt.dsse.json"]).payload, TENANT, "r-3", 3),
    ]
    files |= {f"{TENANT}/runs/r-3/{name}": data for name, data in later.items()}
    place = lay_down(tmp_path / "stolen", relogged(files, more, NEW))
    found = judged(place)
    assert {entry.split()[0] for entry in told(found)} == {"RCP003"}
    assert any("stolen old key" in finding.message for finding in found.findings)


def test_rotations_that_are_none(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    lines = files[f"{TENANT}/log.jsonl"].splitlines()
    forged = json.loads(rotation(KEY, NEW, 2))
    forged["signatures"]["old"] = forged["signatures"]["new"]
    odd = json.loads(rotation(KEY, NEW, 2))
    odd["old"] = "nonsense"
    other = sample_key("example.org/other", seed=8)
    for number, (leaf, wanted) in enumerate(
        (
            (canonical(forged), "RCP003 log.jsonl:3"),
            (canonical(odd), "RCP001 log.jsonl:3"),
            (rotation(KEY, KEY, 2), "RCP003 log.jsonl:3"),
            (rotation(KEY, other, 2), "RCP003 log.jsonl:3"),
            (rotation(KEY, NEW, 7), "RCP002 log.jsonl:3"),
            (rotation(KEY, NEW, 2, tenant="other"), "RCP002 log.jsonl:3"),
            (rotation(KEY, NEW, 2, ts="today"), "RCP001 log.jsonl:3"),
            (b"x" * (1 << 21), "RCP001 log.jsonl:3"),
        )
    ):
        place = lay_down(tmp_path / str(number), relogged(files, [*lines, leaf]))
        assert wanted in told(judged(place))


# -- pins, in particular ----------------------------------------


def test_pins_that_a_lone_bundle_cannot_be_held_against(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    lay_down(tmp_path / "all", files)
    pins = Pins(str(tmp_path / "pins"), {}, True)
    assert told(judged(tmp_path / "all", pins=pins)) == []
    pins.save()
    again = Pins.load(pins.path)
    alone = {n.rpartition("/")[2]: d for n, d in files.items() if "/r-1/" in n}
    lay_down(tmp_path / "alone", alone)
    assert told(judged(tmp_path / "alone", pins=again)) == []  # its own pin decides
    other = sealed(completed(PLAIN, "r-9"), KEY, files[f"{TENANT}/log.jsonl"].splitlines())
    lay_down(tmp_path / "other", other)
    assert told(judged(tmp_path / "other", pins=Pins.load(pins.path))) == ["limit"]
    (tmp_path / "all" / TENANT / "runs" / "r-1" / "tenant.tlog-proof").unlink()
    assert "RCP002 tenant.tlog-proof:1" in told(judged(tmp_path / "all", pins=again))
    events = list(sealed(completed(PLAIN), KEY)["events.jsonl"].splitlines(keepends=True))
    from govlint.receipts.bundle import read_stream
    from govlint.receipts.verify import Verifier

    verifier = Verifier(Request(POLICY, pins=again))
    head = sealed(completed(PLAIN), KEY)["checkpoint"]
    verifier.stream(read_stream("-", events, {"checkpoint": head}, Ring(POLICY)))
    assert [entry.kind for entry in verifier.finish().undecided] == ["limit"]


def test_a_bundle_says_what_it_is_of(tmp_path: Path) -> None:
    lay_down(tmp_path, sealed(completed(PLAIN), KEY))
    bundle = read_bundle(str(tmp_path), Ring(POLICY))
    assert (bundle.tenant, bundle.run, bundle.files) == (TENANT, RUN, 4)
    (tmp_path / "events.jsonl").unlink()
    (tmp_path / "receipt.dsse.json").unlink()
    bundle = read_bundle(str(tmp_path), Ring(POLICY))
    assert (bundle.tenant, bundle.run) == ("", "")
    assert [fault.kind for fault in bundle.faults] == ["signature", "chain"]
