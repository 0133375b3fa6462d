"""Time govlint on documents beside check-jsonschema and yamllint, as whole processes.

    python benchmarks/documents.py --runs 3 --json seconds.json --markdown seconds.md

Run it with a Python that has govlint installed. The peers are those of requirements.txt, in a
virtual environment of their own (`--peers DIR` reuses one). All commands on one subject run
in turn, round after round, so that what disturbs the machine disturbs each of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generate_documents as generate
from compare import peers

HERE = Path(__file__).resolve().parent
SCHEMA = HERE.parent / "schemas" / "phase-report.schema.json"
TIMEOUT = 600.0  # s
_SCHEMA_RULES = "RPT001,RPT002,RPT003,RPT004"
_EVENTS = """
import sys
from yaml._yaml import CParser
get = CParser(open(sys.argv[1], "rb").read().decode()).get_event
while type(get()).__name__ != "StreamEndEvent":
    pass
"""
_LOAD = """
import sys, yaml
yaml.load(open(sys.argv[1], "rb").read(), yaml.CSafeLoader)
"""
# the figures that spec 002 gives hold inside a process that has everything imported
_INSIDE = """
import sys, time, json
from pathlib import Path
from govlint.documents.missions.mission import mission_of
from govlint.documents.reader import read
data = Path(sys.argv[1]).read_bytes()
told = {"load": [], "order": []}
for _ in range(8):
    started = time.perf_counter()
    document = read("m.yaml", data, "yaml", "mission")
    told["load"].append(time.perf_counter() - started)
    assert not document.faults
    started = time.perf_counter()
    mission = mission_of(document)
    assert len(mission.order) == len(mission.steps) and not mission.cycles
    told["order"].append(time.perf_counter() - started)
print(json.dumps({name: min(seconds[1:]) for name, seconds in told.items()}))
"""


class Subject:
    """One command: wall and processor seconds, and the most memory, of each run."""

    def __init__(self, name: str, command: list[str], folder: Path, note: str = "") -> None:
        self.name, self.command, self.folder, self.note = name, command, folder, note
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.memory: list[float] = []

    def run(self) -> None:
        """Run once and remember; a command that fails or takes too long is not run again."""
        started = time.perf_counter()
        with subprocess.Popen(
            self.command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            said = process.stderr.read().decode("utf-8", "replace")
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if code:
            self.note = f"exit code {code}: {said.strip()[-80:]}"
            self.command = []
            return
        self.wall.append(wall)
        self.cpu.append(used.ru_utime + used.ru_stime)
        self.memory.append(used.ru_maxrss / 1024)

    def row(self) -> dict[str, Any]:
        """What is told of it: minima and medians."""
        told: dict[str, Any] = {"name": self.name, "runs": len(self.wall), "note": self.note}
        if self.wall:
            told |= {"min": min(self.wall), "median": statistics.median(self.wall)}
            told |= {"cpu": min(self.cpu), "memory": max(self.memory)}
        return told


def measure(subjects: list[Subject], runs: int) -> list[dict[str, Any]]:
    """Run all in turn, again and again."""
    for _ in range(runs):
        for subject in subjects:
            if subject.command:
                subject.run()
    return [subject.row() for subject in subjects]


def table(title: str, rows: list[dict[str, Any]], base: str, count: int = 0) -> str:
    """The rows as a Markdown table; ratios are of the least times, to those of `base`."""
    own = next((row for row in rows if row["name"] == base and row["runs"]), None)
    per = " documents/s |" if count else ""
    lines = [f"### {title}", ""]
    lines += [
        f"| command | min s | median s | CPU s |{per} memory MB | {base} ÷ it | CPU | runs | |"
    ]
    lines += [
        "| --- | --: | --: | --: |" + (" --: |" if count else "") + " --: | --: | --: | --: | --- |"
    ]
    for row in rows:
        cells = [row["name"]]
        if row["runs"]:
            cells += [f"{row['min']:.2f}", f"{row['median']:.2f}", f"{row['cpu']:.2f}"]
            cells += [f"{count / row['min']:,.0f}"] if count else []
            cells += [f"{row['memory']:.0f}"]
            ratios = [own["min"] / row["min"], own["cpu"] / row["cpu"]] if own else []
            cells += [f"{ratio:.1f}" for ratio in ratios] or ["–", "–"]
        else:
            cells += ["–"] * (7 if count else 6)
        cells += [str(row["runs"]), row["note"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _govlint(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "govlint", *arguments, "--format", "json", "--no-cache"]


def _peer(
    name: str, found: dict[str, str | None], folder: Path, *arguments: str, note: str = ""
) -> Subject:
    command = found.get(name)
    if command is None:
        return Subject(name, [], folder, "absent: could not be installed")
    return Subject(name, [command, *arguments], folder, note)


def reports(work: Path, count: int, found: dict[str, str | None]) -> list[Subject]:
    """Valid phase reports, all in one command."""
    folder = work / "reports"
    folder.mkdir()
    generate.write_reports(folder, count)
    (folder / "govlint.toml").touch()
    paths = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.json"))]
    return [
        Subject("govlint, all 16 rules", _govlint("report", "check", "."), folder),
        Subject(
            "govlint, the same schema only",
            _govlint("report", "check", ".", "--select", _SCHEMA_RULES),
            folder,
            "RPT001 to RPT004",
        ),
        _peer("check-jsonschema", found, folder, "--schemafile", str(SCHEMA), *paths),
        _peer("yamllint", found, folder, "-d", _YAMLLINT, *paths[::10], note="a tenth of them"),
    ]


# only what keeps a file from being read: no rule of style
_YAMLLINT = "{rules: {key-duplicates: enable}}"


def mission(
    work: Path, shape: str, count: int, found: dict[str, str | None], megabytes: float = 0
) -> list[Subject]:
    """One mission file."""
    folder = work / f"{shape}-{count}-{megabytes:g}"
    folder.mkdir()
    (folder / "govlint.toml").touch()
    steps = generate.write_mission(folder / "mission.yaml", count, shape, megabytes)
    subjects = [
        Subject(
            "govlint, all mission rules", _govlint("mission", "check", "mission.yaml"), folder,
            f"{steps:,} steps",
        ),
        Subject(
            "C parser, events alone", [sys.executable, "-c", _EVENTS, "mission.yaml"], folder,
            "reads, judges nothing",
        ),
        Subject(
            "CSafeLoader", [sys.executable, "-c", _LOAD, "mission.yaml"], folder,
            "builds values, judges nothing",
        ),
    ]  # fmt: skip
    if not megabytes:
        subjects.append(_peer("yamllint", found, folder, "-d", _YAMLLINT, "mission.yaml"))
    return subjects


def inside(work: Path, sizes: tuple[int, ...] = (100, 1_000, 10_000)) -> str:
    """Load and order inside one process, for the sizes that spec 002 names."""
    lines = ["### inside one process, everything imported", ""]
    lines += ["| mission | load ms | order ms |", "| --- | --: | --: |"]
    for count in sizes:
        path = work / f"inside-{count}.yaml"
        generate.write_mission(path, count, "diamond")
        done = subprocess.run(
            [sys.executable, "-c", _INSIDE, str(path)], capture_output=True, text=True, check=True
        )
        told = json.loads(done.stdout)
        lines.append(f"| {count:,} steps | {told['load'] * 1e3:.1f} | {told['order'] * 1e3:.2f} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each command (default: 3)")
    parser.add_argument("--reports", type=int, default=10_000, metavar="N")
    parser.add_argument("--steps", type=int, default=10_000, metavar="N")
    parser.add_argument("--megabytes", type=float, default=100, metavar="N", help="0: leave it out")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="virtual environment to reuse")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all seconds there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="govlint-benchmark-") as name:
        work = Path(name).resolve()
        found = peers((given.peers or work / "peers").absolute(), documents=True)
        told: dict[str, Any] = {}
        texts = [
            f"{os.cpu_count()} cores, Python {platform.python_version()}, load"
            f" {os.getloadavg()[0]:.1f}. Whole processes; CPU is user and system time of all of"
            " their processes; memory is the largest process's.\n"
        ]

        def take(title: str, base: str, make: Callable[[], list[Subject]], count: int = 0) -> None:
            told[title] = measure(make(), given.runs)
            texts.append(table(title, told[title], base, count))
            print(texts[-1], flush=True)

        take(
            f"{given.reports:,} valid phase reports",
            "check-jsonschema",
            lambda: reports(work, given.reports, found),
            given.reports,
        )
        for shape in ("independent", "chain", "diamond"):
            take(
                f"a mission of {given.steps:,} steps, {shape}",
                "C parser, events alone",
                lambda shape=shape: mission(work, shape, given.steps, found),
            )
        if given.megabytes:
            take(
                f"a mission of {given.megabytes:g} MB, diamond",
                "C parser, events alone",
                lambda: mission(work, "diamond", 0, found, given.megabytes),
            )
        texts.append(inside(work))
        print(texts[-1])
        if given.markdown:
            given.markdown.write_text("\n".join(texts), "utf-8")
        if given.json:
            given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
