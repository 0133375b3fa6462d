"""One run's bundle: do its files belong together, and is it the run that was asked for?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

from govlint.receipts.agreement import (
    compare_chain,
    compare_identity,
    compare_proof,
    compare_statement,
)
from govlint.receipts.canonical import MAX_LINE, parse
from govlint.receipts.chain import Chain, read_chain
from govlint.receipts.envelope import Envelope, read_envelope
from govlint.receipts.faults import Malformed
from govlint.receipts.files import entries, lines_of, open_file, read_file
from govlint.receipts.format import schema_fault
from govlint.receipts.notes import (
    MAX_NOTE,
    Checkpoint,
    read_checkpoint,
    read_inclusion_proof,
)
from govlint.receipts.parts import CHECKPOINT, EVENTS, PAYLOADS, PROOF, RECEIPT, Bundle
from govlint.receipts.payloads import check_payloads
from govlint.receipts.ring import Ring
from govlint.receipts.signatures import checkpoint_fault, receipt_fault, witness_fault

MAX_RECEIPT = 16 << 20
_MISSING = {
    EVENTS: ("chain", "the run's events are missing: consistent with their deletion"),
    CHECKPOINT: ("signature", "the signed head of the run's events is missing"),
    RECEIPT: ("signature", "the signed receipt is missing"),
    PROOF: ("chain", "the proof that the receipt stands in its tenant's log is missing"),
}


def read_bundle(path: str, ring: Ring) -> Bundle:
    """Read and check the bundle in a folder. Raises Unreadable."""
    bundle = Bundle(path)
    has_payloads = _list(bundle)
    data: dict[str, bytes] = {}
    for name, most in ((RECEIPT, MAX_RECEIPT), (CHECKPOINT, MAX_NOTE), (PROOF, MAX_NOTE)):
        try:
            data[name] = read_file(os.path.join(path, name), most)
        except FileNotFoundError:
            bundle.say(*_MISSING[name], name)
        except Malformed as error:
            bundle.say("malformed", f"this file {error}", name)
    _assemble(bundle, data, partial(_read_events, bundle), ring)
    if has_payloads:
        check_payloads(bundle)
    return bundle


def read_stream(
    path: str, events: Iterable[bytes], data: Mapping[str, bytes], ring: Ring
) -> Bundle:
    """Check a run whose events come from a stream; what `data` lacks is not asked for."""
    bundle = Bundle(path)
    _assemble(bundle, data, partial(read_chain, events, os.path.join(path, EVENTS)), ring)
    return bundle


def _assemble(
    bundle: Bundle,
    data: Mapping[str, bytes],
    chain_of: Callable[[list[str]], Chain | None],
    ring: Ring,
) -> None:
    """Check what is signed, then the events, given the origin that was signed."""
    bundle.files = len(data) + 1
    bundle.chain = chain_of(_read_signed(bundle, data, ring))
    chain = bundle.chain
    if not compare_identity(bundle, chain.origin if chain is not None else ""):
        return
    compare_proof(bundle)
    if chain is None:
        return
    bundle.faults += chain.faults
    if not chain.broken:
        compare_chain(bundle, chain)
        if all(fault.kind in ("trace", "signature") for fault in bundle.faults):
            assert chain.judge is not None
            bundle.faults += chain.judge.faults
            compare_statement(bundle, chain, chain.judge)


def _read_events(bundle: Bundle, origins: list[str]) -> Chain | None:
    path = os.path.join(bundle.path, EVENTS)
    try:
        with open_file(path) as stream:
            return read_chain(lines_of(stream, MAX_LINE), path, origins)
    except FileNotFoundError:
        bundle.say(*_MISSING[EVENTS], EVENTS)
    except Malformed as error:
        bundle.say("malformed", f"this file {error}", EVENTS)
    return None


# -- what is there ---------------------------------------------------------------------------


def _list(bundle: Bundle) -> bool:
    """Whether the folder has payloads; what does not belong there is a fault."""
    has_payloads = False
    for entry in entries(bundle.path):
        if entry.name == PAYLOADS and entry.is_dir(follow_symlinks=False):
            has_payloads = True
        elif entry.name not in _MISSING:
            bundle.say("malformed", "this file does not belong into a bundle", entry.name)
    return has_payloads


# -- what is signed --------------------------------------------------------------------------


def _read_signed(bundle: Bundle, data: Mapping[str, bytes], ring: Ring) -> list[str]:
    """Read receipt, checkpoint and proof; the origins of the run's own log that they name."""
    origins: list[str] = []
    index = 0
    if RECEIPT in data:
        statement = _read_receipt(bundle, data[RECEIPT], ring)
        if statement is not None:
            index = statement["predicate"]["tenantIndex"]
            origins.append(statement["predicate"]["log"]["origin"])
    if CHECKPOINT in data:
        bundle.checkpoint = _read_checkpoint(bundle, data[CHECKPOINT], ring, index)
        if bundle.checkpoint is not None and bundle.checkpoint.origin not in origins:
            origins.append(bundle.checkpoint.origin)
    if PROOF in data:
        _read_proof(bundle, data[PROOF], ring)
    return origins


def _read_receipt(bundle: Bundle, data: bytes, ring: Ring) -> dict[str, Any] | None:
    try:
        envelope = read_envelope(data)
    except Malformed as error:
        bundle.say("malformed", f"this receipt {error}", RECEIPT)
        return None
    statement, fault = _statement(envelope)
    name = statement["predicate"]["tenantOrigin"] if statement else ""
    index = statement["predicate"]["tenantIndex"] if statement else 0
    if statement is None:
        names = ring.names
        signer = next((n for n in names if not receipt_fault(envelope, ring, n, 0)), None)
        if signer is None:
            said = (
                "has no signature that fits by a trusted key: consistent with an edit of the"
                " receipt, or with a rewrite with another key"
            )
            bundle.say("signature", f"this receipt {said}", RECEIPT)
        else:
            bundle.say("malformed", f"this receipt {fault}", RECEIPT)
        return None
    wrong = receipt_fault(envelope, ring, name, index)
    if wrong:
        bundle.say("signature", f"this receipt {wrong}", RECEIPT)
        return None
    bundle.statement = statement
    bundle.payload_digest = sha256(envelope.payload).hexdigest()
    bundle.receipt_digest = sha256(data).hexdigest()
    return statement


def _statement(envelope: Envelope) -> tuple[dict[str, Any] | None, str]:
    try:
        statement = parse(envelope.payload)
    except Malformed as error:
        return None, str(error)
    fault = schema_fault("receipt", statement)
    if fault:
        return None, f"is no receipt of the published schema: {fault}"
    for artifact in statement["predicate"]["artifacts"]:
        if _leaves_folder(artifact["name"]):
            return None, f"names the artifact {artifact['name'][:80]!r}, which leaves the folder"
    return statement, ""


def _leaves_folder(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or ":" in parts[0] or any(ord(c) < 32 for c in name)


def _read_checkpoint(bundle: Bundle, data: bytes, ring: Ring, index: int) -> Checkpoint | None:
    try:
        checkpoint = read_checkpoint(data)
    except Malformed as error:
        bundle.say("malformed", f"this checkpoint {error}", CHECKPOINT)
        return None
    name = checkpoint.origin.rpartition("/runs/")[0] or checkpoint.origin
    fault = checkpoint_fault(checkpoint, name, ring, lambda key: key.covers_index(index))
    if fault:
        bundle.say("signature", f"this checkpoint {fault}", CHECKPOINT)
        return None
    return checkpoint


def _read_proof(bundle: Bundle, data: bytes, ring: Ring) -> None:
    try:
        proof = read_inclusion_proof(data)
    except Malformed as error:
        bundle.say("malformed", f"this proof {error}", PROOF)
        return
    head = proof.checkpoint
    fault = checkpoint_fault(head, head.origin, ring, lambda key: key.covers_size(head.size))
    if not fault:
        fault, bundle.times = witness_fault(head, ring)
    if fault:
        bundle.say("signature", f"the checkpoint in this proof {fault}", PROOF)
        return
    bundle.proof = proof
