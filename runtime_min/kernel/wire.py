"""A request as JSON and back: what a restart reads to go on with a run."""

from __future__ import annotations

from typing import Any

from runtime_min.kernel.envelope import Principal, QualityGate, Request, Retry, Session, Step


def request_to_json(request: Request) -> dict[str, Any]:
    """All of a request, in plain JSON values."""
    return {
        "tenant": request.tenant,
        "principal": request.principal.as_json(),
        "session": {
            "id": request.session.id,
            "tenant": request.session.tenant,
            "expires_ns": str(request.session.expires_ns),  # beyond 2**53
        },
        "kind": request.kind,
        "intent_type": request.intent_type,
        "idempotency_key": request.idempotency_key,
        "steps": [_step_to_json(step) for step in request.steps],
        "run": request.run,
        "trace_id": request.trace_id,
        "quality_gate": (
            {"threshold_bp": gate.threshold_bp, "blocks": gate.blocks}
            if (gate := request.quality_gate)
            else None
        ),
        **({"details": dict(request.details)} if request.details else {}),
    }


def request_from_json(value: dict[str, Any]) -> Request:
    """The request that `request_to_json` wrote."""
    principal, session = value["principal"], value["session"]
    gate = value.get("quality_gate")  # journals of earlier versions have none
    return Request(
        value["tenant"],
        Principal(principal["id"], principal["tenant"], tuple(principal["roles"])),
        Session(session["id"], session["tenant"], int(session["expires_ns"])),
        value["kind"],
        value["intent_type"],
        value["idempotency_key"],
        tuple(_step_from_json(step) for step in value["steps"]),
        value["run"],
        value["trace_id"],
        QualityGate(**gate) if gate else None,
        value.get("details", {}),
    )


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "capability_id": step.capability_id,
        "payload": step.payload,
        "depends_on": list(step.depends_on),
        "timeout_ms": step.timeout_ms,
        "retry": {
            "max_attempts": step.retry.max_attempts,
            "backoff_factor": repr(step.retry.backoff_factor),  # a record has no floats
            "linear": step.retry.linear,
            **({"constant": True} if step.retry.constant else {}),
        },
        "budget": dict(step.budget),
        "continue_on_error": step.continue_on_error,
        "compensates": step.compensates,
        "claims": list(step.claims),
    }


def _step_from_json(value: dict[str, Any]) -> Step:
    retry = value["retry"]
    return Step(
        value["id"],
        value["capability_id"],
        value["payload"],
        tuple(value["depends_on"]),
        value["timeout_ms"],
        Retry(
            retry["max_attempts"],
            float(retry["backoff_factor"]),
            retry["linear"],
            retry.get("constant", False),
        ),
        value["budget"],
        value["continue_on_error"],
        value.get("compensates"),
        tuple(value.get("claims", ())),
    )
