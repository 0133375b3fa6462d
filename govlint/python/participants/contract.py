"""What a domain service declares and returns: the participation contract (spec 003)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from govlint.python.flow import values as v
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo

_REQUIRED = ("artifacts", "events")
_ALLOWED = frozenset({"artifacts", "events", "state_changes"})
Fault = tuple[ast.AST, str]


@dataclass(frozen=True)
class _Shape:
    """The keys of a mapping, and whether those are all."""

    keys: frozenset[str]
    whole: bool


class Contract:
    """Judges the two methods of domain services."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._keys: dict[v.Value, set[object]] | None = None

    def faults(self, cls: ClassInfo) -> Iterator[Fault]:
        """What a service's two methods get wrong."""
        for name in ("handle_intent", "get_supported_intents"):
            method = self.program.find_method(cls, name)
            if method is None and name in cls.stored:
                continue  # an alias of another method
            open_method = method is not None and "abstractmethod" in method.decorators
            declared = method is None or method.cls is None or self._is_contract(method.cls)
            if (open_method or declared) and not self._has_unknown_base(cls, name):
                if not self._is_base(cls):
                    yield cls.node, f"{cls.name} has no {name}"
                continue
            if method is None or method.cls is not cls:
                continue
            if name == "handle_intent":
                yield from self._of_handler(method)
            else:
                yield from self._of_listing(method)

    def _is_contract(self, cls: ClassInfo) -> bool:
        from govlint.python.participants.services import is_contract

        return is_contract(self.program, cls)

    def _is_base(self, cls: ClassInfo) -> bool:
        """Whether a class is there to be derived from: others do, and nobody makes one."""
        bases = {dotted(base).rpartition(".")[2] for base in cls.node.bases}
        return "ABC" in bases or (
            bool(self.program.subclasses(cls)) and cls.name.startswith(("Base", "Abstract", "_"))
        )

    def _has_unknown_base(self, cls: ClassInfo, name: str) -> bool:
        """Whether a base that is not in the tree may bring the method."""
        own = self.program.bindings.participants
        from govlint.python.bindings import matches_any

        for entry in self.program.mro(cls):
            if isinstance(entry, str):
                if (
                    not entry.startswith(("builtins.", "abc.", "typing.")) and entry != "object"
                ) and (not matches_any(own, entry)):
                    return True
            elif entry.synthetic and not matches_any(own, entry.qualname):
                return True
        return False

    # -- handle_intent ------------------------------------------------------------------------

    def _of_handler(self, method: FunctionInfo) -> Iterator[Fault]:
        node = method.node
        if isinstance(node, ast.Lambda):
            return
        spec = node.args
        static = "staticmethod" in method.decorators
        given = len(spec.posonlyargs) + len(spec.args) - (not static)
        needed = given - len(spec.defaults)
        extra = [a.arg for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is None]
        if (given < 2 and spec.vararg is None and spec.kwarg is None) or needed > 2 or extra:
            yield (
                node,
                (
                    f"{method.name} takes {_signature(node)}; it is called with the intent and the "
                    "execution context"
                ),
            )
        base = self._declared(method)
        if base is not None and base.is_async and not isinstance(node, ast.AsyncFunctionDef):
            yield node, f"{method.name} is not async, as the contract declares it"
        if method.is_generator:
            yield node, f"{method.name} yields; it returns one mapping of artifacts and events"
            return
        if not _is_real(node):
            return
        returns = [n for n in own_nodes(node) if isinstance(n, ast.Return)]
        for statement in returns:
            fault = self._of_result(statement.value)
            if fault is not None:
                yield statement, f"{method.name} returns {fault}"
        if not returns and not _ends_in_raise(node):
            yield node, f"{method.name} returns nothing; it returns artifacts and events"

    def _declared(self, method: FunctionInfo) -> FunctionInfo | None:
        assert method.cls is not None
        for entry in self.program.mro(method.cls)[1:]:
            if isinstance(entry, ClassInfo) and method.name in entry.methods:
                return entry.methods[method.name]
        return None

    def _of_result(self, value: ast.expr | None) -> str | None:
        if value is None or (isinstance(value, ast.Constant) and value.value is None):
            return "nothing; it returns artifacts and events"
        if isinstance(value, ast.IfExp):
            return self._of_result(value.body) or self._of_result(value.orelse)
        if isinstance(value, ast.Constant):
            return f"{value.value!r}; it returns artifacts and events"
        if isinstance(value, ast.List | ast.Tuple | ast.Set | ast.ListComp | ast.JoinedStr):
            return "no mapping; it returns one of artifacts and events"
        shape = self._shape(value)
        if shape is None:
            return self._of_values(value)
        strange = sorted(shape.keys - _ALLOWED)
        if strange:
            return f"{', '.join(repr(k) for k in strange)} besides artifacts and events"
        missing = [key for key in _REQUIRED if key not in shape.keys]
        if missing and shape.whole:
            return f"no {' and no '.join(missing)}"
        return None

    def _of_values(self, value: ast.expr) -> str | None:
        values = self.program.values(value)
        if values and all(isinstance(x, v.Const) for x in values):
            shown = sorted(repr(x.value) for x in values if isinstance(x, v.Const))
            return f"{' or '.join(shown[:3])}; it returns artifacts and events"
        if values and all(
            isinstance(x, v.Container) and x.shape in ("list", "tuple", "set") for x in values
        ):
            return "no mapping; it returns one of artifacts and events"
        return None

    def _shape(self, value: ast.expr) -> _Shape | None:
        if isinstance(value, ast.Dict):
            keys = [k.value for k in value.keys if isinstance(k, ast.Constant)]
            whole = len(keys) == len(value.keys)
            for key, part in zip(value.keys, value.values, strict=True):
                if key is None:
                    inner = self._shape(part)
                    if inner is not None:
                        keys += sorted(inner.keys)
                        whole = inner.whole
            return _Shape(frozenset(str(key) for key in keys), whole)
        if isinstance(value, ast.Call) and dotted(value.func) == "dict" and not value.args:
            named = {k.arg for k in value.keywords}
            return _Shape(frozenset(k for k in named if k), None not in named)
        return self._shape_of_values(value)

    def _shape_of_values(self, value: ast.expr) -> _Shape | None:
        values = self.program.values(value)
        holders = [x for x in values if isinstance(x, v.Container) and x.shape == "dict"]
        if not holders or len(holders) != len(values):
            return None
        if len(holders) > 1:
            return None
        found = self._stored_keys(holders[0])
        whole = None not in found
        return _Shape(frozenset(str(k) for k in found if isinstance(k, str)), whole)

    def _stored_keys(self, holder: v.Value) -> set[object]:
        if self._keys is None:
            self._keys = {}
            for slot in self.program.flow.heap:
                if len(slot) >= 2 and isinstance(slot[0], v.Container):
                    if slot[1] == "[]" and len(slot) == 3:
                        typed = slot[2]
                        key = typed[1] if isinstance(typed, tuple) else None
                        self._keys.setdefault(slot[0], set()).add(key)
                    elif slot[1] in ("more", "scrambled") or (slot[1] == "[]" and len(slot) == 2):
                        self._keys.setdefault(slot[0], set()).add(None)
        return self._keys.get(holder, {None})

    # -- get_supported_intents -------------------------------------------------------------------

    def _of_listing(self, method: FunctionInfo) -> Iterator[Fault]:
        node = method.node
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.AsyncFunctionDef):
            yield node, f"{method.name} is async; it is called for a list"
        spec = node.args
        static = {"staticmethod"} & set(method.decorators)
        needed = len(spec.posonlyargs) + len(spec.args) - len(spec.defaults) - (not static)
        if needed > 0:
            yield node, f"{method.name} takes {_signature(node)}; it is called with nothing"
        if not _is_real(node):
            return
        if method.is_generator:
            yield node, f"{method.name} yields; it returns a list of intent types"
            return
        returns = [n for n in own_nodes(node) if isinstance(n, ast.Return)]
        for statement in returns:
            fault = self._of_list(statement.value)
            if fault is not None:
                yield statement, f"{method.name} returns {fault}; it returns a list of intent types"
        if not returns and not _ends_in_raise(node):
            yield node, f"{method.name} returns nothing; it returns a list of intent types"

    def _of_list(self, value: ast.expr | None) -> str | None:
        if value is None:
            return "nothing"
        if isinstance(value, ast.Constant):
            return repr(value.value)
        if isinstance(value, ast.Dict | ast.DictComp | ast.JoinedStr):
            return "no list"
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            strange = [
                e
                for e in value.elts
                if isinstance(e, ast.Constant) and not isinstance(e.value, str)
            ]
            return f"{ast.unparse(strange[0])} among them" if strange else None
        values = self.program.values(value)
        if values and all(isinstance(x, v.Const) for x in values):
            return " or ".join(sorted(repr(x.value) for x in values if isinstance(x, v.Const))[:3])
        if values and all(isinstance(x, v.Container) and x.shape == "dict" for x in values):
            return "no list"
        return None


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"({ast.unparse(node.args)})"


def _is_real(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether there is a body to judge: more than a docstring and `...`."""
    return not all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in node.body)


def _ends_in_raise(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return isinstance(node.body[-1], ast.Raise)
