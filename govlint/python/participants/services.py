"""The domain services of a program, and what in them is the runtime's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.bindings import Bindings, matches_any
from govlint.python.flow import values as v
from govlint.python.participants.aliases import origins
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo

TRIGGERS: tuple[str, ...] = ("RuntimeParticipant", "get_supported_intents")
_SHAPE = re.compile(rb"\bhandle_intent\b")
CONTRACT = ("handle_intent", "get_supported_intents")
_CONTEXTS = ("execution_context", "runtime_context", "exec_context", "exec_ctx")


def starts_in(data: bytes, bindings: Bindings) -> bool:
    """Whether a file declares a domain service, by base or by its two methods."""
    if b"get_supported_intents" in data and _SHAPE.search(data):
        return True
    return any(
        part.encode() in data
        for entry in bindings.participants
        for part in [entry.rpartition(".")[2].strip("*?")]
        if part
    )


def services(program: Program) -> list[ClassInfo]:
    """The project's domain services; the contract's own base class is none."""
    found = [
        cls
        for module in list(program.modules.values())
        if not module.is_test
        for cls in module.classes
        if program.is_participant(cls) and not is_contract(program, cls)
    ]
    return sorted(found, key=lambda cls: (cls.module.path, cls.node.lineno))


def is_contract(program: Program, cls: ClassInfo) -> bool:
    """Whether a class is the contract itself: it has its name, or leaves both methods open."""
    if matches_any(program.bindings.participants, cls.qualname):
        return True
    bases = {dotted(b.value if isinstance(b, ast.Subscript) else b) for b in cls.node.bases}
    if any(base.rpartition(".")[2] == "Protocol" for base in bases):
        return True
    own = [cls.methods[name] for name in CONTRACT if name in cls.methods]
    return len(own) == len(CONTRACT) and all(is_open(method) for method in own)


def is_open(method: FunctionInfo) -> bool:
    """Whether a method is abstract: left for a subclass to fill in."""
    return any("abstractmethod" in decorator for decorator in method.decorators)


def functions_of(program: Program, cls: ClassInfo) -> Iterator[FunctionInfo]:
    """The methods of a service; functions nested in them belong to them."""
    yield from sorted(cls.methods.values(), key=lambda f: f.node.lineno)


def is_runtime_code(program: Program, function: FunctionInfo) -> bool:
    """Whether a function belongs to the runtime: what a service may call as it is."""
    cls = function.cls
    if cls is None:
        return False
    bound = program.bindings
    names = (*bound.state_surfaces, *bound.contexts, *bound.policies, *bound.runtimes,
             *bound.event_logs, "*SagaCoordinator")  # fmt: skip
    return program.is_subclass(cls, names)


def is_context(program: Program, node: ast.expr) -> bool:
    """Whether an expression is an execution context."""
    if _is_of(program, node, program.bindings.contexts):
        return True
    if isinstance(node, ast.Name):
        if node.id in _CONTEXTS or _is_second_parameter(program, node):
            return True
        return any(
            origin is not node and not isinstance(origin, ast.Call) and is_context(program, origin)
            for origin in origins(program, node)
        )
    if isinstance(node, ast.Attribute):
        return node.attr in _CONTEXTS
    held = _held_at(program, node) if isinstance(node, ast.Subscript) else None
    return held is not None and is_context(program, held)


def _held_at(program: Program, node: ast.Subscript) -> ast.expr | None:
    """What a container that is spelled out in the function holds at a constant key."""
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    for origin in origins(program, node.value):
        if isinstance(origin, ast.Dict):
            for name, value in zip(origin.keys, origin.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    return value
        elif isinstance(origin, ast.List | ast.Tuple) and isinstance(key, int):
            return origin.elts[key] if -len(origin.elts) <= key < len(origin.elts) else None
    return None


def _is_second_parameter(program: Program, node: ast.Name) -> bool:
    """`handle_intent(self, intent, ctx)`: what comes second is the context."""
    function = program.function_of(node)
    while function is not None:
        if function.name == "handle_intent" and function.cls is not None:
            positional = [a.arg for a in function.node.args.args]
            return len(positional) == 3 and positional[2] == node.id
        function = function.parent
    return False


def is_surface(program: Program, node: ast.expr) -> bool:
    """Whether an expression is a state surface."""
    if _is_of(program, node, program.bindings.state_surfaces):
        return True
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    if name.lstrip("_") == "state_surface":
        return True
    return isinstance(node, ast.Name) and any(
        isinstance(origin, ast.Attribute) and origin.attr.lstrip("_") == "state_surface"
        for origin in origins(program, node)
    )


def is_policy(program: Program, node: ast.expr) -> bool:
    """Whether an expression is something that evaluates policy."""
    if _is_of(program, node, program.bindings.policies):
        return True
    return _is_named(program, node, program.bindings.policies)


def is_runtime(program: Program, node: ast.expr) -> bool:
    """Whether an expression is the runtime or a part of it that executes intents."""
    if _is_of(program, node, program.bindings.runtimes):
        return True
    return _is_named(program, node, program.bindings.runtimes)


def _is_named(program: Program, node: ast.expr, entries: tuple[str, ...]) -> bool:
    """Whether an expression, or what a name stands for, has the name of one of the classes."""
    wanted = _snake_names(entries)
    return any(
        (part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "")).lstrip("_")
        in wanted
        for part in (node, *origins(program, node))
    )


def _snake_names(entries: tuple[str, ...]) -> set[str]:
    names = set()
    for entry in entries:
        last = entry.rpartition(".")[2]
        names.add(re.sub(r"(?<!^)(?=[A-Z])", "_", last).lower())
    return names


def _is_of(program: Program, node: ast.expr, names: tuple[str, ...]) -> bool:
    for value in program.values(node):
        if isinstance(value, v.Instance) and program.is_subclass(value.cls, names):
            return True
        if isinstance(value, v.ExternalInstance) and matches_any(names, value.dotted):
            return True
    return False
