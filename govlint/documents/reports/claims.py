"""What a report claims of itself: its status (RPT008) and its tests (RPT015)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from govlint.documents.reports.shape import (
    Breach,
    Text,
    at,
    listed,
    names_nothing,
    plain,
    says_something,
    texts_of,
    words,
)

TESTS = ("unit", "integration", "e2e")
_NO_RISK = re.compile(
    r"(?:there (?:is|are) )?(?:no|none|nil|zero|without)(?: \w+){0,2} (?:risks?|blockers?|issues?)"
    r"(?: (?:known|identified|named|found|at this time|so far|yet|today|now))?|no known risks?"
    r"|nothing(?: \w+){0,3}|none(?: \w+){0,3}|unknown|not known(?: yet)?|n a"
)


def inconsistencies(report: Any) -> Iterator[Breach]:
    """Where stage, completion and risks contradict each other."""
    stage, completion = at(report, "status", "stage"), at(report, "status", "completion")
    if is_number(completion) and 0 <= completion <= 1:
        related = ((-1, "/status/stage", f"the stage is {stage}"),)
        if stage == "done" and completion < 1:
            yield Breach(
                "/status/completion",
                f"stage done goes with completion 1.0, found {completion}; a phase that is not"
                " complete is in_progress",
                related=related,
            )
        elif stage == "planned" and completion > 0:
            yield Breach(
                "/status/completion",
                f"stage planned goes with completion 0.0, found {completion}; a phase that was"
                " begun is in_progress",
                related=related,
            )
    risks = texts_of(report, "status", "risks")
    if stage == "blocked" and risks is not None:
        said = [risk for risk in risks if says_something(risk.value)]
        if len(said) == len(risks) and all(_names_no_risk(risk.value) for risk in said):
            yield Breach(
                "/status/risks" if not risks else risks[0].pointer,
                "a blocked phase names the risk that blocks it; risks names none",
                related=((-1, "/status/stage", "the stage is blocked"),),
            )


def _names_no_risk(text: str) -> bool:
    return names_nothing(text) or _NO_RISK.fullmatch(" ".join(words(text))) is not None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; Python calls true and false ones, too."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def untested(report: Any) -> Iterator[Breach]:
    """What a phase at done claims without a test: an empty list, or fewer tests than criteria."""
    if at(report, "status", "stage") != "done":
        return
    lists = {kind: texts_of(report, "tests", kind) for kind in TESTS}
    empty = [kind for kind, tests in lists.items() if tests is not None and not _counted(tests)]
    for kind in empty:
        yield Breach(
            f"/tests/{kind}",
            f"the phase is done and names no {kind} test; a phase at done has unit, integration"
            " and e2e tests",
        )
    criteria = texts_of(report, "acceptance")
    if empty or criteria is None or any(tests is None for tests in lists.values()):
        return
    named = [test for tests in lists.values() for test in tests or ()]
    if not all(says_something(text.value) for text in (*named, *criteria)):
        return
    tests, claims = len(_counted(named)), len({_same(c.value) for c in criteria})
    if tests < claims:
        yield Breach(
            "/tests",
            f"the phase is done with {claims} acceptance criteria and"
            f" {tests} different {'test' if tests == 1 else 'tests'}; each criterion is shown by"
            " a test of its own",
            related=((-1, "/acceptance", f"{claims} criteria"),),
        )


def _counted(tests: list[Text]) -> set[str]:
    """The tests that are tests, each once: `none` is none, and a repeated name is one test."""
    return {_same(test.value) for test in tests if not names_nothing(test.value)}


def _same(text: str) -> str:
    return " ".join(plain(text).split())


# -- compared with a repository ------------------------------------------------------------------

_TEST_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.@-]+/)+[\w.@-]+\.\w+(?:::[\w\[\]:.-]+)?"
    r"|(?<![\w/.])\w+\.(?:py|rs|ts|js|go)(?:::[\w\[\]:.-]+)?"
)
_TEST_FUNCTION = re.compile(r"(?<![\w/.:])(?:test_\w+|\w+_test|Test[A-Z]\w+)(?![\w/.:])")
_SOURCES = (".py", ".rs", ".ts", ".tsx", ".js", ".go", ".java", ".feature")
_SKIPPED = frozenset((".git", "node_modules", "target", "__pycache__", ".venv", "venv", "dist"))
_LARGEST = 2_000_000  # bytes of a source file that is searched for the name of a test


def missing_tests(report: Any, root: str) -> Iterator[Breach]:
    """Every test that is named by its path or function and is not in the repository at `root`.

    Tests described in words cannot be looked up. What is planned need not be there yet.
    """
    if at(report, "status", "stage") == "planned":
        return
    for kind in TESTS:
        for place, text in texts_of(report, "tests", kind) or ():
            lacking = _lacking(text, root)
            if lacking:
                yield Breach(place, f"there is no {listed(lacking, 'or')} in the repository {root}")


def _lacking(text: str, root: str) -> list[str]:
    paths = _TEST_PATH.findall(text)
    if paths:
        return [path for path in paths if not _has_test(root, path)]
    names = _TEST_FUNCTION.findall(text)
    return [name for name in names if name not in _names_in(root)]


def _has_test(root: str, named: str) -> bool:
    path, _, function = named.partition("::")
    whole = os.path.realpath(root)
    file = os.path.realpath(os.path.join(whole, path))
    if not file.startswith(whole.rstrip(os.sep) + os.sep):
        return False
    if not os.path.isfile(file):
        return not ("/" in path or not any(known == path for known in _files_in(root)))
    if not function:
        return True
    last = re.sub(r"\[.*", "", function.rpartition("::")[2])
    return re.search(rf"\b{re.escape(last)}\b", _source(file)) is not None


def _source(file: str) -> str:
    try:
        if os.path.getsize(file) > _LARGEST:
            return ""
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@lru_cache(maxsize=8)
def _files_in(root: str) -> frozenset[str]:
    """The names of all source files of a repository."""
    return frozenset(os.path.basename(file) for file in _sources(root))


@lru_cache(maxsize=8)
def _names_in(root: str) -> frozenset[str]:
    """All names in a repository's sources that look like a test's."""
    found: set[str] = set()
    for file in _sources(root):
        found.update(_TEST_FUNCTION.findall(_source(file).replace("(", " ").replace(":", " ")))
        found.add(os.path.splitext(os.path.basename(file))[0])
    return frozenset(found)


def _sources(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            if name.endswith(_SOURCES):
                yield os.path.join(folder, name)
