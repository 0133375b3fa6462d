"""The statements and calls that write a job's state, and the functions that reach one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from govlint.python.flow import values as v
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace, unwrapped
from govlint.python.symbols import FunctionInfo

_STATE_NAMES = frozenset({"status", "state", "job_status", "job_state"})
_SETTERS = re.compile(
    r"^_*(set|update|mark|save|transition|put|patch|advance|move|change|write|store)"
)


@dataclass(frozen=True)
class Write:
    """`owner.name` becomes `value`; an empty name: the owner's place is the slot itself."""

    node: ast.AST
    owner: ast.expr | None
    name: str
    value: ast.expr


class Writes:
    """Recognises writes of job states, by value and by place."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.program: Program = space.program
        self._parameters = self._state_parameters()
        self.reaching: set[FunctionInfo] = set()
        self.reaching = self._reaching(self._direct())

    # -- recognising ---------------------------------------------------------------------

    def is_slot(self, expression: ast.expr) -> bool:
        """Whether an expression reads a job's state."""
        expression = unwrapped(expression)
        if self.space.is_due(expression):
            return True
        name = _name_of(expression)
        return name in _STATE_NAMES and not self._is_other(expression)

    def _is_other(self, expression: ast.expr) -> bool:
        return any(
            isinstance(x, v.EnumMember | v.Instance) and x.cls not in self.space.classes
            for x in self.program.values(expression)
        )

    def is_state(self, expression: ast.expr) -> bool:
        """Whether every value of the expression is a state object of a job."""
        values = self.program.values(expression)
        return bool(values) and all(self.space.is_member_value(x) for x in values)

    def of_target(self, target: ast.expr, value: ast.expr) -> Write | None:
        """The write that storing `value` in `target` is, if it is one."""
        if isinstance(target, ast.Attribute):
            owner, name = target.value, target.attr.strip("_")
            due = self.space.holds(owner, target.attr) and not self.space.is_class(owner)
        elif isinstance(target, ast.Subscript):
            key = target.slice
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                return None
            owner, name = target.value, key.value.strip("_")
            if isinstance(owner, ast.Attribute) and owner.attr == "__dict__":
                owner = owner.value
            elif isinstance(owner, ast.Call) and _name_of(owner.func) == "vars" and owner.args:
                owner = owner.args[0]
            due = self.space.key_is_due(target.value, key)
        else:
            return None
        if due or (name in _STATE_NAMES and self._may_be_state(value)):
            return Write(target, owner, name, value)
        return None

    def _may_be_state(self, value: ast.expr) -> bool:
        if any(self.space.is_member_value(x) for x in self.program.values(value)):
            return True
        return isinstance(value, ast.Name) and (
            (self.program.function_of(value), value.id) in self._parameters
        )

    def _state_parameters(self) -> set[tuple[FunctionInfo | None, str]]:
        found: set[tuple[FunctionInfo | None, str]] = set()
        for module in self.program.modules.values():
            for function in module.functions:
                spec = function.node.args
                for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]:
                    if self.space.annotated(arg.annotation, module):
                        found.add((function, arg.arg))
        return found

    def of_call(self, call: ast.Call) -> Write | None:
        """The write that a call is: `setattr`, `replace`, a setter that is not in the program."""
        name = _name_of(call.func)
        if name in ("setattr", "__setattr__"):
            arguments = list(call.args)
            if (
                name == "__setattr__"
                and len(arguments) == 2
                and isinstance(call.func, ast.Attribute)
            ):
                arguments.insert(0, call.func.value)
            if len(arguments) == 3:
                key = arguments[1]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    bare = key.value.strip("_")
                    if self.space.holds(arguments[0], key.value) or (
                        bare in _STATE_NAMES and self._may_be_state(arguments[2])
                    ):
                        return Write(call, arguments[0], bare, arguments[2])
            return None
        if name == "replace" and call.args:
            return self._keyword(call, call.args[0])
        if name in ("model_copy", "_replace", "evolve") and isinstance(call.func, ast.Attribute):
            return self._keyword(call, call.func.value)
        if isinstance(call.func, ast.Attribute) and _SETTERS.match(name):
            return self._setter(call, call.func)
        return None

    def _keyword(self, call: ast.Call, owner: ast.expr) -> Write | None:
        for keyword in call.keywords:
            if keyword.arg in _STATE_NAMES and self._may_be_state(keyword.value):
                return Write(call, owner, keyword.arg, keyword.value)
        return None

    def _setter(self, call: ast.Call, function: ast.Attribute) -> Write | None:
        """`repository.set_status(job_id, JobStatus.RUNNING)`, `job.update(status=…)`."""
        if any(self._writes_by_itself(f) for f in self.program.callees(call)):
            return None
        rows = [*call.args, *(k.value for k in call.keywords)]
        for argument in list(call.args):
            if isinstance(argument, ast.Dict):
                rows += [
                    x
                    for k, x in zip(argument.keys, argument.values, strict=True)
                    if isinstance(k, ast.Constant) and k.value in _STATE_NAMES
                ]
        states = [argument for argument in rows if self.is_state(argument)]
        if len(states) != 1:
            return None
        others = [a for a in call.args if a is not states[0] and not isinstance(a, ast.Dict)]
        others += [k.value for k in call.keywords if k.arg in ("job_id", "id", "job")]
        if others:
            return Write(call, others[0], "status", states[0])
        if isinstance(function.value, ast.Name | ast.Attribute):
            return Write(call, function.value, "status", states[0])
        return None

    def _writes_by_itself(self, function: FunctionInfo) -> bool:
        return function in self.reaching

    # -- functions that write ---------------------------------------------------------------

    def _direct(self) -> set[FunctionInfo]:
        found: set[FunctionInfo] = set()
        for module in self.program.modules.values():
            for node in nodes_of(module, ast.Assign, ast.AnnAssign, ast.Call):
                if self._is_write(node):
                    function = self.program.function_of(node)
                    if function is not None:
                        found.add(function)
        return found

    def _is_write(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Assign):
            return any(
                self.of_target(target, value) is not None
                for one in node.targets
                for target, value in _pairs(one, node.value)
            )
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            return self.of_target(node.target, node.value) is not None
        return isinstance(node, ast.Call) and self.of_call(node) is not None

    def _reaching(self, writers: set[FunctionInfo]) -> set[FunctionInfo]:
        """Functions that write, and those that call them; the latter are judged as well."""
        found = set(writers)
        stack = list(found)
        while stack:
            function = stack.pop()
            for site in self.program.callers(function):
                caller = self.program.function_of(site)
                if caller is not None and caller not in found:
                    found.add(caller)
                    stack.append(caller)
        return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                yield from _pairs(one, part)
        return
    yield target, value


def _name_of(expression: ast.AST) -> str:
    if isinstance(expression, ast.Attribute):
        return (
            expression.attr.strip("_") if not expression.attr.startswith("__") else expression.attr
        )
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Constant):
        return str(expression.slice.value)
    return ""
