"""A runtime under a seed: clock, randomness and scheduler that repeat, for tests and vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import (
    Capability,
    Invocation,
    Principal,
    Request,
    Retry,
    Session,
    Step,
)
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import SeededRandomness, SimulatedClock, SystemDisk
from runtime_min.record.archive import Archive
from runtime_min.record.journal import Journal
from runtime_min.record.keys import KeyStore

ORIGIN = "example.org/"


def capability(name: str, handler: Callable[[Invocation], Any], **more: Any) -> Capability:
    return Capability(name, "1.0", "ab" * 32, handler, **more)


class World:
    """One seeded runtime over a folder; `reopen` is what a restart is."""

    def __init__(self, folder: Path, seed: int = 1, **more: Any) -> None:
        self.folder = folder
        self.clock = SimulatedClock()
        self.randomness = SeededRandomness(seed)
        self.catalog: dict[str, Capability] = {}
        self.limits: dict[str, dict[str, int]] = more.pop("limits", {})
        self.crash_point: Callable[[str], None] = more.pop("crash_point", lambda name: None)
        self.grants = more.pop("grants", {"analyst": ["plugin.*", "test.*"]})
        self.sandbox = more.pop("sandbox", "none")
        self.where = more.pop("where", folder / "journal.db")
        assert not more
        self.open()

    def open(self) -> None:
        self.journal = Journal(
            self.where,
            origin=lambda tenant: ORIGIN + tenant,
            clock=self.clock,
            crash_point=self.crash_point,
        )
        self.kernel = Kernel(
            self.journal,
            self.catalog,
            RolePolicy(self.grants, self.sandbox),
            clock=self.clock,
            randomness=self.randomness,
            ledger=Ledger(self.limits),
            breakers=Breakers(self.clock, threshold=3, cooldown=30),
            inline=True,
        )
        keys = KeyStore(self.folder / "keys", SystemDisk(), self.randomness)
        self.archive = Archive(self.journal, keys, SystemDisk(), self.clock, "cd" * 32)

    def reopen(self) -> None:
        self.journal.close()
        self.open()

    def provide(self, name: str, handler: Callable[[Invocation], Any], **more: Any) -> None:
        self.catalog[name] = capability(name, handler, **more)

    def request(self, *steps: Step, key: str = "k1", tenant: str = "acme", **more: Any) -> Request:
        principal = more.pop("principal", Principal("user:jane", tenant, ("analyst",)))
        lease = more.pop("lease_seconds", 3600)
        session = more.pop(
            "session", Session("s1", tenant, self.clock.now_ns() + round(lease * 1e9))
        )
        kind = more.pop("kind", "plugin")
        intent = more.pop("intent_type", "test.work")
        return Request(tenant, principal, session, kind, intent, key, steps, **more)


def step(name: str, capability_id: str = "work", payload: Any = None, **more: Any) -> Step:
    if "attempts" in more:
        more["retry"] = Retry(more.pop("attempts"))
    return Step(name, capability_id, {} if payload is None else payload, **more)
