"""Evidence: what a run claims, and whether the record bears it out (spec 000, quality gates).

Claims are the invocation, each input and each of its parameters, each output and each field that
the step declares, and the log of each attempt. A claim is verified when the payload it rests on is
there and still has its digest, or when the event it rests on stands in the checked chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel.envelope import QualityGate, Step
from runtime_min.kernel.errors import RecordError
from runtime_min.record.canonical import sha256_hex
from runtime_min.record.journal import Journal

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts, and links to what was verified."""

    claims: int
    verified: int
    links: tuple[dict[str, str], ...]
    missing: tuple[str, ...]

    @property
    def coverage_bp(self) -> int:
        """Verified of claimed, in basis points, rounded down."""
        return 10_000 * self.verified // self.claims

    def as_json(self) -> dict[str, Any]:
        return {
            "claims": self.claims,
            "verified": self.verified,
            "coverage_bp": self.coverage_bp,
            "links": list(self.links),
        }


def collect(
    journal: Journal, lines: Sequence[bytes], steps: Sequence[Step], tenant: str
) -> Evidence:
    """Check every claim of a run whose checked `lines` are given."""
    events = [json.loads(line) for line in lines]
    by_id = {step.id: step for step in steps}
    claims = verified = 0
    links: dict[str, str] = {}
    missing: list[str] = []
    for claim, uri, holds in _claims(journal, events, by_id, tenant):
        claims += 1
        if not holds:
            missing.append(claim)
            continue
        verified += 1
        kind, _, name = uri.partition(":")
        links[uri] = sha256_hex(lines[int(name)]) if kind == "event" else name
    found = tuple({"uri": uri, "sha256": digest} for uri, digest in links.items())
    return Evidence(claims, verified, found, tuple(missing))


def judge(evidence: Evidence, gate: QualityGate) -> dict[str, Any]:
    """The quality gate's decision as the record has it."""
    passed = evidence.coverage_bp >= gate.threshold_bp
    reasons = [] if passed else [f"not evidenced: {claim}"[:2000] for claim in evidence.missing]
    return {
        "passed": passed,
        "threshold_bp": gate.threshold_bp,
        "coverage_bp": evidence.coverage_bp,
        "reasons": reasons,
    }


def _claims(
    journal: Journal,
    events: Sequence[Mapping[str, Any]],
    steps: Mapping[str, Step],
    tenant: str,
) -> Iterator[tuple[str, str, bool]]:
    """Each claim with what it rests on, and whether that holds."""
    yield "the invocation", "event:0", True
    for event in events:
        kind, name = event["type"], event.get("step", "")
        if kind == "step.started":
            value, uri = _payload(journal, tenant, event["input"]["sha256"])
            yield f"the input of {name}", uri, value is not _MISSING
            planned = steps[name].payload
            for key in sorted(planned) if isinstance(planned, dict) else ():
                bound = isinstance(value, dict) and key in value
                yield f"parameter {key} of {name}", uri, bound
        elif kind == "step.completed":
            value, uri = _payload(journal, tenant, event["output"]["sha256"])
            yield f"the output of {name}", uri, value is not _MISSING
            for pointer in steps[name].claims:
                there = value is not _MISSING and _resolve(value, pointer) is not _MISSING
                yield f"field {pointer} of the output of {name}", uri, there
        elif kind == "metrics.recorded":
            yield f"the log of {name}", f"event:{event['seq']}", True


def _payload(journal: Journal, tenant: str, digest: str) -> tuple[Any, str]:
    try:
        kept = journal.payload(tenant, digest)
    except RecordError:  # it is there and is not what it was
        kept = None
    return (json.loads(kept.data) if kept else _MISSING), f"payload:{digest}"


def _resolve(value: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to, or `_MISSING`."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value
