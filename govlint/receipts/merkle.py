"""The Merkle tree of RFC 6962 and RFC 9162, from a verifier's side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A root that grows with its leaves: a binary counter with a hash for each digit set."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._digits: list[bytes] = []  # of the complete subtrees, largest first
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Append a leaf by its hash."""
        size, digits = self.size, self._digits
        while size & 1:
            leaf = sha256(b"\x01" + digits.pop() + leaf).digest()
            size >>= 1
        digits.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._digits:
            return EMPTY_ROOT
        rest = self._digits[:-1]
        root = self._digits[-1]
        while rest:
            root = _node(rest.pop(), root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    return Tree(leaves).root()


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162 section 2.1.3.2: `leaf` stands at `index` of the tree of `size` with `root`."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = _node(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = _node(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def proves_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """RFC 9162 section 2.1.4.2: the tree of `new` leaves begins with that of `old`.

    Any tree begins with the empty one, and with itself: for both the proof is empty.
    """
    if not 0 <= old <= new or not _are_hashes([old_root, new_root, *proof]):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:  # a complete tree is a node of the new one
        path.insert(0, old_root)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = _node(step, first), _node(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = _node(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All nodes, leaves first; a last one without a sibling goes up as it is."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        paired = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(paired + below[len(paired) * 2 :])
    return levels


def inclusion_proof(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The hashes that prove a leaf, from its sibling up. Raises IndexError for no leaf."""
    if not 0 <= index < len(levels[0]):
        raise IndexError(f"there is no leaf {index} among {len(levels[0])}")
    proof = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return proof


def consistency_proof(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """The hashes that prove that a tree of `old` leaves is the beginning of that of `leaves`."""
    if not 0 <= old <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} never had {old} leaves")
    proof: list[bytes] = []
    start, end, complete = 0, len(leaves), True
    if old in (0, end):
        return proof
    while old != end:  # every turn names the part that the other way does not lead into
        middle = start + _complete(end - start)
        if old <= middle:
            proof.append(root_of(leaves[middle:end]))
            end = middle
        else:
            proof.append(root_of(leaves[start:middle]))
            start, complete = middle, False
    if not complete:
        proof.append(root_of(leaves[start:end]))
    return proof[::-1]


def _complete(size: int) -> int:
    """The largest power of two below `size`, which is above 1."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
