"""From scanned files to raw findings: which checks run, linking, and what each reports.

Nothing here knows of suppressions, baselines or which paths were asked for; the result
holds for the project as a whole and is what the cache keeps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from govlint.catalog import BUILTIN_KINDS, make_params
from govlint.discover import Target
from govlint.errors import RuleError
from govlint.model import Finding, Location, Problem, Rule
from govlint.python.bindings import Bindings
from govlint.python.syntax.layout import place_files
from govlint.python.syntax.source import ScannedFile, UnparsableError
from govlint.record import Scan
from govlint.suppress import WORD

SYNTAX_KIND = "syntax"

# the parts whose names a file has to mention to be where a finding starts
_SEEDS = (
    "plugins registries gates metrics lifecycle_enums job_enums layers participants contexts "
    "state_surfaces policies runtimes"
).split()
_WILD = "*?["


class Raw(NamedTuple):
    """What the checks found in the whole project, and how many files were parsed for it."""

    findings: list[Finding]
    problems: list[Problem]
    undecided: list[str]  # rules whose check crashed
    parsed: int
    seconds: dict[str, float]


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
    for kind in {rule.check: rule for rule in rules if rule.check not in BUILTIN_KINDS}.values():
        words.update(load_check(kind).TRIGGERS)
    if words:
        for name in _SEEDS:
            for entry in getattr(bindings, name):
                last = entry.split(".")[0 if name == "gates" and "." in entry else -1]
                if name == "gates" and entry.count(".") > 1:
                    last = entry.split(".")[-2]
                words.add(_literal(last))
    return frozenset(words)


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
    for kind in {rule.check: rule for rule in rules if rule.check not in BUILTIN_KINDS}.values():
        check = load_check(kind)
        if not hasattr(check, "starts_in"):
            plain.update(check.TRIGGERS)
            continue
        for word in check.TRIGGERS:
            asked.setdefault(word, [])
        if check.starts_in is not None:
            decide = partial(check.starts_in, bindings=bindings)
            for word in check.TRIGGERS:
                asked[word].append(decide)
    return {word: tuple(found) for word, found in asked.items() if word not in plain}


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
    return seeds, seeds | {WORD}


def analyse(
    targets: Sequence[Target],
    scans: Mapping[str, Scan],
    rules: Sequence[Rule],
    bindings: Bindings,
    root: str,
    given: Mapping[str, bytes],
    seeds: frozenset[str],
) -> Raw:
    """Run the checks of `rules` over the project. A check that crashes becomes a Problem."""
    raw = Raw([], [], [], 0, {})
    syntax = next((rule for rule in rules if rule.check == SYNTAX_KIND), None)
    for target in targets:
        fault = scans[target.abspath].fault
        if fault is not None:
            _report_fault(raw, syntax, target.path, *fault)
    checked = [rule for rule in rules if rule.check not in BUILTIN_KINDS]
    anywhere = "" in seeds
    if not checked or not (
        anywhere or any(not seeds.isdisjoint(scans[t.abspath].words) for t in targets)
    ):
        return raw
    every = frozenset(("",)) if anywhere else frozenset()
    files = scanned_files(targets, scans, root, given, every)
    started = time.perf_counter()
    from govlint.python.linking import link

    try:
        program = link(files, bindings, Path(root), seeds, deciders(checked, bindings))
    except (RecursionError, MemoryError):
        raw.problems.append(Problem("limit", "the project is nested too deeply to be linked"))
        return raw
    except Exception as error:
        raw.problems.append(_crash("linking", error))
        raw.undecided.extend(rule.code for rule in checked)
        return raw
    linked = time.perf_counter()
    raw.seconds["link"] = linked - started
    for rule in checked:
        started = time.perf_counter()
        _run_check(rule, program, raw)
        raw.seconds[rule.code] = time.perf_counter() - started
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
    return raw._replace(parsed=parsed)


def scanned_files(
    targets: Sequence[Target],
    scans: Mapping[str, Scan],
    root: str,
    given: Mapping[str, bytes],
    everywhere: frozenset[str],
) -> list[ScannedFile]:
    """Make the files that linking works on; those with a fault carry it and stay unread."""
    places = place_files([target.abspath for target in targets], root)
    files = []
    for target in targets:
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
        raw.problems.append(_crash(f"{rule.code} ({rule.name})", error))
        raw.undecided.append(rule.code)


def _crash(what: str, error: Exception) -> Problem:
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


def _report_fault(
    raw: Raw, syntax: Rule | None, path: str, line: int, column: int, message: str
) -> None:
    """Report a file that is no Python: a finding, or a problem where GOV901 is not selected."""
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
