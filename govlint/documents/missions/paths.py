"""Paths in a mission: where they lead once normalised, and whether two may be one.

Relative to the workspace, which nothing leaves. Judged is what the path becomes, so
`out/../a.txt` stays inside and `%2e%2e/a` does not; `a..b` is a name like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from govlint.documents.missions.mission import Mission, Step

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|$)|[A-Za-z]:")
_SCHEME = re.compile(r"file:", re.I)
_PLACEHOLDER = "\x1a"  # stands for a template, as one part of a name
_DECODINGS = 4


class Access(NamedTuple):
    """A path that a step reads or writes: where it is written down, and its normal form."""

    step: Step
    pointer: str
    path: str
    writes: bool


def escape(path: str) -> str | None:
    """Why a path leaves the workspace; None where it stays."""
    plain = _TEMPLATE.sub(_PLACEHOLDER, path.strip())
    if "\0" in plain:
        return "it holds a null byte, at which a system call ends the path"
    for form in _forms(plain):
        reason = _leaves(form)
        if reason is not None:
            written = "" if form == plain else f" (it reads `{_shown(form)}` once decoded)"
            return reason + written
    return None


def _forms(path: str) -> Iterator[str]:
    """The path as written, and what decoding and compatibility folding make of it."""
    seen = {path}
    yield path
    current = path
    for _ in range(_DECODINGS):
        current = unicodedata.normalize("NFKC", unquote(current))
        if current in seen:
            return
        seen.add(current)
        yield current


def _leaves(path: str) -> str | None:
    slashed = path.replace("\\", "/")
    if _SCHEME.match(slashed):
        return "it is a `file:` address, not a path in the workspace"
    if slashed.startswith("/"):
        return "it is absolute"
    if _DRIVE.match(slashed):
        return "it names a drive"
    if slashed.startswith("~"):
        name = slashed[1:].partition("/")[0]
        if not name or "/" in slashed or name.isidentifier():
            return "`~` is a home directory"
    depth = 0
    for part in slashed.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return "it climbs out with `..`"
        elif part not in ("", "."):
            depth += 1
    return None


def _shown(path: str) -> str:
    return path.replace(_PLACEHOLDER, "{{…}}")


@lru_cache(maxsize=65536)
def normal(path: str) -> str:
    """The normal form: one slash, no `.`, `..` resolved; templates stay as they are."""
    kept: list[str] = []
    held = _TEMPLATE.findall(path)
    plain = _TEMPLATE.sub(_PLACEHOLDER, path.strip()).replace("\\", "/")
    for part in plain.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and kept and kept[-1] != ".." and _PLACEHOLDER not in kept[-1]:
            kept.pop()
        else:
            kept.append(part)
    text = "/".join(kept)
    names = iter(re.sub(r"\s+", "", name) for name in held)
    return re.sub(_PLACEHOLDER, lambda _: next(names, "{{}}"), text)


def accesses(mission: Mission) -> Iterator[Access]:
    """What the steps read and write in the workspace, sub-steps included."""
    for step in mission.every_step:
        for name, value in step.parameters.items():
            roles = step.roles(name)
            if not isinstance(value, str) or not value.strip():
                continue
            reads, writes = "path-read" in roles, "path-write" in roles
            if reads or writes:
                pointer = f"{step.pointer}/parameters/{name}"
                yield Access(step, pointer, normal(value), writes)


def pattern(path: str) -> re.Pattern[str] | None:
    """What a path with templates may be; None where it has none, or nothing but templates."""
    if "{{" not in path:
        return None
    literal = _TEMPLATE.sub("", path)
    if not re.search(r"[^\W_]", literal.rpartition("/")[2]):
        return None
    parts = _TEMPLATE.split(path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def may_be_one(first: str, second: str) -> bool:
    """Whether two normal paths, one of them with templates, may name one file."""
    if first == second:
        return True
    one, other = pattern(first), pattern(second)
    if one is not None and "{{" not in second:
        return one.fullmatch(second) is not None
    if other is not None and "{{" not in first:
        return other.fullmatch(first) is not None
    if one is None or other is None:
        return False
    return _TEMPLATE.sub("{{}}", first) == _TEMPLATE.sub("{{}}", second)
