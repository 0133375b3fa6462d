"""Documents that are made to hang, to blow up or to get out: each is told of, and nothing else.

All of them lie in one folder that the command checks as a whole, in a process that the
system ends when it takes more processor time or memory than it may.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_examples import report

from govlint.catalog import load_catalog
from govlint.document_analysis import analyse_documents
from govlint.documents.document import KINDS
from govlint.documents.reader import read

_SECONDS = 120  # of processor time, for all of them together; it takes about 15
_BYTES = 3 << 30
_MISSION = (
    'version: "1.0.0"\nname: n\nsteps:\n  - id: a\n    name: A\n    step_type: command\n'
    "    parameters:\n      command: {}\n    timeout_seconds: 5\n"
)
_STEP = "  - {{id: s{0}, name: S, step_type: noop, depends_on: [{1}], timeout_seconds: 1}}\n"


def _bomb(levels: int) -> str:
    """A billion laughs in YAML."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def _deep(opening: str, closing: str, depth: int = 100_000) -> str:
    return opening * depth + closing * depth


YAML: dict[str, str | bytes] = {
    "bomb": f'version: "1"\nname: n\nsteps: []\n{_bomb(12)}\n',
    "deep flow": f"steps: {_deep('[', ']')}",
    "deep mapping": "steps: " + "{a: " * 5_000 + "1" + "}" * 5_000,
    "deep block": "".join(" " * n + "steps:\n" for n in range(400)) + " " * 400 + "1\n",
    "deep dashes": "steps:\n  " + "- " * 2_000 + "x\n",
    "merge of itself": "steps: &a\n  <<: *a\n",
    "merge chain": "a0: &a0 {k: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 300))
    + "steps: 1\n",
    "many merges": "".join(f"a{n}: &a{n} {{k{n}: 1}}\n" for n in range(600))
    + "steps: 1\n"
    + "".join(f"b{m}: {{<<: [{', '.join(f'*a{n}' for n in range(600))}]}}\n" for m in range(20)),
    "anchor in itself": "steps: &x [*x, *x]\n",
    "huge key": f"steps: 1\n{'k' * 100_000}: 1\n",
    "huge question key": f"? {'k' * 20_000}\n: 1\nsteps: 1\n",
    "huge number": f"steps: {'9' * 30_000}\n",
    "huge hex": f"steps: 0x{'f' * 30_000}\n",
    "huge exponent": "steps: 1e999999999\n",
    "long line": f"steps: [{'1, ' * 30_000}1]\n",
    "long scalar": _MISSION.format("x" * 200_000),
    "nul": b"steps: a\0b\n",
    "nul first": b"\0steps: 1\n",
    "utf-16": _MISSION.format("ls").encode("utf-16"),
    "utf-16 cut": _MISSION.format("ls").encode("utf-16")[:-1],
    "utf-32": _MISSION.format("ls").encode("utf-32"),
    "utf-32 broken": b"\xff\xfe\0\0\xff\xff\xff\xff",
    "bom twice": b"\xef\xbb\xbf\xef\xbb\xbfsteps: 1\n",
    "surrogate": b"steps: \xed\xa0\x80\n",
    "escaped surrogate": 'steps: "\\ud800"\n',
    "overlong": b"steps: \xc0\xaf\n",
    "only cr": _MISSION.format("ls").replace("\n", "\r"),
    "tabs": "steps:\n\t- id: a\n",
    "many documents": "---\nsteps: 1\n" * 2_000,
    "many anchors": "steps: 1\n" + "".join(f"k{n}: &k{n} x\n" for n in range(3_000)),
    "many equal keys": "steps: 1\n" + "k: 1\n" * 3_000,
    "tag": "steps: !!python/object/apply:os.system ['touch pwned']\n",
    "own tag": "steps: !" + "x" * 10_000 + " 1\n",
    "directive": "%YAML 9.9\n---\nsteps: 1\n",
    "unclosed quote": 'steps: "' + "a\n" * 5_000,
    "colons": "steps: " + "a: " * 5_000,
    "question marks": "? " * 2_000 + "steps",
    "next line": "steps: a\x85b\u2028c\u2029d\n",
    "cycle": 'version: "1"\nname: n\nsteps:\n'
    + "".join(_STEP.format(n, f"s{(n + 1) % 300}") for n in range(300)),
    "all need all": 'version: "1"\nname: n\nsteps:\n'
    + "".join(_STEP.format(n, ", ".join(f"s{m}" for m in range(n))) for n in range(300)),
    "equal ids": 'version: "1"\nname: n\nsteps:\n' + _STEP.format(1, "") * 300,
    "needs nothing there is": 'version: "1"\nname: n\nsteps:\n'
    + "".join(_STEP.format(n, f"t{n}") for n in range(150)),
    "braces": _MISSION.format(json.dumps("{{" * 5_000)),
    "templates": _MISSION.format(json.dumps("{{a.output}}" * 2_000)),
    "quotes in a command": _MISSION.format(json.dumps("echo " + "'\"" * 3_000)),
    "pipes in a command": _MISSION.format(json.dumps("a | " * 2_000 + "sh")),
    "substitutions": _MISSION.format(json.dumps("$(" * 300 + ")" * 300)),
    "backticks": _MISSION.format(json.dumps("`" * 2_000)),
    "semicolons": _MISSION.format(json.dumps("ls;" * 2_000)),
    "words": _MISSION.format(json.dumps("a " * 4_000)),
    "settings": _MISSION.format(json.dumps("password=" * 1_000)),
    "addresses": _MISSION.format(json.dumps("http://a:b@" * 800)),
    "token ends": _MISSION.format(json.dumps("eyJ" + "aaaaaaaaa.eyJ" * 500)),
    "private key": _MISSION.format(json.dumps("-----BEGIN " + "A " * 2_000)),
    "dots": _MISSION.format(json.dumps("../" * 3_000 + "etc/passwd")),
    "percent": _MISSION.format(json.dumps("%25" * 2_000 + "2e")),
    "heredocs": _MISSION.format(json.dumps("cat <<A\n" * 300)),
    "role lines": _MISSION.format(json.dumps("@role " * 500)),
    "role quotes": _MISSION.format(json.dumps("@role a.b 'x" + "\\'" * 500)),
}


def _with(value: Any, *path: Any) -> str:
    made = report("P7")
    at: Any = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(made)


_GOOD = json.dumps(report("P7"))
JSON: dict[str, str | bytes] = {
    "deep list": _GOOD[:-1] + ', "x": ' + _deep("[", "]") + "}",
    "deep object": _GOOD[:-1] + ', "x": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}",
    "only opening": '{"phase_meta": ' + "[" * 30_000,
    "huge number": _GOOD.replace("0.4", "4" * 20_000),
    "huge fraction": _GOOD.replace("0.4", "0." + "4" * 20_000),
    "huge exponent": _GOOD.replace("0.4", "4e99999999"),
    "nan": _GOOD.replace("0.4", "NaN"),
    "surrogate": _GOOD.replace("clock skew", "\\ud800"),
    "nul": _GOOD.replace("clock skew", "\\u0000"),
    "raw nul": _GOOD.encode().replace(b"clock", b"\0"),
    "huge key": _GOOD[:-1] + f', "{"k" * 100_000}": 1}}',
    "many keys": _GOOD[:-1] + "".join(f', "k{n}": {n}' for n in range(3_000)) + "}",
    "equal keys": _GOOD[:-1] + ', "k": 1' * 3_000 + "}",
    "many documents": _GOOD * 200,
    "comments": "//" * 10_000 + _GOOD,
    "fences": "```\n" * 2_000 + _GOOD,
    "utf-16": _GOOD.encode("utf-16"),
    "utf-32 cut": _GOOD.encode("utf-32")[:-2],
    "bom twice": b"\xef\xbb\xbf\xef\xbb\xbf" + _GOOD.encode(),
    "latin-1": _GOOD.replace("clock", "\u00fchr").encode("latin-1"),
    "unclosed": _GOOD[:-1] + ', "x": "' + "\\\\" * 10_000,
    "quotes": _GOOD[:-1] + ', "x": ' + '"' * 5_000,
    "empty": b"",
    "spaces": " " * 50_000,
    "escapes": _GOOD.replace("clock skew", "\\u0041" * 10_000),
    "long path": _with("a/" * 5_000, "module_scope", "write_modules", 0),
    "wild path": _with("{a," * 2_000, "module_scope", "write_modules", 0),
    "long test": _with("tests/" + "a/" * 3_000, "tests", "unit", 0),
    "long version": _with("v" + "1." * 2_000, "phase_meta", "version"),
    "digits": _with("v" + "1" * 10_000, "phase_meta", "version"),
    "phases": _with([f"P{n}" for n in range(2_000)], "dependency_graph", "depends_on"),
    "no words": _with("\u200b" * 5_000, "objective", "problem"),
    "combining": _with("a\u0301" * 2_000, "objective", "problem"),
    "fullwidth": _with("\uff34\uff2f\uff24\uff2f" * 500, "objective", "problem"),
    "ligature": _with("\ufdfa" * 2_000, "objective", "problem"),
}
# what makes expressions go back and forth
_PIECES = (
    "TODO ", "TODO or ", "no TODO, ", "lorem ipsum ", "<your ", "{{ ", "a-", "a_", "aA", "1,", "1.",
    "at least ", "is kept ", "bypass the gate ", "run without ", "run even if ", "not ", "the ",
    "execute tool directly ", "before the gate ", "no retry ", "tests pass ", "test_a/", "P1 ",
    "approval: none ", "no approval ", "tenant boundary ", "tenant ", "deep state ", " ", "\n", "-",
)  # fmt: skip
for _number, _piece in enumerate(_PIECES):
    _text = _piece * (8_000 // len(_piece))
    _places = ("acceptance", 0), ("flow", "steps", 0), ("guardrails", "policy_gate", 0)
    _place = _places[_number % 3]
    JSON[f"piece {_number} in {_place[0]}"] = _with(_text, *_place)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any, str, int]]:
    """What the command says of all of them: the folder, its JSON, standard error, exit code."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.yaml").write_text(_MISSION.format("rm -rf /"))
    root = outside / "root"
    for folder, files, suffix in (("missions", YAML, "yaml"), ("reports", JSON, "json")):
        (root / folder).mkdir(parents=True)
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (root / folder / f"{name}.{suffix}").write_bytes(data)
    (root / "missions" / "line\nbreak \x1b[31m.yaml").write_text("steps: [\n")
    (root / "loop").symlink_to(root)
    (root / "missions" / "self.yaml").symlink_to(root / "missions" / "self.yaml")
    (root / "missions" / "up").symlink_to("../..")
    os.mkfifo(root / "missions" / "pipe.yaml")
    (root / "govlint.toml").write_text(
        '[documents]\nmissions = ["missions/**/*.yaml"]\nreports = ["reports/*.json"]\n'
    )
    before = sorted(os.listdir(outside))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))

    done = subprocess.run(
        [sys.executable, "-m", "govlint", "check", ".", "--format", "json", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode in (1, 3), (done.returncode, done.stderr[-2000:])
    assert sorted(os.listdir(outside)) == before and not (root / "pwned").exists()
    yield root, json.loads(done.stdout), done.stderr, done.returncode


def test_nothing_crashes_and_nothing_is_printed_but_the_result(
    told: tuple[Path, Any, str, int],
) -> None:
    _, result, stderr, code = told
    assert code in (1, 3) and "Traceback" not in stderr
    kinds = {problem["kind"]: problem for problem in result["problems"]}
    assert "crash" not in kinds, kinds["crash"]
    assert "timeout" not in kinds, kinds["timeout"]


def test_each_that_cannot_be_read_is_told_of(told: tuple[Path, Any, str, int]) -> None:
    root, result, _, _ = told
    spoken = {entry["path"] for entry in (*result["findings"], *result["problems"])}
    silent = []
    for path in sorted((*root.glob("missions/*.yaml"), *root.glob("reports/*.json"))):
        name = str(path.relative_to(root))
        if not path.is_file() or name in spoken or "\n" in name:
            continue
        syntax = path.suffix.removeprefix(".")
        document = read(name, path.read_bytes(), syntax, "report")
        assert not document.faults and isinstance(document.value, dict), name
        silent.append(path.stem)
    assert {"utf-16", "utf-32", "only cr"} <= set(silent)
    assert len(spoken) > 80 and "missions/line\\x0abreak \\x1b[31m.yaml" in spoken


def test_nothing_outside_is_read(told: tuple[Path, Any, str, int]) -> None:
    _, result, _, _ = told
    paths = {entry["path"] for entry in (*result["findings"], *result["problems"])}
    assert not [path for path in paths if path.startswith(("..", "/", "loop", "missions/up"))]
    assert not any("\n" in path or "\x1b" in path for path in paths)


_FRAGMENTS = st.sampled_from(
    (
        "a : - ? , [ ] { } & * ! | > ' \" % @ ` # \n \t \r \0 \ufeff \u2028 \x85 << *a &a !!str 1e9"
        " 0x .nan --- ... steps id step_type noop {{ }} @role \\ \\u0000 // ``` phase_meta true ~"
    ).split(" ")
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    parts=st.lists(_FRAGMENTS | st.text(max_size=3), max_size=40),
    syntax=st.sampled_from(["json", "yaml"]),
    kind=st.sampled_from(KINDS[:-1]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1"]),
)
def test_any_text_is_read_or_told_of(
    parts: list[str], syntax: str, kind: str, encoding: str
) -> None:
    data = " ".join(parts).encode(encoding, "replace")
    document = read("d", data, syntax, kind)
    assert document.faults or document.value is not None or syntax == "yaml"
    for fault in document.faults:
        assert fault.line >= 1 and fault.column >= 1 and fault.message
        assert fault.line <= document.text.count("\n") + document.text.count("\r") + 2
    rules = [rule for rule in load_catalog().rules.values() if kind in rule.documents]
    outcome = analyse_documents([document], rules)
    assert not [problem for problem in outcome.problems if problem.kind == "crash"]
    assert not document.faults or outcome.findings or outcome.problems
