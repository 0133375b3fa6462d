"""Pins: what a verifier has seen of a log, kept by the verifier itself (in CI: beside the code).

A log is append-only, so whatever was seen once has to be the beginning of what is seen later.
That shows what no bundle shows by itself: a history that the holder of the key wrote again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from govlint.errors import UsageError
from govlint.files import write_atomic

FORMAT = "govlint.pins/1"
_MAX_BYTES = 256 << 20
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A tree head that was seen: `time` (POSIX seconds) is when, `receipt` a run's receipt."""

    size: int
    root: str
    time: int
    receipt: str = ""

    def as_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"root": self.root, "size": self.size, "time": self.time}
        return {**row, "receipt": self.receipt} if self.receipt else row


class Pins:
    """The pins of one file. They are written back only after everything was found right."""

    def __init__(self, path: str, known: dict[str, Pin], is_new: bool) -> None:
        self.path, self.is_new = path, is_new
        self._known = known
        self._seen: dict[str, Pin] = {}

    @classmethod
    def load(cls, path: str) -> Pins:
        """Read the file; one that is not there has no pins yet. Raises UsageError."""
        try:
            with open(path, "rb") as stream:
                data = stream.read(_MAX_BYTES)
        except FileNotFoundError:
            return cls(path, {}, True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"the pins {path} cannot be read: {reason}") from None
        try:
            value = json.loads(data)
            if value["format"] != FORMAT:
                raise ValueError(f"its format is {value['format']!r}")
            known = {str(origin): _read_pin(row) for origin, row in value["pins"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            said = " ".join(str(error).split())[:200]
            raise UsageError(f"{path} holds no pins ({FORMAT}): {said}") from None
        return cls(path, known, False)

    def of(self, origin: str) -> Pin | None:
        """What was seen of a log before this run of the verifier."""
        return self._known.get(origin)

    def see(self, origin: str, pin: Pin) -> None:
        """Note what is seen now; the largest tree of a log is the one that counts."""
        for known in (self._known.get(origin), self._seen.get(origin)):
            if known is not None and known.size >= pin.size:
                return
        self._seen[origin] = pin

    def save(self) -> int:
        """Write what is new; the number of pins there are then. Raises UsageError."""
        pins = {**self._known, **self._seen}
        rows = {origin: pins[origin].as_json() for origin in sorted(pins)}
        text = json.dumps({"format": FORMAT, "pins": rows}, indent=1, ensure_ascii=False)
        if self._seen or self.is_new:
            try:
                write_atomic(self.path, text.encode("utf-8", "surrogatepass") + b"\n")
            except OSError as error:
                reason = error.strerror or str(error)
                raise UsageError(f"the pins {self.path} cannot be written: {reason}") from None
        return len(pins)


def _read_pin(row: Any) -> Pin:
    size, root, time, receipt = row["size"], row["root"], row["time"], row.get("receipt", "")
    if type(size) is not int or type(time) is not int or size < 0:
        raise ValueError("a size or a time is no whole number")
    if not _HEX.fullmatch(root) or (receipt and not _HEX.fullmatch(receipt)):
        raise ValueError("a digest is not 64 hexadecimal digits")
    return Pin(size, root, time, receipt)
