"""State that a domain service keeps or reaches by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.flow import values as v
from govlint.python.participants.aliases import origins
from govlint.python.participants.mutations import MUTATORS, changed_by_argument, set_by_call
from govlint.python.participants.services import is_context, is_runtime_code, is_surface
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

_MAKING = frozenset({"__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__"})
_TRANSIENT = re.compile(r"_*(?:log|logger|tracer|span|metrics|telemetry|stats_client)\w*")
# what a method of such a class is called for is a store of the process, not a value
_AMBIENT = (
    "contextvars.ContextVar",
    "threading.local",
    "werkzeug.local.Local",
    "asgiref.local.Local",
)
Use = tuple[ast.AST, str]


class StateUses:
    """Finds the uses of state in the methods of services."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._kept_by: dict[FunctionInfo, str | None] = {}

    def of(self, method: FunctionInfo) -> Iterator[Use]:
        """Each place in a method where state is reached past the context."""
        making = self._is_making(method, frozenset())
        locals_ = method.stored - method.global_names
        for node in ast.walk(method.node):
            if node is method.node:
                continue
            if isinstance(node, ast.Call):
                yield from self._called(node, making, locals_)
            elif isinstance(node, ast.Attribute) and self._is_private_part(node):
                yield node, f"reaches into the state surface (.{node.attr})"
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from self._stored(target, node, method, making, locals_)
            elif isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value is not None:
                yield from self._stored(node.target, node, method, making, locals_)
            elif isinstance(node, ast.Delete):
                for target in node.targets:
                    yield from self._stored(target, node, method, making, locals_)

    # -- the surface itself ---------------------------------------------------------------------

    def _called(self, call: ast.Call, making: bool, locals_: set[str]) -> Iterator[Use]:
        function = call.func
        if isinstance(function, ast.Attribute):
            owner = function.value
            if is_surface(self.program, owner) and not self._from_context(owner):
                yield call, "uses a state surface that is not its context's"
                return
            if function.attr in MUTATORS and not making and self._is_kept(owner, locals_):
                yield call, f"keeps state in {ast.unparse(owner)[:50]}"
                return
            if function.attr == "set" and self._is_ambient(owner):
                yield call, f"keeps state in {ast.unparse(owner)[:50]}"
                return
        if making:
            return
        given = changed_by_argument(call)
        if given is not None and self._is_kept(given, locals_):
            yield call, f"keeps state in {ast.unparse(given)[:50]}"
            return
        target = set_by_call(dotted(function) or f".{getattr(function, 'attr', '')}", call)
        if target is not None and (
            ast.unparse(target) in ("self", "cls", "type(self)", "self.__class__")
            or self._is_class(target)
        ):
            yield call, "keeps state in itself"
            return
        where = self._kept_by_callee(call)
        if where is not None:
            yield call, f"keeps state in {where}"

    def _is_making(self, method: FunctionInfo, seen: frozenset[FunctionInfo]) -> bool:
        """Whether a method only sets its object up: a constructor, or what only one calls."""
        if method.name in _MAKING:
            return True
        if method in seen or method.cls is None or method.name == "handle_intent":
            return False
        callers = [self.program.function_of(site) for site in self.program.callers(method)]
        return bool(callers) and all(
            caller is not None and self._is_making(caller, seen | {method}) for caller in callers
        )

    def _kept_by_callee(self, call: ast.Call) -> str | None:
        """What a helper that is called here keeps: a global, what it is given of the service."""
        for callee in self.program.callees(call):
            if is_runtime_code(self.program, callee) or callee.module.is_test:
                continue
            if callee.cls is not None and self.program.is_participant(callee.cls):
                continue  # judged by itself
            gives_itself = any(dotted(argument) == "self" for argument in call.args)
            if callee.cls is not None and not self._outlives(call.func):
                continue
            where = self._keeps(callee, gives_itself)
            if where is not None:
                return where
        return None

    def _outlives(self, function: ast.expr) -> bool:
        """Whether the object that a method is called on is kept by the service or its module."""
        owner = function.value if isinstance(function, ast.Attribute) else function
        for origin in origins(self.program, owner, to_module=False):
            name = dotted(origin)
            first, _, rest = name.partition(".")
            if first in ("self", "cls"):
                return bool(rest) and not _TRANSIENT.fullmatch(rest.rpartition(".")[2])
            if name and "." not in name and self._is_global(origin):
                return not _TRANSIENT.fullmatch(name)
        return False

    def _is_global(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Name):
            return False
        function = self.program.function_of(node)
        while function is not None:
            if node.id in function.stored or node.id in function.params:
                return node.id in function.global_names
            function = function.parent
        return True

    def _keeps(self, callee: FunctionInfo, gives_itself: bool) -> str | None:
        """What of a helper's own object, of its first argument or of its module it changes."""
        if callee not in self._kept_by:
            self._kept_by[callee] = None  # a function that calls itself
            self._kept_by[callee] = self._first_kept(callee, gives_itself)
        return self._kept_by[callee]

    def _first_kept(self, callee: FunctionInfo, gives_itself: bool) -> str | None:
        if isinstance(callee.node, ast.Lambda) or callee.name in _MAKING:
            return None
        locals_ = callee.stored - callee.global_names
        roots = {"self", "cls"} if callee.cls is not None else set()
        if gives_itself and callee.params and callee.cls is None:
            roots.add(callee.params[0])
        for node in ast.walk(callee.node):
            changed = _changed(node) if isinstance(node, ast.Call) else None
            if changed is not None and self._is_kept_late(node, changed, locals_):
                return ast.unparse(changed)[:50]
            for target in _targets(node):
                if self._is_lazy(node, target):
                    continue
                root: ast.expr = target
                while isinstance(root, ast.Attribute | ast.Subscript):
                    root = root.value
                if isinstance(target, ast.Name):
                    kept = target.id in callee.global_names
                elif isinstance(target, ast.Subscript):
                    kept = self._is_kept_late(node, target.value, locals_)
                else:
                    kept = dotted(root) in roots
                if kept:
                    return ast.unparse(target)[:50]
        return None

    def _is_kept_late(self, node: ast.AST, holder: ast.expr, locals_: set[str]) -> bool:
        """Whether a container outlives the call, and is no log, and no table filled once."""
        if any(_TRANSIENT.fullmatch(part) for part in ast.unparse(holder).split(".")):
            return False
        return self._is_kept(holder, locals_) and not _lazily(self.program, node, holder)

    def _is_ambient(self, node: ast.expr) -> bool:
        """Whether an expression is a context variable or a thread's local storage."""
        return any(
            isinstance(value, v.ExternalInstance) and value.dotted in _AMBIENT
            for value in self.program.values(node)
        ) or any(
            isinstance(origin, ast.Call)
            and dotted(origin.func).rpartition(".")[2] in ("ContextVar", "local")
            and self._is_global(node)
            for origin in origins(self.program, node)
        )

    def _from_context(self, node: ast.expr, depth: int = 4) -> bool:
        """Whether a surface is the one that the execution context carries."""
        if isinstance(node, ast.Attribute):
            return is_context(self.program, node.value)
        if isinstance(node, ast.Call) and dotted(node.func) == "getattr" and node.args:
            return is_context(self.program, node.args[0])
        if not isinstance(node, ast.Name) or not depth:
            return False
        function = self.program.function_of(node)
        while function is not None:
            if node.id in function.params:
                return self._is_handed_on(function, node.id, depth - 1)
            found = [
                child.value
                for child in ast.walk(function.node)
                if isinstance(child, ast.Assign | ast.AnnAssign | ast.NamedExpr)
                and child.value is not None
                and any(
                    isinstance(t, ast.Name) and t.id == node.id
                    for t in (child.targets if isinstance(child, ast.Assign) else [child.target])
                )
            ]
            if found:
                return all(self._from_context(value, depth - 1) for value in found)
            function = function.parent
        return False

    def _is_handed_on(self, function: FunctionInfo, name: str, depth: int) -> bool:
        """A parameter of a helper: all that call it hand it their context's surface."""
        if function.name in _MAKING or function.name == "handle_intent":
            return False
        sites = [s for s in self.program.callers(function) if isinstance(s, ast.Call)]
        if not sites:
            return True
        position = function.params.index(name) - (function.cls is not None)
        for site in sites:
            given = [k.value for k in site.keywords if k.arg == name]
            if not given and 0 <= position < len(site.args):
                given = [site.args[position]]
            if not given or not self._from_context(given[0], depth):
                return False
        return True

    def _is_private_part(self, node: ast.Attribute) -> bool:
        return (
            node.attr.startswith("_")
            and is_surface(self.program, node.value)
            and isinstance(node.value, ast.Attribute | ast.Name)
        )

    # -- state of its own ------------------------------------------------------------------------

    def _stored(
        self,
        target: ast.expr,
        statement: ast.AST,
        method: FunctionInfo,
        making: bool,
        locals_: set[str],
    ) -> Iterator[Use]:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                yield from self._stored(part, statement, method, making, locals_)
            return
        if isinstance(target, ast.Name):
            if target.id in method.global_names:
                yield target, f"keeps state in the module ({target.id})"
            return
        if making:
            return
        if isinstance(target, ast.Attribute):
            owner = dotted(target.value)
            if self._is_ambient(target.value):
                yield target, f"keeps state in {owner}"
            elif owner in ("self", "cls", "self.__class__") and not self._is_lazy(
                statement, target
            ):
                yield target, f"keeps state in {owner}.{target.attr}"
            elif owner.startswith(("self.", "cls.")) and not self._is_lazy(statement, target):
                if not _TRANSIENT.fullmatch(owner.rpartition(".")[2]):
                    yield target, f"keeps state in {owner}.{target.attr}"
            elif isinstance(target.value, ast.Call) and dotted(target.value.func) == "type":
                yield target, f"keeps state in its class ({target.attr})"
            elif owner and owner not in locals_ and self._is_class(target.value):
                yield target, f"keeps state in the class {owner}"
        elif (isinstance(target, ast.Subscript) and self._is_kept(target.value, locals_)) and (
            not self._is_lazy(statement, target.value)
        ):
            yield target, f"keeps state in {ast.unparse(target.value)[:50]}"

    def _is_module(self, node: ast.expr) -> bool:
        return any(isinstance(value, v.ModuleValue) for value in self.program.values(node))

    def _is_class(self, node: ast.expr) -> bool:
        return any(isinstance(value, v.ClassValue) for value in self.program.values(node))

    def _is_kept(self, owner: ast.expr, locals_: set[str]) -> bool:
        """Whether a container outlives the call: an attribute of the service, a global."""
        root = owner
        while isinstance(root, ast.Subscript):
            root = root.value
        if isinstance(root, ast.Call):
            name = dotted(root.func)
            if name in ("vars", "globals"):
                return (
                    name == "globals" or ast.unparse(root.args[0] if root.args else root) == "self"
                )
        if isinstance(root, ast.Attribute) and root.attr == "__dict__":
            return dotted(root.value) in ("self", "cls", "self.__class__")
        if isinstance(root, ast.Name):
            if root.id in locals_:
                return any(
                    origin is not root
                    and isinstance(origin, ast.Name | ast.Attribute)
                    and self._is_kept(origin, locals_)
                    for origin in origins(self.program, root, to_module=False)
                )
            module = self.program.module_of(root)
            function = self.program.function_of(root)
            while function is not None:
                if root.id in function.stored:
                    return False
                function = function.parent
            imported = any(
                (alias.asname or alias.name) == root.id
                for statement in module.imports
                for alias in statement.names
            )
            return (root.id in module.stored or imported) and any(
                isinstance(value, v.Container) for value in self.program.values(root)
            )
        if not isinstance(root, ast.Attribute):
            return False
        owner_name = dotted(root.value)
        if owner_name.partition(".")[0] not in ("self", "cls") and not (
            self._is_class(root.value) or self._is_module(root.value)
        ):
            return False
        if _TRANSIENT.fullmatch(root.attr):
            return False
        values = self.program.values(root)
        held = [x for x in values if isinstance(x, v.Container)]
        outside = [x for x in values if isinstance(x, v.ExternalInstance | v.External)]
        return bool(held) or any("collections" in getattr(x, "dotted", "") for x in outside)

    def _is_lazy(self, statement: ast.AST, target: ast.expr) -> bool:
        """`if self._model is None: self._model = …`: made once, and the same for every intent."""
        text = ast.unparse(target)
        parent = self.program.parent(statement)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(parent, ast.If) and text in ast.unparse(parent.test):
                made = statement.value if isinstance(statement, ast.Assign) else None
                return made is not None and not _mentions_intent(made)
            parent = self.program.parent(parent)
        return False


def _mentions_intent(node: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id in ("intent", "execution_context", "context", "ctx")
        for n in ast.walk(node)
    )


def _changed(call: ast.Call) -> ast.expr | None:
    """The container that a call changes: its receiver, or its first argument."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in MUTATORS:
        return call.func.value
    return changed_by_argument(call)


def _targets(node: ast.AST) -> list[ast.expr]:
    """What a statement stores to, or deletes."""
    if isinstance(node, ast.Assign | ast.Delete):
        return node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value is not None:
        return [node.target]
    return []


def _lazily(program: Program, node: ast.AST, holder: ast.expr) -> bool:
    """`if key not in TABLE: TABLE[key] = …`: a table of what is the same for every intent."""
    text = ast.unparse(holder)
    parent = program.parent(node)
    while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(parent, ast.If) and text in ast.unparse(parent.test):
            return True
        parent = program.parent(parent)
    return False
