"""Threads with a stack of a chosen size, and work that ends when its time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable

_stack_lock = threading.Lock()
_GRACE = 5.0  # seconds that work has to end in once it was told to


class TimeLimit(BaseException):
    """Work took longer than it may. No `except Exception` on its way must take it for its own."""


def start_thread(work: Callable[[], object], stack: int) -> threading.Thread:
    """Start a thread with `stack` bytes of stack. Raises RuntimeError where there is no room."""
    with _stack_lock:
        previous = threading.stack_size(stack)
        try:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
        finally:
            threading.stack_size(previous)
    return thread


def run_on_stack(work: Callable[[], object], stack: int, seconds: float | None = None) -> None:
    """Run `work` to its end on a thread of its own; what it raises is raised here.

    After `seconds` TimeLimit is raised in `work`, wherever it is, so that it can say where
    that was; work that does not end even then is left behind and TimeLimit raised here.
    """
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = start_thread(guarded, stack)
    thread.join(seconds)
    if thread.is_alive():
        _interrupt(thread)
        thread.join(_GRACE)
        if thread.is_alive():
            raise TimeLimit
    if failed:
        raise failed[0]


def _interrupt(thread: threading.Thread) -> None:
    """Raise TimeLimit in a thread, at the next step of Python code that it takes."""
    import ctypes

    identity = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(TimeLimit))
