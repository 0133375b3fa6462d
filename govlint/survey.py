"""What a repository declares, at a glance: the classes and calls that bindings could name.

`govlint init` looks at code it knows nothing about, so this is a survey of spellings: one
pass a file, no flow, no imports followed. It only has to be good enough to propose
bindings with their evidence; the analysis that runs with them is exact.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from govlint.patterns import PathPatterns
from govlint.python.syntax.parse import build_tree

_TESTS = PathPatterns(("tests", "test_*.py", "*_test.py", "conftest.py"))
_LARGEST = 2_000_000  # bytes; what is larger is generated, and a proposal can do without it
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was seen; `line` counts from 1."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(slots=True)
class CallSight:
    """A call `<receiver>.<name>(…)` or `<name>(…)`: what it says, where, and in which clauses."""

    name: str
    receiver: str  # dotted text; "" for a bare name or anything that is not a dotted name
    place: Place
    guarded: bool = False  # inside the body of a try statement
    final: bool = False  # inside a finally clause
    handler: bool = False  # inside an except clause


@dataclass(slots=True)
class MethodSight:
    """A method of a class: whether it is abstract, and the calls in it."""

    name: str
    place: Place
    abstract: bool
    calls: list[CallSight]
    has_finally: bool


@dataclass(slots=True)
class ClassSight:
    """A class: its bases as spelt, its methods, its enum members, the types it holds."""

    name: str
    module: str
    place: Place
    bases: tuple[str, ...]
    methods: dict[str, MethodSight]
    members: tuple[str, ...]  # upper-case names assigned in the body
    holds: frozenset[str]  # last parts of names in annotations and constructor calls

    @property
    def is_enum(self) -> bool:
        return any(base.rpartition(".")[2].endswith(("Enum", "Flag")) for base in self.bases)


@dataclass(slots=True)
class Survey:
    """Everything seen in one repository, test files left out."""

    classes: list[ClassSight] = field(default_factory=list)
    calls: list[CallSight] = field(default_factory=list)
    routes: dict[str, list[Place]] = field(default_factory=dict)  # dotted module → decorators
    envelopes: set[str] = field(default_factory=set)  # functions that build {"error", "_internal"}
    files: int = 0
    unread: int = 0


def survey(files: Iterable[tuple[str, str]]) -> Survey:
    """Survey Python files, each given as its path in reports and the one to open it by.

    A file that cannot be read or parsed is counted in `unread` and stops nothing.
    """
    seen = Survey()
    for path, abspath in files:
        if _TESTS.match(path):
            continue
        seen.files += 1
        tree = _parse(abspath)
        if tree is None:
            seen.unread += 1
            continue
        _File(seen, path, tree).look()
    return seen


def _parse(path: str) -> ast.Module | None:
    try:
        if os.path.getsize(path) > _LARGEST:
            return None
        with open(path, "rb") as stream:
            data = stream.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the surveyed code are not ours
            tree: ast.Module = build_tree(data)
            return tree
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.expr) -> str:
    """The dotted name that `node` spells (`a.b.c`), or an empty string."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


class _File:
    """One file being surveyed."""

    def __init__(self, seen: Survey, path: str, tree: ast.Module) -> None:
        self.seen = seen
        self.path = path
        self.nodes = list(ast.walk(tree))
        self.module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        # calls of these are calls into a module (subprocess.run), of no object
        self.modules = {
            (alias.asname or alias.name).partition(".")[0]
            for node in self.nodes
            if isinstance(node, ast.Import)
            for alias in node.names
        }

    def look(self) -> None:
        envelope = False
        for node in self.nodes:
            if isinstance(node, ast.ClassDef):
                self.seen.classes.append(self._class(node))
            elif isinstance(node, _FUNCTIONS):
                self._routes(node)
            elif isinstance(node, ast.Dict):
                envelope = envelope or _is_envelope(node)
            elif isinstance(node, ast.Call):
                call = self._call(node)
                if call is not None:
                    self.seen.calls.append(call)
        if envelope:
            self.seen.envelopes |= {
                node.name
                for node in self.nodes
                if isinstance(node, _FUNCTIONS) and any(map(_is_envelope, ast.walk(node)))
            }

    def _place(self, node: ast.stmt | ast.expr) -> Place:
        return Place(self.path, node.lineno)

    def _routes(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """`@app.get("/x")`, `@router.websocket("/x")`: a decorator called with a path."""
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            first = decorator.args[0] if decorator.args else None
            if isinstance(first, ast.Constant) and str(first.value).startswith("/"):
                self.seen.routes.setdefault(self.module, []).append(self._place(decorator))

    def _call(self, node: ast.Call) -> CallSight | None:
        if isinstance(node.func, ast.Name):
            return CallSight(node.func.id, "", self._place(node))
        if not isinstance(node.func, ast.Attribute):
            return None
        receiver = dotted(node.func.value)
        if receiver.partition(".")[0] in self.modules:
            return None
        return CallSight(node.func.attr, receiver, self._place(node))

    def _class(self, node: ast.ClassDef) -> ClassSight:
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
        methods = {
            item.name: self._method(item) for item in node.body if isinstance(item, _FUNCTIONS)
        }
        members = tuple(
            target.id
            for item in node.body
            if isinstance(item, ast.Assign)
            for target in item.targets
            if isinstance(target, ast.Name) and target.id.isupper()
        )
        names = filter(None, map(dotted, bases))
        return ClassSight(
            node.name,
            self.module,
            self._place(node),
            tuple(names),
            methods,
            members,
            frozenset(self._held(node)),
        )

    def _held(self, node: ast.ClassDef) -> Iterator[str]:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                yield dotted(inner.func).rpartition(".")[2]
            annotation: ast.expr | None = None
            if isinstance(inner, ast.arg | ast.AnnAssign):
                annotation = inner.annotation
            elif isinstance(inner, _FUNCTIONS):
                annotation = inner.returns
            if annotation is not None:
                for part in ast.walk(annotation):
                    if isinstance(part, ast.Name):
                        yield part.id
                    elif isinstance(part, ast.Attribute):
                        yield part.attr
                    elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value.rpartition(".")[2]

    def _method(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> MethodSight:
        calls: list[CallSight] = []
        has_finally = False
        # (node, in a try body, in a finally, in an except clause)
        pending: list[tuple[ast.AST, bool, bool, bool]] = [(node, False, False, False)]
        while pending:
            inner, guarded, final, handler = pending.pop()
            if isinstance(inner, ast.Call):
                call = self._call(inner)
                if call is not None:
                    call.guarded, call.final, call.handler = guarded, final, handler
                    calls.append(call)
            if isinstance(inner, ast.Try | ast.TryStar):
                has_finally = has_finally or bool(inner.finalbody)
                pending += [(child, True, final, handler) for child in inner.body + inner.orelse]
                pending += [(child, guarded, final, True) for child in inner.handlers]
                pending += [(child, guarded, True, handler) for child in inner.finalbody]
            else:
                pending += [
                    (child, guarded, final, handler) for child in ast.iter_child_nodes(inner)
                ]
        calls.sort(key=lambda call: call.place.line)
        return MethodSight(node.name, self._place(node), _is_abstract(node), calls, has_finally)


def _is_envelope(node: ast.AST) -> bool:
    if not isinstance(node, ast.Dict) or len(node.keys) < 2:
        return False
    keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return {"error", "_internal"} <= keys


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """An `@abstractmethod`, or a body that does nothing but raise NotImplementedError."""
    if any("abstract" in dotted(d).rpartition(".")[2] for d in node.decorator_list):
        return True
    body = node.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc
    return dotted(raised.func if isinstance(raised, ast.Call) else raised) == "NotImplementedError"
