"""What a verifier was asked: whom to trust, whose run to expect, what it has seen before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from govlint.errors import UsageError
from govlint.receipts.pins import Pins
from govlint.receipts.policy import Policy

EXPECTED = ("tenant", "run", "origin")
DAY = 86_400
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Request:
    """The verifier's own knowledge; nothing in it comes from what is verified.

    `partial` says that a folder holds some runs of a tenant only. `max_delay` (seconds) is how
    long after its end a run may be sealed. `now` (POSIX seconds) is the verifier's clock.
    """

    policy: Policy
    expected: dict[str, str] = field(default_factory=dict)
    anchors: tuple[str, ...] = ()
    pins: Pins | None = None
    partial: bool = False
    max_delay: int = DAY
    now: int = 0
    mission: tuple[str, str] | None = None  # the name and SHA-256 of the mission file


def read_expected(words: Sequence[str]) -> dict[str, str]:
    """Read `--expect NAME=VALUE`. Raises UsageError."""
    expected: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in EXPECTED or not value:
            raise UsageError(f"--expect {word}: it is one of {'=…, '.join(EXPECTED)}=…")
        if expected.setdefault(name, value) != value:
            raise UsageError(f"--expect {name}: {expected[name]} and {value} cannot both be")
    return expected


def read_anchors(words: Sequence[str]) -> tuple[str, ...]:
    """Read `--anchor H`: SHA-256 digests, bare or after `sha256:`. Raises UsageError."""
    found = []
    for word in words:
        match = _DIGEST.fullmatch(word.strip().lower())
        if match is None:
            raise UsageError(
                f"--anchor {word}: is no digest; a head, root or receipt is 64 hexadecimal digits,"
                " with or without 'sha256:' before them"
            )
        found.append(match[1])
    return tuple(found)
