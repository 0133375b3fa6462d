"""What a Python expression can stand for, as far as the analysis tells values apart.

A value is an abstract object: a constant, a class, a function, an instance made at one
place, an object of a library. Sets of them are what flows through names, attributes
and calls. Every value is interned, so equality is identity and sets of them are cheap.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, ClassVar

from govlint.python.ordered import Ordered

if TYPE_CHECKING:
    from govlint.python.symbols import ClassInfo, FunctionInfo

Site = ast.AST | None


class Value(Ordered):
    """Base of all abstract values; `kind` names the variant for readable tests."""

    __slots__ = ()
    kind: ClassVar[str] = "value"


class _Unknown(Value):
    __slots__ = ()
    kind = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Value = _Unknown()


class Const(Value):
    """A literal: str, bytes, int, float, complex, bool, None or Ellipsis."""

    __slots__ = ("value",)
    kind = "const"

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Const({self.value!r})"


class Text(Value):
    """A string of which only parts are known: `None` stands for any text between them.

    Lets `getattr(plugin, f"on_{event}")` be shown never to be `run`.
    """

    __slots__ = ("parts",)
    kind = "text"

    def __init__(self, parts: tuple[str | None, ...]) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return f"Text({self.parts!r})"

    def may_be(self, word: str) -> bool:
        """Say whether the string can equal `word`: the known parts occur in order."""
        return _match_parts(self.parts, word)


def _match_parts(parts: tuple[str | None, ...], word: str) -> bool:
    position = 0
    floating = False
    last = len(parts) - 1
    for index, part in enumerate(parts):
        if part is None:
            floating = True
            continue
        if not floating:
            if not word.startswith(part, position):
                return False
            position += len(part)
        elif index == last:
            return len(word) - position >= len(part) and word.endswith(part)
        else:
            found = word.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        floating = False
    return floating or position == len(word)


class EnumMember(Value):
    """A member of an enum class of the program (or of a class of constants)."""

    __slots__ = ("cls", "name")
    kind = "enum-member"

    def __init__(self, cls: ClassInfo, name: str) -> None:
        self.cls = cls
        self.name = name

    def __repr__(self) -> str:
        return f"EnumMember({self.cls.name}.{self.name})"


class Instance(Value):
    """An object of a class of the program.

    `site` is the call that made it; None is "some instance", known from an annotation
    or as `self` of a method nobody is seen to call. Type arguments of an annotation
    (`Box[Plugin]`) stand in its place as `((name, values), …)`: some instance, too.
    """

    __slots__ = ("cls", "site")
    kind = "instance"

    def __init__(self, cls: ClassInfo, site: Any) -> None:
        self.cls = cls
        self.site = site

    @property
    def is_some(self) -> bool:
        """Whether it stands for any object of the class."""
        return self.site is None or isinstance(self.site, tuple)

    @property
    def type_arguments(self) -> dict[str, Values]:
        """What the parameters of its generic class are, as far as an annotation says."""
        return dict(self.site) if isinstance(self.site, tuple) else {}

    def __repr__(self) -> str:
        return f"Instance({self.cls.name}{'' if self.is_some else '@'})"


class ClassValue(Value):
    """A class of the program, as an object."""

    __slots__ = ("cls",)
    kind = "class"

    def __init__(self, cls: ClassInfo) -> None:
        self.cls = cls

    def __repr__(self) -> str:
        return f"ClassValue({self.cls.name})"


class FunctionValue(Value):
    """A function of the program, with the frame whose variables it closes over."""

    __slots__ = ("closure", "function")
    kind = "function"

    def __init__(self, function: FunctionInfo, closure: Any) -> None:
        self.function = function
        self.closure = closure

    def __repr__(self) -> str:
        return f"FunctionValue({self.function.qualname})"


class BoundMethod(Value):
    """A function with its first argument already given: what `obj.method` evaluates to."""

    __slots__ = ("closure", "function", "receiver")
    kind = "bound-method"

    def __init__(self, function: FunctionInfo, receiver: Value, closure: Any) -> None:
        self.function = function
        self.receiver = receiver
        self.closure = closure

    def __repr__(self) -> str:
        return f"BoundMethod({self.function.qualname}, {self.receiver!r})"


class External(Value):
    """Something outside the program, by its dotted name: `subprocess.run`, `builtins.len`."""

    __slots__ = ("dotted",)
    kind = "external"

    def __init__(self, dotted: str) -> None:
        self.dotted = dotted

    def __repr__(self) -> str:
        return f"External({self.dotted})"


class ExternalInstance(Value):
    """What calling something outside the program gave, at one place."""

    __slots__ = ("dotted", "site")
    kind = "external-instance"

    def __init__(self, dotted: str, site: Site) -> None:
        self.dotted = dotted
        self.site = site

    def __repr__(self) -> str:
        return f"ExternalInstance({self.dotted})"


class BoundExternal(Value):
    """A library method with its receiver: `items.append`, `executor.submit`."""

    __slots__ = ("dotted", "receiver")
    kind = "bound-external"

    def __init__(self, dotted: str, receiver: Value) -> None:
        self.dotted = dotted
        self.receiver = receiver

    @property
    def name(self) -> str:
        """The method's own name, the last part."""
        return self.dotted.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"BoundExternal({self.dotted})"


class ModuleValue(Value):
    """A module of the program, as an object."""

    __slots__ = ("name",)
    kind = "module"

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"ModuleValue({self.name})"


class Deferred(Value):
    """A name of a module of the project that nothing governed has reached yet.

    It stands for what the module would give; the module is read when something
    governed is handed to it.
    """

    __slots__ = ("dotted", "module")
    kind = "deferred"

    def __init__(self, module: str, dotted: str) -> None:
        self.module = module
        self.dotted = dotted

    def __repr__(self) -> str:
        return f"Deferred({self.dotted})"


class Container(Value):
    """A list, tuple, set, dict, iterator, generator, future or other holder of values.

    Made at `site`; what it holds is in the heap, by constant key where there is one.
    """

    __slots__ = ("shape", "site")
    kind = "container"

    def __init__(self, shape: str, site: Any) -> None:
        self.shape = shape
        self.site = site

    def __repr__(self) -> str:
        return f"Container({self.shape})"


class Partial(Value):
    """`functools.partial` and its like: a callable with arguments already given.

    `role` is partial, attrgetter, itemgetter or methodcaller.
    """

    __slots__ = ("role", "site")
    kind = "partial"

    def __init__(self, role: str, site: Site) -> None:
        self.role = role
        self.site = site

    def __repr__(self) -> str:
        return f"Partial({self.role})"


class Super(Value):
    """`super()` in a method of `cls`, for `receiver`."""

    __slots__ = ("cls", "receiver")
    kind = "super"

    def __init__(self, cls: ClassInfo, receiver: Value) -> None:
        self.cls = cls
        self.receiver = receiver

    def __repr__(self) -> str:
        return f"Super({self.cls.name})"


class Dynamic(Value):
    """What `getattr` with an undecided name gave at `site`: any attribute of a plugin."""

    __slots__ = ("site",)
    kind = "dynamic"

    def __init__(self, site: Any) -> None:
        self.site = site

    def __repr__(self) -> str:
        return "Dynamic"


class Namespace(Value):
    """The `__dict__` of a value: a mapping view of its attributes."""

    __slots__ = ("owner",)
    kind = "namespace"

    def __init__(self, owner: Value) -> None:
        self.owner = owner

    def __repr__(self) -> str:
        return f"Namespace({self.owner!r})"


Values = frozenset[Value]
EMPTY: Values = frozenset()
ANY: Values = frozenset((UNKNOWN,))

_interned: dict[tuple[Any, ...], Value] = {}


def forget() -> None:
    """Drop all interned values, so that the trees of one run do not outlive it."""
    _interned.clear()
    Ordered.restart()


def _intern(cls: Any, *parts: Any) -> Any:
    key = (cls, *parts)
    value = _interned.get(key)
    if value is None:
        value = cls(*parts)
        _interned[key] = value
    return value


def const(value: Any) -> Const:
    """The constant `value`; `1`, `True` and `1.0` stay apart."""
    key = (Const, type(value), value if value == value else "nan")
    found = _interned.get(key)
    if found is None:
        found = _interned[key] = Const(value)
    assert isinstance(found, Const)
    return found


def text(parts: tuple[str | None, ...]) -> Value:
    """A partly known string: neighbours joined, at most eight parts kept."""
    joined: list[str | None] = []
    for part in parts:
        if part is None:
            if not joined or joined[-1] is not None:
                joined.append(None)
        elif joined and joined[-1] is not None:
            joined[-1] += part
        elif part:
            joined.append(part)
    if len(joined) > 8:
        joined = (
            [*joined[:4], None, *joined[-3:]]
            if joined[3] is not None
            else [*joined[:4], *joined[-3:]]
        )
    if all(part is not None for part in joined):
        return const("".join(part for part in joined if part is not None))
    if joined == [None]:
        return UNKNOWN
    found: Value = _intern(Text, tuple(joined))
    return found


def enum_member(cls: ClassInfo, name: str) -> EnumMember:
    """The member `name` of `cls`."""
    found: EnumMember = _intern(EnumMember, cls, name)
    return found


def instance(cls: ClassInfo, site: Any = None) -> Instance:
    """An instance of `cls` made at `site`."""
    found: Instance = _intern(Instance, cls, site)
    return found


def class_value(cls: ClassInfo) -> ClassValue:
    """`cls` as an object."""
    found: ClassValue = _intern(ClassValue, cls)
    return found


def function_value(function: FunctionInfo, closure: Any = None) -> FunctionValue:
    """`function` closing over the frame `closure`."""
    found: FunctionValue = _intern(FunctionValue, function, closure)
    return found


def bound_method(function: FunctionInfo, receiver: Value, closure: Any = None) -> BoundMethod:
    """`function` bound to `receiver`."""
    found: BoundMethod = _intern(BoundMethod, function, receiver, closure)
    return found


def external(dotted: str) -> External:
    """The library object `dotted`."""
    found: External = _intern(External, dotted)
    return found


def external_instance(dotted: str, site: Site) -> ExternalInstance:
    """The result of calling `dotted` at `site`."""
    found: ExternalInstance = _intern(ExternalInstance, dotted, site)
    return found


def bound_external(dotted: str, receiver: Value) -> BoundExternal:
    """The library method `dotted` of `receiver`."""
    found: BoundExternal = _intern(BoundExternal, dotted, receiver)
    return found


def module_value(name: str) -> ModuleValue:
    """The program's module `name`."""
    found: ModuleValue = _intern(ModuleValue, name)
    return found


def deferred(module: str, dotted: str) -> Deferred:
    """`dotted`, to be had from the unread module `module`."""
    found: Deferred = _intern(Deferred, module, dotted)
    return found


def container(shape: str, site: Any) -> Container:
    """The holder of `shape` made at `site`."""
    found: Container = _intern(Container, shape, site)
    return found


def partial(role: str, site: Site) -> Partial:
    """The partial application made at `site`."""
    found: Partial = _intern(Partial, role, site)
    return found


def super_of(cls: ClassInfo, receiver: Value) -> Super:
    """`super()` seen from `cls`."""
    found: Super = _intern(Super, cls, receiver)
    return found


def dynamic(site: Any) -> Dynamic:
    """The undecided attribute that was got at `site`."""
    found: Dynamic = _intern(Dynamic, site)
    return found


def namespace(owner: Value) -> Namespace:
    """The `__dict__` of `owner`."""
    found: Namespace = _intern(Namespace, owner)
    return found
