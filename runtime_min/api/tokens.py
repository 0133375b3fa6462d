"""Bearer tokens, bound to a principal, a tenant and roles. Only their digests are kept."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import Principal
from runtime_min.kernel.errors import RuntimeMinError, ValidationFailed
from runtime_min.kernel.ports import Clock, Disk, Randomness

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class TokenStore:
    """Tokens of one runtime, in a file with mode 0600."""

    def __init__(self, path: Path, disk: Disk, clock: Clock, randomness: Randomness) -> None:
        self._path = path
        self._disk = disk
        self._clock = clock
        self._randomness = randomness

    def issue(self, principal: Principal, days: int) -> str:
        """A new token for `principal`, valid for so many days; it is shown this once."""
        if not _NAME.fullmatch(principal.tenant):
            raise ValidationFailed(f"{principal.tenant!r} cannot name a tenant")
        if not 1 <= days <= 366:
            raise ValidationFailed(f"{days} days: accepted are 1 to 366")
        token = f"rtm_{self._randomness.bytes(32).hex()}"
        entries = self._read()
        entries[_digest(token)] = {
            **principal.as_json(),
            "expires_ns": str(self._clock.now_ns() + days * 86_400_000_000_000),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(entries, indent=2, sort_keys=True) + "\n"
        self._disk.replace(self._path, text.encode(), 0o600)
        return token

    def principal(self, token: str) -> tuple[Principal, int] | None:
        """Whose token it is and when it ends (wall time, ns); None for one that does not hold.

        The token is looked up by its digest, so no comparison leaks how much of it was right.
        """
        entry = self._read().get(_digest(token))
        if entry is None or int(entry["expires_ns"]) <= self._clock.now_ns():
            return None
        who = Principal(entry["id"], entry["tenant"], tuple(entry["roles"]))
        return who, int(entry["expires_ns"])

    def tenants(self) -> set[str]:
        return {entry["tenant"] for entry in self._read().values()}

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self._disk.read(self._path))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RuntimeMinError(
                f"the token file {self._path} cannot be read: {error}", "tokens-unusable"
            ) from error
        if not isinstance(value, dict):
            raise RuntimeMinError(f"the token file {self._path} is no object", "tokens-unusable")
        return value


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
