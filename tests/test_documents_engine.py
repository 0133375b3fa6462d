"""Documents beside the code in whole runs: which files are any, what is said, what is silenced."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import stub_documents
import stub_rules
from stub_rules import stub_catalog

from govlint import cache as cache_module
from govlint import engine
from govlint.baseline import Baseline, Entry
from govlint.config import load_config
from govlint.errors import ConfigError
from govlint.fix import apply_fixes
from govlint.model import RunResult, exit_code

RULES = [*stub_rules.RULES, *stub_documents.RULES]
MISSION = """\
version: "1.0"
name: build
steps:
  - id: a
    name: First
    step_type: noop
    parameters: {}
    forbidden: 1
"""
REPORT: dict[str, Any] = {
    "phase_meta": {"phase_id": "P7", "forbidden": 1},
    "objective": {},
    "module_scope": {},
    "status": {},
}
ROLE = {"id": "a.b", "runtime_behavior": {}, "governance_rules": {}, "forbidden": 1}
REGISTRY = {"roles": [{"id": "a.b", "definition_file": "b.json", "forbidden": 1}]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GOVLINT_DEBUG", raising=False)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    stub_rules.install(monkeypatch)
    stub_documents.install(monkeypatch)
    (folder / "govlint.toml").touch()
    return folder


def write(root: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, indent=1)
            path.write_text(text, "utf-8", newline="")


def check(*paths: str, rules: Any = RULES, **options: Any) -> RunResult:
    options.setdefault("today", datetime.date(2026, 11, 21))
    options.setdefault("cache", False)
    return engine.run(paths, load_config(paths), stub_catalog(rules), engine.Options(**options))


def places(result: RunResult) -> list[tuple[str, int, str, str | None]]:
    return [(f.location.path, f.location.line, f.rule, f.location.pointer) for f in result.findings]


def test_documents_are_found_beside_code_by_what_stands_in_them(root: Path) -> None:
    write(
        root,
        {
            "a.py": "forbidden()\n",
            "m.yaml": MISSION,
            "deep/m.yml": MISSION,
            "p7.json": REPORT,
            "role.json": ROLE,
            "registry.json": REGISTRY,
            "package.json": {"name": "x", "version": "1.0.0", "forbidden": 1},
        },
    )
    result = check()
    assert places(result) == [
        ("a.py", 1, "STB001", None),
        ("deep/m.yml", 8, "DOC002", "/steps/0/forbidden"),
        ("m.yaml", 8, "DOC002", "/steps/0/forbidden"),
        ("p7.json", 4, "DOC002", "/phase_meta/forbidden"),
        ("registry.json", 6, "DOC002", "/roles/0/forbidden"),
        ("role.json", 5, "DOC002", "/forbidden"),
    ]
    assert result.problems == []
    assert result.files == 6


def test_a_document_alone_is_something_to_check(root: Path) -> None:
    write(root, {"m.yaml": MISSION})
    result = check("m.yaml")
    assert [place[2] for place in places(result)] == ["DOC002"]
    assert exit_code(result) == 1


def test_a_named_file_that_is_no_document_is_nothing_to_check(root: Path) -> None:
    write(root, {"package.json": {"name": "x"}})
    result = check("package.json")
    assert [problem.kind for problem in result.problems] == ["nothing-to-check"]
    assert exit_code(result) == 3


def test_the_configuration_says_what_a_file_is(root: Path) -> None:
    toml = '[documents]\nreports = ["reports/*.json"]\nmissions = ["*.mission"]\n'
    write(
        root,
        {
            "govlint.toml": toml,
            "reports/x.json": {"forbidden": 1},
            "build.mission": "forbidden: 1\n",
            "other.json": {"forbidden": 1},
        },
    )
    assert places(check()) == [
        ("build.mission", 1, "DOC002", "/forbidden"),
        ("reports/x.json", 2, "DOC002", "/forbidden"),
    ]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("documents = 1", "documents must be a table"),
        ("[documents]\nreport = []", "did you mean 'reports'?"),
        ('[documents]\nreports = "x"', "must be a list of strings"),
        ('[documents]\nroles = ["["]', "'[' without ']'"),
    ],
)
def test_a_fault_of_the_documents_table_is_said(root: Path, toml: str, said: str) -> None:
    write(root, {"govlint.toml": toml})
    with pytest.raises(ConfigError, match=r"govlint\.toml:") as caught:
        load_config(["."])
    assert said in str(caught.value)


BROKEN = [
    ("p.json", '{"phase_meta": {}, "module_scope": {}, "guardrails": {}, "status": {},}', 1),
    ("p.json", '```json\n{"phase_meta": {}, "module_scope": 1, "tests": 1, "flow": 1}\n```', 1),
    ("m.yaml", "name: x\nsteps:\n  - id: a\n\tstep_type: noop\n", 4),
    ("m.yaml", "name: x\nsteps:\n  - id: a\n    step_type: noop\n    id: b\n", 5),
    ("m.yaml", "name: x\nsteps:\n  - step_type: noop\n    parameters: {path: {{ x }}}\n", 4),
    ("m.json", '{"steps": [{"step_type": "noop"}', 1),
    ("r.json", '{"id": "a.b", "runtime_behavior": {}, "governance_rules": {}, x}', 1),
    ("g.json", '{"roles": [{"definition_file": "x.json",}]}', 1),
]


@pytest.mark.parametrize(("name", "text", "line"), BROKEN)
def test_a_broken_document_is_recognised_and_said(
    root: Path, name: str, text: str, line: int
) -> None:
    write(root, {name: text})
    assert [place[:3] for place in places(check())] == [(name, line, "DOC001")]


@pytest.mark.parametrize(("name", "text", "line"), BROKEN)
def test_a_fault_that_no_rule_states_is_a_problem(
    root: Path, name: str, text: str, line: int
) -> None:
    write(root, {name: text})
    result = check(ignore=("DOC001",))
    assert [(p.kind, p.path, p.line) for p in result.problems] == [("undecodable", name, line)]
    assert exit_code(result) == 3


def test_kinds_that_no_rule_judges_are_not_looked_at(root: Path) -> None:
    write(root, {"m.yaml": "steps: [{step_type: x}", "a.py": ""})
    result = check(select=("STB001",))
    assert result.problems == []
    assert result.files == 1


def test_a_comment_silences_a_finding_in_yaml(root: Path) -> None:
    text = MISSION.replace("forbidden: 1", "forbidden: 1  # govlint: ignore[DOC002] -- agreed")
    write(root, {"m.yaml": text})
    result = check()
    assert result.findings == []
    assert [s.reason for s in result.suppressed] == ["agreed"]


def test_a_suppression_in_a_scalar_is_text(root: Path) -> None:
    for scalar in (
        "'# govlint: ignore[DOC002] -- no'",
        "|\n      # govlint: ignore[DOC002] -- no\n",
        "x#y # govlint: ignore[DOC001] -- unused\n",
    ):
        write(root, {"m.yaml": MISSION + f"    text: {scalar}\n"})
        result = check(ignore=("GOV802",))
        assert [place[2] for place in places(result)] == ["DOC002"], scalar


def test_suppressions_in_documents_have_to_be_sound(root: Path) -> None:
    text = MISSION + "# govlint: ignore[DOC002]\nx: 1 # govlint: ignore[DOC002] -- nothing here\n"
    write(root, {"m.yaml": text})
    result = check()
    assert [place[1:3] for place in places(result)] == [
        (8, "DOC002"),
        (9, "GOV801"),
        (10, "GOV802"),
    ]


def test_a_comment_at_the_head_of_a_block_covers_all_of_it(root: Path) -> None:
    text = "steps:\n- step_type: x\n  a: | # govlint: ignore[DOC002] -- text\n    b\n    c\n"
    write(root, {"m.yaml": text})
    from govlint.suppress import parse_directives

    directive = parse_directives(text, "yaml")[0]
    assert (directive.first, directive.line, directive.last) == (3, 3, 5)


def test_json_takes_configuration_in_place_of_comments(root: Path) -> None:
    toml = '[[per-path]]\npaths = ["p7.json"]\nignore = ["DOC002"]\nreason = "old"\n'
    write(root, {"govlint.toml": toml, "p7.json": REPORT})
    result = check()
    assert result.findings == []
    assert [(s.kind, s.reason) for s in result.suppressed] == [("config", "old")]


def test_excludes_and_gitignore_hold_for_documents(root: Path) -> None:
    write(
        root,
        {
            "govlint.toml": 'extend-exclude = ["old"]\n',
            ".git/HEAD": "",
            ".gitignore": "made.yaml\n",
            "old/m.yaml": MISSION,
            "made.yaml": MISSION,
            "m.yaml": MISSION,
            "translations/m.yaml": MISSION,
        },
    )
    assert [place[0] for place in places(check())] == ["m.yaml"]


def test_baseline_and_shards_work_for_documents(root: Path) -> None:
    write(root, {f"m{i}.yaml": MISSION for i in range(8)})
    result = check()
    assert len(result.findings) == 8
    assert len({f.fingerprint for f in result.findings}) == 8
    accepted = tuple(
        Entry(f.fingerprint, f.rule, f.name, f.location.path, f.message, "old", "2026-11-21")
        for f in result.findings
    )
    assert check(baseline=Baseline(accepted)).findings == []
    parts = [check(shard=(i, 3)) for i in (1, 2, 3)]
    assert sorted(place for part in parts for place in places(part)) == places(result)
    assert sum(part.files for part in parts) == 8


def test_diff_reports_the_entry_that_changed(root: Path) -> None:
    text = MISSION + MISSION.partition("steps:\n")[2].replace("id: a", "id: b")
    write(root, {"m.yaml": text, "p7.json": REPORT})
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    assert places(check(diff="HEAD")) == []
    write(root, {"m.yaml": text.replace("id: b\n    name: First", "id: b\n    name: Second")})
    assert places(check(diff="HEAD")) == [("m.yaml", 13, "DOC002", "/steps/1/forbidden")]


def test_a_second_run_reads_no_document_and_says_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_RACY", -10_000_000_000)
    monkeypatch.setattr(cache_module, "_RACY_COARSE", -10_000_000_000)
    write(root, {"m.yaml": MISSION, "p7.json": REPORT, "x.json": {"a": 1}, "a.py": "forbidden()\n"})
    first = check(cache=True)
    assert sorted(stub_documents.READ) == ["m.yaml", "p7.json"]
    again = check(cache=True)
    assert len(stub_documents.READ) == 2
    assert places(first) == places(again)
    assert len(places(again)) == 3
    assert again.statistics.cached == 4
    write(root, {"m.yaml": MISSION.replace("forbidden", "allowed")})
    assert [place[0] for place in places(check(cache=True))] == ["a.py", "p7.json"]
    assert len(stub_documents.READ) == 4


def test_a_fix_in_a_document_keeps_all_else(root: Path) -> None:
    crlf = b"\xef\xbb\xbf" + MISSION.replace("\n", "\r\n").encode()
    utf16 = json.dumps(REPORT).encode("utf-16")
    write(root, {"m.yaml": crlf, "p7.json": utf16})
    result = check()
    applied = apply_fixes(result.findings, {p: str(root / p) for p in ("m.yaml", "p7.json")})
    assert applied.fixed == 2, applied
    assert (root / "m.yaml").read_bytes() == crlf.replace(b"forbidden", b"allowed")
    assert json.loads((root / "p7.json").read_bytes())["phase_meta"] == {
        "phase_id": "P7",
        "allowed": 1,
    }
    assert check().findings == []


def test_a_fix_that_would_break_a_document_is_left_out(root: Path) -> None:
    text = MISSION.replace("forbidden: 1", "forbidden: 1\n    allowed: 2")
    write(root, {"m.yaml": text})
    result = check()
    applied = apply_fixes(result.findings, {"m.yaml": str(root / "m.yaml")})
    assert applied.fixed == 0
    assert "the key `allowed` stands twice" in applied.problems[0].message
    assert (root / "m.yaml").read_text() == text


def test_role_lines_are_found_in_any_text(root: Path) -> None:
    write(
        root,
        {
            "a.py": 'X = "@role bad"\n',
            "b.md": "text\n\n@role bad\n",
            "c.sh": "run @role bad\n",
            ".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: '@role bad'\n",
            "d.md": "nothing\n",
        },
    )
    result = check()
    assert [place[:3] for place in places(result)] == [
        (".github/workflows/ci.yml", 4, "DOC003"),
        ("a.py", 1, "DOC003"),
        ("b.md", 3, "DOC003"),
        ("c.sh", 1, "DOC003"),
    ]
    assert result.files == 4


def test_a_named_file_is_of_the_kind_that_is_asked_for(root: Path) -> None:
    write(root, {"x.json": {"forbidden": 1}, "other/m.yaml": MISSION, "a.py": "forbidden()\n"})
    result = check("x.json", kinds=("mission",))
    assert places(result) == [("x.json", 2, "DOC002", "/forbidden")]
    result = check("other", kinds=("mission",))
    assert [place[0] for place in places(result)] == ["other/m.yaml"]
    result = check("other", kinds=("report",))
    assert [p.message for p in result.problems] == [
        "there is no report to check in other (1 excluded or of another kind)"
    ]


def test_a_check_that_crashes_on_a_document_is_a_problem(root: Path) -> None:
    write(root, {"m.yaml": MISSION + "explode: 1\n"})
    result = check()
    assert [p.kind for p in result.problems] == ["crash"]
    assert "DOC002 (forbidden-key)" in result.problems[0].message


def test_what_cannot_be_read_is_a_problem_where_it_is_asked_for(root: Path) -> None:
    if os.geteuid() == 0:
        (root / "m.json").symlink_to("nowhere")
        result = check("m.json")
        assert [p.kind for p in result.problems] == ["missing"]
        return
    write(root, {"m.yaml": MISSION})
    (root / "m.yaml").chmod(0)
    assert [p.kind for p in check("m.yaml").problems] == ["unreadable"]


def test_a_large_document_is_read_whole_where_its_beginning_is_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govlint.document_run._HEAD", len(MISSION) - len("    forbidden: 1\n"))
    monkeypatch.setattr("govlint.document_run._WHOLE", 100)
    write(root, {"m.yaml": MISSION})
    assert places(check()) == [("m.yaml", 8, "DOC002", "/steps/0/forbidden")]
    assert places(check("m.yaml", kinds=("mission",))) == places(check())


def test_a_remembered_finding_keeps_its_own_severity(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from govlint.catalog import load_catalog

    monkeypatch.undo()
    monkeypatch.chdir(root)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    monkeypatch.setattr(cache_module, "_RACY", -10_000_000_000)
    monkeypatch.setattr(cache_module, "_RACY_COARSE", -10_000_000_000)
    write(root, {"m.yaml": MISSION.replace("name: build", "name: build\nauthors: me")})
    runs = [engine.run(["."], load_config(["."]), load_catalog()) for _ in range(2)]
    told = [[(f.rule, f.severity, f.message) for f in run.findings] for run in runs]
    assert told[0] == told[1] and told[0]
    assert {severity.label for _, severity, _ in told[0]} == {"warning"}
