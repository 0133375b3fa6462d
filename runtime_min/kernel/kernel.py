"""The kernel: one way from a request to its outcome, for every front end.

accept: validate → decide (once) → record. execute: an engine orders the steps, each goes through
the gate, the end is recorded. recover: take up what a crash left, from the journal alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from runtime_min.kernel import plan
from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.ending import RunResult, end, result_of
from runtime_min.kernel.envelope import Capability, Request, check_request
from runtime_min.kernel.errors import Refused, StaleWriter, error_envelope, recorded_error
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.facts import Facts
from runtime_min.kernel.gate import Gate
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.policy import Policy
from runtime_min.kernel.ports import Clock, Randomness, utc_timestamp
from runtime_min.kernel.progress import rebuild
from runtime_min.kernel.recovery import close_interrupted
from runtime_min.kernel.wire import request_to_json
from runtime_min.record.canonical import canonical_user_value
from runtime_min.record.events import RunIdentity
from runtime_min.record.journal import Journal
from runtime_min.record.payloads import JSON_MEDIA, Payload

Engine = Callable[[Execution], Awaitable[None] | None]
"""Decides the order of a run's steps; may be `async def`."""

__all__ = ["Engine", "Kernel", "RunResult", "code_digest"]


class Kernel:
    """Owns execution and its record. Thread-safe: one thread at a time executes a run."""

    def __init__(
        self,
        journal: Journal,
        catalog: Mapping[str, Capability],
        policy: Policy,
        *,
        clock: Clock,
        randomness: Randomness,
        ledger: Ledger | None = None,
        breakers: Breakers | None = None,
        engines: Mapping[str, Engine] | None = None,
        inline: bool = False,
    ) -> None:
        """`engines` are by kind of request; without one, steps run in order, one at a time."""
        self.journal = journal
        self.ledger = ledger or Ledger()
        self.breakers = breakers or Breakers(clock)
        self._catalog = catalog
        self._policy = policy
        self._clock = clock
        self._randomness = randomness
        self._engines = dict(engines or {})
        self._facts = Facts(catalog, randomness)
        self._running: dict[tuple[str, str], Execution | None] = {}
        self._running_lock = threading.Lock()
        self.gate = Gate(catalog, self.ledger, self.breakers, clock, randomness, inline=inline)
        for tenant in journal.tenants():
            self.ledger.restore(tenant, self._budget_events(tenant))
            self.breakers.restore(tenant, self._breaker_events(tenant))

    def submit(self, request: Request, engine: Engine | None = None) -> RunResult:
        """Accept and execute; an earlier run with the same idempotency key is the answer, too."""
        accepted = self.accept(request)
        if accepted.status != "accepted":
            return accepted
        return self.execute(request.tenant, accepted.run, engine)

    def accept(self, request: Request) -> RunResult:
        """Validate, decide and record; nothing is executed yet.

        ValidationFailed for a malformed request. A refusal is a result, since it is recorded.
        """
        check_request(request)
        known = self.journal.run_by_key(request.tenant, request.idempotency_key)
        if known is not None:
            return self.result(request.tenant, known.run)
        run = request.run or f"r-{self._randomness.bytes(10).hex()}"
        first = request.steps[0]
        identity = RunIdentity(
            request.tenant,
            run,
            request.session.id,
            request.trace_id or self._randomness.bytes(16).hex(),
            request.principal.id,
            first.capability_id,
            self._facts.version(first.capability_id),
        )
        given = Payload.of(
            canonical_user_value(request_to_json(request)), JSON_MEDIA, self._randomness
        )
        decision = self._policy.evaluate(request)
        facts = self._facts
        events = [facts.submitted(request, given), facts.decided(decision)]
        if decision.allowed:
            events.append(facts.event("run.accepted"))
            events += facts.moved(request, run, None, "accepted")
            events += [facts.planned(step) for step in request.steps]
        else:
            refusal = Refused("; ".join(decision.reasons), "refused-policy")
            now = utc_timestamp(self._clock.now_ns())
            error = recorded_error(error_envelope(refusal, identity.capability_id, now))
            events.append(facts.event("run.refused", error=error, totals={}))
        try:
            self.journal.append(identity, events, expected_size=0, payloads=[given])
        except StaleWriter:  # the same key at the same time: the other one is the run
            raced = self.journal.run_by_key(request.tenant, request.idempotency_key)
            if raced is None:
                raise
            return self.result(request.tenant, raced.run)
        if decision.allowed:
            return RunResult(run, "accepted")
        return self.result(request.tenant, run)

    def execute(self, tenant: str, run: str, engine: Engine | None = None) -> RunResult:
        """Bring an accepted run to its end, from wherever its journal says it stands.

        `engine` orders the steps, else the one for the run's kind. What an engine raises comes out
        here, and the run stays open: the next call goes on with it.
        """
        execution = self._begin(tenant, run)
        if execution is None:
            return self.result(tenant, run)
        try:
            waiting = self._engine(execution, engine)(execution)
            if inspect.isawaitable(waiting):
                asyncio.run(_finished(waiting))
            return end(execution)
        finally:
            self._end(tenant, run)

    async def execute_async(self, tenant: str, run: str, engine: Engine | None = None) -> RunResult:
        """`execute` for a caller that has an event loop; an `async def` engine runs in it."""
        execution = await asyncio.to_thread(self._begin, tenant, run)
        if execution is None:
            return self.result(tenant, run)
        try:
            chosen = self._engine(execution, engine)
            if inspect.iscoroutinefunction(chosen):
                await chosen(execution)
            else:
                waiting = await asyncio.to_thread(chosen, execution)
                if inspect.isawaitable(waiting):
                    await waiting
            return await asyncio.to_thread(end, execution)
        finally:
            self._end(tenant, run)

    def recover(self) -> list[RunResult]:
        """Execute what is accepted and not finished; call it once after a start."""
        return [self.execute(row.tenant, row.run) for row in self.unfinished()]

    def unfinished(self) -> list[Any]:
        """Runs that are accepted and not finished, of all tenants."""
        return [
            row
            for tenant in self.journal.tenants()
            for row in self.journal.runs(tenant, open_only=True, limit=-1)
        ]

    def cancel(self, tenant: str, run: str) -> bool:
        """Ask for a run to be cancelled; it stops before its next attempt. False if it is over."""
        asked = self.journal.request_cancel(tenant, run)
        with self._running_lock:
            execution = self._running.get((tenant, run))
        if asked and execution is not None:
            execution.wake()
        return asked

    def result(self, tenant: str, run: str) -> RunResult:
        """How a run stands, from its journal; RuntimeMinError where this tenant has no such run."""
        return result_of(self.journal, tenant, run)

    def _begin(self, tenant: str, run: str) -> Execution | None:
        """Take up a run from its journal; None where it is over, or executed already."""
        with self._running_lock:
            if (tenant, run) in self._running:
                return None
            self._running[tenant, run] = None
        try:
            row = self.journal.run(tenant, run)
            if row is None or row.terminal is not None:
                self._end(tenant, run)
                return None
            events = self.journal.events(tenant, run)
            progress = rebuild(events, lambda digest: self.journal.payload(tenant, digest))
            if progress.interrupted and events[-1]["epoch"] == self.journal.epoch:
                self.journal.advance_epoch()  # what was cut off is closed under a later one
            execution = Execution(
                self.journal, self.gate, self._facts, self._clock, self._randomness, progress
            )
            with self._running_lock:
                self._running[tenant, run] = execution
            close_interrupted(execution, self.ledger)
            if not progress.started:
                execution.hold(self._facts.moved(progress.request, run, "accepted", "started"))
            return execution
        except BaseException:
            self._end(tenant, run)
            raise

    def _end(self, tenant: str, run: str) -> None:
        with self._running_lock:
            self._running.pop((tenant, run), None)

    def _engine(self, execution: Execution, engine: Engine | None) -> Engine:
        return engine or self._engines.get(execution.request.kind) or plan.in_order

    def _budget_events(self, tenant: str) -> list[dict[str, Any]]:
        found = []
        for kind in ("budget.reserved", "budget.settled"):
            found += self.journal.query(tenant, type=kind, limit=-1)
        return found

    def _breaker_events(self, tenant: str) -> list[dict[str, Any]]:
        found = []
        for kind in ("metrics.recorded", "state.changed"):
            found += self.journal.query(tenant, type=kind, limit=-1)
        return sorted(found, key=lambda e: (e["ts"], e["run"], e["seq"]))


async def _finished(waiting: Awaitable[None]) -> None:
    await waiting


def code_digest(code: Callable[..., Any] | type) -> str:
    """SHA-256 of the source file that a capability is written in."""
    with open(inspect.getfile(code), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
