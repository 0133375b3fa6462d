"""The trust policy: which logs are believed, and which witnesses have to have seen them.

Format: c2sp.org/tlog-policy. It is kept by the verifier, never taken from a bundle.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256

from govlint.errors import ConfigError, UsageError
from govlint.receipts.faults import Malformed
from govlint.receipts.keys import COSIGNATURE, ED25519, VerifierKey, read_vkey
from govlint.receipts.notes import Note, cosigned_at

DEFAULT = os.path.join(".govlint", "trust.policy")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom to believe. `groups` maps a name to how many of which members it takes."""

    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, VerifierKey]
    groups: dict[str, tuple[int, tuple[str, ...]]]
    quorum: str
    source: str = ""
    digest: str = ""

    def keys_of(self, name: str) -> tuple[VerifierKey, ...]:
        """The keys that may sign for the log of this name."""
        return tuple(key for key in self.logs if key.name == name)

    @property
    def wants_witnesses(self) -> bool:
        return self.quorum != "none"

    def cosigned(self, note: Note) -> dict[str, int]:
        """The witnesses that cosigned a checkpoint, and when. Raises Malformed for a false one."""
        times = {}
        for name, key in self.witnesses.items():
            time = cosigned_at(note, key)
            if time is not None:
                times[name] = time
        return times

    def is_met(self, cosigned: dict[str, int]) -> bool:
        """Whether these witnesses are enough."""
        return not self.wants_witnesses or self._witnessed(self.quorum, cosigned)

    def _witnessed(self, name: str, cosigned: dict[str, int]) -> bool:
        if name not in self.groups:
            return name in cosigned
        needed, members = self.groups[name]
        return sum(self._witnessed(member, cosigned) for member in members) >= needed


def read_policy(data: bytes, source: str) -> Policy:
    """Read a policy. Raises ConfigError with the line of the first fault."""
    logs: list[VerifierKey] = []
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    members: set[str] = set()
    quorum = ""

    def fault(number: int, message: str) -> ConfigError:
        return ConfigError(f"{source}:{number}: {message}")

    if any((byte < 32 and byte not in b"\t\n") or byte == 127 for byte in data):
        number = next(
            i for i, byte in enumerate(data) if (byte < 32 and byte not in b"\t\n") or byte == 127
        )
        raise fault(data.count(b"\n", 0, number) + 1, "a trust policy has no control characters")
    text = data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        verb, rest = words[0], words[1:]
        try:
            if verb == "log" and len(rest) in (1, 2):
                key = read_vkey(rest[0], ED25519)
                if any(key.public == other.public for other in logs):
                    raise Malformed("this log's key is listed already")
                logs.append(key)
            elif verb == "witness" and len(rest) in (2, 3):
                key = read_vkey(rest[1], COSIGNATURE)
                _take_name(rest[0], witnesses, groups)
                if any(key.public == other.public for other in witnesses.values()):
                    raise Malformed("this witness's key is listed already")
                witnesses[rest[0]] = key
            elif verb == "group" and len(rest) >= 3:
                name, needed, named = rest[0], rest[1], rest[2:]
                _take_name(name, witnesses, groups)
                for member in named:
                    if member not in witnesses and member not in groups:
                        raise Malformed(f"{member!r} is defined on no line before this one")
                    if member in members:
                        raise Malformed(f"{member!r} is a member already; it counts once")
                    members.add(member)
                groups[name] = _threshold(needed, len(named)), tuple(named)
            elif verb == "quorum" and len(rest) == 1:
                if quorum:
                    raise Malformed("there is a second quorum line")
                if rest[0] != "none" and rest[0] not in witnesses and rest[0] not in groups:
                    raise Malformed(f"{rest[0]!r} is defined on no line before this one")
                quorum = rest[0]
            else:
                raise Malformed(
                    f"{' '.join(words)[:80]!r} is none of 'log VKEY', 'witness NAME VKEY',"
                    " 'group NAME N|any|all MEMBER…', 'quorum NAME|none'"
                )
        except Malformed as error:
            raise fault(number, str(error)) from None
    if not quorum:
        raise fault(max(text.count("\n"), 1), "the quorum line is missing ('quorum none')")
    digest = sha256(data).hexdigest()
    return Policy(tuple(logs), witnesses, groups, quorum, source, digest)


def _take_name(
    name: str, witnesses: dict[str, VerifierKey], groups: dict[str, tuple[int, tuple[str, ...]]]
) -> None:
    if name == "none" or name in witnesses or name in groups:
        raise Malformed(f"the name {name!r} is taken")


def _threshold(word: str, members: int) -> int:
    if word in ("any", "all"):
        return 1 if word == "any" else members
    if not word.isascii() or not word.isdigit() or not 1 <= int(word[:9]) <= members:
        raise Malformed(f"{word[:20]!r} is no number from 1 to {members}, nor any or all")
    return int(word)


def load_policy(path: str) -> Policy:
    """Read a policy file. Raises UsageError where it cannot be read, ConfigError for a fault."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the trust policy {path} cannot be read: {reason}") from None
    if len(data) > _MAX_BYTES:
        raise UsageError(f"the trust policy {path} has more than {_MAX_BYTES} bytes")
    return read_policy(data, path)


def policy_of_keys(keys: tuple[str, ...]) -> Policy:
    """The policy that trusts these verifier keys. Raises UsageError for one that is none."""
    try:
        logs = tuple(read_vkey(key.strip(), ED25519) for key in keys)
    except Malformed as error:
        raise UsageError(f"--key: {error}") from None
    digest = sha256("\n".join(key.text for key in logs).encode()).hexdigest()
    return Policy(logs, {}, {}, "none", "--key", digest)


def find_policy(start: str) -> str | None:
    """The policy that is used when none is named: the working directory's, else that of a
    folder above it, up to the repository's."""
    folder = os.path.realpath(start)
    while True:
        path = os.path.join(folder, DEFAULT)
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder or os.path.exists(os.path.join(folder, ".git")):
            return None
        folder = above
