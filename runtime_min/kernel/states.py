"""The state machines of specs 000, 001 and 003 as data.

One table a machine: from each state, the states it may go to. `None` is where an entity comes
into being. schemas/receipts/state-machines.json is the same table for those who check from
outside; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class PluginLifecycleState(StrEnum):
    """Spec 001 section 3. SUCCESS and ERROR are metrics, not states."""

    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    UNAVAILABLE = "UNAVAILABLE"


class JobStatus(StrEnum):
    """Spec 001 section 4."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class BreakerState(StrEnum):
    """Spec 004 section 6.5: a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


Machine = MappingProxyType[str | None, tuple[str, ...]]


def _machine(table: dict[str | None, tuple[str, ...]]) -> Machine:
    return MappingProxyType(table)


MACHINES: MappingProxyType[str, Machine] = MappingProxyType(
    {
        "run": _machine(
            {
                None: ("submitted",),
                "submitted": ("accepted", "refused"),
                "accepted": ("completed", "failed", "cancelled"),
            }
        ),
        "step": _machine(
            {
                None: ("planned",),
                "planned": ("started", "skipped", "refused", "cancelled"),
                "started": ("completed", "failed", "cancelled"),
                "failed": ("started", "refused", "cancelled"),
            }
        ),
        "job": _machine(
            {None: ("PENDING",), "PENDING": ("RUNNING",), "RUNNING": ("SUCCESS", "FAILED")}
        ),
        "plugin": _machine(
            {
                None: ("LOADED",),
                "LOADED": ("RUNNING", "UNAVAILABLE"),
                "INITIALIZED": ("RUNNING", "UNAVAILABLE"),
                "FAILED": ("RUNNING", "UNAVAILABLE"),
                "RUNNING": ("INITIALIZED", "FAILED"),
                "UNAVAILABLE": ("LOADED",),
            }
        ),
        "breaker": _machine(
            {
                None: ("closed",),
                "closed": ("open",),
                "open": ("half_open",),
                "half_open": ("closed", "open"),
            }
        ),
        "role": _machine(
            {
                None: ("READY",),
                "READY": ("PARSING",),
                "PARSING": ("VALIDATE", "FAILURE"),
                "VALIDATE": ("SCHEDULE", "FAILURE"),
                "SCHEDULE": ("EXECUTING", "FAILURE"),
                "EXECUTING": ("SUCCESS", "FAILURE"),
                "SUCCESS": ("AUDITING",),
                "FAILURE": ("AUDITING",),
                "AUDITING": ("COMPLETE",),
            }
        ),
        "mission": _machine(
            {
                None: ("Pending",),
                "Pending": ("Running", "Cancelled"),
                "Running": ("Completed", "Failed", "Cancelled"),
            }
        ),
        "saga": _machine(
            {
                None: ("running",),
                "running": ("completed", "compensating"),
                "compensating": ("compensated", "needs_operator"),
            }
        ),
    }
)

TERMINAL_EVENTS = ("run.completed", "run.failed", "run.cancelled", "run.refused")


class IllegalTransition(ValueError):
    """A state that the machine does not have, or a way it does not go."""


def check_transition(machine: str, before: str | None, after: str) -> None:
    """Raise IllegalTransition unless `machine` goes from `before` to `after`."""
    table = MACHINES[machine]
    allowed = table.get(before, ())
    if after not in allowed:
        wanted = ", ".join(allowed) or "none: it is final"
        raise IllegalTransition(
            f"{machine}: {before or 'nothing'} does not go to {after} (accepted: {wanted})"
        )


# What moves along with a run: by request kind, the machine and its state at each turn of the run.
RUN_MACHINES: MappingProxyType[str, tuple[str, MappingProxyType[str, str]]] = MappingProxyType(
    {
        "plugin": (
            "job",
            MappingProxyType(
                {
                    "accepted": "PENDING",
                    "started": "RUNNING",
                    "completed": "SUCCESS",
                    "failed": "FAILED",
                    "cancelled": "FAILED",
                }
            ),
        ),
        "mission": (
            "mission",
            MappingProxyType(
                {
                    "accepted": "Pending",
                    "started": "Running",
                    "completed": "Completed",
                    "failed": "Failed",
                    "cancelled": "Cancelled",
                }
            ),
        ),
        "saga": (
            "saga",
            MappingProxyType(
                {
                    "accepted": "running",
                    "started": "running",
                    "completed": "completed",
                    "failed": "running",  # from here on it is the compensation that moves it
                    "cancelled": "running",
                }
            ),
        ),
    }
)
