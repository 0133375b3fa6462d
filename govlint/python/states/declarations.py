"""Declarations of states: members of classes, the functional API, literals, mappings."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod

from govlint.python.bindings import matches_any
from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace
from govlint.python.states.members import members_of
from govlint.python.symbols import ClassInfo


class Declarations(ABC):
    """The part of the collection that looks at what is declared."""

    space: StateSpace
    program: Program

    @abstractmethod
    def add(self, node: ast.AST, word: str, verb: str) -> None:
        """Note one use."""

    @abstractmethod
    def sink(self, expression: ast.expr, verb: str, due: ast.expr | None = None) -> None:
        """Judge an expression that stands where a state is due."""

    # -- declarations ---------------------------------------------------------------------

    def declared(self, cls: ClassInfo) -> None:
        """The members in a class body, by name, and by value where it is a metric."""
        for name, value, target in members_of(cls):
            if self.space.canonical(name) is None:
                self.add(target, name, "declared")
            else:
                for constant in self.space.strings(value):
                    if self.space.metric(constant.value):
                        self.add(target, str(constant.value), "declared")
        for node in ast.walk(cls.node):  # _missing_ and the like: obj._name_ = "QUEUED"
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and target.attr in ("_name_", "_value_"):
                        self.sink(node.value, "declared")

    def made_by_call(self, call: ast.Call) -> None:
        """The members of an enum that is made by calling `Enum`."""
        if call not in self.space.made_by_call:
            return
        names = call.args[1] if len(call.args) > 1 else None
        for keyword in call.keywords:
            if keyword.arg == "names":
                names = keyword.value
        if names is not None:
            self._names(names)

    def _names(self, names: ast.expr) -> None:
        """The members that the functional API is given: text, list, pairs or mapping."""
        if isinstance(names, ast.List | ast.Tuple | ast.Set):
            for part in names.elts:
                if isinstance(part, ast.Tuple | ast.List) and part.elts:
                    self._names(part.elts[0])
                else:
                    self._names(part)
            return
        if isinstance(names, ast.Dict):
            for key in names.keys:
                if key is not None:
                    self._names(key)
            return
        for constant in self.space.strings(names):
            for word in constant.value.replace(",", " ").split():
                self._word(names, word)
        flow = self.program.flow
        for value in self.program.values(names):
            if isinstance(value, v.Container):
                held = (
                    flow.read((value, "keys"))
                    if value.shape == "dict"
                    else flow.elements(frozenset({value}))
                )
                for word in held:
                    if isinstance(word, v.Const):
                        self._word(names, word.value)

    def named_value(self, target: ast.expr, value: ast.expr) -> None:
        """`PluginState = Literal[…]`, a dict or a namespace under the name of such a class."""
        if not isinstance(target, ast.Name):
            return
        name = f"{self.program.module_of(target).name}.{target.id}"
        if not matches_any(self.space.patterns, name):
            return
        if isinstance(value, ast.Subscript):
            self.literal(value)
        elif isinstance(value, ast.Dict | ast.Set | ast.List | ast.Tuple):
            self._names(value)
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
            last = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id
            if last == "SimpleNamespace":
                for keyword in value.keywords:
                    if keyword.arg is not None and self.space.canonical(keyword.arg) is None:
                        self.add(keyword.value, keyword.arg, "declared")
            elif last in ("frozenset", "set", "tuple", "list") and value.args:
                self._names(value.args[0])
            elif last == "namedtuple" and len(value.args) > 1:
                self._names(value.args[1])

    def literal(self, annotation: ast.expr) -> None:
        """The words of a `Literal[…]` anywhere in an annotation."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Subscript):
                base = node.value
                last = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                if last == "Literal":
                    for part in ast.walk(node.slice):
                        if isinstance(part, ast.Constant):
                            self._word(part, part.value)

    def _word(self, node: ast.AST, word: object) -> None:
        if isinstance(word, str) and self.space.canonical(word) is None:
            self.add(node, word, "declared")
