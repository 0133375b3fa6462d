"""Other machines: HTTP, WebSocket, FTP both ways, SSH, ping."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

from runtime_min.kernel.errors import CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions.network import split_url
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.control import run_program
from runtime_min.missions.waiting import stopping, wait_for

_MOST_REDIRECTS = 10
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_CREDENTIAL = re.compile(r"authorization|cookie|token|secret|api-?key|password", re.IGNORECASE)
_AGENT = "runtime-min"
_CHUNK = 1 << 16
_ANSWER_SECONDS = 5  # that a WebSocket has for its answer


def http(context: StepContext, given: Parameters) -> dict[str, Any]:
    """One HTTP request; redirects are followed, each judged as the first address was.

    A status outside of `expected_status` (2xx and 3xx where there is none) is a failure that
    keeps the answer.
    """
    bounded = _bounded(context, given.get("timeout"))
    method = (given.get("method") or "GET").upper()
    if method not in _METHODS:
        raise ValidationFailed(f"method {method!r}: accepted are {', '.join(_METHODS)}")
    headers = {
        "user-agent": _AGENT,
        **{k.lower(): v for k, v in (given.get("headers") or {}).items()},
    }
    body = given.get("body")
    data = None
    if isinstance(body, str):
        data = body.encode()
    elif body is not None:
        data = json.dumps(body).encode()
        headers.setdefault("content-type", "application/json")
    status, found, answer, url = wait_for(
        bounded, _request(bounded, method, given["url"], headers, data)
    )
    output = {
        "url": url,
        "method": method,
        "status": status,
        "headers": found,
        "response": _answer(found, answer),
    }
    expected = given.get("expected_status")
    wanted = [expected] if isinstance(expected, int) else expected
    if status not in wanted if wanted else not 200 <= status < 400:
        raise CapabilityFailed(
            f"{url} answered {status}",
            "http-status",
            retryable=status >= 500 or status in (408, 425, 429),
            output=output,
        )
    return output


def websocket_connect(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Open a WebSocket, send the message if there is one, take one answer to it, and close."""
    return wait_for(context, _websocket(context, given["url"], given.get("message") or ""))


def ftp_upload(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Send a file of the workspace to an FTP server."""
    return _ftp(context, given, upload=True)


def ftp_download(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Fetch a file from an FTP server; it is in the workspace whole or not at all."""
    return _ftp(context, given, upload=False)


def ssh_execute(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run a command line on a host whose key is known; another key, or none known, is refused."""
    bounded = _bounded(context, given.get("timeout"))
    output = wait_for(bounded, _ssh(bounded, given))
    if output["exit_code"] != 0:
        raise CapabilityFailed(
            f"{given['command']!r} on {given['host']} ended with exit code {output['exit_code']}",
            "exit-code",
            output=output,
        )
    return output


def ping_host(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Send `count` echo requests with the system's `ping`; no answer is a failure."""
    host, count = given["host"], given.get("count") or 4
    if not re.fullmatch(r"[\w.:%-]+", host) or host.startswith("-"):
        raise ValidationFailed(f"{host!r} is no host")
    address = context.network.addresses(host, 0)[0]
    option = "-6" if ":" in address else "-4"
    ended = run_program(
        context, "ping", [option, "-n", "-c", str(count), "-w", str(count + 5), address]
    )
    output = {"host": host, "count": count, "success": ended.code == 0, "output": ended.stdout}
    if ended.code != 0:
        raise CapabilityFailed(
            f"{host} does not answer", "unreachable", retryable=True, output=output
        )
    return output


def _bounded(context: StepContext, seconds: int | None) -> StepContext:
    if seconds is None:
        return context
    from dataclasses import replace

    return replace(context, deadline=min(context.deadline, time.monotonic() + seconds))


async def _request(
    context: StepContext, method: str, url: str, headers: Mapping[str, str], data: bytes | None
) -> tuple[int, dict[str, str], bytes, str]:
    import httpx2

    sent = dict(headers)
    async with httpx2.AsyncClient(trust_env=False, timeout=httpx2.Timeout(None)) as client:
        for _ in range(_MOST_REDIRECTS + 1):
            parts = split_url(url, ("http", "https"))
            host = parts.hostname or ""
            port = parts.port or (443 if parts.scheme == "https" else 80)
            addresses = await asyncio.to_thread(context.network.addresses, host, port)
            _check_credentials(parts.scheme, addresses[0], sent, parts.username)
            literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
            target = httpx2.URL(url).copy_with(host=literal)
            request = client.build_request(
                method,
                target,
                headers={"host": parts.netloc.rpartition("@")[2], **sent},
                content=data,
                extensions={"sni_hostname": host},
            )
            try:
                response = await client.send(request, stream=True)
                try:
                    content = bytearray()
                    async for chunk in response.aiter_bytes(_CHUNK):
                        content += chunk
                        if len(content) > context.most_bytes:
                            raise CapabilityFailed(
                                f"{url} answers more than {context.most_bytes} bytes", "too-large"
                            )
                finally:
                    await response.aclose()
            except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
                said = str(error) or type(error).__name__
                raise CapabilityFailed(
                    f"{url} cannot be reached: {said}", "unreachable", retryable=True
                ) from None
            location = response.headers.get("location")
            if not location or response.status_code not in (301, 302, 303, 307, 308):
                return response.status_code, dict(response.headers), bytes(content), url
            following = urljoin(url, location)
            if _origin(following) != _origin(url):
                sent = {k: v for k, v in sent.items() if not _CREDENTIAL.search(k)}
            keeps = response.status_code in (307, 308) or method == "GET"
            if not keeps and not (response.status_code in (301, 302) and method != "POST"):
                method, data = "GET", None
                sent = {k: v for k, v in sent.items() if not k.startswith("content-")}
            url = following
    raise CapabilityFailed(f"more than {_MOST_REDIRECTS} redirects, the last to {url}", "redirects")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = split_url(url, ("http", "https"))
    return parts.scheme, parts.hostname, parts.port


def _check_credentials(
    scheme: str, address: str, headers: Mapping[str, str], user: str | None
) -> None:
    import ipaddress

    if scheme == "https" or ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return
    named = "the address" if user else next((h for h in headers if _CREDENTIAL.search(h)), None)
    if named is not None:
        raise Refused(
            f"{named} holds a credential, and the connection is not encrypted", "network-refused"
        )


def _answer(headers: Mapping[str, str], content: bytes) -> Any:
    text = content.decode("utf-8", "replace")
    if "json" in headers.get("content-type", ""):
        try:
            return json.loads(text)
        except ValueError:
            return {"text": text}
    return {"text": text}


async def _websocket(context: StepContext, url: str, message: str) -> dict[str, Any]:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, WebSocketException

    parts = split_url(url, ("ws", "wss"))
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    sock = await asyncio.to_thread(
        context.network.connect, parts.hostname or "", port, context.deadline
    )
    sock.setblocking(False)
    answer: str | None = None
    try:
        async with connect(
            url, sock=sock, proxy=None, max_size=context.most_bytes, close_timeout=1
        ) as socket:
            if message:
                await socket.send(message)
                try:
                    said = await asyncio.wait_for(socket.recv(), _ANSWER_SECONDS)
                    answer = said if isinstance(said, str) else said.decode("utf-8", "replace")
                except (TimeoutError, ConnectionClosed):
                    answer = None
    except (WebSocketException, OSError) as error:
        raise CapabilityFailed(f"{url}: {error}", "unreachable", retryable=True) from None
    return {"url": url, "connected": True, "message_sent": bool(message), "answer": answer}


def _ftp(context: StepContext, given: Parameters, upload: bool) -> dict[str, Any]:
    """One transfer. Data connections go to the server itself, whatever address it answers."""
    import ftplib

    host, port = _host_and_port(given["host"], 21)
    address = context.network.addresses(host, port)[0]
    client = ftplib.FTP()
    size = 0
    try:
        client.connect(address, port, timeout=context.left())
        with stopping(context, lambda: _shut(client.sock)):
            client.login(given.get("username") or "anonymous", given.get("password") or "")
            if upload:
                with context.workspace.open(given["local_file"]) as file:
                    client.storbinary(f"STOR {_argument(given['remote_file'])}", file, _CHUNK)
                    size = file.tell()
            else:
                most = context.limits.file_bytes
                with context.workspace.writing(given["local_file"]) as file:

                    def take(chunk: bytes) -> None:
                        context.left()
                        if file.tell() + len(chunk) > most:
                            raise CapabilityFailed("the file is larger than may be", "too-large")
                        file.write(chunk)

                    client.retrbinary(f"RETR {_argument(given['remote_file'])}", take, _CHUNK)
                    size = file.tell()
            client.quit()
    except (ftplib.Error, EOFError, OSError) as error:
        context.left()
        said = str(error) or type(error).__name__
        raise CapabilityFailed(f"FTP to {given['host']}: {said}", "ftp-failed") from None
    finally:
        client.close()
    return {
        "bytes": size,
        "local_file": given["local_file"],
        "remote_file": given["remote_file"],
        "error": None,
    }


def _shut(sock: socket.socket | None) -> None:
    with suppress(OSError):
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)


def _argument(name: str) -> str:
    """A name as one argument of an FTP command (CWE-93)."""
    if not name or any(mark in name for mark in "\r\n\0"):
        raise ValidationFailed(f"{name!r} is no name of a file")
    return name


async def _ssh(context: StepContext, given: Parameters) -> dict[str, Any]:
    import asyncssh

    host, port = _host_and_port(given["host"], 22)
    if given["host"].startswith("-"):
        raise ValidationFailed(f"{given['host']!r} is no host")
    known = context.services.known_hosts
    if not known or not os.path.isfile(known):
        raise Refused(
            f"the key of {host} is not known: configure ssh.known-hosts", "host-key-unknown"
        )
    sock = await asyncio.to_thread(context.network.connect, host, port, context.deadline)
    sock.setblocking(False)
    try:
        async with asyncssh.connect(
            host,
            port,
            sock=sock,
            username=given["username"],
            known_hosts=known,
            client_keys=list(context.services.ssh_keys) or None,
            agent_path=None,
            config=None,
            login_timeout=context.left(),
        ) as connection:
            done = await connection.run(
                given["command"], check=False, encoding="utf-8", errors="replace"
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise Refused(f"{host} does not show the key that is known: {error}", "host-key") from None
    except (asyncssh.Error, OSError) as error:
        raise CapabilityFailed(f"SSH to {host}: {error}", "ssh-failed") from None
    most = context.limits.output_bytes
    return {
        "command": given["command"],
        "stdout": str(done.stdout or "")[:most],
        "stderr": str(done.stderr or "")[:most],
        "exit_code": done.exit_status,
    }


def _host_and_port(text: str, port: int) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]/@\s]+)(?::(\d{1,5}))?", text)
    if match is None or int(match[2] or port) > 65535:
        raise ValidationFailed(f"{text!r} is no host, nor host:port")
    return match[1].strip("[]"), int(match[2] or port)
