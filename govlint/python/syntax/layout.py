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
    folder, _, name = relative.rpartition("/")
    return "tests" in folder.split("/") or _is_test_name(name)


def _is_test_name(name: str) -> bool:
    stem = name.rpartition(".")[0] or name
    return stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")


def place_files(abspaths: Iterable[str], root: str) -> dict[str, Place]:
    """Give each file its place. Names are paths below the root with dots for slashes.

    A source folder (`src/`) in front is left out; files outside the root are named from
    the top of their package. Where two files would share a name, one is marked with `~`,
    so that both survive: a package before a module before a stub.
    """
    paths = list(abspaths)
    packages = {os.path.dirname(p) for p in paths if p.endswith(("__init__.py", "__init__.pyi"))}
    folders: dict[str, tuple[str, bool]] = {}
    order: tuple[list[tuple[str, str, bool]], ...] = ([], [], [])  # package, module, stub
    for abspath in paths:
        folder, _, name = abspath.rpartition(os.sep)
        if folder not in folders:
            folders[folder] = _place_folder(folder, root.rstrip(os.sep), packages)
        dotted, tests = folders[folder]
        stem = (name.rpartition(".")[0] or name).replace(".", "_")
        test = tests or _is_test_name(name)
        if stem == "__init__" and dotted:
            order[0].append((abspath, dotted, test))
        else:
            module = f"{dotted}.{stem}" if dotted else stem
            order[2 if name.endswith(".pyi") else 1].append((abspath, module, test))
    taken: set[str] = set()
    found: dict[str, Place] = {}
    for rank, listed in enumerate(order):
        for abspath, module, test in sorted(listed):
            unique, count = module, 1
            while unique in taken:
                count += 1
                unique = f"{module}~{count}"
            taken.add(unique)
            found[abspath] = Place(unique, rank == 0, test)
    return found


def _place_folder(folder: str, root: str, packages: set[str]) -> tuple[str, bool]:
    """The dotted name of what lies in a folder, and whether it is a folder of tests."""
    inside = folder == root or folder.startswith(root + os.sep)
    top = root
    if not inside:
        top = folder
        while os.path.isfile(os.path.join(top, "__init__.py")) and os.path.dirname(top) != top:
            top = os.path.dirname(top)
    parts = folder[len(top) :].strip(os.sep).split(os.sep) if folder != top else []
    tests = inside and "tests" in parts
    if parts and parts[0] in _SOURCE_FOLDERS and os.path.join(top, parts[0]) not in packages:
        del parts[0]
    return ".".join(part.replace(".", "_") for part in parts), tests
