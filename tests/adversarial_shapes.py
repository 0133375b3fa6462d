"""Small projects whose shape is hostile: deep, wide, endless, or growing without bound.

Each is valid Python that a person or a generator could write. What they have in common is
that a naive analysis of them takes exponential time, endless memory, or all of the stack.
"""

from __future__ import annotations

from collections.abc import Callable

Files = dict[str, str]

BASE = """\
from enum import Enum

class BasePlugin:
    def run(self, payload): ...

class FacePlugin(BasePlugin):
    def run(self, payload):
        return {}

class JobStatus(Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
"""

# Ends every shape: whatever the rest did, this line has to be found, or a limit told.
LEAK = """

def leak(payload):
    return FacePlugin().run(payload)
"""

SHAPES: dict[str, Callable[[], Files]] = {}


def _shape(build: Callable[[], str | Files]) -> Callable[[], str | Files]:
    def files() -> Files:
        built = build()
        return built if isinstance(built, dict) else {"app.py": BASE + built + LEAK}

    SHAPES[build.__name__.strip("_")] = files
    return build


# -- calls -----------------------------------------------------------------------------


@_shape
def _mutual_recursion() -> str:
    """500 functions, each of which hands the plugin to two others."""
    parts = [
        f"def f{i}(plugin, n):\n"
        f"    if n:\n        return f{(i + 1) % 500}(plugin, n - 1)\n"
        f"    return f{(i * 7 + 3) % 500}(plugin, n)\n"
        for i in range(500)
    ]
    return "\n".join([*parts, "def start(n):\n    return f0(FacePlugin(), n).run(n)\n"])


@_shape
def _boundaries() -> Files:
    """A plugin that goes through 200 calls in 200 modules before it runs."""
    files = {
        f"m{i}.py": f"from m{i + 1} import step as following\n\n"
        "def step(plugin):\n    return following(plugin)\n"
        for i in range(200)
    }
    files["m200.py"] = "def step(plugin):\n    return plugin.run({})\n"
    files["app.py"] = f"from m0 import step\n{BASE}\nstep(FacePlugin())\n{LEAK}"
    return files


@_shape
def _import_cycle() -> Files:
    """300 modules that import each other round, with stars."""
    files = {
        f"m{i}.py": f"from m{(i + 1) % 300} import *\nimport m{(i * 7) % 300} as other\n"
        f"def make{i}():\n    return other.make{(i * 7) % 300}()\n"
        for i in range(300)
    }
    files["app.py"] = f"from m0 import *\n{BASE}\nmake0().run({{}})\n{LEAK}"
    return files


@_shape
def _package_cycle() -> Files:
    """Packages that re-export each other; every name is asked of every package."""
    files = {}
    for i in range(100):
        names = "\n".join(f"from p{(i + k) % 100} import n{k}" for k in range(1, 8))
        files[f"p{i}/__init__.py"] = f"{names}\nfrom p{(i + 1) % 100} import BasePlugin, x\n"
    files["app.py"] = f"from p0 import x\n{BASE}\nx.run({{}})\n{LEAK}"
    return files


@_shape
def _growing_arguments() -> str:
    return """
def nested(x, n):
    return nested([x], n - 1) if n else x

def tupled(x):
    return tupled((x, x))

def mapped(x):
    return mapped({"key": x, "other": mapped})

def closed(f):
    return closed(lambda: f)

def partial_of(f):
    import functools
    return partial_of(functools.partial(f, f))

def bound(x):
    return bound(x.run)

def text(x):
    return text(x + "a") or text(x * 2) or text(f"{x}{x}") or text("%s%s" % (x, x))

def number(x):
    return number(x + 1) or number(x * x) or number(x ** x) or number(x << x)

def keyed(**kwargs):
    return keyed(**kwargs, **{str(kwargs): kwargs})

def starred(*args):
    return starred(args, *args)

for start in (FacePlugin(), FacePlugin):
    nested(start, 3); tupled(start); mapped(start); closed(start); partial_of(start)
    bound(start); keyed(a=start); starred(start)
text("a"); number(2)
"""


@_shape
def _growing_objects() -> str:
    return """
class Cell:
    def __init__(self, head, tail=None):
        self.head, self.tail = head, tail
    def push(self, value):
        return Cell(value, self)
    def __getattr__(self, name):
        return Cell(getattr(self.tail, name), self)
    def __call__(self, *args, **kwargs):
        return Cell(self.head, self)(*args, **kwargs)
    def __iter__(self):
        yield self
        yield from Cell(self, self.tail)
    def __add__(self, other):
        return Cell(self + other, other + self)

def grow(cell):
    return grow(cell.push(cell).push(cell.head))

grow(Cell(FacePlugin())).head.run({})
Cell(FacePlugin()).a.b.c.d(1)(2)(3).e.run({})
for item in Cell(FacePlugin()):
    (item + item).head.run({})
"""


@_shape
def _class_factories() -> str:
    return """
def make(base, depth):
    class Made(base):
        inner = base
        def run(self, payload):
            return make(Made, depth - 1)().run(payload)
        def deeper(self):
            return make(type(self), depth - 1)
    return Made

classes = [BasePlugin]
for number in range(100):
    classes.append(make(classes[-1], number))
    classes.append(type("P" + str(number), (classes[-1],), {"run": lambda self, x: x}))
    @make
    class Local(make(classes[-1], 1), make(BasePlugin, number)):
        pass
for cls in classes:
    cls().run({})
    cls().deeper()().deeper()().run({})

current = BasePlugin
while True:
    class current(current):
        pass
    current().run({})
"""


@_shape
def _class_tower() -> str:
    """A class below 1,000 others, and one below 300 bases."""
    tower = ["class C0(BasePlugin): pass"]
    tower += [f"class C{i}(C{i - 1}): pass" for i in range(1, 1000)]
    bases = ", ".join(f"W{i}" for i in range(300))
    wide = [f"class W{i}(BasePlugin): pass" for i in range(300)]
    return "\n".join([*tower, *wide, f"class Wide({bases}): pass", "C999().run({})", ""])


@_shape
def _diamonds() -> str:
    """40 layers of two classes, each of which has both of the layer above as bases."""
    lines = ["class A0(BasePlugin): pass", "class B0(BasePlugin): pass"]
    for i in range(1, 40):
        lines += [f"class {n}{i}(A{i - 1}, B{i - 1}): pass" for n in "AB"]
    return "\n".join([*lines, "A39().run({})", ""])


# -- depth -------------------------------------------------------------------------------


@_shape
def _decorator_tower() -> str:
    decorators = "@wrap\n" * 2000
    return (
        "def wrap(f):\n    def inner(*a, **k):\n        return f(*a, **k)\n    return inner\n"
        f"{decorators}def call(plugin):\n    return plugin.run({{}})\ncall(FacePlugin())\n"
    )


@_shape
def _attribute_chain() -> str:
    return "x = FacePlugin()\nx" + ".a" * 10_000 + ".run({})\n"


@_shape
def _call_chain() -> str:
    return "x = FacePlugin()\nx" + ".a()" * 3_000 + ".run({})\n"


@_shape
def _getattr_chain() -> str:
    return "x = " + "getattr(" * 90 + "FacePlugin()" + ", 'run')" * 90 + "\nx({})\n"


@_shape
def _nested_lambdas() -> str:
    return "f = " + "lambda p: " * 1_000 + "p.run({})\nf(FacePlugin())\n"


@_shape
def _nested_functions() -> str:
    lines = [f"{' ' * i}def f{i}(p):" for i in range(95)]
    return "\n".join([*lines, f"{' ' * 95}return p.run({{}})", "f0(FacePlugin())", ""])


@_shape
def _nested_parentheses() -> str:
    return "x = " + "(" * 190 + "FacePlugin()" + ")" * 190 + "\nx.run({})\n"


@_shape
def _nested_lists() -> str:
    return "x = " + "[" * 190 + "FacePlugin()" + "]" * 190 + "\nx" + "[0]" * 190 + ".run({})\n"


@_shape
def _nested_blocks() -> str:
    lines = [f"{' ' * i}if a{i}:" for i in range(90)]
    body = [f"{' ' * 90}FacePlugin().run({{}})"]
    loops = [f"{' ' * i}for v{i} in range(9):" for i in range(19)]
    tries = [f"{' ' * i}try:" for i in range(19)]
    ends = [f"{' ' * i}finally:\n{' ' * (i + 1)}p{i} = FacePlugin()" for i in reversed(range(19))]
    return "\n".join(
        [*lines, *body, *loops, " " * 19 + "FacePlugin().run(1)", *tries, " " * 19 + "x()", *ends]
    )


@_shape
def _operators() -> str:
    chain = " + ".join(["x"] * 4_000)
    either = " or ".join(["FacePlugin()"] * 4_000)
    negated = "not " * 2_000 + "x"
    ternary = " if x else ".join(["FacePlugin()"] * 900)
    compared = " < ".join(["x"] * 4_000)
    return f"x = 1\na = {chain}\n({either}).run(1)\n{negated}\n({ternary}).run(2)\n{compared}\n"


@_shape
def _else_chain() -> str:
    lines = ["def choose(kind):", "    if kind == 'k': return FacePlugin()"]
    lines += [f"    elif kind == 'k{i}': return FacePlugin()" for i in range(900)]
    return "\n".join([*lines, "choose('k7').run({})", ""])


# -- breadth -----------------------------------------------------------------------------


@_shape
def _dispatch_dict() -> str:
    handlers = [f"def h{i}(p):\n    return p.run({i})" for i in range(2_000)]
    entries = "".join(f"    'k{i}': h{i % 2_000},\n" for i in range(10_000))
    return "\n".join(
        [*handlers, f"TABLE = {{\n{entries}}}", "def go(k):", "    TABLE[k](FacePlugin())", ""]
    )


@_shape
def _plugin_table() -> str:
    entries = "".join(f"    'k{i}': FacePlugin(),\n" for i in range(10_000))
    return f"TABLE = {{\n{entries}}}\ndef go(k):\n    return TABLE[k].run({{}})\n"


@_shape
def _if_series() -> str:
    lines = ["def go(kind, plugin, other):", "    x = None"]
    for i in range(10_000):
        lines += [f"    if kind == {i}:", f"        x = {'plugin' if i % 2 else i}"]
    return "\n".join([*lines, "    x.run({})", "go(1, FacePlugin(), 2)", ""])


@_shape
def _match_cases() -> str:
    lines = ["def go(kind):", "    match kind:"]
    for i in range(10_000):
        lines += [f"        case {{'k': {i}, **rest}}:", f"            x = FacePlugin() or {i}"]
    return "\n".join([*lines, "    x.run({})", "go({})", ""])


@_shape
def _returns() -> str:
    lines = ["def go(kind):"]
    lines += [f"    if kind == {i}: return {i}" for i in range(5_000)]
    return "\n".join([*lines, "    return FacePlugin()", "go(1).run({})", ""])


@_shape
def _wide_try() -> str:
    lines = ["class ToolRunner:", "    def run(self, plugin: BasePlugin, x):"]
    for i in range(80):
        lines += [
            "        try:",
            f"            y = plugin.run({i})",
            f"        except ValueError as e{i}:",
            f"            y = str(e{i})",
            "        finally:",
            f"            update_execution_metrics({i})",
        ]
    return "\n".join(["def update_execution_metrics(x): ...", *lines, "        return y", ""])


@_shape
def _gate_of_branches() -> str:
    lines = ["class ToolRunner:", "    def run(self, plugin: BasePlugin, x):"]
    lines += ["        try:", "            y = plugin.run(x)", "        finally:"]
    for i in range(300):
        lines += [f"            if x == {i} and not y:", f"                a{i} = y or {i}"]
        lines += ["            else:", f"                b{i} = [y for y in x if y]"]
    lines += ["            update_execution_metrics(x)", "        return y", ""]
    return "\n".join(["def update_execution_metrics(x): ...", *lines])


@_shape
def _gate_of_diamonds() -> str:
    """A gate whose 25 private steps each call the next one twice: 2**25 ways to the plugin."""
    lines = ["class ToolRunner:", "    def run(self, plugin: BasePlugin, x):"]
    lines += ["        return self._step0(plugin, x)"]
    for i in range(25):
        lines += [f"    def _step{i}(self, plugin, x):", "        if x:"]
        lines += [f"            return self._step{i + 1}(plugin, x)"]
        lines += [f"        return self._step{i + 1}(plugin, [x])"]
    lines += ["    def _step25(self, plugin, x):", "        return plugin.run(x)", ""]
    return "\n".join(lines)


@_shape
def _job_states() -> str:
    lines = ["class Job:", "    def __init__(self):", "        self.status = JobStatus.PENDING"]
    lines += ["    def go(self, x):"]
    names = ["PENDING", "RUNNING", "SUCCESS", "FAILED"]
    for i in range(1_500):
        lines += [f"        if x == {i}:", f"            self.status = JobStatus.{names[i % 4]}"]
        lines += [f"        while x > {i}: self.status = JobStatus[{names[i % 3]!r}]"] * (
            i % 50 == 0
        )
    return "\n".join([*lines, ""])


@_shape
def _long_literal() -> str:
    numbers = ", ".join(str(i) for i in range(100_000))
    return f"x = [{numbers}]\nfor y in [*x, FacePlugin()]:\n    y.run({{}})\n"


@_shape
def _plugin_literal() -> str:
    return f"x = [{'FacePlugin(), ' * 30_000}]\nfor y in x:\n    y.run({{}})\n"


@_shape
def _many_arguments() -> str:
    names = ", ".join(f"a{i}" for i in range(5_000))
    values = ", ".join(["FacePlugin()"] * 5_000)
    keywords = ", ".join(f"a{i}=FacePlugin()" for i in range(5_000))
    return (
        f"def f({names}):\n    return a4999.run(a0)\nf({values})\nf({keywords})\n"
        f"def g(*args, **kwargs):\n    return f(*args, **kwargs)\ng({values})\ng({keywords})\n"
        f"({names}) = ({values})\na7.run(1)\n"
    )


@_shape
def _many_plugins() -> str:
    classes = [
        f"class P{i}(BasePlugin):\n    def run(self, payload):\n        return helper(self, P{i})"
        for i in range(1_000)
    ]
    table = ", ".join(f"P{i}()" for i in range(1_000))
    return "\n".join(
        [
            "def helper(plugin, cls):\n    return cls().run(plugin)",
            *classes,
            f"ALL = [{table}]",
            "def go(x):\n    for p in ALL:\n        p.run(x)\n        helper(p, type(p))",
            "",
        ]
    )


@_shape
def _many_contexts() -> str:
    """Functions that call each other under every plugin in every position."""
    classes = [f"class P{i}(BasePlugin): pass" for i in range(20)]
    functions = [
        f"def f{i}(a, b, c):\n"
        + "".join(
            f"    f{(i * 3 + k) % 60}({', '.join(order)})\n"
            for k, order in enumerate(["abc", "bca", "cab", "acb"])
        )
        + "    return a.run(b)"
        for i in range(60)
    ]
    calls = [f"f{i % 60}(P{i % 20}(), P{i * 7 % 20}(), P{i * 3 % 20}())" for i in range(200)]
    return "\n".join([*classes, *functions, *calls, ""])


@_shape
def _comprehensions() -> str:
    clauses = " ".join(f"for v{i} in x if v{i}" for i in range(60))
    return (
        f"x = [FacePlugin()]\ny = [v0 {clauses}]\ny[0].run(1)\n"
        f"z = {'[' * 18}p{' for p in x]' * 18}\nw = {{{'**x, ' * 3_000}}}\n"
    )


# -- folding -----------------------------------------------------------------------------


@_shape
def _constant_folding() -> str:
    return """
a = "a" * 10**9
b = b"a" * 10**10
c = 10 ** 10 ** 10
d = 1 << 10**12
e = [0] * 10**9
f = (0,) * 10**9
g = "%1000000000s" % "x"
h = "{:>1000000000}".format("x")
i = f"{'x':>1000000000}"
j = "x".ljust(10**9)
k = "x".center(10**9).replace("x", "y" * 10**8)
l = "ab".join(["x" * 10**8] * 10**8)
m = "%s" * 10**8 % (1,)
n = str(10**10**8)
o = "x".zfill(10**9)
p = "".join(chr(v) for v in range(10**9))
q = list(range(10**12))
r = "\\t".expandtabs(10**9)
s = int("9" * 10**6)
t = -(10**9) ** 999_999_999
u = 2 ** -(10**9)
v = "x" * -(10**9)
w = "%.*f" % (10**9, 1.0)
x = "%0*d" % (10**9, 1)
y = bytes(10**10)
z = bytearray(10**10)
getattr(FacePlugin(), a)(1)
getattr(FacePlugin(), g)(1)
getattr(FacePlugin(), "ru" + "n" * 10**9)(1)
getattr(FacePlugin(), "%s%s" % ("r", "un" * 10**8))(1)
getattr(FacePlugin(), "run"[:10**18])(1)
getattr(FacePlugin(), f"{'run':<1000000000}".strip())(1)
""".replace("m = ", "mm = ")


@_shape
def _doubling() -> str:
    pairs = "\n".join("x = (x, x)" for _ in range(60))
    lists = "\n".join("y = y + y" for _ in range(60))
    maps = "\n".join("z = {'a': z, 'b': z, **z}" for _ in range(60))
    text = "\n".join("t = t + t" for _ in range(60))
    forms = "\n".join('s = f"{s}{s}"' for _ in range(60))
    percents = "\n".join("r = '%s%s' % (r, r)" for _ in range(60))
    numbers = "\n".join("n = n * n" for _ in range(60))
    functions = "\n".join(
        f"def d{i}(p): return (d{i + 1}(p), d{i + 1}(p), d{i + 1}([p]))" for i in range(60)
    )
    return (
        f"x = FacePlugin()\n{pairs}\ny = [FacePlugin()]\n{lists}\nz = {{}}\n{maps}\n"
        f"t = s = r = 'run'\n{text}\n{forms}\n{percents}\nn = 3\n{numbers}\n{functions}\n"
        "def d60(p): return p.run(1)\nd0(FacePlugin())\n"
        "x[0][0][0].run(1)\ny[0].run(1)\ngetattr(y[0], t)(1)\ngetattr(y[0], s)(1)\n"
        "z['a']['b']['a'].run(1)\nhash(x)\n"
    )


@_shape
def _text_products() -> str:
    """Every choice of 30 two-way choices makes another name."""
    choices = "\n".join(f"    n = n + ('a' if x > {i} else 'b')" for i in range(30))
    return f"def go(x):\n    n = 'r'\n{choices}\n    getattr(FacePlugin(), n)(x)\n"


@_shape
def _update_chains() -> str:
    lines = [f"d{i} = {{'p': FacePlugin()}}" for i in range(100)]
    lines += [f"d{i}.update(d{(i + 1) % 100})" for i in range(100)]
    lines += [f"d{i}['k{i}'] = d{(i * 7) % 100}" for i in range(100)]
    lines += [f"e{i} = {{**d{i}, **d{(i * 11) % 100}}}" for i in range(100)]
    lines += [f"e{i}['p'].run({i})" for i in range(0, 100, 10)]
    loop = "while x:\n    a, b, c = {**b, 'c': c}, {**c, 'a': a}, dict(a, **b)\n"
    return "\n".join([*lines, "a, b, c = {}, {}, {'p': FacePlugin()}", loop, "a['p'].run(1)", ""])


@_shape
def _self_reference() -> str:
    return """
x = [FacePlugin()]
x.append(x); x[0] = x; x.extend(x); x += x
d = {}
d["d"] = d; d.update(d); d.setdefault("x", x); d |= d
def f(*a, **k):
    f.f = f; f(f, *a, f=f, **k)
    return f
f.self = f(f)(f)(f)(x, d)
class Meta(type):
    def __call__(cls, *a): return cls(*a)(cls)
    def __getattribute__(cls, name): return getattr(cls, name)
class Odd(metaclass=Meta):
    run = property(lambda self: self.run)
    __getattr__ = __call__ = __get__ = run
    def __set_name__(self, owner, name): setattr(owner, name + "_", owner)
Odd()().run.run.run(x)
Odd.Odd = Odd
x[0][0][0]["d"]["d"]["x"][0].run({})
import itertools, functools, operator
functools.reduce(lambda a, b: [a, b, x], x).run(1)
functools.reduce(functools.partial, [functools.partial] * 9)(FacePlugin()).run(1)
for a, b in itertools.product(x, x, repeat=9): a.run(b)
operator.methodcaller("run", {})(x)
map(map, map(map, x), map(f, x))
"""
