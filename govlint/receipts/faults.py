"""What is wrong with a receipt, and what could not be decided: the values that checks exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from govlint.errors import IncompleteError

# one word a rule of the pack `receipts`; a page names its word as the param `fault`
KINDS = (
    "malformed",
    "chain",
    "signature",
    "gate",
    "transition",
    "trace",
    "tenant",
    "ledger",
    "capability",
    "evidence",
    "metrics",
    "replay",
    "saga",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what kind, where (line from 1), and which rule's word it is.

    `weak` marks what a record admits itself: a warning, not an error.
    """

    kind: str
    message: str
    path: str
    line: int = 1
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Undecided:
    """Something that could not be read or decided; `kind` is one of `model.Problem`."""

    kind: str
    message: str
    path: str


@dataclass(slots=True)
class Report:
    """What was found in everything that was looked at.

    `bundles` are the runs that were judged, `limits` what could not have been seen, each a
    sentence for people; `properties` are the words for a signed verdict.
    """

    faults: list[Fault] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    files: int = 0
    bundles: int = 0
    ledgers: int = 0
    events: int = 0
    limits: dict[str, None] = field(default_factory=dict)

    def add(self, kind: str, message: str, path: str, line: int = 1) -> None:
        """Note a fault, once."""
        fault = Fault(kind, message, path, line)
        if fault not in self.faults:
            self.faults.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault not in self.faults:
                self.faults.append(fault)

    @property
    def clean(self) -> bool:
        return not self.faults and not self.undecided


class Malformed(ValueError):
    """Bytes that are not what the format says; the message says what is wrong with them."""


class MissingLibrary(IncompleteError):
    """Signatures cannot be checked: nothing is decided, so nothing passes."""
