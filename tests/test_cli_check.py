"""The command line as people and machines use it: streams, files, exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest
import stub_rules
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_rules import stub_catalog

import govlint
from govlint.cli import main
from govlint.cli.check import check as check_command
from govlint.cli.options import CHECK_OPTIONS, read_arguments

SCHEMA = json.loads(
    (Path(__file__).parent.parent / "schemas" / "findings.schema.json").read_text("utf-8")
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("GOVLINT_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    stub_rules.install(monkeypatch)
    monkeypatch.setattr("govlint.catalog.load_catalog", lambda _folders=(): stub_catalog())
    (folder / "govlint.toml").touch()
    (folder / "a.py").write_text("forbidden()\n", "utf-8")
    (folder / "clean.py").write_text("x = 1\n", "utf-8")
    return folder


def govlint_(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


Capture = pytest.CaptureFixture[str]


# -- exit codes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check"], 1),
        (["check", "clean.py"], 0),
        (["check", "--select", "STB002"], 0),
        (["check", "--select", "GOV901,other-call"], 0),
        (["check", "--ignore", "forbidden-call"], 0),
        (["check", "nowhere.py"], 3),
        (["check", "a.py", "nowhere.py"], 3),
        (["check", "--fail-on", "error"], 1),
        (["check", "--select", "NOPE"], 2),
        (["check", "--no-such-option"], 2),
        (["check", "--format", "nope"], 2),
        (["check", "--format", "json", "--format", "text"], 2),
        (["check", "--format", "json="], 2),
        (["check", "--shard", "3/2"], 2),
        (["check", "--shard", "0/2"], 2),
        (["check", "--shard", "x"], 2),
        (["check", "--jobs", "0"], 2),
        (["check", "--baseline", "none.json"], 2),
        (["check", "--config", "none.toml"], 2),
        (["check", "--unsafe-fixes"], 2),
        (["check", "--diff", "nope"], 2),
        (["check", "--stdin-filename", "a.py"], 2),
        (["check", "--format", "json=out.json", "--output", "x"], 2),
        (["chekc"], 2),
        (["--version"], 0),
        (["--help"], 0),
        (["check", "--help"], 0),
    ],
)
def test_exit_codes(root: Path, capsys: Capture, arguments: list[str], code: int) -> None:
    assert govlint_(*arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if code == 2:
        assert out == ""
        assert err.startswith("govlint: ")


def test_fail_on_lets_lesser_findings_pass(root: Path, capsys: Capture) -> None:
    (root / "govlint.toml").write_text("[severity]\nSTB001 = 'warning'\n", "utf-8")
    assert govlint_("check", "--fail-on", "error") == 0
    assert govlint_("check", "--fail-on", "warning") == 1
    (root / "govlint.toml").write_text(
        "fail-on = 'error'\n[severity]\nSTB001 = 'warning'\n", "utf-8"
    )
    assert govlint_("check") == 0
    assert govlint_("check", "--fail-on", "note") == 1


def test_a_misspelt_command_gets_the_nearest(root: Path, capsys: Capture) -> None:
    govlint_("chekc")
    assert "there is no command 'chekc'; did you mean 'check'?" in capsys.readouterr().err
    govlint_("zzz")
    assert "known are baseline, check" in capsys.readouterr().err


def test_a_configuration_fault_names_file_and_line(root: Path, capsys: Capture) -> None:
    (root / "govlint.toml").write_text("\nselekt = []\n", "utf-8")
    assert govlint_("check") == 2
    err = capsys.readouterr().err
    assert err == "govlint: govlint.toml:2: unknown key 'selekt'; did you mean 'select'?\n"


# -- faults of our own -------------------------------------------------------------------


def test_an_internal_error_is_one_sentence_and_exit_3(
    root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("boom\nboom")

    monkeypatch.setattr("govlint.engine.run", fail)
    assert govlint_("check") == 3
    err = capsys.readouterr().err
    assert err.startswith("govlint: internal error: ZeroDivisionError: boom boom; please report")
    assert err.count("\n") == 1
    monkeypatch.setenv("GOVLINT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["check"])


def test_an_interrupt_is_130(root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("govlint.engine.run", interrupt)
    assert govlint_("check") == 130
    assert capsys.readouterr().err.strip() == "govlint: interrupted"


# -- streams and files -------------------------------------------------------------------


def test_json_on_standard_output_is_the_document_and_nothing_else(
    root: Path, capsys: Capture
) -> None:
    assert govlint_("check", "--format", "json", "-v") == 1
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert [f["rule"] for f in document["findings"]] == ["STB001"]
    assert document["findings"][0]["path"] == "a.py"


def test_json_is_valid_for_every_kind_of_result(root: Path, capsys: Capture) -> None:
    (root / "b.py").write_text("f(\n", "utf-8")
    (root / "c.py").write_text("other()  # govlint: ignore[STB002] -- why\n", "utf-8")
    assert govlint_("check", "--format", "json", "--statistics", ".", "gone.py") == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (len(document["findings"]), len(document["suppressed"])) == (2, 1)
    assert [p["kind"] for p in document["problems"]] == ["missing"]


def test_several_formats_at_once(root: Path, capsys: Capture) -> None:
    code = govlint_(
        "check", "--format", "text", "--format", "json=o.json", "--format", "sarif=o.sarif"
    )
    assert code == 1
    assert "a.py:1:1" in capsys.readouterr().out
    assert json.loads((root / "o.json").read_text("utf-8"))["version"] == 1
    assert json.loads((root / "o.sarif").read_text("utf-8"))["version"] == "2.1.0"


def test_output_goes_to_a_file(root: Path, capsys: Capture) -> None:
    assert govlint_("check", "--format", "json", "--output", "o.json") == 1
    assert capsys.readouterr().out == ""
    assert json.loads((root / "o.json").read_text("utf-8"))["findings"]


def test_a_file_that_cannot_be_written_is_exit_2_and_no_half_file(
    root: Path, capsys: Capture
) -> None:
    assert govlint_("check", "--format", "sarif=no/such/out.sarif") == 2
    assert capsys.readouterr().err.startswith("govlint: no/such/out.sarif: cannot be written: ")
    (root / "out").mkdir()
    assert govlint_("check", "--format", "sarif=out") == 2
    assert list((root / "out").iterdir()) == []
    assert not [p for p in root.iterdir() if p.name.endswith(".tmp")]


_argument = st.sampled_from(
    "a.py - -- --fix --show-fixes --unsafe-fixes -q -v -vq -j -j4 -j=4 4 0 --jobs --jobs=2 "
    "--format json --format=json=x.json --select GOV101 --select=a,b --ignore --shard 1/2 "
    "--shard=3/2 --fail-on error --fail-on=bad --color --color=never never --no-cache "
    "--no-cache=1 --nope --output= x --fix=1 --diff HEAD --help --sele".split()
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_argument, max_size=6))
def test_the_quick_reading_of_arguments_is_what_click_reads(arguments: list[str]) -> None:
    quick = read_arguments(CHECK_OPTIONS, arguments)
    try:
        context = check_command.make_context("check", [*arguments])
    except (click.ClickException, click.exceptions.Exit):
        assert quick is None
        return
    assert quick is None or quick == context.params


def test_what_people_mostly_write_is_read_quickly() -> None:
    quick = read_arguments(CHECK_OPTIONS, ["src", "--format=sarif=o", "-q", "--shard", "1/2"])
    assert quick is not None
    assert quick["paths"] == ("src",)
    assert (quick["formats"], quick["quiet"], quick["shard"]) == (("sarif=o",), True, (1, 2))


def test_quiet_says_nothing_when_there_is_nothing(root: Path, capsys: Capture) -> None:
    assert govlint_("check", "-q", "clean.py") == 0
    assert capsys.readouterr() == ("", "")
    assert govlint_("check", "-q") == 1
    assert "STB001" in capsys.readouterr().out


def test_colour_only_when_asked_or_on_a_terminal(
    root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    govlint_("check")
    assert "\x1b[" not in capsys.readouterr().out
    govlint_("check", "--color", "always")
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    govlint_("check")
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    govlint_("check")
    assert "\x1b[" not in capsys.readouterr().out


def test_statistics_are_added(root: Path, capsys: Capture) -> None:
    govlint_("check", "--statistics")
    assert "discover (s)" in capsys.readouterr().out


# -- fixing ------------------------------------------------------------------------------


def test_fix_applies_safe_fixes_and_reports_what_is_left(root: Path, capsys: Capture) -> None:
    (root / "b.py").write_text("def risky(): pass\nforbidden()\n", "utf-8")
    (root / "c.py").write_text("x = 1  # govlint: ignore[STB001] -- gone\n", "utf-8")
    assert govlint_("check", "--fix") == 1
    out = capsys.readouterr().out
    assert "2 findings fixed" in out
    assert (root / "a.py").read_text("utf-8") == "allowed()\n"
    assert (root / "c.py").read_text("utf-8") == "x = 1\n"
    assert "b.py:2:1" in out
    assert govlint_("check", "--fix", "--unsafe-fixes") == 0
    assert (root / "b.py").read_text("utf-8") == "def risky(): pass\nallowed()\n"


def test_nested_findings_are_all_fixed_in_the_end(root: Path, capsys: Capture) -> None:
    (root / "a.py").write_text("forbidden(forbidden(forbidden()))\n", "utf-8")
    assert govlint_("check", "--fix") == 0
    assert (root / "a.py").read_text("utf-8") == "allowed(allowed(allowed()))\n"


def test_show_fixes_is_a_diff_of_all_rounds_and_writes_nothing(root: Path, capsys: Capture) -> None:
    text = "forbidden(forbidden())\nx = 1"
    (root / "a.py").write_text(text, "utf-8")
    diff = (
        "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-forbidden(forbidden())\n+allowed(allowed())\n"
        " x = 1\n\\ No newline at end of file\n"
    )
    assert govlint_("check", "--show-fixes", "--statistics") == 1
    out = capsys.readouterr().out
    assert out.endswith("\n\n" + diff) and "2 findings can be fixed" in out
    assert (root / "a.py").read_text("utf-8") == text
    assert govlint_("check", "--show-fixes", "--format", "json") == 1
    out, err = capsys.readouterr()
    assert err == diff and len(json.loads(out)["findings"]) == 2
    assert govlint_("check", "--show-fixes", "--fix", "--quiet") == 0
    assert capsys.readouterr().out == "" and "allowed(allowed())" in (root / "a.py").read_text()
    assert govlint_("check", "--show-fixes", "--fix") == 0
    assert "---" not in capsys.readouterr().out


def test_show_fixes_of_standard_input_and_of_unsafe_fixes(
    root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def risky(): pass\nforbidden()\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert govlint_("check", "--show-fixes", "-", "--stdin-filename", "new.py") == 1
    assert "+++" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    arguments = ["--show-fixes", "--unsafe-fixes", "-", "--stdin-filename", "new.py"]
    assert govlint_("check", *arguments) == 1
    assert capsys.readouterr().out.endswith("-forbidden()\n+allowed()\n")
    assert not (root / "new.py").exists()


def test_standard_input_is_all_that_is_reported_on(
    root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "mission.yaml").write_text("steps: 1\n")
    for arguments in (["-"], ["-", "--stdin-filename", "new.py"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x = 1\n")))
        assert govlint_("check", *arguments) == 0
        assert "1 file checked" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x = 1\n")))
    assert govlint_("check", "-", "a.py") == 1
    out = capsys.readouterr().out
    assert "a.py:1:1" in out and "2 files checked" in out


def test_a_file_that_cannot_be_written_to_is_a_problem(
    root: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, _data: bytes) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("govlint.fix.write_atomic", refuse)
    assert govlint_("check", "--fix", "--no-cache") == 3
    assert "cannot be written: Permission denied" in capsys.readouterr().out


# -- baseline ----------------------------------------------------------------------------


def test_a_baseline_is_written_used_and_shrinks(root: Path, capsys: Capture) -> None:
    assert govlint_("baseline") == 0
    assert capsys.readouterr().out == ".govlint-baseline.json: 1 accepted, 1 added, 0 removed\n"
    assert govlint_("check", "--baseline", ".govlint-baseline.json") == 0
    (root / "b.py").write_text("forbidden()\n", "utf-8")
    assert govlint_("check", "--baseline", ".govlint-baseline.json") == 1
    before = (root / ".govlint-baseline.json").read_bytes()
    capsys.readouterr()
    assert govlint_("baseline") == 2
    assert "would grow by 1 finding (b.py:1 STB001)" in capsys.readouterr().err
    assert (root / ".govlint-baseline.json").read_bytes() == before
    assert govlint_("baseline", "--accept-new") == 2
    assert govlint_("baseline", "--accept-new", "--reason", "imported code") == 0
    assert "imported code" in (root / ".govlint-baseline.json").read_text("utf-8")
    (root / "a.py").write_text("x = 1\n", "utf-8")
    capsys.readouterr()
    assert govlint_("check", "--baseline", ".govlint-baseline.json") == 0
    assert "1 entry of the baseline meet" in capsys.readouterr().err
    assert govlint_("baseline") == 0
    assert "1 accepted, 0 added, 1 removed" in capsys.readouterr().out


def test_the_configured_baseline_is_used_and_can_be_left_out(root: Path, capsys: Capture) -> None:
    (root / "govlint.toml").write_text("baseline = 'accepted.json'\n", "utf-8")
    assert govlint_("check") == 2
    assert govlint_("baseline") == 0
    assert (root / "accepted.json").is_file()
    assert govlint_("check") == 0
    assert govlint_("check", "--no-baseline") == 1


def test_an_incomplete_run_writes_no_baseline(root: Path, capsys: Capture) -> None:
    assert govlint_("baseline", ".", "gone.py") == 3
    assert "so none was written" in capsys.readouterr().err
    assert not (root / ".govlint-baseline.json").exists()


def test_a_baseline_of_a_part_keeps_the_rest(root: Path, capsys: Capture) -> None:
    (root / "b.py").write_text("forbidden()\n", "utf-8")
    assert govlint_("baseline") == 0
    (root / "a.py").write_text("x = 1\n", "utf-8")
    assert govlint_("baseline", "clean.py") == 0
    assert "2 accepted, 0 added, 0 removed" in capsys.readouterr().out


# -- as a process ------------------------------------------------------------------------

PROGRAM = [sys.executable, "-m", "govlint"]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    (tmp_path / "govlint.toml").touch()
    (tmp_path / "a.py").write_text("x = (\n", "utf-8")
    return tmp_path


def run(
    root: Path, *arguments: str, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(govlint.__file__).parent.parent)}
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=root,
        env=environment,
        check=False,
        capture_output=True,
        timeout=60,
        input=stdin,
    )


def test_standard_input_stands_for_a_file(real: Path) -> None:
    done = run(real, "check", "-", "--stdin-filename", "a.py", "--format", "json", stdin=b"y = 1\n")
    assert (done.returncode, json.loads(done.stdout)["findings"]) == (0, [])
    done = run(real, "check", "-", stdin=b"y = (\n")
    assert done.returncode == 1
    assert b"stdin.py:1" in done.stdout


def test_a_reader_that_goes_away_gives_no_traceback(real: Path) -> None:
    command = f"'{sys.executable}' -m govlint check --format json | head -c 1"
    environment = {**os.environ, "PYTHONPATH": str(Path(govlint.__file__).parent.parent)}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=real,
        env=environment,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">/dev/full"])
def test_a_closed_stream_gives_no_traceback_and_no_pass(real: Path, closed: str) -> None:
    command = f"'{sys.executable}' -m govlint check {closed}"
    environment = {**os.environ, "PYTHONPATH": str(Path(govlint.__file__).parent.parent)}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=real,
        env=environment,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert done.returncode in (1, 2)


def test_a_name_the_terminal_cannot_show_does_not_stop_it(real: Path) -> None:
    (real / "é.py").write_text("x = (\n", "utf-8")
    environment = {
        **os.environ, "PYTHONPATH": str(Path(govlint.__file__).parent.parent),
        "PYTHONIOENCODING": "ascii", "LC_ALL": "C",
    }  # fmt: skip
    done = subprocess.run(
        [*PROGRAM, "check"], cwd=real, env=environment, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"\\xe9.py" in done.stdout


def test_check_imports_nothing_that_it_does_not_need(real: Path) -> None:
    (real / "a.py").write_text("x = 1\n", "utf-8")
    run(real, "check")
    code = (
        "import sys\nfrom govlint.cli import main\n"
        "try: main(['check', '-q'])\nexcept SystemExit as stop: assert stop.code == 0, stop.code\n"
        "heavy = {'click', 'libcst', 'networkx', 'jsonschema', 'yaml', 'markdown_it',\n"
        " 'hypothesis', 'asyncio', 'subprocess', 'concurrent.futures', 'logging', 'pathspec'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(govlint.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=real, env=environment, check=False, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stderr
