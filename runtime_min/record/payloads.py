"""Payloads: what a digest stands for, with the salt that makes it unguessable.

Events hold SHA-256(salt ‖ bytes) alone. Bytes and salt live in a table of their own, written in
the transaction of the events that name them, and can be erased with no harm to the chain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from runtime_min.kernel.ports import Randomness

SALT_BYTES = 32
JSON_MEDIA = "application/json"


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes under their salt; `media` is a media type (RFC 6838)."""

    sha256: str
    salt: bytes
    data: bytes
    media: str

    @classmethod
    def of(cls, data: bytes, media: str, randomness: Randomness) -> Payload:
        """`data` under a fresh salt."""
        salt = randomness.bytes(SALT_BYTES)
        return cls(salted(salt, data), salt, data, media)

    @property
    def digest(self) -> dict[str, Any]:
        """What an event says of it."""
        return {"sha256": self.sha256, "size": len(self.data), "media": self.media}


def salted(salt: bytes, data: bytes) -> str:
    """SHA-256(salt ‖ data) in hexadecimal."""
    return hashlib.sha256(salt + data).hexdigest()
