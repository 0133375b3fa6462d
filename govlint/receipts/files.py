"""Reading files that somebody else prepared: no links, no pipes, no more bytes than agreed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from govlint.receipts.faults import Malformed

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe would be waited for
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Unreadable(Exception):
    """The system does not give the file: nothing is known about what is in it."""


def open_file(path: str) -> BinaryIO:
    """Open a regular file. Raises Malformed for what is none, FileNotFoundError, Unreadable."""
    try:
        is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        descriptor = -1 if is_link else os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if is_link:
        raise Malformed("is a symbolic link; a receipt's files are files")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Malformed("is no regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: str, most: int) -> bytes:
    """A file's bytes. Raises as `open_file`, and Malformed for more than `most` bytes."""
    with open_file(path) as stream:
        try:
            data = stream.read(most + 1)
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror or error}") from None
    if len(data) > most:
        raise Malformed(f"has more than {most:,} bytes")
    return data


def lines_of(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """The lines of a stream with their ends. Raises Malformed at one of more than `most` bytes."""
    while True:
        try:
            line = stream.readline(most + 2)
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror or error}") from None
        if not line:
            return
        if len(line) > most + 1 or (len(line) == most + 1 and not line.endswith(b"\n")):
            raise Malformed(f"has more than {most:,} bytes")
        yield line


def entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, by name. Raises Unreadable."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from None
