"""Policy evaluated after an intent was accepted (GOV506)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.effects.reach import Reach, calls_of
from govlint.python.gate.frames import own_nodes
from govlint.python.participants.runtime import TRIGGERS, functions, starts_in
from govlint.python.participants.services import (
    functions_of,
    is_policy,
    services,
)
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "policy-mid-execution"
_EVALUATES = re.compile(
    r"_*(?:a)?(?:validate|evaluate|check|authori[sz]e|enforce|allow|allows|permit|permits|is_allowed|"
    r"is_authori[sz]ed|can|decide|verify|assert|require|has_permission|reevaluate|re_evaluate|"
    r"may|judge)(?:_\w+)?"
)
# what begins the execution of an accepted intent
_STARTS = re.compile(
    r"_*(?:handle_intent|run_handler|invoke_handler|execute_capability|invoke_capability|"
    r"execute_handler|execute_step|run_step|start_execution|mark_accepted|accept_intent|"
    r"record_execution_started|execution_started)"
)
_ACCEPTED = re.compile(
    r"execution_started|intent_accepted|accepted|EXECUTION_STARTED|INTENT_ACCEPTED"
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the evaluation, or where a domain service calls what evaluates."""
    seen: set[tuple[str, int]] = set()
    for function, node, why, related in _found(program):
        location = program.location(function.module, node)
        if (location.path, location.line) in seen:
            continue
        seen.add((location.path, location.line))
        yield Finding(
            rule=rule.code,
            name=rule.name,
            severity=rule.severity,
            message=f"Policy is evaluated here {why}; evaluate it once, at acceptance, and read "
            "the result from the context's policy_context.",
            location=location,
            related=related,
            help=rule.fix,
        )


_Found = tuple[FunctionInfo, ast.AST, str, tuple[Related, ...]]


def _found(program: Program) -> Iterator[_Found]:
    reach = Reach(
        program, lambda function: function.cls is not None and _is_policy_class(program, function)
    )
    found = services(program)
    own = {method for cls in found for method in functions_of(program, cls)}
    for cls in found:
        for method in functions_of(program, cls):
            for call in calls_of(method):
                if isinstance(call, ast.Call) and evaluates(program, call):
                    yield method, call, "in a domain service, while the intent executes", ()
                    continue
                for helper in reach.callees(call):
                    if helper in own:
                        continue
                    inner = next(
                        (c for c in calls_of(helper)
                         if isinstance(c, ast.Call) and evaluates(program, c)),
                        None,
                    )  # fmt: skip
                    if inner is not None:
                        place = program.location(program.module_of(inner), inner)
                        yield (
                            method,
                            call,
                            f"by {helper.name}, while the intent executes",
                            (Related(place, "evaluated here"),),
                        )
    for function in functions(program):
        if function in own or function.parent in own or isinstance(function.node, ast.Lambda):
            continue
        yield from _after_start(program, function)


def _is_policy_class(program: Program, function: FunctionInfo) -> bool:
    return function.cls is not None and program.is_subclass(function.cls, program.bindings.policies)


def evaluates(program: Program, call: ast.Call) -> bool:
    """Whether a call evaluates policy."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return _EVALUATES.fullmatch(function.attr) is not None and is_policy(
            program, function.value
        )
    return any(
        _is_policy_class(program, callee) and _EVALUATES.fullmatch(callee.name)
        for callee in program.callees(call)
    )


def _after_start(program: Program, function: FunctionInfo) -> Iterator[_Found]:
    """Evaluations that stand after the execution has begun, in the runtime's own code."""
    calls = [n for n in own_nodes(function.node) if isinstance(n, ast.Call)]
    starts = [c for c in calls if _begins(program, c, function)]
    if not starts:
        return
    first = min(starts, key=lambda c: (c.lineno, c.col_offset))
    for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset)):
        policy = evaluates(program, call) or any(
            not _is_policy_class(program, callee)
            and callee.cls is not None
            and callee.cls is function.cls
            and any(isinstance(c, ast.Call) and evaluates(program, c) for c in calls_of(callee))
            for callee in program.callees(call)
        )
        if not policy:
            continue
        later = (call.lineno, call.col_offset) > (first.lineno, first.col_offset)
        if (later and not _exclusive(program, first, call)) or _in_same_loop(program, first, call):
            place = program.location(function.module, first)
            yield (
                function,
                call,
                "after the execution has begun",
                (Related(place, "the execution begins here"),),
            )


def _begins(program: Program, call: ast.Call, function: FunctionInfo) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    if _STARTS.fullmatch(name):
        return True
    if name in ("append", "record", "write", "log_event", "record_event", "append_event"):
        owner = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if "wal" in owner.lower():
            return any(_ACCEPTED.search(ast.unparse(argument)) for argument in call.args)
    return False


def _ancestors(program: Program, node: ast.AST) -> list[ast.AST]:
    found = [node]
    current = program.parent(node)
    while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
        found.append(current)
        current = program.parent(current)
    return found


def _exclusive(program: Program, one: ast.AST, other: ast.AST) -> bool:
    """Whether the two stand in different branches of one `if`."""
    above, below = _ancestors(program, one), _ancestors(program, other)
    for branch in above:
        if isinstance(branch, ast.If) and branch in below:
            in_body = [any(part in branch.body for part in chain) for chain in (above, below)]
            in_else = [any(part in branch.orelse for part in chain) for chain in (above, below)]
            return in_body[0] != in_body[1] and in_else[0] != in_else[1]
    return False


def _in_same_loop(program: Program, one: ast.AST, other: ast.AST) -> bool:
    """Whether the two stand in one loop over the steps of an execution."""
    below = _ancestors(program, other)
    for loop in _ancestors(program, one):
        if isinstance(loop, ast.For | ast.AsyncFor | ast.While) and loop in below:
            over = ast.unparse(loop.iter) if not isinstance(loop, ast.While) else ""
            return re.search(r"step|handler|capabilit|stage", over) is not None
    return False
