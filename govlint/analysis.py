"""From scanned files to raw findings: which checks run, linking, and what each reports.

Nothing here knows of suppressions, baselines or which paths were asked for; the result
holds for the project as a whole and is what the cache keeps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from govlint.catalog import BUILTIN_KINDS, make_params
from govlint.discover import Target
from govlint.errors import RuleError
from govlint.linked import Linked
from govlint.model import Finding, Location, Problem, Rule
from govlint.python.bindings import Bindings
from govlint.python.entry import Entry
from govlint.python.module_names import ModuleNames
from govlint.python.syntax.layout import place_files
from govlint.python.syntax.source import MARK, ScannedFile, UnparsableError, mark
from govlint.record import Scan
from govlint.suppress import WORD
from govlint.threads import TimeLimit

if TYPE_CHECKING:
    from govlint.scan import Look

SYNTAX_KIND = "syntax"
COMMAND_WORD = "@role"  # a file with a line that runs a role

# the parts whose names a file has to mention to be where a finding starts
_SEEDS = (
    "plugins registries gates metrics lifecycle_enums job_enums layers participants contexts "
    "state_surfaces policies runtimes"
).split()
_WILD = "*?["


class Raw(NamedTuple):
    """What the checks found in the whole project, and how many files were parsed for it.

    `linked` is what this depends on: None where that cannot be said.
    """

    findings: list[Finding]
    problems: list[Problem]
    undecided: list[str]  # rules whose check crashed
    parsed: int
    seconds: dict[str, float]
    linked: Linked | None = None


def load_check(rule: Rule) -> ModuleType:
    """Import the check that a rule names. Raises RuleError where there is none."""
    name = rule.check.replace("-", "_")
    try:
        module = import_module(f"govlint.checks.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"govlint.checks.{name}":
            raise
        raise RuleError(f"there is no check {rule.check!r}", rule.path) from None
    return module


def seed_words(rules: Iterable[Rule], bindings: Bindings) -> frozenset[str]:
    """The words of which a file must hold one for a finding to start in it.

    These are the checks' triggers and, where a check has any, the names that the bindings
    give to what is governed. An entry that is all wildcard makes every file count: "".
    """
    words: set[str] = set()
    for check, triggers in _checks(rules):
        words |= triggers
        if hasattr(check, "may_hold"):
            words.add(mark(check.KIND))
    return frozenset(words | _bound_words(bindings) if words else words)


def _bound_words(bindings: Bindings) -> set[str]:
    """The names that the bindings give to what is governed."""
    words = set()
    for name in _SEEDS:
        for entry in getattr(bindings, name):
            last = entry.split(".")[0 if name == "gates" and "." in entry else -1]
            if name == "gates" and entry.count(".") > 1:
                last = entry.split(".")[-2]
                if not last[:1].isupper():  # a function of a module
                    words.add(_literal(entry.split(".")[-1]))
            words.add(_literal(last))
    return words


def _checks(rules: Iterable[Rule]) -> Iterator[tuple[ModuleType, frozenset[str]]]:
    """The checks of Python code that rules name, each with the triggers of all its rules."""
    by_kind: dict[str, list[Rule]] = {}
    for rule in rules:
        if _is_of_python(rule):
            by_kind.setdefault(rule.check, []).append(rule)
    for named in by_kind.values():
        check = load_check(named[0])
        asked = (check.TRIGGERS if rule.triggers is None else rule.triggers for rule in named)
        yield check, frozenset(chain.from_iterable(asked))


def looks(rules: Sequence[Rule], bindings: Bindings) -> tuple[Look, ...]:
    """The second looks of the checks whose triggers are common.

    Such a check says in `may_hold(data, words)`, by the folded text of a file and those of
    its triggers that are in it, whether there may be a finding; it is asked where the file
    is searched. The answer is remembered as a word of the file.
    """
    from govlint.scan import Look

    asking, plain = [], _bound_words(bindings) | {WORD, COMMAND_WORD}
    for check, triggers in _checks(rules):
        if hasattr(check, "may_hold"):
            asking.append((check, triggers))
        else:
            plain |= triggers
    return tuple(
        Look(mark(check.KIND), triggers, triggers - plain, check.may_hold)
        for check, triggers in asking
    )


def deciders(
    rules: Iterable[Rule], bindings: Bindings
) -> dict[str, tuple[Callable[[bytes], bool], ...]]:
    """The trigger words that are too common to start linking by themselves.

    A check whose TRIGGERS are common words says in `starts_in(data, bindings)` whether
    linking starts from a file that holds one; a file is then followed whole. Where
    `starts_in` is None the check reads files by itself, and none is followed. The words
    that another check, or a binding, starts from as they are stay out of this.
    """
    asked: dict[str, list[Callable[[bytes], bool]]] = {}
    plain: set[str] = set()
    for check, triggers in _checks(rules):
        if not hasattr(check, "starts_in"):
            plain |= triggers
            continue
        for word in (*triggers, mark(check.KIND)):
            asked.setdefault(word, [])
        if check.starts_in is not None:
            decide = partial(check.starts_in, bindings=bindings)
            for word in triggers:
                asked[word].append(decide)
    return {word: tuple(found) for word, found in asked.items() if word not in plain}


def _is_of_python(rule: Rule) -> bool:
    return rule.check not in BUILTIN_KINDS and not rule.documents


def _literal(pattern: str) -> str:
    """The longest part of a pattern that stands in every match as it is."""
    best = current = ""
    for char in pattern + "*":
        if char in _WILD:
            best = max(best, current, key=len)
            current = ""
            if char == "[":
                break
        else:
            current += char
    return best


def all_words(rules: Sequence[Rule], bindings: Bindings) -> tuple[frozenset[str], frozenset[str]]:
    """The words that linking starts from, and all that are searched for."""
    seeds = seed_words(rules, bindings)
    words = frozenset(word for word in seeds if not word.startswith(MARK)) | {WORD}
    if any("text" in rule.documents for rule in rules):
        words |= {COMMAND_WORD}
    return seeds, words


def analyse(
    targets: Sequence[Target],
    scans: Mapping[str, Scan],
    rules: Sequence[Rule],
    bindings: Bindings,
    root: str,
    given: Mapping[str, bytes],
    seeds: frozenset[str],
    time_limit: int = 0,
) -> Raw:
    """Run the checks of `rules` over the project. A check that crashes becomes a Problem.

    So does being told that `time_limit` seconds are over (TimeLimit), with the place where.
    Faults that the scan met already are not told again: `faults` tells them.
    """
    raw = Raw([], [], [], 0, {})
    syntax = _syntax_rule(rules)
    checked = [rule for rule in rules if _is_of_python(rule)]
    if not checked or not any(_mentions(scans[t.abspath], seeds) for t in targets):
        names = frozenset(word for word in seeds if not word.startswith(MARK))
        return raw._replace(linked=Linked(frozenset(), frozenset(), names))
    files = scanned_files(targets, scans, root, given, seeds)
    started = time.perf_counter()
    from govlint.python.gate import presence
    from govlint.python.linking import link

    try:
        program = link(files, bindings, Path(root), seeds, deciders(checked, bindings))
    except (RecursionError, MemoryError):
        raw.problems.append(Problem("limit", "the project is nested too deeply to be linked"))
        return raw
    except Exception as error:
        raw.problems.append(crash("linking", error))
        raw.undecided.extend(rule.code for rule in checked)
        return raw
    except TimeLimit as error:
        raw.problems.append(out_of_time("linking", time_limit, error))
        raw.undecided.extend(rule.code for rule in checked)
        return raw
    linked = time.perf_counter()
    raw.seconds["link"] = linked - started
    for position, rule in enumerate(checked):
        started = time.perf_counter()
        try:
            _run_check(rule, program, raw)
        except TimeLimit as error:
            raw.problems.append(out_of_time(f"{rule.code} ({rule.name})", time_limit, error))
            raw.undecided.extend(left.code for left in checked[position:])
            break
        raw.seconds[rule.code] = time.perf_counter() - started
    if any(rule.check in presence.KINDS for rule in checked):
        raw.problems.extend(absent_gate(entry) for entry in presence.absent(program))
    for kind, message, path in program.problems:
        raw.problems.append(Problem(kind, message, path))
    parsed = 0
    for file in files:
        parsed += file.parsed
        failure = file.failure
        if failure is None or scans[file.abspath].fault or scans[file.abspath].problem:
            continue
        if failure.kind == "syntax":
            _report_fault(raw, syntax, file.path, failure.line, failure.column, failure.message)
        else:
            raw.problems.append(Problem(failure.kind, failure.message, file.path, failure.line))
    return raw._replace(parsed=parsed, linked=program.linked())


def holds_still(
    linked: Linked,
    changed: Sequence[Target],
    targets: Sequence[Target],
    scans: Mapping[str, Scan],
    bindings: Bindings,
    root: str,
    seeds: frozenset[str],
) -> bool:
    """Say whether an analysis that linked `linked` holds on, now that `changed` files differ.

    `targets` are the same files as then.
    """
    from govlint.python.relink import concerns

    def names() -> ModuleNames:
        places = place_files([target.abspath for target in targets], root)
        packages = {place.module for place in places.values() if place.is_package}
        return ModuleNames((places[t.abspath].module for t in targets), packages)

    files = scanned_files(targets, scans, root, {}, seeds, changed)
    return not concerns(linked, files, Entry(seeds, bindings), names)


def faults(targets: Sequence[Target], scans: Mapping[str, Scan], rules: Sequence[Rule]) -> Raw:
    """The files that the scan found to be no Python: findings, or problems without GOV901."""
    raw = Raw([], [], [], 0, {})
    for target in targets:
        fault = scans[target.abspath].fault
        if fault is not None:
            _report_fault(raw, _syntax_rule(rules), target.path, *fault)
    return raw


def _syntax_rule(rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.check == SYNTAX_KIND), None)


def _mentions(scan: Scan, seeds: frozenset[str]) -> bool:
    return "" in seeds or not seeds.isdisjoint(scan.words)


def scanned_files(
    targets: Sequence[Target],
    scans: Mapping[str, Scan],
    root: str,
    given: Mapping[str, bytes],
    seeds: frozenset[str],
    chosen: Iterable[Target] | None = None,
) -> list[ScannedFile]:
    """Make the files that linking works on; those with a fault carry it and stay unread.

    `targets` are all of the project, which names depend on; `chosen` those that are made.
    """
    places = place_files([target.abspath for target in targets], root)
    everywhere = frozenset(("",)) & seeds
    files = []
    for target in targets if chosen is None else chosen:
        scan = scans[target.abspath]
        place = places[target.abspath]
        failure = None
        if scan.fault is not None:
            line, column, message = scan.fault
            failure = UnparsableError("syntax", message, line, column)
        elif scan.problem is not None:
            failure = UnparsableError(*scan.problem)
        files.append(
            ScannedFile(
                path=target.path,
                abspath=target.abspath,
                module=place.module,
                data=given.get(target.abspath),
                words=frozenset(scan.words) | everywhere,
                is_test=place.is_test,
                nonascii=scan.nonascii,
                is_package=place.is_package,
                failure=failure,
            )
        )
    return files


def _run_check(rule: Rule, program: Any, raw: Raw) -> None:
    check = load_check(rule)
    try:
        params = make_params(rule)
    except ValueError as error:
        raise RuleError(str(error), rule.path) from None
    try:
        raw.findings.extend(check.run(rule, params, program))
    except (RecursionError, MemoryError):
        message = f"{rule.code} ({rule.name}) met code nested too deeply to be judged"
        raw.problems.append(Problem("limit", message))
        raw.undecided.append(rule.code)
    except Exception as error:
        raw.problems.append(crash(f"{rule.code} ({rule.name})", error))
        raw.undecided.append(rule.code)


def crash(what: str, error: Exception) -> Problem:
    """The Problem of a part of govlint that failed; with GOVLINT_DEBUG the failure itself."""
    if os.environ.get("GOVLINT_DEBUG"):
        raise error
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f" at {os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Problem("crash", f"{what} failed ({text}{place}); please report this")


def absent_gate(entry: str) -> Problem:
    """The problem that a configured gate is nowhere: what is said of gates says nothing then."""
    return Problem(
        "nothing-to-check",
        f"the gate {entry!r} of the bindings is not in this project, so that nothing is checked"
        " inside of it; write it as `module.Class.method` or `module.function`",
    )


def out_of_time(what: str, limit: int, error: BaseException | None = None) -> Problem:
    """The problem that `what` was given up after `limit` seconds, and at which place in the code.

    The place is in the message: as the problem's own it would be nobody's where the run
    reports on other files only.
    """
    place = _interrupted_at(error)
    at = f" at {place[0]}:{place[1]}" if place is not None else ""
    message = f"{what} was given up{at} after {limit} seconds (`time-limit` sets another bound)"
    return Problem("timeout", message)


def _interrupted_at(error: BaseException | None) -> tuple[str, int] | None:
    """The place in the analysed code that an interrupted analysis was at, if it tells."""
    import ast

    place = None
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        values = trace.tb_frame.f_locals
        owner = values.get("module") or getattr(values.get("self"), "module", None)
        path = getattr(owner, "path", "")
        if path:
            lines = [getattr(n, "lineno", 0) for n in values.values() if isinstance(n, ast.AST)]
            line = next(filter(None, lines), 0)
            if line or place is None or place[0] != path:
                place = (path, line or 1)
        trace = trace.tb_next
    return place


def _report_fault(
    raw: Raw, syntax: Rule | None, path: str, line: int, column: int, message: str
) -> None:
    """Report a file that is no Python: a finding, or a problem where GOV901 is not selected.

    A path with a placeholder (`{{ cookiecutter.name }}/conf.py`) is a template's: it is no
    Python before it is filled in, and cannot be run before.
    """
    if "{{" in path:
        return
    if syntax is None:
        raw.problems.append(Problem("undecodable", f"is not valid Python: {message}", path, line))
        return
    raw.findings.append(
        Finding(
            rule=syntax.code,
            name=syntax.name,
            severity=syntax.severity,
            message=f"this file is not valid Python: {message}",
            location=Location(path, line, column, line, column + 1),
            help=syntax.fix,
        )
    )
