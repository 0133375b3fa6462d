"""Bounds on requests: size of a body, and how many a caller may make."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from runtime_min.kernel.ports import Clock

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """ASGI middleware: answers 413 before a body of more than `limit` bytes is read."""

    def __init__(self, app: Any, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                await self._refuse(send)
                return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)

    async def _refuse(self, send: Send) -> None:
        text = (
            '{"error":{"type":"ValidationError","message":"the body is larger than '
            f'{self._limit} bytes","details":{{"code":"too-large"}}}}}}'
        )
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


class RateLimit:
    """A token bucket for each caller: `burst` at once, `per_second` in the long run."""

    def __init__(self, clock: Clock, per_second: float, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._buckets: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def allows(self, caller: str) -> bool:
        """Take one from the caller's bucket; False where it is empty."""
        with self._lock:
            now = self._clock.monotonic_ns()
            left, then = self._buckets.get(caller, (float(self._burst), now))
            left = min(self._burst, left + (now - then) / 1e9 * self._per_second)
            self._buckets[caller] = (left - 1 if left >= 1 else left, now)
            return left >= 1
