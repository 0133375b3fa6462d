"""Receipts on a stream: events, and behind them the signed files in the order of a bundle.

`cat events.jsonl checkpoint receipt.dsse.json tenant.tlog-proof` is one; the signed files may
be left out from the end. An event's line begins with `{`, a checkpoint's first line does not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from govlint.receipts.bundle import CHECKPOINT, MAX_RECEIPT, PROOF, RECEIPT, Bundle, read_stream
from govlint.receipts.canonical import MAX_LINE
from govlint.receipts.faults import Malformed
from govlint.receipts.files import lines_of
from govlint.receipts.notes import MAX_NOTE
from govlint.receipts.ring import Ring

_DASH = "\u2014 ".encode()
_ENVELOPE = b'{"payload":"'
_PROOF = b"c2sp.org/tlog-proof@"


def read_run(stream: BinaryIO, path: str, ring: Ring) -> Bundle:
    """Check the run on a stream. The events are kept: what signs them comes behind them."""
    events: list[bytes] = []
    data: dict[str, bytes] = {}
    fault = ""
    lines = lines_of(stream, MAX_RECEIPT)
    try:
        for line in lines:
            if not line.startswith(b"{") or line.startswith(_ENVELOPE):
                _read_signed(line, lines, data)
                break
            events.append(line)
    except Malformed as error:
        fault = f"what follows the events {error}"
    bundle = read_stream(path, lines_of(io.BytesIO(b"".join(events)), MAX_LINE), data, ring)
    if fault:
        bundle.say("malformed", fault)
    return bundle


def _read_signed(line: bytes, lines: Iterator[bytes], data: dict[str, bytes]) -> None:
    """Take the signed files apart. Raises Malformed for a second one of a kind."""
    name = ""
    parts: list[bytes] = []
    signed = False  # whether the note at hand has come to its signatures
    while line:
        kind = ""
        if line.startswith(_ENVELOPE):
            kind = RECEIPT
        elif line.startswith(_PROOF):
            kind = PROOF
        elif name in ("", RECEIPT) or (signed and not line.startswith(_DASH)):
            kind = CHECKPOINT
        if kind:
            if kind in data or kind == name:
                raise Malformed(f"has a second {kind}")
            if name:
                data[name] = b"".join(parts)
            name, parts, signed = kind, [], False
        signed = signed or line.startswith(_DASH)
        parts.append(line)
        if name != RECEIPT and len(parts) > MAX_NOTE // 64:
            raise Malformed(f"is no {name}: it has too many lines")
        line = next(lines, b"")
    data[name] = b"".join(parts)
