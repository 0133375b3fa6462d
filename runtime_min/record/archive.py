"""Sealing runs and writing their bundles: the journal's way out to those who check it.

Sealing puts a receipt into the tenant's log, once a run. Exporting writes the bundle as often
as it is wanted.
"""

from __future__ import annotations

from pathlib import Path

from runtime_min.kernel.errors import RecordError
from runtime_min.kernel.ports import Clock, Disk, utc_timestamp
from runtime_min.record.canonical import sha256_hex
from runtime_min.record.journal import Journal
from runtime_min.record.keys import KeyStore
from runtime_min.record.merkle import leaf_hash, root
from runtime_min.record.receipts import (
    Artifact,
    bundle,
    erasure_leaf,
    receipt_leaf,
    receipt_payload,
    rotation_leaf,
)
from runtime_min.record.signing import SigningKey, checkpoint


class Archive:
    """Receipts of one runtime: seals, exports, rotates keys, erases payloads."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyStore,
        disk: Disk,
        clock: Clock,
        runtime_sha256: str | None = None,
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._disk = disk
        self._clock = clock
        self._runtime_sha256 = runtime_sha256

    def key(self, tenant: str) -> SigningKey:
        """The key that signs for a tenant now; made on first use."""
        return self._keys.current(tenant, self._journal.origin(tenant))

    def seal(self, tenant: str, run: str) -> int:
        """Give a finished run its receipt; returns its index in the tenant's log.

        Sealing twice gives the first receipt; RecordError for a run that is not finished.
        """
        known = self._journal.receipt(tenant, run)
        if known is not None:
            return known[0]
        row = self._journal.run(tenant, run)
        if row is None or row.terminal is None:
            raise RecordError(f"run {run} is not finished: there is nothing to seal", "unfinished")
        lines = self._journal.lines(tenant, run)
        artifacts = [
            Artifact(
                "output.json", e["output"]["sha256"], e["output"]["size"], e["output"]["media"]
            )
            for e in self._journal.query(tenant, run=run, type="run.completed")
        ]

        def make(index: int, previous: str | None) -> tuple[str, str | None, bytes, bytes | None]:
            payload = receipt_payload(
                lines,
                tenant_origin=self._journal.origin(tenant),
                tenant_index=index,
                previous=previous,
                artifacts=artifacts,
                runtime_sha256=self._runtime_sha256,
            )
            return "receipt", run, receipt_leaf(tenant, index, run, sha256_hex(payload)), payload

        return self._journal.append_tenant_leaf(tenant, make)

    def export(self, tenant: str, run: str, folder: Path, *, payloads: bool = False) -> Path:
        """Write a run's bundle and the tenant's log below `folder`; returns the bundle's folder."""
        self.seal(tenant, run)
        receipt = self._journal.receipt(tenant, run)
        assert receipt is not None, "what is sealed has a receipt"
        index, payload = receipt
        kept = {}
        if payloads:
            kept = {p.sha256: (p.data, p.salt) for p in self._journal.payloads_of(tenant, run)}
        leaves = self._journal.tenant_leaves(tenant)
        key = self.key(tenant)
        made = bundle(self._journal.lines(tenant, run), payload, key, leaves, index, kept)
        target = folder / tenant / "runs" / run
        try:
            made.write(target)
            hashes = [leaf_hash(leaf) for leaf in leaves]
            head = checkpoint(key.name, len(hashes), root(hashes), key)
            log = b"".join(leaf + b"\n" for leaf in leaves)
            self._disk.replace(folder / tenant / "log.jsonl", log)
            self._disk.replace(folder / tenant / "checkpoint", head.encode())
        except OSError as error:
            raise RecordError(
                f"the receipt cannot be written to {target}: {error.strerror}", "read-only"
            ) from error
        return target

    def rotate(self, tenant: str) -> SigningKey:
        """Make a new key; the old one and the new one sign the hand-over in the tenant's log."""
        old = self.key(tenant)
        new = self._keys.next(tenant, old.name)

        def make(index: int, previous: str | None) -> tuple[str, str | None, bytes, bytes | None]:
            ts = utc_timestamp(self._clock.now_ns())
            return "key.rotated", None, rotation_leaf(tenant, index, ts, old, new), None

        try:
            self._journal.append_tenant_leaf(tenant, make)
        except RecordError:
            self._keys.discard(tenant, new)
            raise
        return new

    def erase(self, tenant: str, run: str, sha256: str, actor: str, reason: str) -> None:
        """Remove a payload and its salt for good; the tenant's log says who had it done and why."""
        if all(p.sha256 != sha256 for p in self._journal.payloads_of(tenant, run)):
            raise RecordError(f"run {run} has no payload {sha256}", "unknown-payload")

        def make(index: int, previous: str | None) -> tuple[str, str | None, bytes, bytes | None]:
            ts = utc_timestamp(self._clock.now_ns())
            leaf = erasure_leaf(tenant, index, ts, run, sha256, actor, reason)
            return "payload.erased", run, leaf, None

        self._journal.append_tenant_leaf(tenant, make, erase=sha256)

    def trust_policy(self, tenant: str) -> str:
        """A C2SP tlog-policy that trusts this tenant's log, for the verifier's own repository."""
        return f"log {self.key(tenant).vkey}\nquorum none\n"
