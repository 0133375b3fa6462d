"""README: what it shows is what happens. `UPDATE_README=1 pytest tests/test_readme.py` rewrites
the parts between markers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from govlint.catalog import load_catalog

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EXAMPLE = Path("examples") / "vision-server"
APP = EXAMPLE / "server" / "app"
UPDATING = os.environ.get("UPDATE_README") == "1"


@dataclass(frozen=True)
class Expected:
    """A finding the example is there for: where, on which text, and of which rules one."""

    path: Path
    text: str
    rules: tuple[str, ...]


SEVEN = [
    Expected(APP / "services" / "preview.py", "OcrPlugin().run", ("GOV101",)),
    Expected(APP / "services" / "redaction.py", "_FINDERS[kind].run(", ("GOV101",)),
    Expected(APP / "services" / "batch.py", "pool.submit(plugin.run,", ("GOV101",)),
    Expected(APP / "services" / "schedule.py", "tool.run(payload)", ("GOV101",)),
    Expected(APP / "services" / "health.py", "getattr(plugin, _VERBS[1])", ("GOV101", "GOV102")),
    Expected(APP / "services" / "album.py", "apply(finder.run, images)", ("GOV101",)),
    Expected(APP / "plugins" / "runtime" / "tool_runner.py", "", ("GOV202",)),
]


def _blocks(language: str) -> list[str]:
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def _govlint(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "govlint", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "100"},
    )


@pytest.fixture(scope="module")
def findings() -> list[dict[str, Any]]:
    done = _govlint("check", "--no-cache", "--format", "json", str(EXAMPLE))
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["problems"] == []
    return list(result["findings"])


def test_the_first_screen_is_three_sentences_and_two_commands_of_one_line() -> None:
    first, second = _blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install -q . && ")
    assert first.rstrip().endswith(f".venv/bin/govlint check {EXAMPLE.as_posix()}")
    assert second.rstrip().endswith(".venv/bin/pytest")
    lines = README.read_text(encoding="utf-8").splitlines()
    assert lines.index(first.rstrip()) < 20 and lines.index(second.rstrip()) < 25
    opening = " ".join(lines[2 : lines.index("", 2)])
    assert len(re.findall(r"[.!?](?= |$)", opening)) == 3


def test_the_examples_own_scanner_is_content() -> None:
    scanner = ROOT / EXAMPLE / "scripts" / "scan_execution_violations.py"
    done = subprocess.run(
        [sys.executable, str(scanner)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stdout) == (0, "✔ all governance rules satisfied\n")


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    shutil.copytree(ROOT / EXAMPLE, tmp_path / "example")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path / "example" / "server",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("expected", SEVEN, ids=lambda e: e.path.stem)
def test_each_of_the_seven_is_found_where_it_stands(
    findings: list[dict[str, Any]], expected: Expected
) -> None:
    lines = (ROOT / expected.path).read_text(encoding="utf-8").splitlines()
    here = [f for f in findings if f["path"] == expected.path.as_posix()]
    assert len(here) == 1, here
    assert here[0]["rule"] in expected.rules
    assert expected.text in lines[here[0]["line"] - 1]


def test_nothing_but_the_seven_is_found(findings: list[dict[str, Any]]) -> None:
    assert sorted(f["path"] for f in findings) == sorted(e.path.as_posix() for e in SEVEN)


def test_the_value_handed_to_another_module_is_shown_on_its_way(
    findings: list[dict[str, Any]],
) -> None:
    (album,) = [f for f in findings if f["path"].endswith("album.py")]
    places = {step["path"] for step in album["related"]}
    assert places, "the path that the value took is not shown"


def _between(name: str, content: str) -> None:
    """Hold the README's part `name` to `content`, or rewrite it when asked to."""
    text = README.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    shown, marker, after = rest.partition(end)
    assert marker, f"README has no part between {start.strip()} and {end}"
    if UPDATING:
        README.write_text(f"{before}{start}{content}{end}{after}", encoding="utf-8")
    else:
        assert shown == content, "run UPDATE_README=1 pytest tests/test_readme.py"


def test_the_sample_is_what_the_first_command_prints() -> None:
    output = _govlint("check", "--no-cache", str(EXAMPLE)).stdout
    entries = output.split("\n\n")
    (sample,) = [
        entry for entry in entries if (APP / "services" / "redaction.py").as_posix() in entry
    ]
    _between("sample", f"\n```text\n{sample}\n```\n\n")


def test_the_table_of_rules_is_the_catalogue() -> None:
    rows = [
        f"| [{rule.code}](rules/{rule.pack}/{Path(rule.path).name}) | {rule.name} "
        f"| {rule.summary} |"
        for rule in load_catalog().rules.values()
    ]
    head = ["", "| code | name | in one line |", "| --- | --- | --- |"]
    _between("rules", "\n".join([*head, *rows, "", ""]))


@pytest.mark.parametrize("number", range(len(_blocks("toml"))))
def test_every_configuration_shown_is_one_that_govlint_takes(tmp_path: Path, number: int) -> None:
    block = _blocks("toml")[number]
    (tmp_path / "pyproject.toml").write_text(block)
    (tmp_path / "a.py").write_text("x = 1\n")
    done = _govlint("check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_verbs_and_options_named_exist() -> None:
    (synopsis,) = [b for b in _blocks("text") if b.startswith("govlint check")]
    for line in synopsis.splitlines():
        verb = line.split()[1]
        assert _govlint(verb, "--help").returncode == 0, verb
    usage = _govlint("check", "--help").stdout
    table = README.read_text(encoding="utf-8").partition("| option |")[2].partition("\n\n")[0]
    for option in re.findall(r"(?<!-)--[a-z][a-z-]*", table):
        assert option in usage, option


def test_every_link_within_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
