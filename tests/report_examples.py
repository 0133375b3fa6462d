"""Good phase reports to begin from: one for each phase, and a set whose graph holds."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

CRITERIA = {
    "P1": ["Only legal transitions are accepted", "Reject and revise loops end in a legal state"],
    "P2": ["100 % of executions go through the unified gate"],
    "P3": ["The event chain is replayable from the first entry", "Every event has its full IDs"],
    "P4": ["Each of the 8 layers has an explicit interface mapping"],
    "P5": ["0 runtime bypasses are found", "The test matrix is stable over 50 runs"],
    "P6": ["Shadow, canary, full and rollback each operate within 60 s"],
    "P7": ["Cross-tenant access is denied with 403", "A lease expires after 900 s"],
    "P8": ["Cost is decomposed for every task", "Reconciliation differs by 0.00"],
    "P9": ["Only verified, trusted and active capabilities are executed"],
    "P10": ["Snapshot replay gives equal digests", "Each drift is explained by its first event"],
    "P11": ["MTTR stays below 300 s", "99 % of degrade switches succeed"],
    "P12": ["Learning passes the verifier gate", "Promotion without a decision is rejected"],
    "P13": ["Revenue, cost, profit and risk are traceable to a task"],
}
TITLES = {
    "P1": "State Machine Lock",
    "P2": "Runtime Guard",
    "P3": "Traceable Event Model",
    "P4": "8-Layer Mapping",
    "P5": "Integration and Escape Tests",
    "P6": "Gray Rollout",
    "P7": "Identity and Tenant Sovereignty",
    "P8": "Budget and Cost Ledger",
    "P9": "Capability Supply Chain Trust",
    "P10": "Deterministic Replay Boundary",
    "P11": "Recovery and Degrade Sovereignty",
    "P12": "Governed Learning Loop",
    "P13": "Business Loop Mapping",
}
MODULES = {
    "P1": ["src/session", "src/orchestration"],
    "P2": ["src/runtime", "src/tools", "src/providers"],
    "P3": ["src/observability", "src/state_store/adapter.rs"],
    "P4": ["src/lib.rs", "src/layers"],
    "P5": ["tests/"],
    "P6": ["deploy/config", "src/cli"],
    "P7": ["src/security", "src/session", "src/runtime"],
    "P8": ["src/runtime", "src/observability", "adapter"],
    "P9": ["src/tools", "src/providers", "src/security"],
    "P10": ["src/observability/event_stream.rs", "src/runtime"],
    "P11": ["src/runtime", "src/orchestration", "deploy/"],
    "P12": ["src/memory", "src/rag", "src/hooks", "src/security"],
    "P13": ["src/observability", "dashboard-ui", "src/lib.rs"],
}


PHASES = list(TITLES)


def report(phase: str = "P7", **status: Any) -> dict[str, Any]:
    """A report that breaks no rule; `status` replaces parts of its status."""
    number = int(phase[1:])
    return {
        "phase_meta": {
            "phase_id": phase,
            "title": TITLES[phase],
            "priority": "highest",
            "version": "v1",
            "owner": "autoloop-core",
        },
        "objective": {
            "problem": "a request can act before its context is bound",
            "outcome": "every request carries a bound context or is refused",
        },
        "invariants": ["no execution without a lease", "a context is never changed"],
        "module_scope": {
            "write_modules": list(MODULES[phase]),
            "read_modules": ["src/contracts"],
            "external_surfaces": ["CLI", "dashboard", "state_store adapter"],
        },
        "data_models": [
            {"name": "SessionLease", "kind": "table", "keys": ["session_id"], "append_only": False},
            {"name": "LeaseRevoked", "kind": "event", "keys": ["event_id"], "append_only": True},
        ],
        "flow": {
            "trigger": "a request enters the control plane",
            "steps": [
                "authenticate the request",
                "bind tenant, principal, policy and lease",
                "execute through the runtime gate",
            ],
            "exit_conditions": ["the receipt is written", "the request is refused"],
        },
        "guardrails": {
            "runtime_gate": ["budget", "timeout", "sandbox", "token"],
            "policy_gate": ["approval", "permission", "tenant boundary"],
            "audit_trace": ["trace_id", "session_id", "task_id", "capability_id", "version"],
        },
        "tests": {
            "unit": ["lease expiry is computed from the clock port"],
            "integration": ["a request with a foreign lease is refused"],
            "e2e": ["two tenants run side by side for 10 minutes"],
        },
        "acceptance": list(CRITERIA[phase]),
        "rollback": {
            "trigger": "more than 1 % of requests are refused in 5 minutes",
            "action": "switch lease_check to observe and redeploy",
            "target_version": "v0",
        },
        "dependency_graph": {
            "depends_on": [f"P{number - 1}"] if number > 1 else [],
            "unblocks": [f"P{number + 1}"] if number < 13 else [],
        },
        "status": {
            "stage": "in_progress",
            "completion": 0.4,
            "risks": ["clock skew between nodes"],
            "next_actions": ["measure refusals in shadow mode"],
            **status,
        },
    }


def done(phase: str = "P7") -> dict[str, Any]:
    """A good report on a phase that is done."""
    return report(phase, stage="done", completion=1.0, risks=[], next_actions=[])


def changed(change: Callable[[dict[str, Any]], object], phase: str = "P7") -> dict[str, Any]:
    """A good report with one change made to it in place."""
    made = copy.deepcopy(report(phase))
    change(made)
    return made


def text(value: Any) -> bytes:
    """The report as a file's content, a key a line."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
