"""Waiting for others: no longer than the step has time, and no longer than the run goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from runtime_min.kernel.errors import Cancelled, CapabilityFailed

if TYPE_CHECKING:
    from runtime_min.missions.steps import StepContext

_POLL_SECONDS = 0.05
_T = TypeVar("_T")


def wait_for(context: StepContext, work: Coroutine[None, None, _T]) -> _T:
    """Run `work` in a loop of its own; CapabilityFailed or Cancelled as `context.left` says.

    The work is cancelled and has let go of its connections before this returns.
    """
    return asyncio.run(_watched(context, work))


async def _watched(context: StepContext, work: Coroutine[None, None, _T]) -> _T:
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=min(_POLL_SECONDS, context.left()))
            if done:
                return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


@contextmanager
def stopping(context: StepContext, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` again and again from another thread once the step's time is over.

    For what blocks in a library that takes no deadline: `stop` has to make it return.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_SECONDS):
            try:
                context.left()
            except (CapabilityFailed, Cancelled):
                stop()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
