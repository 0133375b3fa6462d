"""The folder that a mission works in, and that nothing it does leaves.

Every path is walked component by component from an open descriptor of the folder, never
following a link that the walk has not read itself: what is exchanged for a link between check
and use is not followed either (CWE-367). Links are honoured as long as they stay inside.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from runtime_min.kernel.errors import CapabilityFailed, Refused

_MOST_LINKS = 40  # as the kernel's own limit
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder below another: `path` is relative to the workspace."""

    name: str
    path: str
    is_folder: bool
    size: int


class Workspace:
    """A folder by its descriptor. Close it, or use it as a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the folder go; what was opened in it stays open."""
        os.close(self._root)

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes; CapabilityFailed where it is no plain file or has more than `most`."""
        with self.open(path) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise CapabilityFailed(f"{path!r} has more than {most} bytes", "too-large")
        return data

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a plain file for reading; a pipe or device is refused, not waited for."""
        with _reported(path), self._parent(path, follow=True) as (folder, name):
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                kind = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(kind):
                    said = "a folder" if stat.S_ISDIR(kind) else "no plain file"
                    raise CapabilityFailed(f"{path!r} is {said}", "not-a-file")
                yield file

    def write(self, path: str, data: bytes, mode: int | None = None) -> None:
        """Put `data` in place of what `path` holds, whole or not at all; make its folders.

        `mode` is the new file's permission bits; without it an older file's stay.
        """
        with self.writing(path, mode) as file:
            file.write(data)

    @contextmanager
    def writing(self, path: str, mode: int | None = None) -> Iterator[BinaryIO]:
        """As `write`, for what is written piece by piece; nothing is there before it is whole."""
        with _reported(path), self._parent(path, follow=True, create=True) as (folder, name):
            kept = mode
            with suppress(FileNotFoundError):
                before = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(before.st_mode):
                    raise CapabilityFailed(f"{path!r} is no plain file", "not-a-file")
                kept = stat.S_IMODE(before.st_mode) if mode is None else mode
            beside = f".{name[:100]}.{os.urandom(6).hex()}.new"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(beside, flags, 0o666 if mode is None else 0o600, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    if kept is not None:
                        os.fchmod(file.fileno(), kept)
                    os.fsync(file.fileno())
                os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(beside, dir_fd=folder)
            os.fsync(folder)

    def remove(self, path: str) -> bool:
        """Remove a file, or the link itself where it is one; False where there is nothing."""
        with _reported(path):
            try:
                with self._parent(path, follow=False) as (folder, name):
                    os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                return False
        return True

    def move(self, source: str, destination: str) -> None:
        """Give a file or folder another name inside the workspace; make the folders it needs."""
        with (
            _reported(source),
            self._parent(source, follow=False) as (old, name),
            self._parent(destination, follow=False, create=True) as (new, other),
        ):
            os.stat(name, dir_fd=old, follow_symlinks=False)
            with suppress(FileNotFoundError):
                if stat.S_ISDIR(os.stat(other, dir_fd=new, follow_symlinks=False).st_mode):
                    raise CapabilityFailed(f"{destination!r} is a folder", "not-a-file")
            os.replace(name, other, src_dir_fd=old, dst_dir_fd=new)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed."""
        try:
            with self._parent(path, follow=True) as (folder, name):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _failure(path, error) from None
        return True

    def is_folder(self, path: str) -> bool:
        """Whether `path` is a folder."""
        try:
            with self.folder(path):
                return True
        except CapabilityFailed:
            return False

    @contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A descriptor of a folder, to start a program in (`/proc/self/fd/N`) or to look into."""
        with _reported(path), self._parent(f"{path}/.", follow=True) as (folder, _):
            yield folder

    def entries(self, path: str, most: int) -> list[Entry]:
        """What is directly below a folder, by name; CapabilityFailed beyond `most` entries."""
        with self.folder(path) as folder:
            found: list[Entry] = []
            with os.scandir(folder) as listed:
                for entry in listed:
                    if len(found) == most:
                        raise CapabilityFailed(
                            f"{path!r} has more than {most} entries", "too-large"
                        )
                    status = entry.stat(follow_symlinks=False)
                    is_folder = stat.S_ISDIR(status.st_mode)
                    below = os.path.normpath(os.path.join(path, entry.name))
                    found.append(Entry(entry.name, below, is_folder, status.st_size))
        return sorted(found, key=lambda entry: entry.name)

    def files(self, path: str, most: int) -> Iterator[Entry]:
        """Every plain file below a folder, in the order of its path; links are not entered."""
        pending = [path]
        seen = 0
        while pending:
            here = pending.pop()
            listed = self.entries(here, most)
            seen += len(listed)
            if seen > most:
                raise CapabilityFailed(f"{path!r} holds more than {most} entries", "too-large")
            pending += [entry.path for entry in reversed(listed) if entry.is_folder]
            for entry in listed:
                if not entry.is_folder and not self._is_special(entry.path):
                    yield entry

    def _is_special(self, path: str) -> bool:
        with self._parent(path, follow=False) as (folder, name):
            return not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)

    @contextmanager
    def _parent(
        self, path: str, *, follow: bool, create: bool = False
    ) -> Iterator[tuple[int, str]]:
        """The open folder that `path` ends in, and its last name there (`.` for the root).

        With `follow` a link at the end is resolved, too. FileNotFoundError where a folder on
        the way is missing; Refused where the way leaves the workspace.
        """
        open_folders = [os.dup(self._root)]
        try:
            yield self._walk(path, follow, create, open_folders)
        finally:
            for descriptor in open_folders:
                os.close(descriptor)

    def _walk(
        self, path: str, follow: bool, create: bool, open_folders: list[int]
    ) -> tuple[int, str]:
        check_path(path)
        pending = deque(part for part in path.split("/") if part)
        links = 0
        while pending:
            part = pending.popleft()
            here = open_folders[-1]
            if part == ".":
                if not pending:
                    return here, "."
                continue
            if part == "..":
                if len(open_folders) == 1:
                    raise _leaves(path)
                os.close(open_folders.pop())
                continue
            last = not pending
            target = _link(part, here) if not last or follow else None
            if target is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith("/"):
                    raise _leaves(path, f"the link {part!r} leads to an absolute path")
                pending.extendleft(reversed([step for step in target.split("/") if step] or ["."]))
                continue
            if last:
                return here, part
            open_folders.append(_enter(part, here, create))
        return open_folders[-1], "."


def check_path(path: str) -> None:
    """Refused for a text that is no path relative to the workspace, before it is walked."""
    if not path or "\0" in path:
        raise Refused(f"{path!r} is no path", "path-escape")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        raise _leaves(path, "it is not relative")


def _link(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _enter(name: str, folder: int, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o777, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _leaves(path: str, why: str = "") -> Refused:
    said = f": {why}" if why else ""
    return Refused(f"the path {path!r} leaves the workspace{said}", "path-escape")


def _failure(path: str, error: OSError) -> CapabilityFailed:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return CapabilityFailed(f"{path!r}: {reason}", "file-failed")


@contextmanager
def _reported(path: str) -> Iterator[None]:
    """Say an operating system's refusal as a failure of the step, with the path as written."""
    try:
        yield
    except OSError as error:
        raise _failure(path, error) from error
