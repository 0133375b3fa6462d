"""Receipts: a finished run sealed into a bundle, and its place in the tenant's log.

Formats: schemas/receipts/README.md.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import runtime_min
from runtime_min.record.canonical import canonical, parse_line, sha256_hex
from runtime_min.record.events import run_origin
from runtime_min.record.merkle import inclusion_proof, leaf_hash, root
from runtime_min.record.signing import SigningKey, b64, checkpoint, dsse, statement, tlog_proof

PREDICATE_TYPE = "urn:govlint:predicate:run-receipt:1"
RECEIPT_SCHEMA = "urn:govlint:schema:run-receipt:1"
ROTATION_CONTEXT = b"runtime-min key.rotated v1\n"
ENGINE = {"name": "local", "version": runtime_min.__version__}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A named output of a run; `sha256` is the salted digest an event has."""

    name: str
    sha256: str
    size: int
    media: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "sha256": self.sha256, "size": self.size, "media": self.media}


@functools.cache
def runtime_digest() -> str:
    """SHA-256 over this package's source files: which runtime it was, not only which version."""
    folder = Path(runtime_min.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix().encode()
        whole.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def receipt_payload(
    lines: Sequence[bytes],
    *,
    tenant_origin: str,
    tenant_index: int,
    previous: str | None,
    artifacts: Sequence[Artifact] = (),
    runtime_sha256: str | None = None,
    mission: Mapping[str, str] | None = None,
) -> bytes:
    """The statement over the lines of one finished run; `mission` has `uri` and `sha256`."""
    events = [parse_line(line) for line in lines]
    first, last = events[0], events[-1]
    policy = next(e["decision"]["policy_sha256"] for e in events if e["type"] == "policy.decided")
    predicate: dict[str, Any] = {
        "schema": RECEIPT_SCHEMA,
        "tenant": first["tenant"],
        "run": first["run"],
        "kind": first["request"]["kind"],
        "status": last["type"].removeprefix("run."),
        "final": True,
        "policySha256": policy,
        "engine": ENGINE,
        "runtime": {
            "version": runtime_min.__version__,
            "sha256": runtime_sha256 or runtime_digest(),
        },
        "log": {
            "origin": run_origin(tenant_origin, first["run"]),
            "size": len(lines),
            "rootSha256": root([leaf_hash(line) for line in lines]).hex(),
            "head": sha256_hex(lines[-1]),
        },
        "tenantOrigin": tenant_origin,
        "tenantIndex": tenant_index,
        "previousReceipt": previous,
        "counts": dict(Counter(event["type"] for event in events)),
        "totals": last["totals"],
        "artifacts": [artifact.as_json() for artifact in artifacts],
    }
    if mission is not None:
        predicate["mission"] = dict(mission)
    subject = [{"name": "events.jsonl", "digest": {"sha256": sha256_hex(events_file(lines))}}]
    subject += [{"name": a.name, "digest": {"sha256": a.sha256}} for a in artifacts]
    return statement(subject, PREDICATE_TYPE, predicate)


def events_file(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def receipt_leaf(tenant: str, index: int, run: str, payload_sha256: str) -> bytes:
    """The line of the tenant's log that stands for a receipt."""
    return canonical(
        {
            "v": 1,
            "index": index,
            "tenant": tenant,
            "type": "receipt",
            "run": run,
            "sha256": payload_sha256,
        }
    )


def rotation_leaf(tenant: str, index: int, ts: str, old: SigningKey, new: SigningKey) -> bytes:
    """The line that hands over from one key to the next, signed by both."""
    leaf: dict[str, Any] = {
        "v": 1,
        "index": index,
        "tenant": tenant,
        "type": "key.rotated",
        "ts": ts,
        "old": old.vkey,
        "new": new.vkey,
    }
    signed = ROTATION_CONTEXT + canonical(leaf)
    signatures = {"old": b64(old.sign(signed)), "new": b64(new.sign(signed))}
    return canonical({**leaf, "signatures": signatures})


def erasure_leaf(
    tenant: str, index: int, ts: str, run: str, sha256: str, actor: str, reason: str
) -> bytes:
    """The line that says a payload is gone on purpose, and who had it removed."""
    return canonical(
        {
            "v": 1,
            "index": index,
            "tenant": tenant,
            "type": "payload.erased",
            "ts": ts,
            "run": run,
            "sha256": sha256,
            "actor": actor,
            "reason": reason,
        }
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one receipt, by name."""

    files: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Write all files; a bundle of another content that is there already is an error."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def bundle(
    lines: Sequence[bytes],
    payload: bytes,
    key: SigningKey,
    tenant_leaves: Sequence[bytes],
    index: int,
    payloads: dict[str, tuple[bytes, bytes]] | None = None,
) -> Bundle:
    """Everything a stranger needs to check one run.

    `tenant_leaves` are the lines of the tenant's log so far, `payloads` bytes and salt by digest.
    """
    run = parse_line(lines[0])["run"]
    hashes = [leaf_hash(leaf) for leaf in tenant_leaves]
    tenant_checkpoint = checkpoint(key.name, len(hashes), root(hashes), key)
    tree = root([leaf_hash(line) for line in lines])
    files = {
        "events.jsonl": events_file(lines),
        "checkpoint": checkpoint(run_origin(key.name, run), len(lines), tree, key).encode(),
        "receipt.dsse.json": dsse(payload, key),
        "tenant.tlog-proof": tlog_proof(
            index, inclusion_proof(hashes, index), tenant_checkpoint
        ).encode(),
    }
    for sha256, (data, salt) in (payloads or {}).items():
        files[f"payloads/sha256/{sha256}"] = data
        files[f"payloads/sha256/{sha256}.salt"] = salt.hex().encode("ascii")
    return Bundle(files)
