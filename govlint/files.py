"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os


def write_atomic(path: str, data: bytes) -> None:
    """Write `data` to `path`, or leave it as it was; a link's target is written, its mode kept.

    Raises OSError. What is no regular file (a terminal, a pipe, /dev/null) is written to
    directly: it cannot be replaced.
    """
    target = os.path.realpath(path)
    try:
        mode: int | None = os.stat(target).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and (mode & 0o170000) != 0o100000:
        with open(target, "wb") as stream:
            stream.write(data)
        return
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", target)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        if mode is not None:
            os.chmod(temporary, mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
