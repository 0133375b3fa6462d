"""Policy evaluated after an intent was accepted (GOV506)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from govlint.model import Finding, Related, Rule, first_of_each_line
from govlint.python.effects.reach import Reach, calls_of
from govlint.python.gate.frames import own_nodes
from govlint.python.participants.runtime import TRIGGERS, functions, starts_in
from govlint.python.participants.services import (
    functions_of,
    is_policy,
    services,
)
from govlint.python.paths import cfg
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


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the evaluation, or where a domain service calls what evaluates."""
    for function, node, why, related in _found(program):
        location = program.location(function.module, node)
        yield rule.finding(
            f"Policy is evaluated here {why}; evaluate it once, at acceptance, and read "
            "the result from the context's policy_context.",
            location,
            related=related,
        )


_Found = tuple[FunctionInfo, ast.AST, str, tuple[Related, ...]]


@dataclass(slots=True)
class _Known:
    """What is known of functions, by function and by how deep their calls were followed."""

    evaluations: dict[tuple[FunctionInfo, int], ast.Call | None] = field(default_factory=dict)
    begins: dict[tuple[FunctionInfo, int], bool] = field(default_factory=dict)


def _found(program: Program) -> Iterator[_Found]:
    reach = Reach(
        program, lambda function: function.cls is not None and _is_policy_class(program, function)
    )
    found = services(program)
    known = _Known()
    own = {method for cls in found for method in functions_of(program, cls)}
    for cls in found:
        for method in functions_of(program, cls):
            for wrapper in reach.wrappers(method):
                inner = _evaluation(program, wrapper, known)
                if inner is not None:
                    place = program.location(program.module_of(inner), inner)
                    decorator = getattr(method.node, "decorator_list", [method.node])[0]
                    why = f"by {wrapper.name}, while the intent executes"
                    yield method, decorator, why, (Related(place, "evaluated here"),)
            for call in calls_of(method):
                if isinstance(call, ast.Call) and evaluates(program, call):
                    yield method, call, "in a domain service, while the intent executes", ()
                    continue
                for helper in reach.callees(call):
                    if helper in own:
                        continue
                    inner = _evaluation(program, helper, known)
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
        yield from _after_start(program, function, known)


def _evaluation(
    program: Program, function: FunctionInfo, known: _Known, depth: int = 2
) -> ast.Call | None:
    """Where a function evaluates policy, itself or through what it calls."""
    key = function, depth
    if key in known.evaluations:
        return known.evaluations[key]
    known.evaluations[key] = None  # what calls itself evaluates nothing by that
    calls = [call for call in calls_of(function) if isinstance(call, ast.Call)]
    found = next((call for call in calls if evaluates(program, call)), None)
    for call in calls if depth and found is None else ():
        for callee in program.callees(call):
            if callee is not function and not _is_policy_class(program, callee):
                found = found or _evaluation(program, callee, known, depth - 1)
    known.evaluations[key] = found
    return found


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


def _after_start(program: Program, function: FunctionInfo, known: _Known) -> Iterator[_Found]:
    """Evaluations that stand after the execution has begun, in the runtime's own code."""
    calls = [n for n in own_nodes(function.node) if isinstance(n, ast.Call)]
    starts = [c for c in calls if _begins(program, c, known)]
    if not starts:
        return
    later = [c for c in calls if _is_evaluation(program, c, function, known)]
    if not later:
        return
    graph = cfg.build(function.node.body)
    for start in starts:
        reached = _reached(graph, start)
        for call in later:
            if call in reached:
                place = program.location(function.module, start)
                yield (
                    function,
                    call,
                    "after the execution has begun",
                    (Related(place, "the execution begins here"),),
                )


def _is_evaluation(program: Program, call: ast.Call, function: FunctionInfo, known: _Known) -> bool:
    return evaluates(program, call) or any(
        callee is not function
        and not _is_policy_class(program, callee)
        and not (callee.cls is not None and program.is_participant(callee.cls))
        and callee.name != "handle_intent"
        and _evaluation(program, callee, known, 1) is not None
        for callee in program.callees(call)
    )


def _reached(graph: cfg.Graph, start: ast.Call) -> set[ast.AST]:
    """The calls that can run after `start` while it is still the same intent's turn."""
    names = {n.id for n in ast.walk(start) if isinstance(n, ast.Name)}
    names = {name for name in names if "intent" in name.lower()} or names
    stack = [n for node in graph.at(start) for n in (*node.after, *node.raises)]
    seen = set(stack)
    found: set[ast.AST] = set()
    while stack:
        node = stack.pop()
        if node.ast is not None:
            if names & _bound(node.ast):
                continue  # another intent
            if isinstance(node.ast, ast.Call):
                found.add(node.ast)
        for following in (*node.after, *node.raises):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return found


def _bound(node: ast.AST) -> set[str]:
    """The names that a statement gives another value."""
    targets: list[ast.AST] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AnnAssign | ast.For | ast.AsyncFor | ast.NamedExpr):
        targets = [node.target]
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _begins(program: Program, call: ast.Call, known: _Known, depth: int = 2) -> bool:
    """Whether a call begins the execution of an intent, itself or through a helper."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    if _STARTS.fullmatch(name):
        return True
    if name in ("append", "record", "write", "log_event", "record_event", "append_event", "log"):
        owner = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if "wal" in owner.lower() or "write_ahead" in owner.lower():
            given = [*call.args, *(k.value for k in call.keywords)]
            return any(_ACCEPTED.search(ast.unparse(argument)) for argument in given)
    return depth > 0 and any(
        _begins_in(program, callee, known, depth - 1)
        for callee in program.callees(call)
        if not (callee.cls is not None and program.is_participant(callee.cls))
    )


def _begins_in(program: Program, function: FunctionInfo, known: _Known, depth: int) -> bool:
    key = function, depth
    if key not in known.begins:
        known.begins[key] = False  # what calls itself begins nothing by that
        known.begins[key] = any(
            isinstance(inner, ast.Call) and _begins(program, inner, known, depth)
            for inner in calls_of(function)
        )
    return known.begins[key]
