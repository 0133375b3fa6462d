"""An `@role` line parses, names a role there is, and gives it what it takes.

Such lines stand in any text: workflow YAML, shell, Markdown, Python strings. Where the
project has no role definition and no registry, only the grammar is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.model import Finding, Severity

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.documents.roles.places import Found
    from govlint.model import Rule

KIND = "role-command"
TRIGGERS = ("@role",)
DOCUMENTS = ("role", "role-registry", "text", "mission")

_PYTHON = (".py", ".pyi", ".pyw")


@dataclass(frozen=True)
class Params:
    """`runners`: names of functions whose first argument is a command line."""

    runners: tuple[str, ...] = (
        "run", "call", "check_call", "check_output", "Popen", "system", "popen", "getoutput",
        "execute_role", "execute_role_async", "execute_role_stream", "invoke_role", "run_role",
    )  # fmt: skip


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each fault of each `@role` call in the texts of the run."""
    from govlint.documents.roles.calls import call_faults
    from govlint.documents.roles.known import known_roles

    roles = known_roles(documents)
    for text in documents.of("text", "mission"):
        if TRIGGERS[0] not in text.text or _is_python_test(text.path):
            continue
        told = set()
        for region, call in _calls(text.path, text.text, params):
            for fault in call_faults(call, roles):
                location = region.place(call.base + fault.start, call.base + fault.end)
                if (location, fault.message) in told:
                    continue
                told.add((location, fault.message))
                yield rule.finding(
                    fault.message,
                    location,
                    severity=min(rule.severity, Severity.NOTE) if fault.mild else rule.severity,
                )


def _is_python_test(path: str) -> bool:
    """Tests of a parser hold calls that are wrong on purpose; a test is told by its name."""
    from govlint.python.syntax.layout import is_test

    return path.endswith(_PYTHON) and is_test(path.rpartition("/")[2])


def _calls(path: str, text: str, params: Params) -> Iterator[Found]:
    from govlint.documents.roles.files import calls_in

    if path.endswith(_PYTHON):
        yield from _python_calls(path, text, params)
    else:
        yield from calls_in(path, text)


def _python_calls(path: str, text: str, params: Params) -> Iterator[Found]:
    """The calls in the strings of a Python file; one that cannot be read is another rule's."""
    from govlint.documents.roles.places import Region, Sureness, in_lines, in_shell, in_string
    from govlint.documents.roles.tokens import KEYWORD
    from govlint.python.literals import literals
    from govlint.python.syntax.parse import parse_text

    try:
        tree = parse_text(text, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for literal in literals(tree, path, text, KEYWORD):
        region = Region(literal.text, literal.place)
        if literal.is_docstring:
            yield from in_lines(region, Sureness.PROSE)
        else:
            is_run = literal.called in params.runners
            yield from in_shell(region) if is_run else in_string(region, Sureness.STRING)
