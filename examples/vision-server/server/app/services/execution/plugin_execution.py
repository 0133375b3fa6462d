"""Hands an execution to the gate."""

from typing import Any

from app.plugins.runtime.tool_runner import ToolRunner


class PluginExecutionService:
    def __init__(self, runner: ToolRunner) -> None:
        self._runner = runner

    def execute(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        return self._runner.run(name, payload)
