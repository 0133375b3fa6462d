"""Shell completion: the scripts, and what the shell is told when it asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from govlint.cli.completion import completion


@pytest.mark.parametrize(
    ("shell", "sign"),
    [
        ("bash", "complete -o nosort -F _govlint_completion govlint"),
        ("zsh", "#compdef govlint"),
        ("fish", "complete --no-files --command govlint"),
    ],
)
def test_the_script_of_each_shell_is_printed(shell: str, sign: str) -> None:
    result = CliRunner().invoke(completion, [shell])
    assert result.exit_code == 0
    assert sign in result.stdout
    assert f"_GOVLINT_COMPLETE={shell}_complete" in result.stdout
    checker = shutil.which(shell)
    if checker is not None:
        checked = subprocess.run([checker, "-n"], input=result.stdout, text=True, timeout=60)
        assert checked.returncode == 0


def test_another_shell_is_refused_with_the_ones_there_are() -> None:
    result = CliRunner().invoke(completion, ["tcsh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output


def _complete(line: str) -> list[str]:
    """What bash is offered for `line`, of which the last word is the one being written."""
    words = line.split(" ")
    environment = os.environ | {
        "_GOVLINT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    answer = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "govlint")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not answer.stderr
    return [entry.partition(",")[2] for entry in answer.stdout.splitlines()]


def test_verbs_and_shells_complete() -> None:
    assert {"check", "completion", "explain", "init"} <= set(_complete("govlint "))
    assert _complete("govlint completion ") == ["bash", "zsh", "fish"]


def test_rules_complete_by_code_name_and_pack_also_after_a_comma() -> None:
    assert "direct-plugin-run" in _complete("govlint check --select direct")
    assert {"GOV101", "GOV202"} <= set(_complete("govlint check --select gov"))
    assert "execution" in _complete("govlint check --ignore exec")
    assert _complete("govlint check --select GOV101,GOV20") == [
        "GOV101,GOV201",
        "GOV101,GOV202",
        "GOV101,GOV203",
    ]
    assert "GOV101,GOV101" not in _complete("govlint check --select GOV101,GOV10")
