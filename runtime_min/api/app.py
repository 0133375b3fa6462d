"""HTTP routes over AnalysisExecutionService: what leaves here is a result or an `error` section.

No `from __future__ import annotations`: FastAPI resolves the routes' annotations where they stand.
"""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Path,
    Query,
    Request,
    Response,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

import runtime_min
from runtime_min.api.limits import BodyLimit, RateLimit
from runtime_min.api.tokens import TokenStore
from runtime_min.kernel.envelope import Session
from runtime_min.kernel.errors import Refused, RuntimeMinError, ValidationFailed
from runtime_min.kernel.kernel import RunResult
from runtime_min.kernel.ports import utc_timestamp
from runtime_min.plugins.replays import Replayed
from runtime_min.plugins.services import AnalysisExecutionService, Caller, Job
from runtime_min.record.export import prometheus
from runtime_min.runtime import Runtime

_MAX_BODY = 16 * 2**20
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
Name = Annotated[str, Field(pattern=_NAME)]
PathName = Annotated[str, Path(pattern=_NAME)]


class AnalysisRequest(BaseModel):
    """What to run, on which image."""

    model_config = ConfigDict(extra="forbid")

    plugin: Name
    image: str = Field(min_length=1, description="base64")
    mime_type: str = Field(min_length=1, max_length=100)
    options: dict[str, int] = Field(default_factory=dict, max_length=16)

    def payload(self) -> dict[str, Any]:
        return {**self.options, "image": self.image, "mime_type": self.mime_type}


class ErrorSection(BaseModel):
    """The `error` section of spec 001's envelope; there is no other section out here."""

    type: str
    message: str
    details: dict[str, Any] = {}
    plugin: str | None = None
    timestamp: str | None = None


class ErrorBody(BaseModel):
    error: ErrorSection


class JobBody(BaseModel):
    """A job and how it stands."""

    job_id: str
    plugin: str
    status: str
    created_at: str
    updated_at: str
    result: Any = None
    error: ErrorSection | None = None


class ReplayRequest(BaseModel):
    """How to go through a run again."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["full", "state_only", "events_only"] = "full"


class ComparisonBody(BaseModel):
    """A completed step, then and now (salted digests)."""

    step: str
    match: bool
    recorded: str
    observed: str | None = None
    explanation: str | None = None


class ReplayBody(BaseModel):
    """What a replay found; `recorded_as` is the run that stands for a full one."""

    run: str
    mode: str
    recorded_as: str | None = None
    faithful: bool | None = None
    drift: str | None = None
    comparisons: list[ComparisonBody] = []
    states: dict[str, dict[str, str]] = {}
    events: list[dict[str, Any]] = []


_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorBody} for code in (400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
}


def create_app(
    runtime: Runtime, tokens: TokenStore, *, per_second: float = 50, burst: int = 100
) -> FastAPI:
    """The application over one runtime; unfinished jobs are taken up as it is made."""
    app = FastAPI(title="runtime-min", version=runtime_min.__version__)
    limit = RateLimit(runtime.clock, per_second, burst)
    router = APIRouter(prefix="/v1", responses=_ERRORS)
    analysis: AnalysisExecutionService = runtime.analysis

    def caller(authorization: Annotated[str | None, Header()] = None) -> Caller:
        scheme, _, token = (authorization or "").partition(" ")
        found = tokens.principal(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise HTTPException(401, "a valid bearer token is needed")
        principal, expires_ns = found
        if not limit.allows(f"{principal.tenant}/{principal.id}"):
            raise HTTPException(429, "too many requests; try again in a moment")
        session_id = f"api-{hashlib.sha256(token.strip().encode()).hexdigest()[:16]}"
        return Caller(principal, Session(session_id, principal.tenant, expires_ns))

    Authenticated = Annotated[Caller, Depends(caller)]

    @router.get("/plugins")
    def list_plugins(who: Authenticated) -> list[dict[str, str]]:
        described = [runtime.registry.describe(name) for name in runtime.registry.names()]
        return [{"name": p.name, "version": p.version, "summary": p.summary} for p in described]

    @router.post("/analyses")
    def analyze(
        body: AnalysisRequest,
        who: Authenticated,
        idempotency_key: Annotated[str | None, Header(max_length=128)] = None,
    ) -> JobBody:
        """Run a plugin and wait for the result."""
        key = idempotency_key or runtime.randomness.bytes(16).hex()
        result = analysis.analyze(who, body.plugin, body.payload(), key)
        _raise_refusal(result)
        return _found(analysis.job(who, result.run))

    @router.post("/jobs", status_code=202)
    def create_job(
        body: AnalysisRequest,
        who: Authenticated,
        idempotency_key: Annotated[str | None, Header(max_length=128)] = None,
    ) -> JobBody:
        """Record a job; it runs soon, also after a restart."""
        key = idempotency_key or runtime.randomness.bytes(16).hex()
        result = analysis.submit(who, body.plugin, body.payload(), key)
        _raise_refusal(result)
        return _found(analysis.job(who, result.run))

    @router.get("/jobs")
    def list_jobs(
        who: Authenticated, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[JobBody]:
        return [_job_body(job) for job in analysis.jobs(who, limit)]

    @router.get("/tenants/{tenant}/jobs/{job_id}")
    def get_job(tenant: PathName, job_id: PathName, who: Authenticated) -> JobBody:
        stay_inside(who, tenant)
        return _found(analysis.job(who, job_id))

    @router.post("/tenants/{tenant}/jobs/{job_id}/cancel", status_code=202)
    def cancel_job(tenant: PathName, job_id: PathName, who: Authenticated) -> JobBody:
        stay_inside(who, tenant)
        job = analysis.job(who, job_id)
        if job is not None and not analysis.cancel(who, job_id):
            raise HTTPException(409, f"job {job_id} is over")
        return _found(analysis.job(who, job_id))

    @router.post("/tenants/{tenant}/runs/{run}/replay")
    def replay_run(
        tenant: PathName, run: PathName, body: ReplayRequest, who: Authenticated
    ) -> ReplayBody:
        """Go through a run again; no effect is repeated."""
        if tenant != who.principal.tenant and tenant in tokens.tenants():
            runtime.replays.refuse_across_tenants(who, tenant)
            raise HTTPException(403, "this belongs to another tenant")
        stay_inside(who, tenant)
        return _replay_body(runtime.replays.replay(who, run, body.mode))

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics(who: Authenticated) -> str:
        return prometheus(runtime.journal, who.principal.tenant)

    def stay_inside(who: Caller, tenant: str) -> None:
        """403 for another tenant's data, and a line in that tenant's record that says so."""
        if tenant == who.principal.tenant:
            return
        if tenant in tokens.tenants():
            key = f"denied-{runtime.randomness.bytes(12).hex()}"
            analysis.refuse_across_tenants(who, tenant, runtime.registry.names()[0], key)
        raise HTTPException(403, "this belongs to another tenant")

    app.include_router(router)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    def answer(status: int, kind: str, message: str, code: str) -> Response:
        error = {
            "type": kind,
            "message": message,
            "details": {"code": code},
            "plugin": None,
            "timestamp": utc_timestamp(runtime.clock.now_ns()),
        }
        return JSONResponse({"error": error}, status)

    @app.exception_handler(StarletteHTTPException)
    def http_error(request: Request, error: StarletteHTTPException) -> Response:
        code = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 429: "rate-limited"}
        kind = "ValidationError" if error.status_code in (400, 404, 405, 422) else "ExecutionError"
        name = code.get(error.status_code, "refused")
        return answer(error.status_code, kind, str(error.detail), name)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        return answer(422, "ValidationError", f"{where}: {first['msg']}", "invalid-request")

    @app.exception_handler(RuntimeMinError)
    def known(request: Request, error: RuntimeMinError) -> Response:
        if isinstance(error, Refused):
            return answer(403, "ExecutionError", str(error), error.code)
        if error.code == "unknown-run":
            return answer(404, "ValidationError", str(error), error.code)
        if error.code in ("unfinished", "erased", "replay-of-replay"):
            return answer(409, "ExecutionError", str(error), error.code)
        if isinstance(error, ValidationFailed):
            return answer(422, "ValidationError", str(error), error.code)
        return answer(503, "ExecutionError", "the runtime cannot do this now", error.code)

    app.add_middleware(BodyLimit, limit=_MAX_BODY)
    analysis.resume()
    return app


def _raise_refusal(result: RunResult) -> None:
    if result.status == "refused":
        raise HTTPException(403, str((result.error or {})["message"]))


def _found(job: Job | None) -> JobBody:
    if job is None:
        raise HTTPException(404, "there is no such job")
    return _job_body(job)


def _replay_body(done: Replayed) -> ReplayBody:
    report = done.report
    return ReplayBody(
        run=done.run,
        mode=done.mode,
        recorded_as=done.recorded_as,
        faithful=report.faithful if report else None,
        drift=report.drift if report else None,
        comparisons=[
            ComparisonBody(
                step=found.step,
                match=found.match,
                recorded=found.recorded,
                observed=found.observed,
                explanation=found.explanation,
            )
            for found in (report.comparisons if report else ())
        ],
        states=done.states,
        events=done.events,
    )


def _job_body(job: Job) -> JobBody:
    return JobBody(
        job_id=job.job_id,
        plugin=job.plugin,
        status=job.status.value,
        created_at=job.created_at,
        updated_at=job.updated_at,
        result=job.result,
        error=ErrorSection(**job.error) if job.error else None,
    )
