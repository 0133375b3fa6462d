"""What the parameters of generic classes and functions stand for.

`Box[Plugin]` in an annotation, `class Shelf(Box[Plugin])`, and `def get(kind: type[T]) -> T`
say what `T` is. PEP 484 and PEP 695.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.values import EMPTY, Values
from govlint.python.symbols import ClassInfo, FunctionInfo

Bound = Mapping[str, Values]

_NOTHING: Bound = {}


def parameters(flow: Flow, cls: ClassInfo) -> tuple[str, ...]:
    """The names of a class's own type parameters, in their order."""
    declared = getattr(cls.node, "type_params", ())
    if declared:
        return tuple(parameter.name for parameter in declared)
    found: dict[str, None] = {}
    for base in cls.node.bases:
        if not isinstance(base, ast.Subscript):
            continue
        names = [name.id for name in _arguments(base) if isinstance(name, ast.Name)]
        name = getattr(base.value, "attr", getattr(base.value, "id", ""))
        if name in ("Generic", "Protocol"):
            return tuple(names)
        found.update(dict.fromkeys(x for x in names if is_variable(flow, cls, x)))
    return tuple(found)


def _arguments(node: ast.Subscript) -> list[ast.expr]:
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def is_variable(flow: Flow, cls: ClassInfo, name: str) -> bool:
    """Whether a name of the class's module is a type variable."""
    return any(
        isinstance(value, v.ExternalInstance) and value.dotted.endswith("TypeVar")
        for value in flow.read(("global", cls.module.name, name))
    )


def applied(flow: Flow, cls: ClassInfo, arguments: list[Values]) -> v.Instance:
    """Some instance of `cls[arguments]`; without what is governed, of `cls` alone."""
    if any(flow.program.carries_governed(flow, values) for values in arguments):
        names = parameters(flow, cls)
        return v.instance(cls, tuple(zip(names, arguments, strict=False)) or None)
    return v.instance(cls)


def of_receiver(flow: Flow, receiver: v.Instance, owner: ClassInfo) -> Bound:
    """What the type parameters of `owner`, a class of the receiver's, stand for in it."""
    return _seen_from(flow, receiver.cls, receiver.type_arguments, owner, 0)


def _seen_from(flow: Flow, cls: ClassInfo, known: Bound, owner: ClassInfo, depth: int) -> Bound:
    if cls is owner or depth > 8:
        return known
    if not known and not _has_arguments(flow, cls):
        return _NOTHING
    from govlint.python.flow.annotations import annotated, resolve

    for base in cls.node.bases:
        generic = base.value if isinstance(base, ast.Subscript) else base
        for value in resolve(flow, generic, cls.module, None):
            if not isinstance(value, v.ClassValue) or owner not in flow.mro(value.cls):
                continue
            inner: dict[str, Values] = {}
            if isinstance(base, ast.Subscript):
                given = [annotated(flow, x, cls.module, types=known) for x in _arguments(base)]
                inner = dict(zip(parameters(flow, value.cls), given, strict=False))
            return _seen_from(flow, value.cls, inner, owner, depth + 1)
    return _NOTHING


def _has_arguments(flow: Flow, cls: ClassInfo) -> bool:
    return any(
        isinstance(base, ast.Subscript)
        for entry in flow.mro(cls)
        if isinstance(entry, ClassInfo)
        for base in entry.node.bases
    )


def of_call(flow: Flow, function: FunctionInfo, bound: Bound) -> Bound:
    """What the type variables of a function stand for in a call, by its arguments."""
    if isinstance(function.node, ast.Lambda):
        return _NOTHING
    spec = function.node.args
    found: dict[str, Values] = {}
    first = [*spec.posonlyargs, *spec.args][:1]
    for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]:
        given = bound.get(arg.arg, EMPTY)
        if function.cls is not None and arg in first:
            for value in given:
                if isinstance(value, v.Instance):
                    for name, values in of_receiver(flow, value, function.cls).items():
                        found[name] = found.get(name, EMPTY) | values
        elif arg.annotation is not None and given:
            _match(flow, arg.annotation, given, found)
    return found


def _match(flow: Flow, annotation: ast.expr, given: Values, found: dict[str, Values]) -> None:
    if isinstance(annotation, ast.Name):
        found[annotation.id] = found.get(annotation.id, EMPTY) | given
        return
    if not isinstance(annotation, ast.Subscript):
        return
    name = getattr(annotation.value, "attr", getattr(annotation.value, "id", ""))
    parts = _arguments(annotation)
    if name in ("type", "Type"):
        made = {v.instance(value.cls) for value in given if isinstance(value, v.ClassValue)}
        _match(flow, parts[0], frozenset(made), found)
    elif name in ("Optional", "Annotated"):
        _match(flow, parts[0], given, found)
    elif name != "Callable":
        _match(flow, parts[-1], flow.elements(given), found)
