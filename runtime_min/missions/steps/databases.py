"""Databases: SQL on SQLite and PostgreSQL, backups, migrations, Redis.

Values are bound, never pasted into a statement. A SQLite file is one of the workspace.
"""

from __future__ import annotations

import datetime
import decimal
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import unquote

from runtime_min.kernel.errors import CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions.network import split_url
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.files import text_of
from runtime_min.missions.waiting import stopping, wait_for

_MOST_ROWS = 100_000
_REDIS = "redis://127.0.0.1:6379"
_MEMORY = ("", "memory:", ":memory:", "/:memory:")


def sql_query(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run one statement and give its rows; placeholders are `$1` or the database's own."""
    url = _url(context, given) or "sqlite://memory:"
    values = list(given.get("parameters") or [])
    form = given.get("output_format") or "json"
    if form not in ("json", "csv"):
        raise ValidationFailed(f"output_format {form!r}: there are json and csv")
    if url.startswith("sqlite:"):
        with _sqlite(context, url) as connection:
            columns, rows, changed = _sqlite_rows(connection, given["query"], values)
    else:
        columns, rows, changed = wait_for(context, _postgres(context, url, given["query"], values))
    output: dict[str, Any] = {
        "columns": columns,
        "rows": [dict(zip(columns, row, strict=True)) for row in rows],
        "row_count": len(rows) if columns else max(changed, 0),
    }
    if form == "csv":
        import csv
        import io

        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        output["csv"] = text.getvalue()
    return output


def db_backup(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Copy a SQLite database as one moment has it (its online backup), even while it is used."""
    source, destination = given["source"], given["destination"]
    with context.workspace.open(source) as file:
        if file.read(16) not in (b"SQLite format 3\0", b""):
            raise CapabilityFailed(f"{source!r} is no SQLite database", "not-a-database")
    pages = 0
    with (
        _sqlite(context, f"sqlite:///{source}") as old,
        closing(sqlite3.connect(":memory:")) as new,
    ):

        def progress(_status: int, _remaining: int, total: int) -> None:
            nonlocal pages
            pages = total
            context.left()

        old.backup(new, pages=256, progress=progress)
        context.workspace.write(destination, new.serialize())
    return {"source": source, "destination": destination, "backed_up": True, "pages": pages}


def db_migrate(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run the SQL files of a folder that have not run yet, by name, each in one transaction.

    What has run is in the database's own table `schema_migrations`, with the file's SHA-256: a
    file that was changed after it ran is a failure.
    """
    import hashlib

    folder = given.get("migration_dir") or "migrations"
    url = _url(context, given)
    if url is None:
        raise ValidationFailed("`connection` or `database_url` says which database to migrate")
    files = []
    for entry in context.workspace.entries(folder, context.most_entries):
        if entry.name.endswith(".sql") and not entry.is_folder:
            data = context.workspace.read(entry.path, context.most_bytes)
            files.append((entry.name, hashlib.sha256(data).hexdigest(), text_of(data, entry.path)))
    if url.startswith("sqlite:"):
        with _sqlite(context, url) as connection:
            applied = _migrate_sqlite(connection, files)
    else:
        applied = wait_for(context, _migrate_postgres(context, url, files))
    return {
        "migration_dir": folder,
        "applied": applied,
        "note": f"{len(applied)} of {len(files)} ran",
    }


def redis_set(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Set a key, with `ttl` for so many seconds. The value is not given back: it may be secret."""

    async def work() -> None:
        async with _redis(context, given) as client:
            await client.set(given["key"], given["value"], ex=given.get("ttl"))

    wait_for(context, _told(work()))
    return {"key": given["key"], "value": None, "set": True}


def redis_get(context: StepContext, given: Parameters) -> dict[str, Any]:
    """A key's value, or null where there is none."""

    async def work() -> bytes | None:
        async with _redis(context, given) as client:
            value: bytes | None = await client.get(given["key"])
            return value

    value = wait_for(context, _told(work()))
    text = None if value is None else text_of(value, given["key"])
    return {"key": given["key"], "value": text, "exists": value is not None}


def _url(context: StepContext, given: Parameters) -> str | None:
    name = given.get("connection") or given.get("database_url")
    return context.services.connection(name) if name else None


@contextmanager
def _sqlite(context: StepContext, url: str) -> Iterator[sqlite3.Connection]:
    """A connection to a file of the workspace, or to memory; stopped when the time is over."""
    rest = unquote(url.removeprefix("sqlite:").removeprefix("//").partition("?")[0])
    if rest in _MEMORY:
        with closing(_connect(":memory:")) as connection:
            yield from _interruptible(context, connection)
        return
    path = rest.removeprefix("/")
    if not context.workspace.exists(path):
        context.workspace.write(path, b"")
    folder, _, name = path.rpartition("/")
    # SQLite opens by name: the folder is the one that was walked to
    with (
        context.workspace.open(path),
        context.workspace.folder(folder or ".") as descriptor,
        closing(_connect(f"/proc/self/fd/{descriptor}/{name}")) as connection,
    ):
        yield from _interruptible(context, connection)


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=5, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    """No other file and no extension: a statement stays in its own database."""
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH) and first:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and _[0] == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _interruptible(
    context: StepContext, connection: sqlite3.Connection
) -> Iterator[sqlite3.Connection]:
    try:
        with stopping(context, connection.interrupt):
            yield connection
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error):
            context.left()
        if "authoriz" in str(error) or "prohibited" in str(error):
            raise Refused(
                f"the statement reaches outside its database: {error}", "sql-refused"
            ) from None
        raise CapabilityFailed(f"the database says: {error}", "sql-failed") from None


def _sqlite_rows(
    connection: sqlite3.Connection, query: str, values: list[Any]
) -> tuple[list[str], list[list[Any]], int]:
    # `$1` is a name in SQLite and a number in PostgreSQL; `?1` is the number in SQLite
    statement = _renumbered(query, "?") if values else query
    try:
        cursor = connection.execute(statement, [_bound(value) for value in values])
    except sqlite3.ProgrammingError as error:
        raise ValidationFailed(f"the query and its parameters: {error}", "sql-parameters") from None
    except sqlite3.Warning as error:
        raise ValidationFailed(f"the query: {error}") from None
    rows = cursor.fetchmany(_MOST_ROWS + 1)
    _few(rows)
    columns = [column[0] for column in cursor.description or ()]
    return columns, [[_plain(value) for value in row] for row in rows], cursor.rowcount


async def _postgres(
    context: StepContext, url: str, query: str, values: list[Any]
) -> tuple[list[str], list[list[Any]], int]:
    import psycopg

    try:
        async with await _connected(context, url) as connection:
            cursor: Any = psycopg.AsyncRawCursor(connection)
            await cursor.execute(query, [_bound(value) for value in values] or None)
            if cursor.description is None:
                return [], [], cursor.rowcount
            rows = await cursor.fetchmany(_MOST_ROWS + 1)
            _few(rows)
            columns = [column.name for column in cursor.description]
            return columns, [[_plain(value) for value in row] for row in rows], cursor.rowcount
    except psycopg.OperationalError as error:
        raise CapabilityFailed(
            f"the database: {_said(error)}", "sql-failed", retryable=True
        ) from None
    except psycopg.Error as error:
        raise CapabilityFailed(f"the database says: {_said(error)}", "sql-failed") from None


async def _connected(context: StepContext, url: str) -> Any:
    import asyncio

    import psycopg

    parts = split_url(url, ("postgresql", "postgres"))
    host, port = parts.hostname or "", parts.port or 5432
    addresses = await asyncio.to_thread(context.network.addresses, host, port)
    return await psycopg.AsyncConnection.connect(
        url,
        hostaddr=addresses[0],
        connect_timeout=max(2, int(context.left())),
        options=f"-c statement_timeout={max(1, int(context.left() * 1000))}",
    )


def _migrate_sqlite(
    connection: sqlite3.Connection, files: Sequence[tuple[str, str, str]]
) -> list[str]:
    connection.execute(_TABLE)
    done = dict(connection.execute("SELECT name, sha256 FROM schema_migrations").fetchall())
    applied = []
    for name, digest, text in _pending(files, done):
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _statements(text):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, ?)", (name, digest, _now())
            )
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise CapabilityFailed(f"migration {name}: {error}", "sql-failed") from None
        applied.append(name)
    return applied


async def _migrate_postgres(
    context: StepContext, url: str, files: Sequence[tuple[str, str, str]]
) -> list[str]:
    import psycopg

    applied = []
    name = ""
    try:
        async with await _connected(context, url) as connection:
            await connection.execute(_TABLE)
            await connection.commit()
            # two missions that migrate at once wait for each other
            await connection.execute("SELECT pg_advisory_xact_lock(7305873)")
            rows = await (
                await connection.execute("SELECT name, sha256 FROM schema_migrations")
            ).fetchall()
            for name, digest, text in _pending(files, dict(rows)):
                async with connection.transaction():
                    await connection.execute(text.encode())
                    await connection.execute(
                        "INSERT INTO schema_migrations VALUES (%s, %s, %s)", (name, digest, _now())
                    )
                applied.append(name)
    except psycopg.Error as error:
        said = f"migration {name}: " if name else ""
        raise CapabilityFailed(f"{said}{_said(error)}", "sql-failed") from None
    return applied


_TABLE = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at TEXT NOT NULL)"
)


def _pending(
    files: Sequence[tuple[str, str, str]], done: dict[str, str]
) -> Iterator[tuple[str, str, str]]:
    for name, digest, text in sorted(files):
        if name not in done:
            yield name, digest, text
        elif done[name] != digest:
            raise CapabilityFailed(
                f"migration {name} was changed after it ran", "migration-changed"
            )


def _statements(text: str) -> Iterator[str]:
    """The statements of an SQL text, as SQLite itself sees where one is complete."""
    statement = ""
    for piece in re.split(r"(;)", text):
        statement += piece
        if piece == ";" and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _renumbered(query: str, mark: str) -> str:
    """`$1` as another mark and its number, outside of strings, names and comments."""
    pattern = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(\d+)"
    return re.sub(
        pattern, lambda found: f"{mark}{found[1]}" if found[1] else found[0], query, flags=re.DOTALL
    )


def _bound(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value)
    return value


def _plain(value: Any) -> Any:
    """A value of a row as JSON has it."""
    if value is None or isinstance(value, (str, bool, int, float, dict, list)):
        return value
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (uuid.UUID, datetime.timedelta)):
        return str(value)
    return str(value)


def _few(rows: Sequence[Any]) -> None:
    if len(rows) > _MOST_ROWS:
        raise CapabilityFailed(f"the query gives more than {_MOST_ROWS} rows", "too-large")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


def _redis(context: StepContext, given: Parameters) -> Any:
    import redis.asyncio

    name = given.get("connection") or given.get("redis_url")
    url = context.services.connection(name) if name else _REDIS
    parts = split_url(url, ("redis", "rediss"))
    context.network.addresses(parts.hostname or "", parts.port or 6379)
    left = context.left()
    return redis.asyncio.from_url(url, socket_timeout=left, socket_connect_timeout=left)


async def _told(work: Any) -> Any:
    import redis.exceptions

    try:
        return await work
    except redis.exceptions.ConnectionError as error:
        raise CapabilityFailed(f"redis: {_said(error)}", "unreachable", retryable=True) from None
    except redis.exceptions.RedisError as error:
        raise CapabilityFailed(f"redis says: {_said(error)}", "redis-failed") from None
