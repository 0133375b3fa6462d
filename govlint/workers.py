"""Copies of this process that share out pieces of work.

The parser holds the interpreter's lock, so threads do not make a scan faster; processes
do. They are forked, which costs two milliseconds each where starting an interpreter costs
fifty, and only while no other thread runs that could hold a lock at that moment.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

PROGRESS = "govlint-progress"  # a thread that holds no lock but standard error's
_MESSAGE = 1 << 20  # bytes; longer than any piece of work is

Work = Callable[[Any], Any]


def can_fork() -> bool:
    """Whether this process may be copied: on Linux, while no other thread is running."""
    if sys.platform != "linux":
        return False
    others = set(threading.enumerate()) - {threading.main_thread()}
    return threading.current_thread() is threading.main_thread() and all(
        thread.name == PROGRESS for thread in others
    )


class Workers:
    """`count` processes that do `work` on pieces; pieces and results are plain values.

    Pieces wait in one queue, which the parent takes from too. What a process that died
    had taken is given back by `finish`.
    """

    def __init__(self, work: Work, count: int) -> None:
        self._work = work
        self._offered = 0
        self._pieces: dict[int, Any] = {}
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._results: list[tuple[int, int]] = []  # process, the pipe that it answers through
        for _ in range(count):
            try:
                reading, writing = os.pipe()
            except OSError:  # no room for more: the others and the parent do it all
                break
            try:
                process = os.fork()
            except OSError:
                os.close(reading)
                os.close(writing)
                break
            if process == 0:
                self._serve(writing)
            os.close(writing)
            self._results.append((process, reading))

    def _serve(self, answer: int) -> None:
        """Work until there is nothing more to come, answer, and end."""
        code = 1
        try:
            self._giving.close()
            done = {}
            while message := self._taking.recv(_MESSAGE):
                number, piece = marshal.loads(message)
                done[number] = self._work(piece)
            with os.fdopen(answer, "wb") as stream:
                marshal.dump(done, stream)
            code = 0
        finally:
            os._exit(code)

    def offer(self, piece: Any) -> bool:
        """Put a piece into the queue; False where that is full."""
        number = self._offered
        try:
            self._giving.send(marshal.dumps((number, piece)), socket.MSG_DONTWAIT)
        except OSError:
            return False
        self._offered += 1
        self._pieces[number] = piece
        return True

    def take_back(self) -> Any:
        """Take a piece out of the queue again; None where it is empty."""
        try:
            number, piece = marshal.loads(self._taking.recv(_MESSAGE, socket.MSG_DONTWAIT))
        except OSError:
            return None
        del self._pieces[number]
        return piece

    def finish(self) -> tuple[list[Any], list[Any]]:
        """Wait for the processes: the results, and the pieces that none of them did."""
        self._giving.close()
        results = []
        for process, reading in self._results:
            with os.fdopen(reading, "rb") as stream:
                said = stream.read()
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
            try:
                done = marshal.loads(said)
            except (ValueError, EOFError, TypeError):
                continue  # it was ended from outside
            for number, result in done.items():
                del self._pieces[number]
                results.append(result)
        self._taking.close()
        return results, list(self._pieces.values())
