"""A step type as a capability of the kernel: resolve, validate, do, redact.

The payload on record is the step as the mission writes it. What its references stand for is put
in here, after the gate has said yes and just before the work; secrets never reach the record.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import Capability, Invocation
from runtime_min.kernel.errors import Cancelled, CapabilityFailed, RuntimeMinError, ValidationFailed
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.kernel import Kernel
from runtime_min.missions.mission import GRACE_MS
from runtime_min.missions.nested import NestedRuns
from runtime_min.missions.network import NetworkPolicy
from runtime_min.missions.programs import Limits, stop
from runtime_min.missions.services import Services
from runtime_min.missions.steps import MODULE_OF, Handler, StepContext, handler_of
from runtime_min.missions.variables import Redactor, Scope, resolve
from runtime_min.missions.vectors import VectorStore
from runtime_min.missions.workspace import Workspace

_SECRET_ROLES = frozenset(("secret", "connection", "headers"))
_WHOLE = re.compile(r"\s*\{\{(?!\{)[^{}]*\}\}\s*")


@dataclass(slots=True)
class Bounds:
    """What the operator allows missions."""

    services: Services = field(default_factory=Services)
    network: NetworkPolicy = field(default_factory=NetworkPolicy)
    programs: tuple[str, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    store: VectorStore | None = None


class Started:
    """The programs that a mission has started and that go on. Thread-safe."""

    def __init__(self) -> None:
        self._by_pid: dict[int, Any] = {}
        self._lock = threading.Lock()

    def add(self, process: Any) -> None:
        with self._lock:
            self._by_pid[process.pid] = process

    def get(self, pid: int) -> Any | None:
        with self._lock:
            return self._by_pid.get(pid)

    def stop(self) -> None:
        """End them all."""
        with self._lock:
            running, self._by_pid = list(self._by_pid.values()), {}
        for process in running:
            stop(process)


@dataclass(slots=True)
class Live:
    """A mission under way in this process."""

    execution: Execution
    workspace: Workspace
    scope: Scope
    redactor: Redactor
    retries: bool
    started: Started = field(default_factory=Started)
    failed_outputs: dict[str, Any] = field(default_factory=dict)


class Steps(Mapping[str, Mapping[str, Any]]):
    """What variables see of the steps that are over: `output`, `status`, `error`."""

    def __init__(self, execution: Execution, failed_outputs: Mapping[str, Any]) -> None:
        self._execution = execution
        self._failed = failed_outputs

    def __getitem__(self, step: str) -> Mapping[str, Any]:
        execution = self._execution
        if step in execution.outputs:
            output = execution.outputs[step]
            return {"output": output, "status": "Success", "error": None}
        if step in execution.failures:
            error = execution.failures[step]["error"]
            status = "Skipped" if error["details"].get("code") == "skipped" else "Failed"
            output = self._failed.get(step)
            return {"output": output, "status": status, "error": error["message"]}
        raise KeyError(step)

    def __iter__(self) -> Iterator[str]:
        yield from self._execution.outputs
        yield from self._execution.failures

    def __len__(self) -> int:
        return len(self._execution.outputs) + len(self._execution.failures)


class StepTypes:
    """Every step type as a capability; the missions under way, by tenant and run."""

    def __init__(self, bounds: Bounds, version: str) -> None:
        self.bounds = bounds
        self.live: dict[tuple[str, str], Live] = {}
        self.kernel: Kernel | None = None
        self.plugins: Callable[[], Mapping[str, str]] = dict
        self._version = version
        self._schemas = schemas_folder()
        self._validators: dict[str, Any] = {}
        self._notes: dict[str, dict[str, Any]] = {}

    def capabilities(self) -> Iterator[Capability]:
        """One for each type that this runtime has."""
        digests: dict[str, str] = {}
        for step_type, module in MODULE_OF.items():
            if module not in digests:
                digests[module] = _digest(module)
            handler = self._runner(step_type)
            yield Capability(
                f"step:{step_type}", self._version, digests[module], handler, breaks=False
            )

    def _runner(self, step_type: str) -> Any:
        def run(invocation: Invocation) -> Any:
            live = self.live.get((invocation.tenant, invocation.run))
            if live is None:
                raise RuntimeMinError("the mission of this step is not under way", "no-mission")
            step = invocation.idempotency_key.split("/")[-2]
            try:
                return live.redactor.value(self._do(step_type, step, live, invocation))
            except Cancelled:
                raise
            except RuntimeMinError as error:
                raise self._redacted(error, step, live) from None
            except ImportError as error:
                raise CapabilityFailed(
                    f"{error.name} is missing: pip install 'govlint[steps]'", "no-library"
                ) from None

        return run

    def _do(self, step_type: str, step: str, live: Live, invocation: Invocation) -> Any:
        planned = live.execution.step(step)
        bounds = self.bounds
        context = StepContext(
            step,
            live.workspace,
            time.monotonic() + (planned.timeout_ms - GRACE_MS) / 1000,
            invocation.cancelled,
            bounds.limits,
            bounds.network,
            bounds.programs,
            live.started,
            bounds.services,
            self._nested(live, invocation),
            bounds.store,
            invocation.tenant,
            invocation.charge,
        )
        given = self.resolved(step_type, invocation.payload or {}, live.scope)
        invocation.record_validation("input", True)
        handler = handler_of(step_type)
        assert handler is not None, step_type
        output = _timely(handler, context, given)
        if step_type == "create_file":
            written = invocation.payload.get("content") or ""
            output["variables_substituted"] = written != (given.get("content") or "")
        return output

    def _nested(self, live: Live, invocation: Invocation) -> NestedRuns | None:
        if self.kernel is None:
            return None
        request = live.execution.request
        return NestedRuns(self.kernel, self, self.plugins, request, invocation)

    def resolved(
        self, step_type: str, parameters: Mapping[str, Any], scope: Scope
    ) -> dict[str, Any]:
        """Parameters with their references put in, and held against the type's schema."""
        schema = self.schema(step_type)
        properties = schema["properties"]

        def secret_allowed(path: tuple[str, ...]) -> bool:
            roles = properties.get(path[0], {}).get("x-govlint", {}).get("roles", ())
            return not _SECRET_ROLES.isdisjoint(roles)

        # the sub-steps of a chain are resolved one by one, each when its turn has come
        later = (
            {"steps": parameters["steps"]} if step_type == "chain" and "steps" in parameters else {}
        )
        now = {name: value for name, value in parameters.items() if name not in later}
        found = {**resolve(now, scope, secret_allowed), **later}
        for name, value in parameters.items():
            if isinstance(value, str) and _WHOLE.fullmatch(value):
                found[name] = typed(found[name], properties.get(name, {}).get("type"))
        error = next(iter(self._validators[step_type].iter_errors(found)), None)
        if error is not None:
            where = ".".join(map(str, error.instance_path)) or "parameters"
            raise ValidationFailed(f"{where}: {error.message}", "step-parameters")
        return {name: value for name, value in found.items() if value is not None}

    def schema(self, step_type: str) -> dict[str, Any]:
        """The published schema of a type's parameters."""
        if step_type not in self._notes:
            import jsonschema_rs

            path = self._schemas / "steps" / f"{step_type}.schema.json"
            schema = json.loads(path.read_text("utf-8"))
            self._validators[step_type] = jsonschema_rs.validator_for(schema)
            self._notes[step_type] = schema
        return self._notes[step_type]

    def _redacted(self, error: RuntimeMinError, step: str, live: Live) -> RuntimeMinError:
        details = {key: live.redactor.value(value) for key, value in error.details.items()}
        live.failed_outputs[step] = details.pop("output", None)
        message = live.redactor.text(str(error))[:4000]
        if isinstance(error, CapabilityFailed):
            # the mission says how often a failure is tried again, whatever it is
            return CapabilityFailed(message, error.code, retryable=live.retries, **details)
        if isinstance(error, ValidationFailed):
            return ValidationFailed(message, error.code, **details)
        return type(error)(message, error.code, **details)


def _timely(handler: Handler, context: StepContext, given: dict[str, Any]) -> dict[str, Any]:
    context.left()
    return handler(context, given)


def typed(value: Any, wanted: Any) -> Any:
    """The value of a whole reference as the type that is due: the environment has only text."""
    types = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if not types or value is None:
        return value
    if set(types) <= {"string", "null"}:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    for name in types:
        if name in ("integer", "number", "boolean", "array", "object"):
            try:
                read = json.loads(value)
            except ValueError:
                continue
            if _is(read, name):
                return read
    return value


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    kinds: dict[str, tuple[type, ...]] = {
        "integer": (int,),
        "number": (int, float),
        "array": (list,),
        "object": (dict,),
    }
    return isinstance(value, kinds.get(name, ()))


def schemas_folder() -> Path:
    """`schemas/` beside the packages in a checkout, inside of the wheel where it is installed."""
    beside = Path(__file__).parents[2] / "schemas"
    if (beside / "steps").is_dir():
        return beside
    found = find_spec("govlint")  # located, not imported: one wheel holds both
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "_data" / "schemas"


def _digest(module: str) -> str:
    import hashlib

    path = Path(__file__).parent / "steps" / f"{module}.py"
    return hashlib.sha256(path.read_bytes()).hexdigest()
