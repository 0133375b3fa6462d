"""A witness's HTTP side: one call, on the loopback interface."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from govlint.receipts.notes import MAX_NOTE
from govlint.receipts.witness import TEXT, Answer, Witness

CALL = "/add-checkpoint"
_MOST_PASSED_OVER = 1 << 24
_SECONDS = 10  # that a client may take to say what it wants


def make_server(witness: Witness, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving; port 0 takes a free one. Raises OSError.

    It listens on 127.0.0.1 alone: what faces a network belongs behind a proxy that can do TLS.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "govlint-witness", ""
        timeout = _SECONDS

        def do_POST(self) -> None:  # the name is http.server's
            length = self.headers.get("Content-Length", "")
            if self.path != CALL:
                self._send(Answer(404, TEXT, f"there is only {CALL}\n"))
            elif not (length.isascii() and length.isdigit() and len(length) < 10):
                self._send(Answer(411, TEXT, "the length of the body is not said\n"))
            elif int(length) > MAX_NOTE:
                self._pass_over(int(length))
                self._send(Answer(413, TEXT, f"a request has at most {MAX_NOTE} bytes\n"))
            else:
                self._send(witness.add_checkpoint(self.rfile.read(int(length))), keep=True)

        def _pass_over(self, length: int) -> None:
            """Read a body that is too large, so that its sender gets to hear so."""
            left = min(length, _MOST_PASSED_OVER)
            while left > 0 and (part := self.rfile.read(min(left, 1 << 16))):
                left -= len(part)

        def do_GET(self) -> None:
            self._send(Answer(404, TEXT, f"there is only POST {CALL}\n"))

        def _send(self, answer: Answer, keep: bool = False) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            if not keep:  # the body was not read: what follows on this connection is unknown
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing of requests: what was cosigned stands in the database."""

    return _Server(("127.0.0.1", port), Handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of the witness's troubles."""
