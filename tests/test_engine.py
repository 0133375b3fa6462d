"""Whole runs over small projects: what is reported, silenced, left out and remembered."""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import stub_rules
from stub_rules import RULES, rule, stub_catalog

from govlint import engine
from govlint.baseline import Baseline, Entry
from govlint.config import load_config
from govlint.errors import RuleError, UsageError
from govlint.fix import apply_fixes
from govlint.model import Finding, RunResult, Safety, Severity, exit_code

TODAY = datetime.date(2026, 11, 21)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GOVLINT_DEBUG", raising=False)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    stub_rules.install(monkeypatch)
    (folder / "govlint.toml").touch()
    return folder


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="")


def check(*paths: str, catalog: Any = None, **options: Any) -> RunResult:
    options.setdefault("today", TODAY)
    options.setdefault("cache", False)
    return engine.run(
        paths, load_config(paths), catalog or stub_catalog(), engine.Options(**options)
    )


def lines(result: RunResult) -> list[tuple[str, int, str]]:
    return [(f.location.path, f.location.line, f.rule) for f in result.findings]


def test_findings_come_in_order_with_counts(root: Path) -> None:
    write(root, b="forbidden()\nother()\n", a="x = 1\nforbidden()\n", c="x = 1\n")
    result = check()
    assert lines(result) == [("a.py", 2, "STB001"), ("b.py", 1, "STB001"), ("b.py", 2, "STB002")]
    assert (result.files, result.problems, exit_code(result)) == (3, [], 1)
    assert result.statistics.rules == {"STB001": 2, "STB002": 1}
    assert result.sources["a.py"] == "x = 1\nforbidden()\n"
    assert result.ruleset.startswith("sha256:")


def test_files_without_a_trigger_are_not_parsed(root: Path) -> None:
    write(root, a="x = 1\n", b="forbidden()\n")
    assert check().statistics.parsed == 1


def test_a_clean_project_is_clean(root: Path) -> None:
    write(root, a="x = 1\n")
    result = check()
    assert (result.findings, result.problems, exit_code(result)) == ([], [], 0)


def test_tests_are_exempt_but_their_syntax_is_not(root: Path) -> None:
    write(root, tests__test_a="forbidden()\n", tests__test_b="forbidden(\n")
    assert lines(check()) == [("tests/test_b.py", 1, "GOV901")]


# -- which files are reported ------------------------------------------------------------


def test_a_named_file_is_judged_with_the_facts_of_the_whole_project(root: Path) -> None:
    write(
        root, a="from b import forbidden\nforbidden()\n", b="def forbidden(): pass\nforbidden()\n"
    )
    result = check("a.py")
    assert lines(result) == [("a.py", 2, "STB001")]
    assert [r.location.path for r in result.findings[0].related] == ["b.py"]
    assert result.files == 1


def test_problems_of_files_that_were_not_named_are_not_reported(root: Path) -> None:
    write(root, a="x = 1\n", b="forbidden(\n")
    (root / "big.py").write_text("#" * 6_000_000, "utf-8")
    assert exit_code(check("a.py")) == 0
    assert exit_code(check()) == 3


def test_a_path_that_is_missing_makes_the_run_incomplete(root: Path) -> None:
    write(root, a="forbidden()\n")
    result = check("a.py", "gone.py")
    assert [(p.kind, p.path) for p in result.problems] == [("missing", "gone.py")]
    assert (len(result.findings), exit_code(result)) == (1, 3)


def test_nothing_to_check_is_incomplete(root: Path) -> None:
    (root / "notes.txt").touch()
    for paths in ((), ("notes.txt",), (".",)):
        result = check(*paths)
        assert [p.kind for p in result.problems] == ["nothing-to-check"]
        assert exit_code(result) == 3


def test_named_files_that_are_all_excluded_are_a_pass(root: Path) -> None:
    write(root, gen__a="forbidden()\n")
    (root / "govlint.toml").write_text("extend-exclude = ['gen']\n", "utf-8")
    result = check("gen/a.py")
    assert (result.problems, result.files, result.statistics.skipped) == ([], 0, 1)
    assert exit_code(check("gen/a.py", ".")) == 3


def test_without_a_project_only_the_named_paths_are_facts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "govlint.toml").unlink()
    write(root, a="from b import forbidden\nforbidden()\n", b="def forbidden(): pass\n")
    monkeypatch.setenv("HOME", str(root))
    assert check("a.py").findings[0].related == ()


def test_shards_together_find_what_one_run_finds(root: Path) -> None:
    write(root, **{f"m{i}": "forbidden()\n" if i % 2 else "forbidden(\n" for i in range(20)})
    whole = check()
    parts = [check(shard=(i, 3)) for i in (1, 2, 3)]
    assert sorted(f for part in parts for f in lines(part)) == sorted(lines(whole))
    assert sum(part.files for part in parts) == 20
    prints = {f.fingerprint for part in parts for f in part.findings}
    assert prints == {f.fingerprint for f in whole.findings}


def test_a_shard_without_files_of_its_own_is_no_problem(root: Path) -> None:
    write(root, a="x = 1\n")
    results = [check(shard=(i, 9)) for i in range(1, 10)]
    assert sum(r.files for r in results) == 1
    assert all(exit_code(r) == 0 for r in results)


def test_given_content_stands_for_the_file(root: Path) -> None:
    write(root, a="x = 1\n")
    given = {str(root / "a.py"): b"forbidden()\n", str(root / "new.py"): b"other()\n"}
    assert lines(check("a.py", given=given)) == [("a.py", 1, "STB001"), ("new.py", 1, "STB002")]


# -- what could not be decided -----------------------------------------------------------


def test_a_file_that_is_no_python_is_one_finding_and_the_rest_goes_on(root: Path) -> None:
    write(root, a="forbidden(\nforbidden(\n", b="forbidden()\n")
    result = check()
    assert [(path, code) for path, _, code in lines(result)] == [
        ("a.py", "GOV901"),
        ("b.py", "STB001"),
    ]
    assert exit_code(result) == 1


def test_without_the_rule_for_it_a_file_that_is_no_python_is_a_problem(root: Path) -> None:
    write(root, a="f(\n")
    result = check(select=("STB001",))
    assert [(p.kind, p.path, p.line) for p in result.problems] == [("undecodable", "a.py", 1)]
    assert exit_code(result) == 3


def test_a_check_that_crashes_is_a_problem_and_the_others_go_on(root: Path) -> None:
    write(root, a="forbidden()\nexplode\n  # govlint: ignore[STB001] -- why\n")
    result = check()
    assert [p.kind for p in result.problems] == ["crash", "crash"]
    assert "STB001 (forbidden-call) failed (ZeroDivisionError: boom at stub_rules.py" in (
        result.problems[0].message
    )
    assert exit_code(result) == 3
    assert lines(result) == [("a.py", 1, "STB001")]  # nothing is called unused either


def test_a_check_that_meets_too_deep_code_is_a_limit(root: Path) -> None:
    write(root, a="forbidden()\nsink\n")
    assert {p.kind for p in check().problems} == {"limit"}


def test_code_nested_too_deeply_is_a_limit(root: Path) -> None:
    write(root, a="forbidden\nx = 1" + "+1" * 200_000 + "\n", b="x = " + "-" * 20_000 + "1\n")
    result = check()
    assert {(p.kind, p.path) for p in result.problems} == {("limit", "a.py"), ("limit", "b.py")}


def test_an_unknown_check_or_parameter_is_a_rule_fault(root: Path) -> None:
    write(root, a="forbidden()\n")
    with pytest.raises(RuleError, match="there is no check 'no-such'"):
        check(catalog=stub_catalog([rule("X1", "x", "no-such")]))
    with pytest.raises(RuleError, match="has no param `wrod`, did you mean `word`"):
        check(catalog=stub_catalog([rule("X1", "x", "stub-call", wrod="a")]))


def test_an_unknown_rule_name_is_a_usage_error(root: Path) -> None:
    write(root, a="x = 1\n")
    with pytest.raises(UsageError):
        check(select=("NOPE",))
    (root / "govlint.toml").write_text(
        "[[per-path]]\npaths=['a']\nignore=['NOPE']\nreason='r'\n", "utf-8"
    )
    with pytest.raises(UsageError):
        check()


# -- what is silenced --------------------------------------------------------------------


def test_suppressions_are_kept_and_judged(root: Path) -> None:
    write(
        root,
        a="forbidden()  # govlint: ignore[STB001] -- said so\n"
        "x = 1  # govlint: ignore[STB001] -- no\n",
        b="forbidden()  # govlint: ignore[STB001]\n",
    )
    result = check()
    assert lines(result) == [("a.py", 2, "GOV802"), ("b.py", 1, "STB001"), ("b.py", 1, "GOV801")]
    assert [(s.kind, s.reason) for s in result.suppressed] == [("comment", "said so")]


def test_configuration_silences_paths_until_a_date(root: Path) -> None:
    write(root, legacy__a="forbidden()\n", b="forbidden()\n")
    text = (
        "[[per-path]]\npaths=['legacy/**']\nignore=['forbidden-call']\nreason='moving'\nuntil={}\n"
    )
    (root / "govlint.toml").write_text(text.format("2026-11-21"), "utf-8")
    result = check()
    assert lines(result) == [("b.py", 1, "STB001")]
    assert [(s.kind, s.reason, s.until) for s in result.suppressed] == [
        ("config", "moving", "2026-11-21")
    ]
    (root / "govlint.toml").write_text(text.format("2026-11-20"), "utf-8")
    assert len(check().findings) == 2


def test_severities_can_be_set(root: Path) -> None:
    write(root, a="forbidden()\n")
    (root / "govlint.toml").write_text("[severity]\nforbidden-call = 'note'\n", "utf-8")
    result = check()
    assert result.findings[0].severity is Severity.NOTE
    assert exit_code(result, Severity.WARNING) == 0


def test_a_baseline_silences_counts_and_reports_what_is_stale(root: Path) -> None:
    write(root, a="forbidden()\nforbidden()\n", b="forbidden()\n")
    prints = [f.fingerprint for f in check("a.py").findings]
    entries = [Entry(p, "STB001", "", "a.py", "", "old", "") for p in (prints[0], "gone")]
    result = check(baseline=Baseline(tuple(entries)))
    assert lines(result) == [("a.py", 2, "STB001"), ("b.py", 1, "STB001")]
    assert [(s.kind, s.reason) for s in result.suppressed] == [("baseline", "old")]
    assert result.stale == 1
    assert check("b.py", baseline=Baseline(tuple(entries))).stale == 0


def test_a_baseline_cannot_silence_findings_about_suppressions(root: Path) -> None:
    write(root, a="x = 1  # govlint: ignore\n")
    (found,) = check().findings
    entry = Entry(found.fingerprint, found.rule, "", "a.py", "", "", "")
    assert len(check(baseline=Baseline((entry,))).findings) == 1


# -- fingerprints ------------------------------------------------------------------------


def prints(result: RunResult) -> list[str]:
    return [f.fingerprint for f in result.findings]


def test_fingerprints_survive_moved_lines_and_spacing(root: Path) -> None:
    write(root, a="forbidden()\nif x:\n    forbidden()\n")
    before = prints(check())
    write(root, a="# new\n\nforbidden( )\nif x:\n  if y:\n        forbidden()\n")
    assert prints(check()) == before
    assert len(set(before)) == 2


def test_fingerprints_change_with_rule_path_and_line(root: Path) -> None:
    write(root, a="forbidden(1)\nforbidden(2)\nother(1)\n", b="forbidden(1)\n")
    assert len(set(prints(check()))) == 4


def test_fingerprints_do_not_depend_on_the_working_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, pkg__a="forbidden()\n")
    before = prints(check())
    monkeypatch.chdir(root / "pkg")
    result = check()
    assert lines(result) == [("a.py", 1, "STB001")]
    assert prints(result) == before


# -- changes -----------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=main"]
    subprocess.run([*command, *arguments], cwd=root, check=True, capture_output=True)


def committed(root: Path, **files: str) -> None:
    write(root, **files)
    if not (root / ".git").exists():
        git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")


def test_only_what_changed_is_reported(root: Path) -> None:
    committed(root, a="forbidden()\nx = 1\n", b="forbidden()\n")
    assert lines(check(diff="HEAD")) == []
    write(root, a="forbidden()\nx = 1\nforbidden()\n", new="forbidden()\n")
    assert lines(check(diff="HEAD")) == [("a.py", 3, "STB001"), ("new.py", 1, "STB001")]


def test_a_change_in_the_function_counts_also_where_lines_only_went(root: Path) -> None:
    body = "def f():\n    x = 1\n    y = 2\n\n    forbidden()\n\n\ndef g():\n    forbidden()\n"
    committed(root, a=body)
    write(root, a=body.replace("    y = 2\n", ""))
    assert lines(check(diff="HEAD")) == [("a.py", 4, "STB001")]


def test_a_change_in_a_related_place_counts(root: Path) -> None:
    committed(root, a="from b import forbidden\nforbidden()\n", b="def forbidden():\n    pass\n")
    write(root, b="def forbidden():\n    return 1\n")
    assert lines(check(diff="HEAD")) == [("a.py", 2, "STB001")]


def test_what_the_base_branch_did_meanwhile_is_no_change_of_ours(root: Path) -> None:
    committed(root, a="forbidden()\n", b="x = 1\n")
    git(root, "checkout", "-qb", "topic")
    committed(root, b="other()\n")
    git(root, "checkout", "-q", "main")
    committed(root, a="forbidden()  # touched\n")
    git(root, "checkout", "-q", "topic")
    assert lines(check(diff="main")) == [("b.py", 1, "STB002")]


def test_changed_files_may_have_odd_names_and_lines(root: Path) -> None:
    (root / "sub").mkdir()
    name = 'é "q"\tb.py'
    (root / "sub" / name).write_text("x = 1\n", "utf-8")
    committed(root, a="x = 1\n")
    (root / "sub" / name).write_text("forbidden()\n", "utf-8")
    write(root, a="x = 1\n'''\n++ b/z.py\n@@ -1 +1 @@\n'''\nforbidden()\n")
    assert [line for _, line, _ in lines(check(diff="HEAD"))] == [6, 1]


def test_diff_works_from_a_subfolder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(root, pkg__a="x = 1\n")
    write(root, pkg__a="forbidden()\n")
    monkeypatch.chdir(root / "pkg")
    assert lines(check(diff="HEAD")) == [("a.py", 1, "STB001")]


@pytest.mark.parametrize("revision", ["nope", "--output=x", "HEAD:a.py", ""])
def test_a_revision_git_does_not_know_is_a_usage_error(root: Path, revision: str) -> None:
    committed(root, a="x = 1\n")
    with pytest.raises(UsageError, match="git knows no such revision"):
        check(diff=revision)
    assert not (root / "x").exists()


def test_diff_outside_a_repository_is_a_usage_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, a="x = 1\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    with pytest.raises(UsageError, match="not a git repository"):
        check(diff="HEAD")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="needs git"):
        check(diff="HEAD")


# -- fixes -------------------------------------------------------------------------------


def fix(result: RunResult, root: Path, unsafe: bool = False) -> tuple[int, list[str]]:
    paths = {path: os.path.join(root, path) for path in result.sources}
    applied = apply_fixes(result.findings, paths, unsafe)
    return applied.fixed, [p.message for p in applied.problems]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"forbidden()\r\nx = 1\r\n", b"allowed()\r\nx = 1\r\n"),
        (b"\xef\xbb\xbfforbidden()\n", b"\xef\xbb\xbfallowed()\n"),
        (b"x = 1\rforbidden()\r", b"x = 1\rallowed()\r"),
        (b"# coding: latin-1\n'\xe9', forbidden()", b"# coding: latin-1\n'\xe9', allowed()"),
        ("'é', forbidden(), forbidden()\n".encode(), "'é', allowed(), allowed()\n".encode()),
    ],
)
def test_fixes_keep_encoding_newlines_and_the_rest(root: Path, before: bytes, after: bytes) -> None:
    path = root / "a.py"
    path.write_bytes(before)
    path.chmod(0o755)
    assert fix(check(), root)[1] == []
    assert path.read_bytes() == after
    assert path.stat().st_mode & 0o777 == 0o755
    assert sorted(p.name for p in root.iterdir()) == ["a.py", "govlint.toml"]


def test_unsafe_fixes_wait_to_be_asked_for(root: Path) -> None:
    write(root, a="def risky(): pass\nforbidden()\n")
    result = check()
    assert result.findings[0].fix is not None
    assert result.findings[0].fix.safety is Safety.UNSAFE
    assert fix(result, root)[0] == 0
    assert fix(result, root, unsafe=True)[0] == 1
    assert (root / "a.py").read_text("utf-8") == "def risky(): pass\nallowed()\n"


def test_a_fix_whose_result_does_not_parse_is_not_written(root: Path) -> None:
    write(root, a="forbidden()\n")
    result = check()
    broken = _with_edit(result.findings[0], "(")
    result.findings[:] = [broken]
    fixed, problems = fix(result, root)
    assert fixed == 0
    assert "would not parse" in problems[0]
    assert (root / "a.py").read_text("utf-8") == "forbidden()\n"


def test_a_fix_the_encoding_cannot_hold_is_not_written(root: Path) -> None:
    (root / "a.py").write_bytes(b"# coding: latin-1\nforbidden()\n")
    result = check()
    result.findings[:] = [_with_edit(result.findings[0], "'\u20ac' or forbidden")]
    assert "latin-1" in fix(result, root)[1][0]


def test_overlapping_fixes_are_applied_one_at_a_time(root: Path) -> None:
    write(root, a="forbidden(forbidden())\n")
    result = check()
    first = result.findings[0]
    twice = [_with_edit(first, "one"), _with_edit(first, "two")]
    result.findings[:] = twice
    assert fix(result, root)[0] == 1
    assert (root / "a.py").read_text("utf-8") == "one(forbidden())\n"


def test_a_fix_is_written_through_a_link(root: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("forbidden()\n", "utf-8")
    (root / "a.py").symlink_to(real)
    assert fix(check(), root)[0] == 1
    assert (root / "a.py").is_symlink()
    assert real.read_text("utf-8") == "allowed()\n"


def _with_edit(finding: Finding, content: str) -> Finding:
    from dataclasses import replace

    assert finding.fix is not None
    edits = tuple(replace(edit, content=content) for edit in finding.fix.edits)
    return replace(finding, fix=replace(finding.fix, edits=edits))


# -- the same result, however it is computed ---------------------------------------------


def test_jobs_do_not_change_the_result(root: Path) -> None:
    write(root, **{f"m{i}": "forbidden()\nother()\n" * (i % 3) + "x\n" for i in range(200)})
    assert lines(check(jobs=1)) == lines(check(jobs=7))


def test_the_order_of_paths_does_not_change_the_result(root: Path) -> None:
    write(root, a="forbidden()\n", b="forbidden()\n", pkg__c="other()\n")

    def prints(paths: Sequence[str]) -> list[Finding]:
        return check(*paths).findings

    assert prints(["a.py", "b.py", "pkg"]) == prints(["pkg", "b.py", "a.py", "a.py"]) == prints([])


def test_the_ruleset_digest_depends_on_rules_and_severities(root: Path) -> None:
    write(root, a="x = 1\n")
    one = check().ruleset
    assert check().ruleset == one
    assert check(ignore=("STB002",)).ruleset != one
    (root / "govlint.toml").write_text("[severity]\nSTB001 = 'note'\n", "utf-8")
    assert check().ruleset != one


def test_stub_rules_are_what_they_claim() -> None:
    assert [r.code for r in RULES] == ["STB001", "STB002", "GOV801", "GOV802", "GOV901"]
