"""Methods of library objects, by the method's name: containers, executors, queues.

The receiver's class is often unknown, so the name decides (`submit`, `append`, `get`);
the names are those that the standard library and its imitators share.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.calls import call_values
from govlint.python.flow.fixpoint import Flow, key_of
from govlint.python.flow.frames import Arguments
from govlint.python.flow.library import (
    awaited,
    entered,
    get_attribute,
    iterate,
    next_of,
    run_callbacks,
    unknown_call,
    unpacked,
    update_mapping,
)
from govlint.python.flow.strings import string_method
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values

# Library methods that may give back what another method of the object was given.
_GIVES = re.compile(
    r"_*(?:get|pop|find|look|resolve|fetch|next|take|load|create|make|build|all|first|last|one|"
    r"scalar|value|item|current|select|choose|pick|acquire|receive|recv|read|result|instance|"
    r"plugin|handler|tool|obj|unwrap|wait|join|claim|lease|dequeue|poll|peek|random|iter|list|"
    r"each|map|filter|with|as_|to_|provide|inject|call|invoke|__)"
)

Method = Callable[[Flow, v.BoundExternal, Arguments, ast.AST], Values]


def call_method(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    """Call a method that the program does not define."""
    receiver, name = callee.receiver, callee.name
    if isinstance(receiver, v.Const | v.Text) and name not in ("submit",):
        return string_method(flow, receiver, name, arguments, node)
    if isinstance(receiver, v.Container):
        model = _CONTAINER.get(name)
        if model is not None:
            return model(flow, callee, arguments, node)
    if isinstance(receiver, v.Namespace):
        return _namespace(flow, receiver, name, arguments, node)
    if isinstance(receiver, v.FunctionValue | v.BoundMethod):
        return _of_function(flow, receiver, name, arguments, node)
    if isinstance(receiver, v.Instance | v.ClassValue | v.EnumMember):
        if flow.program.is_registry(flow, receiver):
            return flow.program.looked_up(name, ANY)
        special = _of_object(flow, callee, arguments, node)
        if special is not None:
            return special
    model = _METHODS.get(name)
    if model is not None:
        return model(flow, callee, arguments, node)
    if receiver is UNKNOWN:
        run_callbacks(flow, arguments, node)
        return ANY
    flow.write((receiver, "*"), flow.program.bound_part(arguments.everything()))
    result = unknown_call(flow, callee.dotted, arguments, node)
    if not _GIVES.match(name):
        return result
    return result | flow.program.bound_part(flow.read((receiver, "*")))


# -- methods of functions and objects ---------------------------------------------------


def _of_function(
    flow: Flow, receiver: Value, name: str, arguments: Arguments, node: ast.AST
) -> Values:
    if name in ("delay", "remote", "s", "si", "spawn", "defer", "send", "call_local", "local"):
        return flow.holder(
            "future", node, call_values(flow, frozenset({receiver}), arguments, node)
        )
    if name in ("apply_async", "apply"):
        given = arguments.first("args")
        inner = Arguments(unpacked(flow, given))
        return flow.holder("future", node, call_values(flow, frozenset({receiver}), inner, node))
    if name == "__get__":
        found: set[Value] = set()
        if isinstance(receiver, v.FunctionValue):
            for owner in arguments.first():
                found.add(v.bound_method(receiver.function, owner, receiver.closure))
        return frozenset(found)
    if name in ("register", "setter", "getter", "deleter", "options", "bind", "using"):
        functions = arguments.everything()
        if name == "register":
            return functions or frozenset({v.external("govlint.identity")})
        return frozenset({receiver})
    run_callbacks(flow, arguments, node)
    return ANY


def _of_object(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values | None:
    receiver, name = callee.receiver, callee.name
    if name == "__new__":
        target = arguments.first() or frozenset({receiver})
        made = {v.instance(value.cls, node) for value in target if isinstance(value, v.ClassValue)}
        if isinstance(receiver, v.ClassValue) and any(
            isinstance(base, str) and base.endswith("type") for base in flow.mro(receiver.cls)
        ):
            return flow.read(("metaclass-products", receiver.cls))
        return frozenset(made) or ANY
    if name == "__subclasses__" and isinstance(receiver, v.ClassValue):
        flow.read(("subclasses", receiver.cls))
        subclasses = {v.class_value(cls) for cls in flow.subclasses(receiver.cls)}
        return flow.holder("list", node, frozenset(subclasses))
    if name in ("__getattribute__", "__getattr__"):
        names = arguments.first()
        owner = receiver
        if len(arguments.positional) > 1:
            found: set[Value] = set()
            for value in arguments.first():
                found |= get_attribute(flow, value, arguments.at(1), node)
            return frozenset(found)
        return get_attribute(flow, owner, names, node)
    if name == "__setattr__":
        for value in arguments.at(0):
            if isinstance(value, v.Const) and isinstance(value.value, str):
                attributes.store(flow, receiver, value.value, arguments.at(1))
        return EMPTY
    if name in ("__init__", "__init_subclass__"):
        flow.write((receiver, "*"), flow.program.bound_part(arguments.everything()))
        return EMPTY
    if name in ("__call__", "remote", "bind") and isinstance(receiver, v.ClassValue):
        return call_values(flow, frozenset({receiver}), arguments, node)
    if name == "options" and isinstance(receiver, v.ClassValue):
        return frozenset({receiver})
    if name == "_replace" or name == "model_copy":
        for key, values in arguments.keywords.items():
            attributes.store(flow, receiver, key, values)
        return frozenset({receiver})
    if name in ("_asdict", "model_dump", "dict"):
        return flow.holder("dict", node, flow.read((receiver, "attributes")))
    if name == "start" and isinstance(receiver, v.Instance):
        for method in attributes.load(flow, receiver, "run", node):
            if isinstance(method, v.BoundMethod) and any(
                isinstance(base, str) and base.endswith(("Thread", "Process"))
                for base in flow.mro(receiver.cls)
            ):
                call_values(flow, frozenset({method}), Arguments(), node)
        return ANY
    if name in ("get", "pop", "__getitem__") and (
        isinstance(receiver, v.Instance) and attributes.is_typed_dict(flow, receiver.cls)
    ):
        return attributes.load_key(flow, receiver, arguments.first(), node) | arguments.at(1)
    if isinstance(receiver, v.Instance):
        mapping = _CONTAINER.get(name)
        if mapping is not None and any(
            isinstance(base, str) and base.rpartition(".")[2] in _HOLDERS
            for base in flow.mro(receiver.cls)
        ):
            return mapping(flow, callee, arguments, node)
    return None


_HOLDERS = frozenset(
    {"dict", "list", "set", "tuple", "UserDict", "UserList", "OrderedDict", "deque", "defaultdict"}
)


def _namespace(
    flow: Flow, receiver: v.Namespace, name: str, arguments: Arguments, node: ast.AST
) -> Values:
    owner = receiver.owner
    if name in ("get", "__getitem__", "pop", "setdefault"):
        if name == "setdefault":
            _store_named(flow, owner, arguments)
        return get_attribute(flow, owner, arguments.first(), node, own=True) | arguments.at(1)
    if name in ("update", "__setitem__"):
        if name == "__setitem__":
            _store_named(flow, owner, arguments)
        for key, values in arguments.keywords.items():
            attributes.store(flow, owner, key, values)
        for mapping in arguments.first() if name == "update" else EMPTY:
            for key_value in flow.read((mapping, "keys")):
                if isinstance(key_value, v.Const) and isinstance(key_value.value, str):
                    values = flow.element(mapping, frozenset({key_value}))
                    attributes.store(flow, owner, key_value.value, values)
        return EMPTY
    if name in ("values", "items"):
        held = flow.read((owner, "attributes"))
        if isinstance(owner, v.ClassValue):
            for entry in sorted(owner.cls.stored):
                held |= flow.read((owner, entry))
        if name == "values":
            return flow.holder("iterator", node, held)
        row = v.container("tuple", (node, "row"))
        flow.store_element(row, 0, ANY)
        flow.store_element(row, 1, held)
        flow.lengths[row] = 2
        return flow.holder("iterator", node, frozenset({row}))
    return ANY


def _store_named(flow: Flow, owner: Value, arguments: Arguments) -> None:
    for key in arguments.first():
        if isinstance(key, v.Const) and isinstance(key.value, str):
            attributes.store(flow, owner, key.value, arguments.at(1))


# -- containers -----------------------------------------------------------------------------


def _append(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    values = arguments.at(1) if callee.name == "insert" else arguments.at(0)
    if callee.name in ("insert", "appendleft"):
        flow.write((callee.receiver, "scrambled"), ANY)
    flow.store_element(callee.receiver, None, values)
    return EMPTY


def _extend(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    receiver = callee.receiver
    if isinstance(receiver, v.Container) and receiver.shape == "dict":
        update_mapping(flow, receiver, arguments.first(), node)
        for name, values in arguments.keywords.items():
            flow.store_element(receiver, name, values)
            flow.write((receiver, "keys"), frozenset({v.const(name)}))
        return EMPTY
    for values in arguments.positional:
        flow.store_element(receiver, None, iterate(flow, values, node))
    return EMPTY


def _scramble(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    flow.write((callee.receiver, "scrambled"), ANY)
    call_values(
        flow,
        arguments.keywords.get("key", EMPTY),
        Arguments([flow.elements(frozenset({callee.receiver}))]),
        node,
    )
    return frozenset({v.const(None)})


def _pop(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    receiver = callee.receiver
    if isinstance(receiver, v.Container) and receiver.shape == "dict":
        return flow.element(receiver, arguments.at(0)) | arguments.at(1)
    flow.write((receiver, "scrambled"), ANY)
    return flow.elements(frozenset({receiver}))


def _get(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return flow.element(callee.receiver, arguments.at(0)) | arguments.at(1, "default")


def _setdefault(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    flow.store_element(callee.receiver, key_of(arguments.at(0)), arguments.at(1))
    flow.write((callee.receiver, "keys"), arguments.at(0))
    return flow.element(callee.receiver, arguments.at(0)) | arguments.at(1)


def _set_item(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    flow.store_element(callee.receiver, key_of(arguments.at(0)), arguments.at(1))
    flow.write((callee.receiver, "keys"), arguments.at(0))
    return EMPTY


def _values(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("iterator", node, flow.elements(frozenset({callee.receiver})))


def _keys(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("iterator", node, iterate(flow, frozenset({callee.receiver}), node))


def _items(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    keys = flow.only_keys(callee.receiver)
    if keys:
        made = v.container("iterator", (node, callee.receiver))
        for position, key in enumerate(keys):
            row = v.container("tuple", (node, callee.receiver, key))
            flow.store_element(row, 0, frozenset({key}))
            flow.store_element(row, 1, flow.element(callee.receiver, frozenset({key})))
            flow.lengths[row] = 2
            flow.store_element(made, position, frozenset({row}))
        flow.set_length(made, len(keys))
        return frozenset({made})
    row = v.container("tuple", (node, callee.receiver, "item"))
    flow.store_element(row, 0, iterate(flow, frozenset({callee.receiver}), node))
    flow.store_element(row, 1, flow.elements(frozenset({callee.receiver})))
    flow.lengths[row] = 2
    return flow.holder("iterator", node, frozenset({row}))


def _popitem(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return flow.elements(_items(flow, callee, arguments, node))


def _copy(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return frozenset({callee.receiver})


def _union(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    held = flow.elements(frozenset({callee.receiver}))
    for values in arguments.positional:
        held |= iterate(flow, values, node)
    shape = callee.receiver.shape if isinstance(callee.receiver, v.Container) else "set"
    return flow.holder(shape, node, held)


def _all_elements(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    return flow.elements(frozenset({callee.receiver}))


def _send(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    flow.write((callee.receiver, "sent"), arguments.at(0))
    return flow.elements(frozenset({callee.receiver}))


def _done_callback(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    call_values(flow, arguments.first(), Arguments([frozenset({callee.receiver})]), node)
    return EMPTY


_CONTAINER: dict[str, Method] = {
    "append": _append,
    "appendleft": _append,
    "add": _append,
    "insert": _append,
    "extend": _extend,
    "extendleft": _extend,
    "update": _extend,
    "__setitem__": _set_item,
    "sort": _scramble,
    "reverse": _scramble,
    "rotate": _scramble,
    "pop": _pop,
    "popleft": _pop,
    "get": _get,
    "__getitem__": _get,
    "setdefault": _setdefault,
    "values": _values,
    "keys": _keys,
    "items": _items,
    "popitem": _popitem,
    "copy": _copy,
    "union": _union,
    "intersection": _union,
    "difference": _union,
    "symmetric_difference": _union,
    "__next__": _all_elements,
    "__anext__": _all_elements,
    "__iter__": _copy,
    "__aiter__": _copy,
    "asend": _send,
    "send": _send,
    "result": _all_elements,
    "get_nowait": _all_elements,
    "add_done_callback": _done_callback,
}


# -- executors, loops, queues and other library objects ---------------------------------------


def _run_from(skip: int, shape: str = "future") -> Method:
    def method(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
        rest = arguments.without_first(skip)
        keywords = {
            name: values
            for name, values in arguments.keywords.items()
            if name not in ("delay", "callback", "context", "daemon")
        }
        inner = Arguments(rest.positional[1:], keywords, rest.star, rest.star_keywords)
        callees = rest.at(0) or arguments.keywords.get("callback", EMPTY)
        return flow.holder(shape, node, call_values(flow, callees, inner, node))

    return method


def _pool_apply(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    inner = Arguments(unpacked(flow, arguments.at(1, "args")))
    for mapping in arguments.at(2, "kwds"):
        for key in flow.read((mapping, "keys")):
            if isinstance(key, v.Const):
                inner.keywords[str(key.value)] = flow.element(mapping, frozenset({key}))
    result = call_values(flow, arguments.at(0, "func"), inner, node)
    call_values(flow, arguments.keywords.get("callback", EMPTY), Arguments([result]), node)
    return flow.holder("future", node, result)


def _pool_map(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    columns = [iterate(flow, values, node) for values in arguments.positional[1:]]
    return flow.holder(
        "iterator", node, call_values(flow, arguments.at(0), Arguments(columns), node)
    )


def _pool_starmap(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    rows = iterate(flow, arguments.at(1), node)
    inner = Arguments(unpacked(flow, rows))
    return flow.holder("iterator", node, call_values(flow, arguments.at(0), inner, node))


def _await_first(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    return awaited(flow, arguments.first())


def _task(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return arguments.first()


def _put(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    if callee.receiver is not UNKNOWN:
        for values in arguments.positional:
            flow.write((callee.receiver, "*"), values)
    run_callbacks(flow, arguments, node)
    return ANY


def _take(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    if callee.receiver is UNKNOWN:
        return ANY
    return flow.read((callee.receiver, "*")) | ANY


def _enter_context(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    return entered(flow, arguments.first(), node)


def _next_method(
    flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST
) -> Values:
    if isinstance(callee.receiver, v.Instance):
        return next_of(flow, callee.receiver, node)
    return _take(flow, callee, arguments, node)


def _nothing(flow: Flow, callee: v.BoundExternal, arguments: Arguments, node: ast.AST) -> Values:
    return ANY


_METHODS: dict[str, Method] = {
    **dict.fromkeys(
        "debug info warning warn error exception critical fatal log getChild format".split(),
        _nothing,
    ),
    "submit": _run_from(0),
    "spawn": _run_from(0),
    "call_soon": _run_from(0),
    "call_soon_threadsafe": _run_from(0),
    "call_later": _run_from(1),
    "call_at": _run_from(1),
    "run_in_executor": _run_from(1),
    "start_soon": _run_from(0),
    "callback": _run_from(0, "callable"),
    "push_async_callback": _run_from(0, "callable"),
    "add_task": _run_from(0),
    "run_sync": _run_from(0),
    "run": _run_from(0),
    "apply": _pool_apply,
    "apply_async": _pool_apply,
    "map": _pool_map,
    "map_async": _pool_map,
    "imap": _pool_map,
    "imap_unordered": _pool_map,
    "starmap": _pool_starmap,
    "starmap_async": _pool_starmap,
    "create_task": _task,
    "run_until_complete": _await_first,
    "ensure_future": _task,
    "put": _put,
    "put_nowait": _put,
    "send": _put,
    "set": _put,
    "append": _put,
    "appendleft": _put,
    "add": _put,
    "push": _put,
    "publish": _put,
    "set_result": _put,
    "__setitem__": _put,
    "get": _take,
    "get_nowait": _take,
    "recv": _take,
    "pop": _take,
    "popleft": _take,
    "result": _take,
    "values": _take,
    "receive": _take,
    "enter_context": _enter_context,
    "enter_async_context": _enter_context,
    "__next__": _next_method,
    "__enter__": _copy,
    "__aenter__": _copy,
}
