"""All rules about what a run says, over its events one by one."""

from __future__ import annotations

from collections.abc import Sequence

from govlint.receipts.faults import Fault
from govlint.receipts.semantics.accounts import Ledger, Metrics
from govlint.receipts.semantics.gate import Capabilities, Gate
from govlint.receipts.semantics.history import Event, Handler, History
from govlint.receipts.semantics.identity import Tenants, Trace
from govlint.receipts.semantics.proofs import Evidence, Replays, Sagas
from govlint.receipts.semantics.transitions import Transitions


class Judge:
    """Sees a run's events in their order and says what may not have happened.

    `hashes` grows with the lines read and is what links of evidence are compared with.
    """

    def __init__(self, path: str, hashes: Sequence[bytes]) -> None:
        self.history = History()
        self.faults: list[Fault] = []
        self._path = path
        self._told: set[tuple[str, str]] = set()
        self._transitions = Transitions(self.history, self._report)
        self._trace = Trace(self.history, self._report)
        self.replays = Replays(self.history, self._report)
        self._evidence = Evidence(self.history, self._report, hashes)
        self._watchers = [
            self._transitions,
            self._trace,
            self.replays,
            Gate(self.history, self._report),
            Capabilities(self.history, self._report),
            Ledger(self.history, self._report),
            Metrics(self.history, self._report),
            Tenants(self.history, self._report),
            self._evidence,
            Sagas(self.history, self._report),
        ]
        self._handlers: dict[str, list[Handler]] = {}
        for watcher in self._watchers:
            for kind, handler in watcher.handlers().items():
                self._handlers.setdefault(kind, []).append(handler)

    @property
    def digests(self) -> set[str]:
        """The digests of all inputs and outputs that the run speaks of."""
        return self._evidence.digests

    def see(self, event: Event, line: int, traced: bool = True) -> None:
        """Take one event that keeps to the schema; `traced` where its identifiers are whole."""
        if line == 1:
            self.history.tenant, self.history.run = event["tenant"], event["run"]
        if traced:
            self._trace.any_event(event, line)
        self._transitions.any_event(event, line)
        for handler in self._handlers.get(event["type"], ()):
            handler(event, line)
        self._evidence.any_event(event)
        self.history.take(event, line)

    def end(self, line: int) -> None:
        """The record is over; what has to have happened by now is asked for."""
        for watcher in self._watchers:
            watcher.end(line)
        self.faults.sort(key=lambda fault: fault.line)

    def _report(self, kind: str, message: str, line: int, about: str, weak: bool) -> None:
        if (kind, about) not in self._told:
            self._told.add((kind, about))
            self.faults.append(Fault(kind, message, self._path, line, weak))
