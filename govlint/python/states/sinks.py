"""Judging what stands where a state is due, back to where the word was written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from govlint.python.flow import values as v
from govlint.python.states.declarations import Declarations
from govlint.python.states.parameters import argument_for, parameter_of
from govlint.python.symbols import ClassInfo, FunctionInfo


class Sinks(Declarations):
    """The part of the collection that follows parameters to the calls that fill them."""

    due: dict[tuple[FunctionInfo, str], str]
    pending: list[tuple[FunctionInfo, str]]
    held: list[tuple[ast.expr, list[str], str]]
    written: set[str]

    def parameter(self, function: FunctionInfo, name: str, verb: str) -> None:
        """Note that a parameter holds such a state."""
        if (function, name) not in self.due:
            self.due[function, name] = verb
            self.pending.append((function, name))

    def follow_parameters(self) -> None:
        """Judge what callers pass where a state is due, back to where it was written."""
        while self.pending:
            function, name = self.pending.pop()
            default = _default_of(function, name)
            if default is not None:
                self.sink(default, "assigned")
            for call in self.program.callers(function):
                if isinstance(call, ast.Call) and not self.space.is_class(call.func):
                    argument = argument_for(self.program, call, function, name)
                    if argument is not None:
                        self.sink(argument, "passed")

    def sink(
        self,
        expression: ast.expr,
        verb: str,
        due: ast.expr | None = None,
        foreign: Callable[[ClassInfo], bool] = lambda cls: True,
    ) -> None:
        """Judge an expression that stands where a state is due."""
        for leaf in leaves(expression):
            if isinstance(leaf, ast.Name):
                function = parameter_of(self.program, leaf)
                if function is not None:
                    if self.program.callers(function):
                        self.parameter(function, leaf.id, verb)
                        continue
                    default = _default_of(function, leaf.id)
                    if default is not None:
                        self.sink(default, verb)
                        continue
            self._judge(leaf, verb, foreign)

    def _judge(self, leaf: ast.expr, verb: str, foreign: Callable[[ClassInfo], bool]) -> None:
        space = self.space
        if isinstance(leaf, ast.Attribute) and space.is_class(leaf.value):
            return  # judged where the member is named
        values = self.program.values(leaf)
        # a member comes with the constant that it is made of
        plain = not any(isinstance(x, v.EnumMember) for x in values)
        words = [str(x.value) for x in space.strings(leaf)] if plain else []
        for value in values:
            if isinstance(value, v.EnumMember) and value.cls not in space.classes:
                if foreign(value.cls):
                    words.append(value.name)
            elif isinstance(value, v.Container) and value.shape != "dict":
                for held in self.program.flow.elements(frozenset({value})):
                    if isinstance(held, v.Const) and isinstance(held.value, str):
                        words.append(held.value)
        illegal = [w for w in dict.fromkeys(words) if w.strip() and space.canonical(w) is None]
        if isinstance(leaf, ast.Attribute | ast.Subscript | ast.Call):
            if illegal:
                self.held.append((leaf, illegal, verb))
            return
        for word in illegal:
            self.add(leaf, word, verb)
            if isinstance(leaf, ast.Constant):
                self.written.add(word)

    def judge_held(self) -> None:
        """What is read out of objects: not again where the word was found when it was put in."""
        for leaf, words, verb in self.held:
            for word in words:
                if word not in self.written:
                    self.add(leaf, word, verb)


def _default_of(function: FunctionInfo, name: str) -> ast.expr | None:
    arguments = function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for arg, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        if arg.arg == name:
            return default
    for arg, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if arg.arg == name:
            return keyword_default
    return None


def leaves(expression: ast.expr) -> Iterator[ast.expr]:
    """The expressions whose values `expression` can have: branches, elements, wrapped ones."""
    if isinstance(expression, ast.IfExp):
        yield from leaves(expression.body)
        yield from leaves(expression.orelse)
    elif isinstance(expression, ast.BoolOp):
        for part in expression.values:
            yield from leaves(part)
    elif isinstance(expression, ast.NamedExpr | ast.Await | ast.Starred):
        yield from leaves(expression.value)
    elif isinstance(expression, ast.Tuple | ast.List | ast.Set):
        for part in expression.elts:
            yield from leaves(part)
    elif (
        isinstance(expression, ast.Call)
        and len(expression.args) == 1
        and (
            isinstance(expression.func, ast.Name)
            and expression.func.id in ("frozenset", "set", "tuple", "list", "str")
        )
    ):
        yield from leaves(expression.args[0])
    else:
        yield expression
