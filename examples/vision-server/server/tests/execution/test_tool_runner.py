"""The gate, as the project tests it."""

from app.main import build_analyses, build_registry
from app.services.execution.job_execution import JobStatus


def test_an_analysis_succeeds_and_is_counted() -> None:
    registry = build_registry()
    job = build_analyses(registry).analyse("ocr", b"hello", "image/png")
    assert job.status is JobStatus.SUCCESS
    assert registry.executions("ocr", "success") == 1


def test_an_empty_image_is_refused() -> None:
    registry = build_registry()
    job = build_analyses(registry).analyse("ocr", b"", "image/png")
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error["type"] == "ValidationError"
