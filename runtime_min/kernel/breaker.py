"""Circuit breakers, one for each tenant and capability: closed, open, half-open.

Each change of state is an event of the run that caused it, so a restart finds an open breaker
open (spec 004 section 6.5).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runtime_min.kernel.ports import Clock
from runtime_min.kernel.states import BreakerState, check_transition


@dataclass(slots=True)
class _Breaker:
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened_ns: int = 0
    probing: bool = False


Change = tuple[str, str]


class Breakers:
    """All breakers of one runtime: `threshold` failures in a row open one for `cooldown` s."""

    def __init__(self, clock: Clock, threshold: int = 5, cooldown: float = 30.0) -> None:
        self._clock = clock
        self._threshold = threshold
        self._cooldown_ns = round(cooldown * 1e9)
        self._breakers: dict[tuple[str, str], _Breaker] = {}
        self._lock = threading.Lock()

    def state(self, tenant: str, capability_id: str) -> BreakerState:
        with self._lock:
            return self._get(tenant, capability_id).state

    def refusal(self, tenant: str, capability_id: str) -> str | None:
        """Why an attempt may not be made now, or None. Asking changes nothing."""
        with self._lock:
            breaker = self._get(tenant, capability_id)
            if breaker.state is BreakerState.OPEN:
                left = breaker.opened_ns + self._cooldown_ns - self._clock.now_ns()
                if left > 0:
                    return f"the breaker of {capability_id} is open for {left / 1e9:.1f} s more"
            elif breaker.state is BreakerState.HALF_OPEN and breaker.probing:
                return f"the breaker of {capability_id} is half-open and its probe is under way"
            return None

    def enter(self, tenant: str, capability_id: str) -> list[Change]:
        """An attempt begins; an open breaker whose time is up becomes half-open for this probe."""
        with self._lock:
            breaker = self._get(tenant, capability_id)
            changes: list[Change] = []
            if breaker.state is BreakerState.OPEN:
                changes.append(self._move(breaker, BreakerState.HALF_OPEN))
            if breaker.state is BreakerState.HALF_OPEN:
                breaker.probing = True
            return changes

    def leave(self, tenant: str, capability_id: str, failed: bool) -> list[Change]:
        """An attempt ended; `failed` means that the capability is to blame."""
        with self._lock:
            breaker = self._get(tenant, capability_id)
            breaker.probing = False
            if not failed:
                breaker.failures = 0
                if breaker.state is BreakerState.HALF_OPEN:
                    return [self._move(breaker, BreakerState.CLOSED)]
                return []
            breaker.failures += 1
            half_open = breaker.state is BreakerState.HALF_OPEN
            closed = breaker.state is BreakerState.CLOSED
            if half_open or (closed and breaker.failures >= self._threshold):
                breaker.opened_ns = self._clock.now_ns()
                return [self._move(breaker, BreakerState.OPEN)]
            return []

    def restore(self, tenant: str, events: Iterable[Mapping[str, Any]]) -> None:
        """Take up the states from journalled events, oldest first."""
        with self._lock:
            for event in events:
                if event["type"] == "metrics.recorded":
                    breaker = self._get(tenant, event["trace"]["capability_id"])
                    succeeded = event["metrics"]["outcome"] == "SUCCESS"
                    breaker.failures = 0 if succeeded else breaker.failures + 1
                elif event.get("transition", {}).get("machine") == "breaker":
                    breaker = self._get(tenant, event["transition"]["entity"])
                    breaker.state = BreakerState(event["transition"]["to"])
                    when = datetime.fromisoformat(event["ts"])
                    breaker.opened_ns = round(when.timestamp() * 1e6) * 1000

    def _get(self, tenant: str, capability_id: str) -> _Breaker:
        return self._breakers.setdefault((tenant, capability_id), _Breaker())

    def _move(self, breaker: _Breaker, state: BreakerState) -> Change:
        before = breaker.state
        check_transition("breaker", before.value, state.value)
        breaker.state = state
        return before.value, state.value
