"""Questions about all paths of a control-flow graph: is there one without the event?

"On every path" is asked as its opposite, a search for a path that reaches a goal and
misses the event; what is found is the witness that a finding shows.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from govlint.python.paths.cfg import Graph, Node
from govlint.python.paths.static import dotted, truth

# What is known of local names on a path. A value is the set of what it may be: N for
# None, F for false but not None, T for true; behind a `|` may stand a word of the caller's.
Facts = frozenset[tuple[str, str]]
State = tuple[Node, Facts]
NOTHING: Facts = frozenset()

# names in `Facts` that no variable has: where the exception under way came from
# ("explicit": a `raise` of this block, "implicit": something that it calls)
IN_FLIGHT = "!"

_ANY = "NFT"
_ABSORBING = {"append", "add", "update", "extend", "insert", "setdefault", "appendleft"}


class Pass(enum.Enum):
    """What a node means to a path that meets it."""

    ON = "on"  # nothing: the path goes on
    STOP = "stop"  # the event, whether the node completes or raises
    DONE = "done"  # the event if the node completes; where it raises the path goes on


@dataclass(slots=True)
class Search:
    """Look for paths of `graph` on which `event` never happens.

    Local names are followed along each path as far as conditions ask about them, so that
    `if error is None:` after a handler which set `error` is not taken for a way past it.
    `may_raise` says of a node whether its exception is to be considered, `catches` whether
    an exception of a node can arrive at a handler, `classify` gives facts of the caller's
    for what is assigned, `forgets` the names of which a node makes them untrue, `also` names
    to follow though no condition asks about them.
    """

    graph: Graph
    event: Callable[[Node, Facts], Pass] = lambda node, facts: Pass.ON
    may_raise: Callable[[Node], bool] = lambda node: True
    catches: Callable[[Node, ast.ExceptHandler], bool] = lambda node, handler: True
    classify: Callable[[ast.expr, Facts], str | None] = lambda value, facts: None
    forgets: Callable[[Node, Facts], Iterable[str]] = lambda node, facts: ()
    also: frozenset[str] = frozenset()
    limit: int = 20_000
    _names: frozenset[str] | None = field(default=None, init=False)

    def path(
        self, goal: Callable[[Node, Facts], bool], start: Sequence[State] | None = None
    ) -> list[Node] | None:
        """The nodes of a shortest path to a goal, or None where there is none."""
        return next(self.paths(goal, start), None)

    def paths(
        self, goal: Callable[[Node, Facts], bool], start: Sequence[State] | None = None
    ) -> Iterator[list[Node]]:
        """A shortest path to each goal node; from the entry, if no `start` is given."""
        origin: dict[State, State | None] = {}
        origin = dict.fromkeys(start if start is not None else [(self.graph.entry, NOTHING)])
        queue = list(origin)
        seen: set[Node] = set()
        for state in queue:
            node, facts = state
            if node not in seen and goal(node, facts):
                seen.add(node)
                yield _trace(origin, state)
            for target, known in self._steps(node, facts):
                if len(origin) > self.limit:
                    known = NOTHING  # too many combinations: let every condition be open
                if (target, known) not in origin:
                    origin[target, known] = state
                    queue.append((target, known))

    def after(self, node: Node, facts: Facts = NOTHING) -> list[State]:
        """Where to start for "once `node` has completed"."""
        known = self._transfer(node, facts)
        return [] if known is None else [(target, known) for target in node.after]

    def raised(self, node: Node, facts: Facts = NOTHING) -> list[State]:
        """Where to start for "when `node` raised"."""
        known = _with_fact(facts, IN_FLIGHT, "explicit" if node.kind == "raise" else "implicit")
        return [
            (target, known)
            for target in node.raises
            if not isinstance(target.ast, ast.ExceptHandler) or self.catches(node, target.ast)
        ]

    def _steps(self, node: Node, facts: Facts) -> Iterator[State]:
        known = self._transfer(node, facts)
        if known is None:
            return
        verdict = self.event(node, facts)
        if verdict is Pass.STOP:
            return
        if verdict is Pass.ON:
            # a context manager that goes on after an exception has suppressed it
            after = _with_fact(known, IN_FLIGHT, None) if node.kind == "leave" else known
            for target in node.after:
                yield target, known if target.kind == "reraise" else after
        if node.kind == "reraise":
            for target in node.raises:
                if not isinstance(target.ast, ast.ExceptHandler) or self.catches(node, target.ast):
                    yield target, known
        elif node.raises and (node.kind == "raise" or self.may_raise(node)):
            yield from self.raised(node, facts)

    @property
    def names(self) -> frozenset[str]:
        """The local names that are followed."""
        if self._names is None:
            names: set[str] = set()
            foreign: set[str] = set()
            for node in self.graph.nodes:
                if node.kind == "assume" and isinstance(node.ast, ast.expr):
                    asked = asks(node.ast, node.holds)
                    if asked:
                        names.add(asked[0])
                elif isinstance(node.ast, ast.FunctionDef | ast.AsyncFunctionDef):
                    for inner in ast.walk(node.ast):
                        if isinstance(inner, ast.Nonlocal):
                            foreign.update(inner.names)
            self._names = frozenset(self._copied(names | self.also)) - foreign
        return self._names

    def _copied(self, names: set[str] | frozenset[str]) -> set[str]:
        """The names, and those whose values they are given."""
        found = set(names)
        while True:
            before = len(found)
            for node in self.graph.nodes:
                value = assigned_value(node.ast) if node.kind == "statement" else None
                if isinstance(value, ast.Name) and found & set(stored_names(node.ast)):
                    found.add(value.id)
            if len(found) == before:
                return found

    def _transfer(self, node: Node, facts: Facts) -> Facts | None:
        """The facts after `node`; None where the branch contradicts what is known."""
        tree = node.ast
        if node.kind == "assume" and isinstance(tree, ast.expr):
            asked = asks(tree, node.holds)
            if asked is None or asked[0] not in self.names:
                for name in self.forgets(node, facts):
                    facts = _with_fact(facts, name, None)
                return facts
            have, bar, said = dict(facts).get(asked[0], _ANY).partition("|")
            left = "".join(letter for letter in have if letter in asked[1])
            if not left:
                return None
            facts = _with_fact(facts, asked[0], left + bar + said)
            for name in self.forgets(node, facts):
                facts = _with_fact(facts, name, None)
            return facts
        if node.kind == "handler" and isinstance(tree, ast.ExceptHandler):
            facts = _with_fact(facts, IN_FLIGHT, None)
            return _with_fact(facts, tree.name, "T") if tree.name in self.names else facts
        if node.kind in ("statement", "call"):
            for name, value in absorbed(tree):
                taken = self.classify(value, facts) if name in self.names else None
                if taken is not None:
                    facts = _with_fact(facts, name, taken)
        if node.kind in ("statement", "store", "loop", "enter", "case"):
            facts = self._bind(tree, facts)
        for name in self.forgets(node, facts):
            facts = _with_fact(facts, name, None)
        return facts

    def _bind(self, tree: ast.AST | None, facts: Facts) -> Facts:
        """The facts after the names of a statement were bound."""
        if isinstance(tree, ast.AugAssign):
            return facts
        paired = _pairs(tree)
        value = assigned_value(tree)
        found = None if value is None else self.value(value, facts)
        if isinstance(tree, ast.For | ast.AsyncFor):
            found = self.classify(tree.iter, facts)
        new = facts
        for name in stored_names(tree):
            if name in self.names:
                known = self.value(paired[name], facts) if name in paired else found
                new = _with_fact(new, name, known)
        return new

    def value(self, value: ast.expr, facts: Facts) -> str | None:
        """The fact about `value`, or None."""
        given = self.classify(value, facts)
        if given is not None:
            return given
        if isinstance(value, ast.Name):
            return dict(facts).get(value.id)
        if isinstance(value, ast.Constant) and value.value is None:
            return "N"
        decided = truth(value)
        if decided is not None:
            return "T" if decided else "F"
        if isinstance(value, ast.JoinedStr | ast.ListComp | ast.DictComp | ast.Dict | ast.List):
            return "FT"
        return None


def _trace(origin: dict[State, State | None], end: State) -> list[Node]:
    path: list[Node] = []
    state: State | None = end
    while state is not None:
        path.append(state[0])
        state = origin[state]
    path.reverse()
    return path


def word(facts: Facts, name: str) -> str:
    """The caller's word about `name`, or the empty string."""
    return (fact(facts, name) or "").partition("|")[2]


def _with_fact(facts: Facts, name: str | None, value: str | None) -> Facts:
    kept = frozenset(fact for fact in facts if fact[0] != name)
    return kept | {(name, value)} if name is not None and value not in (None, _ANY) else kept


def undisturbed(facts: Facts) -> bool:
    """Whether no exception was dropped on the way by a `finally` that was left early."""
    return fact(facts, IN_FLIGHT) is None


def fact(facts: Facts, name: str) -> str | None:
    """What is known of `name`, or None."""
    return next((value for known, value in facts if known == name), None)


def asks(test: ast.expr, holds: bool) -> tuple[str, str] | None:
    """What a condition's leaf says of one local name: the name, and what it may then be."""
    if isinstance(test, ast.NamedExpr):
        return test.target.id, "T" if holds else "NF"
    if isinstance(test, ast.Name):
        return test.id, "T" if holds else "NF"
    if isinstance(test, ast.Call) and dotted(test.func) in ("bool", "len", "any") and test.args:
        return asks(test.args[0], holds) if dotted(test.func) != "any" else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(left, ast.NamedExpr):
            left = left.target
        if isinstance(left, ast.Name) and isinstance(right, ast.Constant):
            same = isinstance(test.ops[0], ast.Is | ast.Eq)
            if not same and not isinstance(test.ops[0], ast.IsNot | ast.NotEq):
                return None
            if right.value is None:
                return left.id, "N" if same is holds else "FT"
            if isinstance(right.value, bool) and same is holds:
                return left.id, "T" if right.value else "F"
    return None


def absorbed(tree: ast.AST | None) -> Iterator[tuple[str, ast.expr]]:
    """The local containers that a node puts something into, and what."""
    if isinstance(tree, ast.Assign):
        for target in tree.targets:
            holder: ast.expr = target
            while isinstance(holder, ast.Subscript):
                holder = holder.value
            if isinstance(holder, ast.Name) and holder is not target:
                yield holder.id, tree.value
    elif isinstance(tree, ast.AugAssign) and isinstance(tree.target, ast.Name):
        yield tree.target.id, tree.value
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        into = tree.func.value
        if isinstance(into, ast.Name) and tree.func.attr in _ABSORBING:
            for part in [*tree.args, *(keyword.value for keyword in tree.keywords)]:
                yield into.id, part


def assigned_value(tree: ast.AST | None) -> ast.expr | None:
    """What a plain assignment to names assigns to each of them."""
    if isinstance(tree, ast.Assign) and all(isinstance(t, ast.Name) for t in tree.targets):
        return tree.value
    if isinstance(tree, ast.AnnAssign | ast.NamedExpr) and isinstance(tree.target, ast.Name):
        return tree.value
    return None


def _pairs(tree: ast.AST | None) -> dict[str, ast.expr]:
    """What each name gets in `a, b = x, y`."""
    pairs: dict[str, ast.expr] = {}
    if isinstance(tree, ast.Assign) and isinstance(tree.value, ast.Tuple):
        for target in tree.targets:
            if isinstance(target, ast.Tuple) and len(target.elts) == len(tree.value.elts):
                for name, value in zip(target.elts, tree.value.elts, strict=True):
                    if isinstance(name, ast.Name):
                        pairs[name.id] = value
    return pairs


def stored_names(tree: ast.AST | None) -> Iterator[str]:
    """The names that a node's statement binds or deletes (nested scopes left out)."""
    targets: Iterable[ast.AST | None] = ()
    match tree:
        case ast.Assign() | ast.Delete():
            targets = tree.targets
        case ast.AnnAssign():
            targets = (tree.target,) if tree.value is not None else ()
        case ast.AugAssign() | ast.NamedExpr() | ast.For() | ast.AsyncFor():
            targets = (tree.target,)
        case ast.comprehension():
            targets = ()
        case ast.withitem():
            targets = (tree.optional_vars,)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield tree.name
        case ast.Import() | ast.ImportFrom():
            for alias in tree.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.match_case():
            for part in ast.walk(tree.pattern):
                name = getattr(part, "rest" if isinstance(part, ast.MatchMapping) else "name", None)
                if isinstance(name, str):
                    yield name
    for target in targets:
        for part in ast.walk(target) if target is not None else ():
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
                yield part.id
