"""A tenant's log: every receipt there is, so that a whole run cannot go missing unseen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from govlint.receipts.canonical import MAX_LINE, canonical, parse
from govlint.receipts.faults import Fault, Malformed
from govlint.receipts.files import lines_of, open_file, read_file
from govlint.receipts.format import schema_fault
from govlint.receipts.keys import ED25519, read_vkey, unbase64
from govlint.receipts.merkle import EMPTY_ROOT, Tree, leaf_hash
from govlint.receipts.notes import MAX_NOTE, Checkpoint, read_checkpoint
from govlint.receipts.policy import Policy
from govlint.receipts.ring import Ring, Rotation
from govlint.receipts.signatures import checkpoint_fault, witness_fault

LOG, CHECKPOINT = "log.jsonl", "checkpoint"
_ROTATION = b"runtime-min key.rotated v1\n"  # what both keys sign begins with it


@dataclass
class TenantLog:
    """What a tenant's log came to. `receipts` maps a run to its leaf and the leaf's line."""

    path: str
    leaves: list[bytes] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    receipts: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    rotations: list[Rotation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    unwitnessed: str = ""  # what is wrong with its cosignatures
    times: dict[str, int] = field(default_factory=dict)  # witness → when it saw the checkpoint

    @property
    def sound(self) -> bool:
        return not self.faults

    @cached_property
    def roots(self) -> list[bytes]:
        """The roots that the log has had, by its size; made once, as many bundles ask."""
        tree, roots = Tree(), [EMPTY_ROOT]
        for leaf in self.leaves:
            tree.add(leaf)
            roots.append(tree.root())
        return roots

    def root_at(self, size: int) -> bytes:
        """The root that the log had with so many leaves."""
        return self.roots[size]

    def previous_receipt(self, index: int) -> str | None:
        """The digest of the receipt before the leaf at `index`."""
        for entry in reversed(self.entries[:index]):
            if entry["type"] == "receipt":
                return str(entry["sha256"])
        return None


def read_tenant_log(folder: str, policy: Policy) -> TenantLog:
    """Read and check `log.jsonl` and `checkpoint` of a tenant's folder. Raises Unreadable."""
    log = TenantLog(os.path.join(folder, LOG))

    def say(kind: str, message: str, line: int = 1, path: str = log.path) -> None:
        log.faults.append(Fault(kind, message, path, line))

    try:
        with open_file(log.path) as stream:
            _read_leaves(lines_of(stream, MAX_LINE), log, say)
    except FileNotFoundError:
        say("chain", "the tenant's log is missing: consistent with the deletion of its runs")
    except Malformed as error:
        say("malformed", f"this line or file {error}", len(log.leaves) + 1)
    ring = Ring(policy, log.rotations)
    path = os.path.join(folder, CHECKPOINT)
    try:
        checkpoint = log.checkpoint = read_checkpoint(read_file(path, MAX_NOTE))
    except FileNotFoundError:
        say("signature", "the signed head of the tenant's log is missing", 1, path)
        return log
    except Malformed as error:
        say("malformed", f"this checkpoint {error}", 1, path)
        return log
    name = checkpoint.origin
    fault = checkpoint_fault(checkpoint, name, ring, lambda key: key.covers_size(checkpoint.size))
    if fault:
        say("signature", f"this checkpoint {fault}", 1, path)
        return log
    if log.sound:
        _compare(log, checkpoint, say)
    log.unwitnessed, log.times = witness_fault(checkpoint, ring)
    if log.unwitnessed:
        say("signature", f"this checkpoint {log.unwitnessed}", 1, path)
    return log


def _read_leaves(lines: Iterable[bytes], log: TenantLog, say: Any) -> None:
    """Read leaves up to the first that is wrong."""
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            say("chain", "this last line has no end: consistent with a file that was cut", number)
            return
        try:
            entry = parse(line[:-1])
        except Malformed as error:
            say("malformed", f"this line {error}", number)
            return
        fault = schema_fault("tenant-leaf", entry)
        if fault:
            say("malformed", f"this line is no leaf of the published schema: {fault}", number)
            return
        first = log.entries[0] if log.entries else entry
        if entry["tenant"] != first["tenant"]:
            said = f"this leaf is of tenant {entry['tenant']}: consistent with a splice"
            say("chain", said, number)
            return
        if entry["index"] != number - 1:
            say("chain", _misplaced(entry["index"], number - 1), number)
            return
        if entry["type"] == "receipt":
            if entry["run"] in log.receipts:
                before = log.receipts[entry["run"]][1]
                said = f"run {entry['run']} has a receipt in line {before} already: consistent"
                say("chain", f"{said} with a fork", number)
                return
            log.receipts[entry["run"]] = entry, number
        elif entry["type"] == "key.rotated" and not _take_rotation(entry, log, number, say):
            return
        log.leaves.append(leaf_hash(line[:-1]))
        log.entries.append(entry)


def _misplaced(found: int, due: int) -> str:
    if found > due:
        gone = f"{found - due} line{'s' if found - due > 1 else ''}"
        return f"leaf {found} stands where {due} is due: consistent with the deletion of {gone}"
    return f"leaf {found} stands where {due} is due: consistent with an insertion or a reordering"


def _take_rotation(entry: dict[str, Any], log: TenantLog, number: int, say: Any) -> bool:
    try:
        old, new = read_vkey(entry["old"], ED25519), read_vkey(entry["new"], ED25519)
        signatures = {k: unbase64(text) for k, text in entry["signatures"].items()}
    except Malformed as error:
        say("malformed", f"this rotation of a key: {error}", number)
        return False
    body = {key: value for key, value in entry.items() if key != "signatures"}
    signed = _ROTATION + canonical(body)
    for which, key in (("old", old), ("new", new)):
        if not key.verifies(signatures[which], signed):
            said = f"the {which} key did not sign this rotation: consistent with a key slipped in"
            say("signature", said, number)
            return False
    if old.name != new.name or old == new:
        say("signature", "a rotation is between two keys of one name", number)
        return False
    log.rotations.append(Rotation(entry["index"], old, new))
    return True


def _compare(log: TenantLog, checkpoint: Checkpoint, say: Any) -> None:
    """Hold the leaves against the signed head."""
    size = len(log.leaves)
    if size < checkpoint.size:
        gone = checkpoint.size - size
        said = f"the log ends after {size} leaves and {checkpoint.size} were signed: consistent"
        say("chain", f"{said} with the end being cut off ({gone} gone)", max(size, 1))
    elif size > checkpoint.size:
        said = f"the log has {size} leaves and {checkpoint.size} were signed: consistent with"
        say("chain", f"{said} lines added, or with an old checkpoint", checkpoint.size + 1)
    elif log.root_at(size) != checkpoint.root:
        said = "the lines are not those whose root was signed: consistent with an edit of a line"
        say("chain", said, 1)
