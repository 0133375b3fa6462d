"""`govlint report` as a user runs it: its outputs, its files, its exit codes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from report_examples import CRITERIA, changed, done, report, text

from govlint.cli import main
from govlint.documents.reports.registry import phases
from govlint.documents.reports.shape import KEYS


class Ran:
    """What one run of the command gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / ".cache"))

    def go(*arguments: str) -> Ran:
        code = 0
        try:
            main(["report", *arguments])
        except SystemExit as error:
            code = int(error.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return Ran(code, said.out, said.err)

    return go


def _write(**reports: Any) -> None:
    for name, value in reports.items():
        Path(f"{name}.json").write_bytes(text(value))


# -- check -------------------------------------------------------------------------------------


def test_clean_reports_pass_and_the_matrix_says_so(run: Any) -> None:
    _write(**{phase.lower(): report(phase) for phase in CRITERIA})
    ran = run("check", "p7.json")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[-3].split()[:2] == ["phase", "stage"] and len(lines[-3].split()) == 2 + len(KEYS)
    assert lines[-2].split() == ["P7", "in_progress", "40", "%", *["."] * 12, "p7.json"]
    assert lines[-1].startswith("no report on P1, P2")
    every = run("check").out.splitlines()
    assert [line.split()[0] for line in every[-13:]] == list(CRITERIA)
    assert "no report on" not in every[-1]


def test_the_matrix_counts_findings_by_key(run: Any) -> None:
    made = report()
    made["acceptance"] = ["works well", "Cross-tenant access is denied", "is robust"]
    made["flow"]["trigger"] = ""
    del made["rollback"]
    _write(p7=made)
    ran = run("check", "p7.json")
    assert ran.code == 1
    row = ran.out.splitlines()[-2].split()
    cells = dict(zip(KEYS, row[4:16], strict=True))
    assert cells == {
        **dict.fromkeys(KEYS, "."), "acceptance": "2", "flow": "1", "rollback": "-",
    }  # fmt: skip
    assert row[16:] == ["p7.json", "(+1", "on", "the", "whole)"]


def test_a_file_that_is_named_is_a_report_whatever_it_holds(run: Any) -> None:
    Path("notes.txt").write_text("dear reader\n")
    Path("package.json").write_text('{"name": "x"}\n')
    assert run("check", "notes.txt").code == 1
    ran = run("check", "package.json")
    assert ran.code == 1 and ran.out.count("RPT002") >= 12
    assert run("check", ".").code == 3  # nothing here looks like one


def test_machine_formats_have_no_matrix(run: Any) -> None:
    _write(p7=report())
    ran = run("check", "p7.json", "--format", "json")
    assert json.loads(ran.out)["findings"] == []
    ran = run("check", "p7.json", "--format", "json=out.json", "--format", "text")
    assert "acceptance" in ran.out and json.loads(Path("out.json").read_text())


def test_against_compares_with_the_repository_and_only_then(run: Any) -> None:
    _write(p7=report())
    for folder in ("src/security", "src/session", "src/contracts"):
        Path("repo", folder).mkdir(parents=True)
    assert run("check", "p7.json").code == 0
    ran = run("check", "p7.json", "--against", "repo")
    assert ran.code == 1
    assert re.findall(r"RPT\d+.*", ran.out)[0].endswith(
        "there is no “src/runtime” in the repository repo"
    )
    Path("repo/src/runtime").mkdir()
    assert run("check", "p7.json", "--against", "repo").code == 0
    ran = run("check", "p7.json", "--against", "nowhere")
    assert (ran.code, "there is no such folder" in ran.err) == (2, True)


def test_a_report_that_cannot_be_read_is_in_the_matrix(run: Any) -> None:
    Path("p7.json").write_text("```json\n{}\n```\n")
    ran = run("check", "p7.json")
    assert ran.code == 1 and "RPT001" in ran.out
    assert ran.out.splitlines()[-1].split() == [
        "?",
        "?",
        *["-"] * 12,
        "p7.json",
        "(+1",
        "on",
        "the",
        "whole)",
    ]


def test_words_come_from_the_configuration(run: Any) -> None:
    _write(p7=changed(lambda r: r["status"].update(next_actions=["ask the crew in the war room"])))
    assert "war room" in run("check", "p7.json").out
    config = Path("govlint.toml")
    config.write_text('[params.loaded-language]\nallow = ["war room"]\n')
    assert run("check", "p7.json").code == 0
    config.write_text('[params.RPT013]\nadd = { crew = "people" }\nallow = ["war room"]\n')
    assert "“crew”: people" in run("check", "p7.json").out


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("params = 1\n", "params must be a table"),
        ("[params]\nRPT013 = 1\n", "it must be a table of parameters"),
        ("[params.loaded-langage]\nadd = {}\n", "did you mean 'loaded-language'?"),
        ("[params.RPT013]\nadds = {}\n", "did you mean `add`?"),
        ('[params.RPT013]\nadd = ["crew"]\n', "is dict, found"),
        ("[params.RPT013]\nadd = { crew = 1 }\n", "maps words to texts"),
        ("[params.RPT013]\nallow = [1]\n", "a list of words"),
        ("[params.RPT009]\nx = 1\n", "has no param `x`; it has none"),
    ],
)
def test_parameters_that_do_not_fit_are_configuration_faults(
    run: Any, config: str, said: str
) -> None:
    _write(p7=report())
    Path("govlint.toml").write_text(config)
    ran = run("check", "p7.json")
    assert ran.code == 2 and said in ran.err, ran.err


# -- new, prompt -------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", CRITERIA)
def test_a_new_report_fails_its_check_until_it_is_filled_in(run: Any, phase: str) -> None:
    assert run("new", phase, "-o", "new.json").code == 0
    ran = run("check", "new.json")
    assert ran.code == 1
    assert set(re.findall(r"RPT\d+", ran.out)) == {"RPT005"}
    made = json.loads(Path("new.json").read_text())
    made["data_models"] = []

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(part) for key, part in value.items()}
        if isinstance(value, list):
            return [fill(part) for part in value]
        return "what holds for it" if str(value).startswith("TODO") else value

    made = {**fill(made), "acceptance": CRITERIA[phase]}
    Path("new.json").write_bytes(text(made))
    assert run("check", "new.json").code == 0


def test_a_new_report_is_not_written_over_another(run: Any) -> None:
    _write(p7=report())
    ran = run("new", "P7", "-o", "p7.json")
    assert ran.code == 2 and "exists already" in ran.err
    assert json.loads(Path("p7.json").read_text()) == report()
    assert run("new", "P7", "-o", "no/such/folder.json").code == 2
    assert json.loads(run("new", "p7").out)["phase_meta"]["phase_id"] == "P7"


def test_there_is_no_fourteenth_phase(run: Any) -> None:
    for verb in ("new", "prompt"):
        ran = run(verb, "P14")
        assert ran.code == 2 and "phases are P1 to P13" in ran.err


@pytest.mark.parametrize("phase", CRITERIA)
def test_the_prompt_is_the_protocols_with_row_and_schema(run: Any, phase: str) -> None:
    out = run("prompt", phase).out
    for line in (
        "You are producing an AutoLoop phase report under P1-P13 Unified Specification Protocol"
        " v1.",
        "Output valid JSON only.",
        "Follow the required keys exactly:",
        ", ".join(KEYS) + ".",
        "Use measurable acceptance criteria.",
        "Use explicit module paths.",
        "Use append-only traceability language where applicable.",
        "Do not add political metaphors or non-technical labels.",
    ):
        assert line in out
    row = phases()[phase]
    for said in (row.id, row.title, row.target, row.acceptance, *(m.name for m in row.modules)):
        assert said in out
    schema = json.loads(out[out.index('{\n  "$schema"') :])
    assert schema["required"] == KEYS


# -- graph ---------------------------------------------------------------------------------------


def test_the_graph_is_drawn_by_stage_and_completion(run: Any) -> None:
    _write(p6=done("P6"), p7=report("P7"))
    assert run("graph", "p6.json", "p7.json", "-o", "graph.svg").code == 0
    root = ET.parse("graph.svg").getroot()
    words = "\n".join(root.itertext())
    for said in ("P6", "done, 100 %", "in progress, 40 %", "no report", "Gray Rollout"):
        assert said in words
    mermaid = run("graph", "p6.json", "p7.json", "--format", "mermaid").out
    assert mermaid.startswith("flowchart LR\n") and mermaid.count("-->") == 3
    assert run("graph", "p6.json", "p7.json", "--format", "dot", "--all").out.count("shape") == 1
    assert run("graph", "p6.json", "--format", "dot", "--all").out.count("fillcolor=") == 13


def test_what_is_wrong_with_the_graph_stands_out(run: Any) -> None:
    first, second = report("P1"), report("P2")
    first["dependency_graph"] = {"depends_on": ["P2"], "unblocks": []}
    second["dependency_graph"] = {"depends_on": ["P1"], "unblocks": ["P4"]}
    _write(p1=first, p2=second, p4=report("P4"))
    out = run("graph", "--format", "mermaid").out
    assert out.count("-.->") == 3
    svg = run("graph").out
    assert "the phases wait for each other: P1 → P2 → P1" in svg


def test_a_report_that_cannot_be_read_is_said_to_be_left_out(run: Any) -> None:
    _write(p6=report("P6"))
    Path("p7.json").write_text('{"phase_meta": {"phase_id": "P7",}}')
    ran = run("graph", "p6.json", "p7.json")
    assert ran.code == 3 and "p7.json:1: is left out" in ran.err and "P6" in ran.out
    assert run("graph", "absent.json").code == 3


# -- store ---------------------------------------------------------------------------------------


def test_what_passes_is_stored_once(run: Any) -> None:
    _write(p6=report("P6"), p7=report("P7"))
    ran = run("store", "ledger.jsonl", "p6.json", "p7.json")
    assert ran.code == 0
    assert ran.out.splitlines()[:2] == ["p6.json: P6 v1 is entry 0", "p7.json: P7 v1 is entry 1"]
    head = ran.out.splitlines()[2].removeprefix("head ")
    before = Path("ledger.jsonl").read_bytes()
    again = run("store", "ledger.jsonl", "p7.json", "--anchor", head)
    assert again.code == 0 and "is entry 1 already" in again.out
    assert Path("ledger.jsonl").read_bytes() == before
    twice = run("store", "other.jsonl", "p6.json", "p6.json")
    assert twice.code == 0 and len(Path("other.jsonl").read_bytes().splitlines()) == 1


def test_what_does_not_pass_is_refused_with_all_that_came_with_it(run: Any) -> None:
    _write(p6=report("P6"), p7=changed(lambda r: r.update(invariants=["TODO"])))
    ran = run("store", "ledger.jsonl", "p6.json", "p7.json")
    assert ran.code == 1 and "RPT005" in ran.out and "nothing was appended" in ran.err
    assert not Path("ledger.jsonl").exists()


def test_a_later_report_needs_a_higher_version(run: Any) -> None:
    _write(p7=report("P7"), later=report("P7", completion=0.7))
    assert run("store", "ledger.jsonl", "p7.json").code == 0
    ran = run("store", "ledger.jsonl", "later.json")
    assert ran.code == 1 and "a later report has a higher version" in ran.out
    made = report("P7", completion=0.7)
    made["phase_meta"]["version"] = "v2"
    _write(later=made)
    assert run("store", "ledger.jsonl", "later.json").code == 0


def test_a_report_has_to_agree_with_those_that_are_stored(run: Any) -> None:
    last = done("P7")
    _write(p6=report("P6"), p7=last)
    assert run("store", "ledger.jsonl", "p6.json").code == 0
    ran = run("store", "ledger.jsonl", "p7.json")
    assert ran.code == 1 and "P7 is done, but it depends on P6, which is in_progress" in ran.out
    finished = done("P6")
    finished["phase_meta"]["version"] = "v2"
    finished["dependency_graph"]["depends_on"] = []
    _write(p6=finished)
    assert run("store", "ledger.jsonl", "p6.json", "p7.json").code == 0
    free = report("P7")
    free["phase_meta"]["version"] = "v2"
    free["dependency_graph"]["depends_on"] = []
    _write(p7=free)
    ran = run("store", "ledger.jsonl", "p7.json")
    assert ran.code == 1 and "P6 unblocks P7" in ran.out and "ledger.jsonl#1" in ran.out


def test_a_ledger_that_was_changed_is_left_alone(run: Any) -> None:
    _write(p6=report("P6"), p7=report("P7"))
    assert run("store", "ledger.jsonl", "p6.json").code == 0
    changed_bytes = Path("ledger.jsonl").read_bytes().replace(b"0.4", b"0.5")
    Path("ledger.jsonl").write_bytes(changed_bytes)
    ran = run("store", "ledger.jsonl", "p7.json")
    assert ran.code == 3 and "ledger.jsonl:1: " in ran.err
    assert Path("ledger.jsonl").read_bytes() == changed_bytes


def test_an_unfinished_line_is_told_of(run: Any) -> None:
    _write(p6=report("P6"), p7=report("P7"))
    assert run("store", "ledger.jsonl", "p6.json").code == 0
    with open("ledger.jsonl", "ab") as stream:
        stream.write(b'{"dig')
    ran = run("store", "ledger.jsonl", "p7.json")
    assert ran.code == 0 and "an unfinished line of 5 bytes was put aside" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("ledger.jsonl", "absent.json"), 3, "cannot be read"),
        (("p7.json", "p7.json"), 2, "is the ledger"),
        ((".", "p7.json"), 2, "cannot be opened"),
        (("ledger.jsonl",), 2, "Missing argument"),
        (("ledger.jsonl", "p7.json", "--anchor", "sha256:x"), 3, "does not hold the entry"),
        (("ledger.jsonl", "p7.json", "--against", "no"), 2, "there is no such folder"),
    ],
)
def test_what_cannot_be_stored_is_one_sentence(
    run: Any, arguments: tuple[str, ...], code: int, said: str
) -> None:
    _write(p7=report())
    ran = run("store", *arguments)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert not Path("ledger.jsonl").exists()


def test_a_number_without_canonical_form_is_refused(run: Any) -> None:
    _write(p7=report())
    big = text(report()).replace(b'"completion": 0.4', b'"completion": 0.4000000000000000000001')
    Path("p7.json").write_bytes(big)
    assert run("store", "ledger.jsonl", "p7.json").code == 0


def test_an_excluded_report_that_is_named_is_judged_all_the_same(run: Any) -> None:
    _write(p6=report("P6"), p7=changed(lambda r: r.update(invariants=["TODO"])))
    Path("govlint.toml").write_text('exclude = ["*.json"]\n')
    assert run("store", "ledger.jsonl", "p7.json").code == 1
    assert run("store", "ledger.jsonl", "p6.json").code == 0
