"""Jobs: requests for an execution, and what became of them."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from app.services.execution.plugin_execution import PluginExecutionService


class JobStatus(Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


@dataclass
class Job:
    plugin: str
    payload: dict[str, Any]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: JobStatus = JobStatus.PENDING
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None


class JobExecutionService:
    def __init__(self, executions: PluginExecutionService) -> None:
        self._executions = executions
        self._jobs: dict[str, Job] = {}

    def create_job(self, plugin: str, payload: dict[str, Any]) -> Job:
        job = Job(plugin, payload)
        self._jobs[job.id] = job
        return job

    def run_job(self, job_id: str) -> Job:
        job = self._jobs[job_id]
        job.status = JobStatus.RUNNING
        answer = self._executions.execute(job.plugin, job.payload)
        if "error" in answer:
            job.error = answer["error"]
            job.status = JobStatus.FAILED
        else:
            job.result = answer
            job.status = JobStatus.SUCCESS
        job.finished = datetime.now(UTC)
        return job

    def job(self, job_id: str) -> Job:
        return self._jobs[job_id]
