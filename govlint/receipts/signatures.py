"""Whose signature a checkpoint or a receipt has, said so that people understand it (RCP003)."""

from __future__ import annotations

from collections.abc import Callable

from govlint.receipts.envelope import Envelope
from govlint.receipts.faults import Malformed
from govlint.receipts.notes import Checkpoint, has_signed
from govlint.receipts.ring import Ring, TrustedKey


def checkpoint_fault(
    checkpoint: Checkpoint, name: str, ring: Ring, covers: Callable[[TrustedKey], bool]
) -> str:
    """What is wrong with the log's signature on a checkpoint; empty where nothing is."""
    trusted = ring.of(name)
    if not trusted:
        return f"is of the log {name}, which the trust policy does not name{_known(ring)}"
    for one in trusted:
        signed = has_signed(checkpoint.note, one.key)
        if signed is False:
            return (
                f"has a signature of {name} that does not fit: consistent with an edit of the"
                " text or of the signature"
            )
        if signed and not covers(one):
            return (
                f"is signed with a key of {name} that was replaced at index {one.until} of its"
                " log: consistent with a stolen old key"
            )
        if signed:
            return ""
    if any(line.name == name for line in checkpoint.note.lines):
        return (
            f"is signed in the name of {name} with a key that is not trusted: consistent with a"
            " rewrite with another key"
        )
    return f"has no signature of the log {name}"


def witness_fault(checkpoint: Checkpoint, ring: Ring) -> tuple[str, dict[str, int]]:
    """What is wrong with the cosignatures of a checkpoint, and when which witness saw it."""
    policy = ring.policy
    try:
        cosigned = policy.cosigned(checkpoint.note)
    except Malformed as error:
        return str(error), {}
    if not policy.is_met(cosigned):
        seen = ", ".join(cosigned) or "none"
        return (
            f"lacks cosignatures: the quorum {policy.quorum} is not met (witnesses: {seen}):"
            " consistent with a history that was not shown to them",
            cosigned,
        )
    return "", cosigned


def receipt_fault(envelope: Envelope, ring: Ring, name: str, index: int) -> str:
    """What is wrong with the signature of a receipt that says to be of the log `name`."""
    trusted = ring.of(name)
    if not trusted:
        return f"is of the log {name}, which the trust policy does not name{_known(ring)}"
    signers = envelope.signed_by([one.key for one in trusted])
    if None in signers:
        return (
            f"has a signature that no trusted key of {name} made: consistent with an edit of the"
            " receipt, or with a rewrite with another key"
        )
    for one in trusted:
        if one.key in signers and not one.covers_index(index):
            return (
                f"is signed with a key of {name} that was replaced at index {one.until} of its"
                " log: consistent with a stolen old key"
            )
    return ""


def _known(ring: Ring) -> str:
    names = ring.names
    return f" (it names {', '.join(names[:5])})" if names else " (it names none)"
