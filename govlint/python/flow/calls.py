"""Calling an abstract value: functions, classes, bound methods, callables of libraries."""

from __future__ import annotations

import ast

from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import Flow, is_exception
from govlint.python.flow.frames import Arguments
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo

# Calls that one expression may make within each other: an object may be its own `__call__`.
_MAX_DEPTH = 60


def call_values(flow: Flow, callees: Values, arguments: Arguments, node: ast.AST) -> Values:
    """Call every one of `callees`; the union of what they give."""
    found: set[Value] = set()
    for callee in callees:
        found |= call_value(flow, callee, arguments, node)
    return frozenset(found)


def call_value(flow: Flow, callee: Value, arguments: Arguments, node: ast.AST) -> Values:
    """Call one value."""
    if flow.calls_open >= _MAX_DEPTH:
        return ANY
    flow.calls_open += 1
    try:
        return _call_one(flow, callee, arguments, node)
    finally:
        flow.calls_open -= 1


def _call_one(flow: Flow, callee: Value, arguments: Arguments, node: ast.AST) -> Values:
    if isinstance(callee, v.FunctionValue):
        return flow.call_function(callee.function, callee.closure, arguments, node)
    if isinstance(callee, v.BoundMethod):
        bound = arguments.with_first(frozenset({callee.receiver}))
        result = flow.call_function(callee.function, callee.closure, bound, node)
        return flow.program.registry_result(flow, callee, result)
    if isinstance(callee, v.ClassValue):
        return _construct(flow, callee, arguments, node)
    if isinstance(callee, v.Instance):
        found: set[Value] = set()
        for method in attributes.load(flow, callee, "__call__", node):
            if not isinstance(method, v.Instance):
                found |= call_value(flow, method, arguments, node)
        return frozenset(found)
    if isinstance(callee, v.Partial):
        return _call_partial(flow, callee, arguments, node)
    if isinstance(callee, v.Container):
        if callee.shape in ("callable", "partialmethod"):
            return flow.elements(frozenset({callee}))
        if callee.shape in ("staticmethod", "classmethod"):
            return call_values(flow, flow.elements(frozenset({callee})), arguments, node)
        return ANY
    if isinstance(callee, v.Deferred):
        if _is_worth_reading(flow, arguments) or flow.interest.is_gate_code(flow.current):
            flow.wanted.add(callee.module)
        flow.external_targets[node].add(callee.dotted)
        if callee.dotted.count("()") > 3:
            return ANY
        return frozenset({v.deferred(callee.module, f"{callee.dotted}()")})
    if isinstance(callee, v.External | v.BoundExternal | v.ExternalInstance):
        from govlint.python.flow.library import call_external

        flow.external_targets[node].add(callee.dotted)
        return call_external(flow, callee, arguments, node)
    if isinstance(callee, v.Dynamic):
        flow.called_dynamic.add(callee.site)
        return ANY
    if callee is UNKNOWN:
        return ANY
    return EMPTY


def _is_worth_reading(flow: Flow, arguments: Arguments) -> bool:
    """Whether an unread function is handed something governed, or what holds it."""
    given = arguments.everything()
    if flow.is_large():
        return bool(flow.program.bound_part(given))
    return flow.program.carries_governed(flow, given)


def _construct(flow: Flow, callee: v.ClassValue, arguments: Arguments, node: ast.AST) -> Values:
    cls = callee.cls
    program = flow.program
    if flow.is_enum(cls):
        return _enum_call(flow, cls, arguments, node)
    found: set[Value] = set()
    for meta in attributes.metaclasses(flow, cls):
        for method in attributes.lookup(flow, meta, "__call__") or ():
            for bound in attributes.bind(flow, method, callee, v.class_value(meta), node):
                found |= call_value(flow, bound, arguments, node)
    # one object a governed class: which of them it is decides nothing
    made = v.instance(cls, cls.node if program.is_bound(cls) else node)
    replaced = attributes.lookup(flow, cls, "__new__")
    if replaced:
        for method in replaced:
            if isinstance(method, v.FunctionValue):
                result = flow.call_function(
                    method.function,
                    method.closure,
                    arguments.with_first(frozenset({callee})),
                    node,
                )
                found |= frozenset(value for value in result if value is not UNKNOWN)
    initialisers = attributes.lookup(flow, cls, "__init__")
    targets: set[Value] = {value for value in found if isinstance(value, v.Instance)} or {made}
    for target in targets:
        if initialisers:
            for method in initialisers:
                for bound in attributes.bind(flow, method, target, callee, node):
                    call_value(flow, bound, arguments, node)
        else:
            _assign_fields(flow, target, cls, arguments)
            for post in attributes.lookup(flow, cls, "__post_init__") or ():
                for bound in attributes.bind(flow, post, target, callee, node):
                    call_value(flow, bound, Arguments(), node)
    if any(isinstance(base, str) and is_exception(base) for base in flow.mro(cls)):
        _keep_arguments(flow, made, arguments)
    if not initialisers:
        outside = next((base for base in flow.mro(cls) if isinstance(base, str)), "builtins.")
        if not outside.startswith("builtins."):
            flow.external_targets[node].add(f"{outside}.__init__")
    if any(isinstance(base, str) for base in flow.mro(cls)) and not initialisers:
        flow.write((made, "*"), program.bound_part(arguments.everything()))
        _thread_like(flow, made, cls, arguments, node)
    if not found:
        found.add(made)
    return frozenset(found)


def _keep_arguments(flow: Flow, made: v.Instance, arguments: Arguments) -> None:
    """`BaseException.__new__` keeps the arguments as `args`, whatever `__init__` does."""
    kept = v.container("tuple", (made, "args"))
    for position, values in enumerate(arguments.positional):
        flow.store_element(kept, position, values)
    if arguments.star:
        flow.store_element(kept, None, arguments.star)
    attributes.store(flow, made, "args", frozenset({kept}))


def _thread_like(
    flow: Flow, made: Value, cls: ClassInfo, arguments: Arguments, node: ast.AST
) -> None:
    from govlint.python.flow.library import run_target

    if any(isinstance(base, str) and base.endswith("Thread") for base in flow.mro(cls)):
        run_target(flow, arguments, node)


def _enum_call(flow: Flow, cls: ClassInfo, arguments: Arguments, node: ast.AST) -> Values:
    wanted = arguments.first("value")
    names = sorted(cls.stored - set(cls.methods))
    found: set[Value] = set()
    for name in names:
        if name.startswith("_"):
            continue
        member = v.enum_member(cls, name)
        if not wanted or UNKNOWN in wanted or flow.read((member, "value")) & wanted:
            found.add(member)
    return frozenset(found) or frozenset({v.instance(cls, None)})


def _assign_fields(flow: Flow, target: Value, cls: ClassInfo, arguments: Arguments) -> None:
    """Dataclasses, named tuples, attrs and pydantic models: fields in declared order."""
    names: list[str] = []
    for entry in reversed(flow.mro(cls)):
        if isinstance(entry, ClassInfo):
            for name in entry.annotations:
                if name not in names:
                    names.append(name)
    for name, values in zip(names, arguments.positional, strict=False):
        attributes.store(flow, target, name, values)
        flow.write((target, "*"), values)
    for name, values in arguments.keywords.items():
        attributes.store(flow, target, name, values)
        flow.write((target, "*"), values)
    for index, values in enumerate(arguments.positional):
        flow.store_element(target, index, values)
    if arguments.star_keywords:
        for name in names:
            for mapping in arguments.star_keywords:
                values = flow.element(mapping, frozenset({v.const(name)}))
                attributes.store(flow, target, name, values)


def _call_partial(flow: Flow, callee: v.Partial, arguments: Arguments, node: ast.AST) -> Values:
    read = flow.read
    if callee.role == "partial":
        positional: list[Values] = []
        index = 0
        while True:
            given = read((callee, "argument", index))
            if not given and index >= flow.lengths.get(callee, 0):
                break
            positional.append(given)
            index += 1
        keywords: dict[str, Values] = {}
        for key in read((callee, "keywords")):
            if isinstance(key, v.Const):
                keywords[str(key.value)] = read((callee, "keyword", key.value))
        merged = Arguments(
            [*positional, *arguments.positional],
            {**keywords, **arguments.keywords},
            arguments.star or read((callee, "star")) or None,
            arguments.star_keywords or read((callee, "star-keywords")) or None,
        )
        return call_values(flow, read((callee, "function")), merged, node)
    subject = arguments.first("obj")
    names = read((callee, "argument", 0))
    from govlint.python.flow.library import get_attribute

    found: set[Value] = set()
    if callee.role == "itemgetter":
        for holder in subject:
            found |= flow.element(holder, names)
        return frozenset(found)
    for owner in subject:
        chain = frozenset({owner})
        for name in names:
            if callee.role == "attrgetter" and isinstance(name, v.Const):
                for part in str(name.value).split("."):
                    step: set[Value] = set()
                    for link in chain:
                        step |= get_attribute(
                            flow, link, frozenset({v.const(part)}), callee.site or node
                        )
                    chain = frozenset(step)
                found |= chain
            else:
                found |= get_attribute(flow, owner, frozenset({name}), callee.site or node)
    if callee.role == "methodcaller":
        inner = Arguments(
            [read((callee, "argument", i)) for i in range(1, flow.lengths.get(callee, 1))]
        )
        return call_values(flow, frozenset(found), inner, node)
    return frozenset(found)
