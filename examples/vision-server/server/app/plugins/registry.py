"""Which plugins there are, in which state, with which metrics."""

from collections.abc import Iterator

from app.plugins.base import BasePlugin
from app.plugins.states import PluginLifecycleState


class PluginRegistry:
    def __init__(self) -> None:
        self._plugins: dict[str, BasePlugin] = {}
        self._states: dict[str, PluginLifecycleState] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def register(self, plugin: BasePlugin) -> None:
        self._plugins[plugin.name] = plugin
        self._states[plugin.name] = PluginLifecycleState.LOADED

    def get(self, name: str) -> BasePlugin:
        return self._plugins[name]

    def __iter__(self) -> Iterator[BasePlugin]:
        return iter(self._plugins.values())

    def state_of(self, name: str) -> PluginLifecycleState:
        return self._states[name]

    def set_state(self, name: str, state: PluginLifecycleState) -> None:
        self._states[name] = state

    def update_execution_metrics(self, name: str, outcome: str, seconds: float) -> None:
        key = (name, outcome)
        self._counts[key] = self._counts.get(key, 0) + 1

    def executions(self, name: str, outcome: str) -> int:
        return self._counts.get((name, outcome), 0)
