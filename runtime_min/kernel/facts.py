"""Events of a run as the kernel words them; those of an attempt are the gate's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime_min.kernel.envelope import Capability, Decision, Request, Step
from runtime_min.kernel.ports import Randomness
from runtime_min.kernel.states import RUN_MACHINES
from runtime_min.record.events import Event
from runtime_min.record.payloads import Payload


class Facts:
    """Makes events, each with a span of its own."""

    def __init__(self, catalog: Mapping[str, Capability], randomness: Randomness) -> None:
        self._catalog = catalog
        self._randomness = randomness

    def event(self, kind: str, step: Step | None = None, **fields: Any) -> Event:
        """An event of a run, or of one of its steps."""
        span = self._randomness.bytes(8).hex()
        if step is None:
            return Event(kind, fields, span)
        fields["step"] = step.id
        version = self.version(step.capability_id)
        return Event(kind, fields, span, step.id, step.capability_id, version)

    def version(self, capability_id: str) -> str:
        capability = self._catalog.get(capability_id)
        return capability.version if capability else "unresolved"

    def submitted(self, request: Request, given: Payload) -> Event:
        return self.event(
            "run.submitted",
            request={
                "kind": request.kind,
                "intent_type": request.intent_type,
                "idempotency_key": request.idempotency_key,
                "principal": request.principal.as_json(),
            },
            input=given.digest,
        )

    def decided(self, decision: Decision) -> Event:
        return self.event(
            "policy.decided",
            decision={
                "outcome": "allow" if decision.allowed else "deny",
                "policy_sha256": decision.policy_sha256,
                "reasons": list(decision.reasons),
                "sandbox": decision.sandbox,
            },
        )

    def planned(self, step: Step) -> Event:
        plan: dict[str, Any] = {
            "depends_on": list(dict.fromkeys(step.depends_on)),
            "max_attempts": step.retry.max_attempts,
            "timeout_ms": step.timeout_ms,
            "continue_on_error": step.continue_on_error,
        }
        if step.compensates is not None:
            plan["compensates"] = step.compensates
        return self.event("step.planned", step, plan=plan)

    def moved(self, request: Request, run: str, before: str | None, after: str) -> list[Event]:
        """The event by which a job, mission or saga moves along with its run, where one does."""
        if request.kind not in RUN_MACHINES:
            return []
        machine, names = RUN_MACHINES[request.kind]
        source, target = names[before] if before else None, names[after]
        return [] if source == target else [self.state(machine, run, source, target)]

    def state(self, machine: str, entity: str, before: str | None, after: str) -> Event:
        transition = {"machine": machine, "entity": entity, "from": before, "to": after}
        return self.event("state.changed", transition=transition)
