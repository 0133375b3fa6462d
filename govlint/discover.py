"""Which files a run looks at: the walk, `.gitignore`, excludes, and what is no file.

Everything named or found either becomes a target, is skipped for a stated reason, or is
a Problem: a path that silently vanished would be a pass.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from govlint.model import Problem
from govlint.patterns import PathPatterns

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyi", ".pyw")
_PYTHON_SHEBANG = re.compile(rb"#!.{0,200}\bpython[0-9.]*\b")
_TRANSLATIONS = frozenset("translations locales locale _locales i18n l10n".split())
_BATCH = 48  # files told of at once
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Target(NamedTuple):
    """A file to look at. `stamp` (size, mtime, ctime in ns, inode) changes when it does."""

    abspath: str
    path: str
    stamp: tuple[int, int, int, int]


@dataclass(slots=True)
class Discovered:
    """What a walk found. `skipped` counts files that excludes or their type kept out."""

    targets: list[Target] = field(default_factory=list)
    documents: list[Target] = field(default_factory=list)  # what may be one
    named: set[str] = field(default_factory=set)  # absolute paths of files given by name
    problems: list[Problem] = field(default_factory=list)
    skipped: int = 0
    excluded_by_name: int = 0  # named paths that an exclude pattern kept out


def shown_path(abspath: str, cwd: str) -> str:
    """Write a path as reports do: relative to `cwd` with forward slashes where it lies below.

    Characters that are no text (undecodable bytes, controls) are written as escapes.
    """
    prefix = cwd if cwd.endswith(os.sep) else cwd + os.sep
    path = abspath[len(prefix) :] if abspath.startswith(prefix) else abspath
    if abspath == cwd:
        path = "."
    if os.sep != "/":
        path = path.replace(os.sep, "/")
    return path if path.isascii() and path.isprintable() else _CONTROL.sub(_escape, path)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code:02x}"


class _Ignore:
    """The patterns of one `.gitignore`, with one regular expression to rule most paths out."""

    def __init__(self, spec: GitIgnoreSpec, base: str) -> None:
        self.base = base
        self._spec = spec
        sources = [p.regex.pattern for p in spec.patterns if p.regex is not None]
        unnamed = (re.sub(r"\(\?P<\w+>", "(?:", str(source)) for source in sources)
        self._any = re.compile("|".join(unnamed) or r"(?!)")

    def decide(self, path: str) -> bool | None:
        """True: ignored, False: re-included, None: this file says nothing about `path`."""
        local = path[len(self.base) :]
        if not self._any.match(local):
            return None
        return self._spec.check_file(local).include


def _read_ignore(path: str, base: str) -> _Ignore | None:
    """Read an ignore file; one that cannot be read ignores nothing (more is checked)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return None
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return None
    from pathspec import GitIgnoreSpec

    try:
        return _Ignore(GitIgnoreSpec.from_lines(lines), base)
    except ValueError:  # one faulty line does not void the others: git skips it
        return _Ignore(GitIgnoreSpec.from_lines(_valid(lines)), base)


def _valid(lines: Iterable[str]) -> list[str]:
    from pathspec import GitIgnoreSpec

    kept = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        kept.append(line)
    return kept


def _ignored(path: str, ignores: tuple[_Ignore, ...]) -> bool:
    for ignore in reversed(ignores):
        decided = ignore.decide(path)
        if decided is not None:
            return decided
    return False


class _Walk:
    """One discovery. Visits every real folder once, however many links lead to it."""

    def __init__(
        self,
        root: str,
        cwd: str,
        exclude: Sequence[str],
        max_size: int,
        found: Callable[[Sequence[Target]], None] | None = None,
        python: bool = True,
        documents: tuple[str, ...] = (),
        any_name: bool = False,
    ) -> None:
        self.root, self.cwd, self.max_size = root, cwd, max_size
        self._python, self._documents, self._any_name = python, documents, any_name
        self._tell, self._told = found, 0
        self.exclude = PathPatterns(exclude)
        self.found = Discovered()
        self._seen: set[str] = set()
        self._starts: list[str] = []
        self._outside: list[str] = []

    def problem(self, kind: str, message: str, abspath: str) -> None:
        self.found.problems.append(Problem(kind, message, shown_path(abspath, self.cwd)))

    def relative(self, abspath: str) -> str:
        """The path that patterns see: relative to the root, or the whole one outside it."""
        prefix = self.root.rstrip(os.sep) + os.sep
        if abspath == self.root:
            return ""
        inside = abspath.startswith(prefix)
        path = abspath[len(prefix) :] if inside else ""
        return path.replace(os.sep, "/") if os.sep != "/" else path

    def start(self, named: str) -> None:
        """Take a path as the user named it: a folder to walk, or a file."""
        abspath = os.path.abspath(named)
        try:
            info = os.stat(abspath)
        except FileNotFoundError:
            broken = os.path.islink(abspath)
            what = "is a link to nothing" if broken else "does not exist"
            return self.problem("missing", what, abspath)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return self.problem("unreadable", f"cannot be read: {reason}", abspath)
        relative = self.relative(abspath)
        if relative and self.exclude.match(relative):
            self.found.excluded_by_name += 1
            self.found.skipped += 1
            return None
        if stat.S_ISDIR(info.st_mode):
            self._starts.append(os.path.realpath(abspath))
            return self._walk(abspath)
        if not stat.S_ISREG(info.st_mode):
            return self.problem("unreadable", "is neither a file nor a folder", abspath)
        if self._python and (abspath.endswith(SUFFIXES) or _is_script(abspath)):
            return self._take(abspath, info)
        if self._documents and (self._any_name or abspath.lower().endswith(self._documents)):
            self.found.named.add(abspath)
            return self._take(abspath, info, None, True)
        self.found.skipped += 1
        return None

    def tell(self, least: int = 1) -> None:
        """Hand on what was found since the last time, if it is `least` files or more."""
        targets = self.found.targets
        if self._tell is not None and len(targets) - self._told >= least:
            self._tell(targets[self._told :])
            self._told = len(targets)

    def _take(
        self, abspath: str, info: os.stat_result, shown: str | None = None, document: bool = False
    ) -> None:
        if abspath in self._seen:
            return
        self._seen.add(abspath)
        if not document and info.st_size > self.max_size:
            message = f"is {info.st_size:,} bytes, more than max-file-size ({self.max_size:,})"
            self.problem("too-large", message, abspath)
            return
        stamp = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
        if shown is None:
            shown = shown_path(abspath, self.cwd)
        listed = self.found.documents if document else self.found.targets
        listed.append(Target(abspath, shown, stamp))

    def _walk(self, top: str) -> None:
        excluded = self.exclude.match_entry
        suffixes = SUFFIXES if self._python else ()
        stack = [(top, self.relative(top), self._parent_ignores(top))]
        while stack:
            folder, relative, ignores = stack.pop()
            if folder in self._seen:
                continue
            self._seen.add(folder)
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=_name)
            except OSError as error:
                self.problem("unreadable", f"cannot be listed: {error.strerror}", folder)
                continue
            base = relative + "/" if relative else ""
            if any(entry.name == ".gitignore" for entry in listed):
                ignore = _read_ignore(os.path.join(folder, ".gitignore"), folder + "/")
                if ignore is not None:
                    ignores = (*ignores, ignore)
            below = []
            self.tell(_BATCH)
            shown = shown_path(folder + os.sep, self.cwd) if folder != self.cwd else ""
            documents = self._documents
            if documents and os.path.basename(folder) in _TRANSLATIONS:
                documents = ()
            for entry in listed:
                name = entry.name
                if name.endswith(suffixes):
                    if excluded(name, base + name) or (ignores and _ignored(entry.path, ignores)):
                        self.found.skipped += 1
                    elif self._entry(entry, shown):
                        below.append((entry.path, base + name, ignores))
                elif documents and name.endswith(documents):
                    if (
                        not excluded(name, base + name)
                        and not (ignores and _ignored(entry.path, ignores))
                        and self._entry(entry, shown, True)
                    ):
                        below.append((entry.path, base + name, ignores))
                elif entry.is_dir():
                    if excluded(name, base + name) or (
                        ignores and _ignored(entry.path + "/", ignores)
                    ):
                        continue
                    if not entry.is_symlink() or self._follow(entry.path):
                        below.append((entry.path, base + name, ignores))
            below.reverse()
            stack += below

    def _entry(self, entry: os.DirEntry[str], shown: str, document: bool = False) -> bool:
        """Take a directory entry by its suffix; True where it is a folder to walk.

        `shown` is how the folder is written in reports, with a slash at its end.
        """
        link = entry.is_symlink()
        try:
            info = entry.stat()
        except OSError as error:
            # an editor's lock is a link to nothing
            if not document and not entry.name.startswith(".#"):
                self.problem("unreadable", f"cannot be read: {error.strerror}", entry.path)
            return False
        if stat.S_ISDIR(info.st_mode):
            return not link or self._follow(entry.path)
        if not stat.S_ISREG(info.st_mode):
            self.found.skipped += not document
        elif link and self._inside(os.path.realpath(entry.path)):
            self.found.skipped += not document  # its real name is looked at
        else:
            name = entry.name
            plain = name.isascii() and name.isprintable()
            self._take(entry.path, info, shown + name if plain else None, document)
        return False

    def _inside(self, real: str) -> bool:
        return any(
            real == top or real.startswith(top.rstrip(os.sep) + os.sep)
            for top in (*self._starts, *self._outside)
        )

    def _follow(self, link: str) -> bool:
        """Say whether to walk a linked folder: only one outside, once, and no parent of ours."""
        real = os.path.realpath(link)
        if self._inside(real) or any(
            (top + os.sep).startswith(real.rstrip(os.sep) + os.sep) for top in self._starts
        ):
            return False
        self._outside.append(real)
        return True

    def _parent_ignores(self, top: str) -> tuple[_Ignore, ...]:
        """Collect the ignore files above `top`, up to the repository that holds it."""
        folders = []
        folder = top
        while not os.path.exists(os.path.join(folder, ".git")):
            parent = os.path.dirname(folder)
            if parent == folder:
                return ()
            folders.append(parent)
            folder = parent
        found = [_read_ignore(os.path.join(folder, ".git", "info", "exclude"), folder + "/")]
        found += [_read_ignore(os.path.join(f, ".gitignore"), f + "/") for f in reversed(folders)]
        ignores = tuple(ignore for ignore in found if ignore is not None)
        # a folder that is itself ignored was named on purpose: what ignores it is left out
        return tuple(i for i in ignores if not i.decide(top + "/")) if ignores else ()


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_script(abspath: str) -> bool:
    """Say whether a named file without a Python suffix has a Python shebang."""
    if "." in os.path.basename(abspath).lstrip("."):
        return False
    try:
        with open(abspath, "rb") as stream:
            return _PYTHON_SHEBANG.match(stream.read(256)) is not None
    except OSError:
        return False


def discover(
    paths: Sequence[str],
    root: str,
    cwd: str,
    exclude: Sequence[str],
    max_size: int,
    found: Callable[[Sequence[Target]], None] | None = None,
    python: bool = True,
    documents: tuple[str, ...] = (),
    any_name: bool = False,
) -> Discovered:
    """Find the Python files of `paths`: folders are walked, files are taken as they are.

    With `documents`, the files with these suffixes are found too, apart from the others;
    folders that hold translations are left out, they are many and hold nothing else. With
    `any_name` a file that is named is taken for one whatever its suffix.

    Excludes hold for named paths too; `.gitignore` only for what a walk finds. Targets
    come in a fixed order (by folder, then name); `found` gets them in batches while the
    walk goes on.
    """
    walk = _Walk(root, cwd, exclude, max_size, found, python, documents, any_name)
    for path in paths:
        walk.start(path)
    walk.tell()
    return walk.found
