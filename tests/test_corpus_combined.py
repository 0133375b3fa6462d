"""Every way to get a plugin × every way to move it × every way to call it.

The programs are put together from parts, so nothing in them was written with the analysis in
mind. The same programs with another class in the plugin's place are the look-alikes.
"""

from __future__ import annotations

import os
import textwrap
from itertools import product
from pathlib import Path

import pytest
from corpus import Case, judge

RULES = ("GOV101", "GOV102")

HEAD = """\
import asyncio
import copy
import functools
import operator
import queue
import random
import threading
from collections import ChainMap, defaultdict, deque, namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple, cast


class BasePlugin:
    def run(self, payload): ...


class Crop(BasePlugin):
    @classmethod
    def build(cls):
        return cls()

    def run(self, payload):
        return {"crop": payload}


class Server:
    @classmethod
    def build(cls):
        return cls()

    def run(self, payload):
        return {"served": payload}


class Made:
    def __init__(self):
        self.inner = SOURCE()

    @property
    def value(self):
        return self.inner

    def __enter__(self):
        return self.inner

    def __exit__(self, *exc):
        return False

    def __getitem__(self, key):
        return self.inner

    def __iter__(self):
        yield self.inner


@dataclass
class Box:
    item: Any = field(default_factory=lambda: SOURCE())


class Row(NamedTuple):
    item: Any
    rank: int = 0


Point = namedtuple("Point", "item rank")


@contextmanager
def leased():
    yield SOURCE()


def make(kind="any"):
    match kind:
        case "any":
            return SOURCE()
        case _:
            return SOURCE.build()


def one(x):
    return x


def generated():
    yield SOURCE()


def wrap(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


SINGLE = SOURCE()
TABLE = {"a": SOURCE(), "b": [SOURCE()]}
CLASSES = {"a": SOURCE}
"""

# statements that leave it in `p`
SOURCES = {
    "made": "p = SOURCE()",
    "alias of the class": "kind = SOURCE\np = kind()",
    "global": "p = SINGLE",
    "table": 'p = TABLE["a"]',
    "table of lists": 'p = TABLE["b"][0]',
    "table of classes": 'p = CLASSES.get("a")()',
    "factory": "p = make()",
    "class method": "p = SOURCE.build()",
    "generator": "p = next(generated())",
    "loop": "for p in generated():\n    pass",
    "with": "with leased() as p:\n    pass",
    "manager class": "with Made() as p:\n    pass",
    "property": "p = Made().value",
    "index of an object": "p = Made()[0]",
    "iteration of an object": "p = list(Made())[0]",
    "default factory": "p = Box().item",
    "lambda": "p = (lambda: SOURCE())()",
    "walrus": "if (p := SOURCE()) is None:\n    return",
    "by name": 'p = globals()["SOURCE"]()',
    "branches": "p = None\nif payload:\n    p = SOURCE()",
    "try": "try:\n    p = make()\nexcept OSError:\n    return",
    "match": "match make():\n    case p:\n        pass",
    "or": "p = None or make()",
}
# from `p` to `q`
MOVES = {
    "alias": "q = p",
    "tuple": "q, _ = p, 1",
    "nested tuple": "[_, (q, *_)] = 1, (p, 2, 3)",
    "starred": "_, *rest = 1, p\nq = rest[0]",
    "list": "items = [p]\nq = items.pop()",
    "dict": 'q = {"k": p}["k"]',
    "dict by get": 'q = dict(k=p).get("k")',
    "dict values": 'q = list({"k": p}.values())[0]',
    "merged dicts": 'q = ({"a": 1} | {"k": p})["k"]',
    "spread": 'q = {**{"k": p}}["k"]',
    "chain map": 'q = ChainMap({}, {"k": p})["k"]',
    "default dict": 'd = defaultdict(list)\nd["k"].append(p)\nq = d["k"][0]',
    "setdefault": 'd = {}\nq = d.setdefault("k", p)',
    "deque": "d = deque()\nd.append(p)\nq = d.popleft()",
    "queue": "d = queue.Queue()\nd.put(p)\nq = d.get()",
    "set": "q = next(iter({p}))",
    "comprehension": "q = [x for x in [p]][0]",
    "sorted": "q = sorted([p], key=id)[0]",
    "random": "q = random.choice([p])",
    "zip": "for q, _ in zip([p], [1]):\n    pass",
    "enumerate": "for _, q in enumerate([p]):\n    pass",
    "namespace": "q = SimpleNamespace(x=p).x",
    "attribute": "b = Box(None)\nb.item = p\nq = b.item",
    "setattr": 'b = Box(None)\nsetattr(b, "item", p)\nq = b.item',
    "field": "q = Box(p).item",
    "named tuple": "q = Row(p).item",
    "named tuple unpacked": "q, _ = Row(p)",
    "named tuple by call": "q = Point(p, 1).item",
    "function": "q = one(p)",
    "keyword": "q = one(x=p)",
    "lambda": "q = (lambda x: x)(p)",
    "closure": "def held():\n    return p\nq = held()",
    "default": "def held(x=p):\n    return x\nq = held()",
    "partial": "q = functools.partial(one, p)()",
    "decorated": "q = wrap(one)(p)",
    "star arguments": "q = one(*[p])",
    "star keywords": 'q = one(**{"x": p})',
    "cast": 'q = cast("Any", p)',
    "copy": "q = copy.copy(p)",
    "null context": "with nullcontext(p) as q:\n    pass",
    "exit stack": "with ExitStack() as s:\n    q = s.enter_context(nullcontext(p))",
    "item getter": "q = operator.itemgetter(0)([p])",
    "reduce": "q = functools.reduce(lambda a, b: b, [p, p])",
    "map": "q = list(map(one, [p]))[0]",
    "conditional": "q = p if payload else p",
    "while": "q = None\nwhile q is None:\n    q = p",
    "exception": "try:\n    raise KeyError(p)\nexcept KeyError as e:\n    q = e.args[0]",
    "nonlocal": "q = None\ndef put():\n    nonlocal q\n    q = p\nput()",
    "yield": "def each():\n    yield p\nfor q in each():\n    pass",
    "send": "def each():\n    x = yield\n    yield x\ng = each()\nnext(g)\nq = g.send(p)",
}
# what is done with `q`: `{}` stands for the mark
CALLS = {
    "call": ("q.run(payload)", "GOV101"),
    "reference": ("go = q.run", "GOV101"),
    "partial": ("functools.partial(q.run, payload)()", "GOV101"),
    "thread": ("threading.Thread(target=q.run, args=(payload,)).start()", "GOV101"),
    "pool": ("ThreadPoolExecutor().submit(q.run, payload)", "GOV101"),
    "coroutine": ("asyncio.to_thread(q.run, payload)", "GOV101"),
    "map": ("list(map(q.run, [payload]))", "GOV101"),
    "lambda": ("go = lambda: q.run(payload)", "GOV101"),
    "container": ('hooks = {"go": q.run}', "GOV101"),
    "unbound": ("type(q).run(q, payload)", "GOV101"),
    "awaited later": ("pending = [q.run(x) for x in payload]", "GOV101"),
    "getattr": ('getattr(q, "run")(payload)', "GOV102"),
    "computed": ('getattr(q, "r" + "un")(payload)', "GOV102"),
    "method caller": ('operator.methodcaller("run", payload)(q)', "GOV102"),
}

FULL = os.environ.get("GOVLINT_FUZZ") is not None


def _triples() -> list[tuple[str, str, str]]:
    """All of them in a campaign; else each pair of parts at least about once."""
    everything = list(product(SOURCES, MOVES, CALLS))
    if FULL:
        return everything
    moves, calls = list(MOVES), list(CALLS)
    return [
        (source, move, calls[(i + j) % len(calls)])
        for i, source in enumerate(SOURCES)
        for j, move in enumerate(moves)
        if (i + j) % 4 == 0
    ]


def _program(triples: list[tuple[str, str, str]], cls: str, marked: bool) -> str:
    parts = [HEAD]
    for number, (source, move, call) in enumerate(triples):
        text, code = CALLS[call]
        mark = f"  # expect: {code}" if marked else ""
        body = f"{SOURCES[source]}\n{MOVES[move]}\n{text}{mark}"
        parts.append(f"\n\ndef case_{number}(payload):\n{textwrap.indent(body, '    ')}\n")
    return "".join(parts).replace("SOURCE", cls)


def _chunks() -> list[list[tuple[str, str, str]]]:
    triples = _triples()
    return [triples[i : i + 150] for i in range(0, len(triples), 150)]


@pytest.mark.parametrize("triples", _chunks(), ids=lambda triples: "-".join(triples[0]))
@pytest.mark.parametrize("cls", ["Crop", "Server"])
def test_a_plugin_is_found_however_it_came_there(
    triples: list[tuple[str, str, str]],
    cls: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    case = Case(cls, {"app.py": _program(triples, cls, marked=cls == "Crop")})
    expected = case.expected()
    found = judge(case, tmp_path, RULES)
    wrong = sorted(line for _, line, _ in found ^ expected)
    text = case.files["app.py"].split("\n")
    assert [(line, text[line - 1].strip()) for line in wrong] == []
