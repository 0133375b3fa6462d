"""Time govlint beside other checkers: whole processes, the same trees, runs taken in turn.

    python benchmarks/compare.py [--runs 5] [--wheel DIR] [--peers DIR] [--json FILE]

Run it with a Python that has govlint installed. What it needs besides (the peers of
requirements.txt, the homeassistant wheel) it gets from PyPI, into a temporary folder. A peer
that cannot be had, or does not end in time, is reported as such; the whole ends within
`--minutes`, with fewer runs where they do not fit. Nothing of the trees is imported or run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import generate

HERE = Path(__file__).resolve().parent
WHEEL = "homeassistant==2026.2.3"
SAMPLES = {"fixit": 42, "semgrep": 440}  # files that these get where there are more
SLOW = 8.0  # seconds from which on a command's time is taken once only
TIMEOUT = 90.0  # seconds after which a command is given up
BASES = ("python -c pass", "ruff")  # the first that a tree has is what others are compared with

_AST_GREP = "id: direct-run\nlanguage: python\nrule:\n  pattern: $P.run($$$)\n"
_SEMGREP = """\
rules:
- id: direct-run
  languages: [python]
  severity: ERROR
  message: run
  pattern: $P.run(...)
"""
_FIXIT = """\
import libcst as cst
import libcst.matchers as m
from fixit import LintRule


class DirectRun(LintRule):
    MESSAGE = "run"

    def visit_Call(self, node: cst.Call) -> None:
        if m.matches(node, m.Call(func=m.Attribute(attr=m.Name("run")))):
            self.report(node)
"""


@dataclass
class Subject:
    """One command line that is timed, and what its runs gave."""

    name: str
    command: list[str]
    folder: Path
    prepare: Callable[[], None] | None = None
    note: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    given_up: bool = False

    def run(self, keep: bool) -> None:
        """Run it once; the seconds count if `keep`. It is not run again if it takes too long."""
        if self.given_up or not self.command:
            return
        if self.prepare is not None:
            self.prepare()
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        before, started = _children_cpu(), time.perf_counter()
        with subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**environment, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                code = process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                self.given_up = True
                self.note = "; ".join(filter(None, (self.note, f"given up after {TIMEOUT:.0f} s")))
                return
        seconds = time.perf_counter() - started
        cpu = _children_cpu() - before
        self.codes.add(code)
        if keep:
            self.wall.append(seconds)
            self.cpu.append(cpu)


def _children_cpu() -> float:
    """The seconds of processor time, user and system, that all ended children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- what is needed ------------------------------------------------------------------------


def peers(folder: Path, documents: bool = False) -> dict[str, str | None]:
    """Install each peer of requirements.txt by itself; its command, or None where it is absent.

    With `documents` they are those that look at documents, else those that look at code.
    """
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    found: dict[str, str | None] = {}
    commands = {"ruff": "ruff", "ast-grep-cli": "ast-grep", "semgrep": "semgrep",
                "fixit": "fixit", "ripgrep": "rg"}  # fmt: skip
    if documents:
        commands = {"check-jsonschema": "check-jsonschema", "yamllint": "yamllint"}
    for line in (HERE / "requirements.txt").read_text("utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        command = commands.get(wanted.partition("==")[0])
        if command is None:
            continue
        path = folder / "bin" / command
        if not path.exists():
            _pip(folder, "install", "--only-binary=:all:", wanted)
        if not path.exists():
            fallback = shutil.which(command)
            found[command] = fallback
        else:
            found[command] = str(path)
    return found


def _pip(folder: Path, *arguments: str) -> bool:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "-q", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*pip, *arguments], capture_output=True, text=True, check=False, timeout=300
        )
    except subprocess.TimeoutExpired:
        print(f"pip {' '.join(arguments)}: not done after 300 s", file=sys.stderr)
        return False
    if done.returncode:
        print(f"pip {' '.join(arguments)}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return done.returncode == 0


def wheel(folder: Path, peers_folder: Path) -> Path | None:
    """Download and unpack the wheel; nothing of it is installed or imported."""
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.13.9", "-d", str(folder)]
    if not _pip(peers_folder, "download", *options, WHEEL):
        return None
    (packed,) = folder.glob("*.whl")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder / "homeassistant-wheel")
    return folder / "homeassistant-wheel"


def version(command: str) -> str:
    """What a command says its version is; `?` where it does not say so soon (some ask a server)."""
    try:
        done = subprocess.run(
            [command, "--version"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SEMGREP_ENABLE_VERSION_CHECK": "0"},
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        return "?"
    said = (done.stdout or done.stderr).split("\n", 1)[0]
    return next((word for word in said.split() if word[:1].isdigit()), said)


# -- what is timed -------------------------------------------------------------------------


def _govlint() -> list[str]:
    return [sys.executable, "-m", "govlint", "check", "--format", "json"]


def _words() -> list[str]:
    """The words that govlint itself searches the files for."""
    code = (
        "from govlint.analysis import all_words\nfrom govlint.catalog import load_catalog\n"
        "from govlint.python.bindings import Bindings\n"
        "print(*sorted(all_words(list(load_catalog().rules.values()), Bindings())[1]), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _peer_subjects(
    found: dict[str, str | None], rules: Path, folder: Path, targets: list[str], files: list[str]
) -> list[Subject]:
    samples = {name: files[:: -(-len(files) // count)] for name, count in SAMPLES.items()}
    words = [part for word in _words() for part in ("-e", word)]
    lines = {
        "ruff": ["check", "--no-cache", "--isolated", "--select", "F401", *targets],
        "rg": ["-l", "--no-ignore", "-F", *words, *targets, "-g", "*.py"],
        "ast-grep": ["scan", "--rule", str(rules / "ast-grep.yml"), "--no-ignore", "vcs", *targets],
        "semgrep": ["scan", "--config", str(rules / "semgrep.yml"), "--metrics", "off",
                    "--disable-version-check", "--no-git-ignore", "--quiet", *samples["semgrep"]],
        "fixit": ["--rules", "fixit_rule", "lint", *samples["fixit"]],
    }  # fmt: skip
    subjects = []
    for name, arguments in lines.items():
        command = found.get(name)
        if command is None:
            subjects.append(Subject(name, [], folder, note="absent: could not be installed"))
            continue
        taken = len(samples.get(name, files))
        note = f"{taken} of the files only" if taken < len(files) else ""
        subjects.append(Subject(name, [command, *arguments], folder, note=note))
        if name == "fixit":  # finds its rule by importing it
            subjects[-1].folder = rules
            subjects[-1].environment = {"PYTHONPATH": str(rules)}
    return subjects


def _fill_cache(folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        [*_govlint(), "."],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=TIMEOUT,
    )


def whole_tree(
    title: str, folder: Path, found: dict[str, str | None], rules: Path, caches: Path
) -> tuple[str, list[Subject]]:
    """govlint with no cache, a cold and a warm one, and the peers, on a whole tree."""
    cold, warm = caches / f"{title}-cold", caches / f"{title}-warm"
    files = sorted(str(path) for path in folder.rglob("*.py"))
    environment = {"GOVLINT_CACHE_DIR": str(warm)}

    def prime() -> None:
        _fill_cache(folder, environment)

    subjects = [
        Subject("govlint, no cache", [*_govlint(), "--no-cache", "."], folder),
        Subject(
            "govlint, cold",
            [*_govlint(), "."],
            folder,
            prepare=lambda: shutil.rmtree(cold, ignore_errors=True),
            environment={"GOVLINT_CACHE_DIR": str(cold)},
        ),
        Subject("govlint, warm", [*_govlint(), "."], folder, prime, environment=environment),
        *_peer_subjects(found, rules, folder, ["."], files),
    ]
    return f"{title} ({len(files)} files)", subjects


def one_file(
    folder: Path, services: list[str], found: dict[str, str | None], rules: Path, caches: Path
) -> tuple[str, list[Subject]]:
    """One file edited in a checkout with a warm cache; facts come from the whole project."""
    quiet = {"cwd": folder, "check": True, "capture_output": True}
    service = services[-1]
    domain = min(str(path.relative_to(folder)) for path in folder.glob("shop/domain/[a-z]*.py"))
    originals = {name: (folder / name).read_text("utf-8") for name in (service, domain)}
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    subprocess.run(["git", "init", "-q"], **quiet)
    subprocess.run(["git", "add", "-A"], **quiet)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "before"], **quiet)
    environment = {"GOVLINT_CACHE_DIR": str(caches / "one-file")}
    edits = 0

    def edit(name: str) -> None:
        nonlocal edits
        edits += 1
        time.sleep(0.06)  # or the last edit is too fresh to be remembered
        _fill_cache(folder, environment)
        text = f"{originals[name]}\n\ndef added_{edits}() -> int:\n    return {edits}\n"
        (folder / name).write_text(text, "utf-8")

    subjects = [
        Subject("python -c pass", [sys.executable, "-c", "pass"], folder),
        *(
            Subject(
                f"govlint {what}",
                [*_govlint(), *arguments],
                folder,
                partial(edit, name),
                environment=environment,
            )
            for what, name, arguments in (
                ("FILE, an ordinary file edited", domain, [domain]),
                ("FILE, a service edited", service, [service]),
                ("--diff HEAD, a service edited", service, ["--diff", "HEAD", "."]),
            )
        ),
        Subject(
            "govlint FILE, no change",
            [*_govlint(), service],
            folder,
            lambda: _fill_cache(folder, environment),
            environment=environment,
        ),
        *_peer_subjects(found, rules, folder, [service], [str(folder / service)]),
    ]
    return "one changed file of the generated project", subjects


def measure(trees: list[tuple[str, list[Subject]]], runs: int, until: float) -> None:
    """Run all of a tree's commands in turn, again and again, so that what disturbs the machine
    disturbs all. A tree gets its share of the time up to `until`; a command that takes long is
    run once more after the first time and no more.
    """
    for number, (title, subjects) in enumerate(trees):
        end = time.monotonic() + (until - time.monotonic()) / (len(trees) - number)
        slow: set[str] = set()
        for subject in subjects:  # fills the disk's cache, writes bytecode, tells who is slow
            started = time.perf_counter()
            subject.run(keep=False)
            if time.perf_counter() - started > SLOW:
                slow.add(subject.name)
        for turn in range(runs):
            if turn and time.monotonic() > end:
                print(f"{title}: {turn} of {runs} rounds fitted the time", file=sys.stderr)
                break
            for subject in subjects:
                if not turn or subject.name not in slow:
                    subject.run(keep=True)
        print(f"{title}: measured", file=sys.stderr)


# -- what is told --------------------------------------------------------------------------


def rows(subjects: list[Subject]) -> list[dict[str, object]]:
    """One row per subject; the ratios are of the least wall time and the least CPU time."""
    base = next((s for name in BASES for s in subjects if s.name == name and s.wall), None)
    told: list[dict[str, object]] = []
    for subject in subjects:
        row: dict[str, object] = {"name": subject.name, "runs": len(subject.wall)}
        if subject.wall:
            row |= {"min": min(subject.wall), "median": statistics.median(subject.wall)}
            row |= {"cpu": min(subject.cpu), "cpu median": statistics.median(subject.cpu)}
            if base is not None:
                row["ratio"] = min(subject.wall) / min(base.wall)
                row["cpu ratio"] = min(subject.cpu) / min(base.cpu)
        odd = sorted(subject.codes - {0, 1})
        notes = [subject.note, f"exit code {odd[0]}" if odd else ""]
        row["note"] = "; ".join(note for note in notes if note)
        told.append(row)
    return told


_COLUMNS = ("min", "median", "cpu", "cpu median")


def table(title: str, told: list[dict[str, object]]) -> str:
    """The rows as a Markdown table: seconds, and how many times as much as the base."""
    lines = [f"### {title}", ""]
    base = next((name for name in BASES if any(row["name"] == name for row in told)), "?")
    names = f"÷ {base} | CPU ÷ {base}"
    lines += [f"| command | min | median | CPU min | CPU median | {names} | runs | |"]
    lines += ["| --- | --: | --: | --: | --: | --: | --: | --: | --- |"]
    for row in told:
        seconds = [f"{row[key]:.3f}" if key in row else "–" for key in _COLUMNS]
        ratios = [f"{row[key]:.2f}" if key in row else "–" for key in ("ratio", "cpu ratio")]
        cells = [row["name"], *seconds, *ratios, row["runs"], row["note"]]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument(
        "--minutes", type=float, default=7, help="bound on the measuring (default: 7)"
    )
    parser.add_argument("--wheel", type=Path, metavar="DIR", help=f"{WHEEL}, unpacked already")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="virtual environment to reuse")
    parser.add_argument("--files", type=int, default=1500, help="files of the generated project")
    parser.add_argument("--no-wheel", action="store_true", help="leave the wheel out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all seconds there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="govlint-benchmark-") as name:
        work = Path(name).resolve()
        peers_folder = (given.peers or work / "peers").absolute()
        found = peers(peers_folder)
        rules = work / "rules"
        rules.mkdir()
        for rule, text in {
            "ast-grep.yml": _AST_GREP, "semgrep.yml": _SEMGREP, "fixit_rule.py": _FIXIT
        }.items():  # fmt: skip
            (rules / rule).write_text(text, "utf-8")
        trees: list[tuple[str, list[Subject]]] = []
        if not given.no_wheel:
            unpacked = given.wheel or wheel(work, peers_folder)
            if unpacked is None:
                print(f"{WHEEL} is absent: it could not be downloaded", file=sys.stderr)
            else:
                trees.append(whole_tree(WHEEL, unpacked.resolve(), found, rules, work))
        project = work / "project"
        generate.write(project, given.files)
        trees.append(whole_tree("generated project", project, found, rules, work))
        changed = work / "changed"
        services = generate.write(changed, given.files)
        trees.append(one_file(changed, services, found, rules, work))
        measure(trees, given.runs, time.monotonic() + 60 * given.minutes)
        machine = {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "versions": {n: version(c) if c else None for n, c in found.items()},
        }
        told = {title: rows(subjects) for title, subjects in trees}
        versions = ", ".join(f"{n} {v or 'absent'}" for n, v in machine["versions"].items())
        head = (
            f"{machine['cores']} cores, Python {machine['python']}, load {machine['load']:.1f}; "
            f"{versions}. Seconds of whole processes; CPU is user and system time.\n"
        )
        text = "\n".join([head, *(table(title, part) for title, part in told.items())])
        print(text)
        if given.markdown:
            given.markdown.write_text(text, "utf-8")
        if given.json:
            given.json.write_text(
                json.dumps({"machine": machine, "trees": told}, indent=1) + "\n", "utf-8"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
