"""C2SP signed notes, checkpoints, cosignatures and inclusion proofs, read strictly.

Sources: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature (v1, Ed25519), tlog-proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.receipts.faults import Malformed
from govlint.receipts.keys import (
    COSIGNATURE,
    SigningKey,
    VerifierKey,
    is_key_name,
    tobase64,
    unbase64,
)
from govlint.receipts.merkle import HASH_BYTES

MAX_NOTE = 1 << 18
MAX_SIZE = 2**53 - 1
_MAX_SIGNATURES = 64
_MAX_PROOF = 63  # hashes: enough for any tree
_DASH = "\u2014 "
_PROOF = "c2sp.org/tlog-proof@v1"
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One signature line: who says to have signed, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes
    number: int


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it; nothing in it is to be believed before they are."""

    text: bytes
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head. `note` carries the signatures."""

    origin: str
    size: int
    root: bytes
    note: Note


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Where a leaf stands, and the head of the tree it stands in."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint


def read_note(data: bytes) -> Note:
    """Read a signed note. Raises Malformed."""
    if len(data) > MAX_NOTE:
        raise Malformed(f"has {len(data)} bytes; a note has at most {MAX_NOTE}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("is not UTF-8") from None
    if any(ord(c) < 32 and c != "\n" for c in text):
        raise Malformed("holds a control character; a note has none but the line end")
    head, empty, tail = text.rpartition("\n\n")
    if not empty or not tail.endswith("\n"):
        raise Malformed("is no signed note: a text, an empty line, then lines of signatures")
    first = head.count("\n") + 3
    lines = tuple(
        _signature_line(line, number) for number, line in enumerate(tail[:-1].split("\n"), first)
    )
    if len(lines) > _MAX_SIGNATURES:
        raise Malformed(f"has {len(lines)} signatures; at most {_MAX_SIGNATURES} are read")
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise Malformed("has two signatures of one key")
    return Note(f"{head}\n".encode(), lines)


def _signature_line(line: str, number: int) -> Line:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_key_name(name):
        raise Malformed(f"line {number} is no signature line: those are '\u2014 name base64'")
    data = unbase64(encoded)
    if len(data) <= 4:
        raise Malformed(f"line {number} has a signature of no bytes")
    return Line(name, data[:4], data[4:], number)


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint of three lines and its signatures. Raises Malformed."""
    note = read_note(data)
    parts = note.text.decode("utf-8").split("\n")
    if len(parts) != 4 or not parts[0]:
        raise Malformed("is no checkpoint: its text has the lines origin, size and root")
    origin, size, encoded, _ = parts
    root = unbase64(encoded)
    if len(root) != HASH_BYTES:
        raise Malformed("has a root that is no SHA-256")
    return Checkpoint(origin, read_number(size, "size"), root, note)


def read_number(text: str, what: str) -> int:
    """A decimal number without leading zeros, below 2**53. Raises Malformed."""
    if not text.isascii() or not text.isdigit() or len(text) > 16 or (text[0] == "0" != text):
        raise Malformed(f"{text[:40]!r} is no {what}: a decimal number without leading zeros")
    if int(text) > MAX_SIZE:
        raise Malformed(f"{text} is no {what}: it is not below 2**53")
    return int(text)


def read_inclusion_proof(data: bytes) -> InclusionProof:
    """Read a C2SP tlog-proof. Raises Malformed."""
    head, empty, checkpoint = data[: MAX_NOTE + 1].partition(b"\n\n")
    try:
        lines = head.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Malformed("is not UTF-8") from None
    if not empty or len(lines) < 2 or lines[0] != _PROOF or not lines[1].startswith("index "):
        raise Malformed(f"is no inclusion proof: it begins with {_PROOF!r} and 'index N'")
    index = read_number(lines[1].removeprefix("index "), "index")
    return InclusionProof(index, read_hashes(lines[2:]), read_checkpoint(checkpoint))


def read_hashes(lines: Iterable[str]) -> tuple[bytes, ...]:
    """The hashes of a proof, a line each. Raises Malformed."""
    hashes = tuple(unbase64(line) for line in lines)
    if len(hashes) > _MAX_PROOF or any(len(value) != HASH_BYTES for value in hashes):
        raise Malformed(f"has a proof that is not of at most {_MAX_PROOF} SHA-256 hashes")
    return hashes


def has_signed(note: Note, key: VerifierKey) -> bool | None:
    """Whether `key` signed the note; None where no line claims to be of that key."""
    for line in note.lines:
        if (line.name, line.key_id) == (key.name, key.key_id):
            return key.verifies(line.signature, note.text)
    return None


def cosigned_at(note: Note, key: VerifierKey) -> int | None:
    """When a witness cosigned (POSIX seconds), None where no line claims it. Raises Malformed."""
    for line in note.lines:
        if (line.name, line.key_id) == (key.name, key.key_id):
            time = int.from_bytes(line.signature[:_TIME_BYTES], "big")
            signature = line.signature[_TIME_BYTES:]
            if not key.verifies(signature, _cosigned(time, note.text)):
                raise Malformed(f"the cosignature of the witness {key.name} does not fit the text")
            return time
    return None


def _cosigned(time: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def signature_line(key: SigningKey, text: bytes, time: int = 0) -> str:
    """The line by which `key` signs a note's text; a witness also says when."""
    if key.kind == COSIGNATURE:
        signature = time.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(time, text))
    else:
        signature = key.sign(text)
    return f"{_DASH}{key.name} {tobase64(key.verifier.key_id + signature)}\n"


def write_checkpoint(origin: str, size: int, root: bytes, key: SigningKey) -> bytes:
    """A checkpoint signed by its log."""
    text = f"{origin}\n{size}\n{tobase64(root)}\n".encode()
    return text + b"\n" + signature_line(key, text).encode()


def write_inclusion_proof(index: int, hashes: Iterable[bytes], checkpoint: bytes) -> bytes:
    """A tlog-proof around a signed checkpoint."""
    lines = "".join(f"{tobase64(value)}\n" for value in hashes)
    return f"{_PROOF}\nindex {index}\n{lines}\n".encode() + checkpoint
