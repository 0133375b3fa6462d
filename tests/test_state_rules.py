"""GOV301 to GOV304: every block of their pages, and the cases of data/states."""

from __future__ import annotations

import pytest
from state_examples import RULES, Example, judge, of_cases, of_page, places

from govlint.python.bindings import Bindings

PAGES = [example for page in sorted(RULES.glob("GOV30*.md")) for example in of_page(page)]
CASES = [example for name in ("lifecycle", "jobs", "writes") for example in of_cases(name)]

STATES = """\
from enum import Enum


class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"
"""


@pytest.mark.parametrize("example", PAGES, ids=lambda example: example.name)
def test_a_page_is_found_as_it_says(example: Example) -> None:
    assert places(judge(example.files)) == example.expected()


@pytest.mark.parametrize("example", CASES, ids=lambda example: example.name)
def test_a_case_is_found_as_it_is_marked(example: Example) -> None:
    assert places(judge(example.files)) == example.expected()


@pytest.mark.parametrize("code", ["GOV301", "GOV302", "GOV303", "GOV304"])
def test_a_page_has_enough_of_both_kinds(code: str) -> None:
    (page,) = RULES.glob(f"{code}-*.md")
    bad = [e for e in of_page(page) if any(rule == code for _, _, rule in e.expected())]
    good = [e for e in of_page(page) if not e.expected()]
    assert len(bad) >= 12
    assert len(good) >= 8


def test_the_message_names_the_word_and_what_is_accepted() -> None:
    code = STATES + "\n\nBAD = PluginLifecycleState.QUEUED\n"
    (finding,) = judge({"app.py": code})
    assert "QUEUED is named here as a plugin lifecycle state" in finding.message
    assert "LOADED, INITIALIZED, RUNNING, FAILED, UNAVAILABLE" in finding.message


def test_a_metric_is_reported_once_and_by_its_own_rule() -> None:
    code = STATES + "    ERROR = 'ERROR'\n    BUSY = 'BUSY'\n"
    assert places(judge({"app.py": code})) == [("app.py", 7, "GOV302"), ("app.py", 8, "GOV301")]


def test_a_transition_through_a_call_shows_the_write() -> None:
    code = """\
from app.jobs import JobStatus


def finish(job):
    job.status = JobStatus.SUCCESS


def skip(job):
    job.status = JobStatus.PENDING
    finish(job)
"""
    (finding,) = judge({"app/service.py": code})
    assert finding.location.line == 10
    assert "from PENDING to SUCCESS" in finding.message
    assert "accepted is only RUNNING" in finding.message
    assert [related.location.line for related in finding.related] == [5]


def test_a_final_state_is_said_to_be_final() -> None:
    code = """\
from app.jobs import JobStatus


def reopen(job):
    if job.status == JobStatus.FAILED:
        job.status = JobStatus.PENDING
"""
    (finding,) = judge({"app/service.py": code})
    assert "that state is final" in finding.message


def test_bindings_give_other_names_to_the_enums_and_states() -> None:
    bindings = Bindings(
        lifecycle_enums=("Phase",),
        lifecycle_states=("UP", "DOWN"),
        job_enums=("RunPhase",),
        job_states=("NEW", "BUSY", "OVER"),
        job_transitions=(("NEW", "BUSY"), ("BUSY", "OVER")),
    )
    code = """\
from enum import Enum


class Phase(Enum):
    UP = 1
    DOWN = 2
    LOADED = 3


class RunPhase(Enum):
    NEW = 1
    BUSY = 2
    OVER = 3


def close(run):
    if run.phase == RunPhase.NEW:
        run.status = RunPhase.BUSY
    run.status = RunPhase.OVER
    run.status = RunPhase.NEW
"""
    assert places(judge({"app.py": code}, bindings)) == [
        ("app.py", 7, "GOV301"),
        ("app.py", 20, "GOV303"),
    ]


def test_test_files_are_exempt() -> None:
    code = STATES + "\n\nBAD = PluginLifecycleState.QUEUED\n"
    assert judge({"tests/test_states.py": code}) == []


def test_the_setter_is_clean_and_its_caller_is_not() -> None:
    code = """\
from app.states import PluginLifecycleState


class BasePlugin:
    def set_state(self, state):
        self.state = state

    def run(self, payload): ...


def off(plugin: BasePlugin):
    plugin.set_state(state=PluginLifecycleState.UNAVAILABLE)
"""
    (finding,) = judge({"app/plugins.py": code})
    assert (finding.rule, finding.location.line) == ("GOV304", 12)
    assert "set_state()" in finding.message
