"""What the gate asks before each attempt, in the order of spec 004 section 6.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import Capability, Envelope
from runtime_min.kernel.ledger import Ledger

SANDBOX_LEVELS = ("none", "rlimits", "landlock", "bubblewrap")
"""From no isolation to the most."""


def checks(
    envelope: Envelope,
    capability: Capability | None,
    amounts: Mapping[str, int],
    ledger: Ledger,
    breakers: Breakers,
    now_ns: int,
) -> list[dict[str, Any]]:
    """The checks up to the first that fails, each as the record has it."""
    results: list[dict[str, Any]] = []
    for name in ("identity", "tenant", "lease", "policy", "budget", "capability", "breaker"):
        if name == "identity":
            reason = _identity(envelope)
        elif name == "tenant":
            reason = _tenant(envelope)
        elif name == "lease":
            reason = _lease(envelope, now_ns)
        elif name == "policy":
            reason = _policy(envelope, capability)
        elif name == "budget":
            reason = ledger.refusal(envelope.tenant, amounts)
        elif name == "capability":
            reason = _trust(envelope, capability)
        else:
            reason = breakers.refusal(envelope.tenant, envelope.step.capability_id)
        if reason is not None:
            results.append({"check": name, "passed": False, "reason": reason[:2000]})
            break
        results.append({"check": name, "passed": True})
    return results


def _identity(envelope: Envelope) -> str | None:
    principal = envelope.principal
    return None if principal.id and principal.roles else "the principal has no identity"


def _tenant(envelope: Envelope) -> str | None:
    owners = (("principal", envelope.principal.tenant), ("session", envelope.session.tenant))
    for what, owner in owners:
        if owner != envelope.tenant:
            return f"the {what} belongs to tenant {owner}, the run to {envelope.tenant}"
    return None


def _lease(envelope: Envelope, now_ns: int) -> str | None:
    session = envelope.session
    return None if session.expires_ns > now_ns else f"the lease of {session.id} has run out"


def _policy(envelope: Envelope, capability: Capability | None) -> str | None:
    decision = envelope.decision
    if not decision.allowed:
        return "; ".join(decision.reasons) or "the policy denies this request"
    demanded = decision.sandbox
    if demanded == "none" or capability is None:
        return None
    offered = capability.sandbox
    known = demanded in SANDBOX_LEVELS and offered in SANDBOX_LEVELS
    if known and SANDBOX_LEVELS.index(offered) >= SANDBOX_LEVELS.index(demanded):
        return None
    return (
        f"the policy demands the sandbox {demanded}, which is not available: "
        f"{capability.id} runs under {offered}"
    )


def _trust(envelope: Envelope, capability: Capability | None) -> str | None:
    if capability is None:
        return f"there is no capability {envelope.step.capability_id!r}"
    if capability.verified and capability.trusted and capability.status == "active":
        return None
    return (
        f"{capability.id} is not verified, trusted and active (verified: "
        f"{capability.verified}, trusted: {capability.trusted}, {capability.status})"
    )
