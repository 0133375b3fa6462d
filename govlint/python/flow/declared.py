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
    unread: set[str] = field(default_factory=set)  # modules that hold a class of it
    holders: bool = False
    callables: bool = False


def admitted(flow: Flow, slot: Slot, values: Values) -> Values:
    """The part of `values` that the declaration of `slot` admits; all where there is none."""
    declared = _of_slot(flow, slot)
    if declared is None or declared.unread:
        return values
    return frozenset(value for value in values if _admits(flow, declared, value))


@dataclass(frozen=True, slots=True)
class Elements:
    """Where it is written what a container may hold: the annotation, and how to read it."""

    annotation: ast.expr
    module: Module
    cls: ClassInfo | None


def elements_of(annotation: ast.expr, module: Module, cls: ClassInfo | None) -> Elements | None:
    """The element's part of `dict[str, Flow]` or `list[Flow]`; None where there is none."""
    while isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in _WRAPPERS:
        inner = annotation.slice
        annotation = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
    if not isinstance(annotation, ast.Subscript) or _last_name(annotation.value) not in _HOLDERS:
        return None
    element = annotation.slice
    if isinstance(element, ast.Tuple):
        if len(element.elts) != 2 or "tuple" in _last_name(annotation.value).lower():
            return None
        element = element.elts[1]
    return Elements(element, module, cls)


def agreeing(flow: Flow, elements: Elements, values: Values) -> Values:
    """`values` without those of which only a declaration is known, and one that contradicts.

    What `make: Callable[..., Plugin]` gives is said to be a plugin, and what is kept in a
    `dict[str, Flow]` is said to be a flow: where the one is put into the other, what stands
    at the place of keeping is believed. What was seen to be made is never dropped.
    """
    said = [x for x in values if isinstance(x, v.Instance) and x.site is None]
    if not said:
        return values
    declared = _read(flow, elements.annotation, elements.module, elements.cls)
    if declared is None or declared.outside or not (declared.classes or declared.unread):
        return values
    if declared.unread and flow.is_large():
        return values
    refused = {
        value
        for value in said
        if not _admits(flow, declared, value) and not _may_be_both(flow, declared, value)
    }
    if refused and declared.unread:
        # nothing is kept back for long: the frame is evaluated again when the class is known
        flow.wanted |= declared.unread
        for name in declared.unread:
            flow.read(("unread", name))
    return values - refused


def _may_be_both(flow: Flow, declared: Declared, value: v.Instance) -> bool:
    """Whether some class derives from the value's class and from a declared one."""
    flow.read(("mro", value.cls))
    flow.read(("subclasses", value.cls))
    return any(
        cls in flow.mro(other) for other in flow.subclasses(value.cls) for cls in declared.classes
    )


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


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
        name = _last_name(base)
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
    if isinstance(value, v.Deferred):
        declared.unread.add(value.module)
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
