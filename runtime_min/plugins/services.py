"""The services of spec 001 section 2, each with its one responsibility.

API → AnalysisExecutionService → JobExecutionService → PluginExecutionService → ToolRunner → Plugin.
A job is a run of the kernel: its record is the journal, so jobs survive a restart.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel.envelope import (
    Capability,
    Invocation,
    Principal,
    Request,
    Retry,
    Session,
    Step,
)
from runtime_min.kernel.errors import ValidationFailed
from runtime_min.kernel.kernel import Kernel, RunResult, code_digest
from runtime_min.kernel.ports import Scheduler
from runtime_min.kernel.states import JobStatus
from runtime_min.plugins.registry import PluginRegistry
from runtime_min.plugins.tool_runner import ToolRunner
from runtime_min.record.journal import Journal

STEP = "run"
_ATTEMPTS = 3  # plugins are pure: an attempt that a crash cut off may be made again


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, under which session."""

    principal: Principal
    session: Session


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its journal has it; times are UTC, ISO 8601."""

    job_id: str
    plugin: str
    status: JobStatus
    created_at: str
    updated_at: str
    result: Any = None
    error: dict[str, Any] | None = None


class PluginExecutionService:
    """Delegates to the tool runner, and does nothing else."""

    def __init__(self, registry: PluginRegistry, tool_runner: ToolRunner) -> None:
        self._registry = registry
        self._tool_runner = tool_runner

    def execute(self, name: str, invocation: Invocation) -> dict[str, Any]:
        """Run plugin `name`: its output, or the error envelope."""
        return self._tool_runner.run(self._registry.create(name), invocation)


class JobExecutionService:
    """Life of a job and its storage."""

    def __init__(
        self,
        kernel: Kernel,
        registry: PluginRegistry,
        plugins: PluginExecutionService,
        catalog: MutableMapping[str, Capability],
        timeout_ms: int = 60_000,
    ) -> None:
        self._kernel = kernel
        self._registry = registry
        self._plugins = plugins
        self._timeout_ms = timeout_ms
        for name in registry.names():
            catalog[f"plugin:{name}"] = self._capability(name)

    def create_job(
        self, caller: Caller, plugin: str, payload: Any, key: str, tenant: str | None = None
    ) -> RunResult:
        """Record a job as PENDING; with a key that is known, the job that has it.

        ValidationFailed for a plugin that does not exist; a refusal is a result.
        """
        self._registry.describe(plugin)
        step = Step(
            STEP,
            f"plugin:{plugin}",
            payload,
            timeout_ms=self._timeout_ms,
            retry=Retry(_ATTEMPTS),
        )
        request = Request(
            tenant or caller.principal.tenant,
            caller.principal,
            caller.session,
            "plugin",
            f"plugin.{plugin.replace('-', '_')}",
            key,
            (step,),
        )
        return self._kernel.accept(request)

    def run_job(self, tenant: str, job_id: str) -> RunResult:
        """Bring a job to its end."""
        return self._kernel.execute(tenant, job_id)

    def get_job(self, tenant: str, job_id: str) -> Job | None:
        """A job of this tenant, or None; what was refused never became a job."""
        events = self._journal.events(tenant, job_id)
        if not events or events[0]["request"]["kind"] != "plugin":
            return None
        states = [
            event["transition"]["to"]
            for event in events
            if event["type"] == "state.changed" and event["transition"]["machine"] == "job"
        ]
        if not states:
            return None
        result = self._kernel.result(tenant, job_id)
        return Job(
            job_id,
            events[0]["trace"]["capability_id"].removeprefix("plugin:"),
            JobStatus(states[-1]),
            events[0]["ts"],
            events[-1]["ts"],
            result.output,
            dict(result.error) if result.error else None,
        )

    def list_jobs(self, tenant: str, limit: int) -> list[Job]:
        """A tenant's jobs, oldest first."""
        rows = self._journal.runs(tenant, limit=limit)
        jobs = [self.get_job(tenant, row.run) for row in rows if row.kind == "plugin"]
        return [job for job in jobs if job is not None]

    def cancel_job(self, tenant: str, job_id: str) -> bool:
        """Ask for a job to stop; False where it is over or unknown."""
        return self._kernel.cancel(tenant, job_id)

    def unfinished_jobs(self) -> list[tuple[str, str]]:
        """Jobs that a restart has to go on with, as tenant and id."""
        return [(row.tenant, row.run) for row in self._kernel.unfinished() if row.kind == "plugin"]

    @property
    def _journal(self) -> Journal:
        return self._kernel.journal

    def _capability(self, name: str) -> Capability:
        plugin = self._registry.describe(name)

        def handler(invocation: Invocation) -> Any:
            return self._plugins.execute(name, invocation)

        return Capability(f"plugin:{name}", plugin.version, code_digest(plugin), handler)


class AnalysisExecutionService:
    """Orchestrates jobs for a caller: now, or later."""

    def __init__(self, jobs: JobExecutionService, scheduler: Scheduler) -> None:
        self._jobs = jobs
        self._scheduler = scheduler

    def analyze(self, caller: Caller, plugin: str, payload: Any, key: str) -> RunResult:
        """Run a plugin and wait for its end."""
        created = self._jobs.create_job(caller, plugin, payload, key)
        if created.status != "accepted":
            return created
        return self._jobs.run_job(caller.principal.tenant, created.run)

    def submit(self, caller: Caller, plugin: str, payload: Any, key: str) -> RunResult:
        """Record a job and run it later; it is durable when this returns."""
        created = self._jobs.create_job(caller, plugin, payload, key)
        if created.status == "accepted":
            self._schedule(caller.principal.tenant, created.run)
        return created

    def job(self, caller: Caller, job_id: str) -> Job | None:
        return self._jobs.get_job(caller.principal.tenant, job_id)

    def jobs(self, caller: Caller, limit: int = 100) -> list[Job]:
        return self._jobs.list_jobs(caller.principal.tenant, limit)

    def cancel(self, caller: Caller, job_id: str) -> bool:
        """Ask for a job to stop; one that waits is brought to its end."""
        asked = self._jobs.cancel_job(caller.principal.tenant, job_id)
        if asked:
            self._schedule(caller.principal.tenant, job_id)
        return asked

    def refuse_across_tenants(
        self, caller: Caller, tenant: str, plugin: str, key: str
    ) -> RunResult:
        """Put on record that `caller` reached for another tenant's data; nothing runs."""
        if tenant == caller.principal.tenant:
            raise ValidationFailed(f"{tenant} is the caller's own tenant")
        return self._jobs.create_job(caller, plugin, None, key, tenant)

    def resume(self) -> int:
        """Go on with what a restart found unfinished; returns how many jobs that are."""
        unfinished = self._jobs.unfinished_jobs()
        for tenant, job_id in unfinished:
            self._schedule(tenant, job_id)
        return len(unfinished)

    def _schedule(self, tenant: str, job_id: str) -> None:
        def work() -> None:
            self._jobs.run_job(tenant, job_id)

        self._scheduler.submit(work)
