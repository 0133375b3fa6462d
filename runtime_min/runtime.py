"""The wiring: one home folder, one journal, and everything that works on it.

Policy, tokens and limits are files in the home folder; what is not there has a safe default.
"""

from __future__ import annotations

import os
from pathlib import Path

import runtime_min
from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import Capability
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import (
    Clock,
    Randomness,
    Scheduler,
    SystemClock,
    SystemDisk,
    SystemRandomness,
    ThreadScheduler,
)
from runtime_min.missions.capability import Bounds
from runtime_min.missions.service import Missions
from runtime_min.missions.services import Services, read_services
from runtime_min.missions.vectors import VectorStore
from runtime_min.plugins.images import ImageReport, Thumbnail
from runtime_min.plugins.registry import PluginRegistry
from runtime_min.plugins.replays import ReplayService
from runtime_min.plugins.services import (
    AnalysisExecutionService,
    JobExecutionService,
    PluginExecutionService,
)
from runtime_min.plugins.tool_runner import ToolRunner
from runtime_min.record.archive import Archive
from runtime_min.record.journal import Journal
from runtime_min.record.keys import KeyStore

GRANTS = {
    "operator": ["plugin.*", "job.*", "mission.*", "replay.*"],
    "analyst": ["plugin.*", "mission.*"],
    "auditor": ["replay.*"],
}


def default_home() -> Path:
    """`$RUNTIME_MIN_HOME`, or a folder of the XDG state directory."""
    if chosen := os.environ.get("RUNTIME_MIN_HOME"):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "runtime-min"


class Runtime:
    """Everything over one home folder. Close it: the journal has one writer at a time."""

    def __init__(
        self,
        home: Path,
        *,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        scheduler: Scheduler | None = None,
        origin: str = "runtime-min.local",
        limits: dict[str, dict[str, int]] | None = None,
        timeout_ms: int = 60_000,
    ) -> None:
        self.home = home
        self.clock = clock or SystemClock()
        self.randomness = randomness or SystemRandomness()
        self.scheduler = scheduler or ThreadScheduler()
        self.journal = Journal(
            home / "journal.db", origin=lambda tenant: f"{origin}/{tenant}", clock=self.clock
        )
        self.catalog: dict[str, Capability] = {}
        self.policy = RolePolicy(GRANTS)
        self.missions = Missions(_bounds(home), runtime_min.__version__)
        self.missions.register(self.catalog)
        self.kernel = Kernel(
            self.journal,
            self.catalog,
            self.policy,
            clock=self.clock,
            randomness=self.randomness,
            ledger=Ledger(limits),
            breakers=Breakers(self.clock),
            engines={"mission": self.missions.run},
        )
        self.registry = PluginRegistry()
        for plugin in (ImageReport, Thumbnail):
            self.registry.register(plugin)
        tool_runner = ToolRunner(self.registry, self.clock, self.kernel.gate.holds)
        plugins = PluginExecutionService(self.registry, tool_runner)
        jobs = JobExecutionService(
            self.kernel, self.registry, plugins, self.catalog, timeout_ms=timeout_ms
        )
        self.analysis = AnalysisExecutionService(jobs, self.scheduler)
        self.replays = ReplayService(self.kernel, self.policy, self.randomness)
        self.missions.attach(self.kernel, self._plugins)
        keys = KeyStore(home / "keys", SystemDisk(), self.randomness)
        self.archive = Archive(self.journal, keys, SystemDisk(), self.clock)

    def _plugins(self) -> dict[str, str]:
        registry = self.registry
        return {name: registry.describe(name).summary for name in registry.names()}

    def close(self) -> None:
        self.scheduler.shutdown()
        self.journal.close()


def _bounds(home: Path) -> Bounds:
    """What missions may use: `services.toml` of the home folder, where there is one."""
    services = home / "services.toml"
    known = read_services(services) if services.exists() else Services()
    return Bounds(known, store=VectorStore(home / "documents.db"))
