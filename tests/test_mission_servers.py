"""Steps that talk to other programs, each against a real server on loopback."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import mission_servers
import pytest

from runtime_min.kernel.errors import Cancelled, CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions.network import NetworkPolicy
from runtime_min.missions.services import Provider, Services, read_services
from runtime_min.missions.steps import StepContext, handler_of
from runtime_min.missions.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[StepContext]:
    root = tmp_path / "workspace"
    root.mkdir()
    with Workspace(root) as workspace:
        yield StepContext("s", workspace, time.monotonic() + 300)


def do(context: StepContext, step_type: str, **given: Any) -> dict[str, Any]:
    handler = handler_of(step_type)
    assert handler is not None
    output = handler(context, given)
    json.dumps(output)
    return output


# -- SQL ---------------------------------------------------------------------------------


def test_sqlite(context: StepContext) -> None:
    url = "sqlite:///data/shop.db"
    do(context, "sql_query", database_url=url, query="CREATE TABLE t (a INTEGER, b TEXT)")
    inject = "x'); DROP TABLE t; --"
    output = do(
        context,
        "sql_query",
        connection=url,
        query="INSERT INTO t VALUES ($1, $2), ($1, '$2')",
        parameters=[1, inject],
    )
    assert output["row_count"] == 2
    output = do(context, "sql_query", connection=url, query="SELECT * FROM t", output_format="csv")
    assert output["rows"] == [{"a": 1, "b": inject}, {"a": 1, "b": "$2"}]
    assert output["csv"].startswith("a,b\n1,")
    assert (context.workspace.root / "data" / "shop.db").exists()
    assert do(context, "sql_query", query="SELECT ?1 + 1 AS n", parameters=[2])["rows"] == [
        {"n": 3}
    ]
    with pytest.raises(CapabilityFailed, match="no such table"):
        do(context, "sql_query", query="SELECT * FROM none")
    with pytest.raises(ValidationFailed, match="parameters"):
        do(context, "sql_query", query="SELECT $1", parameters=[1, 2])
    with pytest.raises(ValidationFailed, match="one statement"):
        do(context, "sql_query", query="SELECT 1; SELECT 2")
    for bad in ("ATTACH '/tmp/x.db' AS x", "SELECT load_extension('x')", "VACUUM INTO '../x.db'"):
        with pytest.raises(Refused, match="outside its database"):
            do(context, "sql_query", connection=url, query=bad)
    for bad in ("sqlite:///../out.db", "sqlite:////etc/x.db"):
        with pytest.raises(Refused, match="leaves the workspace"):
            do(context, "sql_query", connection=bad, query="SELECT 1")


def test_an_endless_query_ends_with_its_time(context: StepContext) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    context.deadline = time.monotonic() + 0.4
    with pytest.raises(CapabilityFailed, match="did not end in time"):
        do(context, "sql_query", query=endless)
    began = time.monotonic()
    context.deadline, context.cancelled = began + 60, lambda: time.monotonic() > began + 0.3
    with pytest.raises(Cancelled):
        do(context, "sql_query", query=endless)


def test_backup_is_of_one_moment(context: StepContext) -> None:
    root = context.workspace.root
    with closing(sqlite3.connect(root / "a.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
        assert do(context, "db_backup", source="a.db", destination="b/a.db")["backed_up"]
    with closing(sqlite3.connect(root / "b" / "a.db")) as db:
        assert db.execute("SELECT a FROM t").fetchall() == [(1,)]
    (root / "text").write_text("no database at all")
    with pytest.raises(CapabilityFailed, match="no SQLite database"):
        do(context, "db_backup", source="text", destination="c")


def _write_migrations(root: Path) -> None:
    (root / "migrations").mkdir()
    (root / "migrations" / "001.sql").write_text(
        "CREATE TABLE t (a TEXT);\nINSERT INTO t VALUES ('x;y');"
    )
    (root / "migrations" / "002.sql").write_text("INSERT INTO t VALUES ('z')")


def _check_migrations(context: StepContext, url: str) -> None:
    root = context.workspace.root
    _write_migrations(root)
    assert do(context, "db_migrate", connection=url)["applied"] == ["001.sql", "002.sql"]
    assert do(context, "db_migrate", connection=url)["applied"] == []
    rows = do(context, "sql_query", connection=url, query="SELECT a FROM t ORDER BY a")["rows"]
    assert [row["a"] for row in rows] == ["x;y", "z"]
    (root / "migrations" / "003.sql").write_text(
        "INSERT INTO t VALUES ('half');\nINSERT INTO nowhere VALUES (1);"
    )
    with pytest.raises(CapabilityFailed, match=r"migration 003\.sql: "):
        do(context, "db_migrate", connection=url)
    rows = do(context, "sql_query", connection=url, query="SELECT count(*) AS n FROM t")["rows"]
    assert rows == [{"n": 2}]
    (root / "migrations" / "003.sql").unlink()
    (root / "migrations" / "001.sql").write_text("SELECT 1")
    with pytest.raises(CapabilityFailed, match="changed after it ran"):
        do(context, "db_migrate", connection=url)


def test_migrations_on_sqlite(context: StepContext) -> None:
    _check_migrations(context, "sqlite:///m.db")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with mission_servers.postgres() as url:
        yield url


@pytest.mark.platform
def test_postgres(context: StepContext, postgres: str) -> None:
    context.services = Services({"sales_db": postgres})
    do(
        context,
        "sql_query",
        connection="sales_db",
        query="CREATE TABLE sales (id int, at date, sum numeric)",
    )
    do(
        context,
        "sql_query",
        connection="sales_db",
        query="INSERT INTO sales VALUES ($1, $2, $3), (2, '2023-01-01', 1)",
        parameters=[1, "2024-01-02", "1.50"],
    )
    output = do(
        context,
        "sql_query",
        connection=postgres,
        query="SELECT * FROM sales WHERE at >= $1",
        parameters=["2024-01-01"],
    )
    assert output["rows"] == [{"id": 1, "at": "2024-01-02", "sum": "1.50"}]
    with pytest.raises(CapabilityFailed, match='relation "none" does not exist'):
        do(context, "sql_query", connection="sales_db", query="SELECT * FROM none")
    with pytest.raises(CapabilityFailed, match=r"password authentication failed"):
        wrong = postgres.replace("pa55", "wrong")
        do(context, "sql_query", connection=wrong, query="SELECT 1")
    with pytest.raises(ValidationFailed, match="no connection 'other'; configured are sales_db"):
        do(context, "sql_query", connection="other", query="SELECT 1")
    _check_migrations(context, postgres)
    context.deadline = time.monotonic() + 0.5
    with pytest.raises(CapabilityFailed, match=r"in time|timeout"):
        do(context, "sql_query", connection=postgres, query="SELECT pg_sleep(30)")


@pytest.mark.platform
def test_redis(context: StepContext) -> None:
    with mission_servers.redis() as url:
        context.services = Services({"cache": url})
        output = do(context, "redis_set", connection="cache", key="k:1", value="hidden é", ttl=100)
        assert output["set"] and "hidden" not in json.dumps(output)
        assert do(context, "redis_get", redis_url=url, key="k:1") == {
            "key": "k:1",
            "value": "hidden é",
            "exists": True,
        }
        assert do(context, "redis_get", connection="cache", key="none")["exists"] is False
        with pytest.raises(CapabilityFailed, match="redis"):
            do(context, "redis_get", redis_url=url.replace("pa55", "wrong"), key="k")
    with pytest.raises(CapabilityFailed, match="redis"):
        do(context, "redis_get", connection="cache", key="k")


# -- HTTP --------------------------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[dict[str, Any]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        self.seen.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        )
        _, what, *rest = self.path.split("/", 2)
        if what == "status":
            self._say(int(rest[0]), b'{"said": "so"}')
        elif what == "to":
            self.send_response(302)
            self.send_header("location", rest[0])
            self.send_header("content-length", "0")
            self.end_headers()
        elif what == "slow":
            time.sleep(float(rest[0]))
            self._say(200, b"{}")
        elif what == "large":
            self._say(200, b"x" * int(rest[0]), "text/plain")
        else:
            self._say(200, json.dumps(self.seen[-1]).encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Site(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that a test cut off is no news for standard error."""


@pytest.fixture
def site() -> Iterator[str]:
    server = _Site(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    _Answers.seen.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http(context: StepContext, site: str) -> None:
    output = do(
        context,
        "http",
        url=f"{site}/echo?a=1",
        method="post",
        headers={"X-One": "1"},
        body='{"query": "recent"}',
    )
    assert output["status"] == 200 and output["method"] == "POST"
    seen = output["response"]
    assert seen["body"] == '{"query": "recent"}' and seen["headers"]["x-one"] == "1"
    assert seen["headers"]["host"] == site.removeprefix("http://")
    assert (
        do(context, "http", url=f"{site}/x", method="PUT", body={"a": [1]})["response"]["body"]
        == '{"a": [1]}'
    )
    with pytest.raises(CapabilityFailed, match="answered 404") as failed:
        do(context, "http", url=f"{site}/status/404")
    assert (
        failed.value.details["output"]["response"] == {"said": "so"} and not failed.value.retryable
    )
    assert do(context, "http", url=f"{site}/status/404", expected_status=404)["status"] == 404
    assert (
        do(context, "http", url=f"{site}/status/201", expected_status=[200, 201])["status"] == 201
    )
    with pytest.raises(CapabilityFailed, match="answered 503") as failed:
        do(context, "http", url=f"{site}/status/503")
    assert failed.value.retryable
    with pytest.raises(ValidationFailed, match="accepted are GET"):
        do(context, "http", url=site, method="TRACE")
    context.most_bytes = 1000
    with pytest.raises(CapabilityFailed, match="more than 1000 bytes"):
        do(context, "http", url=f"{site}/large/5000")


def test_http_redirects_are_judged_and_credentials_stay(context: StepContext, site: str) -> None:
    token = {"Authorization": "Bearer t", "X-Plain": "1"}
    other = site.replace("127.0.0.1", "localhost")
    do(context, "http", url=f"{site}/to/{other}/echo", headers=token)
    assert "authorization" not in _Answers.seen[-1]["headers"]
    assert _Answers.seen[-1]["headers"]["x-plain"] == "1"
    do(context, "http", url=f"{site}/to//echo", method="POST", body="x", headers=token)
    assert _Answers.seen[-1]["method"] == "GET" and _Answers.seen[-1]["body"] == ""
    assert _Answers.seen[-1]["headers"]["authorization"] == "Bearer t"
    for target in ("http://169.254.169.254/latest", "file:///etc/passwd", "http://[fe80::1]/"):
        with pytest.raises(Refused):
            do(context, "http", url=f"{site}/to/{target}")
    with pytest.raises(CapabilityFailed, match="more than 10 redirects"):
        do(context, "http", url=f"{site}/to/{site}/to/{site}/to/" + f"{site}/to/" * 10)


def test_http_ends_with_its_time_or_when_cancelled(context: StepContext, site: str) -> None:
    began = time.monotonic()
    with pytest.raises(CapabilityFailed, match="did not end in time") as failed:
        do(context, "http", url=f"{site}/slow/30", timeout=1)
    assert failed.value.retryable
    context.cancelled = lambda: time.monotonic() > began + 1.5
    with pytest.raises(Cancelled):
        do(context, "http", url=f"{site}/slow/30")


METADATA = [
    "http://169.254.169.254/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://100.100.100.200/",
    "http://metadata.google.internal/",
    "http://METADATA.google.internal./",
    "http://user:pass@169.254.169.254/",
    "http://169.254.169.254:80/",
    "http://0.0.0.0/",
    "http://224.0.0.1/",
    "http://１６９.254.169.254/",
    "ftp://127.0.0.1/",
    "javascript:localhost",
    "http:///x",
    "http://127.0.0.1:99999/",
]


@pytest.mark.parametrize("url", METADATA)
def test_no_notation_reaches_a_metadata_service(context: StepContext, url: str) -> None:
    with pytest.raises((Refused, CapabilityFailed)) as refused:
        do(context, "http", url=url, timeout=2)
    assert refused.value.code in ("network-refused", "unreachable"), refused.value
    if refused.value.code == "unreachable":  # no name that this machine's resolver knows
        assert "cannot be found" in str(refused.value)


def test_a_name_that_answers_differently_the_second_time(
    context: StepContext, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    port = int(site.rpartition(":")[2])
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, *rest: Any, **more: Any) -> Any:
        if host != "rebind.test":
            return real(host, *rest, **more)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert do(context, "http", url=f"http://rebind.test:{port}/echo")["status"] == 200
    assert asked == ["rebind.test"]
    with pytest.raises(Refused, match="link-local"):
        do(context, "http", url=f"http://rebind.test:{port}/echo")


def test_allow_lists_and_private_addresses(context: StepContext, site: str) -> None:
    context.network = NetworkPolicy(allowed=("api.example.com", ".example.org"))
    with pytest.raises(Refused, match=r"is not allowed; allowed are api\.example\.com"):
        do(context, "http", url=site)
    context.network = NetworkPolicy(private=False)
    with pytest.raises(Refused, match="a private address"):
        do(context, "http", url=site)
    with pytest.raises(Refused, match="not encrypted"):
        context.network = NetworkPolicy()
        do(context, "http", url="http://192.0.2.1/", headers={"Authorization": "Bearer x"})


# -- the others --------------------------------------------------------------------------


def test_websocket(context: StepContext) -> None:
    with mission_servers.websocket() as port:
        url = f"ws://127.0.0.1:{port}/"
        output = do(context, "websocket_connect", url=url, message="abc")
        assert output == {"url": url, "connected": True, "message_sent": True, "answer": "cba"}
        assert do(context, "websocket_connect", url=url)["message_sent"] is False
        context.deadline = time.monotonic() + 0.5
        with pytest.raises(CapabilityFailed, match="in time"):
            do(context, "websocket_connect", url=url, message="silence")
    context.deadline = time.monotonic() + 10
    with pytest.raises(CapabilityFailed, match="cannot be reached"):
        do(context, "websocket_connect", url=url)
    with pytest.raises(Refused, match="link-local"):
        do(context, "websocket_connect", url="ws://169.254.169.254/")


def test_ftp(context: StepContext, tmp_path: Path) -> None:
    there = tmp_path / "ftp"
    there.mkdir()
    root = context.workspace.root
    (root / "up.bin").write_bytes(bytes(range(256)) * 1000)
    with mission_servers.ftp(there) as port:
        account = {"host": f"127.0.0.1:{port}", "username": "mission", "password": "pa55"}
        output = do(context, "ftp_upload", local_file="up.bin", remote_file="r.bin", **account)
        assert output["bytes"] == 256_000
        assert (there / "r.bin").read_bytes() == (root / "up.bin").read_bytes()
        do(context, "ftp_download", local_file="d/down.bin", remote_file="r.bin", **account)
        assert (root / "d" / "down.bin").read_bytes() == (root / "up.bin").read_bytes()
        with pytest.raises(CapabilityFailed, match="550"):
            do(context, "ftp_download", local_file="none", remote_file="none", **account)
        assert not (root / "none").exists()
        with pytest.raises(CapabilityFailed, match="530"):
            do(
                context,
                "ftp_upload",
                local_file="up.bin",
                remote_file="x",
                **{**account, "password": "no"},
            )
        with pytest.raises(Refused, match="leaves the workspace"):
            do(context, "ftp_download", local_file="../x", remote_file="r.bin", **account)
    with pytest.raises(CapabilityFailed, match="FTP to"):
        do(context, "ftp_download", local_file="x", remote_file="r.bin", **account)


def test_ssh(context: StepContext, tmp_path: Path) -> None:
    folder = tmp_path / "ssh"
    folder.mkdir()
    with mission_servers.ssh(folder) as (port, known, key):
        host = f"127.0.0.1:{port}"
        with pytest.raises(Refused, match=r"configure ssh\.known-hosts"):
            do(context, "ssh_execute", host=host, username="m", command="true")
        context.services = Services(known_hosts=str(known), ssh_keys=(str(key),))
        output = do(context, "ssh_execute", host=host, username="m", command="echo a b; echo c >&2")
        assert (
            output["stdout"] == "a b\n" and output["stderr"] == "c\n" and output["exit_code"] == 0
        )
        with pytest.raises(CapabilityFailed, match="exit code 3"):
            do(context, "ssh_execute", host=host, username="m", command="exit 3")
        with pytest.raises(CapabilityFailed, match="in time"):
            do(context, "ssh_execute", host=host, username="m", command="sleep 30", timeout=1)
        import asyncssh

        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        known.write_text(f"[127.0.0.1]:{port} {other}")
        with pytest.raises(Refused, match="does not show the key that is known"):
            do(context, "ssh_execute", host=host, username="m", command="true")
        known.write_text("")
        with pytest.raises(Refused, match="does not show the key"):
            do(context, "ssh_execute", host=host, username="m", command="true")


def test_ping(context: StepContext, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = context.workspace.root
    (folder / "ping").write_text('#!/bin/sh\necho "$@"\n[ "$6" != 127.0.0.2 ]\n')
    (folder / "ping").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    output = do(context, "ping_host", host="localhost", count=2)
    assert output["success"] and "-n -c 2 -w 7 " in output["output"]
    for bad in ("-f", "a b", "$(x)", ""):
        with pytest.raises(ValidationFailed, match="is no host"):
            do(context, "ping_host", host=bad)
    with pytest.raises(Refused, match="link-local"):
        do(context, "ping_host", host="169.254.169.254")


# -- configuration -----------------------------------------------------------------------


def test_services_are_read(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text(
        'default-provider = "local"\n[connections]\nsales_db = "postgresql://h/d"\n'
        '[providers.local]\nbase-url = "http://127.0.0.1:1/v1"\nkey-variable = "K"\nmodel = "m"\n'
        '[ssh]\nknown-hosts = "known"\nkeys = ["id"]\n'
    )
    services = read_services(file)
    assert services.connection("sales_db") == "postgresql://h/d"
    assert services.provider(None) == Provider("http://127.0.0.1:1/v1", "K", "m")
    assert services.known_hosts == "known" and services.ssh_keys == ("id",)
    for text, said in (
        ("x = 1", "unknown key 'x'; there are connections"),
        ("connections = 1", "connections is a table"),
        ("[connections]\na = 1", r"connections\.a is a text"),
        ("[providers.p]\nmodel = 'm'", r"providers\.p has no base-url"),
        ("[ssh]\nkeys = 'id'", r"ssh\.keys is a list"),
        ("=", "services.toml"),
    ):
        file.write_text(text)
        with pytest.raises(ValidationFailed, match=said):
            read_services(file)
    with pytest.raises(ValidationFailed, match="no provider 'claude'; configured are local"):
        services.provider("claude")
