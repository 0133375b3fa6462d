"""Reading and writing attributes: instances, classes, modules, libraries.

Follows the data model (Language Reference 3.3.2): instance dictionary, then the classes
in MRO, descriptors and properties called, `__getattr__` last.
"""

from __future__ import annotations

import ast

from govlint.python.flow import applications
from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import PLAIN_BASES, Flow
from govlint.python.flow.frames import Arguments, Frame
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo

_PROPERTIES = ("property", "cached_property", "getter", "setter", "deleter", "abstractproperty")


def is_property(function: FunctionInfo) -> bool:
    """Whether a decorator makes the function a computed attribute."""
    return any(name.rpartition(".")[2] in _PROPERTIES for name in function.decorators)


def load(flow: Flow, receiver: Value, name: str, node: ast.AST) -> Values:
    """What `receiver.name` evaluates to."""
    shared = applications.kept(receiver, name)
    if shared is not None:
        return frozenset({shared})
    if isinstance(receiver, v.Instance):
        return _of_instance(flow, receiver, name, node)
    if isinstance(receiver, v.ClassValue):
        return _of_class(flow, receiver, name, node)
    if isinstance(receiver, v.ModuleValue):
        return _of_module(flow, receiver.name, name, node)
    if isinstance(receiver, v.Super):
        return _of_super(flow, receiver, name, node)
    if isinstance(receiver, v.External):
        if receiver.dotted in ("builtins.__builtins__", "builtins.__dict__"):
            return frozenset({v.external(f"builtins.{name}")})
        return frozenset({flow.program.outside(f"{receiver.dotted}.{name}")}) | flow.read(
            (receiver, name)
        )
    if isinstance(receiver, v.Deferred):
        if receiver.dotted.count(".") - receiver.module.count(".") > 3:
            return frozenset({v.bound_external(f"?.{name}", UNKNOWN)})
        return frozenset({v.deferred(receiver.module, f"{receiver.dotted}.{name}")})
    if isinstance(receiver, v.ExternalInstance):
        stored = flow.read((receiver, name))
        if receiver.dotted == "types.SimpleNamespace":
            return stored | flow.read((receiver, "any-name")) or ANY
        if name == "args" and receiver.dotted.startswith("builtins."):
            return flow.holder("tuple", (receiver, name), flow.read((receiver, "*")))
        if receiver.dotted.count(".") > 5:
            return stored | {v.bound_external(f"?.{name}", UNKNOWN)}
        return stored | {v.bound_external(f"{receiver.dotted}.{name}", receiver)}
    if isinstance(receiver, v.BoundMethod):
        return _of_bound(flow, receiver, name)
    if isinstance(receiver, v.FunctionValue):
        if name in ("__call__", "__wrapped__", "__func__"):
            return frozenset({receiver})
        stored = flow.read((receiver, name))
        if stored:
            return stored
        return frozenset({v.bound_external(f"function.{name}", receiver)})
    if isinstance(receiver, v.EnumMember):
        if name == "name":
            return frozenset({v.const(receiver.name)})
        if name in ("value", "_value_"):
            return flow.read((receiver, "value")) or ANY
        return _of_instance(flow, v.instance(receiver.cls), name, node, receiver)
    if isinstance(receiver, v.Container):
        return frozenset({v.bound_external(f"{receiver.shape}.{name}", receiver)})
    if isinstance(receiver, v.Partial):
        if name == "func":
            return flow.read((receiver, "function"))
        return frozenset({v.bound_external(f"partial.{name}", receiver)})
    if isinstance(receiver, v.Namespace):
        return frozenset({v.bound_external(f"namespace.{name}", receiver)})
    if isinstance(receiver, v.Const):
        return frozenset({v.bound_external(f"{type(receiver.value).__name__}.{name}", receiver)})
    if isinstance(receiver, v.Text):
        return frozenset({v.bound_external(f"str.{name}", receiver)})
    if isinstance(receiver, v.BoundExternal):
        if receiver.receiver is UNKNOWN or receiver.dotted.count(".") > 5:
            return frozenset({v.bound_external(f"?.{name}", UNKNOWN)})
        stored = flow.read((receiver, name))
        return stored | {v.bound_external(f"{receiver.dotted}.{name}", receiver.receiver)}
    return frozenset({v.bound_external(f"?.{name}", UNKNOWN)})


def _of_bound(flow: Flow, receiver: v.BoundMethod, name: str) -> Values:
    if name == "__func__":
        return frozenset({v.function_value(receiver.function, receiver.closure)})
    if name == "__self__":
        return frozenset({receiver.receiver})
    if name in ("__call__", "__wrapped__"):
        return frozenset({receiver})
    stored = flow.read((v.function_value(receiver.function, receiver.closure), name))
    return stored or frozenset({v.bound_external(f"method.{name}", receiver)})


def _of_instance(
    flow: Flow, receiver: v.Instance, name: str, node: ast.AST, self_value: Value | None = None
) -> Values:
    me = self_value or receiver
    cls = receiver.cls
    if name == "__class__":
        return frozenset({v.class_value(cls)})
    if name == "__dict__":
        return frozenset({v.namespace(me)})
    if name in _OBJECT_METHODS and lookup(flow, cls, name) is None:
        return frozenset({v.bound_external(f"object.{name}", me)})
    found: set[Value] = set(flow.read((receiver, name)))
    mro = flow.mro(cls)
    flow.read(("mro", cls))
    if receiver.is_some:
        flow.read(("subclasses", cls))
        for entry in mro:
            if isinstance(entry, ClassInfo):
                found |= flow.read(("any", entry, name))
                break
    # what its base classes put into an object of which they know no more either
    for entry in mro:
        if isinstance(entry, ClassInfo):
            found |= flow.read(("generic", entry, name))
    in_class = lookup(flow, cls, name)
    bound: set[Value] = set()
    for value in in_class or ():
        bound |= bind(flow, value, me, v.class_value(cls), node)
    if receiver.is_some and flow.program.overrides_matter(cls):
        for other in flow.subclasses(cls)[:64]:
            if name in other.stored:
                for value in flow.read((v.class_value(other), name)):
                    bound |= bind(flow, value, me, v.class_value(other), node)
    found |= bound
    if not flow.program.carries_governed(flow, frozenset(found)):
        # an empty list made by a default factory says less than the annotation beside it
        found |= _annotation(flow, receiver, mro, name)
    if in_class is None and not found:
        found |= _fallback(flow, cls, me, name, node)
    if not found or (not bound and any(isinstance(entry, str) for entry in mro)):
        for entry in mro:
            if isinstance(entry, str) and entry not in PLAIN_BASES:
                found.add(v.bound_external(f"{entry}.{name}", me))
                break
    return frozenset(found)


_OBJECT_METHODS = ("__getattribute__", "__setattr__", "__delattr__", "__reduce__")


def is_typed_dict(flow: Flow, cls: ClassInfo) -> bool:
    """Whether the class declares the keys of a dictionary."""
    return any(isinstance(entry, str) and entry.endswith(".TypedDict") for entry in flow.mro(cls))


def loads(flow: Flow, receiver: Value, names: Values, node: ast.AST) -> Values:
    """What `receiver` has under each of the names that constants decide."""
    found: set[Value] = set()
    for name in names:
        if isinstance(name, v.Const) and isinstance(name.value, str):
            found |= load(flow, receiver, name.value, node)
    return frozenset(found) or ANY


def field_at(flow: Flow, owner: v.Instance, index: int, node: ast.AST) -> Values:
    """What a named tuple has at a place: its fields stand there in their order."""
    if not any(
        isinstance(entry, str) and entry.endswith("NamedTuple") for entry in flow.mro(owner.cls)
    ):
        return EMPTY
    for entry in flow.mro(owner.cls):
        if isinstance(entry, ClassInfo) and entry.annotations:
            names = list(entry.annotations)
            if -len(names) <= index < len(names):
                return load(flow, owner, names[index], node)
    return EMPTY


def load_key(flow: Flow, owner: v.Instance, keys: Values, node: ast.AST) -> Values:
    """What a typed dictionary holds under `keys`: they are declared as attributes are."""
    found: set[Value] = set()
    for key in keys:
        if isinstance(key, v.Const) and isinstance(key.value, str):
            found |= load(flow, owner, key.value, node)
        else:
            found |= flow.read((owner, "attributes"))
    return frozenset(found) or ANY


def _annotation(
    flow: Flow, receiver: v.Instance | None, mro: tuple[ClassInfo | str, ...], name: str
) -> Values:
    from govlint.python.flow.annotations import annotated
    from govlint.python.flow.generics import of_receiver

    for entry in mro:
        if isinstance(entry, ClassInfo):
            annotation = entry.annotations.get(name)
            if annotation is not None:
                types = of_receiver(flow, receiver, entry) if receiver is not None else None
                return annotated(flow, annotation, entry.module, None, entry, types=types)
    for entry in mro:
        if isinstance(entry, ClassInfo):
            found = flow.read(("attribute-annotation", entry, name))
            if found:
                return found
    return EMPTY


def _fallback(flow: Flow, cls: ClassInfo, me: Value, name: str, node: ast.AST) -> Values:
    if name.startswith("__") and name.endswith("__"):
        return EMPTY
    found: set[Value] = set()
    for special in ("__getattribute__", "__getattr__"):
        for value in lookup(flow, cls, special) or ():
            for method in bind(flow, value, me, v.class_value(cls), node):
                found |= call(flow, method, Arguments([frozenset({v.const(name)})]), node)
    return frozenset(found)


def lookup(flow: Flow, cls: ClassInfo, name: str) -> Values | None:
    """The raw class attribute along the MRO; None where no class has it."""
    found: Values | None = None
    for entry in flow.mro(cls):
        if isinstance(entry, str):
            continue
        values = flow.read((v.class_value(entry), name))
        if values or name in entry.stored:
            found = values
            break
    return found


def bind(flow: Flow, value: Value, me: Value, cls: v.ClassValue, node: ast.AST) -> Values:
    """Apply the descriptor protocol to a class attribute read through an instance."""
    if isinstance(value, v.FunctionValue):
        function = value.function
        if function.cls is not None or not isinstance(function.node, ast.Lambda):
            names = {name.rpartition(".")[2] for name in function.decorators}
            if "staticmethod" in names:
                return frozenset({value})
            if "classmethod" in names:
                return frozenset({v.bound_method(function, cls, value.closure)})
            if is_property(function):
                return call(flow, value, Arguments([frozenset({me})]), node)
        return frozenset({v.bound_method(function, me, value.closure)})
    if isinstance(value, v.Container) and value.shape in (
        "staticmethod",
        "classmethod",
        "property",
    ):
        inner = flow.read((value, "*"))
        if value.shape == "staticmethod":
            return inner
        result: set[Value] = set()
        for function_value in inner:
            if not isinstance(function_value, v.FunctionValue):
                result.add(function_value)
            elif value.shape == "classmethod":
                result.add(v.bound_method(function_value.function, cls, function_value.closure))
            else:
                result |= call(flow, function_value, Arguments([frozenset({me})]), node)
        return frozenset(result)
    if isinstance(value, v.Container) and value.shape == "partialmethod":
        return frozenset({value}) | _partial_method(flow, value, me, cls, node)
    if isinstance(value, v.Instance):
        getter = lookup(flow, value.cls, "__get__")
        if getter:
            result = set()
            for method in getter:
                for bound in bind(flow, method, value, v.class_value(value.cls), node):
                    arguments = Arguments([frozenset({me}), frozenset({cls})])
                    result |= call(flow, bound, arguments, node)
            return frozenset(result)
    return frozenset({value})


def _partial_method(
    flow: Flow, value: v.Container, me: Value, cls: v.ClassValue, node: ast.AST
) -> Values:
    found: set[Value] = set()
    for inner in flow.read((value, "*")):
        found |= bind(flow, inner, me, cls, node)
    return frozenset(found)


def _of_class(flow: Flow, receiver: v.ClassValue, name: str, node: ast.AST) -> Values:
    cls = receiver.cls
    flow.read(("mro", cls))
    if name == "__dict__":
        return frozenset({v.namespace(receiver)})
    if name == "__name__":
        return frozenset({v.const(cls.name)})
    if name in ("__mro__", "__bases__", "__base__"):
        return _line_of(flow, cls, name, node)
    if name == "__members__" and flow.is_enum(cls):
        return _members(flow, cls, node)
    if name == "__subclasses__":
        return frozenset({v.bound_external("type.__subclasses__", receiver)})
    if flow.program.is_state_class(cls, flow) and not name.startswith("_"):
        if name in cls.stored and name not in cls.methods:
            return frozenset({v.enum_member(cls, name)}) | flow.read((receiver, name))
        if name.isupper() and name not in cls.methods:
            return frozenset({v.enum_member(cls, name)})
    found: set[Value] = set()
    raw = lookup(flow, cls, name)
    for value in raw or ():
        if isinstance(value, v.FunctionValue) and _takes_class(value.function):
            found.add(v.bound_method(value.function, receiver, value.closure))
        elif isinstance(value, v.Container) and value.shape in ("staticmethod", "classmethod"):
            found |= bind(flow, value, receiver, receiver, node)
        elif isinstance(value, v.Instance) and lookup(flow, value.cls, "__get__"):
            found |= bind(flow, value, v.const(None), receiver, node)
        else:
            found.add(value)
    if raw is None:
        for meta in metaclasses(flow, cls):
            for value in lookup(flow, meta, name) or ():
                found |= bind(flow, value, receiver, v.class_value(meta), node)
        if not found:
            found |= _annotation(flow, None, flow.mro(cls), name)
        for entry in flow.mro(cls):
            if isinstance(entry, str) and entry not in PLAIN_BASES:
                found.add(v.bound_external(f"{entry}.{name}", receiver))
                break
        if name in _OF_CLASSES and not found:
            found.add(v.bound_external(f"type.{name}", receiver))
    return frozenset(found)


# what a class has of its own, and what a library's class decorator gives it (ray's actors)
_OF_CLASSES = frozenset({"__new__", "__init_subclass__", "mro", "remote", "options", "bind"})


def _takes_class(function: FunctionInfo) -> bool:
    """Whether a function of a class is a class method, declared or by its name."""
    decorators = {part.rpartition(".")[2] for part in function.decorators}
    return "classmethod" in decorators or (
        function.name == "__class_getitem__" and "staticmethod" not in decorators
    )


def _line_of(flow: Flow, cls: ClassInfo, name: str, node: ast.AST) -> Values:
    """`cls.__mro__`, `cls.__bases__` and `cls.__base__`."""
    entries = flow.mro(cls) if name == "__mro__" else flow.mro(cls)[1:]
    values: list[Value] = [
        v.external(entry) if isinstance(entry, str) else v.class_value(entry) for entry in entries
    ]
    if name == "__base__":
        return frozenset(values[:1]) or ANY
    made = v.container("tuple", (node, cls, name))
    for index, value in enumerate(values):
        position = index if name == "__mro__" else None
        flow.store_element(made, position, frozenset({value}))
    return frozenset({made})


def _members(flow: Flow, cls: ClassInfo, node: ast.AST) -> Values:
    made = v.container("dict", (node, cls, "members"))
    for name in sorted(cls.stored - set(cls.methods)):
        if not name.startswith("_"):
            flow.store_element(made, name, frozenset({v.enum_member(cls, name)}))
    return frozenset({made})


def metaclasses(flow: Flow, cls: ClassInfo) -> list[ClassInfo]:
    """The metaclasses of the program that `cls` has, its own or a base's."""
    found: list[ClassInfo] = []
    for entry in flow.mro(cls):
        if isinstance(entry, ClassInfo):
            for value in flow.metaclasses.get(entry, EMPTY):
                if isinstance(value, v.ClassValue) and value.cls not in found:
                    found.append(value.cls)
    return found


def _of_module(flow: Flow, module: str, name: str, node: ast.AST) -> Values:
    program = flow.program
    full = f"{module}.{name}"
    if module in program.modules:
        values = flow.read(("global", module, name))
        if values:
            return values
        if program.is_module(full):
            return frozenset({program.module_object(full)})
        if name not in program.modules[module].stored:
            found: set[Value] = set()
            for starred in flow.read(("star-import", module)):
                if isinstance(starred, v.ModuleValue) and starred.name != module:
                    found |= _of_module(flow, starred.name, name, node)
            for getter in flow.read(("global", module, "__getattr__")):
                found |= call(flow, getter, Arguments([frozenset({v.const(name)})]), node)
            return frozenset(found)
        return EMPTY
    if program.is_module(full):
        return frozenset({program.module_object(full)})
    flow.read(("unread", module))
    return frozenset({v.deferred(module, full)})


def globals_of(flow: Flow, owner: v.ModuleValue) -> Values:
    """All that a module of the program holds; any object, where it is not read."""
    module = flow.program.modules.get(owner.name)
    found: set[Value] = {UNKNOWN}
    for name in sorted(module.stored) if module is not None else ():
        found |= flow.read(("global", owner.name, name))
    return frozenset(found)


def _of_super(flow: Flow, receiver: v.Super, name: str, node: ast.AST) -> Values:
    me = receiver.receiver
    if isinstance(me, v.Instance):
        start, cls_value = me.cls, v.class_value(me.cls)
    elif isinstance(me, v.ClassValue):
        start, cls_value = me.cls, me
    else:
        start, cls_value = receiver.cls, v.class_value(receiver.cls)
    mro = flow.mro(start)
    if receiver.cls in mro:
        mro = mro[mro.index(receiver.cls) + 1 :]
    found: set[Value] = set()
    outside = ""
    for entry in mro:
        if isinstance(entry, str):
            outside = outside or entry
            continue
        values = flow.read((v.class_value(entry), name))
        if values or name in entry.stored:
            for value in values:
                if (
                    isinstance(value, v.FunctionValue)
                    and isinstance(me, v.ClassValue)
                    and name == "__new__"
                ):
                    found.add(value)
                else:
                    found |= bind(flow, value, me, cls_value, node)
            return frozenset(found)
    if name == "__new__":
        return frozenset({v.bound_external("object.__new__", me)})
    if name in ("__init__", "__init_subclass__", "__setattr__", "__getattribute__"):
        return frozenset({v.bound_external(f"object.{name}", me)})
    return frozenset({v.bound_external(f"{outside or 'builtins.object'}.{name}", me)})


def store(flow: Flow, receiver: Value, name: str, values: Values, generic: bool = True) -> None:
    """Write `receiver.name = values` into the heap.

    What some object of a class is given, each may have been given; not where `generic` says
    that each gets its own.
    """
    if isinstance(receiver, v.Instance):
        flow.write((receiver, name), values)
        flow.write((receiver, "attributes"), values)
        for entry in flow.mro(receiver.cls):
            if isinstance(entry, ClassInfo):
                flow.write(("any", entry, name), values)
        if name == "__dict__":
            _share(flow, receiver.cls)
        if (receiver.is_some and generic) or ("shared", receiver.cls) in flow.heap:
            flow.write(("generic", receiver.cls, name), values)
        for value in lookup(flow, receiver.cls, name) or ():
            if isinstance(value, v.Instance):
                for method in lookup(flow, value.cls, "__set__") or ():
                    if isinstance(method, v.FunctionValue):
                        arguments = Arguments([frozenset({value}), frozenset({receiver}), values])
                        flow.call_function(
                            method.function, method.closure, arguments, method.function.node
                        )
            elif isinstance(value, v.FunctionValue) and is_property(value.function):
                _set_property(flow, receiver, name, values)
    elif isinstance(receiver, v.ModuleValue):
        flow.write(("global", receiver.name, name), values)
    elif isinstance(receiver, v.Super):
        store(flow, receiver.receiver, name, values)
    elif isinstance(receiver, v.EnumMember):
        flow.write((receiver, name), values)
    elif not isinstance(receiver, _CLOSED):
        if isinstance(receiver, v.Deferred) and flow.program.carries_governed(flow, values):
            # an object of an unread module is given something governed, to use it
            flow.keepers.add(receiver.module)
            flow.read(("unread", receiver.module))
        flow.write((receiver, name), values)
        flow.write((receiver, "attributes"), values)


# what has no attributes of its own that could be set
_CLOSED = (
    type(UNKNOWN), v.Const, v.Text, v.Container, v.Dynamic, v.Namespace,
)  # fmt: skip


def _share(flow: Flow, cls: ClassInfo) -> None:
    """`self.__dict__ = …`: all objects of the class may have one set of attributes."""
    slot = ("shared", cls)
    if slot not in flow.heap:
        flow.write(slot, ANY)
        for other, values in list(flow.heap.items()):
            if other[0] == "any" and other[1] is cls:
                flow.write(("generic", cls, other[2]), values)


def _set_property(flow: Flow, receiver: v.Instance, name: str, values: Values) -> None:
    for entry in flow.mro(receiver.cls):
        if isinstance(entry, ClassInfo):
            for function in entry.module.functions:
                if (
                    function.cls is entry
                    and function.name == name
                    and f"{name}.setter" in function.decorators
                ):
                    arguments = Arguments([frozenset({receiver}), values])
                    flow.call_function(function, None, arguments, function.node)


def call(flow: Flow, value: Value, arguments: Arguments, node: ast.AST) -> Values:
    """Call `value`; see `govlint.python.flow.calls`."""
    from govlint.python.flow.calls import call_value

    return call_value(flow, value, arguments, node)


def closure_of(frame: Frame | None) -> Frame | None:
    """The frame to close over for functions made in `frame`; none for a module's."""
    return frame if frame is not None and frame.function is not None else None
