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
from govlint.documents.schema import load_schema

TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
# with a folder behind it, `a:b/c` is a name as most systems have them
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|[^/]*\\|[^/]*$)")
_SCHEME = re.compile(r"file:", re.I)
# signs that some systems take for a slash when they fold a name to their own characters
_SLASHES = {0x2044: "/", 0x2215: "/", 0x29F8: "/", 0x2216: "\\", 0x29F5: "\\", 0x29F9: "\\"}
# forms of `.`, `/` and `\` that are longer than UTF-8 allows, which old decoders read
_OVERLONG_OF = {"%c0%ae": ".", "%c0%af": "/", "%c1%9c": "\\", "%e0%80%af": "/", "%e0%80%ae": "."}
_OVERLONG = re.compile(f"({'|'.join(_OVERLONG_OF)})", re.I)
_PLACEHOLDER = "\x1a"  # stands for a template, as one part of a name
_DECODINGS = 4


class Access(NamedTuple):
    """A path that a step reads or writes: where it is written down, and its normal form."""

    step: Step
    pointer: str
    path: str
    writes: bool
    only: frozenset[str] | None = None  # of a folder, the files with these suffixes


def escape(path: str) -> str | None:
    """Why a path leaves the workspace; None where it stays."""
    plain = TEMPLATE.sub(_PLACEHOLDER, path.strip())
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
        decoded = _OVERLONG.sub(lambda found: _OVERLONG_OF[found[1].lower()], current)
        current = unicodedata.normalize("NFKC", unquote(decoded)).translate(_SLASHES)
        if current in seen:
            return
        seen.add(current)
        yield current


def _leaves(path: str) -> str | None:
    slashed = path.replace("\\", "/")
    if _DRIVE.match(path):
        return "it names a drive"
    if _SCHEME.match(slashed):
        return "it is a `file:` address, not a path in the workspace"
    if slashed.startswith("/"):
        return "it is absolute"
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
    held = TEMPLATE.findall(path)
    plain = TEMPLATE.sub(_PLACEHOLDER, path.strip()).replace("\\", "/")
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


# what a tool of a language reads of a folder that it works in
_SOURCES = {
    "rust": frozenset(("rs", "toml", "lock")),
    "go": frozenset(("go", "mod", "sum")),
    "node": frozenset(("js", "mjs", "cjs", "jsx", "ts", "tsx", "json", "vue", "css")),
}
_LOOKING = ("git_status", "git_diff")


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
                path = normal(value)
                only = _sources_of(step) if not path and "directory" in roles else None
                if path or only is None or only:
                    yield Access(step, pointer, path, writes, only)
        if step.kind == "git_commit" and step.parameters.get("path") is None:
            yield Access(step, step.pointer, "", False)  # it stages everything


def _sources_of(step: Step) -> frozenset[str] | None:
    """What a step reads that has the whole workspace for its folder; None where all of it.

    A linter that is told to work in `.` does not read the report that is written beside it.
    """
    if step.kind in _LOOKING:
        return frozenset()
    if "language" not in load_schema(f"steps/{step.kind}")["properties"]:
        return None
    language = step.parameters.get("language") or "rust"
    return _SOURCES.get(language) if isinstance(language, str) else None


@lru_cache(maxsize=65536)
def pattern(path: str) -> re.Pattern[str] | None:
    """What a path with templates may be; None where it has none, or nothing but templates."""
    if "{{" not in path:
        return None
    literal = TEMPLATE.sub("", path)
    if not re.search(r"[^\W_]", literal.rpartition("/")[2]):
        return None
    parts = TEMPLATE.split(path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))
