"""Analyses, at once or as a job to come back for."""

from typing import Any

from app.services.execution.job_execution import Job, JobExecutionService


class AnalysisExecutionService:
    def __init__(self, jobs: JobExecutionService) -> None:
        self._jobs = jobs

    def analyse(self, plugin: str, image: bytes, mime_type: str) -> Job:
        return self._jobs.run_job(self.submit(plugin, image, mime_type).id)

    def submit(self, plugin: str, image: bytes, mime_type: str) -> Job:
        payload: dict[str, Any] = {"image": image, "mime_type": mime_type}
        return self._jobs.create_job(plugin, payload)

    def job(self, job_id: str) -> Job:
        return self._jobs.job(job_id)
