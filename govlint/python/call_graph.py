"""The call graph of a program: which function may call which.

Names are those of the program's modules, classes and functions joined by dots; what a
module does when it is imported is called by the module's own name. Lambdas are numbered in
the scope they stand in. What is outside the program stands under its dotted name, builtins
under `<builtin>` and methods of built-in types under `<**PyStr**>` and the like, as PyCG
has them (Salis et al., ICSE 2021), whose output format this is. What only puts something
into a container (`append`, `update`) is a matter of values, not of calls, and is left out.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from govlint.python.flow.places import CHANGES
from govlint.python.symbols import FunctionInfo

if TYPE_CHECKING:
    from govlint.python.program import Program

CallGraph = dict[str, list[str]]

_BUILTIN_TYPES = {
    "str": "<**PyStr**>",
    "dict": "<**PyDict**>",
    "list": "<**PyList**>",
    "tuple": "<**PyTuple**>",
    "set": "<**PySet**>",
}
# what every class has, and bases that only mark it
_UNSAID = frozenset(
    f"{base}.__init__" for base in ("abc.ABC", "typing.Protocol", "typing.Generic", "enum.Enum")
)


def call_graph(program: Program) -> CallGraph:
    """Adjacency of qualified names; each name that is called or defined is a key."""
    names = _Names()
    graph: dict[str, set[str]] = {name: set() for name in program.modules}
    for module in program.modules.values():
        for function in module.functions:
            graph[names.of(function)] = set()
    for node, functions in program.flow.targets.items():
        for function in functions:
            caller = _caller(program, node, names)
            callee = names.of(function)
            if function.module.path:
                graph.setdefault(caller, set()).add(callee)
                graph.setdefault(callee, set())
    for node, outside in program.flow.external_targets.items():
        for dotted in outside:
            name = _outside_name(dotted)
            if name is not None:
                graph.setdefault(_caller(program, node, names), set()).add(name)
                graph.setdefault(name, set())
    return {name: sorted(graph[name]) for name in sorted(graph)}


class _Names:
    def __init__(self) -> None:
        self._lambdas: dict[FunctionInfo, str] = {}

    def of(self, function: FunctionInfo) -> str:
        found = self._lambdas.get(function)
        if found is None:
            found = self._lambdas[function] = self._make(function)
        return found

    def _make(self, function: FunctionInfo) -> str:
        if not isinstance(function.node, ast.Lambda):
            name = function.name
        else:
            inside = [
                other
                for other in function.module.functions
                if isinstance(other.node, ast.Lambda)
                and other.parent is function.parent
                and other.cls is function.cls
            ]
            name = f"<lambda{inside.index(function) + 1}>"
        return f"{self._scope(function)}.{name}"

    def _scope(self, function: FunctionInfo) -> str:
        if function.cls is not None:
            return function.cls.qualname
        return self.of(function.parent) if function.parent is not None else function.module.name


def _caller(program: Program, node: ast.AST, names: _Names) -> str:
    function = program.function_of(node)
    return names.of(function) if function is not None else program.module_of(node).name


def _outside_name(dotted: str) -> str | None:
    head, _, rest = dotted.partition(".")
    if dotted in _UNSAID or (head in _BUILTIN_TYPES and rest in CHANGES):
        return None
    if head == "builtins":
        known = hasattr(builtins, rest.partition(".")[0])  # an undefined name is no builtin
        return f"<builtin>.{rest}" if known else None
    if head in _BUILTIN_TYPES:
        return f"{_BUILTIN_TYPES[head]}.{rest}"
    return dotted if head.isidentifier() else None
