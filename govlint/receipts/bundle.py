"""One run's bundle: do its files belong together, and is it the run that was asked for?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from govlint.receipts.canonical import MAX_LINE, canonical, parse
from govlint.receipts.chain import Chain, read_chain, run_origin
from govlint.receipts.envelope import Envelope, read_envelope
from govlint.receipts.faults import Fault, Malformed
from govlint.receipts.files import entries, lines_of, open_file, read_file
from govlint.receipts.format import schema_fault
from govlint.receipts.merkle import leaf_hash, proves_inclusion
from govlint.receipts.notes import (
    MAX_NOTE,
    Checkpoint,
    InclusionProof,
    read_checkpoint,
    read_inclusion_proof,
)
from govlint.receipts.ring import Ring
from govlint.receipts.semantics.judge import Judge
from govlint.receipts.signatures import checkpoint_fault, receipt_fault, witness_fault

EVENTS, CHECKPOINT = "events.jsonl", "checkpoint"
RECEIPT, PROOF = "receipt.dsse.json", "tenant.tlog-proof"
PAYLOADS = "payloads"
MAX_RECEIPT = 16 << 20
MAX_PAYLOAD = 1 << 30
_SALT_DIGITS = 64
_MISSING = {
    EVENTS: ("chain", "the run's events are missing: consistent with their deletion"),
    CHECKPOINT: ("signature", "the signed head of the run's events is missing"),
    RECEIPT: ("signature", "the signed receipt is missing"),
    PROOF: ("chain", "the proof that the receipt stands in its tenant's log is missing"),
}


@dataclass
class Bundle:
    """What a bundle came to. `statement` is the receipt, where it could be believed."""

    path: str
    faults: list[Fault] = field(default_factory=list)
    chain: Chain | None = None
    statement: dict[str, Any] | None = None
    payload_digest: str = ""
    files: int = 0
    receipt_digest: str = ""  # of the file, which a verdict names
    checkpoint: Checkpoint | None = None
    proof: InclusionProof | None = None
    times: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, message: str, name: str = "", line: int = 1) -> None:
        path = os.path.join(self.path, name) if name else self.path
        self.faults.append(Fault(kind, message, path, line))

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the receipt says; empty where there is none to be believed."""
        found: Mapping[str, Any] = self.statement["predicate"] if self.statement else {}
        return found

    @property
    def run(self) -> str:
        return str(
            self.predicate.get("run") or (self.chain.first.get("run", "") if self.chain else "")
        )

    @property
    def tenant(self) -> str:
        first = self.chain.first if self.chain else {}
        return str(self.predicate.get("tenant") or first.get("tenant", ""))


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
        _check_payloads(bundle)
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
    if not _compare_identity(bundle, chain.origin if chain is not None else ""):
        return
    _compare_proof(bundle)
    if chain is None:
        return
    bundle.faults += chain.faults
    if not chain.broken:
        _compare_chain(bundle, chain)
        if all(fault.kind in ("trace", "signature") for fault in bundle.faults):
            assert chain.judge is not None
            bundle.faults += chain.judge.faults
            _compare_statement(bundle, chain, chain.judge)


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


def _check_payloads(bundle: Bundle) -> None:
    """Payloads that are there have to be what an event says; those that are not were erased."""
    base = os.path.join(bundle.path, PAYLOADS)
    known = _digests(bundle)
    for entry in entries(base):
        if entry.name != "sha256" or not entry.is_dir(follow_symlinks=False):
            name = os.path.join(PAYLOADS, entry.name)
            bundle.say("malformed", "this does not belong into a bundle", name)
            continue
        for payload in entries(entry.path):
            name = os.path.join(PAYLOADS, "sha256", payload.name)
            digest = payload.name.removesuffix(".salt")
            other = digest if payload.name.endswith(".salt") else f"{digest}.salt"
            if not payload.is_file(follow_symlinks=False):
                bundle.say("malformed", "this is no regular file", name)
            elif known is not None and digest not in known:
                bundle.say("chain", "no event speaks of this payload", name)
            elif not os.path.lexists(os.path.join(entry.path, other)):
                said = "this payload has no salt" if other.endswith(".salt") else "this salt"
                bundle.say("malformed", f"{said} stands alone", name)
            elif digest == payload.name:
                _check_payload(bundle, entry.path, digest, name)


def _digests(bundle: Bundle) -> set[str] | None:
    """What the run's events say digests of; None where they cannot be believed."""
    judge = bundle.chain.judge if bundle.chain else None
    return judge.digests if judge is not None else None


def _check_payload(bundle: Bundle, folder: str, digest: str, name: str) -> None:
    try:
        salt = read_file(os.path.join(folder, f"{digest}.salt"), _SALT_DIGITS)
        salted = sha256(bytes.fromhex(salt.decode("ascii")))
        if len(salt) != _SALT_DIGITS or salt != salt.lower():
            raise Malformed("has a salt that is not 64 hexadecimal digits")
        with open_file(os.path.join(folder, digest)) as stream:
            for part in iter(lambda: stream.read(1 << 20), b""):
                salted.update(part)
    except FileNotFoundError:
        bundle.say("malformed", "this payload went away while it was read", name)
        return
    except Malformed as error:
        bundle.say("malformed", f"this payload {error}", name)
        return
    except ValueError:
        bundle.say("malformed", "this payload has a salt that is not 64 hexadecimal digits", name)
        return
    if salted.hexdigest() != digest:
        said = "this payload is not what its digest stands for: consistent with an edit"
        bundle.say("chain", said, name)


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


# -- whether it fits together ------------------------------------------------------------------


def _compare_identity(bundle: Bundle, origin: str) -> bool:
    """Whether receipt, checkpoint and events are of one run; what is of another is blamed.

    `origin` is that of the run's own log, as the events begin; empty where they fit to none.
    """
    said, checkpoint = bundle.predicate, bundle.checkpoint
    if said:
        named = run_origin(said["tenantOrigin"], said["run"])
        if said["log"]["origin"] != named:
            told = f"this receipt is of {named} and names the log {said['log']['origin']}"
            bundle.say("chain", told, RECEIPT)
            return False
        if origin not in ("", named):
            told = f"this receipt is of {named} and the events of {origin}: consistent with"
            bundle.say("chain", f"{told} another run's receipt put in its place", RECEIPT)
            return False
    if checkpoint is None:
        return True
    named = run_origin(said["tenantOrigin"], said["run"]) if said else checkpoint.origin
    if checkpoint.origin != named or origin not in ("", checkpoint.origin):
        told = f"this checkpoint is of {checkpoint.origin} and the run of {origin or named}"
        bundle.say("chain", f"{told}: consistent with another run's put in its place", CHECKPOINT)
        return False
    if said and (checkpoint.size, checkpoint.root.hex()) != (
        said["log"]["size"],
        said["log"]["rootSha256"],
    ):
        bundle.say(
            "chain",
            f"this checkpoint is of {checkpoint.size} events and the receipt of"
            f" {said['log']['size']}, or their roots differ: consistent with an old checkpoint",
            CHECKPOINT,
        )
        return False
    return True


def _compare_proof(bundle: Bundle) -> None:
    """The receipt stands where it says in the log of its tenant."""
    said, proof = bundle.predicate, bundle.proof
    if proof is None or not said:
        return
    if proof.checkpoint.origin != said["tenantOrigin"]:
        bundle.say(
            "chain",
            f"this proof is of the log {proof.checkpoint.origin} and the receipt of"
            f" {said['tenantOrigin']}: consistent with a proof of another tenant",
            PROOF,
        )
        return
    leaf = {
        "index": said["tenantIndex"],
        "run": said["run"],
        "sha256": bundle.payload_digest,
        "tenant": said["tenant"],
        "type": "receipt",
        "v": 1,
    }
    size, root = proof.checkpoint.size, proof.checkpoint.root
    hashed = leaf_hash(canonical(leaf))
    if proof.index != said["tenantIndex"] or not proves_inclusion(
        hashed, proof.index, size, proof.hashes, root
    ):
        bundle.say(
            "chain",
            "this does not prove that the receipt stands in its tenant's log: consistent with a"
            " proof of another receipt",
            PROOF,
        )


def _compare_chain(bundle: Bundle, chain: Chain) -> None:
    """The lines are as many as were signed, and those that were."""
    heads = []
    if bundle.statement is not None:
        log = bundle.predicate["log"]
        heads.append((log["size"], log["rootSha256"], "receipt"))
    if bundle.checkpoint is not None:
        heads.append((bundle.checkpoint.size, bundle.checkpoint.root.hex(), "checkpoint"))
    for size, root, which in heads:
        if size > chain.size:
            said = f"the record ends after {chain.size} events and its {which} is of {size}:"
            bundle.say("chain", f"{said} consistent with the end being cut off", EVENTS, chain.size)
        elif size < chain.size:
            said = f"the {which} is of {size} events and this is one more: consistent with lines"
            bundle.say("chain", f"{said} added, or with an old {which}", EVENTS, size + 1)
        elif root != chain.tree.root().hex():
            said = "consistent with an edit of the last line, or of a line and all that follow"
            bundle.say("chain", f"this is not what the {which} is of: {said}", EVENTS, chain.size)
        else:
            continue
        return


def _compare_statement(bundle: Bundle, chain: Chain, judge: Judge) -> None:
    """What the receipt says of the run is what the run says of itself."""
    if bundle.statement is None:
        return
    said, statement = bundle.predicate, bundle.statement
    history = judge.history
    terminal = history.terminal
    subjects = {entry["name"]: entry["digest"]["sha256"] for entry in statement["subject"]}
    wanted = {EVENTS: chain.digest, **{a["name"]: a["sha256"] for a in said["artifacts"]}}
    facts: list[tuple[str, Any, Any]] = [
        ("tenant", said["tenant"], history.tenant),
        ("run", said["run"], history.run),
        ("head", said["log"]["head"], chain.head),
        ("subjects", subjects, wanted),
        ("number of subjects", len(statement["subject"]), len(wanted)),
        ("counts", said["counts"], history.counts),
    ]
    if history.request is not None:
        facts.append(("kind", said["kind"], history.request["kind"]))
    if terminal is not None:
        facts.append(("status", said["status"], terminal["type"].removeprefix("run.")))
    for what, claimed, found in facts:
        if claimed != found:
            shown = f": {claimed!r} and {found!r}" if isinstance(claimed, str) else ""
            bundle.say("chain", f"this receipt and its events differ in the {what}{shown}", RECEIPT)
            return
    digests = judge.digests
    for artifact in said["artifacts"]:
        if artifact["sha256"] not in digests:
            said_so = f"the artifact {artifact['name'][:80]!r} is of no event of the run"
            bundle.say("chain", said_so, RECEIPT)
            return
    if history.decision is not None and said["policySha256"] != history.decision["policy_sha256"]:
        bundle.say("gate", "this receipt names another policy than the one that decided", RECEIPT)
    if terminal is not None and said["totals"] != terminal["totals"]:
        bundle.say("ledger", "the totals of this receipt are not those of its run", RECEIPT)
