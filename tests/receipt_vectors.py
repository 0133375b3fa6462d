"""Makes schemas/vectors: `python tests/receipt_vectors.py`. A test makes them again and compares.

Everything is seeded, so the vectors are the same bytes each time. The key is a test key.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime_world import ORIGIN, World, step

from runtime_min.kernel.envelope import Invocation, Principal
from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.record.canonical import canonical, parse_line, sha256_hex
from runtime_min.record.merkle import consistency_proof, inclusion_proof, leaf_hash, root
from runtime_min.record.receipts import bundle, receipt_leaf, receipt_payload
from runtime_min.record.signing import SigningKey, b64, checkpoint, dsse, pae, signed_note

VECTORS = Path(__file__).parent.parent / "schemas" / "vectors"
Files = dict[str, str]
TEST_KEY = SigningKey.from_seed("example.org/log", bytes(range(32)))


def primitives() -> dict[str, Any]:
    """Canonical form, trees, notes and envelopes, each with what goes in and what comes out."""
    leaves = [bytes(range(n)) for n in range(9)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    value = {"b": [1, -1, 0, True, None], "a": {"é": "x"}, "z": 'ü\u20ac😀\n\x01"\\/'}
    value["a"] = {"A": "", "a_b": "é"}
    texts = [value, {}, [], {"n": 2**53 - 1, "m": -(2**53) + 1}, "\u2028 \x7f", 0]
    note = "example.org/log\n3\n" + b64(root(hashes[:3])) + "\n"
    return {
        "key": {"name": TEST_KEY.name, "seed": bytes(range(32)).hex(), "vkey": TEST_KEY.vkey},
        "canonical": [{"value": v, "bytes": canonical(v).hex()} for v in texts],
        "not_canonical": [
            {"why": why, "line": line.hex()}
            for why, line in {
                "space": b'{"a": 1}',
                "order": b'{"b":1,"a":2}',
                "duplicate key": b'{"a":1,"a":1}',
                "float": b'{"a":1.5}',
                "exponent": b'{"a":1e3}',
                "minus zero": b'{"a":-0}',
                "too large": b'{"a":9007199254740992}',
                "key not ASCII": '{"é":1}'.encode(),
                "escape not needed": b'{"a":"\\u0041"}',
                "escaped slash": b'{"a":"\\/"}',
                "lone surrogate": b'{"a":"\\ud800"}',
                "NaN": b'{"a":NaN}',
                "byte order mark": b'\xef\xbb\xbf{"a":1}',
                "not UTF-8": b'{"a":"\xff"}',
                "two values": b"{}{}",
                "trailing newline": b"{}\n",
                "too deep": b"[" * 40 + b"]" * 40,
            }.items()
        ],
        "tree": {
            "leaves": [leaf.hex() for leaf in leaves],
            "leaf_hashes": [h.hex() for h in hashes],
            "roots": [root(hashes[:n]).hex() for n in range(len(hashes) + 1)],
            "inclusion": [
                {"size": n, "index": i, "proof": [p.hex() for p in inclusion_proof(hashes[:n], i)]}
                for n in (1, 2, 3, 5, 8, 9)
                for i in range(n)
            ],
            "consistency": [
                {"old": m, "new": n, "proof": [p.hex() for p in consistency_proof(hashes[:n], m)]}
                for n in (1, 2, 3, 5, 8, 9)
                for m in range(n + 1)
            ],
        },
        "notes": [
            {"text": note, "note": signed_note(note, TEST_KEY)},
            {"text": note, "note": checkpoint("example.org/log", 3, root(hashes[:3]), TEST_KEY)},
        ],
        "pae": [
            {"type": kind, "payload": body.hex(), "pae": pae(kind, body).hex()}
            for kind, body in (
                ("http://example.com/HelloWorld", b"hello world"),
                ("", b""),
                ("é", bytes(range(256))),
            )
        ],
        "dsse": [{"payload": b"{}".hex(), "envelope": dsse(b"{}", TEST_KEY).decode()}],
    }


class _Crash(BaseException):
    """Stands for the end of the process."""


def worlds(folder: Path) -> dict[str, tuple[World, str]]:
    """Runs of every kind, each with the world that made it."""
    made: dict[str, tuple[World, str]] = {}

    def world(name: str, **more: Any) -> World:
        (folder / name).mkdir()
        fresh = World(folder / name, seed=len(made) + 7, **more)
        fresh.provide("work", lambda call: {"seen": call.payload, "ratio": "0.5"})

        def broken(call: Invocation) -> None:
            raise CapabilityFailed("the disk is gone", "disk-gone", retryable=True)

        fresh.provide("broken", broken)
        fresh.provide("revoked", lambda call: {}, status="revoked")
        return fresh

    w = world("completed")
    made["completed"] = w, w.kernel.submit(w.request(step("a", payload={"x": "1"}))).run
    w = world("two-steps")
    made["two-steps"] = w, w.kernel.submit(w.request(step("a"), step("b", depends_on=("a",)))).run
    w = world("failed")
    request = w.request(step("a", "broken", attempts=2), step("b", depends_on=("a",)))
    made["failed"] = w, w.kernel.submit(request).run
    w = world("refused")
    nobody = Principal("user:max", "acme", ("guest",))
    made["refused"] = w, w.kernel.submit(w.request(step("a"), principal=nobody)).run
    w = world("gate-refused")
    made["gate-refused"] = w, w.kernel.submit(w.request(step("a", "revoked"))).run
    w = world("cancelled")
    run = w.kernel.accept(w.request(step("a"))).run
    w.kernel.cancel("acme", run)
    w.kernel.execute("acme", run)
    made["cancelled"] = w, run
    w = world("interrupted")
    crashes = [True]

    def once(call: Invocation) -> dict[str, Any]:
        if crashes:
            crashes.pop()
            raise _Crash
        return {"done": True}

    w.provide("work", once)
    run = w.kernel.accept(w.request(step("a", attempts=2))).run
    try:
        w.kernel.execute("acme", run)
    except _Crash:
        w.reopen()
    w.kernel.recover()
    made["interrupted"] = w, run
    return made


def read(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def seal(events: list[dict[str, Any]], key: SigningKey, chain: bool = True) -> Files:
    """A bundle of edited events, signed as the key holder could sign it."""
    lines: list[bytes] = []
    for event in events:
        if chain and lines:
            event = {**event, "prev": sha256_hex(lines[-1]), "seq": len(lines)}
        lines.append(canonical(event))
    payload = receipt_payload(
        lines, tenant_origin=key.name, tenant_index=0, previous=None, runtime_sha256="cd" * 32
    )
    tenant, run = events[0]["tenant"], events[0]["run"]
    leaf = receipt_leaf(tenant, 0, run, sha256_hex(payload))
    made = bundle(lines, payload, key, [leaf], 0)
    return {name: data.decode("utf-8") for name, data in made.files.items()}


def parsed(files: Files) -> list[dict[str, Any]]:
    return [parse_line(line.encode()) for line in files["events.jsonl"].splitlines()]


def semantic_attacks(good: dict[str, Files], key: SigningKey) -> dict[str, dict[str, Any]]:
    """Records whose every signature is right, and which say what may not have happened."""
    attacks: dict[str, dict[str, Any]] = {}

    def attack(
        name: str, rule: str, base: str, edit: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        events = copy.deepcopy(parsed(good[base]))
        edit(events)
        attacks[name] = {"base": base, "rules": [rule], "files": seal(events, key)}

    def drop(*kinds: str) -> Callable[[list[dict[str, Any]]], None]:
        def edit(events: list[dict[str, Any]]) -> None:
            events[:] = [event for event in events if event["type"] not in kinds]

        return edit

    def change(kind: str, path: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
        def edit(events: list[dict[str, Any]]) -> None:
            where = next(event for event in events if event["type"] == kind)
            *way, last = path.split("/")
            for name in way:
                where = where[name]
            where[last] = value

        return edit

    attack("no-gate-decision", "RCP004", "completed", drop("gate.decided"))
    attack(
        "went-on-after-refusal",
        "RCP004",
        "completed",
        change("gate.decided", "decision/outcome", "deny"),
    )
    attack(
        "gate-check-left-out",
        "RCP004",
        "completed",
        lambda e: (
            e[7 - 1]["decision"]["checks"].pop(0)
            if e[7 - 1]["type"] == "gate.decided"
            else next(x for x in e if x["type"] == "gate.decided")["decision"]["checks"].pop(0)
        ),
    )
    attack(
        "policy-denied-and-ran",
        "RCP004",
        "completed",
        change("policy.decided", "decision/outcome", "deny"),
    )
    attack("not-measured", "RCP011", "completed", drop("metrics.recorded"))
    attack("never-settled", "RCP008", "completed", drop("budget.settled"))

    def twice(events: list[dict[str, Any]]) -> None:
        at = next(n for n, e in enumerate(events) if e["type"] == "budget.settled")
        events.insert(at, copy.deepcopy(events[at]))

    attack("settled-twice", "RCP008", "completed", twice)
    attack(
        "totals-do-not-add-up",
        "RCP008",
        "completed",
        change("run.completed", "totals", {"time_ms": 99}),
    )
    attack(
        "capability-revoked",
        "RCP009",
        "completed",
        change("capability.resolved", "capability/status", "revoked"),
    )
    attack(
        "capability-not-verified",
        "RCP009",
        "completed",
        change("capability.resolved", "capability/verified", False),
    )
    attack(
        "another-capability-started",
        "RCP009",
        "completed",
        change("step.started", "capability/sha256", "ef" * 32),
    )
    attack(
        "across-tenants",
        "RCP007",
        "completed",
        change("run.submitted", "request/principal/tenant", "other"),
    )
    attack(
        "job-leaps",
        "RCP005",
        "completed",
        lambda events: events.remove(
            next(e for e in events if e.get("transition", {}).get("to") == "RUNNING")
        ),
    )
    attack("started-before-its-dependency", "RCP005", "two-steps", _swap_steps)
    attack(
        "more-attempts-than-allowed",
        "RCP005",
        "failed",
        change("step.planned", "plan/max_attempts", 1),
    )
    attack("step-never-closed", "RCP005", "two-steps", drop("step.completed"))
    return attacks


def _swap_steps(events: list[dict[str, Any]]) -> None:
    first = [n for n, e in enumerate(events) if e.get("step") == "a" and "attempt" in e]
    second = [n for n, e in enumerate(events) if e.get("step") == "b" and "attempt" in e]
    moved = [events[n] for n in second] + [events[n] for n in first]
    for at, event in zip(sorted(first + second), moved, strict=True):
        events[at] = event


def byte_attacks(good: dict[str, Files], key: SigningKey) -> dict[str, dict[str, Any]]:
    """What someone without the key can do to a bundle."""
    base = good["completed"]
    lines = base["events.jsonl"].splitlines(keepends=True)
    other = SigningKey.from_seed(key.name, bytes(32))
    changed: dict[str, tuple[list[str], Files]] = {
        "event-edited": (
            ["RCP002"],
            {"events.jsonl": base["events.jsonl"].replace("user:jane", "user:jade", 1)},
        ),
        "event-deleted": (["RCP002"], {"events.jsonl": "".join(lines[:4] + lines[5:])}),
        "events-swapped": (
            ["RCP002"],
            {"events.jsonl": "".join([*lines[:4], lines[5], lines[4], *lines[6:]])},
        ),
        "event-doubled": (["RCP002"], {"events.jsonl": "".join(lines[:5] + lines[4:])}),
        "tail-cut": (["RCP002"], {"events.jsonl": "".join(lines[:-1])}),
        "last-newline-cut": (["RCP001", "RCP002"], {"events.jsonl": base["events.jsonl"][:-1]}),
        "empty": (["RCP001", "RCP002"], {"events.jsonl": ""}),
        "spliced-from-another-run": (
            ["RCP002"],
            {
                "events.jsonl": "".join(
                    [
                        *lines[:4],
                        good["two-steps"]["events.jsonl"].splitlines(keepends=True)[4],
                        *lines[5:],
                    ]
                )
            },
        ),
        "not-canonical": (
            ["RCP001", "RCP002"],
            {"events.jsonl": base["events.jsonl"].replace('{"actor":', '{ "actor":', 1)},
        ),
        "events-of-another-run": (["RCP002"], {"events.jsonl": good["two-steps"]["events.jsonl"]}),
        "checkpoint-of-another-run": (["RCP002"], {"checkpoint": good["two-steps"]["checkpoint"]}),
        "receipt-of-another-run": (
            ["RCP002"],
            {"receipt.dsse.json": good["two-steps"]["receipt.dsse.json"]},
        ),
        "proof-of-another-run": (
            ["RCP002"],
            {"tenant.tlog-proof": good["two-steps"]["tenant.tlog-proof"]},
        ),
        "all-signed-by-a-stranger": (["RCP003"], seal(parsed(base), other)),
    }
    envelope = json.loads(base["receipt.dsse.json"])
    envelope["payloadType"] = "application/json"
    changed["payload-type-changed"] = (
        ["RCP001", "RCP003"],
        {"receipt.dsse.json": (canonical(envelope) + b"\n").decode()},
    )
    return {
        name: {"base": "completed", "rules": rules, "files": {**base, **files}}
        for name, (rules, files) in changed.items()
    }


def make() -> dict[str, Any]:
    """All vector files by name."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good: dict[str, Files] = {}
        keys: dict[str, SigningKey] = {}
        runs: dict[str, str] = {}
        for name, (world, run) in worlds(folder).items():
            target = world.archive.export("acme", run, folder / f"{name}-out")
            good[name], keys[name] = read(target), world.archive.key("acme")
            runs[name] = run
            world.journal.close()
        one = SigningKey.from_seed(ORIGIN + "acme", bytes(range(32)))
        good = {name: seal(parsed(files), one) for name, files in good.items()}
        log = tenant_log(folder / "log", one)
    policy = f"log {one.vkey}\nquorum none\n"
    head = {"policy": policy, "tenant": "acme", "origin": one.name}
    return {
        "primitives.json": primitives(),
        "good.json": {
            **head,
            "bundles": {n: {"run": runs[n], "files": f} for n, f in good.items()},
        },
        "attacked.json": {
            **head,
            "bundles": {
                name: {"run": runs[case["base"]], **_difference(case, good)}
                for name, case in {**byte_attacks(good, one), **semantic_attacks(good, one)}.items()
            },
        },
        "tenant.json": log,
    }


def _difference(case: dict[str, Any], good: dict[str, Files]) -> dict[str, Any]:
    base = good[case["base"]]
    files = {name: text for name, text in case["files"].items() if base[name] != text}
    assert files
    return {"base": case["base"], "rules": case["rules"], "files": files}


def tenant_log(folder: Path, key: SigningKey) -> dict[str, Any]:
    """A tenant with two runs, an erased payload and a rotated key, as a whole directory."""
    folder.mkdir()
    world = World(folder, seed=99)
    world.provide("work", lambda call: {"seen": call.payload})
    first = world.kernel.submit(world.request(step("a", payload={"name": "Jane"}), key="1")).run
    world.archive.seal("acme", first)
    policy = world.archive.trust_policy("acme")
    started = world.journal.query("acme", run=first, type="step.started")[0]
    world.archive.erase("acme", first, started["input"]["sha256"], "user:dpo", "asked for by Jane")
    world.archive.rotate("acme")
    second = world.kernel.submit(world.request(step("a"), key="2")).run
    for run in (first, second):
        world.archive.export("acme", run, folder / "out", payloads=True)
    world.archive.export("acme", first, folder / "out", payloads=True)
    files = read(folder / "out")
    world.journal.close()
    return {"policy": policy, "tenant": "acme", "runs": [first, second], "files": files}


def text_of(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n"


if __name__ == "__main__":
    for file_name, content in make().items():
        (VECTORS / file_name).write_text(text_of(content), encoding="utf-8")
