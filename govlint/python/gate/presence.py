"""Configured gates that are not there, and gates in which no plugin is seen to run.

The rules about a gate's inside say nothing where there is no gate. A project that names
its gate must not take that for a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python import governed
from govlint.python.bindings import Bindings, has_wildcard, matches_any
from govlint.python.symbols import FunctionInfo

if TYPE_CHECKING:
    from govlint.python.program import Program

# the checks that look for the gate
KINDS = frozenset(
    "plugin-run gate-override gate-finally finally-metrics finally-swallows validation-bypass "
    "envelope-bypass state-write layer-skip".split()
)


def are_configured(bindings: Bindings) -> bool:
    """Whether the project names its gates itself."""
    return bool(bindings.gates) and bindings.gates != Bindings().gates


def absent(program: Program) -> list[str]:
    """The configured gates that should be in this project, and are not.

    That is one of a package of its own, or a method that a class of that name has not. A
    bare name that is nowhere may be another package's; every run of a plugin is then found
    to be outside of the gate, which is no silence.
    """
    if not are_configured(program.bindings):
        return []
    known = {entry for entry, _, _ in governed.named_gates(program)}
    return [
        entry
        for entry in program.bindings.gates
        if entry not in known and not has_wildcard(entry) and _is_expected(program, entry)
    ]


def _is_expected(program: Program, entry: str) -> bool:
    if entry.count(".") > 1 and program.is_own(entry):
        return True
    owner, _, method = entry.rpartition(".")
    classes = [
        cls
        for module in program.modules.values()
        for cls in module.classes
        if owner and not module.is_test and matches_any((owner,), cls.qualname)
    ]
    return bool(classes) and not any(
        isinstance(base, str) or method in base.stored
        for cls in classes
        for base in program.mro(cls)
    )


def idle(program: Program) -> Iterator[tuple[str, FunctionInfo]]:
    """The configured gates that run no plugin as far as can be seen, each with its code."""
    if not are_configured(program.bindings):
        return
    running = {gate.run for gate in program.gates}
    named: dict[str, list[FunctionInfo]] = {}
    for entry, _, function in governed.named_gates(program):
        named.setdefault(entry, []).append(function)
    for entry, functions in named.items():
        if running.isdisjoint(functions):
            yield entry, functions[0]
