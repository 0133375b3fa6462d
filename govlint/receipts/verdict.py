"""The verdict as an in-toto Simple Verification Result (SVR 0.2) in a signed envelope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from govlint import __version__
from govlint.errors import UsageError
from govlint.receipts.bundle import Bundle
from govlint.receipts.envelope import write_envelope, write_statement
from govlint.receipts.keys import SigningKey
from govlint.receipts.request import Request

PREDICATE = "https://in-toto.io/attestation/svr/v0.2"
VERIFIER = f"urn:govlint:verifier:{__version__}"


def verdict(
    bundles: Sequence[Bundle], passed: Iterable[str], clean: bool, request: Request, time: str
) -> bytes:
    """The statement: what was verified (by the digest of each receipt), and what holds for all.

    `passed` are the codes of the rules that nothing was found under. Where anything was found,
    the word GOVLINT_VERIFIED is missing: SVR has no word for a refusal but its absence.
    """
    subject = [
        {
            "name": f"{b.tenant}/runs/{b.run}/receipt.dsse.json",
            "digest": {"sha256": b.receipt_digest},
        }
        for b in bundles
        if b.receipt_digest
    ]
    if not subject:
        raise UsageError("--attest: no receipt was read whose signature holds; there is no subject")
    properties = [f"GOVLINT_{code}" for code in sorted(passed)]
    if clean:
        properties.insert(0, "GOVLINT_VERIFIED")
        properties += ["GOVLINT_PINNED"] if request.pins is not None else []
        properties += ["GOVLINT_WITNESSED"] if request.policy.wants_witnesses else []
        properties += ["GOVLINT_ANCHORED"] if request.anchors else []
        properties += ["GOVLINT_EXPECTED_IDENTITY"] if request.expected else []
    policy = {"uri": "trust.policy", "digest": {"sha256": request.policy.digest}}
    predicate = {
        "verifier": {"id": VERIFIER, "policies": [policy]},
        "timeCreated": time,
        "properties": properties,
    }
    return write_statement(subject, PREDICATE, predicate)


def sealed(statement: bytes, key: SigningKey) -> bytes:
    """The statement in an envelope."""
    return write_envelope(statement, key)
