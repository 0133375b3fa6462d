"""Verifying what is named: bundles, tenants' folders, folders of those, streams and ledgers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from govlint.receipts import bundle as bundles
from govlint.receipts.bundle import Bundle, read_bundle
from govlint.receipts.chain import run_origin
from govlint.receipts.faults import Report, Undecided
from govlint.receipts.files import Unreadable, entries
from govlint.receipts.pins import Pin
from govlint.receipts.request import Request
from govlint.receipts.ring import Ring
from govlint.receipts.tenant_log import CHECKPOINT, LOG, TenantLog, read_tenant_log

RUNS = "runs"
_AHEAD = 300  # seconds that the clocks of a runtime and a witness may differ
_MAX_DEPTH = 32
_UNPINNED = (
    "Whoever holds the signing key could have written this history again, cut off its end or kept"
    " a second one: that shows only against --pins FILE or in a policy with witnesses."
)
_UNNAMED = (
    "Nothing says whose run was expected: another whole receipt put in its place would pass;"
    " --expect run=… says which it has to be."
)
_UNLOGGED = (
    "The tenant's log is not here, so runs that were deleted do not show; verify the tenant's"
    " folder for that."
)


_UNSIGNED = (
    "A report ledger is not signed: that its end was cut off or that all of it was written again"
    " shows only against a head kept elsewhere (--anchor H)."
)


class Verifier:
    """One verification. `paths` are looked at one by one; `finish` asks what spans all of them."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.report = Report()
        self.verified: list[Bundle] = []
        self._anchored: set[str] = set()
        self._places: list[str] = []

    # -- what is named -------------------------------------------------------------------

    def folder(self, path: str) -> None:
        """Verify whatever a folder is: a bundle, a tenant's folder, or one that holds such."""
        before = self.report.bundles, len(self.report.faults), len(self.report.undecided)
        try:
            self._folder(path, 0)
        except Unreadable as error:
            self.report.undecided.append(Undecided("unreadable", str(error), path))
        after = self.report.bundles, len(self.report.faults), len(self.report.undecided)
        if after == before:
            said = "holds no receipts: no folder below it has events.jsonl or log.jsonl"
            self.report.undecided.append(Undecided("nothing-to-check", said, path))

    def _folder(self, path: str, depth: int) -> None:
        names = {entry.name: entry for entry in entries(path)}
        if names.keys() & {bundles.EVENTS, bundles.RECEIPT, bundles.PROOF}:
            self._lone_bundle(path)
        elif LOG in names or (RUNS in names and names.keys() <= {RUNS, CHECKPOINT}):
            self._tenant(path)
        elif depth > _MAX_DEPTH:
            said = f"is nested more than {_MAX_DEPTH} folders deep"
            self.report.undecided.append(Undecided("limit", said, path))
        else:
            for entry in names.values():
                if entry.is_symlink() and os.path.isdir(entry.path):
                    said = "this is a symbolic link to a folder; a receipt's folders are folders"
                    self.report.add("malformed", said, entry.path)
                elif entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                    self._folder(entry.path, depth + 1)

    def stream(self, bundle: Bundle) -> None:
        """Take a run that was read from a stream."""
        self._take(bundle, None)
        signed = bundle.checkpoint is not None or bundle.statement is not None
        if not (signed or self.request.anchors or bundle.faults):
            said = (
                "carries no signature, and no --anchor names its head: put the checkpoint behind"
                " the events (cat events.jsonl checkpoint | govlint verify -)"
            )
            self.report.undecided.append(Undecided("limit", said, bundle.path))

    def ledger(self, path: str, heads: Iterable[str]) -> None:
        """Take a report ledger that was read, by the heads of its entries."""
        self.report.files += 1
        self.report.ledgers += 1
        self._places.append(path)
        self._anchored.update(heads)
        if not self.request.anchors:
            self.report.limits[_UNSIGNED] = None

    # -- bundles and tenants -------------------------------------------------------------

    def _lone_bundle(self, path: str) -> None:
        """A bundle by itself: its tenant's log is used where the layout has one beside it."""
        real = os.path.abspath(path)
        above = os.path.dirname(os.path.dirname(real))
        log = None
        if os.path.basename(os.path.dirname(real)) == RUNS and os.path.lexists(
            os.path.join(above, LOG)
        ):
            shown = os.path.normpath(os.path.join(path, os.pardir, os.pardir))
            log = self._log(shown)
        else:
            self.report.limits[_UNLOGGED] = None
        rotations = log.rotations if log is not None else []
        bundle = read_bundle(path, Ring(self.request.policy, rotations))
        self._take(bundle, log)
        if log is None:
            self._check_seals([bundle], None)
        elif log.sound:
            self._check_seals([bundle], log)

    def _tenant(self, path: str) -> None:
        """A tenant's folder: its log, every bundle, and nothing missing between them."""
        log = self._log(path)
        ring = Ring(self.request.policy, log.rotations)
        present: set[str] = set()
        found: list[Bundle] = []
        for entry in entries(path):
            if entry.name not in (LOG, CHECKPOINT, RUNS):
                said = "this does not belong into a tenant's folder"
                self.report.add("malformed", said, entry.path)
        runs = os.path.join(path, RUNS)
        for entry in entries(runs) if os.path.isdir(runs) and not os.path.islink(runs) else []:
            if not entry.is_dir(follow_symlinks=False):
                self.report.add("malformed", "this is no folder of a run", entry.path)
                continue
            present.add(entry.name)
            try:
                bundle = read_bundle(entry.path, ring)
            except Unreadable as error:
                self.report.undecided.append(Undecided("unreadable", str(error), entry.path))
                continue
            found.append(bundle)
            self._take(bundle, log)
        if not self.request.partial:
            for run, (_, line) in log.receipts.items():
                if run not in present:
                    said = (
                        f"run {run} has a receipt here and no folder in {RUNS}/: consistent with"
                        " the deletion of a whole run (--partial where it was never exported)"
                    )
                    self.report.add("chain", said, log.path, line)
        self._check_seals(found, log)
        self._check_replays(found)

    def _log(self, path: str) -> TenantLog:
        log = read_tenant_log(path, self.request.policy)
        self.report.files += 2
        self.report.extend(log.faults)
        if log.sound and log.checkpoint is not None:
            head = log.checkpoint
            self._pin_tenant(
                head.origin, head.size, head.root, log, max(log.times.values(), default=0)
            )
            if self.request.anchors:
                self._anchored.update(root.hex() for root in log.roots)
        return log

    def _take(self, bundle: Bundle, log: TenantLog | None) -> None:
        """Note what a bundle came to, and hold it against all that the verifier knows."""
        report = self.report
        report.bundles += 1
        report.files += bundle.files
        self._places.append(bundle.path)
        if bundle.chain is not None:
            report.events += bundle.chain.size
            self._anchored.update((bundle.chain.head, bundle.chain.tree.root().hex()))
        if bundle.payload_digest:
            self._anchored.update((bundle.payload_digest, bundle.receipt_digest))
        self._check_identity(bundle)
        if bundle.statement is not None and log is not None and log.sound:
            self._check_log(bundle, log)
        if not bundle.faults:
            self._pin_bundle(bundle, log)
        report.extend(bundle.faults)
        self.verified.append(bundle)

    def _check_identity(self, bundle: Bundle) -> None:
        """The run is the one that was asked for, and the one that its folder is named after."""
        request, said = self.request, bundle.predicate
        origin = said.get("tenantOrigin", "")
        if not origin and bundle.checkpoint is not None:
            origin = bundle.checkpoint.origin.rpartition("/runs/")[0]
        known = {"tenant": bundle.tenant, "run": bundle.run}
        for name, wanted in request.expected.items():
            if name == "origin":
                fits = wanted in (origin, run_origin(origin, bundle.run))
                found = origin
            else:
                found = known[name]
                fits = found == wanted
            if not fits:
                bundle.say(
                    "chain",
                    f"this is of {name} {found or 'unknown'} and {wanted} was expected: consistent"
                    " with another receipt put in its place",
                )
        path = os.path.abspath(bundle.path)
        folder, name = os.path.split(path)
        if os.path.basename(folder) == RUNS and bundle.path != "-":
            tenant = os.path.basename(os.path.dirname(folder))
            if bundle.run and bundle.run != name:
                said_so = f"the folder of run {name} holds run {bundle.run}: consistent with"
                bundle.say("chain", f"{said_so} another receipt put in its place")
            elif bundle.tenant and tenant and bundle.tenant != tenant:
                said_so = (
                    f"the folder of tenant {tenant} holds a run of {bundle.tenant}: consistent"
                )
                bundle.say("chain", f"{said_so} with another tenant's receipt put in its place")
        elif "run" not in request.expected:
            self.report.limits[_UNNAMED] = None
        if request.mission is not None and bundle.statement is not None:
            name, digest = request.mission
            given = said.get("mission")
            if given is None or given["sha256"] != digest:
                bundle.say(
                    "chain",
                    f"this receipt is not of the mission {name}:"
                    f" {'it names none' if given is None else 'its digest is another'}",
                    bundles.RECEIPT,
                )

    def _check_log(self, bundle: Bundle, log: TenantLog) -> None:
        """The tenant's log has this receipt, and began as the bundle's proof says."""
        said = bundle.predicate
        if log.checkpoint is not None and log.checkpoint.origin != said["tenantOrigin"]:
            bundle.say(
                "chain", "this receipt is of another log than its tenant's folder", bundles.RECEIPT
            )
            return
        leaf, line = log.receipts.get(said["run"], (None, 0))
        if leaf is None:
            bundle.say(
                "chain",
                f"the tenant's log has no receipt of run {said['run']}: consistent with an old log",
                bundles.RECEIPT,
            )
        elif (leaf["index"], leaf["sha256"]) != (said["tenantIndex"], bundle.payload_digest):
            bundle.say(
                "chain",
                f"line {line} of the tenant's log is of another receipt of this run: consistent"
                " with a fork",
                bundles.RECEIPT,
            )
        elif said["previousReceipt"] != log.previous_receipt(said["tenantIndex"]):
            bundle.say(
                "chain",
                "the receipt before this one is another than the tenant's log has: consistent with"
                " a fork",
                bundles.RECEIPT,
            )
        elif bundle.proof is not None:
            head = bundle.proof.checkpoint
            if head.size > len(log.leaves):
                said_so = f"this proof is from a log of {head.size} leaves, and there are"
                said_so += f" {len(log.leaves)}: consistent with an old log"
                bundle.say("chain", said_so, bundles.PROOF)
            elif log.root_at(head.size) != head.root:
                said_so = (
                    "the tenant's log did not begin as this proof says: consistent with a fork"
                )
                bundle.say("chain", said_so, bundles.PROOF)

    # -- what was seen before ------------------------------------------------------------

    def _pin_tenant(
        self, origin: str, size: int, root: bytes, log: TenantLog | None, time: int
    ) -> str:
        """Hold a tenant's head against its pin; what is wrong with it, reported already."""
        pins = self.request.pins
        if pins is None:
            if not self.request.policy.wants_witnesses:
                self.report.limits[_UNPINNED] = None
            return ""
        pin = pins.of(origin)
        path = log.path if log is not None else pins.path
        if pin is not None:
            if size == pin.size and root.hex() != pin.root:
                said = f"the log {origin} of {size} leaves is not the one that was pinned"
                self.report.add("chain", f"{said}: consistent with a rewrite by its key", path)
                return said
            if log is not None and size < pin.size:
                said = f"the log {origin} has {size} leaves and {pin.size} were pinned"
                self.report.add(
                    "chain", f"{said}: consistent with an end cut off, or with a rollback", path
                )
                return said
            if log is not None and log.root_at(pin.size).hex() != pin.root:
                said = (
                    f"the log {origin} does not begin with the {pin.size} leaves that were pinned"
                )
                self.report.add(
                    "chain", f"{said}: consistent with a rewrite or a fork by its key", path
                )
                return said
        pins.see(origin, Pin(size, root.hex(), time or self.request.now))
        return ""

    def _pin_bundle(self, bundle: Bundle, log: TenantLog | None) -> None:
        pins, proof, chain = self.request.pins, bundle.proof, bundle.chain
        if proof is None or chain is None or bundle.statement is None:
            if pins is not None:
                said = "has no receipt with a proof, so the pins cannot be held against it"
                self.report.undecided.append(Undecided("limit", said, bundle.path))
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
                self._pin_tenant(head.origin, head.size, head.root, None, time)
        if pins is None:
            if not self.request.policy.wants_witnesses:
                self.report.limits[_UNPINNED] = None
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
                bundles.EVENTS,
            )
        elif pin is not None and pin.receipt != now.receipt:
            said = f"run {bundle.run} was pinned with another receipt: consistent with a fork"
            bundle.say("chain", said, bundles.RECEIPT)
        else:
            pins.see(origin, now)

    # -- when it was ---------------------------------------------------------------------

    def _check_seals(self, found: list[Bundle], log: TenantLog | None) -> None:
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
        if proof is None or chain is None:
            return
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

    # -- what spans several runs ---------------------------------------------------------

    def _check_replays(self, found: list[Bundle]) -> None:
        """A replay compares what the run it repeats recorded, all of it."""
        sound = {b.run: b for b in found if b.statement is not None and not b.faults}
        for bundle in sound.values():
            judge = bundle.chain.judge if bundle.chain else None
            request = judge.history.request if judge else None
            if judge is None or request is None or request["kind"] != "replay":
                continue
            original = sound.get(request.get("replay_of", ""))
            if original is None or original.chain is None or original.chain.judge is None:
                continue
            path = os.path.join(bundle.path, bundles.EVENTS)
            outputs = original.chain.judge.history.outputs
            for step, (digest, _) in outputs.items():
                compared = judge.replays.compared.get(step)
                if compared is None:
                    said = f"step {step} of {original.run} was completed and is not compared"
                    self.report.add("replay", said, path)
                elif compared[0] != digest:
                    said = f"step {step}: {original.run} recorded another digest than is compared"
                    self.report.add("replay", said, path, compared[1])

    def finish(self) -> Report:
        """Ask for what had to be found somewhere."""
        report = self.report
        if report.bundles or report.ledgers:
            for anchor in self.request.anchors:
                if anchor not in self._anchored:
                    where = self._places[0] if self._places else ""
                    said = (
                        f"nothing here has the head {anchor[:16]}… that was kept elsewhere:"
                        " consistent with an end cut off, or with a rewrite"
                    )
                    report.add("chain", said, where)
        return report
