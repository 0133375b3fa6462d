"""Domain services that submit intents or call another domain service (GOV504)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule, first_of_each_line
from govlint.python.effects.reach import Reach, calls_of
from govlint.python.flow import values as v
from govlint.python.participants.aliases import origins
from govlint.python.participants.services import (
    TRIGGERS,
    functions_of,
    is_context,
    is_runtime,
    is_runtime_code,
    services,
    starts_in,
)
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "participant-orchestrates"
_SUBMITS = re.compile(
    r"_*(?:submit|dispatch|execute|emit|publish|send|route|enqueue|post|trigger|forward|schedule|"
    r"issue)_(?:\w+_)?intents?(?:_\w+)?|handle_intent"
)
_SAGA = re.compile(r"_*(?:saga_coordinator|saga_manager|saga|orchestrator)")
_ORCHESTRATES = re.compile(
    r"_*(?:start|begin|execute|run|create|register|add|retry|compensate|advance|complete|resume|"
    r"orchestrate)(?:_\w+)?"
)
_RUNTIME_DOES = re.compile(r"_*(?:submit|dispatch|execute|run|handle|process|accept|invoke)\w*")
_HANDLES = re.compile(r"_*+(?:handle\w*|\w*handler|execute\w*|invoke\w*|run|process\w*|perform)")


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the call; where a helper does it, at the call of the helper."""
    reach = Reach(program, lambda function: is_runtime_code(program, function))
    found = services(program)
    own = {method for cls in found for method in functions_of(program, cls)}
    for cls in found:
        for method in functions_of(program, cls):
            for node, what, related in _all(program, reach, cls, method, own):
                location = program.location(method.module, node)
                yield rule.finding(
                    f"{cls.name}.{method.name} {what} here; return an event that says what "
                    "is due, and let the runtime orchestrate.",
                    location,
                    related=related,
                )


_Found = tuple[ast.AST, str, tuple[Related, ...]]


def _all(
    program: Program, reach: Reach, cls: ClassInfo, method: FunctionInfo, own: set[FunctionInfo]
) -> Iterator[_Found]:
    for node in calls_of(method):
        if isinstance(node, ast.Call):
            what = _orchestrates(program, node, cls)
            if what is not None:
                yield node, what, ()
                continue
        for helper in reach.callees(node):
            if helper in own:
                continue
            for inner in calls_of(helper):
                what = _orchestrates(program, inner, cls) if isinstance(inner, ast.Call) else None
                if what is not None:
                    place = program.location(program.module_of(inner), inner)
                    yield node, f"{what}, through {helper.name},", (Related(place, what),)
                    break


def _orchestrates(program: Program, call: ast.Call, cls: ClassInfo) -> str | None:
    function = call.func
    for callee in program.callees(call):
        other = callee.cls
        if (other is not None and other is not cls and program.is_participant(other)) and (
            not _is_own(program, function, cls, other) and callee.name != "__init__"
        ):
            return f"calls another domain service, {other.name}.{callee.name},"
    for argument in (*call.args, *(k.value for k in call.keywords)):
        for value in program.values(argument):
            if isinstance(value, v.BoundMethod) and value.function.name == "handle_intent":
                owner = value.function.cls
                if owner is not None and owner is not cls and not isinstance(argument, ast.Starred):
                    return f"hands on {owner.name}.handle_intent to be called"
    if isinstance(function, ast.Name):
        if _is_handler_by_name(call):
            return "calls another domain service"
        if any(_hands_over(program, call, origin) for origin in origins(program, function)):
            return "calls what executes another intent"
        return "submits an intent" if _is_submission(program, function, function.id) else None
    if not isinstance(function, ast.Attribute):
        return None
    owner_name = dotted(function.value)
    last = owner_name.rpartition(".")[2] or _last(function.value)
    if (is_runtime(program, function.value) or last.lstrip("_") in ("runtime", "intent_bus")) and (
        _RUNTIME_DOES.fullmatch(function.attr)
    ):
        return "asks the runtime to execute an intent"
    named = {last, *(_last(origin) for origin in origins(program, function.value))}
    if any(map(_SAGA.fullmatch, named)) and _ORCHESTRATES.fullmatch(function.attr):
        return "orchestrates a saga"
    if _is_super(function.value) or owner_name in ("self", "cls"):
        return None
    if _SUBMITS.fullmatch(function.attr):
        if function.attr == "handle_intent":
            return "calls another domain service"
        return "submits an intent"
    if _hands_over(program, call, function):
        return "calls what executes another intent"
    return None


def _is_handler_by_name(call: ast.Call) -> bool:
    """`getattr(service, "handle_intent")`, however it is called then."""
    return (
        dotted(call.func) == "getattr"
        and len(call.args) >= 2
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value == "handle_intent"
        and dotted(call.args[0]) not in ("self", "cls")
        and not _is_super(call.args[0])
    )


def _hands_over(program: Program, call: ast.Call, function: ast.expr) -> bool:
    """`capability.handler(intent, context)`: an intent and its context, given to who handles it."""
    if not isinstance(function, ast.Attribute) or not _HANDLES.fullmatch(function.attr):
        return False
    if dotted(function.value) in ("self", "cls") or _is_super(function.value):
        return False
    if program.callees(call) or len(call.args) + len(call.keywords) < 2:
        return False  # a function of the project is judged by what it is
    given = [*call.args, *(k.value for k in call.keywords)]
    return any(is_context(program, argument) for argument in given) and any(
        re.search(r"intent", ast.unparse(argument)) for argument in given
    )


def _is_submission(program: Program, node: ast.Name, name: str) -> bool:
    if not _SUBMITS.fullmatch(name) or name == "handle_intent":
        return False
    return not any(
        isinstance(value, v.FunctionValue) and value.function.parent is not None
        for value in program.values(node)
    )


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == "super"


def _is_own(program: Program, function: ast.expr, cls: ClassInfo, other: ClassInfo) -> bool:
    """Whether a call stays in the object: `self`, `super()`, or a base's method by name."""
    if (isinstance(function, ast.Attribute)) and (
        _is_super(function.value) or dotted(function.value) in ("self", "cls")
    ):
        return True
    return other in program.mro(cls)
