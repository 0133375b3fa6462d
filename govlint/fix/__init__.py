"""Applies the edits of findings' fixes to files, never leaving a file worse than it was.

A fix is all or nothing, also across files. Encoding, BOM and newlines stay; a file whose
fixed text would no longer parse is left alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from govlint.discover import SUFFIXES
from govlint.documents.reader import decode_exactly
from govlint.files import write_atomic
from govlint.model import Edit, Finding, Fix, Problem, Safety
from govlint.python.syntax.parse import confirm
from govlint.python.syntax.source import decode, split_lines


@dataclass(slots=True)
class Applied:
    """How many findings were fixed, each file's bytes before and after, and what failed."""

    fixed: int = 0
    changes: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # by reported path
    problems: list[Problem] = field(default_factory=list)


class _Text:
    """One file being edited: offsets for positions, and the edits taken so far.

    Raises SyntaxError for bytes that are no text.
    """

    def __init__(self, data: bytes, path: str) -> None:
        self.syntax = _syntax(path)
        if self.syntax == "python":
            self.text, self.encoding, self.bom = decode(data)
        else:
            self.text, self.encoding, self.bom = decode_exactly(data)
        self.original = data
        self.lines = split_lines(self.text)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        first = self.lines[0] if self.lines else ""
        self.newline = next((end for end in ("\r\n", "\r") if first.endswith(end)), "\n")
        self.taken: list[tuple[int, int, str]] = []

    def offset(self, line: int, column: int) -> int:
        if line < 1 or column < 1:
            raise ValueError("position before the file's start")
        if line > len(self.lines):
            if line == len(self.lines) + 1 and column == 1:
                return len(self.text)
            raise ValueError("position past the file's end")
        if column - 1 > len(self.lines[line - 1]):
            raise ValueError("position past the line's end")
        return self.starts[line - 1] + column - 1

    def span(self, edit: Edit) -> tuple[int, int, str]:
        place = edit.location
        start = self.offset(place.line, place.column)
        end = self.offset(place.end_line, place.end_column)
        if end < start:
            raise ValueError("an edit that ends before it starts")
        content = edit.content.replace("\r\n", "\n").replace("\r", "\n")
        return start, end, content.replace("\n", self.newline)

    def free(self, spans: Iterable[tuple[int, int, str]]) -> bool:
        """Say whether the spans meet nothing that was taken before them."""
        for start, end, content in spans:
            for s, e, c in self.taken:
                if (start, end, content) == (s, e, c):
                    continue
                if start < e and s < end:
                    return False
                if start == s and (start == end or s == e):
                    return False  # two insertions in one place have no order
        return True

    def result(self) -> bytes:
        text = self.text
        for start, end, content in sorted(set(self.taken), reverse=True):
            text = text[:start] + content + text[end:]
        if self.bom and self.encoding != "utf-8":
            return ("\ufeff" + text).encode(self.encoding)
        data = text.encode(self.encoding)
        return b"\xef\xbb\xbf" + data if self.bom else data

    def fault(self, path: str, data: bytes) -> tuple[int, str] | None:
        """Why the edited file would be worse than it was: the line and what is wrong there."""
        if self.syntax == "text":
            return None
        if self.syntax == "python":
            found = confirm(path, data, None)
            return (found[0], found[2]) if found is not None else None
        from govlint.documents.reader import read

        faults = read(path, data, self.syntax).faults
        if len(faults) > len(read(path, self.original, self.syntax).faults):
            return faults[0].line, faults[0].message
        return None


def _syntax(path: str) -> str:
    lowered = path.lower()
    if lowered.endswith(".json"):
        return "json"
    if lowered.endswith((".yaml", ".yml")):
        return "yaml"
    is_python = lowered.endswith(SUFFIXES) or "." not in os.path.basename(lowered)
    return "python" if is_python else "text"


def apply_fixes(
    findings: Iterable[Finding],
    abspaths: Mapping[str, str],
    unsafe: bool = False,
    contents: dict[str, bytes] | None = None,
) -> Applied:
    """Apply the fixes of `findings`, the safe ones, or with `unsafe` all.

    `abspaths` maps reported paths to files; a fix that reaches another file is left out.
    Fixes that meet an earlier one are left for the next run over the result. With `contents`
    nothing is written: what is there stands for files (by absolute path), and is put there.
    """
    done = Applied()
    texts: dict[str, _Text] = {}
    counted: dict[str, int] = {}
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or (fix.safety is Safety.UNSAFE and not unsafe):
            continue
        if _take(fix, abspaths, texts, contents or {}):
            for path in {edit.location.path for edit in fix.edits}:
                counted[path] = counted.get(path, 0)
            first = fix.edits[0].location.path
            counted[first] += 1
    for path, count in counted.items():
        text = texts[path]
        data = _result(path, text, done)
        if data is None:
            continue
        if contents is not None:
            contents[abspaths[path]] = data
        elif not _write(path, abspaths[path], data, done):
            continue
        done.fixed += count
        done.changes[path] = text.original, data
    return done


def _take(
    fix: Fix,
    abspaths: Mapping[str, str],
    texts: dict[str, _Text],
    contents: Mapping[str, bytes],
) -> bool:
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for edit in fix.edits:
        path = edit.location.path
        if path not in abspaths:
            return False
        if path not in texts:
            try:
                data = contents.get(abspaths[path])
                if data is None:
                    data = Path(abspaths[path]).read_bytes()
                texts[path] = _Text(data, path)
            except (OSError, SyntaxError):
                return False
        try:
            spans.setdefault(path, []).append(texts[path].span(edit))
        except ValueError:
            return False
    if not all(texts[path].free(listed) for path, listed in spans.items()):
        return False
    for path, listed in spans.items():
        texts[path].taken.extend(listed)
    return True


def _result(path: str, text: _Text, done: Applied) -> bytes | None:
    """The edited file's bytes; None, and a Problem, where it would be worse than it was."""
    try:
        data = text.result()
    except UnicodeEncodeError:
        message = f"was not fixed: the fix has characters that {text.encoding} does not"
        done.problems.append(Problem("unreadable", message, path))
        return None
    try:
        fault = text.fault(path, data)
    except (RecursionError, MemoryError):
        fault = (1, "nested too deeply")
    if fault is not None:
        message = f"was not fixed: the result would not parse ({fault[1]})"
        done.problems.append(Problem("crash", message, path, fault[0]))
        return None
    return data


def _write(path: str, abspath: str, data: bytes, done: Applied) -> bool:
    try:
        write_atomic(abspath, data)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        done.problems.append(Problem("unreadable", f"cannot be written: {reason}", path))
        return False
    return True


def describe_changes(changes: Mapping[str, tuple[bytes, bytes]]) -> str:
    """A unified diff of files' bytes before and after."""
    from difflib import unified_diff

    lines: list[str] = []
    for path, (before, after) in sorted(changes.items()):
        old, new = _lines(before), _lines(after)
        name = path.replace(os.sep, "/")
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}"):
            lines.append(line)
            if not line.endswith("\n"):
                lines.append("\n\\ No newline at end of file\n")
    return "".join(lines)


def _lines(data: bytes) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+$", data.decode("utf-8", "backslashreplace"))
