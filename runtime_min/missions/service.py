"""Missions as a front end of the kernel: accept, run, go on after a restart, cancel, result."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import Capability, Principal, Session
from runtime_min.kernel.errors import ValidationFailed
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.kernel import Kernel
from runtime_min.missions.capability import Bounds, Live, Steps, StepTypes
from runtime_min.missions.engine import MissionPlan, Observer
from runtime_min.missions.mission import Mission, Settings
from runtime_min.missions.result import MissionResult, mission_result
from runtime_min.missions.steps import MODULE_OF
from runtime_min.missions.variables import Redactor, Scope
from runtime_min.missions.workspace import Workspace

_NAME = re.compile(r"[A-Za-z_]\w*")


class Missions:
    """Runs missions through one kernel. `run` is the kernel's engine for them."""

    def __init__(self, bounds: Bounds, version: str) -> None:
        self.bounds = bounds
        self._types = StepTypes(bounds, version)
        self._failed_outputs: dict[tuple[str, str], dict[str, Any]] = {}
        self.observer: Observer = _nobody

    def attach(self, kernel: Kernel, plugins: Callable[[], Mapping[str, str]]) -> None:
        """Make the kernel known, and the plugins that a tool may be; steps below steps need it."""
        self._types.kernel = kernel
        self._types.plugins = plugins

    def register(self, catalog: dict[str, Capability]) -> None:
        """Put every step type into a catalog of capabilities."""
        for capability in self._types.capabilities():
            catalog[capability.id] = capability

    def accept(
        self,
        kernel: Kernel,
        principal: Principal,
        session: Session,
        mission: Mission,
        workspace: Path,
        idempotency_key: str,
        *,
        context: Mapping[str, Any] | None = None,
        env_file: Path | None = None,
    ) -> str:
        """Record that a mission is to run, and give its run. ValidationFailed where it cannot."""
        for step in mission.steps:
            if step.step_type not in MODULE_OF:
                raise ValidationFailed(
                    f"step {step.id}: this runtime cannot do {step.step_type} steps", "no-step-type"
                )
        details = {
            "workspace": str(workspace.resolve()),
            "context": dict(context or {}),
            "env_file": str(env_file.resolve()) if env_file else None,
        }
        if env_file is not None:
            read_env(env_file)
        tenant = principal.tenant
        request = mission.request(tenant, principal, session, idempotency_key, details)
        return kernel.accept(request).run

    def run(self, execution: Execution) -> None:
        """Bring the steps of an accepted mission to their ends (an engine of the kernel)."""
        details = execution.request.details
        config = details["config"]
        settings = Settings.of(config)
        env = dict(os.environ)
        if details.get("env_file"):
            env |= read_env(Path(details["env_file"]))
        key = execution.tenant, execution.run
        failed: dict[str, Any] = {}
        with Workspace(Path(details["workspace"])) as workspace:
            own: Mapping[str, Mapping[str, Any]] = Steps(execution, failed)
            above = self._types.live.get(tuple(details.get("parent", ())))
            chained = frozenset(step.id for step in execution.steps) if above else frozenset()
            if above is not None:
                own = ChainMap(own, above.scope.steps)  # type: ignore[arg-type]
            else:  # nobody asks for the result of what runs below a step
                self._failed_outputs[key] = failed
            scope = Scope(env, details["context"], config, own, chained)
            live = Live(
                execution,
                workspace,
                scope,
                Redactor(scope.secrets()),
                settings.retry_attempts > 0,
                failed_outputs=failed,
            )
            self._types.live[key] = live
            try:
                MissionPlan(execution, settings, _nobody if above else self.observer).run()
            finally:
                live.started.stop()
                del self._types.live[key]

    def result(self, kernel: Kernel, tenant: str, run: str) -> MissionResult:
        """How a mission stands; outputs of failed steps only in the process that ran it."""
        failed = self._failed_outputs.get((tenant, run), {})
        return mission_result(kernel.journal, tenant, run, failed)


def _nobody(_what: str, _step: str, _details: dict[str, Any]) -> None:
    pass


def read_env(path: Path) -> dict[str, str]:
    """`NAME=value` lines, with `#` comments, `export` and quotes as `.env` files have them."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationFailed(f"{path} cannot be read: {error}", "no-env-file") from None
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not _NAME.fullmatch(name):
            raise ValidationFailed(
                f"{path}:{number}: a line has the form NAME=value", "no-env-file"
            )
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        elif " #" in value:
            value = value.partition(" #")[0].rstrip()
        found[name] = value
    return found
