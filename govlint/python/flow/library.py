"""What the standard library and builtins do to values, as far as flow needs it.

A model a name. Anything without one gives an unknown value, and what is handed to it
as a callback is called with what was handed along (`submit`, `delay`, `on_event`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.calls import call_values
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.frames import Arguments
from govlint.python.flow.strings import call_on_constant
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values

Model = Callable[[Flow, Arguments, ast.AST], Values]


def call_external(
    flow: Flow,
    callee: v.External | v.BoundExternal | v.ExternalInstance,
    arguments: Arguments,
    node: ast.AST,
) -> Values:
    """Call something outside the program."""
    if isinstance(callee, v.ExternalInstance):
        stored = flow.read((callee, "__call__"))
        return call_values(flow, stored, arguments, node) | ANY
    if isinstance(callee, v.BoundExternal):
        from govlint.python.flow.library_methods import call_method

        return call_method(flow, callee, arguments, node)
    dotted = callee.dotted
    model = _MODELS.get(dotted) or _MODELS.get(_short(dotted))
    if model is not None:
        return model(flow, arguments, node)
    return unknown_call(flow, dotted, arguments, node)


def _short(dotted: str) -> str:
    """`builtins.x` for `x` and the last two parts of longer names."""
    parts = dotted.split(".")
    return ".".join(parts[-2:])


def unknown_call(flow: Flow, dotted: str, arguments: Arguments, node: ast.AST) -> Values:
    """Call something that has no model: hand on what callbacks are given."""
    run_callbacks(flow, arguments, node)
    for value in arguments.everything():
        if isinstance(value, v.Dynamic):
            flow.called_dynamic.add(value.site)
    made = v.external_instance(dotted, node)
    for name, values in arguments.keywords.items():
        flow.write((made, name), flow.program.bound_part(values))
    kept = {made, *(value for value in arguments.everything() if _is_callable(value))}
    flow.write((made, "*"), flow.program.bound_part(arguments.everything()))
    return frozenset(kept)


def _is_callable(value: Value) -> bool:
    return isinstance(value, v.FunctionValue | v.BoundMethod | v.Partial | v.ClassValue)


def run_callbacks(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """Call each function among the arguments with the arguments that follow it."""
    found: set[Value] = set()
    rest = arguments.positional
    for index, values in enumerate(rest):
        functions = frozenset(
            value
            for value in values
            if isinstance(value, v.FunctionValue | v.BoundMethod | v.Partial)
        )
        if functions:
            following = Arguments(rest[index + 1 :], arguments.keywords, arguments.star)
            given = following.everything()
            if index + 1 == len(rest) or flow.program.carries_governed(flow, given):
                if flow.program.carries_governed(flow, given):
                    found |= call_values(flow, functions, following, node)
                tuples = [value for value in given if isinstance(value, v.Container)]
                if tuples and not isinstance(node, ast.ClassDef):
                    spread = Arguments(unpacked(flow, given))
                    if flow.program.carries_governed(flow, spread.everything()):
                        found |= call_values(flow, functions, spread, node)
    return frozenset(found)


def unpacked(flow: Flow, holders: Values) -> list[Values]:
    """The elements of tuples and lists by position, as positional arguments."""
    result: list[Values] = []
    for holder in holders:
        length = flow.lengths.get(holder)
        for position in range(length or 0):
            values = flow.element(holder, frozenset({v.const(position)}))
            if position < len(result):
                result[position] |= values
            else:
                result.append(values)
    return result


def run_target(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`Thread(target=f, args=(…), kwargs={…})`, also Process and Timer."""
    targets = arguments.keywords.get("target") or arguments.keywords.get("function") or EMPTY
    given = arguments.keywords.get("args", EMPTY)
    if not targets and len(arguments.positional) > 1:
        targets = arguments.positional[1]
        given = given or (
            arguments.positional[3]
            if len(arguments.positional) > 3
            else arguments.positional[2]
            if len(arguments.positional) > 2
            else EMPTY
        )
    keywords: dict[str, Values] = {}
    for mapping in arguments.keywords.get("kwargs", EMPTY):
        for key in flow.read((mapping, "keys")):
            if isinstance(key, v.Const) and isinstance(key.value, str):
                keywords[key.value] = flow.element(mapping, frozenset({key}))
    return call_values(flow, targets, Arguments(unpacked(flow, given), keywords), node)


# -- attributes by name ---------------------------------------------------------------


def get_attribute(
    flow: Flow, owner: Value, names: Values, node: ast.AST, own: bool = False
) -> Values:
    """`getattr(owner, name)`; notes where a plugin's governed method may be what is got.

    With `own`, and where `node` is a subscript, it is `owner.__dict__` that is asked.
    """
    program = flow.program
    governed = program.governed_names(flow, owner)
    if isinstance(owner, v.Instance) and (own or isinstance(node, ast.Subscript)):
        # methods are their class's: an object's own `__dict__` holds what was stored in it
        governed = tuple(word for word in governed if _is_stored(flow, owner, word))
    found: set[Value] = set()
    for name in names:
        if isinstance(name, v.Const) and isinstance(name.value, str):
            found |= attributes.load(flow, owner, name.value, node)
            if name.value in governed:
                flow.dynamic[node][name.value] = "decided"
        elif isinstance(name, v.Text):
            for word in governed:
                if name.may_be(word):
                    flow.dynamic[node].setdefault(word, "undecided")
                    found.add(v.dynamic(node))
            found.add(UNKNOWN)
        elif name is UNKNOWN or isinstance(
            name, v.External | v.ExternalInstance | v.Deferred | v.BoundExternal
        ):
            for word in governed:
                flow.dynamic[node].setdefault(word, "undecided")
                found.add(v.dynamic(node))
            found.add(UNKNOWN)
    if not names and governed:
        for word in governed:
            flow.dynamic[node].setdefault(word, "undecided")
            found.add(v.dynamic(node))
    return frozenset(found)


def _is_stored(flow: Flow, owner: v.Instance, name: str) -> bool:
    """Whether something that could be called was assigned to the attribute of an object."""
    held = flow.read((owner, name)) | flow.read(("any", owner.cls, name))
    return any(not isinstance(value, v.Const) for value in held)


def _getattr(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for owner in arguments.first("object"):
        found |= get_attribute(flow, owner, arguments.at(1), node)
    found |= arguments.at(2)
    return frozenset(found)


def _setattr(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    for owner in arguments.at(0):
        for name in arguments.at(1):
            if isinstance(name, v.Const) and isinstance(name.value, str):
                attributes.store(flow, owner, name.value, arguments.at(2))
            elif isinstance(owner, v.Instance | v.ClassValue | v.ModuleValue | v.ExternalInstance):
                flow.write((owner, "attributes"), arguments.at(2))
                flow.write((owner, "any-name"), arguments.at(2))
    return EMPTY


def _vars(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return (
        frozenset(v.namespace(owner) for owner in arguments.first() if owner is not UNKNOWN) or ANY
    )


def _type(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    if len(arguments.positional) >= 3:
        return _new_type(flow, arguments, node)
    found: set[Value] = set()
    for value in arguments.first():
        if isinstance(value, v.Instance | v.EnumMember):
            found.add(v.class_value(value.cls))
        elif isinstance(value, v.ClassValue):
            found.update(v.class_value(meta) for meta in attributes.metaclasses(flow, value.cls))
        else:
            found.add(UNKNOWN)
    return frozenset(found)


def _new_type(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`type(name, bases, namespace)`: a class made at run time."""
    cls = flow.program.dynamic_class(node, arguments.at(0))
    made = v.class_value(cls)
    bases = unpacked(flow, arguments.at(1))
    flow.set_bases(cls, tuple(bases) or (flow.elements(arguments.at(1)),))
    for mapping in arguments.at(2):
        for key in flow.read((mapping, "keys")):
            if isinstance(key, v.Const) and isinstance(key.value, str):
                cls.stored.add(key.value)
                flow.write((made, key.value), flow.element(mapping, frozenset({key})))
    return frozenset({made})


def _new_object(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`object.__new__(cls)`: an object without its `__init__`."""
    classes = [value.cls for value in arguments.first() if isinstance(value, v.ClassValue)]
    return frozenset(v.instance(cls, node) for cls in classes) or ANY


def _new_class(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`types.new_class(name, bases, …)`: its body is filled in by a callback."""
    return _new_type(flow, arguments, node)


# -- containers ---------------------------------------------------------------------------


def iterate(flow: Flow, holders: Values, node: ast.AST) -> Values:
    """What iterating over each of `holders` gives."""
    found: set[Value] = set()
    for holder in holders:
        if isinstance(holder, v.Container):
            if holder.shape in ("dict", "keys"):
                found |= flow.read((holder, "keys"))
                for other in flow.read((holder, "more")):
                    found |= flow.read((other, "keys"))
            else:
                found |= flow.elements(frozenset({holder}))
        elif isinstance(holder, v.Instance):
            found |= _iterate_instance(flow, holder, node)
        elif isinstance(holder, v.ClassValue):
            if flow.is_enum(holder.cls):
                found |= flow.elements(attributes.load(flow, holder, "__members__", node))
            for meta in attributes.metaclasses(flow, holder.cls):
                for method in attributes.lookup(flow, meta, "__iter__") or ():
                    for bound in attributes.bind(flow, method, holder, v.class_value(meta), node):
                        got = call_values(flow, frozenset({bound}), Arguments(), node)
                        found |= flow.elements(got)
        elif isinstance(holder, v.Const) and isinstance(holder.value, str | bytes):
            if len(holder.value) <= 32:
                found |= {v.const(part) for part in holder.value}
            else:
                found.add(UNKNOWN)
        elif isinstance(holder, v.Namespace):
            found.add(UNKNOWN)
        else:
            found |= flow.read((holder, "*"))
            found.add(UNKNOWN)
    return frozenset(found)


def _iterate_instance(flow: Flow, holder: v.Instance, node: ast.AST) -> Values:
    found: set[Value] = set(flow.read((holder, "*")))
    for name in ("__iter__", "__aiter__"):
        if attributes.lookup(flow, holder.cls, name) is None:
            continue
        for method in attributes.load(flow, holder, name, node):
            iterators = call_values(flow, frozenset({method}), Arguments(), node)
            for iterator in iterators:
                if isinstance(iterator, v.Instance):
                    found |= next_of(flow, iterator, node)
                else:
                    found |= iterate(flow, frozenset({iterator}), node)
        return flow.program.registry_elements(flow, holder, frozenset(found))
    if attributes.lookup(flow, holder.cls, "__getitem__") is not None:
        for method in attributes.load(flow, holder, "__getitem__", node):
            found |= call_values(flow, frozenset({method}), Arguments([ANY]), node)
    found |= next_of(flow, holder, node)
    return flow.program.registry_elements(flow, holder, frozenset(found))


def next_of(flow: Flow, iterator: v.Instance, node: ast.AST) -> Values:
    """`next(iterator)` through `__next__` or `__anext__`."""
    found: set[Value] = set()
    for name in ("__next__", "__anext__"):
        if attributes.lookup(flow, iterator.cls, name) is not None:
            for method in attributes.load(flow, iterator, name, node):
                found |= call_values(flow, frozenset({method}), Arguments(), node)
    return frozenset(found)


def copy_of(flow: Flow, shape: str, arguments: Arguments, node: ast.AST) -> Values:
    """`list(x)` and its like: a new holder of what `x` iterates over, order kept."""
    made = v.container(shape, node)
    source = arguments.first()
    flow.store_element(made, None, iterate(flow, source, node))
    for holder in source:
        if isinstance(holder, v.Container) and holder in flow.lengths:
            for position, values in enumerate(unpacked(flow, frozenset({holder}))):
                flow.store_element(made, position, values)
    return frozenset({made})


def _holder(shape: str) -> Model:
    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        return copy_of(flow, shape, arguments, node)

    return model


def _dict(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    made = v.container("dict", node)
    for name, values in arguments.keywords.items():
        flow.store_element(made, name, values)
        flow.write((made, "keys"), frozenset({v.const(name)}))
    update_mapping(flow, made, arguments.first() | (arguments.star_keywords or EMPTY), node)
    return frozenset({made})


def _chain_map(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    made = v.container("dict", node)
    for mappings in [*arguments.positional, arguments.star or EMPTY]:
        update_mapping(flow, made, mappings, node)
    return frozenset({made})


def update_mapping(flow: Flow, made: Value, sources: Values, node: ast.AST) -> None:
    """Put what other mappings, or pairs, hold into the mapping `made`."""
    for source in sources:
        if isinstance(source, v.Container) and source.shape in ("dict", "keys"):
            flow.write((made, "more"), frozenset({source}))
            flow.write((made, "keys"), flow.read((source, "keys")))
            flow.write((made, "*"), flow.elements(frozenset({source})))
        elif isinstance(source, v.Namespace):
            flow.write((made, "*"), flow.elements(frozenset({source})))
            flow.write((made, "[]"), flow.elements(frozenset({source})))
        else:
            for pair in iterate(flow, frozenset({source}), node):
                flow.write((made, "keys"), flow.element(pair, frozenset({v.const(0)})))
                flow.store_element(made, None, flow.element(pair, frozenset({v.const(1)})))


def _pairs(flow: Flow, columns: list[Values], node: ast.AST, shape: str = "iterator") -> Values:
    row = v.container("tuple", (node, "row"))
    flow.lengths[row] = len(columns)
    for position, values in enumerate(columns):
        flow.store_element(row, position, values)
    return flow.holder(shape, node, frozenset({row}))


def _enumerate(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return _pairs(flow, [ANY, iterate(flow, arguments.first("iterable"), node)], node)


def _zip(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    columns = [iterate(flow, values, node) for values in arguments.positional]
    if arguments.star:
        columns.extend([iterate(flow, flow.elements(arguments.star) or arguments.star, node)] * 2)
    return _pairs(flow, columns, node)


def _product(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return _zip(flow, arguments, node)


def _groups(shape: str, outer: str) -> Model:
    """`batched`, `tee`, `pairwise`: holders that each hold any of what is iterated over."""

    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        items = iterate(flow, arguments.first("iterable"), node)
        return flow.holder(outer, node, flow.holder(shape, (node, "group"), items))

    return model


def _group_by(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.first("iterable"), node)
    keys = call_values(flow, arguments.at(1, "key"), Arguments([items]), node)
    group = flow.holder("iterator", (node, "group"), items)
    return _pairs(flow, [keys or items, group], node)


def _accumulate(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.first("iterable"), node)
    items |= arguments.keywords.get("initial", EMPTY)
    function = arguments.at(1, "func")
    once = call_values(flow, function, Arguments([items, items]), node)
    again = call_values(flow, function, Arguments([once | items, items]), node)
    return flow.holder("iterator", node, items | once | again)


def _get_item(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for holder in arguments.at(0):
        if isinstance(holder, v.Container | v.ExternalInstance):
            found |= flow.element(holder, arguments.at(1))
        elif isinstance(holder, v.Instance):
            methods = attributes.load(flow, holder, "__getitem__", node)
            found |= call_values(flow, methods, Arguments([arguments.at(1)]), node)
    return frozenset(found) or ANY


def _members_of(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`inspect.getmembers(plugin)`: every attribute, the governed one among them."""
    found: set[Value] = {UNKNOWN}
    for owner in arguments.first("object"):
        if isinstance(owner, v.Instance | v.ClassValue | v.Super):
            found |= get_attribute(flow, owner, ANY, node)
        elif isinstance(owner, v.ModuleValue):
            found |= flow.read((owner, "attributes"))
    return _pairs(flow, [ANY, frozenset(found)], node)


def depends(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`Depends(provider)`: what the framework injects is what the provider gives."""
    given = call_values(flow, arguments.first("dependency"), Arguments(), node)
    return frozenset(x for value in given for x in _provided(flow, value))


def _provided(flow: Flow, value: Value) -> Values:
    if isinstance(value, v.Container) and value.shape in ("generator", "async-generator"):
        return flow.elements(frozenset({value}))
    return frozenset({value})


def _map(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    # whatever can be called is: a call with its arguments the wrong way round is looked at, too
    callables = [i for i, x in enumerate(arguments.positional) if i and _only_functions(x)]
    columns = [
        iterate(flow, values, node)
        for position, values in enumerate(arguments.positional)
        if position not in (callables or (0,))
    ]
    functions = arguments.at(0).union(*(arguments.positional[i] for i in callables))
    return flow.holder("iterator", node, call_values(flow, functions, Arguments(columns), node))


def _only_functions(values: Values) -> bool:
    return bool(values) and all(isinstance(x, v.FunctionValue | v.BoundMethod) for x in values)


def _starmap(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    rows = iterate(flow, arguments.at(1), node)
    return flow.holder(
        "iterator", node, call_values(flow, arguments.at(0), Arguments(unpacked(flow, rows)), node)
    )


def _filter(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.at(1), node)
    call_values(flow, arguments.at(0), Arguments([items]), node)
    return flow.holder("iterator", node, items)


def _sorted(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.first(), node)
    call_values(flow, arguments.keywords.get("key", EMPTY), Arguments([items]), node)
    return flow.holder("list", node, items)


def _extreme(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items: set[Value] = set()
    if len(arguments.positional) == 1:
        items |= iterate(flow, arguments.first(), node)
    else:
        for values in arguments.positional:
            items |= values
    items |= arguments.keywords.get("default", EMPTY)
    call_values(flow, arguments.keywords.get("key", EMPTY), Arguments([frozenset(items)]), node)
    return frozenset(items)


def _elements(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("iterator", node, iterate(flow, arguments.first(), node))


def _repeat(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("iterator", node, arguments.first())


def _chain(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items: set[Value] = set()
    for values in arguments.positional:
        items |= iterate(flow, values, node)
    if arguments.star:
        items |= iterate(flow, arguments.star, node)
    return flow.holder("iterator", node, frozenset(items))


def _chain_from(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    inner = iterate(flow, arguments.first(), node)
    return flow.holder("iterator", node, iterate(flow, inner, node))


def _next(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set(arguments.at(1))
    for holder in arguments.first():
        if isinstance(holder, v.Instance):
            found |= next_of(flow, holder, node) or flow.read((holder, "*"))
        else:
            found |= iterate(flow, frozenset({holder}), node)
    return frozenset(found)


def _iter(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    if len(arguments.positional) > 1:
        return flow.holder(
            "iterator", node, call_values(flow, arguments.first(), Arguments(), node)
        )
    return flow.holder("iterator", node, iterate(flow, arguments.first(), node))


def _one_of(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`random.choice(items)`: one of what is iterated over."""
    return iterate(flow, arguments.first(), node) | arguments.at(1, "default")


def _largest(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.at(1, "iterable"), node)
    call_values(flow, arguments.at(2, "key"), Arguments([items]), node)
    return flow.holder("list", node, items)


def _reduce(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    items = iterate(flow, arguments.at(1), node)
    start = arguments.at(2) or items
    once = call_values(flow, arguments.at(0), Arguments([start, items]), node)
    return once | call_values(flow, arguments.at(0), Arguments([once | start, items]), node) | start


# -- functions and objects ------------------------------------------------------------------


def _partial(role: str) -> Model:
    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        made = v.partial(role, node)
        given = arguments.positional
        if role == "partial":
            flow.write((made, "function"), arguments.at(0))
            given = given[1:]
        flow.lengths[made] = max(len(given), flow.lengths.get(made, 0))
        for index, values in enumerate(given):
            flow.write((made, "argument", index), values)
        for name, values in arguments.keywords.items():
            flow.write((made, "keywords"), frozenset({v.const(name)}))
            flow.write((made, "keyword", name), values)
        flow.write((made, "star"), arguments.star or EMPTY)
        flow.write((made, "star-keywords"), arguments.star_keywords or EMPTY)
        return frozenset({made})

    return model


def _partialmethod(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("partialmethod", node, arguments.at(0))


def _identity(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return arguments.at(0)


def _second(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return arguments.at(1)


def _cast(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    from govlint.python.flow.annotations import annotated

    found = arguments.at(1)
    if isinstance(node, ast.Call) and node.args:
        module = flow.program.module_of(node)
        found |= annotated(flow, node.args[0], module, flow.current)
    return found


def _decorator_factory(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """A decorator that may be used bare or with arguments and keeps the function."""
    functions = frozenset(value for value in arguments.at(0) if _is_callable(value))
    return functions or frozenset({v.external("govlint.identity")})


def _wraps(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return frozenset({v.external("govlint.identity")})


def _wrapped_as(shape: str) -> Model:
    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        inner = arguments.at(0) or arguments.keywords.get("fget", EMPTY)
        return flow.holder(shape, node, inner)

    return model


def _method_type(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for function in arguments.at(0):
        if isinstance(function, v.FunctionValue):
            for owner in arguments.at(1):
                found.add(v.bound_method(function.function, owner, function.closure))
        else:
            found.add(function)
    return frozenset(found)


def _simple_namespace(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    made = v.external_instance("types.SimpleNamespace", node)
    for name, values in arguments.keywords.items():
        flow.write((made, name), values)
        flow.write((made, "attributes"), values)
    for mapping in arguments.star_keywords or EMPTY:
        for key in flow.read((mapping, "keys")):
            if isinstance(key, v.Const):
                flow.write((made, str(key.value)), flow.element(mapping, frozenset({key})))
    return frozenset({made})


def _callable_holder(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("callable", node, arguments.at(0))


def _thread(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    run_target(flow, arguments, node)
    return frozenset({v.external_instance("threading.Thread", node)})


def _run_function(skip: int) -> Model:
    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        rest = arguments.without_first(skip)
        return call_values(flow, rest.at(0), rest.without_first(), node)

    return model


def _future_of(skip: int) -> Model:
    run = _run_function(skip)

    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        return flow.holder("future", node, run(flow, arguments, node))

    return model


def _gather(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    made = v.container("list", node)
    items: set[Value] = set()
    for values in arguments.positional:
        items |= awaited(flow, values)
    items |= awaited(flow, arguments.star or EMPTY)
    flow.store_element(made, None, frozenset(items))
    return frozenset({made})


def awaited(flow: Flow, values: Values) -> Values:
    """What awaiting gives: futures and tasks their result, coroutines are transparent."""
    found: set[Value] = set()
    for value in values:
        if isinstance(value, v.Container) and value.shape in ("future", "awaitable"):
            found |= flow.elements(frozenset({value}))
        else:
            found.add(value)
    return frozenset(found)


def _await_first(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return awaited(flow, arguments.first())


def _import_module(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for name in arguments.first("name"):
        if isinstance(name, v.Const) and isinstance(name.value, str):
            target = name.value
            if target.startswith("."):
                for package in arguments.at(1, "package"):
                    if isinstance(package, v.Const):
                        target = f"{package.value}{target}" if target.count(".") == 1 else target
            found.add(flow.program.imported(target, flow.program.module_of(node)))
        else:
            found.add(UNKNOWN)
    return frozenset(found)


def _dunder_import(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for name in arguments.first("name"):
        if isinstance(name, v.Const) and isinstance(name.value, str):
            whole = bool(flow.elements(arguments.at(3, "fromlist")))
            target = name.value if whole else name.value.partition(".")[0]
            found.add(flow.program.imported(target, flow.program.module_of(node)))
    return frozenset(found) or ANY


def _field(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found = arguments.keywords.get("default", EMPTY)
    factory = arguments.keywords.get("default_factory", EMPTY) | arguments.keywords.get(
        "factory", EMPTY
    )
    return found | call_values(flow, factory, Arguments(), node)


def _insert(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`insort(items, item)` and `heappush`: what is put into the first goes in unordered."""
    for holder in arguments.at(0, "a"):
        if isinstance(holder, v.Container):
            flow.store_element(holder, None, arguments.at(1, "x"))
            flow.set_length(holder, None)
            flow.write((holder, "scrambled"), ANY)
    return EMPTY


def _popped(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`heappop(items)`; `heapreplace` and `heappushpop` put their second argument in."""
    _insert(flow, arguments, node)
    return flow.elements(arguments.at(0)) | arguments.at(1)


def _names_of(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """`dir(x)`: names, of which nothing is known."""
    return flow.holder("list", node, ANY)


_SHAPES = {
    "builtins.list": "list",
    "builtins.set": "set",
    "builtins.dict": "dict",
    "collections.deque": "list",
}


def _defaultdict(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    made = v.container("dict", node)
    factories = arguments.at(0)
    shapes = {_SHAPES.get(getattr(factory, "dotted", "")) for factory in factories}
    if len(shapes) == 1 and None not in shapes:
        flow.defaults[made] = str(shapes.pop())
    else:
        flow.store_element(made, None, call_values(flow, factories, Arguments(), node))
    update_mapping(flow, made, arguments.at(1), node)
    return frozenset({made})


def _context(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return flow.holder("context", node, arguments.at(0))


def _replace(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    for target in arguments.at(0):
        for name, values in arguments.keywords.items():
            attributes.store(flow, target, name, values)
    return arguments.at(0)


def _chr(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for value in arguments.first():
        if isinstance(value, v.Const) and type(value.value) is int and 0 <= value.value < 0x110000:
            found.add(v.const(chr(value.value)))
        else:
            found.add(UNKNOWN)
    return frozenset(found)


def _str(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    found: set[Value] = set()
    for value in arguments.first("object"):
        if isinstance(value, v.Const) and isinstance(value.value, str | int | bool):
            found.add(v.const(str(value.value)[:1000]))
        elif isinstance(value, v.Const) and isinstance(value.value, bytes):
            found |= call_on_constant(value.value, "decode", [])
        elif isinstance(value, v.Text):
            found.add(value)
        elif isinstance(value, v.EnumMember):
            found |= flow.read((value, "value")) | {v.const(value.name)}
        else:
            found.add(UNKNOWN)
    return frozenset(found)


def _bytes(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    for holder in arguments.first():
        parts = unpacked(flow, frozenset({holder}))
        numbers: list[int] = []
        for part in parts:
            only = next(iter(part)) if len(part) == 1 else None
            if not isinstance(only, v.Const) or type(only.value) is not int:
                return ANY
            numbers.append(only.value & 255)
        if numbers:
            return frozenset({v.const(bytes(numbers))})
    return ANY


def _decode(dotted: str) -> Model:
    def model(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
        import base64
        import binascii
        import codecs

        found: set[Value] = set()
        for value in arguments.first():
            if not isinstance(value, v.Const) or not isinstance(value.value, str | bytes):
                found.add(UNKNOWN)
                continue
            data = value.value[:1000]
            try:
                if dotted == "b64decode":
                    found.add(v.const(base64.b64decode(data)))
                elif dotted == "unhexlify":
                    found.add(v.const(binascii.unhexlify(data)))
                elif dotted == "fromhex" and isinstance(data, str):
                    found.add(v.const(bytes.fromhex(data)))
                elif dotted == "codecs":
                    for codec in arguments.at(1, "encoding"):
                        if isinstance(codec, v.Const) and codec.value in ("rot13", "rot_13"):
                            found.add(v.const(codecs.decode(str(data), "rot13")))
                        else:
                            found.add(UNKNOWN)
                else:
                    found.add(UNKNOWN)
            except (ValueError, LookupError):
                found.add(UNKNOWN)
        return frozenset(found)

    return model


def _evaluate(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    from govlint.python.flow.dynamic import evaluate_text

    return evaluate_text(flow, arguments, node)


def _nothing(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return ANY


def _enter(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    return entered(flow, arguments.first(), node)


def entered(flow: Flow, managers: Values, node: ast.AST) -> Values:
    """What `with manager as name` binds."""
    found: set[Value] = set()
    for manager in managers:
        if isinstance(manager, v.Container):
            if manager.shape in ("generator", "async-generator", "context"):
                found |= flow.elements(frozenset({manager}))
            else:
                found.add(manager)
        elif isinstance(manager, v.Instance):
            hit = False
            for name in ("__enter__", "__aenter__"):
                if attributes.lookup(flow, manager.cls, name) is not None:
                    hit = True
                    methods = attributes.load(flow, manager, name, node)
                    found |= call_values(flow, methods, Arguments(), node)
            for name in ("__exit__", "__aexit__"):
                if attributes.lookup(flow, manager.cls, name) is not None:
                    methods = attributes.load(flow, manager, name, node)
                    call_values(flow, methods, Arguments([ANY, ANY, ANY]), node)
            if not hit:
                found.add(manager)
        else:
            found.add(manager)
    return frozenset(found)


def _namedtuple(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    cls = flow.program.dynamic_class(node, arguments.at(0))
    fields: list[str] = []
    for given in arguments.at(1):
        if isinstance(given, v.Const) and isinstance(given.value, str):
            fields = given.value.replace(",", " ").split()
        else:
            for part in unpacked(flow, frozenset({given})):
                fields.extend(str(x.value) for x in part if isinstance(x, v.Const))
    for name in fields:
        cls.annotations.setdefault(name, ast.Name("object", ast.Load()))
    return frozenset({v.class_value(cls)})


_MODELS: dict[str, Model] = {
    "builtins.getattr": _getattr,
    "inspect.getattr_static": _getattr,
    "object.__getattribute__": _getattr,
    "object.__new__": _new_object,
    "builtins.setattr": _setattr,
    "object.__setattr__": _setattr,
    "builtins.vars": _vars,
    "builtins.type": _type,
    "builtins.iter": _iter,
    "builtins.aiter": _iter,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.list": _holder("list"),
    "builtins.tuple": _holder("tuple"),
    "builtins.set": _holder("set"),
    "builtins.frozenset": _holder("set"),
    "collections.deque": _holder("list"),
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.ChainMap": _chain_map,
    "collections.defaultdict": _defaultdict,
    "weakref.WeakValueDictionary": _dict,
    "weakref.WeakSet": _holder("set"),
    "types.MappingProxyType": _identity,
    "builtins.dir": _names_of,
    "bisect.insort": _insert,
    "bisect.insort_left": _insert,
    "bisect.insort_right": _insert,
    "heapq.heappush": _insert,
    "heapq.heappop": _popped,
    "heapq.heapreplace": _popped,
    "heapq.heappushpop": _popped,
    "builtins.sorted": _sorted,
    "builtins.reversed": _elements,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "itertools.zip_longest": _zip,
    "itertools.product": _product,
    "builtins.map": _map,
    "itertools.starmap": _starmap,
    "builtins.filter": _filter,
    "itertools.filterfalse": _filter,
    "itertools.takewhile": _filter,
    "itertools.dropwhile": _filter,
    "itertools.chain": _chain,
    "chain.from_iterable": _chain_from,
    "itertools.cycle": _elements,
    "itertools.compress": _elements,
    "itertools.groupby": _group_by,
    "itertools.accumulate": _accumulate,
    "itertools.tee": _groups("iterator", "tuple"),
    "itertools.batched": _groups("tuple", "iterator"),
    "itertools.pairwise": _groups("tuple", "iterator"),
    "itertools.combinations": _groups("tuple", "iterator"),
    "itertools.combinations_with_replacement": _groups("tuple", "iterator"),
    "itertools.permutations": _groups("tuple", "iterator"),
    "itertools.islice": _elements,
    "itertools.repeat": _repeat,
    "builtins.min": _extreme,
    "builtins.max": _extreme,
    "functools.reduce": _reduce,
    "random.choice": _one_of,
    "secrets.choice": _one_of,
    "random.choices": _elements,
    "random.sample": _elements,
    "heapq.merge": _chain,
    "heapq.nlargest": _largest,
    "heapq.nsmallest": _largest,
    "more_itertools.first": _one_of,
    "more_itertools.last": _one_of,
    "more_itertools.one": _one_of,
    "more_itertools.only": _one_of,
    "more_itertools.nth": _one_of,
    "toolz.first": _one_of,
    "toolz.last": _one_of,
    "functools.partial": _partial("partial"),
    "functools.partialmethod": _partialmethod,
    "operator.attrgetter": _partial("attrgetter"),
    "operator.itemgetter": _partial("itemgetter"),
    "operator.methodcaller": _partial("methodcaller"),
    "operator.call": _run_function(0),
    "operator.getitem": _get_item,
    "inspect.getmembers": _members_of,
    "inspect.getmembers_static": _members_of,
    "fastapi.Depends": depends,
    "fastapi.Security": depends,
    "params.Depends": depends,
    "litestar.di.Provide": depends,
    "functools.wraps": _wraps,
    "functools.update_wrapper": _identity,
    "functools.lru_cache": _decorator_factory,
    "functools.cache": _decorator_factory,
    "functools.singledispatch": _identity,
    "functools.total_ordering": _identity,
    "functools.cached_property": _wrapped_as("property"),
    "builtins.property": _wrapped_as("property"),
    "builtins.staticmethod": _wrapped_as("staticmethod"),
    "builtins.classmethod": _wrapped_as("classmethod"),
    "abc.abstractmethod": _identity,
    "govlint.identity": _identity,
    "contextlib.contextmanager": _identity,
    "contextlib.asynccontextmanager": _identity,
    "dataclasses.dataclass": _decorator_factory,
    "dataclasses.field": _field,
    "dataclasses.replace": _replace,
    "attr.ib": _field,
    "attrs.field": _field,
    "pydantic.Field": _field,
    "typing.final": _identity,
    "typing.override": _identity,
    "typing.overload": _identity,
    "typing.runtime_checkable": _identity,
    "typing.no_type_check": _identity,
    "typing.cast": _cast,
    "typing_extensions.cast": _cast,
    "typing.assert_type": _identity,
    "typing.NewType": _second,
    "copy.copy": _identity,
    "copy.deepcopy": _identity,
    "copy.replace": _replace,
    "pickle.dumps": _identity,
    "pickle.loads": _identity,
    "cloudpickle.dumps": _identity,
    "cloudpickle.loads": _identity,
    "dill.dumps": _identity,
    "dill.loads": _identity,
    "weakref.proxy": _identity,
    "weakref.ref": _callable_holder,
    "weakref.WeakMethod": _callable_holder,
    "types.MethodType": _method_type,
    "types.new_class": _new_class,
    "types.SimpleNamespace": _simple_namespace,
    "argparse.Namespace": _simple_namespace,
    "threading.Thread": _thread,
    "threading.Timer": _thread,
    "multiprocessing.Process": _thread,
    "context.Process": _thread,
    "asyncio.to_thread": _future_of(0),
    "to_thread.run_sync": _run_function(0),
    "from_thread.run": _run_function(0),
    "from_thread.run_sync": _run_function(0),
    "to_process.run_sync": _run_function(0),
    "anyio.run": _run_function(0),
    "trio.run": _run_function(0),
    "concurrency.run_in_threadpool": _run_function(0),
    "asgiref.sync_to_async": _identity,
    "sync.sync_to_async": _identity,
    "sync.async_to_sync": _identity,
    "asyncio.gather": _gather,
    "asyncio.as_completed": _elements,
    "futures.as_completed": _elements,
    "asyncio.run": _await_first,
    "asyncio.wait_for": _await_first,
    "asyncio.shield": _await_first,
    "asyncio.ensure_future": _identity,
    "asyncio.create_task": _identity,
    "asyncio.run_coroutine_threadsafe": _identity,
    "importlib.import_module": _import_module,
    "builtins.__import__": _dunder_import,
    "importlib.__import__": _dunder_import,
    "importlib.reload": _identity,
    "contextlib.nullcontext": _context,
    "contextlib.closing": _context,
    "contextlib.aclosing": _context,
    "builtins.chr": _chr,
    "builtins.str": _str,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "bytes.fromhex": _decode("fromhex"),
    "base64.b64decode": _decode("b64decode"),
    "binascii.unhexlify": _decode("unhexlify"),
    "codecs.decode": _decode("codecs"),
    "str.join": _nothing,
    "builtins.eval": _evaluate,
    "builtins.exec": _evaluate,
    "builtins.compile": _identity,
    "sys.intern": _identity,
    "collections.namedtuple": _namedtuple,
    "builtins.print": _nothing,
    "builtins.isinstance": _nothing,
    "builtins.issubclass": _nothing,
    "builtins.callable": _nothing,
    "builtins.hasattr": _nothing,
    "builtins.repr": _nothing,
    "builtins.id": _nothing,
    "builtins.len": _nothing,
    "inspect.signature": _nothing,
    "inspect.getsource": _nothing,
    "inspect.getdoc": _nothing,
    "inspect.iscoroutinefunction": _nothing,
    "asyncio.iscoroutinefunction": _nothing,
    "inspect.ismethod": _nothing,
    "inspect.isfunction": _nothing,
}
