"""Replays for a caller: the policy is asked, and what comes of it is on record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.envelope import Request, Step
from runtime_min.kernel.errors import Refused
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.policy import Policy
from runtime_min.kernel.ports import Randomness
from runtime_min.plugins.services import Caller
from runtime_min.record import replay

MODES = ("full", "state_only", "events_only")
"""Spec 003: go through it again from the recorded answers; fold the states; give the events."""
_PLAN = (Step("replay", "replay", {}),)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay gave; `recorded_as` is the run that stands for a full one."""

    run: str
    mode: str
    recorded_as: str | None = None
    report: replay.ReplayReport | None = None
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


class ReplayService:
    """Answers from the record; no mode calls a capability."""

    def __init__(self, kernel: Kernel, policy: Policy, randomness: Randomness) -> None:
        self._kernel = kernel
        self._policy = policy
        self._randomness = randomness

    def replay(self, caller: Caller, run: str, mode: str = "full") -> Replayed:
        """Replay a run of the caller's tenant.

        Refused (and a refused run on record) where no role of the caller allows `replay.<mode>`;
        RecordError where there is no such run, or it cannot be replayed.
        """
        journal, tenant = self._kernel.journal, caller.principal.tenant
        request = self._request(caller, tenant, mode)
        decision = self._policy.evaluate(request)
        if not decision.allowed:
            self._kernel.accept(request)
            raise Refused("; ".join(decision.reasons), "refused-policy")
        if mode == "events_only":
            return Replayed(run, mode, events=replay.events_only(journal, tenant, run))
        if mode == "state_only":
            return Replayed(run, mode, states=replay.state_only(journal, tenant, run))
        report = replay.full(journal, tenant, run)
        recorded_as = replay.record_replay(
            journal,
            caller.principal,
            caller.session.id,
            report,
            self._randomness,
            decision.policy_sha256,
        )
        return Replayed(run, mode, recorded_as, report)

    def refuse_across_tenants(self, caller: Caller, tenant: str) -> None:
        """Put on record that `caller` wanted to replay what another tenant has."""
        self._kernel.accept(self._request(caller, tenant, "full"))

    def _request(self, caller: Caller, tenant: str, mode: str) -> Request:
        key = f"replay-{self._randomness.bytes(12).hex()}"
        return Request(
            tenant, caller.principal, caller.session, "replay", f"replay.{mode}", key, _PLAN
        )
