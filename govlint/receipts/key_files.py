"""Keys of witnesses and verifiers on disk: made on first use, for their owner's eyes alone."""

from __future__ import annotations

import os
import secrets
import stat

from govlint.errors import UsageError
from govlint.receipts.faults import Malformed
from govlint.receipts.keys import SigningKey

_SEED_BYTES = 32


def load_key(path: str, name: str, kind: int) -> SigningKey:
    """The key of a file of 64 hexadecimal digits; made, readable by its owner alone, where
    there is none. Raises UsageError."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return SigningKey.from_seed(name, kind, _read_seed(path))
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            seed = secrets.token_bytes(_SEED_BYTES)
            stream.write(f"{seed.hex()}\n")
        return SigningKey.from_seed(name, kind, seed)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the key {path} cannot be used: {reason}") from None


def _read_seed(path: str) -> bytes:
    """The seed of a key file. Raises OSError, Malformed."""
    with open(path, "rb") as stream:
        if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077 and os.name == "posix":
            raise Malformed("others may read it (chmod 600, and make a new one if they did)")
        text = stream.read(1024)
    try:
        seed = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        raise Malformed("it is no file of 64 hexadecimal digits") from None
    if len(seed) != _SEED_BYTES:
        raise Malformed(f"it holds {len(seed)} bytes, not {_SEED_BYTES}")
    return seed
