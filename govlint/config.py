"""Configuration: finding the project, reading `[tool.govlint]` or `govlint.toml`.

A key that is not known is an error and not a shrug: a misspelt `exclude` would check too
much and a misspelt `per-path` too little. `schemas/config.schema.json` says the same for
editors; a test holds the two together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

from govlint.errors import ConfigError
from govlint.model import Severity
from govlint.patterns import translate
from govlint.python.bindings import Bindings

DEFAULT_EXCLUDE = (
    ".bzr .direnv .eggs .git .git-rewrite .govlint_cache .hg .hypothesis .idea .ipynb_checkpoints"
    " .mypy_cache .nox .pants.d .pyenv .pytest_cache .pytype .ruff_cache .svn .tox .venv .vscode"
    " __pycache__ __pypackages__ _build buck-out build dist node_modules site-packages venv"
).split()
MAX_FILE_SIZE = 5_000_000
TIME_LIMIT = 300  # seconds
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class PerPath:
    """Rules that do not apply to some paths, why, and until when (an ISO date, or never)."""

    paths: tuple[str, ...]
    ignore: tuple[str, ...]
    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What a project decided. `root` is absolute; `source` the file it came from, if any.

    `bounded` is False where no project was found, or its root is a home directory or the
    file system's: then only the given paths are looked at, also for facts.
    """

    root: str
    source: str | None = None
    bounded: bool = True
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = tuple(DEFAULT_EXCLUDE)
    rules: tuple[str, ...] = ()
    bindings: Bindings = field(default_factory=Bindings)
    max_file_size: int = MAX_FILE_SIZE
    time_limit: int = TIME_LIMIT
    fail_on: Severity = Severity.NOTE
    baseline: str | None = None
    per_path: tuple[PerPath, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    documents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind → patterns
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # rule → its page's, over
    digest: str = ""


class _Reader:
    """One configuration file being read; knows how to point at a key of it."""

    def __init__(self, path: str, shown: str, text: str, prefix: str) -> None:
        self.path, self.shown, self.prefix = path, shown, prefix
        self._lines = text.splitlines()

    def fail(self, message: str, table: str = "", key: str = "", nth: int = 0) -> ConfigError:
        return ConfigError(f"{self.shown}:{self._line(table, key, nth)}: {message}")

    def _line(self, table: str, key: str, nth: int) -> int:
        """Find the line of a key; tomllib keeps no positions. Falls back to its table's."""
        wanted = ".".join(p for p in (self.prefix, table) if p)
        inline = rf"\s*[\"']?{re.escape(table.rpartition('.')[2])}[\"']?\s*="
        entry = re.compile(rf"\s*(?:[\w.\"'-]+\s*\.\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.]")
        current, best, seen = "", 0, -1
        for number, line in enumerate(self._lines, 1):
            header = _HEADER.match(line)
            if header and "=" not in line.split("#")[0]:
                current = re.sub(r"[\s\"']", "", header.group(1))
                if current == wanted:
                    seen += 1
                    if seen <= nth:
                        best = number
                elif key and current == ".".join(p for p in (wanted, key) if p):
                    return number
            elif current == wanted and (not table or seen == nth):
                if key and entry.match(line):
                    return number
                best = best or number
            elif table and re.match(inline, line):
                best = number
        return best or 1

    def unknown(self, key: str, known: Sequence[str], table: str = "", nth: int = 0) -> ConfigError:
        from difflib import get_close_matches

        near = get_close_matches(key.replace("_", "-"), known, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        where = f" in {table}" if table else ""
        return self.fail(f"unknown key {key!r}{where}; {hint}", table, key, nth)


def find_source(start: str) -> tuple[str | None, str | None]:
    """Look upwards from the folder `start`: the nearest configuration file, and the root.

    The root is the folder of that file, else the nearest one that holds `.git`, else None.
    """
    git = None
    folder = start
    while True:
        own = os.path.join(folder, "govlint.toml")
        if os.path.isfile(own):
            return own, folder
        shared = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(shared) and _has_table(shared):
            return shared, folder
        if git is None and os.path.exists(os.path.join(folder, ".git")):
            git = folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None, git
        folder = parent


def _has_table(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if b"govlint" not in data:
        return False
    table = _parse(path, _show(path), data).get("tool")
    return isinstance(table, dict) and "govlint" in table


def _show(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _parse(path: str, shown: str, data: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}:{line}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))  # else: at the end of the document
        line = int(found.group(1)) if found else len(data.splitlines()) + data.endswith(b"\n")
        raise ConfigError(f"{shown}:{line}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{shown}:1: is nested too deeply") from None


def _may_be_root(folder: str) -> bool:
    """Whether a folder may be a project's; the root of the disk and a home are nobody's."""
    return folder not in (os.path.expanduser("~"), os.path.dirname(folder))


def load_config(paths: Sequence[str] = (), explicit: str | None = None) -> Config:
    """Read the configuration that holds for `paths` (default: the working directory).

    `explicit` names a file instead of the search; relative paths in it are relative to
    the working directory, or, for paths outside that, to the project found above them.
    Raises ConfigError with file and line.
    """
    cwd = os.getcwd()
    start = _common_folder([os.path.abspath(p) for p in paths if p != "-"] or [cwd])
    if explicit is not None:
        source: str | None = os.path.abspath(explicit)
        if not os.path.isfile(explicit):
            raise ConfigError(f"{explicit}: there is no such configuration file")
        # as ruff has it: wherever the file is kept, its paths mean the working directory
        root = cwd if _may_be_root(cwd) and _below(start, cwd) else find_source(start)[1]
    else:
        source, root = find_source(start)
    bounded = True
    if root is None:
        # the root of the disk and a home folder are nobody's project
        within = _may_be_root(cwd) and _below(start, cwd)
        root, bounded = (cwd, True) if within else (start, False)
    if not _may_be_root(root):
        bounded = False
    if source is None:
        return Config(root=root, bounded=bounded, digest=_digest(b"", b""))
    try:
        with open(source, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise ConfigError(f"{_show(source)}: cannot be read: {error.strerror}") from None
    shown = _show(source)
    document = _parse(source, shown, data)
    shared = os.path.basename(source) == "pyproject.toml"
    if shared:
        tool = document.get("tool", {})
        document = tool.get("govlint", {}) if isinstance(tool, dict) else {}
    text = data.decode("utf-8-sig")
    reader = _Reader(source, shown, text, "tool.govlint" if shared else "")
    if not isinstance(document, dict):
        raise reader.fail("[tool.govlint] is not a table")
    return _read(reader, document, root, bounded)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _common_folder(paths: Sequence[str]) -> str:
    try:
        common = os.path.commonpath(paths)
    except ValueError:
        common = os.getcwd()
    while not os.path.isdir(common) and os.path.dirname(common) != common:
        common = os.path.dirname(common)
    return common


def _digest(*parts: bytes) -> str:
    return sha256(b"\0".join(parts)).hexdigest()


KEYS = (
    "select ignore exclude extend-exclude rules bindings max-file-size time-limit fail-on baseline"
    " per-path severity documents params"
).split()
DOCUMENT_KEYS = {
    "reports": "report",
    "missions": "mission",
    "roles": "role",
    "role-registries": "role-registry",
}
_PER_PATH_KEYS = ("paths", "ignore", "reason", "until")


def _read(reader: _Reader, document: dict[str, Any], root: str, bounded: bool) -> Config:
    for key in document:
        if key not in KEYS:
            raise reader.unknown(key, KEYS)

    def strings(key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return _strings(reader, document, key) if key in document else default

    exclude = strings("exclude", tuple(DEFAULT_EXCLUDE)) + strings("extend-exclude")
    for key in ("exclude", "extend-exclude"):
        _check_patterns(reader, strings(key), "", key)
    size = _positive(reader, document, "max-file-size", MAX_FILE_SIZE, "bytes")
    seconds = _positive(reader, document, "time-limit", TIME_LIMIT, "seconds")
    baseline = document.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise reader.fail(f"baseline is {baseline!r}; it must be a path", "", "baseline")
    severities = document.get("severity", {})
    if not isinstance(severities, dict):
        raise reader.fail("severity must be a table from rule to severity", "", "severity")
    return Config(
        root=root,
        source=reader.path,
        bounded=bounded,
        select=strings("select"),
        ignore=strings("ignore"),
        exclude=exclude,
        rules=tuple(os.path.join(root, folder) for folder in strings("rules")),
        bindings=_bindings(reader, document.get("bindings", {})),
        max_file_size=size,
        time_limit=seconds,
        fail_on=_severity(reader, document.get("fail-on", "note"), "", "fail-on"),
        baseline=os.path.join(root, baseline) if baseline else None,
        per_path=_per_path(reader, document.get("per-path", [])),
        severity={
            rule: _severity(reader, word, "severity", rule) for rule, word in severities.items()
        },
        documents=_documents(reader, document.get("documents", {})),
        params=_params(reader, document.get("params", {})),
        digest=_digest(repr(sorted(document.items())).encode("utf-8", "surrogatepass")),
    )


def _positive(
    reader: _Reader, document: Mapping[str, Any], key: str, default: int, unit: str
) -> int:
    value = document.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        message = f"{key} is {value!r}; it must be a whole number of {unit} above 0"
        raise reader.fail(message, "", key)
    return value


def _strings(
    reader: _Reader, table: Mapping[str, Any], key: str, name: str = "", nth: int = 0
) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise reader.fail(f"{key} is {value!r}; it must be a list of strings", name, key, nth)
    return tuple(value)


def _severity(reader: _Reader, word: object, table: str, key: str) -> Severity:
    if isinstance(word, str):
        try:
            return Severity.parse(word)
        except ValueError:
            pass
    raise reader.fail(f"{key} is {word!r}; it must be note, warning or error", table, key)


def _check_patterns(
    reader: _Reader, patterns: Sequence[str], table: str, key: str, nth: int = 0
) -> None:
    for pattern in patterns:
        try:
            re.compile(translate(pattern))
        except (ValueError, re.error) as error:
            raise reader.fail(f"{key}: {pattern!r}: {error}", table, key, nth) from None


def _params(reader: _Reader, table: object) -> dict[str, dict[str, Any]]:
    """What the project sets for the checks of rules; the checks themselves say what they take."""
    if not isinstance(table, dict):
        raise reader.fail("params must be a table from rule to its parameters", "", "params")
    for rule, values in table.items():
        if not isinstance(values, dict):
            said = f"params.{rule} is {values!r}; it must be a table of parameters"
            raise reader.fail(said, "params", rule)
    return table


def _documents(reader: _Reader, table: object) -> dict[str, tuple[str, ...]]:
    """Which files are documents of which kind, whatever stands in them."""
    if not isinstance(table, dict):
        raise reader.fail("documents must be a table", "", "documents")
    globs: dict[str, tuple[str, ...]] = {}
    for key in table:
        if key not in DOCUMENT_KEYS:
            raise reader.unknown(key, list(DOCUMENT_KEYS), "documents")
        patterns = _strings(reader, table, key, "documents")
        _check_patterns(reader, patterns, "documents", key)
        if patterns:
            globs[DOCUMENT_KEYS[key]] = patterns
    return globs


def _bindings(reader: _Reader, table: object) -> Bindings:
    if not isinstance(table, dict):
        raise reader.fail("bindings must be a table", "", "bindings")
    known = {item.name.replace("_", "-"): item.name for item in fields(Bindings)}
    chosen: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise reader.unknown(key, list(known), "bindings")
        if key == "job-transitions":
            pairs: list[Any] = value if isinstance(value, list) else [None]
            if not all(
                isinstance(p, list) and len(p) == 2 and all(isinstance(s, str) for s in p)
                for p in pairs
            ):
                message = f"{key} is {value!r}; it must be a list of [from, to] pairs"
                raise reader.fail(message, "bindings", key)
            chosen[known[key]] = tuple((p[0], p[1]) for p in pairs)
            continue
        names = _strings(reader, table, key, "bindings")
        for name in names:
            if not name or not all(name.split(".")):
                message = f"{key}: {name!r} is no name, dotted name or pattern"
                raise reader.fail(message, "bindings", key)
        chosen[known[key]] = names
    return Bindings(**chosen)


def _per_path(reader: _Reader, entries: object) -> tuple[PerPath, ...]:
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise reader.fail("per-path must be a list of tables ([[per-path]])", "", "per-path")
    result = []
    for nth, entry in enumerate(entries):
        for key in entry:
            if key not in _PER_PATH_KEYS:
                raise reader.unknown(key, _PER_PATH_KEYS, "per-path", nth)
        for key in ("paths", "ignore", "reason"):
            if not entry.get(key):
                message = f"per-path entry has no {key}; it is required"
                raise reader.fail(message, "per-path", "", nth)
        reason = entry["reason"]
        if not isinstance(reason, str) or not reason.strip():
            raise reader.fail(f"reason is {reason!r}; it must be a text", "per-path", "reason", nth)
        paths = _strings(reader, entry, "paths", "per-path", nth)
        _check_patterns(reader, paths, "per-path", "paths", nth)
        ignore = _strings(reader, entry, "ignore", "per-path", nth)
        until = entry.get("until")
        if until is not None:
            until = _date(reader, until, nth)
        result.append(PerPath(paths, ignore, reason.strip(), until))
    return tuple(result)


def _date(reader: _Reader, value: object, nth: int) -> str:
    """Take `until` as text or as a TOML date; either way it comes out as YYYY-MM-DD."""
    import datetime

    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    message = f"until is {value!r}; it must be a date, YYYY-MM-DD"
    raise reader.fail(message, "per-path", "until", nth)
