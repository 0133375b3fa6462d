"""`govlint rules` and `govlint explain`, as a policy owner meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from govlint.cli import main
from govlint.pages import parse

ROOT = Path(__file__).parent.parent
PAGE = """\
---
id: ACM001
name: run-outside
severity: warning
since: 1.2.3
check: dynamic-dispatch
params: {undecided: warning}
spec: "handbook, page 7"
---

# Nobody runs a plugin by a computed name | ever

Because the gate does not see it.

## How to fix

Call the gate.

## Invalid

```python
class BasePlugin:
    def run(self, payload): ...


def start(plugin: BasePlugin, name, payload):
    return getattr(plugin, name)(payload)  # expect: ACM001
```

## Valid

```python
class BasePlugin:
    def run(self, payload): ...


def start(runner, plugin: BasePlugin, payload):
    return runner.start(plugin, payload)
```
"""


@pytest.fixture(autouse=True)
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a rule folder of its own, as the working directory."""
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "team"
    (root / "governance").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.govlint]\nrules = ["governance"]\n')
    (root / "governance" / "ACM001-run-outside.md").write_text(PAGE)
    monkeypatch.chdir(root)
    return root


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        out, err = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        assert "Traceback" not in err
        return stop.value.code, out, err

    return call


# -- list ------------------------------------------------------------------------------------


def test_list_names_the_built_in_rules_and_the_teams_own(run: Run) -> None:
    code, out, _ = run("rules", "list")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[0][:3] == ["ACM001", "run-outside", "warning"]
    assert ["GOV101", "direct-plugin-run", "error"] in [row[:3] for row in rows]


def test_list_as_json(run: Run) -> None:
    code, out, _ = run("rules", "list", "--format", "json")
    entries = {entry["code"]: entry for entry in json.loads(out)}
    assert code == 0
    assert entries["ACM001"] == {
        "code": "ACM001",
        "name": "run-outside",
        "severity": "warning",
        "pack": "governance",
        "since": "1.2.3",
        "check": "dynamic-dispatch",
        "spec": "handbook, page 7",
        "summary": "Nobody runs a plugin by a computed name | ever",
        "path": "governance/ACM001-run-outside.md",
    }
    assert entries["GOV802"]["severity"] == "warning"


def test_list_shows_only_what_is_selected(run: Run) -> None:
    code, out, _ = run("rules", "list", "--select", "GOV80,run-outside", "--select", "GOV901")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "ACM001",
        "GOV801",
        "GOV802",
        "GOV901",
    ]
    for form in ("json", "markdown"):
        _, out, _ = run("rules", "list", "--select", "governance", "--format", form)
        assert "ACM001" in out
        assert "GOV" not in out
    code, out, err = run("rules", "list", "--select", "run-outsde")
    assert (code, out) == (2, "")
    assert "did you mean 'run-outside'?" in err


def test_list_as_markdown_links_the_teams_page(run: Run) -> None:
    code, out, _ = run("rules", "list", "--format", "markdown")
    assert code == 0
    row = (
        "| [ACM001](governance/ACM001-run-outside.md) | run-outside | warning"
        " | Nobody runs a plugin by a computed name \\| ever |"
    )
    assert row in out.splitlines()


def test_the_index_in_the_repository_is_what_list_prints(run: Run, team: Path) -> None:
    (team / "pyproject.toml").unlink()
    code, out, _ = run("rules", "list", "--format", "markdown")
    assert code == 0
    index = ROOT / "rules" / "README.md"
    assert out == index.read_text(encoding="utf-8"), (
        "write it anew: govlint rules list --format markdown > rules/README.md"
    )
    for path in ROOT.glob("rules/*/*.md"):
        assert f"]({path.relative_to(index.parent).as_posix()})" in out


# -- explain ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["GOV101", "gov101", "direct-plugin-run"])
def test_explain_says_what_why_and_how(run: Run, wanted: str) -> None:
    code, out, _ = run("explain", wanted)
    assert code == 0
    assert out.startswith("GOV101 direct-plugin-run (error, since 0.1.0, spec 001 section 7")
    for part in ("A plugin runs only inside the gate", "How to fix", "Invalid", "Valid"):
        assert f"\n{part}\n" in out
    assert "# expect: GOV101" in out


def test_explain_a_teams_rule_in_every_format(run: Run) -> None:
    assert "Call the gate." in run("explain", "run-outside")[1]
    markdown = run("explain", "ACM001", "--format", "markdown")[1]
    assert markdown.startswith("# ACM001 run-outside: Nobody runs")
    assert markdown.count("```python") + markdown.count("```py ") == 2
    document = json.loads(run("explain", "ACM001", "--format", "json")[1])
    assert document["params"] == {"undecided": "warning"}
    assert document["fix"] == "Call the gate."
    assert [example["valid"] for example in document["examples"]] == [False, True]
    assert document["examples"][0]["expected"] == [
        {"path": "example.py", "line": 6, "rule": "ACM001", "pointer": None}
    ]


def test_explain_names_the_nearest_on_a_miss(run: Run) -> None:
    code, out, err = run("explain", "run-outsde")
    assert (code, out) == (2, "")
    assert err == "govlint: no rule is called 'run-outsde'; did you mean 'run-outside'?\n"


# -- new -------------------------------------------------------------------------------------


def test_new_writes_a_skeleton_that_test_refuses_until_it_is_written(run: Run, team: Path) -> None:
    code, out, _ = run("rules", "new", "ACM002", "no-plugin-here", "--check", "dynamic-dispatch")
    path = team / "governance" / "ACM002-no-plugin-here.md"
    assert code == 0
    assert out.startswith("Wrote governance/ACM002-no-plugin-here.md; ")
    assert "To enforce it" not in out
    skeleton = path.read_text()
    assert "undecided: 'note'" in skeleton
    assert parse(skeleton, path.name).rule.check == "dynamic-dispatch"

    code, out, err = run("rules", "test", "governance/ACM002-no-plugin-here.md")
    line = next(n for n, text in enumerate(skeleton.split("\n"), 1) if "TODO(rule)" in text)
    assert (code, out) == (2, "")
    assert err.endswith(
        f"{path.name}:{line}: the page is not finished: write what says TODO(rule)\n"
    )

    examples = PAGE[PAGE.index("## Invalid") :].replace("ACM001", "ACM002, ACM001")
    whole = skeleton[: skeleton.index("## Invalid")] + examples
    path.write_text(whole.replace("TODO(rule)", "Written"))
    (team / "governance" / "ACM001-run-outside.md").write_text(
        PAGE.replace("expect: ACM001", "expect: ACM001, ACM002")
    )
    code, out, _ = run("rules", "test")
    assert code == 0, out
    assert [line.split()[0] for line in out.splitlines()] == ["ACM001", "ACM002"]


def test_new_makes_the_folder_that_is_configured(run: Run, team: Path) -> None:
    (team / "pyproject.toml").write_text('[tool.govlint]\nrules = ["laws"]\n')
    assert run("rules", "list")[0] == 2
    code, out, _ = run("rules", "new", "ACM002", "x", "--dir", "laws")
    assert code == 0
    assert "To enforce it" not in out
    assert "ACM002" in run("rules", "list")[1]


def test_new_writes_into_a_pack_of_a_checkout_only(
    run: Run, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin = team / "checkout" / "rules"
    (builtin / "trust").mkdir(parents=True)
    monkeypatch.setattr("govlint.data.data_dir", lambda kind: builtin)
    code, out, _ = run("rules", "new", "GOV991", "unsigned", "--pack", "trust")
    assert code == 0
    assert out.startswith("Wrote checkout/rules/trust/GOV991-unsigned.md; ")
    assert "To enforce it" not in out
    page = builtin / "trust" / "GOV991-unsigned.md"
    assert parse(page.read_text(), str(page)).rule.pack == "trust"

    installed = team / "_data" / "rules"
    installed.mkdir(parents=True)
    monkeypatch.setattr("govlint.data.data_dir", lambda kind: installed)
    code, _, err = run("rules", "new", "GOV992", "x", "--pack", "trust")
    assert code == 2
    assert "--pack is for a checkout of govlint" in err
    assert not list(installed.iterdir())


def test_new_says_how_to_enforce_a_folder_that_is_not_configured(run: Run, team: Path) -> None:
    code, out, _ = run("rules", "new", "ACM002", "x", "--dir", "laws")
    assert code == 0
    assert 'add to [tool.govlint]: rules = ["laws"]' in out
    assert (team / "laws" / "ACM002-x.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ACM1", "x"], "three capitals and three digits"),
        (["ACM002", "No_Name"], "lower-case words"),
        (["ACM001", "x"], "ACM001 is already the rule of governance/ACM001-run-outside.md"),
        (["ACM002", "direct-plugin-run"], "direct-plugin-run is already the rule of"),
        (["ACM002", "x", "--check", "plugin-rnu"], "did you mean `plugin-run`?"),
        (["ACM002", "x", "--check", "?"], "there are context-mutation"),
        (["GOV999", "x"], "are govlint's own"),
        (["ACM002", "x", "--dir", "pyproject.toml"], "cannot be written"),
        (["GOV999", "x", "--pack", "../x"], "a pack is lower-case words"),
        (["GOV999", "x", "--pack", "trust", "--dir", "laws"], "give one of them"),
    ],
)
def test_new_refuses(run: Run, team: Path, arguments: list[str], said: str) -> None:
    before = sorted(team.rglob("*"))
    code, out, err = run("rules", "new", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert sorted(team.rglob("*")) == before


def test_new_overwrites_nothing(run: Run, team: Path) -> None:
    (team / "laws").mkdir()
    page = team / "laws" / "ACM002-x.md"
    page.symlink_to(team / "not-there")
    code, _, err = run("rules", "new", "ACM002", "x", "--dir", "laws")
    assert code == 2
    assert "is there already" in err
    assert page.is_symlink()


# -- test ------------------------------------------------------------------------------------


def test_test_runs_the_teams_pages(run: Run) -> None:
    expected = "ACM001 run-outside: 2 examples, 9 runs, all as the page says\n"
    for what in ([], ["governance"], ["governance/ACM001-run-outside.md"], ["acm001"]):
        assert run("rules", "test", *what) == (0, expected, "")


def test_test_takes_built_in_rules_by_code_and_several_at_once(run: Run) -> None:
    code, out, _ = run("rules", "test", "GOV802", "run-outside", "GOV802")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["GOV802", "ACM001"]


def test_test_shows_what_differs_with_the_pages_line(run: Run, team: Path) -> None:
    path = team / "governance" / "ACM001-run-outside.md"
    moved = PAGE.replace("  # expect: ACM001", "").replace(
        "name, payload):", "name, payload):  # expect: ACM001"
    )
    path.write_text(moved.replace("runner.start(plugin", "getattr(plugin, runner)(plugin"))
    code, out, _ = run("rules", "test")
    lines = moved.split("\n")
    marked = next(n for n, text in enumerate(lines, 1) if "expect" in text)
    valid = next(n for n, text in enumerate(lines, 1) if "runner.start" in text)
    shown = out.splitlines()
    where = "governance/ACM001-run-outside.md"
    assert code == 1
    assert shown[0] == f"{where}:{marked}: ACM001 is expected here and was not found"
    assert shown[1].startswith(f"{where}:{marked + 1}: ACM001 was found and is not expected: ")
    assert shown[2].startswith(f"{where}:{valid}: ACM001 was found and is not expected: ")
    assert shown[3] == "ACM001 run-outside: 2 examples, 2 of 2 runs differ"


def test_test_of_an_example_that_cannot_be_decided_is_incomplete(run: Run, team: Path) -> None:
    path = team / "governance" / "ACM001-run-outside.md"
    start = PAGE.rindex("```python")
    path.write_text(PAGE[:start] + '```toml title="other.toml"\n```\n')
    code, out, err = run("rules", "test")
    line = PAGE[:start].count("\n") + 1
    assert code == 3
    assert f":{line}: the run is incomplete (nothing-to-check)" in out
    assert "not all examples could be decided" in err


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("expect: ACM001", "expect: ACM001, ZZZ999", "# expect", "there is no rule ZZZ999"),
        (
            "## Valid\n\n```python\n",
            '## Valid\n\n```toml title="pyproject.toml"\n[tool.govlint]\nselct = []\n```\n\n'
            '```python title="x.py"\n',
            "```toml",
            "pyproject.toml:2: unknown key 'selct'; did you mean 'select'?",
        ),
    ],
)
def test_an_example_that_cannot_be_run_is_a_fault_of_the_page(
    run: Run, team: Path, old: str, new: str, line: str, said: str
) -> None:
    text = PAGE.replace(old, new)
    (team / "governance" / "ACM001-run-outside.md").write_text(text)
    number = next(n for n, shown in enumerate(text.split("\n"), 1) if line in shown)
    code, _, err = run("rules", "test")
    assert code == 2
    assert f"ACM001-run-outside.md:{number}: " in err
    assert said in err


def test_an_examples_own_configuration_holds(run: Run, team: Path) -> None:
    configured = PAGE.replace(
        "## Valid\n\n```python\n",
        '## Valid\n\n```toml title="pyproject.toml"\n[tool.govlint.bindings]\n'
        'plugins = ["Task"]\n```\n\n```python title="x.py"\n',
    ).replace("runner.start(plugin", "getattr(plugin, runner)(plugin")
    (team / "governance" / "ACM001-run-outside.md").write_text(configured)
    code, out, _ = run("rules", "test")
    assert code == 0, out


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no/such.md", "there is no page no/such.md"),
        ("other.md", "there is no page other.md"),
        ("acm01", "no rule is called 'acm01'; did you mean 'ACM001'?"),
        ("empty", "there is no rule page in empty"),
        ("pyproject.toml", "begins with front matter"),
    ],
)
def test_test_refuses_what_is_no_page(run: Run, team: Path, what: str, said: str) -> None:
    (team / "empty").mkdir()
    code, out, err = run("rules", "test", what)
    assert (code, out) == (2, "")
    assert said in err


def test_an_own_folder_without_pages_is_no_pass(run: Run, team: Path) -> None:
    (team / "governance" / "ACM001-run-outside.md").unlink()
    code, _, err = run("rules", "test")
    assert code == 2
    assert "there is no rule page in governance" in err
