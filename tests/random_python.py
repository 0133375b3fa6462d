"""Random Python about plugins, gates and jobs, for hypothesis; and ways to damage real code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

PRELUDE = """\
from __future__ import annotations
import asyncio, functools, itertools, operator, threading
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

class BasePlugin:
    name = "base"
    def run(self, payload): ...

class JobStatus(Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"

class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"

def validate_input(payload): ...
def validate_output(output): ...
def error_envelope(error): ...
def update_execution_metrics(name, outcome): ...
"""

_NAMES = "plugin self x y payload registry tool job error output BasePlugin FacePlugin".split()
_ATTRIBUTES = (
    "run plugin status state name get items values append update __class__ __dict__ __call__ "
    "_plugins x submit map delay PENDING SUCCESS RUNNING FAILED ERROR __init__ __getattr__"
).split()
_CONSTANTS = (
    "'run' 'plugin' '' b'run' 0 1 -1 1.5 1j None True ... 'SUCCESS' 'RUNNING' 'FAILED' "
    "'%s' '{}' 'x.run' 'r\\x75n' '\\ud800' 10**9 'a'*10**9"
).split()
_CALLEES = (
    "getattr setattr map filter zip sorted list dict tuple set type super vars iter next "
    "isinstance eval exec print partial functools.partial functools.reduce operator.methodcaller "
    "operator.attrgetter itertools.chain asyncio.to_thread threading.Thread ThreadPoolExecutor "
    "FacePlugin ToolRunner Job JobStatus PluginLifecycleState validate_input validate_output "
    "error_envelope update_execution_metrics globals locals __import__ helper f"
).split()
_OPERATORS = [*"+ - * / // % ** @ | & ^ << >> and or == != < > in is".split(), "not in"]
_CLASSES = "FacePlugin BasePlugin ToolRunner Job JobStatus PluginService Registry Odd".split()
_METHODS = "run __init__ __call__ __getattr__ __enter__ __exit__ helper start state status".split()


@dataclass
class _Writer:
    """Draws one module: expressions as text, statements as indented lines."""

    draw: Callable[[st.SearchStrategy[int]], int]
    budget: int
    lines: list[str] = field(default_factory=list)
    iterables: int = 0  # comprehensions of whose `in …` this is written

    def pick(self, options: Sequence[str]) -> str:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == 0

    def name(self) -> str:
        return self.pick(_NAMES)

    # -- expressions

    def expression(self, depth: int = 3) -> str:
        if depth <= 0 or self.budget <= 0:
            return self.pick([self.name(), self.pick(_CONSTANTS), f"{self.name()}.run"])
        self.budget -= 1
        return _EXPRESSIONS[self.draw(st.integers(0, len(_EXPRESSIONS) - 1))](self, depth - 1)

    def attribute(self, depth: int) -> str:
        return f"({self.expression(depth)}).{self.pick(_ATTRIBUTES)}"

    def call(self, depth: int) -> str:
        callee = self.pick([self.pick(_CALLEES), f"({self.expression(depth)})"])
        count = self.draw(st.integers(0, 3))
        given = [self.pick(["", "", "*"]) + f"({self.expression(depth)})" for _ in range(count)]
        if self.chance(3):
            given.append(f"{self.name()}={self.expression(depth)}")
        if self.chance(5):
            given.append(f"**{{'payload': {self.expression(depth)}}}")
        return f"{callee}({', '.join(given)})"

    def method_call(self, depth: int) -> str:
        return f"{self.attribute(depth)}({self.expression(depth)})"

    def parameters(self) -> str:
        return self.pick(
            ["x", "plugin, x=None", "*x, **y", "self, plugin: BasePlugin, /, *, y=1", "",
             "self", "self, payload", "self: 'FacePlugin', job: Job | None = None"]
        )  # fmt: skip

    def lambda_(self, depth: int) -> str:
        return f"(lambda {self.pick(['x', '', '*x, **y', 'plugin, /, x=1'])}: " + (
            f"{self.expression(depth)})"
        )

    def comprehension(self, depth: int) -> str:
        brackets = self.pick(["[]", "{}", "()"])
        opening, closing = brackets[0], brackets[1]
        condition = f" if {self.expression(depth)}" if self.chance(2) else ""
        self.iterables += 1
        source = self.expression(depth)
        self.iterables -= 1
        clause = f"for {self.pick(['x', 'x, *y', 'plugin'])} in ({source}){condition}"
        element = f"({self.expression(depth)})"
        if opening == "{" and self.chance(2):
            element += f": {self.expression(depth)}"
        return f"{opening}{element} {clause}{closing}"

    def display(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 3))
        inner = [f"({self.expression(depth)})" for _ in range(self.draw(st.integers(0, 3)))]
        if kind == 0:
            return "[" + ", ".join([*inner, f"*{self.name()}"]) + "]"
        if kind == 1:
            return "(" + "".join(f"{part}, " for part in inner) + ")"
        if kind == 2:
            return "{" + ", ".join([f"'k{i}': {part}" for i, part in enumerate(inner)]) + "}"
        return "{" + ", ".join([f"**{self.name()}", *(f"{part}: 1" for part in inner)]) + "}"

    def f_string(self, depth: int) -> str:
        return (
            f"f'{{{self.name()}.{self.pick(_ATTRIBUTES)}!r:>{self.draw(st.integers(0, 10**9))}}}n'"
        )

    def binary(self, depth: int) -> str:
        return f"({self.expression(depth)} {self.pick(_OPERATORS)} {self.expression(depth)})"

    def conditional(self, depth: int) -> str:
        parts = [self.expression(depth) for _ in range(3)]
        return f"({parts[0]} if {parts[1]} else {parts[2]})"

    def subscript(self, depth: int) -> str:
        index = self.pick(["0", "-1", "'k0'", ":", "::-1", f"({self.expression(depth)})"])
        return f"({self.expression(depth)})[{index}]"

    def walrus(self, depth: int) -> str:
        if self.iterables:  # where Python allows none
            return self.expression(depth)
        return f"({self.name()} := {self.expression(depth)})"

    # -- statements

    def emit(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def block(self, indent: int, count: int, scope: str) -> None:
        if indent > 6 or self.budget <= 0:
            self.emit(indent, "pass")
            return
        for _ in range(count):
            self.statement(indent, scope)

    def statement(self, indent: int, scope: str) -> None:
        self.budget -= 1
        kinds = ["expr", "expr", "assign", "assign", "augment", "if", "while", "for", "with", "try",
                 "def", "def", "class", "match", "del", "import", "assert", "raise"]  # fmt: skip
        if scope in ("def", "async"):
            kinds += ["return", "return", "yield", "global", "nonlocal"]
        if scope == "async":
            kinds += ["await", "async for", "async with"]
        kind = self.pick(kinds)
        few = self.draw(st.integers(1, 3))
        match kind:
            case "expr":
                self.emit(indent, self.expression())
            case "assign":
                target = self.pick([self.name(), f"{self.name()}.{self.pick(_ATTRIBUTES)}",
                                    f"{self.name()}['k0']", f"{self.name()}, *{self.name()}",
                                    f"{self.name()}: BasePlugin"])  # fmt: skip
                self.emit(indent, f"{target} = {self.expression()}")
            case "augment":
                self.emit(indent, f"{self.name()} {self.pick('+ - * | & **'.split())}= x")
            case "if" | "while":
                self.emit(indent, f"{kind} {self.expression()}:")
                self.block(indent + 1, few, scope)
                if self.chance(2):
                    self.emit(indent, "else:")
                    self.block(indent + 1, few, scope)
            case "for" | "async for":
                self.emit(
                    indent, f"{kind} {self.pick(['x', 'x, y', 'self.x'])} in ({self.expression()}):"
                )
                self.block(indent + 1, few, scope)
                self.emit(indent + 1, self.pick(["break", "continue", "pass"]))
            case "with" | "async with":
                self.emit(indent, f"{kind} ({self.expression()}) as {self.name()}:")
                self.block(indent + 1, few, scope)
            case "try":
                self._try(indent, few, scope)
            case "def":
                self._def(indent, few, scope)
            case "class":
                self._class(indent, few)
            case "match":
                self._match(indent, few, scope)
            case "del":
                self.emit(indent, f"del {self.pick(['x', 'x.run', 'x[0]', 'self.plugin'])}")
            case "import":
                forms = ["import app", "from .x import y", "from app import run as x"]
                forms += ["import app.x.y as plugin", "from . import x"]
                self.emit(indent, self.pick(forms))
            case "assert" | "raise" | "return" | "await":
                self.emit(indent, f"{kind} ({self.expression()})")
            case "yield":
                self.emit(indent, f"x = yield ({self.expression()})")
            case "global" | "nonlocal":
                # both have to come before the first use, and `nonlocal` needs an outer binding
                self.emit(indent, f"def inner{few}():")
                self.emit(indent + 1, f"{kind} {'n0' if kind == 'nonlocal' else f'g{few}'}")
                self.emit(indent + 1, f"{'n0' if kind == 'nonlocal' else f'g{few}'} = plugin.run")

    def _try(self, indent: int, few: int, scope: str) -> None:
        self.emit(indent, "try:")
        self.block(indent + 1, few, scope)
        handled = self.chance(2)
        if handled:
            star = self.pick(["", "", "*"])
            self.emit(indent, f"except{star} (ValueError, Exception) as error:")
            self.block(indent + 1, few, scope if not star else "module")
        if not handled or self.chance(2):
            self.emit(indent, "finally:")
            if self.chance(2):
                self.emit(indent + 1, "update_execution_metrics(x, 'SUCCESS')")
            self.block(indent + 1, few, scope)

    def _decorators(self, indent: int) -> None:
        for _ in range(self.draw(st.integers(0, 2))):
            self.emit(indent, "@" + self.pick(["property", "staticmethod", "classmethod", "f",
                      "functools.wraps(x)", "functools.cache", "router.post('/x')",
                      self.call(1)]))  # fmt: skip

    def _def(self, indent: int, few: int, scope: str) -> None:
        self._decorators(indent)
        kind = self.pick(["", "", "async "])
        name = (
            self.pick(_METHODS) if scope == "class" else self.pick(["f", "helper", "run", "inner"])
        )
        self.emit(indent, f"{kind}def {name}({self.parameters()}):")
        inner = "async" if kind else "def"
        self.emit(indent + 1, "n0 = None")
        self.block(indent + 1, few, inner)

    def _class(self, indent: int, few: int) -> None:
        self._decorators(indent)
        bases = self.pick(["", "(BasePlugin)", "(FacePlugin, BasePlugin)", "(Enum)", "(str, Enum)",
                           f"({self.call(1)})", "(metaclass=type)", "(Odd)"])  # fmt: skip
        self.emit(indent, f"class {self.pick(_CLASSES)}{bases}:")
        self.block(indent + 1, few, "class")

    def _match(self, indent: int, few: int, scope: str) -> None:
        self.emit(indent, f"match ({self.expression()}):")
        patterns = ["{'k0': x, **y}", "[x, *y]", "BasePlugin(name=x)", "JobStatus.RUNNING",
                    "'run' | 'x'", "1 | None", "(x, 1) as y", "str() as x"]  # fmt: skip
        for _ in range(few):
            guard = f" if {self.expression(1)}" if self.chance(3) else ""
            self.emit(indent + 1, f"case {self.pick(patterns)}{guard}:")
            self.block(indent + 2, 1, scope)
        self.emit(indent + 1, "case _:")
        self.block(indent + 2, 1, scope)


_EXPRESSIONS: list[Callable[[_Writer, int], str]] = [
    _Writer.attribute, _Writer.call, _Writer.call, _Writer.method_call, _Writer.method_call,
    _Writer.lambda_, _Writer.comprehension, _Writer.display, _Writer.f_string, _Writer.binary,
    _Writer.conditional, _Writer.subscript, _Writer.walrus,
]  # fmt: skip


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A module about plugins; nearly always valid Python."""
    writer = _Writer(draw, draw(st.integers(10, 120)))
    while writer.budget > 0:
        writer.statement(0, "module")
    return PRELUDE + "\n".join(writer.lines) + "\n"


_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@st.composite
def damaged(draw: st.DrawFn, texts: Sequence[str]) -> bytes:
    """Real code with tokens dropped, doubled, exchanged or moved, cut off, or bytes flipped."""
    text = texts[draw(st.integers(0, len(texts) - 1))]
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(1, 6))):
        if not tokens:
            break
        at = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.integers(0, len(tokens) - 1))
        match draw(st.integers(0, 6)):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(other, tokens[at])
            case 2 | 3:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 4 | 5:  # one name for another: mostly still valid
                names = [i for i, token in enumerate(tokens) if token.isidentifier()]
                if names:
                    tokens[names[at % len(names)]] = tokens[names[other % len(names)]]
            case _:
                if draw(st.integers(0, 3)) == 0:
                    del tokens[at:]
    data = bytearray("".join(tokens).encode())
    if data and draw(st.integers(0, 4)) == 0:
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)
