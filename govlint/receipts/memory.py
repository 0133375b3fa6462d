"""What was seen before: pins, and the times at which witnesses saw heads of a log."""

from __future__ import annotations

from datetime import datetime

from govlint.receipts.chain import run_origin
from govlint.receipts.faults import Report, Undecided
from govlint.receipts.parts import EVENTS, RECEIPT, Bundle
from govlint.receipts.pins import Pin
from govlint.receipts.request import Request
from govlint.receipts.tenant_log import LOG, TenantLog

UNPINNED = (
    "Whoever holds the signing key could have written this history again, cut off its end or kept"
    " a second one: that shows only against --pins FILE or in a policy with witnesses."
)
_AHEAD = 300  # seconds that the clocks of a runtime and a witness may differ


class Memory:
    """What the verifier remembers, held against what it is shown."""

    def __init__(self, request: Request, report: Report) -> None:
        self.request, self.report = request, report

    def hold_tenant(
        self, origin: str, size: int, root: bytes, log: TenantLog | None, time: int
    ) -> None:
        """Hold a tenant's head against its pin."""
        pins = self.request.pins
        if pins is None:
            if not self.request.policy.wants_witnesses:
                self.report.limits[UNPINNED] = None
            return
        pin = pins.of(origin)
        path = log.path if log is not None else pins.path
        if pin is not None:
            if size == pin.size and root.hex() != pin.root:
                said = f"the log {origin} of {size} leaves is not the one that was pinned"
                self.report.add("chain", f"{said}: consistent with a rewrite by its key", path)
                return
            if log is not None and size < pin.size:
                said = f"the log {origin} has {size} leaves and {pin.size} were pinned"
                self.report.add(
                    "chain", f"{said}: consistent with an end cut off, or with a rollback", path
                )
                return
            if log is not None and log.root_at(pin.size).hex() != pin.root:
                said = (
                    f"the log {origin} does not begin with the {pin.size} leaves that were pinned"
                )
                self.report.add(
                    "chain", f"{said}: consistent with a rewrite or a fork by its key", path
                )
                return
        pins.see(origin, Pin(size, root.hex(), time or self.request.now))

    def hold_bundle(self, bundle: Bundle, log: TenantLog | None) -> None:
        """Hold a run against its pin, and its tenant's head where there is no log to hold it by."""
        pins, proof, chain = self.request.pins, bundle.proof, bundle.chain
        asked = pins is not None or self.request.policy.wants_witnesses
        if proof is None or chain is None or bundle.statement is None:
            if asked:
                said = "has no receipt with a proof, so no pin and no witness can be asked about it"
                self.report.undecided.append(Undecided("limit", said, bundle.path))
            else:
                self.report.limits[UNPINNED] = None
            return
        head = proof.checkpoint
        time = max(bundle.times.values(), default=0)
        if log is None:
            pin = pins.of(head.origin) if pins is not None else None
            own = pins.of(run_origin(head.origin, bundle.run)) if pins is not None else None
            if pin is not None and pin.size != head.size and own is None:
                said = (
                    f"the pin of {head.origin} is of {pin.size} leaves and this proof of"
                    f" {head.size}: that one continues the other shows only with the tenant's log"
                    f" ({LOG}) beside runs/"
                )
                self.report.undecided.append(Undecided("limit", said, bundle.path))
                return
            if pin is None or pin.size == head.size:
                self.hold_tenant(head.origin, head.size, head.root, None, time)
        if pins is None:
            if not asked:
                self.report.limits[UNPINNED] = None
            return
        origin = run_origin(head.origin, bundle.run)
        pin = pins.of(origin)
        now = Pin(
            chain.size, chain.tree.root().hex(), time or self.request.now, bundle.payload_digest
        )
        if pin is not None and (pin.size, pin.root) != (now.size, now.root):
            bundle.say(
                "chain",
                f"run {bundle.run} was pinned with {pin.size} events and another root: consistent"
                " with a rewrite or an end cut off by the holder of the key",
                EVENTS,
            )
        elif pin is not None and pin.receipt != now.receipt:
            said = f"run {bundle.run} was pinned with another receipt: consistent with a fork"
            bundle.say("chain", said, RECEIPT)
        else:
            pins.see(origin, now)

    def check_times(self, found: list[Bundle], log: TenantLog | None) -> None:
        """Times of runs lie between those at which witnesses saw the heads around them."""
        seen: list[tuple[int, int]] = []  # size, time
        if log is not None and log.checkpoint is not None:
            seen += [(log.checkpoint.size, time) for time in log.times.values()]
        for bundle in found:
            if bundle.proof is not None:
                size = bundle.proof.checkpoint.size
                seen += [(size, time) for time in bundle.times.values()]
        for bundle in found:
            if not bundle.faults:
                self._check_seal(bundle, seen)

    def _check_seal(self, bundle: Bundle, seen: list[tuple[int, int]]) -> None:
        proof, chain = bundle.proof, bundle.chain
        assert proof is not None and chain is not None  # a bundle without them has faults
        pins = self.request.pins
        pin = pins.of(proof.checkpoint.origin) if pins is not None else None
        heads = list(seen)
        heads += [(proof.checkpoint.size, time) for time in bundle.times.values()]
        ended = int(datetime.fromisoformat(chain.last["ts"]).timestamp())
        before = [time for size, time in heads if size <= proof.index]
        if pin is not None and pin.size <= proof.index:
            before.append(pin.time)
        after = [time for size, time in heads if size > proof.index]
        if after and ended > min(after) + _AHEAD:
            said = (
                "a witness saw this run's receipt before the run ended: consistent with false times"
            )
            self.report.add("chain", said, chain.path, chain.size)
        elif before and ended < max(before) - self.request.max_delay:
            days = (max(before) - ended) / 86_400
            said = (
                f"this run ended {days:.1f} days before its receipt was in the log, as a head of"
                " the log shows that was seen without it: consistent with a run dated back"
            )
            self.report.add("chain", said, chain.path, chain.size)
