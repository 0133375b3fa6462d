"""Ways a plugin reaches its `run` that no page shows, through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from govlint import engine
from govlint.catalog import load_catalog
from govlint.config import load_config

# source → the lines on which GOV101 has to be found, and nothing else
CASES = {
    "stdlib look-alike": (
        """
import subprocess, asyncio, unittest
class Plugin:
    def activate(self): ...
class X(Plugin):
    def run(self): ...
X().run(); subprocess.run(["x"]); asyncio.run(x())
""",
        [],
    ),
    "lambda in dict": (
        """
class BasePlugin:
    def run(self, p): ...
D = {"a": lambda pl, x: pl.run(x)}
def go(p: BasePlugin):
    return D["a"](p, 1)
""",
        [4],
    ),
    "async gen": (
        """
class BasePlugin:
    async def run(self, p): ...
async def src():
    yield BasePlugin()
async def go():
    async for p in src():
        await p.run(1)
    return [await q.run(1) async for q in src()]
""",
        [8, 9],
    ),
    "exception carrier": (
        """
class BasePlugin:
    def run(self, p): ...
class Carrier(Exception):
    def __init__(self, plugin): self.plugin = plugin
def a():
    raise Carrier(BasePlugin())
def b():
    try: a()
    except Carrier as c: c.plugin.run(1)
""",
        [10],
    ),
    "queue": (
        """
import queue
class BasePlugin:
    def run(self, p): ...
q = queue.Queue()
q.put(BasePlugin())
def w():
    while True:
        q.get().run(1)
""",
        [9],
    ),
    "getitem": (
        """
class BasePlugin:
    def run(self, p): ...
class Reg:
    def __init__(self): self._d = {}
    def add(self, n, p): self._d[n] = p
    def __getitem__(self, n): return self._d[n]
    def __iter__(self): return iter(self._d.values())
r = Reg()
r.add("a", BasePlugin())
r["a"].run(1)
for p in r: p.run(2)
""",
        [11, 12],
    ),
    "descriptor": (
        """
class BasePlugin:
    def run(self, p): ...
class Lazy:
    def __get__(self, i, o): return BasePlugin()
class S:
    plugin = Lazy()
    def go(self): return self.plugin.run(1)
""",
        [8],
    ),
    "init_subclass": (
        """
class BasePlugin:
    registry = []
    def __init_subclass__(cls, **k):
        BasePlugin.registry.append(cls)
    def run(self, p): ...
class A(BasePlugin):
    def run(self, p): ...
def go():
    for c in BasePlugin.registry:
        c().run(1)
""",
        [11],
    ),
    "nonlocal": (
        """
class BasePlugin:
    def run(self, p): ...
def outer():
    cur = None
    def set_(p):
        nonlocal cur
        cur = p
    def go():
        cur.run(1)
    set_(BasePlugin())
    go()
""",
        [10],
    ),
    "dataclass": (
        """
from dataclasses import dataclass, field
class BasePlugin:
    def run(self, p): ...
@dataclass
class Job:
    plugin: BasePlugin
    extra: list[BasePlugin] = field(default_factory=list)
def go(j: Job):
    j.plugin.run(1)
    for e in j.extra: e.run(2)
Job(BasePlugin()).plugin.run(3)
""",
        [10, 11, 12],
    ),
    "typing forms": (
        """
from typing import *
class BasePlugin:
    def run(self, p): ...
T = TypeVar("T", bound=BasePlugin)
def a(p: "BasePlugin"): p.run(1)
def b(p: Optional[BasePlugin]): p and p.run(1)
def c(p: T) -> T: p.run(1)
def d(p: type[BasePlugin]): p().run(1)
def e(f: Callable[[], BasePlugin]): f().run(1)
def g(m: Mapping[str, Sequence[BasePlugin]]): m["a"][0].run(1)
def h(it: Iterator[BasePlugin]): next(it).run(1)
def i(*ps: BasePlugin, **kw: BasePlugin): ps[0].run(1); kw["a"].run(1)
""",
        [6, 7, 8, 9, 10, 11, 12, 13],
    ),
    "decorator wrap": (
        """
import functools
class BasePlugin:
    def run(self, p): ...
def with_plugin(fn):
    @functools.wraps(fn)
    def inner(*a):
        return fn(BasePlugin(), *a)
    return inner
@with_plugin
def handle(plugin, x):
    return plugin.run(x)
""",
        [12],
    ),
    "pep695": (
        """
class BasePlugin:
    def run(self, p): ...
def go[P: BasePlugin](p: P):
    p.run(1)
type Plug = BasePlugin
def h(p: Plug): p.run(1)
""",
        [5, 7],
    ),
    "reduce/partialmethod/operator": (
        """
import functools, operator
class BasePlugin:
    def run(self, p): ...
ps = [BasePlugin()]
functools.reduce(lambda acc, p: p.run(acc), ps, {})
operator.itemgetter(0)(ps).run(1)
list(map(lambda p: p.run(1), ps))
{p.run(1) for p in ps}
any(p.run(1) for p in ps)
(ps[0] if ps else None).run(1)
ps[-1].run(1)
[*ps][0].run(1)
""",
        [6, 7, 8, 9, 10, 11, 12, 13],
    ),
    "threads sub": (
        """
import threading, multiprocessing
class BasePlugin:
    def run(self, p): ...
def work(pl): pl.run(1)
threading.Thread(target=work, args=(BasePlugin(),)).start()
class T(threading.Thread):
    def __init__(self, plugin):
        super().__init__()
        self.plugin = plugin
    def run(self):
        self.plugin.run(1)
T(BasePlugin()).start()
""",
        [5, 12],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_plugin_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, lines = CASES[name]
    (tmp_path / "module.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = engine.Options(cache=False)
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    assert result.problems == []
    found = {(finding.rule, finding.location.line) for finding in result.findings}
    assert found == {("GOV101", line) for line in lines}


def test_a_path_of_hundreds_of_steps_begins_at_its_source_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops = 300
    (tmp_path / "base.py").write_text(
        "class BasePlugin:\n    def run(self, x): ...\n", encoding="utf-8"
    )
    for i in range(hops):
        onwards = f"return hop{i + 1}(thing, x)" if i < hops - 1 else "return thing.run(x)"
        imports = f"from hop{i + 1} import hop{i + 1}\n" if i < hops - 1 else ""
        (tmp_path / f"hop{i}.py").write_text(
            f"{imports}\n\ndef hop{i}(thing, x):\n    {onwards}\n", encoding="utf-8"
        )
    (tmp_path / "start.py").write_text(
        "from base import BasePlugin\nfrom hop0 import hop0\n\n\n"
        "class Crop(BasePlugin):\n    def run(self, x): ...\n\n\nhop0(Crop(), 1)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    options = engine.Options(cache=False, select=("GOV101",))
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    (found,) = result.findings
    assert found.location.path == f"hop{hops - 1}.py"
    assert found.related[0].location.path == "start.py"
    assert any("steps later" in step.message for step in found.related)
    assert not result.problems
