"""What a domain service declares and returns: the participation contract (spec 003)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from govlint.python.bindings import matches_any
from govlint.python.flow import values as v
from govlint.python.gate.frames import own_nodes
from govlint.python.node_index import nodes_of
from govlint.python.participants.services import CONTRACT, is_contract, is_open
from govlint.python.paths import cfg
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo

_REQUIRED = ("artifacts", "events")
_KINDS = {"artifacts": "mapping", "events": "list", "state_changes": "list"}
_ALLOWED = frozenset(_KINDS)
# what these give is a text, a number or a list, whatever they are given
_TEXT_METHODS = frozenset(
    """upper lower strip lstrip rstrip title capitalize format join encode decode isoformat
    hexdigest splitlines""".split()
)
_BUILTINS = frozenset("str repr int float bool len list tuple set sorted sum json.dumps".split())
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
        for name in CONTRACT:
            method = self.program.find_method(cls, name)
            bound = self._bound(cls, name)
            if bound is not None:  # an alias of another method, or something else altogether
                if _is_no_method(bound):
                    yield bound, f"{cls.name}.{name} is {ast.unparse(bound)[:40]}, and no method"
                continue
            open_method = method is not None and is_open(method)
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
        return is_contract(self.program, cls)

    def _bound(self, cls: ClassInfo, name: str) -> ast.expr | None:
        """What a class statement binds to a method's name by assignment, before any `def`."""
        for entry in self.program.mro(cls):
            if not isinstance(entry, ClassInfo) or name in entry.methods:
                return None
            for statement in entry.node.body:
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                if isinstance(statement, ast.AnnAssign):
                    targets = [statement.target]
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    value: ast.expr | None = getattr(statement, "value", None)
                    return value
        return None

    def _is_base(self, cls: ClassInfo) -> bool:
        """Whether a class is there to be derived from: others do, and nobody makes one."""
        bases = {dotted(base).rpartition(".")[2] for base in cls.node.bases}
        if "ABC" in bases or any(is_open(method) for method in cls.methods.values()):
            return True
        return bool(self.program.subclasses(cls)) and not any(
            dotted(call.func).rpartition(".")[2] == cls.name
            for module in list(self.program.modules.values())
            if not module.is_test
            for call in nodes_of(module, ast.Call)
            if isinstance(call, ast.Call)
        )

    def _has_unknown_base(self, cls: ClassInfo, name: str) -> bool:
        """Whether a base that is not in the tree may bring the method."""
        own = self.program.bindings.participants
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
        if self._falls_off(node):
            what = "can end without a return" if returns else "returns nothing"
            yield node, f"{method.name} {what}; it returns artifacts and events"

    def _falls_off(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether some path through a function ends behind its last statement."""

        def goes_on(call: ast.Call) -> bool:
            callees = self.program.callees(call)
            return not callees or not all(
                not isinstance(c.node, ast.Lambda) and _ends_in_raise(c.node) for c in callees
            )

        graph = cfg.build(node.body, returns=goes_on)
        reached, stack = {graph.entry}, [graph.entry]
        while stack:
            current = stack.pop()
            if current.kind == "return":
                continue
            for following in (*current.after, *current.raises):
                if following is graph.exit and following in current.after:
                    return True
                if following not in reached:
                    reached.add(following)
                    stack.append(following)
        return False

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
        if isinstance(value, ast.Compare) or _is_plain_call(value):
            return "no mapping; it returns one of artifacts and events"
        shape = self._shape(value)
        if shape is None:
            return self._of_values(value)
        wrong = self._wrong_parts(value)
        if wrong is not None:
            return wrong
        strange = sorted(shape.keys - _ALLOWED)
        if strange:
            return f"{', '.join(repr(k) for k in strange)} besides artifacts and events"
        missing = [key for key in _REQUIRED if key not in shape.keys]
        if missing and shape.whole:
            return f"no {' and no '.join(missing)}"
        return None

    @staticmethod
    def _wrong_parts(value: ast.expr) -> str | None:
        """`{"artifacts": {}, "events": None}`: a part that is not what the contract says."""
        pairs: list[tuple[object, ast.expr]] = []
        if isinstance(value, ast.Dict):
            pairs = [
                (key.value, part)
                for key, part in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        elif isinstance(value, ast.Call):
            pairs = [(k.arg, k.value) for k in value.keywords]
        for key, part in pairs:
            mapping = isinstance(part, ast.Dict | ast.DictComp)
            if key in _ALLOWED and (
                isinstance(part, ast.Constant | ast.JoinedStr) or (mapping and key != "artifacts")
            ):
                return f"{ast.unparse(part)[:30]} for {key}; it is a {_KINDS[str(key)]}"
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
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
            left, right = self._shape(value.left), self._shape(value.right)
            if left is None or right is None:
                return None
            return _Shape(left.keys | right.keys, left.whole and right.whole)
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
        if any(d.rpartition(".")[2].endswith("property") for d in method.decorators):
            yield node, f"{method.name} is a property; it is called for a list"
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
        if self._falls_off(node):
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


def _is_no_method(value: ast.expr) -> bool:
    """Whether something that stands where a method is due can be seen not to be one."""
    return isinstance(
        value,
        ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.ListComp | ast.JoinedStr,
    )


def _is_plain_call(value: ast.expr) -> bool:
    """Whether a call gives a text, a number or a list by what is called."""
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Attribute) and value.func.attr in _TEXT_METHODS:
        return True
    return dotted(value.func) in _BUILTINS


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"({ast.unparse(node.args)})"


def _is_real(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether there is a body to judge: more than a docstring and `...`."""
    return not all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in node.body)


def _ends_in_raise(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return isinstance(node.body[-1], ast.Raise)
