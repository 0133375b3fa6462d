"""The nodes of a control-flow graph, and how an expression becomes a run of them.

Statements are in `cfg`. An expression has paths of its own: short circuits, conditional
expressions, comprehensions over what may be empty, calls that never return.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from govlint.python.paths.static import dotted, runs_at_least_once, truth

_EXITS = {"sys.exit", "exit", "quit", "builtins.exit", "builtins.quit"}
_ABORTS = {"os._exit", "os.abort"}


@dataclass(slots=True, eq=False)
class Node:
    """One event. `after` is where control goes when it completes, `raises` when it raises.

    Kinds: entry, exit (the end of the block or a return), raised (an exception leaves),
    call, await, yield, store (a walrus), subscript, statement, return, raise, reraise,
    assume (a branch of a condition; `holds` is what the leaf `ast` evaluated to), if,
    loop, handler, finally, enter and leave (of a `with` item), case, join.
    """

    kind: str
    ast: ast.AST | None = None
    holds: bool = True
    after: list[Node] = field(default_factory=list)
    raises: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Context:
    """Where control goes when it does not go on to the next statement.

    `leave` takes return, break or continue.
    """

    raises: list[Node]
    leave: Callable[[str], Node]


Swallows = Callable[[ast.withitem], bool]
Returns = Callable[[ast.Call], bool]


class EventBuilder:
    """Builds nodes one after the other; `here` is the last one, None where nothing runs."""

    def __init__(self, swallows: Swallows, returns: Returns) -> None:
        self.nodes: list[Node] = []
        self.swallows = swallows
        self.returns = returns
        self.here: Node | None = None
        self.entered: set[Node] = set()

    def make(self, kind: str, tree: ast.AST | None = None, holds: bool = True) -> Node:
        node = Node(kind, tree, holds)
        self.nodes.append(node)
        return node

    def link(self, target: Node) -> None:
        if self.here is not None and target not in self.here.after:
            self.here.after.append(target)
            self.entered.add(target)

    def raising(self, node: Node, targets: Iterable[Node]) -> None:
        node.raises.extend(targets)
        self.entered.update(node.raises)

    def reach(self, node: Node) -> None:
        """Go on at `node`, if anything leads there."""
        self.here = node if node in self.entered else None

    def is_dead(self) -> bool:
        """Whether nothing can run here."""
        return self.here is None

    def add(
        self,
        kind: str,
        tree: ast.AST | None,
        raises: Iterable[Node] = (),
        holds: bool = True,
    ) -> Node:
        node = self.make(kind, tree, holds)
        self.raising(node, raises)
        self.link(node)
        self.here = node
        return node

    def condition(self, test: ast.expr, yes: Node, no: Node, context: Context) -> None:
        """Branch on `test`; leaves `here` dead, the branches go to `yes` and `no`."""
        if self.is_dead():
            return
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self.condition(test.operand, no, yes, context)
            return
        if isinstance(test, ast.BoolOp):
            for index, value in enumerate(test.values):
                if index == len(test.values) - 1:
                    self.condition(value, yes, no, context)
                    return
                step = self.make("join")
                if isinstance(test.op, ast.And):
                    self.condition(value, step, no, context)
                else:
                    self.condition(value, yes, step, context)
                self.reach(step)
                if self.is_dead():
                    return
        decided = truth(test)
        self.expression(test, context)
        if self.is_dead():
            return
        leaf = self.here
        for holds, target in ((True, yes), (False, no)):
            if decided is None or decided is holds:
                self.here = leaf
                self.add("assume", test, holds=holds)
                self.link(target)
        self.here = None

    def expression(self, node: ast.expr, context: Context) -> None:
        """Emit the events of `node` in the order of evaluation."""
        if self.here is None:
            return
        match node:
            case ast.BoolOp() | ast.IfExp():
                after = self.make("join")
                if isinstance(node, ast.BoolOp):
                    self.condition(node, after, after, context)
                else:
                    yes, no = self.make("join"), self.make("join")
                    self.condition(node.test, yes, no, context)
                    for start, part in ((yes, node.body), (no, node.orelse)):
                        self.reach(start)
                        self.expression(part, context)
                        self.link(after)
                self.reach(after)
            case ast.Lambda():
                for part in defaults(node.args):
                    self.expression(part, context)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                self._comprehension(node, [node.elt], context)
            case ast.DictComp():
                self._comprehension(node, [node.key, node.value], context)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if key is not None:
                        self.expression(key, context)
                    self.expression(value, context)
            case _:
                for child in ast.iter_child_nodes(node):
                    inner = child.value if isinstance(child, ast.keyword) else child
                    if isinstance(inner, ast.expr):
                        self.expression(inner, context)
                self._event(node, context)

    def _event(self, node: ast.expr, context: Context) -> None:
        if self.here is None:
            return
        match node:
            case ast.Call():
                call = self.add("call", node, context.raises)
                name = dotted(node.func)
                if name in _EXITS:
                    call.kind, self.here = "raise", None
                elif name in _ABORTS or not self.returns(node):
                    self.here = None
            case ast.Await():
                self.add("await", node, context.raises)
            case ast.Yield() | ast.YieldFrom():
                self.add("yield", node, context.raises)
            case ast.NamedExpr():
                self.add("store", node)
            case ast.Subscript():
                self.add("subscript", node, context.raises)

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        parts: list[ast.expr],
        context: Context,
    ) -> None:
        again, after = self.make("join"), self.make("join")
        first: Node | None = None
        for generator in node.generators:
            self.expression(generator.iter, context)
            if self.here is None:
                break
            once = runs_at_least_once(generator.iter)
            if isinstance(node, ast.GeneratorExp):
                once = None  # nobody may ask it for anything
            if once is not True:
                self.link(again if first else after)
            if once is False:
                self.here = None
                break
            head = self.add("loop", generator)
            first = first or head
            for test in generator.ifs:
                step = self.make("join")
                self.condition(test, step, again, context)
                self.reach(step)
        for part in parts:
            self.expression(part, context)
        self.link(again)
        if again in self.entered and first is not None:
            self.here = again
            self.link(first)
            self.link(after)
        self.reach(after)


def defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
    """The default values of a signature: evaluated where it is defined."""
    yield from arguments.defaults
    yield from (default for default in arguments.kw_defaults if default is not None)
