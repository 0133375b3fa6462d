"""Which library functions write files, open sockets, run processes or write a database.

Reading is no effect, nor is logging, nor what stays in memory (`io.StringIO`). A client
that is only made does nothing yet; what is called on it does.
"""

from __future__ import annotations

import ast
import re
import sys

from govlint.python.paths.static import dotted

FILE, SOCKET, PROCESS, DATABASE = (
    "writes a file",
    "opens a socket",
    "runs a process",
    ("writes a database"),
)
STATE = "reads a store"

_OPENERS = frozenset(
    [
        "builtins.open",
        "io.open",
        "codecs.open",
        "gzip.open",
        "bz2.open",
        "lzma.open",
        "aiofiles.open",
        "aiofiles.threadpool.open",
        "anyio.open_file",
        "tarfile.open",
        "zipfile.ZipFile",
        "io.FileIO",
        "os.fdopen",
        "pathlib.Path.open",
    ]
)
_FILE = re.compile(
    r"(?:os\.(?:remove|unlink|rename|renames|replace|mkdir|makedirs|rmdir|removedirs|chmod|chown|"
    r"symlink|link|truncate|ftruncate|write|pwrite|mkfifo|mknod|utime|sendfile)|"
    r"shutil\.(?:copy\w*|move|rmtree|make_archive|unpack_archive|chown)|"
    r"tempfile\.(?:mkstemp|mkdtemp|NamedTemporaryFile|TemporaryFile|TemporaryDirectory)|"
    r"(?:.*\.)?(?:Path|PosixPath|WindowsPath)\.(?:write_text|write_bytes|unlink|mkdir|rename|"
    r"replace|touch|rmdir|chmod|symlink_to|hardlink_to)|"
    r"(?:numpy|np)\.(?:save|savez|savez_compressed|savetxt)|joblib\.dump|torch\.save|"
    r"shelve\.open|dbm\.open|PIL\.Image\..*save|logging\.(?:handlers\.)?\w*FileHandler|"
    r"pandas\..*\.to_(?:csv|parquet|excel|pickle|feather|json|html|hdf|stata|markdown)|"
    r"polars\..*\.(?:write|sink)_\w+|matplotlib\..*savefig|pandas\.ExcelWriter|"
    r"fileinput\.input|wave\.open|sqlite3\..*\.backup)"
)
# the verbs of an HTTP client; making or configuring one sends nothing
_VERB = r"(?:get|post|put|patch|delete|head|options|request|stream|send|ws_connect)"
_SOCKET = re.compile(
    r"(?:socket\.(?:socket|create_connection|create_server)|ssl\.wrap_socket|"
    rf"requests\.(?:{_VERB}|(?:Session|session|sessions\.\w+)\b.*\.{_VERB})|"
    rf"httpx\.(?:{_VERB}|(?:Async)?Client\b.*\.{_VERB})|"
    rf"aiohttp\.(?:request|ClientSession\b.*\.{_VERB})|"
    r"urllib\.request\.(?:urlopen|urlretrieve)|urllib\.request\..*\.open|"
    r"urllib3\.(?:request|\w+\.(?:request|urlopen|request_encode_\w+))|"
    r"http\.client\.\w+Connection\.(?:request|connect|putrequest|send|endheaders)|"
    r"socket\.socket\b.*\.(?:connect\w*|send\w*|bind|listen|accept|recv\w*)|"
    r"smtplib\.\w+.*|ftplib\.\w+.*|imaplib\.\w+.*|poplib\.\w+.*|telnetlib\.\w+.*|xmlrpc\.client\..*|"
    r"websockets?\..*connect\w*.*|grpc\.(?:aio\.)?(?:insecure_channel|secure_channel).*|"
    r"paramiko\.\w+\.(?:connect|open_sftp|exec_command).*|asyncssh\.connect.*|"
    r"(?:pika|kafka|confluent_kafka|aiokafka|nats|zmq|stomp|paho)\..*\."
    r"(?:send\w*|produce|publish|basic_publish|connect|send_and_wait)|"
    r"boto3\.(?:client|resource|session\.Session\.\w+|Session\.\w+)\.\w+.*|"
    r"google\.cloud\..*\.\w+|azure\..*\.\w+|openai\..*create|openai\.\w+\..*create|"
    r"anthropic\..*create|stripe\.\w+\.\w+|twilio\..*create|slack_sdk\..*\.\w+|"
    r"asyncio\.(?:open_connection|start_server|open_unix_connection)|webbrowser\.open\w*)"
)
_PROCESS = re.compile(
    r"(?:subprocess\.(?:run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|"
    r"os\.(?:system|popen|spawn\w*|exec\w*|fork|forkpty|posix_spawn\w*|kill|killpg|startfile)|"
    r"multiprocessing\.(?:Process|Pool|context\.\w+)|asyncio\.create_subprocess_\w+|pty\.spawn|"
    r"concurrent\.futures\.ProcessPoolExecutor|pexpect\.(?:spawn|run).*|sh\.\w+|"
    r"(?:anyio|trio)\.(?:run_process|open_process)|plumbum\..*|invoke\.run|fabric\..*run)"
)
_STORES = re.compile(
    r"(?:sqlite3|aiosqlite|psycopg2?|psycopg_pool|asyncpg|pymysql|MySQLdb|mysql|pymongo|motor|"
    r"redis|aioredis|elasticsearch|opensearchpy|cassandra|peewee|tortoise|duckdb|sqlalchemy|"
    r"sqlmodel|django\.db|databases|cx_Oracle|oracledb|pyodbc|snowflake|clickhouse_driver|"
    r"influxdb|etcd3|memcache|pymemcache)\b.*\.(\w+)"
)
_WRITES = re.compile(
    r"commit|executemany|executescript|create|acreate|asave|adelete|aupdate|a?bulk_create|"
    r"a?get_or_create|a?update_or_create|insert\w*|update\w*|delete\w*|replace\w*|bulk\w*|save\w*|"
    r"add|add_all|merge|flush|create_all|drop_all|set|mset|hset|hmset|setex|setnx|lpush|rpush|"
    r"sadd|zadd|incr\w*|decr\w*|expire|publish|xadd|index|drop\w*|create_index|copy_from|put|"
    r"write\w*|truncate"
)
_READS = re.compile(
    r"get|mget|hget\w*|find\w*|fetch\w*|query|scalars?|search|lrange|smembers|exists"
)
_PIPELINES = re.compile(r"(?:redis|aioredis)\b.*\.execute")
_REMOTE = re.compile(
    r"(?:psycopg2?|asyncpg|pymysql|MySQLdb|mysql\.connector|cx_Oracle|oracledb|pyodbc)\.connect"
)
_MODE = re.compile(r"(?=.*[wax+])[rwaxbtU+:|*gzx]{1,6}")
_CHANGES = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:with\b.*?\)\s*)?(?:insert|update|delete|create|drop|alter|replace|"
    r"truncate|merge|upsert|copy|grant|vacuum)\b",
    re.IGNORECASE | re.DOTALL,
)
_SELECTS = re.compile(r"\s*(?:select|pragma|explain|show|describe)\b", re.IGNORECASE)

# receivers that nothing is known of but their name
_NAMED: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    (
        re.compile(r"write_text|write_bytes|symlink_to|hardlink_to"),
        re.compile(r""),
        FILE,
    ),
    (
        re.compile(r"unlink|mkdir|touch|rmdir"),
        re.compile(r"path|file|dir|folder|target|dest|out|base|root|Path", re.IGNORECASE),
        FILE,
    ),
    (
        re.compile(r"post|put|patch|get|delete|request|send|stream|head"),
        re.compile(r"(?:^|_|\.)(?:http|https|requests|rest|api_client|http_client|webhook\w*)\w*$"),
        SOCKET,
    ),
    (
        re.compile(r"post|put|patch|request"),
        re.compile(r"(?:client|session)$"),
        SOCKET,
    ),
    (
        re.compile(r"send\w*|produce|publish|basic_publish"),
        re.compile(r"producer|kafka|rabbit|broker|smtp|mailer|mail_client|sns|sqs|mqtt|email|socket|sock"),
        SOCKET,
    ),
    (
        re.compile(r"put_object|upload_file|upload_fileobj|sendmail|send_email|sendall|upload_blob"),
        re.compile(r""),
        SOCKET,
    ),
    (
        re.compile(r"commit|add|add_all|create|merge|flush|bulk_\w+|delete|insert\w*|update\w*|save|upsert|"
                   r"insert_one|update_one|delete_one|replace_one"),
        re.compile(r"(?:^|[._])(?:db|database|db_session|conn|connection|orm|sqlsession|collection|"
                   r"mongo\w*|repo|repository|dao|\w+_repo|\w+_repository|\w+_dao|\w+_db|cursor)$"),
        DATABASE,
    ),
    (
        re.compile(r"commit|add|add_all|merge|flush|delete"),
        re.compile(r"(?:^|[._])session$"),
        DATABASE,
    ),
    (
        re.compile(r"set|setex|hset|lpush|rpush|sadd|zadd|incr|expire"),
        re.compile(r"redis"),
        DATABASE,
    ),
)  # fmt: skip


_KNOWN = frozenset(
    [
        "requests",
        "httpx",
        "aiohttp",
        "urllib3",
        "boto3",
        "redis",
        "sqlalchemy",
        "psycopg",
        "psycopg2",
        "asyncpg",
        "pymongo",
        "numpy",
        "pandas",
        "yaml",
        "structlog",
        "pydantic",
        "attrs",
        "fastapi",
        "flask",
        "django",
        "jinja2",
        "prometheus_client",
    ]
)


def is_known(dotted_name: str) -> bool:
    """Whether a name is that of a library whose effects are listed: no guess is needed."""
    top = dotted_name.partition(".")[0]
    return top in sys.stdlib_module_names or top == "builtins" or top in _KNOWN


def effect_of(dotted_name: str, call: ast.Call) -> str | None:
    """The effect of calling a library function; None where it has none that is known."""
    if dotted_name in _OPENERS or dotted_name.endswith(".Path.open"):
        return FILE if _opens_for_writing(dotted_name, call) else None
    if dotted_name == "logging.basicConfig":
        return FILE if any(k.arg == "filename" for k in call.keywords) else None
    if dotted_name.startswith(("pandas.", "polars.")) and not (call.args or call.keywords):
        return None  # `to_csv()` gives the text back
    if _PIPELINES.fullmatch(dotted_name) and not call.args:
        return DATABASE
    if _FILE.fullmatch(dotted_name):
        return FILE
    if _PROCESS.fullmatch(dotted_name):
        return PROCESS
    if _REMOTE.fullmatch(dotted_name):
        return DATABASE
    if _SOCKET.fullmatch(dotted_name):
        return SOCKET
    found = _STORES.fullmatch(dotted_name)
    if found is not None:
        return _of_store(found[1], call)
    return None


def _of_store(method: str, call: ast.Call) -> str | None:
    if method in ("execute", "exec", "execute_async", "fetch", "fetchrow", "fetchval", "raw"):
        text = sql_of(call)
        if text is None:
            return DATABASE if _is_sql_builder(call) else STATE if method != "execute" else None
        return DATABASE if _CHANGES.match(text) else STATE
    if _WRITES.fullmatch(method):
        return DATABASE
    return STATE if _READS.fullmatch(method) else None


def effect_by_name(call: ast.Call) -> str | None:
    """The effect of a method of which only its name and its owner's are known."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return None
    method = function.attr
    if method in ("execute", "executemany", "executescript", "exec_driver_sql"):
        text = sql_of(call)
        if text is not None and _CHANGES.match(text):
            return DATABASE
        if text is not None and _SELECTS.match(text):
            return STATE
        return DATABASE if _is_sql_builder(call) else None
    if method == "open":
        return FILE if _opens_for_writing("pathlib.Path.open", call) else None
    if method in ("to_csv", "to_parquet", "to_excel", "to_pickle", "to_feather", "to_sql"):
        return (DATABASE if method == "to_sql" else FILE) if call.args else None
    owner = (dotted(function.value) or ast.unparse(function.value)).removeprefix("self.")
    if ".objects" in f".{owner}" and _WRITES.fullmatch(method):
        return DATABASE
    for methods, owners, effect in _NAMED:
        if methods.fullmatch(method) and owners.search(owner):
            return effect
    return None


def sql_of(call: ast.Call) -> str | None:
    """The SQL text of a call's first argument, where it is spelled out."""
    argument = call.args[0] if call.args else None
    if isinstance(argument, ast.Call) and dotted(argument.func).rpartition(".")[2] in (
        "text",
        "SQL",
    ):
        argument = argument.args[0] if argument.args else None
    return text_of(argument)


def text_of(node: ast.expr | None) -> str | None:
    """The text of a string, with `?` for what an f-string or a `%` puts in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        left = text_of(node.left)
        right = text_of(node.right) if isinstance(node.op, ast.Add) else ""
        return None if left is None else left + (right or "?")
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)) and (
        node.func.attr in ("format", "strip", "join", "dedent")
    ):
        return text_of(node.func.value)
    return None


def _is_sql_builder(call: ast.Call) -> bool:
    for argument in call.args[:1]:
        current: ast.expr = argument
        while isinstance(current, ast.Call | ast.Attribute):
            if isinstance(current, ast.Call):
                name = dotted(current.func)
                if name.rpartition(".")[2] in ("insert", "update", "delete"):
                    return True
                current = current.func
            else:
                current = current.value
    return False


def _opens_for_writing(name: str, call: ast.Call) -> bool:
    position = 0 if name.endswith("Path.open") else 1
    mode: ast.expr | None = call.args[position] if len(call.args) > position else None
    for keyword in call.keywords:
        if keyword.arg == "mode":
            mode = keyword.value
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
        return _MODE.fullmatch(mode.value) is not None
    return False
