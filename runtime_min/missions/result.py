"""How a mission ended (spec 002, sections 6 and 7), from its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runtime_min.kernel.errors import RuntimeMinError
from runtime_min.record.journal import Journal

_STATUS = {
    "run.completed": "Completed",
    "run.failed": "Failed",
    "run.refused": "Failed",
    "run.cancelled": "Cancelled",
}


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step's end: `status` is Success, Failed or Skipped."""

    step_id: str
    status: str
    output: Any = None
    error: str | None = None
    duration_ms: int = 0
    attempts: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "step_id": self.step_id,
            "status": self.status,
            "output": self.output,
            "error": self.error,
            "duration_ms": self.duration_ms,
            "attempts": self.attempts,
        }


@dataclass(frozen=True, slots=True)
class MissionResult:
    """A mission's end: `status` is Running, Completed, Failed or Cancelled; times are UTC."""

    run: str
    status: str
    timestamp: str
    total_duration_ms: int
    step_results: Mapping[str, StepResult] = field(default_factory=dict)
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "status": self.status,
            "timestamp": self.timestamp,
            "total_duration_ms": self.total_duration_ms,
            "error": self.error,
            "step_results": {name: step.as_json() for name, step in self.step_results.items()},
        }


@dataclass(slots=True)
class _Seen:
    status: str = ""
    output: Any = None
    error: str | None = None
    duration_us: int = 0
    attempts: int = 0


def mission_result(
    journal: Journal, tenant: str, run: str, failed_outputs: Mapping[str, Any] | None = None
) -> MissionResult:
    """The result of a run, so far as it is; RuntimeMinError where this tenant has no such run.

    `failed_outputs` are outputs of steps that failed, which the record does not hold.
    """
    events = journal.events(tenant, run)
    if not events:
        raise RuntimeMinError(f"there is no run {run}", "unknown-run")
    seen: dict[str, _Seen] = {}
    for event in events:
        name = event.get("step")
        if name:
            _see(seen.setdefault(name, _Seen()), event, journal, tenant)
    for name, output in (failed_outputs or {}).items():
        if name in seen and seen[name].status == "Failed":
            seen[name].output = output
    last = events[-1]
    results = {
        name: StepResult(
            name, one.status, one.output, one.error, one.duration_us // 1000, one.attempts
        )
        for name, one in seen.items()
        if one.status
    }
    begun, ended = (datetime.fromisoformat(event["ts"]) for event in (events[0], last))
    error = last["error"]["message"] if last["type"] in _STATUS and "error" in last else None
    return MissionResult(
        run,
        _STATUS.get(last["type"], "Running"),
        last["ts"],
        round((ended - begun).total_seconds() * 1000),
        results,
        error,
    )


def _see(seen: _Seen, event: Mapping[str, Any], journal: Journal, tenant: str) -> None:
    kind = event["type"]
    if kind == "step.started":
        seen.attempts = event["attempt"]
    elif kind == "step.completed":
        seen.status, seen.error = "Success", None
        kept = journal.payload(tenant, event["output"]["sha256"])
        seen.output = json.loads(kept.data) if kept else None
    elif kind in ("step.failed", "step.refused"):
        seen.status, seen.error = "Failed", event["error"]["message"]
    elif kind in ("step.skipped", "step.cancelled"):
        seen.status = "Skipped"
        seen.error = event["error"]["message"] if "error" in event else "the run was cancelled"
    elif kind == "metrics.recorded":
        seen.duration_us += event["metrics"]["duration_us"]
