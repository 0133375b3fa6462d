"""The shortest way from a function to something it does to the outside, through its calls."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from govlint.model import Related
from govlint.python.effects import library
from govlint.python.flow import values as v
from govlint.python.participants.aliases import origins
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo


@dataclass(frozen=True)
class Effect:
    """What a call does, and the library function by which it does it."""

    what: str
    node: ast.AST
    by: str


@dataclass(frozen=True)
class Way:
    """An effect and the calls that lead to it, from the function asked about inwards."""

    calls: tuple[ast.AST, ...]
    effect: Effect


Stops = Callable[[FunctionInfo], bool]


class Reach:
    """Answers which effects the functions of one program have."""

    def __init__(self, program: Program, stops: Stops) -> None:
        self.program = program
        self.stops = stops
        self._own: dict[FunctionInfo, tuple[Effect, ...]] = {}

    def ways(self, function: FunctionInfo, wanted: frozenset[str]) -> Iterator[Way]:
        """Each place in `function` from which an effect is reached, shortest way each."""
        for effect in self.own(function):
            if effect.what in wanted:
                yield Way((effect.node,), effect)
        for call in calls_of(function):
            way = self._through(call, wanted)
            if way is not None:
                yield way

    def _through(self, call: ast.AST, wanted: frozenset[str]) -> Way | None:
        start = [(callee, (call,)) for callee in self.callees(call)]
        queue: deque[tuple[FunctionInfo, tuple[ast.AST, ...]]] = deque(start)
        seen = {callee for callee, _ in start}
        while queue:
            function, path = queue.popleft()
            for effect in self.own(function):
                if effect.what in wanted:
                    return Way((*path, effect.node), effect)
            for inner in calls_of(function):
                for callee in self.callees(inner):
                    if callee not in seen:
                        seen.add(callee)
                        queue.append((callee, (*path, inner)))
        return None

    def callees(self, call: ast.AST) -> list[FunctionInfo]:
        """The functions of the program that a call runs, decorators' wrappers included."""
        found: list[FunctionInfo] = []
        for callee in (*self.program.callees(call), *self._setters(call)):
            if self.stops(callee) or callee.module.is_test:
                continue
            found.append(callee)
            found.extend(self.wrappers(callee))
        return found

    def _setters(self, node: ast.AST) -> Iterator[FunctionInfo]:
        """The property setters that `object.name = …` runs."""
        if not (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)):
            return
        for value in self.program.values(node.value):
            if isinstance(value, v.Instance):
                for entry in self.program.mro(value.cls):
                    if isinstance(entry, ClassInfo):
                        yield from (
                            function
                            for function in entry.module.functions
                            if function.cls is entry
                            and function.name == node.attr
                            and f"{node.attr}.setter" in function.decorators
                        )

    def wrappers(self, function: FunctionInfo) -> Iterator[FunctionInfo]:
        """What the project's own decorators put around a function."""
        if isinstance(function.node, ast.Lambda):
            return
        for decorator in function.node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            for value in self.program.values(target):
                if isinstance(value, v.FunctionValue):
                    inside = value.function
                    for other in inside.module.functions:
                        if other.parent is inside or (
                            other.parent and other.parent.parent is inside
                        ):
                            yield other

    def own(self, function: FunctionInfo) -> tuple[Effect, ...]:
        """The effects that a function has by its own calls into libraries."""
        if function not in self._own:
            found: list[Effect] = []
            for node in calls_of(function):
                if isinstance(node, ast.Call):
                    effect = self._of_call(node)
                    if effect is not None:
                        found.append(effect)
            self._own[function] = tuple(found)
        return self._own[function]

    def _of_call(self, call: ast.Call) -> Effect | None:
        found = self._found(call)
        if found is None or found.what == library.STATE or not self._stays_in_memory(call):
            return found if found is None or not self._asks_memory(call) else None
        return None

    def _found(self, call: ast.Call) -> Effect | None:
        names = self.program.externals(call)
        spelled = self._with_constants(call)
        for name in sorted(names):
            if not name.startswith("?."):
                what = library.effect_of(name, spelled)
                if what is not None:
                    return Effect(what, call, name.removeprefix("builtins."))
        for argument in (*call.args, *(k.value for k in call.keywords)):
            handed_on = self._handed_on(argument, call)
            if handed_on is not None:
                return handed_on
        if any(library.is_known(name) for name in names) or self.program.callees(call):
            return None
        if self._is_memory(call):
            return None
        what_by_name = library.effect_by_name(spelled)
        if what_by_name is None:
            return None
        return Effect(what_by_name, call, ast.unparse(call.func)[:60])

    def _with_constants(self, call: ast.Call) -> ast.Call:
        """The call with its constant texts put in, and with what a `partial` gives it."""
        if not isinstance(call.func, ast.Name | ast.Attribute):
            return call
        given = [*call.args]
        named = [*call.keywords]
        for origin in origins(self.program, call.func):
            if isinstance(origin, ast.Call) and dotted(origin.func).endswith("partial"):
                given = [*origin.args[1:], *given]
                named = [*origin.keywords, *named]
        text = any(isinstance(a, ast.Name | ast.Attribute | ast.BinOp) for a in given) or any(
            k.arg == "mode" for k in named
        )
        if not text and len(given) == len(call.args) and len(named) == len(call.keywords):
            return call
        found = ast.Call(
            call.func,
            [self._constant(argument) for argument in given],
            [ast.keyword(k.arg, self._constant(k.value)) for k in named],
        )
        return ast.copy_location(found, call)

    def _constant(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Constant):
            return node
        texts = {x.value for x in self.program.values(node) if isinstance(x, v.Const)}
        if len(texts) == 1 and isinstance(next(iter(texts)), str):
            return ast.copy_location(ast.Constant(next(iter(texts))), node)
        for origin in origins(self.program, node):
            text = library.text_of(origin)
            if text is not None and "?" not in text:
                return ast.copy_location(ast.Constant(text), node)
        return node

    def _stays_in_memory(self, call: ast.Call) -> bool:
        """Whether what is written to is a buffer: `image.save(BytesIO())`."""
        given = [*call.args[:2], *(k.value for k in call.keywords)]
        return any(
            isinstance(value, v.ExternalInstance) and value.dotted in _BUFFERS
            for argument in given
            for value in self.program.values(argument)
        ) or any(
            isinstance(origin, ast.Call) and dotted(origin.func).rpartition(".")[2] in _BUFFER_NAMES
            for argument in given
            for origin in origins(self.program, argument)
        )

    def _asks_memory(self, call: ast.Call) -> bool:
        """Whether a database is one in memory: `sqlite3.connect(":memory:")`."""
        root: ast.expr = call.func
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
            for origin in origins(self.program, root, to_module=False):
                if not isinstance(origin, ast.Call) or origin is call or not origin.args:
                    continue
                first = library.text_of(origin.args[0])
                if first in (":memory:", "sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"):
                    return True
                inner = isinstance(origin.func, ast.Attribute) and origin.func is not call.func
                if inner and self._asks_memory(origin):
                    return True
        return False

    def _handed_on(self, argument: ast.expr, call: ast.Call) -> Effect | None:
        """`to_thread(shutil.copy, …)`: an effectful function given to be called."""
        if not isinstance(argument, ast.Name | ast.Attribute):
            return None
        for value in self.program.values(argument):
            name = value.dotted if isinstance(value, v.External | v.BoundExternal) else ""
            if name and not name.startswith("?."):
                what = library.effect_of(name, ast.Call(argument, [], []))
                if what is not None and what != library.STATE:
                    return Effect(what, call, name.removeprefix("builtins."))
        return None

    def _is_memory(self, call: ast.Call) -> bool:
        """Whether the receiver is an object of the program, or a value in memory."""
        if not isinstance(call.func, ast.Attribute):
            return False
        return any(
            isinstance(value, v.Container | v.Const)
            or (isinstance(value, v.Instance) and not value.cls.synthetic)
            for value in self.program.values(call.func.value)
        )

    def related(self, way: Way) -> tuple[Related, ...]:
        """The steps of a way after its first, as the finding shows them."""
        steps = []
        for call in way.calls[1:-1]:
            steps.append(self._step(call, f"calls {_called(call)}"))
        if len(way.calls) > 1:
            last = way.calls[-1]
            steps.append(self._step(last, f"{way.effect.by} {way.effect.what}"))
        return tuple(steps)

    def _step(self, node: ast.AST, note: str) -> Related:
        return Related(self.program.location(self.program.module_of(node), node), note)


_BUFFERS = frozenset({"io.StringIO", "io.BytesIO", "tempfile.SpooledTemporaryFile"})
_BUFFER_NAMES = frozenset({"StringIO", "BytesIO", "SpooledTemporaryFile"})


def _called(node: ast.AST) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(target)[:60]


def calls_of(function: FunctionInfo) -> Iterator[ast.AST]:
    """The calls in a function, in the functions nested in it, and reads of its properties."""
    body = function.node.body
    roots: list[ast.AST] = [body] if isinstance(body, ast.expr) else list(body)
    for root in roots:
        for node in ast.walk(root):
            if isinstance(node, ast.Call | ast.Attribute):
                yield node


def methods_of(cls: ClassInfo) -> list[FunctionInfo]:
    """A class's own methods, in the order of the file."""
    return sorted(cls.methods.values(), key=lambda f: f.node.lineno)
