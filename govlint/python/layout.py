"""What a file's place in the project tells: its module name, and whether it is a test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

# folders that hold packages without being one
_SOURCE_FOLDERS = ("src", "lib", "python")


class Place(NamedTuple):
    """A file's dotted module name (unique in a run), and what kind of module it is."""

    module: str
    is_package: bool
    is_test: bool


def is_test(relative: str) -> bool:
    """Say whether a path below the project's root is a test's, by the usual names."""
    *folders, name = relative.split("/")
    stem = name.rpartition(".")[0] or name
    return (
        "tests" in folders
        or stem == "conftest"
        or stem.startswith("test_")
        or stem.endswith("_test")
    )


def place_files(abspaths: Iterable[str], root: str) -> dict[str, Place]:
    """Give each file its place. Names are paths below the root with dots for slashes.

    A source folder (`src/`) in front is left out; files outside the root are named from
    the top of their package. Where two files would share a name, one is marked with `~`,
    so that both survive: a package before a module before a stub.
    """
    prefix = root.rstrip(os.sep) + os.sep
    paths = list(abspaths)
    packages = {os.path.dirname(p) for p in paths if p.endswith(("__init__.py", "__init__.pyi"))}
    names: dict[str, tuple[str, bool]] = {}
    for abspath in paths:
        if abspath.startswith(prefix):
            relative = abspath[len(prefix) :]
        else:
            top = os.path.dirname(abspath)
            while os.path.isfile(os.path.join(top, "__init__.py")):
                top = os.path.dirname(top)
            relative = abspath[len(top.rstrip(os.sep)) + 1 :]
        parts = relative.split(os.sep)
        stem, dot, _ = parts[-1].rpartition(".")
        parts[-1] = stem if dot else parts[-1]
        package = parts[-1] == "__init__" and len(parts) > 1
        if package:
            parts.pop()
        if len(parts) > 1 and parts[0] in _SOURCE_FOLDERS and prefix + parts[0] not in packages:
            del parts[0]
        name = ".".join(part.replace(".", "_") for part in parts)
        names[abspath] = (name, package)
    taken: set[str] = set()
    found: dict[str, Place] = {}
    for abspath in sorted(paths, key=lambda p: (not names[p][1], p.endswith(".pyi"), p)):
        name, package = names[abspath]
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f"{name}~{count}"
        taken.add(unique)
        inside = abspath.startswith(prefix)
        relative = abspath[len(prefix) :] if inside else os.path.basename(abspath)
        found[abspath] = Place(unique, package, is_test(relative.replace(os.sep, "/")))
    return found
