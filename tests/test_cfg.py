"""The control-flow graph: on which code is an event sure to happen?"""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
import textwrap
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govlint.python.paths.cfg import Graph, Node, build
from govlint.python.paths.search import IN_FLIGHT, Facts, Pass, Search, fact
from govlint.python.paths.static import runs_at_least_once, truth


def is_event(node: Node) -> bool:
    """A call of `event`."""
    return (
        node.kind == "call"
        and isinstance(node.ast, ast.Call)
        and isinstance(node.ast.func, ast.Name)
        and node.ast.func.id == "event"
    )


def _verdict(verdict: Pass, node: Node, facts: Facts) -> Pass:
    return verdict if is_event(node) else Pass.ON


def graph_of(code: str) -> Graph:
    """The graph of a block of statements."""
    return build(ast.parse(textwrap.dedent(code)).body)


def sure(code: str) -> bool:
    """Whether every way out of the block, but for a callee's exception, meets the event."""
    graph = graph_of(code)
    search = Search(graph, event=lambda node, _: Pass.STOP if is_event(node) else Pass.ON)

    def leaves(node: Node, facts: Facts) -> bool:
        explicit = fact(facts, IN_FLIGHT) == "explicit"
        return node is graph.exit or (node is graph.raised and explicit)

    return search.path(leaves) is None


SURE = [
    "event()",
    "x = event() or 1",
    "event() and f()",
    "f(event())",
    "if x:\n    event()\nelse:\n    event()",
    "if x:\n    event()\nelif y:\n    event()\nelse:\n    event()",
    "while True:\n    event()\n    break",
    "while 1:\n    if f():\n        event()\n        break",
    "while True:\n    f()",
    "for x in (1, 2):\n    event()",
    "for x in range(3):\n    event()",
    "for x in range(2, 0, -1):\n    event()",
    "for x in 'ab':\n    event()",
    "for x in xs:\n    f()\nelse:\n    event()",
    "for x in (1,):\n    try:\n        event()\n    except E:\n        continue",
    "try:\n    f()\nfinally:\n    event()",
    "try:\n    f()\nexcept E:\n    event()\nelse:\n    event()",
    "try:\n    f()\n    event()\nexcept Exception:\n    event()",
    "try:\n    event()\nexcept Exception:\n    pass",
    "try:\n    return\nfinally:\n    event()",
    "try:\n    raise E\nexcept Exception:\n    event()",
    "try:\n    f()\nexcept E:\n    pass\nevent()",
    "try:\n    f()\nexcept* E:\n    event()\nelse:\n    event()",
    "while x:\n    try:\n        break\n    finally:\n        f()\nevent()",
    "with lock:\n    event()",
    "with a, b as c:\n    event()",
    "with suppress(E):\n    f()\nevent()",
    "match x:\n    case 1:\n        event()\n    case _:\n        event()",
    "match x:\n    case 1 | _:\n        event()",
    "match x:\n    case y:\n        event()",
    "if True:\n    event()",
    "if not False:\n    event()",
    "if False:\n    f()\nelse:\n    event()",
    "if TYPE_CHECKING:\n    pass\nelse:\n    event()",
    "y = [event() for x in (1,)]",
    "y = {k: event() for k in ('a', 'b')}",
    "y = [x for x in event()]",
    "y = event() if x else event()",
    "def g(x=event()):\n    pass",
    "@event()\ndef g():\n    pass",
    "class C:\n    x = event()",
    "lambda x=event(): x",
    "if (y := event()):\n    pass",
    "f'{event()}'",
    "os.abort()",
    "os._exit(1)",
    "try:\n    try:\n        f()\n    finally:\n        g()\nfinally:\n    event()",
    "e = None\ntry:\n    f()\nexcept E as error:\n    e = error\nif e is None:\n    event()\n"
    "if e is not None:\n    event()",
    "done = False\nif x:\n    event()\n    done = True\nif not done:\n    event()",
    "del a[event()]",
    "a[event()] = 1",
    "async def f():\n    pass\nevent()",
]

NOT_SURE = [
    "",
    "pass",
    "event",
    "if x:\n    event()",
    "if x:\n    return\nevent()",
    "if x:\n    raise E\nevent()",
    "assert x\nevent()",
    "assert event()",
    "sys.exit()\nevent()",
    "if x:\n    sys.exit(1)\nevent()",
    "while x:\n    event()",
    "while True:\n    if x:\n        break\n    event()",
    "for x in xs:\n    event()",
    "for x in ():\n    event()",
    "for x in range(0):\n    event()",
    "for x in range(n):\n    event()",
    "for x in xs:\n    if x:\n        break\nelse:\n    event()",
    "try:\n    f()\n    event()\nexcept Exception:\n    pass",
    "try:\n    f()\nexcept E:\n    event()",
    "try:\n    f()\nexcept E:\n    pass\nelse:\n    event()",
    "try:\n    return\nexcept E:\n    event()",
    "try:\n    raise E\nfinally:\n    f()",
    "while x:\n    try:\n        event()\n    finally:\n        break",
    "with suppress(E):\n    f()\n    event()",
    "match x:\n    case 1:\n        event()",
    "match x:\n    case y if y:\n        event()",
    "match x:\n    case 1:\n        event()\n    case _:\n        pass",
    "if False:\n    event()",
    "if __debug__:\n    event()",
    "if TYPE_CHECKING:\n    event()",
    "x and event()",
    "x or event()",
    "event() if x else 0",
    "[event() for x in xs]",
    "[event() for x in (1,) if x]",
    "[event() for x in (1,) for y in ys]",
    "(event() for x in (1,))",
    "any(event() for x in (1,))",
    "lambda: event()",
    "def g():\n    event()",
    "async def g():\n    event()",
    "class C:\n    def g(self):\n        event()",
    "e = None\nif x:\n    e = f()\nif e is not None:\n    event()",
    "def g():\n    nonlocal done\n    done = True\ndone = False\ng()\nif not done:\n    event()",
]


@pytest.mark.parametrize("code", SURE)
def test_the_event_is_on_every_path(code: str) -> None:
    assert sure(code)


@pytest.mark.parametrize("code", NOT_SURE)
def test_a_path_misses_the_event(code: str) -> None:
    assert not sure(code)


def test_a_finally_is_copied_for_every_way_of_entering_it() -> None:
    graph = graph_of(
        """
        for x in xs:
            try:
                if a:
                    break
                if b:
                    continue
                if c:
                    return
                f()
            finally:
                g()
        """
    )
    statement = next(node.ast for node in graph.nodes if node.kind == "finally")
    assert statement is not None
    assert len(graph.at(statement, "finally")) == 5


def test_the_witness_is_the_path_that_misses_the_event() -> None:
    graph = graph_of("if x:\n    f()\nelse:\n    event()")
    search = Search(graph, event=lambda node, _: Pass.STOP if is_event(node) else Pass.ON)
    path = search.path(lambda node, _: node is graph.exit)
    assert path is not None
    branch = next(node for node in path if node.kind == "assume")
    assert branch.holds is True
    assert not any(is_event(node) for node in path)


def test_an_event_that_raises_has_not_completed() -> None:
    graph = graph_of("try:\n    event()\nexcept E:\n    pass")
    for verdict, missed in ((Pass.DONE, True), (Pass.STOP, False)):
        at_event = functools.partial(_verdict, verdict)
        search = Search(graph, event=at_event)
        assert (search.path(lambda node, _: node is graph.exit) is not None) is missed


def test_too_many_combinations_leave_every_condition_open() -> None:
    flags = "\n".join(f"f{n} = None\nif x{n}:\n    f{n} = 1" for n in range(14))
    uses = "\n".join(f"if f{n} is None:\n    g()" for n in range(14))
    graph = graph_of(f"{flags}\n{uses}\nif f0 is not None:\n    event()")
    search = Search(graph, limit=500)
    assert search.path(lambda node, _: node is graph.exit) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("True", True), ("0", False), ("not 0", True), ("()", False), ("[x]", True), ("[*x]", None),
     ("typing.TYPE_CHECKING", False), ("__debug__", None), ("x", None), ("{}", False)],
)  # fmt: skip
def test_truth_that_the_text_decides(text: str, expected: bool | None) -> None:
    assert truth(ast.parse(text, mode="eval").body) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("range(3)", True), ("range(3, 1)", False), ("range(1, 2, 0)", None), ("[]", False),
     ("enumerate((1, 2))", True), ("''", False), ("count()", True), ("xs", None)],
)  # fmt: skip
def test_first_turn_of_a_loop(text: str, expected: bool | None) -> None:
    assert runs_at_least_once(ast.parse(text, mode="eval").body) is expected


# Generated programs, run for real: what the graph calls sure must happen in every run.


def _block(depth: int) -> st.SearchStrategy[list[str]]:
    simple = st.sampled_from(["event()", "step()", "return", "pass", "raise Stop"])
    if depth == 0:
        return st.lists(simple, min_size=1, max_size=2)
    inner = _block(depth - 1)

    def indent(lines: list[str]) -> list[str]:
        return [f"    {line}" for line in lines]

    compound = st.one_of(
        st.tuples(inner, inner).map(lambda p: ["if ask():", *indent(p[0]), "else:", *indent(p[1])]),
        inner.map(lambda b: ["while ask():", *indent([*b, "if ask():", "    break"])]),
        inner.map(lambda b: ["for _ in (1, 2):", *indent([*b, "if ask():", "    continue"])]),
        st.tuples(inner, inner).map(
            lambda p: ["try:", *indent(p[0]), "except Stop:", *indent(p[1])]
        ),
        st.tuples(inner, inner).map(lambda p: ["try:", *indent(p[0]), "finally:", *indent(p[1])]),
        inner.map(lambda b: ["with held():", *indent(b)]),
        inner.map(lambda b: ["with suppress(Stop):", *indent(b)]),
        st.just(["ask() and event()"]),
    )
    return st.lists(st.one_of(simple.map(lambda s: [s]), compound), min_size=1, max_size=3).map(
        lambda parts: list(itertools.chain.from_iterable(parts))
    )


class _Stop(Exception):
    pass


@settings(max_examples=150, deadline=None)
@given(_block(2), st.lists(st.booleans(), min_size=12, max_size=12))
def test_what_is_called_sure_happens_in_every_run(lines: list[str], answers: list[bool]) -> None:
    code = "\n".join(lines)
    if not sure(code):
        return
    seen = SimpleNamespace(event=False, asked=0)

    def event() -> None:
        seen.event = True

    def ask() -> bool:
        seen.asked += 1
        if seen.asked > 60:
            raise TimeoutError
        return bool(answers[seen.asked % len(answers)])

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        yield

    body = textwrap.indent(code, "    ")
    space = {
        "event": event, "ask": ask, "step": lambda: None, "Stop": _Stop,
        "held": held, "suppress": contextlib.suppress,
    }  # fmt: skip
    exec(compile(f"def block():\n{body}\n", "<generated>", "exec"), space)
    try:
        space["block"]()  # type: ignore[operator]
    except _Stop:
        pass
    except TimeoutError:
        return
    assert seen.event
