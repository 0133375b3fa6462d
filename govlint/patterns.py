"""Path patterns of the configuration: `exclude`, `per-path`, in gitignore's manner.

A pattern without a slash names a file or folder at any depth; one with a slash is
anchored at the project's root. `*` and `?` stay within one part, `**` crosses parts. A
pattern that names a folder means all that is below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WILD = re.compile(r"[*?\[]")


def translate(pattern: str) -> str:
    """Translate one pattern to a regular expression over a path relative to the root.

    Raises ValueError for an empty pattern or a character class without an end.
    """
    body = pattern.strip().replace("\\", "/")
    while body.startswith("./"):
        body = body[2:]
    body = body.rstrip("/")
    anchored = "/" in body
    body = body.lstrip("/")
    if not body:
        raise ValueError("an empty pattern matches nothing")
    parts = []
    i = 0
    while i < len(body):
        if body.startswith("**/", i):
            parts.append("(?:[^/]+/)*")
            i += 3
        elif body.startswith("**", i):
            parts.append(".*")
            i += 2
        elif body[i] == "*":
            parts.append("[^/]*")
            i += 1
        elif body[i] == "?":
            parts.append("[^/]")
            i += 1
        elif body[i] == "[":
            end = body.find("]", i + 2)
            if end < 0:
                raise ValueError(f"'[' without ']' in {pattern!r}")
            inner = body[i + 1 : end].replace("\\", "\\\\")
            parts.append("[" + ("^" + inner[1:] if inner[0] == "!" else inner) + "]")
            i = end + 1
        else:
            parts.append(re.escape(body[i]))
            i += 1
    prefix = "" if anchored else "(?:.*/)?"
    return f"{prefix}{''.join(parts)}(?:/.*)?"


class PathPatterns:
    """A set of patterns, compiled once; plain names are kept apart because they are fast."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.names: set[str] = set()
        rest = []
        for pattern in patterns:
            if _WILD.search(pattern) or "/" in pattern.rstrip("/") or "\\" in pattern:
                rest.append(translate(pattern))
            else:
                self.names.add(pattern.rstrip("/"))
        self._regex = re.compile("|".join(f"(?:{part})" for part in rest), re.S) if rest else None

    def match_entry(self, name: str, path: str) -> bool:
        """Say whether the entry `name` at `path` matches, its parents known not to."""
        return name in self.names or (
            self._regex is not None and self._regex.fullmatch(path) is not None
        )

    def match(self, path: str) -> bool:
        """Say whether `path` (relative to the root, forward slashes) or a parent matches."""
        if self.names and not self.names.isdisjoint(path.split("/")):
            return True
        return self._regex is not None and self._regex.fullmatch(path) is not None
