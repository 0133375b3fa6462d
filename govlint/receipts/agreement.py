"""Whether the files of a bundle tell one story (RCP002)."""

from __future__ import annotations

from typing import Any

from govlint.receipts.canonical import canonical
from govlint.receipts.chain import Chain, run_origin
from govlint.receipts.merkle import leaf_hash, proves_inclusion
from govlint.receipts.parts import CHECKPOINT, EVENTS, PROOF, RECEIPT, Bundle
from govlint.receipts.semantics.judge import Judge


def compare_identity(bundle: Bundle, origin: str) -> bool:
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


def compare_proof(bundle: Bundle) -> None:
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


def compare_chain(bundle: Bundle, chain: Chain) -> None:
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


def compare_statement(bundle: Bundle, chain: Chain, judge: Judge) -> None:
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
