"""Ed25519 keys (RFC 8032) and their C2SP spelling: `name+hash+base64(type ‖ public key)`."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from govlint.receipts.faults import Malformed, MissingLibrary

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = 0x01  # C2SP signed-note
COSIGNATURE = 0x04  # C2SP tlog-cosignature, Ed25519
_PUBLIC_BYTES = 32


def unbase64(text: str) -> bytes:
    """Standard, padded, canonical base64 (RFC 4648 section 4). Raises Malformed."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Malformed(f"{text[:60]!r} is no base64") from None
    if tobase64(data) != text:
        raise Malformed(f"{text[:60]!r} is not the canonical base64 of what it holds")
    return data


def tobase64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name; `kind` is the C2SP signature type."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ 0x0A ‖ type ‖ public key), the first four bytes."""
        named = self.name.encode() + b"\n" + bytes([self.kind])
        return sha256(named + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as a trust policy has it."""
        return f"{self.name}+{self.key_id.hex()}+{tobase64(bytes([self.kind]) + self.public)}"

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the holder of this key signed `data`."""
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            raise MissingLibrary(_MISSING) from None
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


_MISSING = "signatures cannot be checked without the package cryptography: install it with pip"


def read_vkey(text: str, *kinds: int) -> VerifierKey:
    """Read a C2SP verifier key of one of `kinds`. Raises Malformed with what is wrong."""
    name, _, rest = text.partition("+")
    key_id, plus, encoded = rest.partition("+")
    if not plus or not is_key_name(name):
        raise Malformed(f"{text[:80]!r} is no verifier key: those are name+hash+base64")
    data = unbase64(encoded)
    if len(data) != _PUBLIC_BYTES + 1 or data[0] not in kinds:
        wanted = " or ".join(f"0x{kind:02x}" for kind in kinds)
        raise Malformed(f"{text[:80]!r} is no Ed25519 key of type {wanted}")
    key = VerifierKey(name, data[0], data[1:])
    if key.key_id.hex() != key_id:
        raise Malformed(
            f"{text[:80]!r}: the hash of this name and key is {key.key_id.hex()}; a part of it"
            " was mistyped"
        )
    return key


def is_key_name(name: str) -> bool:
    """Whether a note can carry a key of this name (C2SP signed-note)."""
    return bool(name) and not any(c.isspace() or c == "+" or ord(c) < 32 for c in name)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name: of a witness, or of a verifier that signs its verdict."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, name: str, kind: int, seed: bytes) -> SigningKey:
        """The key of 32 secret bytes. Raises Malformed for a name that a note cannot carry."""
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        except ImportError:
            raise MissingLibrary(_MISSING) from None
        if not is_key_name(name):
            raise Malformed(f"{name!r} cannot name a key: it is empty, or has a space or a '+'")
        return cls(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)
