"""The state in which a new job starts."""

from __future__ import annotations

import ast
from collections.abc import Callable

from govlint.python.flow import values as v
from govlint.python.states.holders import StateSpace
from govlint.python.states.members import members_of
from govlint.python.states.parameters import argument_for, fields_of
from govlint.python.symbols import ClassInfo, FunctionInfo

_STATE_NAMES = ("status", "state", "job_status", "job_state")
States = frozenset[str | None]
Reader = Callable[[ast.expr], States]


def birth_of(space: StateSpace, value: ast.expr, read: Reader) -> tuple[str, States] | None:
    """The field and the states that what `value` makes starts with; None where it makes no job."""
    program = space.program
    if isinstance(value, ast.Await | ast.NamedExpr):
        return birth_of(space, value.value, read)
    if isinstance(value, ast.Dict):
        for key, part in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in _STATE_NAMES:
                return str(key.value), read(part)
        return None
    if not isinstance(value, ast.Call):
        return None
    name = (
        value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    )
    if name in ("replace", "model_copy", "_replace", "evolve"):
        for keyword in value.keywords:
            if keyword.arg in _STATE_NAMES:
                return keyword.arg, read(keyword.value)
        return None
    for callee in program.values(value.func):
        if isinstance(callee, v.ClassValue) and callee.cls not in space.classes:
            return of_constructor(space, callee.cls, value, read)
    sites = [x.site for x in program.values(value) if isinstance(x, v.Instance)]
    if len(sites) == 1 and isinstance(sites[0], ast.Call) and program.callees(value):
        made = sites[0]
        if _is_made_in(space, made, program.callees(value)):
            for callee in program.values(made.func):
                if isinstance(callee, v.ClassValue):
                    return of_constructor(space, callee.cls, made, space.states)
    return None


def _is_made_in(space: StateSpace, call: ast.Call, functions: tuple[FunctionInfo, ...]) -> bool:
    """A factory that makes the job and leaves its state alone."""
    for function in functions:
        if space.program.function_of(call) is not function:
            return False
        for node in ast.walk(function.node):
            if _stored_attribute(node).strip("_") in _STATE_NAMES:
                return False
            if isinstance(node, ast.Call) and node is not call:
                for callee in space.program.callees(node):
                    if callee.cls is not None and space.is_job(callee.cls):
                        return False
    return True


def of_constructor(
    space: StateSpace, cls: ClassInfo, call: ast.Call, read: Reader
) -> tuple[str, States] | None:
    """What the constructor of a class sets its state to, by the arguments or by default."""
    for name in _STATE_NAMES:
        for keyword in call.keywords:
            if keyword.arg is not None and keyword.arg.strip("_") == name:
                return name, read(keyword.value)
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    init = space.program.find_method(cls, "__init__")
    if init is not None:
        return _of_init(space, init, call, read)
    fields = fields_of(space.program, cls)
    for index, field in enumerate(fields):
        if field.strip("_") in _STATE_NAMES and index < len(call.args):
            return field.strip("_"), read(call.args[index])
    for entry in space.program.mro(cls):
        if isinstance(entry, ClassInfo):
            for name, default, _ in members_of(entry):
                if name.strip("_") in _STATE_NAMES:
                    return name.strip("_"), space.states(default_of(default))
    return None


def is_by_default(space: StateSpace, cls: ClassInfo, call: ast.Call) -> bool:
    """Whether it is the class body that says what a new object starts with, not the call."""
    if any((keyword.arg or "").strip("_") in _STATE_NAMES for keyword in call.keywords):
        return False
    if space.program.find_method(cls, "__init__") is not None:
        return False
    fields = fields_of(space.program, cls)
    return not any(
        field.strip("_") in _STATE_NAMES and index < len(call.args)
        for index, field in enumerate(fields)
    )


def default_of(value: ast.expr) -> ast.expr:
    """What `field(default=…)` and its like give; any other value is the default itself."""
    if isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg == "default":
                return keyword.value
            if keyword.arg == "default_factory" and isinstance(keyword.value, ast.Lambda):
                return keyword.value.body
    return value


def _of_init(
    space: StateSpace, init: FunctionInfo, call: ast.Call, read: Reader
) -> tuple[str, States] | None:
    for node in ast.walk(init.node):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr.strip("_") in _STATE_NAMES:
                name = target.attr.strip("_")
                if isinstance(value, ast.Name) and value.id in init.params:
                    argument = argument_for(space.program, call, init, value.id)
                    if argument is not None:
                        return name, read(argument)
                    return name, _parameter_default(space, init, value.id)
                return name, space.states(value)
    return None


def _parameter_default(space: StateSpace, init: FunctionInfo, name: str) -> States:
    spec = init.node.args
    positional = [*spec.posonlyargs, *spec.args]
    for arg, default in zip(reversed(positional), reversed(spec.defaults), strict=False):
        if arg.arg == name:
            return space.states(default)
    for arg, keyword in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        if arg.arg == name and keyword is not None:
            return space.states(keyword)
    return frozenset({None})


def _stored_attribute(node: ast.AST) -> str:
    stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    return node.attr if isinstance(node, ast.Attribute) and stored else ""
