"""Projects for the rules about states and layers: the blocks of their pages, and cases."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govlint.model import Finding, Rule, Severity
from govlint.python.bindings import Bindings
from govlint.python.linking import link
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile

ROOT = Path(__file__).parent
RULES = ROOT.parent / "rules" / "execution"
CASES = ROOT / "data" / "states"
CHECKS: dict[str, tuple[str, dict[str, Any]]] = {
    "GOV103": ("layer_skip", {}),
    "GOV301": ("lifecycle_state", {"besides": ("SUCCESS", "ERROR")}),
    "GOV302": ("lifecycle_state", {"only": ("SUCCESS", "ERROR")}),
    "GOV303": ("job_transition", {}),
    "GOV304": ("state_write", {}),
}
_FENCE = re.compile(r'^```python(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.M | re.S)
_EXPECT = re.compile(r"#\s*expect:\s*(?P<codes>GOV\d+(?:\s*,\s*GOV\d+)*)")


@dataclass(frozen=True)
class Example:
    """A small project with marks on the lines that must be found."""

    name: str
    files: dict[str, str]

    def expected(self) -> list[tuple[str, int, str]]:
        """Path, line and code of every mark."""
        return sorted(
            (path, number, code.strip())
            for path, text in self.files.items()
            for number, line in enumerate(text.split("\n"), 1)
            for found in [_EXPECT.search(line)]
            if found
            for code in found["codes"].split(",")
            if code.strip() in CHECKS
        )


def of_page(page: Path) -> Iterator[Example]:
    """The projects of a rule page."""
    text = page.read_text(encoding="utf-8")
    groups: list[dict[str, str]] = []
    end = -1
    for match in _FENCE.finditer(text):
        joined = bool(match["title"]) and end > 0 and not text[end : match.start()].strip()
        if not joined:
            groups.append({})
        groups[-1][match["title"] or "example.py"] = match["body"]
        end = match.end() if match["title"] else -1
    for number, files in enumerate(groups, 1):
        yield Example(f"{page.stem[:6]}-{number}", files)


def of_cases(name: str) -> Iterator[Example]:
    """The cases of `data/states/NAME.py`; `# file:` lines divide one into files."""
    text = (CASES / f"{name}.py").read_text(encoding="utf-8")
    for part in re.split(r"^# --- case: ", text, flags=re.M)[1:]:
        title, _, code = part.partition("\n")
        files = {"case.py": code}
        if "# file: " in code:
            rows = re.split(r"^# file: ", code, flags=re.M)[1:]
            files = {row.partition("\n")[0].strip(): row.partition("\n")[2] for row in rows}
        yield Example(f"{name}: {title}", files)


def linked(files: dict[str, str], bindings: Bindings | None = None) -> Program:
    """The program that the files make."""
    scanned = [
        ScannedFile(
            path,
            f"/nowhere/{path}",
            path.removesuffix(".py").removesuffix("/__init__").replace("/", "."),
            text.encode(),
            frozenset({"class", "def"}),
            is_test=path.startswith("tests/"),
            is_package=path.endswith("__init__.py"),
        )
        for path, text in files.items()
    ]
    return link(scanned, bindings or Bindings(), Path("/nowhere"))


def judge(files: dict[str, str], bindings: Bindings | None = None) -> list[Finding]:
    """What the checks of these rules find, in one program."""
    program = linked(files, bindings)
    found: list[Finding] = []
    for code, (module, params) in CHECKS.items():
        check = importlib.import_module(f"govlint.checks.{module}")
        texts = ("", "execution", "", "", "", "", "")
        rule = Rule(code, module, Severity.ERROR, "0.1.0", check.KIND, params, *texts)
        found += check.run(rule, check.Params(**params), program)
    return found


def places(findings: list[Finding]) -> list[tuple[str, int, str]]:
    """Path, line and code of each finding, as `Example.expected` has them."""
    return sorted((f.location.path, f.location.line, f.rule) for f in findings)
