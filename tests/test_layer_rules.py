"""GOV103: every block of its page, the cases of data/states, and what a finding says."""

from __future__ import annotations

import pytest
from state_examples import RULES, Example, judge, of_cases, of_page, places

from govlint.python.bindings import Bindings

(PAGE,) = RULES.glob("GOV103-*.md")

SERVICES = """\
class PluginExecutionService:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...

"""


@pytest.mark.parametrize("example", list(of_page(PAGE)), ids=lambda example: example.name)
def test_the_page_is_found_as_it_says(example: Example) -> None:
    assert places(judge(example.files)) == example.expected()


@pytest.mark.parametrize("example", list(of_cases("layers")), ids=lambda example: example.name)
def test_a_case_is_found_as_it_is_marked(example: Example) -> None:
    assert places(judge(example.files)) == example.expected()


def test_the_page_has_enough_of_both_kinds() -> None:
    examples = list(of_page(PAGE))
    assert sum(bool(example.expected()) for example in examples) >= 12
    assert sum(not example.expected() for example in examples) >= 8


def test_a_skip_names_both_layers_and_the_chain() -> None:
    code = (
        SERVICES
        + """
class AnalysisExecutionService:
    plugins: PluginExecutionService

    def analyze(self, plugin, payload):
        return self.plugins.execute(plugin, payload)
"""
    )
    (finding,) = judge({"app/services.py": code})
    assert "AnalysisExecutionService calls PluginExecutionService.execute()" in finding.message
    assert "leaves out JobExecutionService" in finding.message
    assert "API → AnalysisExecutionService → JobExecutionService" in finding.message


def test_the_way_through_helpers_is_related_in_order() -> None:
    code = (
        SERVICES
        + """
def first(plugins, plugin, payload):
    return second(plugins, plugin, payload)


def second(plugins, plugin, payload):
    return plugins.execute(plugin, payload)


class AnalysisExecutionService:
    plugins: PluginExecutionService

    def analyze(self, plugin, payload):
        return first(self.plugins, plugin, payload)
"""
    )
    (finding,) = judge({"app/services.py": code})
    assert finding.location.line == 14
    assert [related.location.line for related in finding.related] == [21, 10]


def test_bindings_name_the_layers() -> None:
    bindings = Bindings(layers=("Front", "Middle", "Back"), api=("web",))
    code = """\
class Back:
    def go(self): ...


class Middle:
    back: Back

    def go(self):
        return self.back.go()


class Front:
    back: Back

    def go(self):
        return self.back.go()
"""
    web = """\
from app.services import Middle


def view(middle: Middle):
    return middle.go()
"""
    found = judge({"app/services.py": code, "app/web/views.py": web}, bindings)
    assert places(found) == [("app/services.py", 16, "GOV103"), ("app/web/views.py", 5, "GOV103")]


def test_a_project_without_layers_has_no_skips() -> None:
    code = "class A:\n    def f(self, b):\n        return b.execute()\n"
    assert judge({"app/api/views.py": code}) == []
