"""What a module defines: functions, classes, scopes and the parent of every node.

One walk over a tree, so that later passes look things up instead of searching.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from govlint.python.ordered import Ordered

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False)
class Module(Ordered):
    """One Python file of the program, parsed and indexed."""

    name: str
    path: str
    text: str
    tree: ast.Module
    is_test: bool = False
    is_package: bool = False
    # read only because something governed was handed to it: its functions are
    # followed when they are called with that, not by themselves
    on_demand: bool = False
    # all of its functions are followed, whatever they mention: it answers requests
    whole: bool = False
    functions: list[FunctionInfo] = field(default_factory=list)
    classes: list[ClassInfo] = field(default_factory=list)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    owners: dict[ast.AST, FunctionInfo] = field(default_factory=dict)
    by_node: dict[ast.AST, FunctionInfo | ClassInfo] = field(default_factory=dict)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)  # globals that a function assigns
    _lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """The source lines without their ends, as the parser counts them."""
        if self._lines is None:
            self._lines = split_lines(self.text)
        return self._lines


def split_lines(text: str) -> list[str]:
    """Split at the line ends that Python's parser knows (not at form feeds or U+2028)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@dataclass(eq=False)
class FunctionInfo(Ordered):
    """One function, method or lambda, wherever it is nested."""

    name: str
    qualname: str
    node: AnyFunction
    module: Module
    cls: ClassInfo | None
    parent: FunctionInfo | None
    params: list[str] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)  # names it uses
    sets: set[str] = field(default_factory=set)  # attributes it assigns
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)  # names that a function inside it assigns
    has_nested: bool = False
    is_generator: bool = False
    decorators: tuple[str, ...] = ()

    @property
    def is_async(self) -> bool:
        """Whether it is declared with `async def`."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    def __repr__(self) -> str:
        return f"<function {self.qualname}>"


@dataclass(eq=False)
class ClassInfo(Ordered):
    """One class statement. `synthetic` stands for a class that is only known by name."""

    name: str
    qualname: str
    node: ast.ClassDef
    module: Module
    parent: FunctionInfo | None
    outer: ClassInfo | None = None
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    synthetic: bool = False

    def __repr__(self) -> str:
        return f"<class {self.qualname}>"


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` for a chain of names, the last parts of it where the root is a call."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call):
        inner = dotted_name(node.func)
        return ".".join([inner, *reversed(parts)])
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def index(module: Module) -> None:
    """Fill in what `module` defines."""
    parents = module.parents
    owners = module.owners
    stack: list[tuple[ast.AST, FunctionInfo | None, ClassInfo | None, bool]] = [
        (module.tree, None, None, False)
    ]
    while stack:
        node, function, cls, in_comprehension = stack.pop()
        inner_function, inner_cls, inner_comp = function, cls, in_comprehension
        if isinstance(node, _FUNCTIONS):
            info = _function(node, module, function, cls)
            inner_function, inner_cls, inner_comp = info, None, False
            _push_function(node, info, function, cls, in_comprehension, stack, parents, owners)
            continue
        if isinstance(node, ast.ClassDef):
            info_cls = _class(node, module, function, cls)
            for name, value in ast.iter_fields(node):
                target = info_cls if name == "body" else cls
                for child in _children(value):
                    parents[child] = node
                    if function is not None:
                        owners[child] = function
                    stack.append((child, function, target, in_comprehension))
            continue
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load) and not in_comprehension:
                _store(node.id, module, function, cls)
        elif isinstance(node, ast.NamedExpr):
            if isinstance(node.target, ast.Name):
                _store(node.target.id, module, function, cls)
        elif isinstance(node, ast.AnnAssign):
            if cls is not None and isinstance(node.target, ast.Name):
                cls.annotations[node.target.id] = node.annotation
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module.imports.append(node)
            for alias in node.names:
                bound = alias.asname or (
                    alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
                )
                _store(bound, module, function, cls)
        elif isinstance(node, ast.Global):
            if function is not None:
                function.global_names.update(node.names)
                module.rebound.update(node.names)
            module.stored.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            if function is not None:
                function.nonlocal_names.update(node.names)
                owner = function.parent
                while owner is not None:
                    owner.rebound.update(node.names)
                    owner = owner.parent
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            if node.name:
                _store(node.name, module, function, cls)
        elif isinstance(node, ast.MatchMapping):
            if node.rest:
                _store(node.rest, module, function, cls)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            if function is not None:
                function.is_generator = True
        elif isinstance(node, _COMPREHENSIONS):
            inner_comp = True
        if function is not None:
            _mention(node, function)
        for child in ast.iter_child_nodes(node):
            parents[child] = node
            if inner_function is not None:
                owners[child] = inner_function
            stack.append((child, inner_function, inner_cls, inner_comp))
    for function in reversed(module.functions):
        if function.parent is not None:
            function.parent.mentions |= function.mentions
            function.parent.sets |= function.sets
    module.functions.sort(key=lambda f: (f.node.lineno, f.node.col_offset))
    module.classes.sort(key=lambda c: (c.node.lineno, c.node.col_offset))
    for cls in module.classes:
        cls.annotations = dict(sorted(cls.annotations.items(), key=lambda item: item[1].lineno))
    for function in module.functions:
        if function.cls is not None:
            function.cls.methods[function.name] = function


def _mention(node: ast.AST, function: FunctionInfo) -> None:
    """Note the names that a function uses, those inside its short strings too."""
    if isinstance(node, ast.Name):
        function.mentions.add(node.id)
    elif isinstance(node, ast.Attribute):
        function.mentions.add(node.attr)
        if isinstance(node.ctx, ast.Store):
            function.sets.add(node.attr)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and len(node.value) <= 200:
            function.mentions.update(_WORD.findall(node.value))
    elif isinstance(node, ast.keyword):
        if node.arg is not None:
            function.mentions.add(node.arg)
    elif isinstance(node, ast.alias):
        function.mentions.update(node.name.split("."))


_WORD = re.compile(r"\w+")


def _children(value: object) -> list[ast.AST]:
    if isinstance(value, ast.AST):
        return [value]
    if isinstance(value, list):
        return [item for item in value if isinstance(item, ast.AST)]
    return []


def _store(name: str, module: Module, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
    if cls is not None:
        cls.stored.add(name)
    elif function is not None:
        function.stored.add(name)
    else:
        module.stored.add(name)


def _prefix(module: Module, function: FunctionInfo | None, cls: ClassInfo | None) -> str:
    if cls is not None:
        return cls.qualname
    if function is not None:
        return function.qualname
    return module.name


def _class(
    node: ast.ClassDef, module: Module, function: FunctionInfo | None, cls: ClassInfo | None
) -> ClassInfo:
    info = ClassInfo(
        node.name, f"{_prefix(module, function, cls)}.{node.name}", node, module, function, cls
    )
    module.classes.append(info)
    module.by_node[node] = info
    _store(node.name, module, function, cls)
    if function is not None:
        function.has_nested = True
    return info


def _function(
    node: AnyFunction, module: Module, function: FunctionInfo | None, cls: ClassInfo | None
) -> FunctionInfo:
    if isinstance(node, ast.Lambda):
        name = f"<lambda:{node.lineno}:{node.col_offset}>"
        decorators: tuple[str, ...] = ()
    else:
        name = node.name
        decorators = tuple(dotted_name(d) for d in node.decorator_list)
    info = FunctionInfo(
        name,
        f"{_prefix(module, function, cls)}.{name}",
        node,
        module,
        None if isinstance(node, ast.Lambda) else cls,
        function,
        decorators=decorators,
    )
    arguments = node.args
    for arg in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        info.params.append(arg.arg)
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            info.params.append(extra.arg)
    info.stored.update(info.params)
    module.functions.append(info)
    module.by_node[node] = info
    if not isinstance(node, ast.Lambda):
        _store(name, module, function, cls)
    if function is not None:
        function.has_nested = True
    return info


def _push_function(
    node: AnyFunction,
    info: FunctionInfo,
    function: FunctionInfo | None,
    cls: ClassInfo | None,
    in_comprehension: bool,
    stack: list[tuple[ast.AST, FunctionInfo | None, ClassInfo | None, bool]],
    parents: dict[ast.AST, ast.AST],
    owners: dict[ast.AST, FunctionInfo],
) -> None:
    """Queue a function's parts: its body is inside, defaults and decorators are not."""
    for name, value in ast.iter_fields(node):
        for child in _children(value):
            parents[child] = node
            if name == "args":
                assert isinstance(child, ast.arguments)
                for part in ast.walk(child):
                    _mention(part, info)
                for part in ast.iter_child_nodes(child):
                    parents[part] = child
                    if isinstance(part, ast.arg):
                        owners[part] = info
                    elif function is not None:
                        owners[part] = function
                    stack.append((part, function, cls, in_comprehension))
                owners[child] = info
                continue
            if name == "body":
                owners[child] = info
                stack.append((child, info, None, False))
            else:
                for part in ast.walk(child):
                    _mention(part, info)
                if function is not None:
                    owners[child] = function
                stack.append((child, function, cls, in_comprehension))
