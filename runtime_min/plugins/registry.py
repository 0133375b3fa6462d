"""Which plugins there are, and how their runs went."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from runtime_min.kernel.errors import ValidationFailed
from runtime_min.kernel.states import PluginLifecycleState
from runtime_min.plugins.contract import BasePlugin

_KEPT_DURATIONS = 1024


@dataclass(slots=True)
class ExecutionMetrics:
    """Counts and the newest durations (milliseconds) of one plugin."""

    success: int = 0
    error: int = 0
    last_state: PluginLifecycleState = PluginLifecycleState.LOADED
    durations_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_DURATIONS))


class PluginRegistry:
    """Plugins by name. Gives each run an instance of its own."""

    def __init__(self) -> None:
        self._classes: dict[str, type[BasePlugin]] = {}
        self._metrics: dict[str, ExecutionMetrics] = {}
        self._lock = threading.Lock()

    def register(self, plugin: type[BasePlugin]) -> None:
        """Add a plugin class; ValidationFailed for a name that is taken."""
        if plugin.name in self._classes:
            raise ValidationFailed(f"there is a plugin {plugin.name!r} already", "plugin-exists")
        self._classes[plugin.name] = plugin
        self._metrics[plugin.name] = ExecutionMetrics()

    def create(self, name: str) -> BasePlugin:
        """A fresh instance of a plugin, LOADED."""
        return self.describe(name)()

    def describe(self, name: str) -> type[BasePlugin]:
        if name not in self._classes:
            known = ", ".join(self.names()) or "none"
            raise ValidationFailed(
                f"there is no plugin {name!r} (accepted: {known})", "unknown-plugin"
            )
        return self._classes[name]

    def names(self) -> list[str]:
        return sorted(self._classes)

    def metrics(self, name: str) -> ExecutionMetrics:
        self.describe(name)
        return self._metrics[name]

    def update_execution_metrics(
        self, name: str, succeeded: bool, duration_ms: float, state: PluginLifecycleState
    ) -> None:
        """Count one run; called by the tool runner, whatever happened."""
        with self._lock:
            metrics = self._metrics[name]
            if succeeded:
                metrics.success += 1
            else:
                metrics.error += 1
            metrics.durations_ms.append(duration_ms)
            metrics.last_state = state
