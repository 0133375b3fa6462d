"""Which object a piece of code means when it reads or writes a job's state.

A place is a text that two expressions share when they mean the same object: aliases are
resolved, a parameter is replaced by what the caller passes, other local names carry
their function. `self._jobs[job_id]`, `self._jobs.get(job_id)` and a `job` assigned from
either are one place.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.states.holders import unwrapped
from govlint.python.symbols import FunctionInfo

_MAX_DEPTH = 8
_LOOK_UPS = ("get", "find", "require", "load", "fetch", "lookup", "job", "by_id", "current")


@dataclass
class Scope:
    """One function as it is looked at: what its parameters stand for, and its aliases."""

    program: Program
    function: FunctionInfo
    given: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.aliases = _aliases(self.program, self.function)

    def token(self, name: str) -> str:
        """What stands for a local name in a place."""
        return f"{self.function.qualname}:{name}|"

    def place(self, expression: ast.expr, depth: int = 0) -> str | None:
        """The place that an expression means; None where it makes something new."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(expression, ast.Name):
            return self._name(expression, depth)
        if isinstance(expression, ast.Constant):
            return repr(expression.value)
        if isinstance(expression, ast.Await | ast.NamedExpr | ast.Starred):
            return self.place(expression.value, depth + 1)
        if isinstance(expression, ast.Attribute):
            inner = self.place(expression.value, depth + 1)
            return None if inner is None else f"{inner}.{expression.attr.strip('_')}"
        if isinstance(expression, ast.Subscript):
            return self._element(expression.value, expression.slice, depth)
        if isinstance(expression, ast.Call):
            return self._call(expression, depth)
        return None

    def _element(self, holder: ast.expr, key: ast.expr, depth: int) -> str | None:
        inner, index = self.place(holder, depth + 1), self.place(key, depth + 1)
        if inner is None or index is None:
            return None
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return f"{inner}.{key.value.strip('_')}"
        return f"{inner}[{index}]"

    def _name(self, name: ast.Name, depth: int) -> str | None:
        given = self.given.get(name.id)
        if given is not None:
            return given
        alias = self.aliases.get(name.id)
        if alias is not None and depth < _MAX_DEPTH:
            found = self.place(alias, depth + 1)
            if found is not None:
                return found
        if name.id in self.function.stored:
            return self.token(name.id)
        return name.id

    def _call(self, call: ast.Call, depth: int) -> str | None:
        if any(isinstance(x, v.ClassValue) for x in self.program.values(call.func)):
            return None
        if call.keywords or not isinstance(call.func, ast.Attribute | ast.Name):
            return None
        if isinstance(call.func, ast.Attribute) and call.func.attr == "get" and call.args:
            return self._element(call.func.value, call.args[0], depth)
        if not _callee_name(call).lstrip("_").startswith(_LOOK_UPS):
            return None
        parts = [self.place(part, depth + 1) for part in (call.func, *call.args)]
        if any(part is None for part in parts):
            return None
        return f"{parts[0]}({','.join(str(part) for part in parts[1:])})"

    def slot(self, expression: ast.expr) -> str | None:
        """The place of a job's state that an expression reads, `.value` and the like removed."""
        return self.place(unwrapped(expression))


def _callee_name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _aliases(program: Program, function: FunctionInfo) -> dict[str, ast.expr]:
    """Names that are assigned once, from a path to an object."""
    found: dict[str, list[ast.expr | None]] = {}
    own = function.node
    for node in ast.walk(own):
        if program.function_of(node) is not function:
            continue
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target: ast.expr = node.targets[0]
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(node.value)
                continue
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value)
    stores: dict[str, int] = {}
    for node in ast.walk(own):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stores[node.id] = stores.get(node.id, 0) + 1
    return {
        name: values[0]
        for name, values in found.items()
        if len(values) == 1
        and values[0] is not None
        and stores.get(name) == 1
        and name not in function.params
        and isinstance(values[0], ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Await)
        and not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(values[0]))
    }
