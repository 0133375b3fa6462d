"""Write many phase reports, or one large mission; the same arguments give the same bytes.

    python benchmarks/generate_documents.py reports DIR --count 10000
    python benchmarks/generate_documents.py mission FILE --count 10000 --shape diamond
    python benchmarks/generate_documents.py mission FILE --megabytes 100

All documents are clean, and no two reports are alike: their texts are put together from
words and numbers, so that nothing is won by remembering a whole text.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PHASES: dict[str, tuple[str, list[str], list[str]]] = {
    "P1": (
        "State Machine Lock",
        ["src/session", "src/orchestration"],
        ["Only legal transitions are accepted", "Reject and revise loops end in a legal state"],
    ),
    "P2": (
        "Runtime Guard",
        ["src/runtime", "src/tools", "src/providers"],
        ["100 % of executions go through the unified gate"],
    ),
    "P3": (
        "Traceable Event Model",
        ["src/observability", "src/state_store/adapter.rs"],
        ["The event chain is replayable from the first entry", "Every event has its full IDs"],
    ),
    "P4": (
        "8-Layer Mapping",
        ["src/lib.rs", "src/layers"],
        ["Each of the 8 layers has an explicit interface mapping"],
    ),
    "P5": (
        "Integration and Escape Tests",
        ["tests/"],
        ["0 runtime bypasses are found", "The test matrix is stable over 50 runs"],
    ),
    "P6": (
        "Gray Rollout",
        ["deploy/config", "src/cli"],
        ["Shadow, canary, full and rollback each operate within 60 s"],
    ),
    "P7": (
        "Identity and Tenant Sovereignty",
        ["src/security", "src/session", "src/runtime"],
        ["Cross-tenant access is denied with 403", "A lease expires after 900 s"],
    ),
    "P8": (
        "Budget and Cost Ledger",
        ["src/runtime", "src/observability", "adapter"],
        ["Cost is decomposed for every task", "Reconciliation differs by 0.00"],
    ),
    "P9": (
        "Capability Supply Chain Trust",
        ["src/tools", "src/providers", "src/security"],
        ["Only verified, trusted and active capabilities are executed"],
    ),
    "P10": (
        "Deterministic Replay Boundary",
        ["src/observability/event_stream.rs", "src/runtime"],
        ["Snapshot replay gives equal digests", "Each drift is explained by its first event"],
    ),
    "P11": (
        "Recovery and Degrade Sovereignty",
        ["src/runtime", "src/orchestration", "deploy/"],
        ["MTTR stays below 300 s", "99 % of degrade switches succeed"],
    ),
    "P12": (
        "Governed Learning Loop",
        ["src/memory", "src/rag", "src/hooks", "src/security"],
        ["Learning passes the verifier gate", "Promotion without a decision is rejected"],
    ),
    "P13": (
        "Business Loop Mapping",
        ["src/observability", "dashboard-ui", "src/lib.rs"],
        ["Revenue, cost, profit and risk are traceable to a task"],
    ),
}
_THINGS = (
    "lease ledger gateway scheduler snapshot receipt tenant session capability adapter budget"
    " replica cursor journal envelope registry quota channel worker handler verifier token"
).split()
_ACTS = (
    "binds signs rotates replays reconciles expires records throttles verifies drains seals"
    " restores compares archives routes rejects"
).split()
_WHEN = (
    "before the first dispatch|after each checkpoint|while the queue drains|when the clock ticks"
    "|on every retry|at the end of a run|once per tenant|during the canary"
).split("|")


def _sentence(random_: random.Random) -> str:
    number = random_.randint(2, 9_999)
    return (
        f"the {random_.choice(_THINGS)} {random_.choice(_ACTS)} {random_.choice(_THINGS)}-{number}"
        f" {random_.choice(_WHEN)} within {random_.randint(2, 999)} s"
    )


def report(number: int) -> dict[str, Any]:
    """The report with this number: a phase in turn, and a version of its own."""
    random_ = random.Random(number)
    turn, version = number % 13 + 1, number // 13 + 1
    phase = f"P{turn}"
    title, modules, criteria = _PHASES[phase]

    def some(least: int, most: int) -> list[str]:
        return list(dict.fromkeys(_sentence(random_) for _ in range(random_.randint(least, most))))

    module = f"src/{random_.choice(_THINGS)}_{random_.randint(2, 999)}"
    return {
        "phase_meta": {
            "phase_id": phase,
            "title": title,
            "priority": random_.choice(["highest", "high", "medium"]),
            "version": f"v{version}",
            "owner": f"team-{random_.choice(_THINGS)}",
        },
        "objective": {"problem": _sentence(random_), "outcome": _sentence(random_)},
        "invariants": some(2, 4),
        "module_scope": {
            "write_modules": [*modules, module],
            "read_modules": ["src/contracts", f"{module}/ports"],
            "external_surfaces": ["CLI", "dashboard", "state_store adapter"],
        },
        "data_models": [
            {
                "name": f"{random_.choice(_THINGS).title()}View",
                "kind": "dto",
                "keys": [f"{random_.choice(_THINGS)}_id", "created_at"],
                "append_only": False,
            },
            {
                "name": f"{random_.choice(_THINGS).title()}Recorded",
                "kind": "event",
                "keys": ["event_id", "trace_id"],
                "append_only": True,
            },
        ],
        "flow": {
            "trigger": _sentence(random_),
            "steps": [*some(3, 6), "execute through the runtime gate"],
            "exit_conditions": some(1, 3),
        },
        "guardrails": {
            "runtime_gate": ["budget", "timeout", "sandbox", "token"],
            "policy_gate": ["approval", "permission", "tenant boundary"],
            "audit_trace": ["trace_id", "session_id", "task_id", "capability_id", "version"],
        },
        "tests": {"unit": some(2, 4), "integration": some(1, 3), "e2e": some(1, 2)},
        "acceptance": [*criteria, *some(1, 2)],
        "rollback": {
            "trigger": _sentence(random_),
            "action": f"switch the {random_.choice(_THINGS)} to observe and redeploy",
            "target_version": f"v{version - 1}",
        },
        "dependency_graph": {
            "depends_on": [f"P{turn - 1}"] if turn > 1 else [],
            "unblocks": [f"P{turn + 1}"] if turn < 13 else [],
        },
        "status": {
            "stage": "in_progress",
            "completion": random_.randint(5, 90) / 100,
            "risks": some(1, 2),
            "next_actions": some(1, 2),
        },
    }


def write_reports(folder: Path, count: int) -> int:
    """Write so many reports, a hundred a folder; gives their size in bytes."""
    size = 0
    for number in range(count):
        below = folder / f"{number // 100:03}"
        if number % 100 == 0:
            below.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report(number), indent=2) + "\n"
        size += (below / f"report-{number:05}.json").write_text(text, "utf-8")
    return size


def _step(number: int, before: list[int]) -> str:
    word = _THINGS[number % len(_THINGS)]
    lines = [
        f"  - id: step_{number}",
        f"    name: Write the {word} of part {number}",
        "    step_type: create_file",
        "    parameters:",
        f"      path: out/{number // 1000}/{word}_{number}.txt",
        "      content: |",
        f"        The {word} of part {number}:",
        f"        {number * 7919 % 10007} entries, checked {number % 24:02}:{number % 60:02}.",
        "    timeout_seconds: 60",
    ]
    if before:
        lines.append(f"    depends_on: [{', '.join(f'step_{other}' for other in before)}]")
    return "\n".join(lines) + "\n"


def _before(number: int, shape: str) -> list[int]:
    if shape == "independent" or number == 0:
        return []
    if shape == "chain":
        return [number - 1]
    # a diamond: one, two beside each other, one that waits for both, and again
    place = number % 3
    return [number - 2, number - 1] if place == 0 else [number - place]


def mission(count: int, shape: str) -> Iterator[str]:
    """The text of a mission in pieces: its head, then a step each."""
    yield f'version: "1.0.0"\nname: {shape} of {count} steps\n'
    yield "description: Writes many files\nsteps:\n"
    for number in range(count):
        yield _step(number, _before(number, shape))


def write_mission(path: Path, count: int, shape: str, megabytes: float = 0) -> int:
    """Write a mission of `count` steps, or of as many as make up the size; gives the steps."""
    size, limit, pieces = 0, megabytes * 1e6, 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for text in mission(count if not limit else 10**9, shape):
            if limit and size >= limit:
                break
            size += stream.write(text)
            pieces += 1
    return pieces - 2  # two are the head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["reports", "mission"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--shape", choices=["chain", "diamond", "independent"], default="chain")
    parser.add_argument("--megabytes", type=float, default=0)
    given = parser.parse_args()
    if given.what == "reports":
        write_reports(given.path, given.count)
    else:
        write_mission(given.path, given.count, given.shape, given.megabytes)


if __name__ == "__main__":
    main()
