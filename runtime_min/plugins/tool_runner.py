"""The tool runner: the only place where a plugin runs (spec 001 sections 3 to 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime_min.kernel.envelope import Invocation, Permit
from runtime_min.kernel.errors import Refused, RuntimeMinError, error_envelope
from runtime_min.kernel.ports import Clock, utc_timestamp
from runtime_min.kernel.states import PluginLifecycleState
from runtime_min.plugins.contract import BasePlugin, validate_input, validate_output
from runtime_min.plugins.registry import PluginRegistry


class ToolRunner:
    """Validates, runs, sets the lifecycle state, wraps errors, records metrics."""

    def __init__(
        self, registry: PluginRegistry, clock: Clock, holds: Callable[[Permit], bool]
    ) -> None:
        """`holds` is the kernel gate's: without a permit of a running attempt nothing runs."""
        self._registry = registry
        self._clock = clock
        self._holds = holds

    def run(self, plugin: BasePlugin, invocation: Invocation) -> dict[str, Any]:
        """Run `plugin` on the invocation's payload: its output, or the error envelope."""
        started = self._clock.monotonic_ns()
        before = plugin.lifecycle_state
        succeeded = False
        payload = invocation.payload
        try:
            if not self._holds(invocation.permit):
                raise Refused("the gate has not let this execution through", "no-permit")
            plugin.lifecycle_state = PluginLifecycleState.RUNNING
            validate_input(payload)
            invocation.record_validation("input", True)
            output = plugin.run(payload)
            validate_output(output)
            invocation.record_validation("output", True)
            plugin.lifecycle_state = PluginLifecycleState.INITIALIZED
            succeeded = True
            return output
        except Exception as error:
            plugin.lifecycle_state = PluginLifecycleState.FAILED
            if isinstance(error, RuntimeMinError) and error.type == "ValidationError":
                target = "output" if error.code == "invalid-output" else "input"
                invocation.record_validation(target, False, (str(error),))
            return error_envelope(error, plugin.name, utc_timestamp(self._clock.now_ns()))
        finally:
            elapsed = (self._clock.monotonic_ns() - started) / 1e6
            self._registry.update_execution_metrics(
                plugin.name, succeeded, elapsed, plugin.lifecycle_state
            )
            running = PluginLifecycleState.RUNNING.value
            invocation.record_transition("plugin", plugin.name, before.value, running)
            invocation.record_transition(
                "plugin", plugin.name, running, plugin.lifecycle_state.value
            )
