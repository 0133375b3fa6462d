"""The runtime of spec 003 and what is handed through it: contexts, policy, intents."""

from __future__ import annotations

import re
from collections.abc import Iterator

from govlint.python.bindings import Bindings, matches_any
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo

TRIGGERS: tuple[str, ...] = (
    "ExecutionContext",
    "execution_context",
    "PolicyValidator",
    "PolicyEngine",
    "SecurityGuard",
    "CityManager",
    "DataSteward",
    "ExecutionLifecycleManager",
    "RuntimeExecutionEngine",
    "RuntimeService",
    "IntentExecutor",
    "RuntimeParticipant",
    "get_supported_intents",
    "class Runtime",
)
# a class of such a name is the runtime where it takes intents
_RUNTIME = re.compile(r"(?:\w+)?Runtime(?:Engine|Kernel|Executor|Supervisor|Core)?")


def starts_in(data: bytes, bindings: Bindings) -> bool:
    """Whether a file names the runtime, its context or its policy as whole words."""
    names = {
        entry.rpartition(".")[2].encode()
        for entry in (
            *bindings.contexts,
            *bindings.policies,
            *bindings.runtimes,
            *bindings.participants,
            *("execution_context", "get_supported_intents"),
        )
        if not set("*?[") & set(entry)
    }
    pattern = rb"(?<!\w)(?:" + b"|".join(sorted(map(re.escape, names))) + rb")(?!\w)"
    if re.search(pattern, data) is not None:
        return True
    return b"intent" in data and re.search(rb"class \w*Runtime\w*\b", data) is not None


def classes_of(program: Program, names: tuple[str, ...]) -> Iterator[ClassInfo]:
    """The project's classes that a binding means, tests left out."""
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for cls in module.classes:
            if program.is_subclass(cls, names):
                yield cls


def runtime_classes(program: Program) -> Iterator[ClassInfo]:
    """The runtime's classes: those bound, and a class `Runtime` whose methods take an intent."""
    yield from classes_of(program, program.bindings.runtimes)
    if program.bindings.runtimes != Bindings().runtimes:
        return
    for module in list(program.modules.values()):
        for cls in () if module.is_test else module.classes:
            if (
                _RUNTIME.fullmatch(cls.name)
                and any("intent" in method.params for method in cls.methods.values())
                and not program.is_subclass(cls, program.bindings.runtimes)
                and not program.is_participant(cls)
            ):
                yield cls


def functions(program: Program) -> Iterator[FunctionInfo]:
    """All functions of the program that are no tests'."""
    for module in list(program.modules.values()):
        if not module.is_test:
            yield from module.functions


def is_builder(program: Program, function: FunctionInfo | None) -> bool:
    """Whether a function builds contexts: the class itself, or a class named as its builder."""
    while function is not None:
        if function.cls is not None:
            if program.is_subclass(function.cls, program.bindings.contexts):
                return True
            names = tuple(f"{name}{end}" for name in program.bindings.contexts
                          for end in ("Builder", "Factory"))  # fmt: skip
            if matches_any(names, function.cls.qualname):
                return True
        function = function.parent
    return False


def last(node: object) -> str:
    """The last name of a chain."""
    return dotted(node).rpartition(".")[2] or getattr(node, "attr", "")  # type: ignore[arg-type]
