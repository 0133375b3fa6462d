"""Budgets: precharged before an attempt, settled after it, and reconciled with the journal."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from runtime_min.kernel.errors import Refused, RuntimeMinError


class Ledger:
    """Accounts by tenant; `limits` bound what is settled and reserved together, where given."""

    def __init__(self, limits: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._limits = {tenant: dict(units) for tenant, units in (limits or {}).items()}
        self._settled: dict[str, dict[str, int]] = {}
        self._reserved: dict[tuple[str, str, str], dict[str, int]] = {}
        self._lock = threading.Lock()

    def refusal(self, tenant: str, amounts: Mapping[str, int]) -> str | None:
        """Why `amounts` cannot be reserved now, or None."""
        with self._lock:
            return self._refusal(tenant, amounts)

    def reserve(self, tenant: str, run: str, reservation: str, amounts: Mapping[str, int]) -> None:
        """Precharge; Refused where the tenant's limit does not allow it."""
        with self._lock:
            if (tenant, run, reservation) in self._reserved:
                raise Refused(f"{reservation} is reserved already", "budget-reserved-twice")
            if reason := self._refusal(tenant, amounts):
                raise Refused(reason, "budget-exhausted")
            self._reserved[tenant, run, reservation] = dict(amounts)

    def settle(self, tenant: str, run: str, reservation: str, used: Mapping[str, int]) -> None:
        """Replace a reservation by what was used; RuntimeMinError where there is none."""
        with self._lock:
            if self._reserved.pop((tenant, run, reservation), None) is None:
                raise RuntimeMinError(
                    f"{reservation} of run {run} is not reserved, or was settled before",
                    "ledger-unreconciled",
                )
            _add(self._settled.setdefault(tenant, {}), used)

    def settle_interrupted(
        self, tenant: str, run: str, reservation: str, used: Mapping[str, int]
    ) -> None:
        """Settle what a crash cut off, whether or not this account still has the reservation."""
        with self._lock:
            self._reserved.pop((tenant, run, reservation), None)
            _add(self._settled.setdefault(tenant, {}), used)

    def unsettle(
        self,
        tenant: str,
        run: str,
        reservation: str,
        amounts: Mapping[str, int],
        used: Mapping[str, int],
    ) -> None:
        """Take back a settlement that never reached the record: the reservation stands again."""
        with self._lock:
            self._reserved[tenant, run, reservation] = dict(amounts)
            _add(self._settled[tenant], {unit: -amount for unit, amount in used.items()})

    def release(self, tenant: str, run: str, reservation: str) -> None:
        """Take back a reservation that never reached the record."""
        with self._lock:
            self._reserved.pop((tenant, run, reservation), None)

    def settled(self, tenant: str) -> dict[str, int]:
        with self._lock:
            return dict(self._settled.get(tenant, {}))

    def open_reservations(self) -> list[tuple[str, str, str]]:
        with self._lock:
            return sorted(self._reserved)

    def restore(self, tenant: str, events: Iterable[Mapping[str, Any]]) -> None:
        """Take up an account from its budget events, as after a restart."""
        for event in events:
            budget, run = event["budget"], event["run"]
            if event["type"] == "budget.reserved":
                with self._lock:
                    self._reserved[tenant, run, budget["reservation"]] = dict(budget["amounts"])
            else:
                self.settle(tenant, run, budget["reservation"], budget["amounts"])

    def reconcile(self, tenant: str, events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
        """What journal and account disagree about, by unit; empty when they agree."""
        fresh = Ledger()
        fresh.restore(tenant, events)
        mine, theirs = self.settled(tenant), fresh.settled(tenant)
        return {
            unit: mine.get(unit, 0) - theirs.get(unit, 0)
            for unit in {*mine, *theirs}
            if mine.get(unit, 0) != theirs.get(unit, 0)
        }

    def _refusal(self, tenant: str, amounts: Mapping[str, int]) -> str | None:
        limits = self._limits.get(tenant)
        if not limits:
            return None
        taken = dict(self._settled.get(tenant, {}))
        for (owner, _, _), held in self._reserved.items():
            if owner == tenant:
                _add(taken, held)
        for unit, limit in limits.items():
            wanted = amounts.get(unit, 0)
            if taken.get(unit, 0) + wanted > limit:
                left = max(limit - taken.get(unit, 0), 0)
                return f"{wanted} {unit} wanted, {left} of {limit} left"
        return None


def _add(account: dict[str, int], amounts: Mapping[str, int]) -> None:
    for unit, amount in amounts.items():
        account[unit] = account.get(unit, 0) + amount
