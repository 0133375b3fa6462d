"""Programs in which very much meets in one place: the value flow ends, and still finds."""

from __future__ import annotations

import importlib

import pytest
from test_gate_rules import linked

from govlint.model import Rule, Severity
from govlint.python.bindings import Bindings
from govlint.python.program import Program

_BASE = """\
class BasePlugin:
    def run(self, payload): ...
"""


def _found(program: Program, code: str = "GOV101", module: str = "plugin_run") -> list[int]:
    check = importlib.import_module(f"govlint.checks.{module}")
    rule = Rule(code, module, Severity.ERROR, "0.1.0", check.KIND, {}, *("",) * 7)
    return sorted(f.location.line for f in check.run(rule, check.Params(), program))


def _crowd(kinds: int) -> str:
    """A program whose every object passes through one function and one dictionary."""
    parts = [_BASE, "STORE = {}", "def through(item):", "    return item", ""]
    for number in range(kinds):
        parts += [
            f"class Kind{number}:",
            "    def run(self, *arguments): ...",
            f"    def keep(self, plugin: BasePlugin, key, other: 'Kind{number}'):",
            "        self.plugin = plugin",
            "        self.items = [through(plugin), through(self), through(other)]",
            "        STORE[key] = through(self.items)",
            "        self.last = through(STORE[key])",
            "        return through({key: self.items, 'all': STORE})",
            f"def use{number}(plugin: BasePlugin, key):",
            f"    made = Kind{number}()",
            "    return through(made.keep(plugin, key, made))",
        ]
    return "\n".join([*parts, "def start(plugin: BasePlugin):", "    plugin.run({})", ""])


def test_a_crowded_program_ends_and_the_call_is_found() -> None:
    text = _crowd(120)
    program = linked({"app.py": text}, Bindings())
    assert not program.problems
    assert program.flow.evaluations < 6_000
    assert max(len(values) for values in program.flow.recorded.values()) <= 80
    assert text.count("\n") in _found(program)


def test_it_is_said_that_less_of_a_large_program_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("govlint.python.flow.fixpoint._LARGE", 50)
    (problem,) = linked({"app.py": _crowd(20)}, Bindings()).problems
    assert problem[0] == "limit"
    assert "there may be more findings" in problem[1]


def test_an_object_that_is_its_own_call_ends() -> None:
    text = f"""\
{_BASE}
class Echo:
    pass

Echo.__call__ = Echo()
Echo.__post_init__ = Echo

def start(plugin: BasePlugin):
    Echo()(plugin)
    plugin.run({{}})
"""
    assert _found(linked({"app.py": text}, Bindings())) == [text.count("\n")]


def test_where_very_many_values_meet_the_declared_type_decides() -> None:
    kinds = [f"class Kind{n}:\n    def run(self, *arguments): ...\n" for n in range(30)]
    calls = [f"    fired(Kind{n}(), Kind{n}.run)\n" for n in range(30)]
    text = "".join(
        [
            _BASE,
            "class Page:\n    def run(self, *arguments): ...\n",
            *kinds,
            "def fired(item, key):\n    return item\n",
            "def on_page(page: Page, key) -> Page:\n    return fired(page, key)\n",
            "def start(plugin: BasePlugin, page: Page):\n",
            *calls,
            "    fired(plugin, BasePlugin)\n",
            "    on_page(page, 1).run({})\n",
        ]
    )
    assert _found(linked({"app.py": text}, Bindings())) == []


def test_governed_methods_may_be_patterns() -> None:
    text = """\
class BasePlugin:
    def on_page(self, page): ...
    def on_end(self): ...
    def describe(self): ...

class Server:
    def on_page(self, page): ...

def start(plugin: BasePlugin, server: Server, name):
    plugin.on_page(1)
    plugin.on_end()
    plugin.describe()
    server.on_page(1)
    getattr(plugin, name)()
    getattr(plugin, "on_" + name)()
"""
    program = linked({"app.py": text}, Bindings(governed_methods=("on_*",)))
    assert _found(program) == [10, 11]
    assert _found(program, "GOV102", "dynamic_dispatch") == [14, 15]
