"""Signing keys: made on first use, 0600, rotated, exported as verifier keys.

A key file holds 32 secret bytes in hexadecimal. Rotation keeps the old file, since the old
public key stays part of the story; the new one signs from then on.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runtime_min.kernel.errors import RecordError
from runtime_min.kernel.ports import Disk, Randomness
from runtime_min.record.signing import SigningKey

_SEED_BYTES = 32


class KeyStore:
    """Keys of all tenants of one runtime, a folder each."""

    def __init__(self, folder: Path, disk: Disk, randomness: Randomness) -> None:
        self._folder = folder
        self._disk = disk
        self._randomness = randomness

    def current(self, tenant: str, origin: str) -> SigningKey:
        """The key that signs now; made where there is none yet."""
        generations = self._generations(tenant)
        if not generations:
            return self._make(tenant, origin, 1)
        return self._load(generations[-1], origin)

    def history(self, tenant: str, origin: str) -> list[SigningKey]:
        """All keys of a tenant, oldest first."""
        return [self._load(path, origin) for path in self._generations(tenant)]

    def next(self, tenant: str, origin: str) -> SigningKey:
        """Make the key that comes after the current one; the caller records the rotation."""
        self.current(tenant, origin)
        return self._make(tenant, origin, len(self._generations(tenant)) + 1)

    def discard(self, tenant: str, key: SigningKey) -> None:
        """Take back a key whose rotation could not be recorded."""
        generations = self._generations(tenant)
        if generations and self._load(generations[-1], key.name).vkey == key.vkey:
            self._disk.remove(generations[-1])

    def _generations(self, tenant: str) -> list[Path]:
        return sorted((self._folder / tenant).glob("*.key"))

    def _make(self, tenant: str, origin: str, generation: int) -> SigningKey:
        folder = self._folder / tenant
        path = folder / f"{generation:06d}.key"
        seed = self._randomness.bytes(_SEED_BYTES)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._disk.write_new(path, seed.hex().encode("ascii") + b"\n", 0o600)
        except FileExistsError:  # another process was first: its key is as good as ours
            return self._load(path, origin)
        except OSError as error:
            raise RecordError(f"the signing key {path} cannot be made: {error.strerror}") from error
        return SigningKey.from_seed(origin, seed)

    def _load(self, path: Path, origin: str) -> SigningKey:
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            text = self._disk.read(path).decode("ascii")
            seed = bytes.fromhex(text.strip())
        except OSError as error:
            raise RecordError(f"the signing key {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise RecordError(f"the signing key {path} is not hexadecimal text") from error
        if mode & 0o077:
            raise RecordError(
                f"the signing key {path} can be read by others (mode {mode:03o}): "
                "`chmod 600` it, and rotate it if others had access"
            )
        if len(seed) != _SEED_BYTES:
            raise RecordError(f"the signing key {path} has {len(seed)} bytes, not {_SEED_BYTES}")
        return SigningKey.from_seed(origin, seed)
