"""Transitions that a program states as data, or hands to a function that makes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.flow import values as v
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace

Pair = tuple[ast.AST, str, str]  # where, from, to

_TABLE = re.compile(
    r"transition|next|machine|edges|graph|allowed|successor|flow|moves", re.IGNORECASE
)
_REFUSED = re.compile(
    r"forbid|illegal|invalid|disallow|denied|block|bad|wrong|reject|refuse|unreachable|impossible|not_",
    re.IGNORECASE,
)
_MAKES = re.compile(r"transition|advance|move|change|switch|shift|step", re.IGNORECASE)
_ASKS = re.compile(
    r"^_*(can|is|may|has|check|valid|assert|ensure|allow|require|verify|test|should|could|would)"
    r"|error|exception|illegal|invalid|forbid|log|event|audit",
    re.IGNORECASE,
)
_FROM = frozenset(
    "from_ from_state from_status old old_state old_status source src before current previous "
    "expected frm".split()
)
_TO = frozenset(
    "to to_state to_status new new_state new_status target dst after next destination".split()
)
_KEYS = frozenset({"from", "source", "dest", "trigger", "name", *_FROM, *_TO})


class TransitionTables:
    """Reads the pairs of states out of tables and calls."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.program: Program = space.program
        self.transitions = frozenset(self.program.bindings.job_transitions)

    def illegal(self) -> Iterator[Pair]:
        """The pairs that the machine does not have."""
        for module in self.program.modules.values():
            if module.is_test:
                continue
            for node in nodes_of(module, ast.Assign, ast.AnnAssign, ast.Call):
                for place, before, after in self._pairs(node):
                    if before != after and (before, after) not in self.transitions:
                        yield place, before, after

    def _pairs(self, node: ast.AST) -> Iterator[Pair]:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from self._assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from self._assigned(node.target, node.value)
        elif isinstance(node, ast.Call):
            yield from self._called(node)

    def _assigned(self, target: ast.expr, value: ast.expr) -> Iterator[Pair]:
        if isinstance(target, ast.Subscript):
            if self._is_table(_name(target.value)):
                yield from self._row(target.slice, value)
        elif self._is_table(_name(target)) and self._is_of_jobs(_name(target), value):
            yield from self._table(value)

    @staticmethod
    def _is_table(name: str) -> bool:
        return _TABLE.search(name) is not None and _REFUSED.search(name) is None

    def _is_of_jobs(self, name: str, value: ast.expr) -> bool:
        """Whether a table of strings is about jobs: by its name, or by every word in it."""
        if "job" in name.lower():
            return True
        words = [
            node.value
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        return (
            not words
            or all(self.space.canonical(word) is not None or word in _KEYS for word in words)
            or any(
                self.space.is_class(node) for node in ast.walk(value) if isinstance(node, ast.expr)
            )
        )

    def _table(self, value: ast.expr) -> Iterator[Pair]:
        if isinstance(value, ast.Call) and value.args:
            last = _name(value.func)
            if last in (
                "frozenset",
                "set",
                "tuple",
                "list",
                "dict",
                "MappingProxyType",
                "OrderedDict",
            ):
                yield from self._table(value.args[0])
            elif last == "defaultdict" and len(value.args) > 1:
                yield from self._table(value.args[1])
        elif isinstance(value, ast.Dict):
            for key, part in zip(value.keys, value.values, strict=True):
                if key is None:
                    yield from self._table(part)
                elif isinstance(key, ast.Tuple) and len(key.elts) == 2:
                    yield from self._pair(key)
                else:
                    yield from self._row(key, part)
        elif isinstance(value, ast.Set | ast.List | ast.Tuple):
            for part in value.elts:
                if isinstance(part, ast.Tuple | ast.List) and len(part.elts) == 2:
                    first, second = part.elts
                    if isinstance(second, ast.Tuple | ast.List | ast.Set):
                        yield from self._row(first, second)
                    else:
                        yield from self._pair(part)
                elif isinstance(part, ast.Dict):
                    yield from self._named(part)
                elif isinstance(part, ast.Call):
                    yield from self._arguments(part)
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
            yield from self._table(value.left)
            yield from self._table(value.right)
        elif isinstance(value, ast.DictComp | ast.SetComp):
            return

    def _named(self, row: ast.Dict) -> Iterator[Pair]:
        """`{"source": …, "dest": …}` as state machine libraries have it."""
        before: ast.expr | None = None
        after: ast.expr | None = None
        for key, value in zip(row.keys, row.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                if key.value in ("from", "source", *_FROM):
                    before = value
                elif key.value in ("dest", *_TO):
                    after = value
        if before is not None and after is not None:
            yield from self._row(before, after)

    def _row(self, before: ast.expr, after: ast.expr) -> Iterator[Pair]:
        parts = [after]
        if isinstance(after, ast.Call) and after.args:
            after = after.args[0]
        if isinstance(after, ast.Set | ast.List | ast.Tuple):
            parts = list(after.elts)
        for part in parts:
            for source in self.single(before):
                for state in self.single(part):
                    yield part, source, state

    def _pair(self, pair: ast.Tuple | ast.List) -> Iterator[Pair]:
        yield from self._row(pair.elts[0], pair.elts[1])

    def single(self, expression: ast.expr) -> list[str]:
        """The states an expression is, where all of its values are known states."""
        states = self.space.states(expression)
        if states == {None}:
            flow = self.program.flow
            held = flow.elements(
                frozenset(x for x in self.program.values(expression) if isinstance(x, v.Container))
            )
            found: set[str] = set()
            for value in held:
                name = self.space.member_name(value) or (
                    value.value if isinstance(value, v.Const) else None
                )
                legal = self.space.canonical(name)
                if legal is None:
                    return []
                found.add(legal)
            return sorted(found)
        return [] if None in states else sorted(s for s in states if s)

    def _called(self, call: ast.Call) -> Iterator[Pair]:
        name = _name(call.func)
        if isinstance(call.func, ast.Attribute) and name in ("add", "append", "update", "extend"):
            if self._is_table(_name(call.func.value)) and call.args:
                argument = call.args[0]
                if name in ("add", "append") and isinstance(argument, ast.Tuple):
                    if len(argument.elts) == 2:
                        yield from self._pair(argument)
                else:
                    yield from self._table(argument)
            elif name in ("add", "append") and isinstance(call.func.value, ast.Subscript):
                table = call.func.value
                if self._is_table(_name(table.value)) and call.args:
                    yield from self._row(table.slice, call.args[0])
            return
        if _MAKES.search(name) is None or _ASKS.search(name) is not None or name[:1].isupper():
            return
        yield from self._arguments(call)

    def _arguments(self, call: ast.Call) -> Iterator[Pair]:
        before: ast.expr | None = None
        after: ast.expr | None = None
        for keyword in call.keywords:
            if keyword.arg in _FROM:
                before = keyword.value
            elif keyword.arg in _TO:
                after = keyword.value
        states = [argument for argument in call.args if self._is_state(argument)]
        if before is None and after is None and len(states) == 2:
            before, after = states
        elif before is None and after is not None and len(states) == 1:
            before = states[0]
        elif after is None and before is not None and len(states) == 1:
            after = states[0]
        if before is not None and after is not None:
            for _, source, state in self._row(before, after):
                yield call, source, state

    def _is_state(self, expression: ast.expr) -> bool:
        values = self.program.values(expression)
        if values and all(self.space.is_member_value(x) for x in values):
            return True
        return isinstance(expression, ast.Constant) and (
            isinstance(expression.value, str)
            and expression.value.isupper()
            and self.space.canonical(expression.value) is not None
        )


def _name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
