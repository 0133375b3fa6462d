"""Results and tracebacks that an object keeps: put there in one function, read in another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python.flow.values import ClassValue, Instance
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.static import dotted
from govlint.python.states.parameters import fields_of
from govlint.python.symbols import ClassInfo

if TYPE_CHECKING:
    from govlint.python.api.exposure import Exposure
    from govlint.python.symbols import FunctionInfo

_MOST_ROUNDS = 3
_DUMPS = frozenset("asdict vars model_dump dict jsonable_encoder to_dict".split())
# what an object says about whether its result is one
_TELLING = ("error", "status", "state", "ok", "success", "failed", "succeeded", "is_error")

Slot = tuple[ClassInfo, str]


class Stored:
    """Which attributes of which classes hold the gate's whole result, or a traceback.

    An attribute that holds one on some path may hold it wherever it is read, unless the
    reader asks the object first whether it failed.
    """

    def __init__(self, exposure: Exposure) -> None:
        self._exposure = exposure
        self._program = exposure.program
        self._slots: dict[Slot, str] = {}
        self._elements: dict[Slot, str] = {}
        self._names: set[str] = set()
        self._done = False

    def look(self) -> None:
        """Fill the tables, once; nothing may have been concluded of functions before."""
        if self._done:
            return
        self._done = True
        for _ in range(_MOST_ROUNDS):
            known = len(self._slots) + len(self._elements)
            for module in list(self._program.modules.values()):
                if module.is_test:
                    continue
                for function in module.functions:
                    if not isinstance(function.node, ast.Lambda) and self._may_keep(function):
                        self._note(function)
            self._exposure.forget()
            if len(self._slots) + len(self._elements) == known:
                break

    @staticmethod
    def _may_keep(function: FunctionInfo) -> bool:
        """Whether a function assigns to attributes or makes objects with keyword arguments."""
        for node in own_nodes(function.node):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets
            ):
                return True
            if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2][:1].isupper():
                return True
        return False

    def _note(self, function: FunctionInfo) -> None:
        for node, given, what in self._exposure.kept_in(function):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._add(target, what)
            elif isinstance(node, ast.Call):
                for value in self._program.values(node.func):
                    if isinstance(value, ClassValue):
                        for name, argument in self._filled(node, value.cls):
                            if argument is given:
                                self._slots.setdefault((value.cls, name), what)
                                self._names.add(name)

    def _filled(self, call: ast.Call, cls: ClassInfo) -> Iterator[tuple[str, ast.expr]]:
        if "__init__" in cls.methods:
            return
        yield from zip(fields_of(self._program, cls), call.args, strict=False)
        yield from ((k.arg, k.value) for k in call.keywords if k.arg is not None)

    def _add(self, target: ast.expr, what: str) -> None:
        table = self._slots
        if isinstance(target, ast.Subscript):
            target, table = target.value, self._elements
        if isinstance(target, ast.Attribute):
            for cls in self._classes(target.value):
                table.setdefault((cls, target.attr), what)
                self._names.add(target.attr)

    def _classes(self, owner: ast.expr) -> list[ClassInfo]:
        return [x.cls for x in self._program.values(owner) if isinstance(x, Instance)]

    # what is read

    def of(self, node: ast.Attribute) -> str | None:
        """What an attribute that is read may hold."""
        return self._held(node, self._slots)

    def element_of(self, holder: ast.expr) -> str | None:
        """What `holder[key]` may hold where the holder is an attribute full of results."""
        return self._held(holder, self._elements) if isinstance(holder, ast.Attribute) else None

    def _held(self, node: ast.Attribute, table: dict[Slot, str]) -> str | None:
        if node.attr not in self._names:
            return None
        for cls in self._classes(node.value):
            for entry in self._program.mro(cls):
                if isinstance(entry, ClassInfo) and (entry, node.attr) in table:
                    return None if self._is_asked(node) else table[entry, node.attr]
        return None

    def dumped(self, node: ast.Call) -> str | None:
        """What `asdict(job)` and its like hold, where the object keeps something whole."""
        last = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if last not in _DUMPS:
            return None
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        subject = node.args[0] if node.args else owner
        if subject is None or not self._slots or self._program.callees(node):
            return None
        for cls in self._classes(subject):
            for (holder, _), what in self._slots.items():
                if holder is cls and not self._is_asked(subject):
                    return what
        return None

    def _is_asked(self, node: ast.expr) -> bool:
        """Whether the function asks the same object if it failed."""
        root: ast.AST = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        function = self._program.function_of(node)
        if not isinstance(root, ast.Name) or root.id in ("self", "cls") or function is None:
            return False
        return any(
            isinstance(part, ast.Name) and part.id == root.id
            for test in self._tests(function.node, node)
            if any(word in ast.dump(test) for word in _TELLING)
            for part in ast.walk(test)
        )

    def _tests(self, root: ast.AST, node: ast.expr) -> Iterator[ast.AST]:
        """The tests that stand between the function's entry and `node`, as far as blocks tell."""
        above: set[ast.AST] = set()
        parent = self._program.parent(node)
        while parent is not None and parent is not root:
            above.add(parent)
            parent = self._program.parent(parent)
        for part in own_nodes(root):
            if isinstance(part, ast.Assert):
                yield part.test
            elif isinstance(part, ast.Match):
                if part in above:
                    yield part.subject
            elif isinstance(part, ast.If | ast.IfExp | ast.While) and (
                part in above or _leaves(part)
            ):
                yield part.test


def _leaves(test: ast.AST) -> bool:
    """Whether a branch ends the function or the turn of its loop."""
    return isinstance(test, ast.If) and isinstance(
        test.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break
    )
