"""Analyses over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, UploadFile

from app.main import analyses
from app.services.execution.analysis_execution import AnalysisExecutionService
from app.services.execution.job_execution import Job

router = APIRouter(prefix="/analyses")


def service() -> AnalysisExecutionService:
    return analyses


Service = Annotated[AnalysisExecutionService, Depends(service)]


def _view(job: Job) -> dict[str, Any]:
    if job.error is not None:
        raise HTTPException(status_code=422, detail=job.error)
    return {"id": job.id, "status": job.status.value, "result": job.result}


@router.post("/{plugin}")
async def analyse(plugin: str, image: UploadFile, service: Service) -> dict[str, Any]:
    body = await image.read()
    return _view(service.analyse(plugin, body, image.content_type or ""))


@router.get("/jobs/{job_id}")
async def job(job_id: str, service: Service) -> dict[str, Any]:
    return _view(service.job(job_id))
