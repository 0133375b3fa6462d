"""A law book of its own for tests of the engine: one check that finds calls of `forbidden`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from govlint.catalog import Catalog
from govlint.model import Edit, Finding, Fix, Related, Rule, Safety, Severity

CALLS = 0


def rule(code: str, name: str, check: str, **params: Any) -> Rule:
    return Rule(
        code, name, Severity.ERROR, "0.1.0", check, params, "", "stub", "", "", "do not", "", code
    )


RULES = [
    rule("STB001", "forbidden-call", "stub-call"),
    rule("STB002", "other-call", "stub-call", word="other"),
    rule("GOV801", "suppression-without-reason", "suppression-reason"),
    replace(rule("GOV802", "unused-suppression", "suppression-unused"), severity=Severity.WARNING),
    rule("GOV901", "syntax-error", "syntax"),
]


def stub_catalog(rules: Sequence[Rule] = RULES) -> Catalog:
    """A catalogue of these rules alone."""
    return Catalog({r.code: r for r in rules})


@dataclass(frozen=True)
class Params:
    """The function whose calls are found."""

    word: str = "forbidden"


def run(rule: Rule, params: Params, program: Any) -> Iterable[Finding]:
    """Find calls of the word in every module that was read; a fix renames the call."""
    global CALLS
    CALLS += 1
    for module in program.modules.values():
        if module.is_test:
            continue
        definitions = {
            node.name: node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)
        }
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id == "explode":
                raise ZeroDivisionError("boom")
            if isinstance(node, ast.Name) and node.id == "sink":
                raise RecursionError
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id != params.word:
                continue
            related = tuple(
                Related(program.location(other, target), "defined here")
                for other in program.modules.values()
                for target in ast.walk(other.tree)
                if isinstance(target, ast.FunctionDef) and target.name == params.word
            )
            place = program.location(module, node.func)
            safety = Safety.UNSAFE if "risky" in definitions else Safety.SAFE
            fix = Fix("call allowed", (Edit(place, "allowed"),), safety)
            yield Finding(
                rule.code, rule.name, rule.severity, f"{params.word} is called", place,
                related, fix, rule.fix,
            )  # fmt: skip


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the stub's check importable where checks are looked for."""
    module = ModuleType("govlint.checks.stub_call")
    module.KIND = "stub-call"  # type: ignore[attr-defined]
    module.TRIGGERS = ("forbidden", "other")  # type: ignore[attr-defined]
    module.Params = Params  # type: ignore[attr-defined]
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
