"""Analyses that are due later."""

import sched
from collections.abc import Callable
from typing import Any

from app.plugins.registry import PluginRegistry

Task = Callable[[], dict[str, Any]]


class Schedule:
    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry
        self._scheduler = sched.scheduler()

    def task(self, name: str, payload: dict[str, Any]) -> Task:
        tool = self._registry.get(name)

        def later() -> dict[str, Any]:
            return tool.run(payload)

        return later

    def after(self, seconds: float, name: str, payload: dict[str, Any]) -> None:
        self._scheduler.enter(seconds, 0, self.task(name, payload))
