"""The files that gates are read from: parsed when asked for, with no value flow.

What a gate answers is in its own text and in that of the few functions it calls, so the
whole-program analysis would only cost time here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from govlint.python.symbols import Module
from govlint.python.syntax.source import ScannedFile, UnparsableError, mark
from govlint.python.syntax.walk import walk

if TYPE_CHECKING:
    from govlint.python.program import Program

MayHold = Callable[[bytes, Collection[str]], bool]
AnyDef = ast.FunctionDef | ast.AsyncFunctionDef
_FLAG = re.compile(r"enabled?|disabled?|flag|feature|toggle|use_|skip|dry_run|testing|debug", re.I)


@dataclass
class Source:
    """One parsed file: what its names stand for, as far as its top level says."""

    file: ScannedFile
    tree: ast.Module
    module: Module
    functions: dict[str, AnyDef] = field(default_factory=dict)
    lambdas: dict[str, ast.Lambda] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # name → module, member
    fixed: dict[str, bool] = field(default_factory=dict)  # constants that were looked at

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree, as `walk` gives them."""
        return walk(self.tree)


class Sources:
    """Gives the sources of a program by module name."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._read: dict[str, Source | None] = {}
        self._assumed: list[tuple[Source, str]] = []

    def glanced(self, kind: str, may_hold: MayHold) -> Iterator[Source]:
        """The files that may hold a finding of a check, by what it saw in their text."""
        for name, file in self.program.files.items():
            if file.is_test or file.failure is not None:
                continue
            if mark(kind) not in file.words:
                if "" not in file.words:
                    continue
                try:
                    if not may_hold(file.folded(), file.words):
                        continue
                except UnparsableError:
                    continue
            source = self.get(name)
            if source is not None:
                yield source

    def get(self, name: str) -> Source | None:
        """The source of a module; None where it cannot be read."""
        if name not in self._read:
            self._read[name] = self._make(name)
        return self._read[name]

    def _make(self, name: str) -> Source | None:
        self.program.ask(name)
        file = self.program.files.get(name)
        if file is None or file.failure is not None:
            return None
        try:
            tree = file.tree()
        except UnparsableError:
            return None
        module = self.program.modules.get(name) or Module(
            name, file.path, file.text(), tree, file.is_test, file.is_package
        )
        source = Source(file, tree, module)
        self._index(source)
        return source

    def _index(self, source: Source) -> None:
        bound: dict[str, int] = {}
        for node in _top_level(source.tree):
            if isinstance(node, AnyDef):
                source.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                source.classes[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name) and node.value is not None:
                        bound[target.id] = bound.get(target.id, 0) + 1
                        source.constants[target.id] = node.value
                        if isinstance(node.value, ast.Lambda):
                            source.lambdas[target.id] = node.value
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                bound[node.target.id] = 2
            elif isinstance(node, ast.ImportFrom):
                origin = self.program.resolve_from(node, source.module)
                for alias in node.names:
                    source.imports[alias.asname or alias.name] = (origin, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    bare = alias.asname or alias.name
                    source.imports[bare] = (alias.name, "")
        for name in list(source.constants):
            if bound.get(name) != 1:
                del source.constants[name]

    def constant(self, source: Source, name: str) -> ast.expr | None:
        """What a top-level name is in every run; None where that cannot be shown."""
        value = source.constants.get(name)
        if value is None or not _can_be_constant(value):
            return None
        if name not in source.fixed:
            source.fixed[name] = self._is_fixed(source, name)
        return value if source.fixed[name] else None

    def _is_fixed(self, source: Source, name: str) -> bool:
        """Whether nothing in the project can be seen to give the name another value."""
        value = source.constants[name]
        if isinstance(value, ast.Constant) and isinstance(value.value, bool) and _FLAG.search(name):
            return False
        mutable = isinstance(value, ast.List | ast.Dict | ast.Set) or (
            isinstance(value, ast.Call) and not value.args
        )
        for node in source.nodes:
            if isinstance(node, ast.Global) and name in node.names:
                return False
            if not mutable or not isinstance(node, ast.Name) or node.id != name:
                continue
            if isinstance(node.ctx, ast.Load) and not _only_read(source.nodes, node):
                return False
        if mutable:
            self._assumed.append((source, name))
            return True
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            return not _is_asked(source.nodes, name)
        return True

    def refuted(self) -> bool:
        """Whether a container was taken for constant that another file knows by its name.

        That takes a look at every file, so it is put off until something hangs on it.
        """
        wrong = [(s, name) for s, name in self._assumed if self._is_known_elsewhere(s, name)]
        self._assumed.clear()
        for source, name in wrong:
            source.fixed[name] = False
        return bool(wrong)

    def _is_known_elsewhere(self, source: Source, name: str) -> bool:
        return next(self.program.mentions(name, source.file), None) is not None

    def resolve(self, source: Source, name: str) -> tuple[Source, ast.AST] | None:
        """The function, lambda or class that a name of a file stands for, where it is ours."""
        for table in (source.functions, source.lambdas, source.classes):
            if name in table:
                return source, table[name]
        if name not in source.imports:
            return None
        origin, member = source.imports[name]
        owner = self.program.resolve_module(origin, source.module)
        target = self.get(owner) if owner is not None and member else None
        if target is None or target is source:
            return None
        for table in (target.functions, target.lambdas, target.classes):
            if member in table:
                return target, table[member]
        if member in target.imports:
            return self.resolve(target, member) if target.imports[member][1] else None
        return None

    def resolve_attribute(
        self, source: Source, owner: str, name: str
    ) -> tuple[Source, ast.AST] | None:
        """The function that `module.name` stands for."""
        if owner not in source.imports:
            return None
        origin, member = source.imports[owner]
        dotted_name = f"{origin}.{member}" if member else origin
        found = self.program.resolve_module(dotted_name, source.module)
        target = self.get(found) if found is not None else None
        return self.resolve(target, name) if target is not None and target is not source else None


def _can_be_constant(value: ast.expr) -> bool:
    """Whether a value is a number, a boolean, or a container that is spelled out."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float)
    if isinstance(value, ast.Call):
        return not value.args and isinstance(value.func, ast.Name)
    return isinstance(value, ast.List | ast.Tuple | ast.Dict | ast.Set | ast.UnaryOp | ast.BinOp)


def _top_level(tree: ast.Module) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    stack: list[ast.stmt] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse]
            if isinstance(node, ast.Try):
                inner += [s for handler in node.handlers for s in handler.body]
            stack.extend(reversed(inner))
    return found


def _only_read(nodes: list[ast.AST], wanted: ast.Name) -> bool:
    """Whether a mention of a container can only look at it: iterated, or asked its size."""
    for node in nodes:
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and node.iter is wanted:
            return True
        if isinstance(node, ast.Call) and wanted in node.args:
            return isinstance(node.func, ast.Name) and node.func.id in ("all", "any", "len", "sum")
        if (isinstance(node, ast.Compare | ast.Return | ast.UnaryOp | ast.If | ast.BoolOp)) and (
            any(child is wanted for child in ast.iter_child_nodes(node))
        ):
            return not isinstance(node, ast.Return)
        if isinstance(node, ast.Attribute) and node.value is wanted:
            return node.attr in ("items", "values", "keys")
    return False


def _is_asked(nodes: list[ast.AST], name: str) -> bool:
    """Whether a boolean is a switch: asked in a condition somewhere in the file."""
    for node in nodes:
        test = getattr(node, "test", None)
        if (isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(test, ast.expr)) and (
            any(isinstance(n, ast.Name) and n.id == name for n in walk(test))
        ):
            return True
    return False
