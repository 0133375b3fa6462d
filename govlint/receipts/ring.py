"""Which keys count, and up to where: those of the policy, and what rotations handed over to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from govlint.receipts.keys import VerifierKey
from govlint.receipts.policy import Policy


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key; `until` is the index of the tenant log's leaf that handed over from it, if one did.

    Its signatures count in checkpoints of at most that size and in receipts below that index.
    """

    key: VerifierKey
    until: int | None = None

    def covers_size(self, size: int) -> bool:
        return self.until is None or size <= self.until

    def covers_index(self, index: int) -> bool:
        return self.until is None or index < self.until


@dataclass(frozen=True, slots=True)
class Rotation:
    """A hand-over that both keys signed."""

    index: int
    old: VerifierKey
    new: VerifierKey


class Ring:
    """The keys that are trusted for one log."""

    def __init__(self, policy: Policy, rotations: Sequence[Rotation] = ()) -> None:
        self.policy = policy
        self._keys = [TrustedKey(key) for key in policy.logs]
        for rotation in rotations:
            self._take(rotation)
        for rotation in reversed(rotations):  # a key that is trusted vouches for the one before
            self._take(rotation)

    def _take(self, rotation: Rotation) -> None:
        old, new = self._find(rotation.old), self._find(rotation.new)
        if old is None and new is None:
            return
        if new is None:
            self._keys.append(TrustedKey(rotation.new))
        if old is None:
            self._keys.append(TrustedKey(rotation.old, rotation.index))
        elif old.until is None:
            self._keys[self._keys.index(old)] = replace(old, until=rotation.index)

    def _find(self, key: VerifierKey) -> TrustedKey | None:
        return next((known for known in self._keys if known.key == key), None)

    def of(self, name: str) -> list[TrustedKey]:
        """The keys that sign for the log of this name."""
        return [trusted for trusted in self._keys if trusted.key.name == name]

    @property
    def names(self) -> list[str]:
        """The logs that are trusted."""
        return sorted({trusted.key.name for trusted in self._keys})
