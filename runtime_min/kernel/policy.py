"""Who may ask for what. Evaluated once, when a request is accepted, and frozen from then on."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Protocol

from runtime_min.kernel.envelope import Decision, Request
from runtime_min.record.canonical import canonical, sha256_hex


class Policy(Protocol):
    """Port: anything that answers a request with a decision and its reasons."""

    def evaluate(self, request: Request) -> Decision: ...


class RolePolicy:
    """Roles and what they may ask for, as patterns over `intent_type` (`*`, `plugin.*`).

    Denied is what no role allows, and whatever crosses a tenant's boundary.
    """

    def __init__(self, grants: Mapping[str, Sequence[str]], sandbox: str = "none") -> None:
        self._grants = {role: tuple(patterns) for role, patterns in grants.items()}
        self._sandbox = sandbox
        self.sha256 = sha256_hex(
            canonical(
                {
                    "grants": {role: list(p) for role, p in sorted(self._grants.items())},
                    "sandbox": sandbox,
                }
            )
        )

    def evaluate(self, request: Request) -> Decision:
        reasons: list[str] = []
        principal = request.principal
        if principal.tenant != request.tenant:
            reasons.append(
                f"{principal.id} belongs to tenant {principal.tenant}, not {request.tenant}"
            )
        if not any(
            fnmatch.fnmatchcase(request.intent_type, pattern)
            for role in principal.roles
            for pattern in self._grants.get(role, ())
        ):
            held = ", ".join(principal.roles) or "none"
            reasons.append(f"no role of {principal.id} ({held}) allows {request.intent_type}")
        return Decision(not reasons, self.sha256, tuple(reasons), self._sandbox)
