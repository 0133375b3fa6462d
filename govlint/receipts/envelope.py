"""DSSE 1.0.2 envelopes and the in-toto statements in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from govlint.receipts.canonical import canonical, parse
from govlint.receipts.faults import Malformed
from govlint.receipts.format import schema_fault
from govlint.receipts.keys import SigningKey, VerifierKey, tobase64, unbase64

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and the signatures over it and its type."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]  # the `keyid` beside each

    def signed_by(self, keys: Sequence[VerifierKey]) -> list[VerifierKey | None]:
        """Which of `keys` made each signature; None for one that none of them made.

        DSSE's `keyid` is a hint and chooses no key, but one that names another key than the one
        that signed was put there by somebody else.
        """
        signed = pae(PAYLOAD_TYPE, self.payload)
        return [
            next((k for k in keys if k.verifies(data, signed) and key_id(k) == named), None)
            for named, data in self.signatures
        ]


def key_id(key: VerifierKey) -> str:
    """DSSE's `keyid` as the published format has it: SHA-256 of the raw public key."""
    return sha256(key.public).hexdigest()


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and lengths are signed with the payload."""
    kind = payload_type.encode()
    return b" ".join(
        (b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload)
    )


def read_envelope(data: bytes) -> Envelope:
    """Read `receipt.dsse.json`: canonical JSON and a newline. Raises Malformed."""
    if not data.endswith(b"\n"):
        raise Malformed("does not end in a line end")
    value = parse(data[:-1])
    fault = schema_fault("dsse", value)
    if fault:
        raise Malformed(f"is no DSSE envelope of the published schema: {fault}")
    signatures = tuple((e["keyid"], unbase64(e["sig"])) for e in value["signatures"])
    if len({data for _, data in signatures}) != len(signatures):
        raise Malformed("has one signature twice")
    return Envelope(unbase64(value["payload"]), signatures)


def write_envelope(payload: bytes, key: SigningKey) -> bytes:
    """An envelope signed by `key`."""
    entry = {
        "keyid": key_id(key.verifier),
        "sig": tobase64(key.sign(pae(PAYLOAD_TYPE, payload))),
    }
    value = {"payload": tobase64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [entry]}
    return canonical(value) + b"\n"


def write_statement(subject: list[dict[str, Any]], kind: str, predicate: dict[str, Any]) -> bytes:
    """An in-toto Statement v1 in canonical form."""
    return canonical(
        {"_type": STATEMENT, "subject": subject, "predicateType": kind, "predicate": predicate}
    )
