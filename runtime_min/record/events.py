"""Events: from what happened to canonical lines that are chained to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime_min.record.canonical import canonical, sha256_hex

VERSION = 1
GENESIS = "urn:govlint:receipt:1"


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What every event of one run repeats (spec 004: all identifiers on every entry)."""

    tenant: str
    run: str
    session_id: str
    trace_id: str
    actor: str
    capability_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, before it has a place in a run; `fields` are those of its type."""

    type: str
    fields: Mapping[str, Any]
    span_id: str
    task_id: str | None = None
    capability_id: str | None = None
    version: str | None = None


def genesis(origin: str, tenant: str, run: str) -> str:
    """What event 0 has for `prev`: it binds the run to its tenant and to the log's origin."""
    return sha256_hex(
        canonical({"genesis": GENESIS, "origin": origin, "run": run, "tenant": tenant})
    )


def run_origin(tenant_origin: str, run: str) -> str:
    return f"{tenant_origin}/runs/{run}"


def line_of(
    identity: RunIdentity, event: Event, *, seq: int, prev: str, epoch: int, ts: str
) -> bytes:
    """The canonical line of an event, without its newline."""
    return canonical(
        {
            "v": VERSION,
            "seq": seq,
            "tenant": identity.tenant,
            "run": identity.run,
            "epoch": epoch,
            "ts": ts,
            "type": event.type,
            "actor": identity.actor,
            "prev": prev,
            "trace": {
                "trace_id": identity.trace_id,
                "span_id": event.span_id,
                "session_id": identity.session_id,
                "task_id": event.task_id or identity.run,
                "capability_id": event.capability_id or identity.capability_id,
                "version": event.version or identity.version,
            },
            **event.fields,
        }
    )
