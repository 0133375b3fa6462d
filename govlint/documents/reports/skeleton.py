"""What a report begins as: a skeleton for people, a prompt for models.

Both are filled from the phase registry. The skeleton holds a TODO wherever only its author can
know the answer, so that it fails its own check until it is filled in.
"""

from __future__ import annotations

import json
from typing import Any

from govlint.documents.reports.registry import PROTOCOL, Phase
from govlint.documents.reports.shape import KEYS
from govlint.documents.schema import load_schema


def skeleton(phase: Phase) -> dict[str, Any]:
    """A report on a phase with what the registry knows of it, and TODOs for the rest."""
    return {
        "phase_meta": {
            "phase_id": phase.id,
            "title": phase.title,
            "priority": "TODO: how urgent the phase is",
            "version": "v1",
            "owner": "TODO: the team that answers for it",
        },
        "objective": {
            "problem": "TODO: the gap that is closed",
            "outcome": "TODO: the engineering outcome that can be observed",
        },
        "invariants": ["TODO: a rule that holds at all times"],
        "module_scope": {
            "write_modules": [module.name for module in phase.modules],
            "read_modules": [],
            "external_surfaces": [],
        },
        "data_models": [
            {
                "name": "TODO: name of the model",
                "kind": "event",
                "keys": ["TODO: field that identifies a record"],
                "append_only": True,
            }
        ],
        "flow": {
            "trigger": "TODO: what starts the flow",
            "steps": list(phase.core_flow),
            "exit_conditions": ["TODO: when the flow ends"],
        },
        "guardrails": {
            "runtime_gate": ["budget", "timeout", "sandbox", "token"],
            "policy_gate": ["approval", "permission", "tenant boundary"],
            "audit_trace": ["trace_id", "session_id", "task_id", "capability_id", "version"],
        },
        "tests": {
            "unit": ["TODO: a unit test"],
            "integration": ["TODO: an integration test"],
            "e2e": ["TODO: an end-to-end test"],
        },
        "acceptance": [f"TODO: with a number, bound, count, state or test: {phase.acceptance}"],
        "rollback": {
            "trigger": "TODO: when to go back",
            "action": "TODO: how to go back",
            "target_version": "TODO: the version to go back to",
        },
        "dependency_graph": {"depends_on": [], "unblocks": []},
        "status": {
            "stage": "planned",
            "completion": 0.0,
            "risks": ["TODO: what may go wrong"],
            "next_actions": ["TODO: what is done next"],
        },
    }


# section 4 of the protocol, word for word
_CONTRACT = f"""\
You are producing an AutoLoop phase report under {PROTOCOL}.
Output valid JSON only.
Follow the required keys exactly:
{", ".join(KEYS)}.
Use measurable acceptance criteria.
Use explicit module paths.
Use append-only traceability language where applicable.
Do not add political metaphors or non-technical labels.
"""


def prompt(phase: Phase) -> str:
    """The protocol's prompt contract for a phase, with its registry row and the schema."""
    schema = {key: value for key, value in load_schema("phase-report").items() if key != "$id"}
    row = {
        "phase": phase.id,
        "title": phase.title,
        "core_target": phase.target,
        "primary_modules": [module.name for module in phase.modules],
        "core_acceptance": phase.acceptance,
        "core_flow": list(phase.core_flow),
    }
    return (
        f"{_CONTRACT}\n"
        f"Report on phase {phase.id}. Its row of the phase registry:\n\n"
        f"{json.dumps(row, indent=2, ensure_ascii=False)}\n\n"
        "Name every primary module in module_scope and cover the core acceptance in acceptance.\n"
        "runtime_gate names budget, timeout, sandbox and token; policy_gate names approval,\n"
        "permission and tenant boundary; audit_trace names trace_id, session_id, task_id,\n"
        "capability_id and version. Events and ledgers have append_only true.\n\n"
        "The answer is one JSON value that keeps to this JSON Schema (draft 2020-12):\n\n"
        f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"
    )
