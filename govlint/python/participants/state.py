"""State that a domain service keeps or reaches by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.flow import values as v
from govlint.python.participants.services import is_context, is_surface
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

_MAKING = frozenset({"__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__"})
_MUTATORS = frozenset(
    [
        "append",
        "add",
        "extend",
        "update",
        "insert",
        "setdefault",
        "pop",
        "popitem",
        "clear",
        "remove",
        "discard",
        "appendleft",
        "popleft",
        "move_to_end",
    ]
)
_TRANSIENT = re.compile(r"_*(?:log|logger|tracer|span)\w*")
Use = tuple[ast.AST, str]


class StateUses:
    """Finds the uses of state in the methods of services."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def of(self, method: FunctionInfo) -> Iterator[Use]:
        """Each place in a method where state is reached past the context."""
        making = method.name in _MAKING
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
            if function.attr in _MUTATORS and not making and self._is_kept(owner, locals_):
                yield call, f"keeps state in {ast.unparse(owner)[:50]}"
                return
        if (
            not making and dotted(function) in ("setattr", "object.__setattr__") and call.args
        ) and (dotted(call.args[0]) in ("self", "cls", "type(self)")):
            yield call, "keeps state in itself"

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
            if owner in ("self", "cls", "self.__class__") and not self._is_lazy(statement, target):
                yield target, f"keeps state in {owner}.{target.attr}"
            elif isinstance(target.value, ast.Call) and dotted(target.value.func) == "type":
                yield target, f"keeps state in its class ({target.attr})"
            elif owner and owner not in locals_ and self._is_class(target.value):
                yield target, f"keeps state in the class {owner}"
        elif (isinstance(target, ast.Subscript) and self._is_kept(target.value, locals_)) and (
            not self._is_lazy(statement, target.value)
        ):
            yield target, f"keeps state in {ast.unparse(target.value)[:50]}"

    def _is_class(self, node: ast.expr) -> bool:
        return any(isinstance(value, v.ClassValue) for value in self.program.values(node))

    def _is_kept(self, owner: ast.expr, locals_: set[str]) -> bool:
        """Whether a container outlives the call: an attribute of the service, a global."""
        root = owner
        while isinstance(root, ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name):
            if root.id in locals_:
                return False
            module = self.program.module_of(root)
            function = self.program.function_of(root)
            while function is not None:
                if root.id in function.stored:
                    return False
                function = function.parent
            return root.id in module.stored and any(
                isinstance(value, v.Container) for value in self.program.values(root)
            )
        if not isinstance(root, ast.Attribute):
            return False
        owner_name = dotted(root.value)
        if owner_name not in ("self", "cls", "self.__class__") and not self._is_class(root.value):
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
