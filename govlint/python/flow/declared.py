"""What a declaration excludes: used only where very many values meet in one place.

Code is followed, not its annotations; an annotation may lie. But where so many values
arrive that they can no longer be told apart, most of them only pass through a function
that everything passes through. There the declared type says which of them can be meant.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.flow.values import Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo, Module

if TYPE_CHECKING:
    from govlint.python.flow.fixpoint import Flow, Slot

_SCALARS = frozenset("str int float bool bytes bytearray complex None LiteralString".split())
_HOLDERS = frozenset(
    "list tuple set frozenset dict type List Tuple Set FrozenSet Dict Sequence MutableSequence "
    "Iterable Iterator Collection Container Mapping MutableMapping OrderedDict defaultdict "
    "DefaultDict Deque deque Generator AsyncIterator AsyncIterable AsyncGenerator".split()
)
_CALLABLES = frozenset("Callable type Type Coroutine Awaitable".split())
_WRAPPERS = frozenset("Optional Union Annotated ClassVar Final Required NotRequired".split())


@dataclass(slots=True)
class Declared:
    """The classes that a declaration admits."""

    classes: set[ClassInfo] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    holders: bool = False
    callables: bool = False


def admitted(flow: Flow, slot: Slot, values: Values) -> Values:
    """The part of `values` that the declaration of `slot` admits; all where there is none."""
    declared = _of_slot(flow, slot)
    if declared is None:
        return values
    return frozenset(value for value in values if _admits(flow, declared, value))


def _of_slot(flow: Flow, slot: Slot) -> Declared | None:
    head = slot[0]
    if head == "parameter" or head == "return":
        frame = slot[1]
        function: FunctionInfo | None = frame.function  # type: ignore[attr-defined]
        if function is None or isinstance(function.node, ast.Lambda):
            return None
        if head == "return":
            annotation = None if function.is_generator else function.node.returns
        else:
            spec = function.node.args
            named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
            annotation = next((arg.annotation for arg in named if arg.arg == slot[2]), None)
        return _read(flow, annotation, function.module, function.cls)
    if len(slot) == 3 and head in ("any", "generic"):
        return _of_attribute(flow, slot[1], str(slot[2]))
    if len(slot) == 2 and isinstance(head, v.Instance):
        return _of_attribute(flow, head.cls, str(slot[1]))
    return None


def _of_attribute(flow: Flow, cls: object, name: str) -> Declared | None:
    if isinstance(cls, ClassInfo):
        for entry in flow.mro(cls):
            if isinstance(entry, ClassInfo) and name in entry.annotations:
                return _read(flow, entry.annotations[name], entry.module, entry)
    return None


def _read(
    flow: Flow, annotation: ast.expr | None, module: Module, cls: ClassInfo | None
) -> Declared | None:
    """What an annotation admits; None where any part of it cannot be known."""
    if annotation is None:
        return None
    declared = Declared()
    return declared if _collect(flow, annotation, module, cls, declared, 0) else None


def _collect(
    flow: Flow,
    node: ast.expr,
    module: Module,
    cls: ClassInfo | None,
    declared: Declared,
    depth: int,
) -> bool:
    from govlint.python.flow.annotations import parse_text, resolve

    def inner(part: ast.expr) -> bool:
        return _collect(flow, part, module, cls, declared, depth + 1)

    if depth > 8:
        return False
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            parsed = parse_text(flow, node)
            return parsed is not None and inner(parsed)
        return node.value is None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return inner(node.left) and inner(node.right)
    if isinstance(node, ast.Subscript):
        base = node.value
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        if name == "Literal":
            return True
        if name in _WRAPPERS:
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return all(inner(part) for part in (parts if name == "Union" else parts[:1]))
        return inner(base)
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    found = resolve(flow, node, module, None, cls)
    return bool(found) and all(_known(flow, value, declared) for value in found)


def _known(flow: Flow, value: Value, declared: Declared) -> bool:
    if isinstance(value, v.ClassValue):
        mro = flow.mro(value.cls)
        if value.cls.synthetic or any(
            isinstance(entry, str) and entry.endswith(("Protocol", "TypedDict")) for entry in mro
        ):
            return False
        declared.classes.add(value.cls)
        return True
    if not isinstance(value, v.External):
        return False
    name = value.dotted.rpartition(".")[2]
    if name in _HOLDERS:
        declared.holders = True
    if name in _CALLABLES:
        declared.callables = True
    if name in _SCALARS or name in _HOLDERS or name in _CALLABLES:
        return True
    if value.dotted.startswith(("typing.", "typing_extensions.", "builtins.")):
        return False
    declared.outside.add(value.dotted)
    return True


def _admits(flow: Flow, declared: Declared, value: Value) -> bool:
    if isinstance(value, v.Instance):
        mro = flow.mro(value.cls)
        if declared.holders or declared.callables or declared.outside:
            # an object of a class that a library knows under a wider name
            wide = any(isinstance(entry, str) and entry != "builtins.object" for entry in mro)
        else:
            wide = False
        return wide or any(cls in mro or value.cls in flow.mro(cls) for cls in declared.classes)
    if isinstance(value, v.Container):
        return declared.holders or bool(declared.outside)
    if isinstance(value, v.ClassValue | v.FunctionValue | v.BoundMethod | v.Partial):
        return declared.callables or bool(declared.outside)
    return True
