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
import heapq
import itertools
import operator
import pickle
import queue
import random
import threading
import weakref
from collections import ChainMap, defaultdict, deque, namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import Enum
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


class Kind(Enum):
    ONE = SOURCE()


class Shop:
    item = SOURCE()
    kind = SOURCE

    def made(self):
        return type(self).kind()

    @functools.cached_property
    def kept(self):
        return self.kind()

    @staticmethod
    def sold():
        return SOURCE()


class Stream:
    def __init__(self):
        self.left = 1

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return SOURCE()


class Cell:
    def __init__(self):
        self._held = None

    @property
    def held(self):
        return self._held

    @held.setter
    def held(self, value):
        self._held = value

    def __call__(self):
        return self._held

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


CURRENT = ContextVar("current")
LOCAL = threading.local()


@functools.lru_cache(maxsize=None)
def memo(name):
    return SOURCE()


def each_of(*items, **named):
    yield from items
    yield from named.values()


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
    "enum": "p = Kind.ONE.value",
    "class attribute": "p = Shop.item",
    "class kept in a class": "p = Shop.kind()",
    "type of self": "p = Shop().made()",
    "cached property": "p = Shop().kept",
    "static method": "p = Shop.sold()",
    "iterator class": "for p in Stream():\n    break",
    "memo": 'p = memo("a")',
    "weak reference": "p = weakref.ref(make())()",
    "if False": "if False:\n    p = make()\nelse:\n    p = SOURCE()",
    "constructor by name": 'p = Shop.__dict__["kind"]()',
    "new": "p = object.__new__(SOURCE)",
    "map of a class": "p = list(map(lambda k: k(), [SOURCE]))[0]",
    "partial of a class": "p = functools.partial(SOURCE)()",
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
    "slice": "q = [0, p, 1][1:][0]",
    "extend": "items = []\nitems.extend([p])\nq = items[0]",
    "plus": "q = ([p] + [1])[0]",
    "update": 'd = {}\nd.update(k=p)\nq = d["k"]',
    "heap": "h = []\nheapq.heappush(h, (1, 2, p))\n*_, q = heapq.heappop(h)",
    "chain": "q = next(itertools.chain([p], []))",
    "islice": "q = next(itertools.islice([p], 1))",
    "unzip": "q, *_ = list(zip(*[(p, 1)]))[0]",
    "pickle": "q = pickle.loads(pickle.dumps(p))",
    "future": "with ThreadPoolExecutor() as pool:\n    q = pool.submit(one, p).result()",
    "context variable": "CURRENT.set(p)\nq = CURRENT.get()",
    "thread local": "LOCAL.p = p\nq = LOCAL.p",
    "setter": "c = Cell()\nc.held = p\nq = c.held",
    "callable object": "c = Cell()\nc.held = p\nq = c()",
    "with an object": "with Cell() as c:\n    c.held = p\nq = c.held",
    "object dictionary": 'b = Box(None)\nb.__dict__["item"] = p\nq = b.item',
    "replace": "q = replace(Box(None), item=p).item",
    "class attribute set": "Box.extra = p\nq = Box.extra",
    "function attribute": "one.kept = p\nq = one.kept",
    "generator expression": "q = next(x for x in (p,) if x)",
    "nested comprehension": "q = [y for x in [[p]] for y in x][0]",
    "dict comprehension": 'q = {k: p for k in "ab"}["a"]',
    "all arguments": "q = next(each_of(1, k=p))\nfor q in each_of(p, k=p):\n    pass",
    "closing": "with closing(p) as q:\n    pass",
    "try finally": "try:\n    q = None\nfinally:\n    q = p",
    "match capture": "match {'k': [p]}:\n    case {'k': [q, *_]}:\n        pass",
    "match class": "match Box(p):\n    case Box(item=q):\n        pass",
    "swap": "a, q = p, None\na, q = q, a",
    "tuple of a loop": "for _, (q, _) in [(1, (p, 2))]:\n    pass",
    "popitem": 'q = {"k": p}.popitem()[1]',
    "type parameterised": "items: list[Any] = []\nitems += [p]\nq = items[-1]",
    "accumulate": "q = list(itertools.accumulate([p, p], lambda a, b: b))[-1]",
    "max": "q = max([p], key=id)",
    "filter": "q = next(filter(None, [p]))",
    "iter with sentinel": "q = next(iter(lambda: p, None))",
    "assert": "q = p\nassert q is not None",
    "isinstance": "q = p\nif not isinstance(q, SOURCE):\n    raise TypeError",
    "del": "q = r = p\ndel r",
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
    "applied": ("(lambda f: f(payload))(q.run)", "GOV101"),
    "called by its name": ("q.run.__call__(payload)", "GOV101"),
    "its function": ("q.run.__func__(q, payload)", "GOV101"),
    "sort key": ("[payload].sort(key=q.run)", "GOV101"),
    "returned": ("return q.run", "GOV101"),
    "tested": ("if q.run(payload): pass", "GOV101"),
    "formatted": ('text = f"{q.run(payload)}"', "GOV101"),
    "subscripted": ('text = q.run(payload)["text"]', "GOV101"),
    "unpacked": ("first, *rest = q.run(payload)", "GOV101"),
    "augmented": ("total = 0; total += q.run(payload)", "GOV101"),
    "walrus": ("print(out := q.run(payload))", "GOV101"),
    "default of a function": ("def go(f=q.run): return f", "GOV101"),
    "loop over it": ("for x in q.run(payload): pass", "GOV101"),
    "raised": ("raise ValueError(q.run(payload))", "GOV101"),
    "operator call": ("operator.call(q.run, payload)", "GOV101"),
    "namespace of the class": ('vars(type(q))["run"](q, payload)', "GOV102"),
    "getattribute": ('q.__getattribute__("run")(payload)', "GOV102"),
    "attribute getter": ('operator.attrgetter("run")(q)(payload)', "GOV102"),
    "evaluated": ('eval("q.run(payload)")', "GOV102"),
    "joined": ('getattr(q, "".join(["r", "u", "n"]), None)(payload)', "GOV102"),
    "getattr": ('getattr(q, "run")(payload)', "GOV102"),
    "computed": ('getattr(q, "r" + "un")(payload)', "GOV102"),
    "method caller": ('operator.methodcaller("run", payload)(q)', "GOV102"),
}

_STRIDE = 7  # no divisor of the numbers of parts, so that all of them take part
FULL = os.environ.get("GOVLINT_FUZZ") is not None


def _triples() -> list[tuple[str, str, str]]:
    """Some thousands in a campaign; else some hundreds, with each pair of parts now and then."""
    if FULL:
        return list(product(SOURCES, MOVES, CALLS))[::_STRIDE]
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
