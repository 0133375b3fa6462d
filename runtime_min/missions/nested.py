"""What a step runs below itself: runs of their own, through the same kernel and the same gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime_min.kernel.envelope import Invocation, Request, Retry, Step
from runtime_min.kernel.errors import Cancelled, CapabilityFailed
from runtime_min.kernel.kernel import Kernel, RunResult
from runtime_min.missions.mission import GRACE_MS

if TYPE_CHECKING:
    from runtime_min.missions.capability import StepTypes

_MOST_DEPTH = 8  # chains in chains


class NestedRuns:
    """Runs below one attempt of a step. Their keys tell them apart, and they are found by them."""

    def __init__(
        self,
        kernel: Kernel,
        types: StepTypes,
        plugins: Callable[[], Mapping[str, str]],
        parent: Request,
        invocation: Invocation,
    ) -> None:
        self._kernel = kernel
        self._types = types
        self._plugins = plugins
        self._parent = parent
        self._invocation = invocation
        self._count = 0

    def plugins(self) -> Mapping[str, str]:
        """Names of the registered plugins, and what each is for."""
        return self._plugins()

    def schema(self, step_type: str) -> dict[str, Any]:
        """The published schema of a step type's parameters."""
        return self._types.schema(step_type)

    def plugin(self, name: str, payload: Any) -> Any:
        """Run a plugin and give its output."""
        step = Step("plugin", f"plugin:{name}", payload)
        return self._run("plugin", f"plugin.{name.replace('-', '_')}", (step,))

    def step(self, step_type: str, parameters: Mapping[str, Any], seconds: float) -> Any:
        """Run one step and give its output."""
        made = _step("step", step_type, _literal(dict(parameters)), seconds)
        return self._run("mission", "mission.run", (made,))

    def chain(self, steps: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
        """Run sub-steps one after the other; each sees the outputs of those before it."""
        made: list[Step] = []
        for given in steps:
            own = given.get("timeout_seconds")
            bound = min(own, seconds) if own else seconds
            needs = (made[-1].id,) if made else ()
            name, kind = given["step_name"], given["step_type"]
            made.append(_step(name, kind, given.get("parameters") or {}, bound, needs))
        outputs = self._run("mission", "mission.run", tuple(made))
        by_name = {made[0].id: outputs} if len(made) == 1 else outputs
        events = [{"step": step.id, "status": "Success"} for step in made]
        return {"result": by_name[made[-1].id], "variables": by_name, "events": events}

    def _run(self, kind: str, intent: str, steps: tuple[Step, ...]) -> Any:
        parent, invocation = self._parent, self._invocation
        self._count += 1
        depth = parent.details.get("depth", 0) + 1
        if depth > _MOST_DEPTH:
            raise CapabilityFailed(f"steps are nested more than {_MOST_DEPTH} deep", "too-deep")
        details = {}
        if kind == "mission":
            details = {**parent.details, "depth": depth}
            details["parent"] = [invocation.tenant, invocation.run]
        request = Request(
            parent.tenant,
            parent.principal,
            parent.session,
            kind,
            intent,
            f"{invocation.idempotency_key}/{self._count}",
            steps,
            trace_id=None,
            details=details,
        )
        return self._output(self._watched(request))

    def _watched(self, request: Request) -> RunResult:
        """Execute a run, and cancel it when the step above is."""
        import threading

        kernel, invocation = self._kernel, self._invocation
        accepted = kernel.accept(request)
        if accepted.status != "accepted":
            return accepted
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                if invocation.cancelled():
                    kernel.cancel(request.tenant, accepted.run)
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return kernel.execute(request.tenant, accepted.run)
        finally:
            over.set()
            watcher.join()

    def _output(self, result: RunResult) -> Any:
        if result.status == "completed":
            return result.output
        error = result.error or {}
        message = f"{error.get('message', 'it failed')} (run {result.run})"
        if result.status == "cancelled":
            raise Cancelled(message)
        code = error.get("details", {}).get("code", "nested-failed")
        raise CapabilityFailed(message, code)


def _literal(value: Any) -> Any:
    """A value that is put in once already: what looks like a reference in it is text."""
    if isinstance(value, str):
        return value.replace("{{", "{{{{")
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return value


def _step(
    name: str,
    step_type: str,
    parameters: Mapping[str, Any],
    seconds: float,
    needs: tuple[str, ...] = (),
) -> Step:
    bound = max(round(seconds * 1000), 1) + GRACE_MS
    return Step(name, f"step:{step_type}", dict(parameters), needs, bound, Retry(1))
