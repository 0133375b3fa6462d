"""Signatures: C2SP signed notes and checkpoints, DSSE envelopes, in-toto statements.

Sources: C2SP signed-note, tlog-checkpoint and tlog-proof; DSSE 1.0.2; in-toto Statement v1.
All keys are Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime_min.record.canonical import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_ED25519 = b"\x01"  # C2SP signed-note: signature type of plain Ed25519


def b64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name it signs under (a log's origin)."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> SigningKey:
        """The key of 32 secret bytes; ValueError for a name that a note cannot carry."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not name or "+" in name or any(c.isspace() for c in name):
            raise ValueError(f"{name!r} cannot name a key: no space and no '+', and not empty")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_bytes(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def key_hash(self) -> bytes:
        """C2SP key ID: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)."""
        return note_key_hash(self.name, self.public_bytes)

    @property
    def key_id(self) -> str:
        """DSSE `keyid`, a hint only: SHA-256 of the public key in hexadecimal."""
        return hashlib.sha256(self.public_bytes).hexdigest()

    @property
    def vkey(self) -> str:
        """C2SP verifier key, `name+hash+base64(0x01 ‖ public key)`."""
        return f"{self.name}+{self.key_hash.hex()}+{b64(_ED25519 + self.public_bytes)}"

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)


def note_key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def signed_note(text: str, *keys: SigningKey) -> str:
    """A note: text that ends in a newline, an empty line, one signature line a key."""
    lines = [
        f"\u2014 {key.name} {b64(key.key_hash + key.sign(text.encode('utf-8')))}\n" for key in keys
    ]
    return f"{text}\n{''.join(lines)}"


def checkpoint(origin: str, size: int, root: bytes, *keys: SigningKey) -> str:
    """A signed tree head (C2SP tlog-checkpoint)."""
    return signed_note(f"{origin}\n{size}\n{b64(root)}\n", *keys)


def tlog_proof(index: int, proof: list[bytes], checkpoint_note: str) -> str:
    """A portable inclusion proof (C2SP tlog-proof)."""
    lines = "".join(f"{b64(node)}\n" for node in proof)
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n{checkpoint_note}"


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the type and both lengths are signed too."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def dsse(payload: bytes, *keys: SigningKey, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """A DSSE envelope over `payload`, as canonical JSON and a newline."""
    signed = pae(payload_type, payload)
    envelope: dict[str, Any] = {
        "payload": b64(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": key.key_id, "sig": b64(key.sign(signed))} for key in keys],
    }
    return canonical(envelope) + b"\n"


def statement(subject: list[dict[str, Any]], predicate_type: str, predicate: Any) -> bytes:
    """An in-toto Statement v1 in canonical form."""
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "predicate": predicate,
            "predicateType": predicate_type,
            "subject": subject,
        }
    )
