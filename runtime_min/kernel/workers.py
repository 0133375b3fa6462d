"""Threads that capabilities run in: a caller can stop waiting, and a thread is used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

Called = tuple[Any, BaseException | None]
"""What a handler gave back, or what it raised."""


class Workers:
    """Daemon threads, made when all are busy; one that was given up on returns when it ends."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def start(self, work: Callable[[], Any], deliver: Callable[[Called], None]) -> None:
        """Run `work` in a thread and hand what came of it to `deliver`, in that thread."""
        inbox: SimpleQueue[Callable[[], None]]

        def job() -> None:
            called = attempt(work)
            self._idle.append(inbox)  # before the delivery, so that who waits can use it at once
            deliver(called)

        try:
            inbox = self._idle.pop()  # append and pop are atomic
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=_serve, args=(inbox,), name="capability", daemon=True).start()
        inbox.put(job)

    def call(self, work: Callable[[], Any], seconds: float) -> Called | None:
        """Run `work` and wait for it so long; None when it takes longer."""
        box: SimpleQueue[Called] = SimpleQueue()
        self.start(work, box.put)
        try:
            return box.get(timeout=seconds)
        except Empty:
            return None


def attempt(work: Callable[[], Any]) -> Called:
    """Call `work`; what it raises is handed back, not raised."""
    try:
        return work(), None
    except (Exception, SystemExit) as error:  # a capability does not end the runtime
        return None, error


def _serve(inbox: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        inbox.get()()
