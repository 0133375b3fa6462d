"""The Merkle tree of RFC 6962 section 2.1: roots, inclusion and consistency proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data): the first byte keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; the empty tree's is SHA-256 of nothing."""
    tree = GrowingRoot()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(index, leaves) of RFC 6962 section 2.1.1, from the leaf upwards."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is not in a tree of {len(leaves)}")
    proof: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(root(leaves[middle:high]))
            high = middle
        else:
            proof.append(root(leaves[low:middle]))
            low = middle
    proof.reverse()
    return proof


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """PROOF(old_size, leaves) of RFC 6962 section 2.1.2; empty for the whole tree and for none."""
    if not 0 <= old_size <= len(leaves):
        raise ValueError(f"a tree of {len(leaves)} was never one of {old_size}")
    if old_size == 0:
        return []
    return _subproof(leaves, old_size, True)


def _subproof(leaves: Sequence[bytes], old_size: int, whole: bool) -> list[bytes]:
    size = len(leaves)
    if old_size == size:
        return [] if whole else [root(leaves)]
    split = _split(size)
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, False), root(leaves[:split])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


class GrowingRoot:
    """A root that grows a leaf at a time and keeps one hash a level."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []  # (leaves below, hash), largest first
        self.size = 0

    def add(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        self.size += 1
        width, top = 1, leaf
        while self._peaks and self._peaks[-1][0] == width:
            top = node_hash(self._peaks.pop()[1], top)
            width *= 2
        self._peaks.append((width, top))

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        top = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            top = node_hash(peak, top)
        return top
