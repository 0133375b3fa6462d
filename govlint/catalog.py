"""The law book: all rule pages, compiled once and cached.

The built-in pages are read from `rules/`, a project's own from the folders its
configuration names. Reading forty pages of Markdown costs a quarter of a second, so the
compiled rules are cached; a page that has changed, or a cache that cannot be trusted, is
compiled again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from govlint import __version__
from govlint.data import data_dir
from govlint.errors import ConfigError, RuleError, UsageError
from govlint.model import Rule, Severity

if TYPE_CHECKING:
    from govlint.pages import Page

BUILTIN_KINDS = ("suppression-reason", "suppression-unused", "syntax")
_FIELDS = "code name since check spec pack summary why fix path digest".split()


@dataclass(frozen=True)
class Catalog:
    """All rules by code, built-in ones first."""

    rules: Mapping[str, Rule] = field(default_factory=dict)

    def including(self, rule: Rule) -> Catalog:
        """This catalogue and one more page. Raises RuleError where its code or name is taken."""
        for other in self.rules.values():
            if os.path.realpath(other.path) == os.path.realpath(rule.path):
                return self
        rules = dict(self.rules)
        _add(rules, rule)
        return Catalog(dict(sorted(rules.items())))

    @property
    def digest(self) -> str:
        """A digest over the pages' contents: equal on every machine for equal pages."""
        return ruleset_digest(self.rules.values())

    def get(self, wanted: str) -> Rule:
        """The rule of a code or name. Raises UsageError with the nearest one."""
        for rule in self.rules.values():
            if wanted in (rule.code, rule.name) or wanted.upper() == rule.code:
                return rule
        raise UsageError(self._unknown(wanted))

    def select(self, select: Sequence[str] | None, ignore: Sequence[str] = ()) -> list[Rule]:
        """The rules that `select` names and `ignore` does not.

        An entry is a code, a name, the beginning of a code (`GOV1`), a pack or `all`;
        no `select` means all. Raises UsageError for an entry that means no rule.
        """
        chosen: dict[str, Rule] = {}
        for entry in select or ("all",):
            chosen.update((rule.code, rule) for rule in self._matching(entry))
        for entry in ignore:
            for rule in self._matching(entry):
                chosen.pop(rule.code, None)
        return [rule for rule in self.rules.values() if rule.code in chosen]

    def _matching(self, entry: str) -> list[Rule]:
        word = entry.strip()
        if word.lower() == "all":
            return list(self.rules.values())
        found = [
            rule
            for rule in self.rules.values()
            if word in (rule.code, rule.name, rule.pack)
            or (len(word) >= 3 and rule.code.startswith(word.upper()))
        ]
        if not found:
            raise UsageError(self._unknown(word))
        return found

    def _unknown(self, word: str) -> str:
        from difflib import get_close_matches

        names = [name for rule in self.rules.values() for name in (rule.code, rule.name, rule.pack)]
        close = get_close_matches(word, names, 1) or get_close_matches(word.upper(), names, 1)
        hint = f"did you mean {close[0]!r}?" if close else "see `govlint rules list`"
        return f"no rule is called {word!r}; {hint}"


def ruleset_digest(rules: Iterable[Rule]) -> str:
    """`sha256:…` over the codes and pages of the rules, in order of code."""
    whole = hashlib.sha256()
    for rule in sorted(rules, key=lambda r: r.code):
        whole.update(f"{rule.code} {rule.digest}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def check_kinds() -> tuple[str, ...]:
    """The kinds of check there are, found by listing the folder, importing none."""
    folder = Path(__file__).parent / "checks"
    names = sorted(
        entry.name[:-3].replace("_", "-")
        for entry in os.scandir(folder)
        if entry.name.endswith(".py") and not entry.name.startswith("_")
    )
    return (*names, *BUILTIN_KINDS)


def load_catalog(rule_dirs: Sequence[Path] = ()) -> Catalog:
    """The built-in rules and those of a project's folders.

    Raises RuleError for a faulty page and ConfigError for a folder that is not there.
    """
    rules: dict[str, Rule] = {}
    loaded: set[str] = set()  # a folder may be named twice, also through another one
    for folder in (data_dir("rules"), *rule_dirs):
        if not folder.is_dir():
            said = "is no folder" if os.path.lexists(folder) else "does not exist"
            raise ConfigError(f"the rule folder {folder} {said}")
        for rule in _load_folder(folder):
            real = os.path.realpath(rule.path) if rule_dirs else rule.path
            if real not in loaded:
                loaded.add(real)
                _add(rules, rule)
    return Catalog(dict(sorted(rules.items())))


def _add(rules: dict[str, Rule], rule: Rule) -> None:
    for other in rules.values():
        if rule.code == other.code or rule.name == other.name:
            key, what = ("id", rule.code) if rule.code == other.code else ("name", rule.name)
            line = _line_of(_read(Path(rule.path)), key)
            raise RuleError(f"{what} is already the rule of {other.path}", rule.path, line)
    rules[rule.code] = rule


def page_paths(folder: Path) -> list[Path]:
    """The rule pages in a folder and below it, in a stable order; README pages are none.

    Whatever is named as a page is listed, so that one that cannot be read is refused and
    not left out; hidden files, which editors leave, are no pages. Raises ConfigError for a
    folder that cannot be looked into.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=_refuse_folder):
        for name in folders:
            path = Path(place, name)
            if path.is_symlink():  # it may lead anywhere, also back
                raise ConfigError(
                    f"{path} is a link to a folder, and those are not followed;"
                    " name the folder it leads to in `rules`"
                )
        found += (
            Path(place, name)
            for name in files
            if name.lower().endswith(".md") and name != "README.md" and not name.startswith(".")
        )
    return sorted(found)


def _refuse_folder(error: OSError) -> None:
    raise ConfigError(f"the rule folder {error.filename} cannot be read: {error.strerror}")


def _load_folder(folder: Path) -> list[Rule]:
    paths = page_paths(folder)
    stamp = _stamp(paths)
    cached = _read_cache(folder, stamp)
    if cached is not None and [rule.path for rule in cached] == [str(path) for path in paths]:
        return cached
    rules = [compile_page(path) for path in paths]
    _write_cache(folder, stamp, rules)
    return rules


def compile_page(path: Path) -> Rule:
    """Read one page and check it against the check it names. Raises RuleError."""
    return read_page(path).rule


def read_page(path: Path) -> Page:
    """The rule of one page with its examples. Raises RuleError."""
    from govlint import pages

    page = pages.parse(_read(path), str(path))
    _check_kind(page)
    page.rule = _with_its_check(page.rule)
    return page


def _with_its_check(rule: Rule) -> Rule:
    """The rule with what its check says of itself: its triggers, its kinds of document."""
    if rule.check in BUILTIN_KINDS:
        return replace(rule, triggers=())
    module = import_module(f"govlint.checks.{rule.check.replace('-', '_')}")
    documents = tuple(getattr(module, "DOCUMENTS", ()))
    return replace(rule, triggers=tuple(module.TRIGGERS), documents=documents)


def _read(path: Path) -> str:
    shown = str(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise RuleError("the page cannot be read: it is no regular file", shown)
        data = path.read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleError(f"the page is not UTF-8: {error.reason}", shown, line) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RuleError(f"the page cannot be read: {reason}", shown) from None


def _check_kind(page: Page) -> None:
    from govlint.pages import nearest

    rule, kinds = page.rule, check_kinds()
    if rule.check not in kinds:
        hint = nearest(rule.check, kinds)
        message = f"there is no check `{rule.check}`{hint}; there are {', '.join(kinds)}"
        raise RuleError(message, rule.path, page.where["check"])
    if rule.check in BUILTIN_KINDS:
        if rule.params:
            message = f"the check `{rule.check}` takes no params"
            raise RuleError(message, rule.path, page.where["params"])
        return
    try:
        make_params(rule)
    except ValueError as error:
        raise RuleError(str(error), rule.path, page.where["params"]) from None


def _line_of(text: str, key: str) -> int:
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(f"{key}:"):
            return number
    return 1


def params_of(kind: str) -> dict[str, Any]:
    """The names of what a page may set for a check, with what holds where it does not."""
    from dataclasses import MISSING, fields

    if kind in BUILTIN_KINDS:
        return {}
    module = import_module(f"govlint.checks.{kind.replace('-', '_')}")
    return {
        entry.name: entry.default if entry.default_factory is MISSING else entry.default_factory()
        for entry in fields(module.Params)
    }


def make_params(rule: Rule) -> Any:
    """The check's `Params` with what the page sets. Raises ValueError with the nearest name."""
    from govlint.pages import nearest

    module = import_module(f"govlint.checks.{rule.check.replace('-', '_')}")
    known = params_of(rule.check)
    values: dict[str, Any] = {}
    for name, value in rule.params.items():
        key = name.replace("-", "_")
        if key not in known:
            hint = nearest(key, known)
            listed = ", ".join(known) or "none"
            raise ValueError(
                f"the check `{rule.check}` has no param `{name}`{hint}; it has {listed}"
            )
        default = known[key]
        if isinstance(value, list):
            value = tuple(value)
        if isinstance(default, str | bool | int | tuple | dict) and type(value) is not type(
            default
        ):
            raise ValueError(
                f"param `{name}` of the check `{rule.check}` is {type(default).__name__},"
                f" found {type(value).__name__} {value!r}"
            )
        if isinstance(value, tuple) and not all(isinstance(part, str) for part in value):
            raise ValueError(f"param `{name}` of the check `{rule.check}` is a list of words")
        if isinstance(value, dict) and not all(
            isinstance(part, str) for item in value.items() for part in item
        ):
            raise ValueError(f"param `{name}` of the check `{rule.check}` maps words to texts")
        values[key] = value
    try:
        return module.Params(**values)
    except TypeError as error:  # it has one without a default
        raise ValueError(f"the params of the check `{rule.check}` do not fit: {error}") from None


# -- the compiled catalogue --------------------------------------------------------------------


def _stamp(paths: Sequence[Path]) -> str:
    """A digest over the pages' sizes and times and over the code that compiled them."""
    package = Path(__file__).parent
    code = [
        package / "pages.py",
        package / "catalog.py",
        *sorted(Path(e.path) for e in os.scandir(package / "checks") if e.name.endswith(".py")),
    ]
    whole = hashlib.sha256(f"{__version__} {sys.version}\n".encode())
    for path in (*code, *paths):
        try:
            status = path.stat()
        except OSError:
            times = ""  # reading it says what is wrong
        else:
            times = f"{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0{status.st_ino}"
        whole.update(f"{path}\0{times}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _cache_file(folder: Path) -> Path:
    given = os.environ.get("GOVLINT_CACHE_DIR")
    shared = os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path(shared or Path.home() / ".cache") / "govlint"
    name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    return base / f"rules-{name}.json"


def _read_cache(folder: Path, stamp: str) -> list[Rule] | None:
    import json

    try:
        file = _cache_file(folder)
        if not file.is_file():  # a pipe would be waited for
            return None
        data = file.read_bytes()
        check, _, payload = data.partition(b"\n")
        if hashlib.sha256(payload).hexdigest().encode() != check:
            return None
        document = json.loads(payload)
        if document["stamp"] != stamp:
            return None
        return [_load_rule(entry) for entry in document["rules"]]
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, MemoryError):
        return None


def _load_rule(entry: Any) -> Rule:
    """Read a stored rule. Raises TypeError, ValueError or LookupError for what is none."""
    texts = {name: entry[name] for name in _FIELDS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a stored rule has a field that is no text")
    if not isinstance(entry["params"], dict):
        raise TypeError("a stored rule has params that are no mapping")
    triggers = tuple(entry["triggers"])
    if not all(isinstance(word, str) for word in triggers):
        raise TypeError("a stored rule has a trigger that is no text")
    documents = tuple(str(kind) for kind in entry["documents"])
    severity = Severity(entry["severity"])
    return Rule(
        **texts,
        params=entry["params"],
        severity=severity,
        triggers=triggers,
        documents=documents,
    )


def _write_cache(folder: Path, stamp: str, rules: Sequence[Rule]) -> None:
    import json

    from govlint.files import write_atomic

    entries = [
        {
            **{name: getattr(rule, name) for name in _FIELDS},
            "params": dict(rule.params),
            "severity": int(rule.severity),
            "triggers": rule.triggers,
            "documents": rule.documents,
        }
        for rule in rules
    ]
    try:
        payload = json.dumps({"stamp": stamp, "rules": entries}).encode()
        target = _cache_file(folder)
        if target.exists() and not target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        seal = hashlib.sha256(payload).hexdigest().encode()
        write_atomic(str(target), seal + b"\n" + payload)
    except (OSError, TypeError, ValueError, RuntimeError):
        return  # it is compiled again the next time
