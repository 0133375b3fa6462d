"""What changed since a revision, as git tells it: for `--diff REV`."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

from govlint.errors import UsageError

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
_NAMED = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b'"': 34, b"\\": 92}

Ranges = list[tuple[int, int]]  # first and last line, both included


class Changes:
    """The changed files by absolute path: their changed lines, or None where all is new."""

    def __init__(self, files: dict[str, Ranges | None]) -> None:
        self.files = files

    def touches(self, abspath: str, first: int, last: int) -> bool:
        """Say whether a change falls into lines `first` to `last` of a file."""
        if abspath not in self.files:
            return False
        ranges = self.files[abspath]
        return ranges is None or any(start <= last and first <= end for start, end in ranges)


def changes_since(revision: str, folder: str) -> Changes:
    """Ask git what the working tree changed since `revision` parted from it.

    Compared is with the merge base, so that what others did on the base branch since is
    no change of ours. New files that git does not track count as changed. Raises
    UsageError where there is no git, no repository or no such revision.
    """
    top = os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n"))
    found = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
        fault=f"--diff {revision}: git knows no such revision",
    ).decode().strip()  # fmt: skip
    try:
        base = _git(top, "merge-base", found, "HEAD").decode().strip() or found
    except UsageError:  # no common history, or a shallow clone
        base = found
    patch = _git(
        top, "-c", "core.quotePath=off", "diff", "-U0", "--no-color", "--no-ext-diff",
        "--no-textconv", "--no-renames", "--ignore-submodules", "--src-prefix=a/",
        "--dst-prefix=b/", base, "--",
    )  # fmt: skip
    files: dict[str, Ranges | None] = {
        os.path.join(top, os.fsdecode(path)): ranges for path, ranges in _read_patch(patch).items()
    }
    new = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    for path in new.split(b"\0"):
        if path:
            files[os.path.join(top, os.fsdecode(path))] = None
    return Changes(files)


def _git(folder: str, *arguments: str, fault: str = "") -> bytes:
    command: Sequence[str] = ["git", "-C", folder, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UsageError(f"--diff needs git, which cannot be run: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(fault or f"--diff: git says: {said[0] if said else 'nothing'}")
    return done.stdout


def _read_patch(patch: bytes) -> dict[bytes, Ranges | None]:
    """Read `git diff -U0`: for each file that is left the line ranges that changed.

    Where lines only went, the lines around the gap count as changed. Hunks are skipped by
    their counts: what an added line says must not be taken for a header.
    """
    files: dict[bytes, Ranges | None] = {}
    ranges: Ranges | None = None
    added = False
    lines = patch.split(b"\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if line.startswith(b"diff --git "):
            ranges, added = None, False
        elif line.startswith(b"new file mode"):
            added = True
        elif line.startswith(b"+++ ") and line != b"+++ /dev/null":
            path = _unquote(line[4:].rstrip(b"\t"))[2:]
            ranges = []
            files[path] = None if added else ranges
        elif (hunk := _HUNK.match(line)) is not None:
            old, start = int(hunk[2] or 1), int(hunk[3])
            new = int(hunk[4] or 1) if hunk[4] is not None else 1
            i += old + new
            while i < len(lines) and lines[i].startswith(b"\\"):
                i += 1
            if ranges is not None:
                ranges.append((start, start + new - 1) if new else (max(start, 1), start + 1))
    return files


def _unquote(path: bytes) -> bytes:
    if not path.startswith(b'"'):
        return path

    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([_NAMED[code] if code in _NAMED else int(code, 8)])

    return _ESCAPE.sub(plain, path[1:-1])
