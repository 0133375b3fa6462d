"""What an expression of a gate can be, from its text and the names bound so far."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.vacuity import domain as d
from govlint.python.vacuity.domain import UNKNOWN, Val

_REFUSAL = re.compile(
    r"deny|denied|den(?:y|ies)|reject|fail|block|refus|invalid|forbid|error|quarantin|false|no\b|"
    r"cannot|unknown|wrong|missing|exceed|timeout|unauthori|not_|bad|unsafe|unsupported",
    re.IGNORECASE,
)
_INF = math.inf
# calls that give no verdict and raise for no input a gate could be given
_HARMLESS = re.compile(
    r"(?:^|\.)(?:print|log|debug|info|warn|warning|error|exception|critical|append|add|get|items|"
    r"keys|values|lower|upper|strip|split|join|format|copy|isinstance|issubclass|hasattr|getattr|"
    r"len|str|repr|bool|list|dict|set|tuple|sorted|sum|min|max|abs|round|range|enumerate|zip|any|"
    r"all|map|filter|time|monotonic|perf_counter|now|utcnow|sleep|type|id|hash|random|uniform|"
    r"uuid4|increment|observe|timing|gauge|inc|startswith|endswith|callable|iter|super|"
    r"frozenset|deepcopy|isdigit|isoformat|discard|clear|extend|setdefault|update|count|replace)$"
)
_LOGGERS = re.compile(r"(?:^|[._])(?:log|logger|logging|warnings|metrics|stats|audit)\b", re.I)
Resolver = Callable[[ast.Call], "Answer | None"]


@dataclass
class Answer:
    """What calling a function of the project gives: its answers, and whether it can raise."""

    value: Val = UNKNOWN
    raises: bool = True
    none_only: bool = False


@dataclass
class Notes:
    """What was met on the way: why a gate cannot fail is said from these."""

    reasons: list[tuple[str, ast.AST]] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    effects: bool = False


class Expressions:
    """Evaluates expressions of one function under an environment of local names."""

    def __init__(
        self,
        constant: Callable[[str], ast.expr | None],
        resolve: Resolver,
        notes: Notes,
        bounded: Callable[[str], bool],
    ) -> None:
        self.constant = constant
        self.resolve = resolve
        self.notes = notes
        self.bounded = bounded  # names of quantities that are never negative
        self.env: dict[str, Val] = {}
        self.parameters: set[str] = set()
        self._folding: set[str] = set()

    def value(self, node: ast.expr | None) -> Val:
        """What `node` can be."""
        if node is None:
            return d.NONE
        if isinstance(node, ast.Constant):
            return d.const(node.value)
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is not None:
            found: Val = method(node)
            return found
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return UNKNOWN

    def truth(self, node: ast.expr) -> bool | None:
        """What `node` is as a condition."""
        return self.value(node).truth

    # -- names ------------------------------------------------------------------------------

    def _name(self, node: ast.Name) -> Val:
        if node.id in self.env:
            return self.env[node.id]
        constant = self.constant(node.id)
        if constant is not None and node.id not in self._folding:
            self._folding.add(node.id)
            kept, self.env = self.env, {}
            found = self.value(constant)
            self.env = kept
            self._folding.discard(node.id)
            return found
        if self.bounded(node.id):
            return Val(low=0.0)
        return UNKNOWN

    def _attribute(self, node: ast.Attribute) -> Val:
        text = dotted(node)
        first, _, rest = text.partition(".")
        if text and text in self.env:
            return self.env[text]
        if rest and first[:1].isupper() and first not in self.env and not first.isupper():
            last = rest.rpartition(".")[2]
            if last.isupper() or last[:1].isupper():
                return d.word(text, bool(_REFUSAL.search(last)))
        if first in ("self", "cls") and self.constant(text) is not None:
            return self.value(self.constant(text))
        self.value(node.value)
        if text in ("math.inf",):
            return d.between(_INF, _INF)
        if self.bounded(node.attr):
            return Val(low=0.0)
        return UNKNOWN

    def _subscript(self, node: ast.Subscript) -> Val:
        self.value(node.value)
        self.value(node.slice)
        self.notes.raised.add("LookupError")
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return Val(low=0.0) if self.bounded(node.slice.value) else UNKNOWN
        return UNKNOWN

    def _namedexpr(self, node: ast.NamedExpr) -> Val:
        found = self.value(node.value)
        self.env[node.target.id] = found
        return found

    def _await(self, node: ast.Await) -> Val:
        return self.value(node.value)

    def _starred(self, node: ast.Starred) -> Val:
        self.value(node.value)
        return UNKNOWN

    def _lambda(self, node: ast.Lambda) -> Val:
        return d.truthy(True)

    # -- operators ----------------------------------------------------------------------------

    def _unaryop(self, node: ast.UnaryOp) -> Val:
        inner = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return d.of_truth(None if inner.truth is None else not inner.truth)
        if isinstance(node.op, ast.USub) and (inner.is_bounded or inner.is_literal):
            return d.arithmetic(ast.Sub(), d.const(0), inner)
        return UNKNOWN

    def _binop(self, node: ast.BinOp) -> Val:
        a, b = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.BitOr | ast.BitAnd):
            wins = isinstance(node.op, ast.BitOr)
            for side in (a, b):
                if side.is_literal and isinstance(side.const, bool) and side.const is wins:
                    self.notes.reasons.append(("short", node))
                    return side
            return UNKNOWN
        if (
            isinstance(node.op, ast.Mult)
            and ast.dump(node.left) == ast.dump(node.right)
            and not a.is_literal
        ):
            return d.between(0, _INF)
        if isinstance(node.op, ast.Mult) and any(x.is_literal and x.const == 0 for x in (a, b)):
            return d.const(0)
        if isinstance(node.op, ast.Sub) and ast.dump(node.left) == ast.dump(node.right):
            return d.const(0)
        return d.arithmetic(node.op, a, b)

    def _boolop(self, node: ast.BoolOp) -> Val:
        wins = isinstance(node.op, ast.Or)
        known: list[bool | None] = []
        found: Val | None = None
        for part in node.values:
            one = self.value(part)
            known.append(one.truth)
            if one.truth is wins:
                if len(known) > 1 and None in known and one.is_const:
                    self.notes.reasons.append(("short", node))
                return one if None not in known else d.truthy(wins)
            found = one if found is None else d.join(found, one)
            if _is_opposite(node, part):
                self.notes.reasons.append(("short", node))
                return d.truthy(wins)
        if all(truth is (not wins) for truth in known):
            return self.value(node.values[-1])
        return Val(truth=None)

    def _ifexp(self, node: ast.IfExp) -> Val:
        test = self.truth(node.test)
        if test is not None:
            return self.value(node.body if test else node.orelse)
        return d.join(self.value(node.body), self.value(node.orelse))

    def _compare(self, node: ast.Compare) -> Val:
        left = node.left
        answer: bool | None = True
        for operator, right in zip(node.ops, node.comparators, strict=True):
            one = self._one_comparison(operator, left, right)
            if one is False:
                return d.const(False)
            if one is None:
                answer = None
            left = right
        if answer is True:
            self.notes.reasons.append(("threshold", node))
        return d.of_truth(answer)

    def _one_comparison(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> bool | None:
        a, b = self.value(left), self.value(right)
        same = ast.dump(left) == ast.dump(right) and not any(
            isinstance(n, ast.Call | ast.Await) for n in walk(left)
        )
        if same and not a.is_literal:
            if isinstance(operator, ast.Eq | ast.GtE | ast.LtE | ast.Is):
                return True
            if isinstance(operator, ast.NotEq | ast.Gt | ast.Lt | ast.IsNot):
                return False
        if isinstance(operator, ast.In | ast.NotIn):
            return self._membership(operator, left, right)
        return d.compare(operator, a, b)

    def _membership(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> bool | None:
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            if any(ast.dump(left) == ast.dump(element) for element in right.elts):
                return isinstance(operator, ast.In)
            kinds = {e.value for e in right.elts if isinstance(e, ast.Constant)}
            if self._is_bool(left) and kinds >= {True, False}:
                return isinstance(operator, ast.In)
        return None

    @staticmethod
    def _is_bool(node: ast.expr) -> bool:
        return isinstance(node, ast.Compare) or (
            isinstance(node, ast.Call) and dotted(node.func) in ("bool", "isinstance", "any", "all")
        )

    # -- displays ---------------------------------------------------------------------------------

    def _tuple(self, node: ast.Tuple) -> Val:
        return self._display(node.elts, "tuple")

    def _list(self, node: ast.List) -> Val:
        return self._display(node.elts, "list")

    def _set(self, node: ast.Set) -> Val:
        return self._display(node.elts, "set")

    def _dict(self, node: ast.Dict) -> Val:
        found = self._display(node.values, "dict")
        if not found.word:
            return found
        keys = [ast.unparse(key) if key is not None else "**" for key in node.keys]
        return d.word(f"{keys}{found.word}", found.refuses)

    def _display(self, elements: Sequence[ast.expr], kind: str) -> Val:
        values = [self.value(element) for element in elements]
        if not elements:
            empty: dict[str, object] = {"tuple": (), "list": [], "set": set(), "dict": {}}
            return (
                Val(truth=False, word=f"empty {kind}") if kind != "tuple" else d.const(empty[kind])
            )
        if all(value.is_const for value in values):
            return self._built(kind, values)
        return d.truthy(True)

    @staticmethod
    def _built(kind: str, values: Sequence[Val]) -> Val:
        refuses = any(
            value.refuses or (value.is_literal and value.const is False) for value in values
        )
        shown = [value.word or repr(value.const) for value in values]
        return d.word(f"{kind}({', '.join(shown)})", refuses)

    def _joinedstr(self, node: ast.JoinedStr) -> Val:
        solid = False
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.value(part.value)
            elif isinstance(part, ast.Constant) and part.value:
                solid = True
        return d.truthy(True) if solid else UNKNOWN

    # -- calls ----------------------------------------------------------------

    def _call(self, node: ast.Call) -> Val:
        values = [self.value(argument) for argument in node.args]
        named = {k.arg: self.value(k.value) for k in node.keywords}
        name = dotted(node.func)
        builtin = getattr(self, f"_call_{name}", None) if name and "." not in name else None
        if builtin is not None and name not in self.env:
            found: Val = builtin(node, values)
            return found
        if isinstance(node.func, ast.Attribute):
            self.value(node.func.value)
            receiver = node.func.value
            if isinstance(receiver, ast.Name) and receiver.id in self.env:
                self._mutated(receiver.id, node.func.attr)
        answer = self.resolve(node)
        if answer is not None:
            if answer.raises:
                self.notes.raised.add("?")
            return answer.value
        last = name.rpartition(".")[2] or getattr(node.func, "attr", "")
        if last[:1].isupper() and not last.isupper():
            return self._constructed(last, values, named)
        if not (_HARMLESS.search(name or last) or _LOGGERS.search(name)):
            self.notes.raised.add("?")
        elif isinstance(node.func, ast.Attribute) and not _LOGGERS.search(name):
            self._perhaps_effect(node.func)
        return UNKNOWN

    def _mutated(self, name: str, method: str) -> None:
        if method in ("append", "add", "extend", "update", "insert", "setdefault", "pop", "clear"):
            self.env[name] = UNKNOWN

    def _perhaps_effect(self, function: ast.Attribute) -> None:
        """`errors.append(…)` on an object that outlives the call is how some gates answer."""
        if function.attr not in ("append", "add", "extend", "update", "setdefault", "discard"):
            return
        root: ast.expr = function.value
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name) and (root.id in self.parameters or root.id not in self.env):
            self.notes.effects = True

    def _constructed(self, name: str, values: Sequence[Val], named: dict[str | None, Val]) -> Val:
        parts = [*values, *named.values()]
        if name.endswith(("Error", "Exception", "Warning")):
            return d.word(name, True)
        if all(part.is_const for part in parts):
            keys = ",".join(str(key) for key in named)
            built = self._built(f"{name}[{keys}]", parts)
            return d.word(built.word, built.refuses or bool(_REFUSAL.search(name)))
        verdicts = [
            value
            for key, value in named.items()
            if key in ("valid", "is_valid", "ok", "passed", "allowed", "success", "approved")
        ]
        if verdicts and all(v.is_literal and v.const is True for v in verdicts):
            harmless = [
                value
                for key, value in named.items()
                if key in ("errors", "reasons", "violations", "issues", "failures")
            ]
            if all(value.truth is False for value in harmless):
                return d.word(f"{name} that passes")
        self.notes.raised.add("?")
        return d.truthy(True)

    def _call_len(self, node: ast.Call, values: Sequence[Val]) -> Val:
        if len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple | ast.Dict):
            inner = node.args[0]
            size = len(inner.keys) if isinstance(inner, ast.Dict) else len(inner.elts)
            if not any(isinstance(n, ast.Starred) for n in walk(inner)):
                return d.const(size)
        if values and values[0].word.startswith("empty "):
            return d.const(0)
        return d.between(0, _INF)

    def _call_abs(self, node: ast.Call, values: Sequence[Val]) -> Val:
        if values and values[0].is_literal and isinstance(values[0].const, int | float):
            return d.const(abs(values[0].const))
        return d.between(0, _INF)

    def _call_max(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._extreme(node, values, max)

    def _call_min(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._extreme(node, values, min)

    @staticmethod
    def _extreme(node: ast.Call, values: Sequence[Val], pick: Callable[..., float]) -> Val:
        starred = any(isinstance(a, ast.Starred) for a in node.args)
        if len(values) < 2:
            return UNKNOWN
        low, high = pick(v.low for v in values), pick(v.high for v in values)
        if starred:
            low, high = (low, _INF) if pick is max else (-_INF, high)
        return d.between(low, high) if low > -_INF or high < _INF else UNKNOWN

    def _call_bool(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return d.of_truth(values[0].truth) if values else d.const(False)

    def _call_all(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._quantified(node, True)

    def _call_any(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._quantified(node, False)

    def _quantified(self, node: ast.Call, empty: bool) -> Val:
        if len(node.args) != 1:
            return UNKNOWN
        argument = node.args[0]
        if isinstance(argument, ast.List | ast.Tuple | ast.Set):
            truths = [self.truth(element) for element in argument.elts]
            if any(isinstance(element, ast.Starred) for element in argument.elts):
                truths.append(None)
            if (not empty) in truths:
                self.notes.reasons.append(("threshold", node))
                return d.const(not empty)
            return d.of_truth(empty if all(t is empty for t in truths) else None)
        if isinstance(argument, ast.GeneratorExp | ast.ListComp):
            over = self.value(argument.generators[0].iter)
            if over.truth is False or (over.word.startswith("empty ")):
                self.notes.reasons.append(("empty", node))
                return d.const(empty)
            if self._element(argument) is empty:
                self.notes.reasons.append(("threshold", node))
                return d.const(empty)
            return UNKNOWN
        if self.value(argument).word.startswith("empty "):
            self.notes.reasons.append(("empty", node))
            return d.const(empty)
        return UNKNOWN

    def _element(self, node: ast.GeneratorExp | ast.ListComp) -> bool | None:
        kept = dict(self.env)
        for generator in node.generators:
            for name in walk(generator.target):
                if isinstance(name, ast.Name):
                    self.env[name.id] = UNKNOWN
            for test in generator.ifs:
                self.value(test)
        found = self.truth(node.elt)
        self.env = kept
        return found

    def _comprehended(self, node: ast.expr) -> Val:
        generators: list[ast.comprehension] = getattr(node, "generators", [])
        kept = dict(self.env)
        never = False
        for generator in generators:
            over = self.value(generator.iter)
            never = never or over.word.startswith("empty ")
            for name in walk(generator.target):
                if isinstance(name, ast.Name):
                    self.env[name.id] = UNKNOWN
            never = never or any(self.truth(test) is False for test in generator.ifs)
        if never:
            self.env = kept
            return Val(truth=False, word="empty list")
        for part in ("elt", "key", "value"):
            inner = getattr(node, part, None)
            if isinstance(inner, ast.expr):
                self.value(inner)
        self.env = kept
        return UNKNOWN

    def _listcomp(self, node: ast.ListComp) -> Val:
        return self._comprehended(node)

    def _setcomp(self, node: ast.SetComp) -> Val:
        return self._comprehended(node)

    def _dictcomp(self, node: ast.DictComp) -> Val:
        return self._comprehended(node)

    def _generatorexp(self, node: ast.GeneratorExp) -> Val:
        return self._comprehended(node)

    def _call_sum(self, node: ast.Call, values: Sequence[Val]) -> Val:
        if node.args and isinstance(node.args[0], ast.GeneratorExp | ast.ListComp):
            kept = dict(self.env)
            inner = node.args[0]
            for generator in inner.generators:
                for name in walk(generator.target):
                    if isinstance(name, ast.Name):
                        self.env[name.id] = UNKNOWN
            one = self.value(inner.elt)
            self.env = kept
            if one.low >= 0:
                return d.between(0, _INF)
        return UNKNOWN

    def _call_isinstance(self, node: ast.Call, values: Sequence[Val]) -> Val:
        if len(node.args) == 2 and dotted(node.args[1]) == "object":
            self.notes.reasons.append(("threshold", node))
            return d.const(True)
        return UNKNOWN

    def _call_float(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._number(node, values, float)

    def _call_int(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return self._number(node, values, int)

    def _call_round(self, node: ast.Call, values: Sequence[Val]) -> Val:
        if values and values[0].is_bounded:
            return d.between(
                math.floor(values[0].low) if values[0].low > -_INF else -_INF,
                math.ceil(values[0].high) if values[0].high < _INF else _INF,
            )
        return UNKNOWN

    def _number(self, node: ast.Call, values: Sequence[Val], kind: Callable[..., float]) -> Val:
        if values and values[0].is_literal and isinstance(values[0].const, str | int | float):
            try:
                return d.const(kind(values[0].const))
            except (ValueError, OverflowError):
                return UNKNOWN
        if values and values[0].is_bounded:
            return values[0]
        self.notes.raised.add("ValueError")
        return UNKNOWN

    def _call_str(self, node: ast.Call, values: Sequence[Val]) -> Val:
        return UNKNOWN


def _is_opposite(node: ast.BoolOp, last: ast.expr) -> bool:
    """`x or not x`: one of the two holds whatever `x` is."""
    for part in node.values:
        if part is last:
            return False
        for one, other in ((part, last), (last, part)):
            if (
                isinstance(one, ast.UnaryOp)
                and isinstance(one.op, ast.Not)
                and ast.dump(one.operand) == ast.dump(other)
            ):
                return True
            if (
                isinstance(one, ast.Compare)
                and isinstance(other, ast.Compare)
                and len(one.ops) == len(other.ops) == 1
                and ast.dump(one.left) == ast.dump(other.left)
                and ast.dump(one.comparators[0]) == ast.dump(other.comparators[0])
                and {type(one.ops[0]), type(other.ops[0])} in _OPPOSITES
            ):
                return True
    return False


_OPPOSITES: tuple[set[type[ast.cmpop]], ...] = (
    {ast.Is, ast.IsNot}, {ast.Eq, ast.NotEq}, {ast.In, ast.NotIn},
    {ast.Lt, ast.GtE}, {ast.Gt, ast.LtE}, {ast.LtE, ast.GtE},
)  # fmt: skip
