"""The gate: the only code that runs a plugin."""

import time
from typing import Any

from app.plugins.registry import PluginRegistry
from app.plugins.runtime.envelope import error_envelope
from app.plugins.runtime.validation import ValidationError, validate_input, validate_output
from app.plugins.states import PluginLifecycleState


class ToolRunner:
    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry

    def run(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        plugin = self._registry.get(name)
        started = time.perf_counter()
        error: Exception | None = None
        try:
            validate_input(payload)
            self._registry.set_state(name, PluginLifecycleState.RUNNING)
            output = plugin.run(payload)
            validate_output(output)
            self._registry.set_state(name, PluginLifecycleState.INITIALIZED)
            return output
        except Exception as failure:
            error = failure
            self._registry.set_state(name, PluginLifecycleState.FAILED)
            return error_envelope(failure, plugin=name)
        finally:
            seconds = time.perf_counter() - started
            if error is None:
                self._registry.update_execution_metrics(name, "success", seconds)
            elif not isinstance(error, ValidationError):
                self._registry.update_execution_metrics(name, "error", seconds)
