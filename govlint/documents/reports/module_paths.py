"""Whether the entries of a module scope are explicit paths (RPT007).

`external_surfaces` are names of interfaces and no paths. What the phase registry itself calls
a module (`adapter`, `cli system`) is explicit enough. Whether a path exists is asked only
where a repository was named to compare with.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from typing import Any

from govlint.documents.reports.registry import phases
from govlint.documents.reports.shape import (
    Breach,
    Text,
    names_nothing,
    plain,
    says_something,
    texts_of,
    words,
)
from govlint.documents.reports.unfilled import is_unfilled

_LISTS = ("write_modules", "read_modules")
_EXAMPLE = "state_store adapter"
_LONGEST = 1024  # characters of a path
_WILD = re.compile(r"[*?]|\{[^}]*,[^}]*\}")
_ELLIPSIS = re.compile(r"\.{3,}|…")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)
_FORBIDDEN = re.compile(r"[<>|\"\x00-\x1f]")
_FILE = re.compile(r"[^/]+\.[A-Za-z0-9]{1,8}")
_SEVERAL = re.compile(r"[,;]|\s(?:and|or|und|plus|\+|&|as well as)\s|\S\s*\+\s*\S|\s/\s")
# one word that names no place
_VAGUE = frozenset(
    "all any anything every everything everywhere various misc miscellaneous several multiple"
    " many some"
    " others other etc rest remainder relevant related affected necessary needed applicable"
    " appropriate"
    " codebase repo repository project system systems module modules stuff things files folders"
    " directories whatever unknown unspecified tbd same entire whole full nothing na different"
    " selected impacted".split()
)
_VAGUE_WORD = re.compile(
    r"(?<!\w)(?:various|several|multiple|many|some|all|every|everything|any|misc|miscellaneous|other"
    r"|others|related|relevant|affected|entire|whole|rest|etc|necessary|appropriate)(?!\w)"
)


def inexplicit(report: Any) -> Iterator[Breach]:
    """Every entry of the module scope that is no explicit path."""
    for key in _LISTS:
        for place, entry in texts_of(report, "module_scope", key) or ():
            fault = _fault(entry)
            if fault is not None and says_something(entry) and not is_unfilled(entry, place):
                shown = entry if len(entry) <= 60 else entry[:59] + "…"
                yield Breach(place, f"“{shown}” {fault}; write one path, such as src/runtime")


def is_explicit(entry: str) -> bool:
    """Whether the entry by itself is one explicit path."""
    return _fault(entry) is None


@functools.lru_cache(maxsize=1 << 16)
def _fault(entry: str) -> str | None:
    """Why an entry is no explicit path, or None where it is one."""
    text = plain(entry).strip()
    if text in _registered():
        return None
    if len(text) > _LONGEST:
        return "is too long for a path"
    if names_nothing(text) or (_normal(text) in _VAGUE and "/" not in text):
        return "is no path"
    if text.strip("./\\~ ") == "":
        return "names no module but the whole tree"
    if _URL.match(text):
        return "is an address and no path in the repository"
    if _ELLIPSIS.search(text):
        return "leaves part of the path out"
    if text.startswith("path/to/"):
        return "stands for a path and is none"
    if _WILD.search(text):
        return "is a pattern and no explicit path"
    if _FORBIDDEN.search(text):
        return "is no path"
    spaced = re.search(r"\s", text) is not None
    if _SEVERAL.search(text) and (spaced or re.search(r"[,;]", text)):
        several = len(re.findall(r"[\w.-]+/[\w./-]*", text)) > 1
        return "names several modules in one entry" if several else "is no path"
    if spaced and not _is_file_with_spaces(text):
        return "is no path"
    if not any(char.isalnum() for char in text):
        return "is no path"
    first = re.split(r"[/\\]", text)[0]
    if re.search(r"[^/\\][/\\]+[^/\\]", text) and _VAGUE_WORD.fullmatch(_last(text)):
        return "leaves part of the path out"
    if _VAGUE_WORD.fullmatch(first) and not re.search(r"[/\\]", text):
        return "is no path"
    return None


def _normal(text: str) -> str:
    return "_".join(words(text))


def _last(text: str) -> str:
    return re.split(r"[/\\]", text.rstrip("/\\"))[-1]


@functools.cache
def _registered() -> frozenset[str]:
    """What the registry calls its modules, and the protocol's own example of one."""
    names = {module.name for phase in phases().values() for module in phase.modules}
    return frozenset((*names, _EXAMPLE))


def _is_file_with_spaces(text: str) -> bool:
    """`docs/User Guide.md`: a file's own name may hold spaces; `src/security module` is prose."""
    return _FILE.fullmatch(_last(text)) is not None and re.search(r"[/\\]", text) is not None


# -- compared with a repository ------------------------------------------------------------------


def missing_modules(report: Any, root: str) -> Iterator[Breach]:
    """Every explicit path of the scope that the repository at `root` does not have."""
    for key in _LISTS:
        for entry in texts_of(report, "module_scope", key) or ():
            if not says_something(entry.value) or is_unfilled(entry.value, entry.pointer):
                continue
            if not is_explicit(entry.value) or _is_by_name(entry):
                continue
            yield from _compared(entry, root)


def _is_by_name(entry: Text) -> bool:
    """A name that the registry gives to modules that lie wherever a project has them."""
    text = plain(entry.value).strip()
    return (
        any(
            m.kind != "path" and m.name == text
            for phase in phases().values()
            for m in phase.modules
        )
        or text == _EXAMPLE
    )


def _compared(entry: Text, root: str) -> Iterator[Breach]:
    path = _as_file(entry.value)
    whole = os.path.realpath(root)
    found = os.path.realpath(os.path.join(whole, path))
    if os.path.isabs(path) or not (found + os.sep).startswith(whole.rstrip(os.sep) + os.sep):
        yield Breach(entry.pointer, f"“{entry.value}” lies outside the repository {root}")
    elif not any(os.path.exists(os.path.join(whole, each)) for each in _spellings(path)):
        hint = _nearest(whole, path)
        yield Breach(entry.pointer, f"there is no “{entry.value}” in the repository {root}{hint}")


def _as_file(entry: str) -> str:
    """The path without what may follow it: `#L10`, `:12`, `::Kernel`."""
    path = re.sub(r"(?:#L\d+.*|(?<!:):\d[\d:-]*)$", "", entry.strip().replace("\\", "/"))
    file, _, _ = path.partition("::")
    if "/" in file or "." in file:  # a name in a file
        return file
    return path.replace("::", "/").replace("crate/", "src/", 1)


def _spellings(path: str) -> list[str]:
    """The path, and the files that a module written with dots or without its suffix may be."""
    given = [path]
    if "/" not in path and "." in path:
        given.append(path.replace(".", "/"))
    stems = [each.rstrip("/") for each in given]
    return [*given, *(f"{stem}.{end}" for stem in stems for end in ("py", "rs", "ts", "js", "go"))]


def _nearest(root: str, path: str) -> str:
    """`; did you mean …?` for the longest part that exists, and the name most like the next."""
    from difflib import get_close_matches

    here, shown = root, ""
    for part in [p for p in path.split("/") if p not in ("", ".")]:
        if os.path.exists(os.path.join(here, part)):
            here, shown = os.path.join(here, part), f"{shown}{part}/"
            continue
        try:
            names = os.listdir(here)
        except OSError:
            return ""
        close = get_close_matches(part, names, 1)
        return f"; did you mean {shown}{close[0]}?" if close else ""
    return ""
