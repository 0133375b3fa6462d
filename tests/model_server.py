"""A server that speaks the OpenAI protocol on loopback: chat, streamed or not, and embeddings.

It has no model. What it answers is a function of what it is asked, so that a test can say what
has to come out: `script` gives the next answers, otherwise it counts the words of the last message.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from runtime_min.missions.embedding import embed


class ModelServer(ThreadingHTTPServer):
    """What was asked is in `asked`; `script` holds messages to be answered with, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.script: list[dict[str, Any] | int] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that a test cut off is no news for standard error."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append({**body, "key": self.headers.get("authorization")})
        if self.path == "/v1/embeddings":
            self._embed(body)
            return
        given = self.server.script.pop(0) if self.server.script else None
        if isinstance(given, int):
            self._say(given, {"error": {"message": "not now", "type": "server_error"}})
            return
        last = body["messages"][-1]["content"]
        message = given or {"content": f"{len(str(last).split())} words"}
        used = sum(len(str(m.get("content") or "").split()) for m in body["messages"])
        usage = {"prompt_tokens": used, "completion_tokens": 3, "total_tokens": used + 3}
        self._stream(body["model"], message, usage)

    def _embed(self, body: dict[str, Any]) -> None:
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": i, "embedding": embed(text)[:64]}
            for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        self._say(200, {"object": "list", "data": data, "model": body["model"], "usage": usage})

    def _stream(self, model: str, message: dict[str, Any], usage: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
        for piece in _pieces(message):
            choice = {"index": 0, "delta": piece, "finish_reason": None}
            self._event({**base, "choices": [choice]})
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        self._event({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self._event({**base, "choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _say(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _pieces(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in (message.get("content") or "").split(" "):
        if word:
            yield {"role": "assistant", "content": word + " "}
    for index, call in enumerate(message.get("tool_calls") or ()):
        text = json.dumps(call["arguments"])
        half = len(text) // 2
        function = {"name": call["name"], "arguments": text[:half]}
        first = {"index": index, "id": f"call{index}", "type": "function", "function": function}
        yield {"tool_calls": [first]}
        yield {"tool_calls": [{"index": index, "function": {"arguments": text[half:]}}]}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A server for the length of a test."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
