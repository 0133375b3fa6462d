"""Many documents are read and judged by several processes, and nothing else changes by that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from report_examples import PHASES, report, text

from govlint import engine
from govlint.config import load_config
from govlint.document_parts import WORTH, Glimpse, Parts, Read
from govlint.documents.reader import read
from govlint.record import Scan


def _check(folder: Path, *options: str) -> Any:
    command = [sys.executable, "-m", "govlint", "report", "check", ".", "--format", "json"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many reports that other processes read them; every seventh has a fault."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "govlint.toml").write_text("")
    for number in range(WORTH + 90):
        made = report(PHASES[number % 13])
        made["phase_meta"]["version"] = f"v{number // 13 + 1}"
        match number % 49:
            case 7:
                made["acceptance"] = ["it is robust"]
            case 14:
                made["status"]["stage"] = "dne"
            case 21:
                del made["flow"]
            case 28:  # only the whole set shows these
                made["phase_meta"]["version"] = "v1"
            case 35:
                made["status"] = {**made["status"], "stage": "done", "completion": 1.0}
                made["phase_meta"]["version"] = "v900"
            case 42:
                made["objective"]["problem"] = "TODO"
        data = text(made)
        if number % 97 == 0:
            data = data.replace(b'"title"', b'"phase_id": "P1",\n    "title"')
        if number % 101 == 0:
            data = data[:-5]
        (folder / f"r{number:04}.json").write_bytes(data)
    return folder


def test_the_number_of_processes_changes_nothing(many: Path) -> None:
    alone = _check(many, "--jobs", "1", "--no-cache")
    rules = {finding["rule"] for finding in alone[1]["findings"]}
    assert {"RPT001", "RPT002", "RPT004", "RPT005", "RPT006", "RPT008", "RPT012"} <= rules
    assert alone[0] == 1 and _check(many, "--jobs", "3", "--no-cache") == alone


def test_a_fault_that_no_rule_states_is_a_problem_all_the_same(many: Path) -> None:
    code, told = _check(many, "--jobs", "3", "--no-cache", "--select", "RPT012")
    assert code == 3 and told == _check(many, "--jobs", "1", "--no-cache", "--select", "RPT012")[1]
    assert {problem["kind"] for problem in told["problems"]} == {"undecodable"}


def test_the_cache_is_filled_by_a_shared_run(many: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "govlint", "check", "--format", "json", "--jobs", "3"]
    import os

    environment = {**os.environ, "GOVLINT_CACHE_DIR": str(tmp_path / "cache")}

    def run() -> str:
        return subprocess.run(
            command, cwd=many, env=environment, capture_output=True, check=False, timeout=120
        ).stdout.decode()

    first = run()
    assert run() == first and "RPT008" in first
    broken = many / "r0002.json"
    whole = broken.read_bytes()
    try:
        broken.write_bytes(whole.replace(b'"highest"', b'""'))
        changed = json.loads(run())
    finally:
        broken.write_bytes(whole)
    more = len(changed["findings"]) - len(json.loads(first)["findings"])
    assert more == 1
    assert [f["path"] for f in changed["findings"] if f["path"] == "r0002.json"]


def test_pieces_no_process_took_are_done_here(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(many)
    from govlint.catalog import load_catalog
    from govlint.discover import Target

    class NoWorkers:
        """Workers that take some pieces and die."""

        def __init__(self, work: Any, count: int) -> None:
            self.taken: list[Any] = []

        def offer(self, piece: Any) -> bool:
            self.taken.append(piece)
            return len(self.taken) < 2

        def take_back(self) -> None:
            return None

        def finish(self) -> tuple[list[Any], list[Any]]:
            return [], [piece for n, piece in enumerate(self.taken) if n < 1]

    monkeypatch.setattr("govlint.workers.Workers", NoWorkers)
    monkeypatch.setattr("govlint.document_parts._FIRST", 10)
    monkeypatch.setattr("govlint.document_parts._PIECE", 40)
    names = [f"r{number:04}.json" for number in range(110)]
    targets = [Target(str(many / name), name, (1, 1, 1, 1)) for name in names]

    def look(target: Target) -> Read:
        document = read(target.path, Path(target.abspath).read_bytes(), "json", "report")
        return Read(Scan(("document:report",)), document)

    rules = [r for r in load_catalog().rules.values() if "report" in r.documents]
    parts = Parts(targets, look, rules, 2)
    parts.run()
    assert [seen.target.path for seen in parts.seen] == names
    result = engine.run(names, load_config(["."], None), load_catalog(), engine.Options(
        tuple(rule.code for rule in rules), kinds=("report",), jobs=1, cache=False
    ))  # fmt: skip
    alone = {f.rule for f in parts.outcome.findings}
    assert alone and {(f.rule, f.location) for f in parts.outcome.findings} <= {
        (f.rule, f.location) for f in result.findings
    }


def test_a_glimpse_reads_its_text_when_it_is_asked_for() -> None:
    read_again = []

    def whole() -> Any:
        read_again.append(1)
        return read("a.json", b'{"x": {"y": 1}}', "json", "report")

    glimpse = Glimpse("a.json", "report", {"x": {}}, whole)
    assert glimpse.value == {"x": {}} and not glimpse.faults and not read_again
    assert glimpse.location("/x/y").column == 13
    assert glimpse.at("/x/y") == 1 and len(read_again) == 1
    with pytest.raises(AttributeError):
        glimpse.nothing  # noqa: B018
