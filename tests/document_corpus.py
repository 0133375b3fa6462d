"""The corpus of documents: breaches and look-alikes, kept as data in `tests/data/documents`.

Three shapes of data, for what is worth writing down in each: whole files whose marked lines
have to be found (`*_cases.txt`, `role_projects.txt`), tables of values that are put into one
document (`mission_values.txt`), and edits of a good document (`*_cases.yaml`). Every case says
all that may be found in it, so a look-alike is a case in which nothing is.

A mark is `# expect: MSN010`; `MSN002|MSN014` is either, and `MSN007~` stands for any line.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from govlint.catalog import Catalog
from govlint.config import Config
from govlint.engine import Options, run
from govlint.model import Finding

DATA = Path(__file__).parent / "data" / "documents"
PACKS = ("missions", "reports", "roles")
_MARK = re.compile(r"\s*(?:<!-- )?#\s*expect:\s*([\w|~ ]+?)(?:\s*-->)?\s*$")
_SLOT = "§"


@dataclass(frozen=True, slots=True)
class Expected:
    """One finding that has to be there: where, and one of which codes."""

    path: str
    options: tuple[tuple[str, str], ...]  # code and `@line`, a pointer, or "" for anywhere

    def fits(self, finding: Finding, path: str) -> bool:
        """Whether a finding of this file is the one that is meant."""
        if path != self.path:
            return False
        line, pointer = f"@{finding.location.line}", finding.location.pointer or ""
        return any(
            code == finding.rule and where in ("*", line, pointer) for code, where in self.options
        )


@dataclass(slots=True)
class Case:
    """Some files, what kind they are, and everything that is found in them."""

    title: str
    files: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing may be found."""
        return not self.expected


def differences(case: Case, found: Iterable[tuple[str, Finding]]) -> list[str]:
    """What was expected and not found, and what was found and not expected."""
    rest = list(found)
    said = []
    for expected in case.expected:
        for at, (path, finding) in enumerate(rest):
            if expected.fits(finding, path):
                del rest[at]
                break
        else:
            where = " or ".join(f"{code} {place}" for code, place in expected.options)
            said.append(f"missing in {expected.path}: {where}")
    for path, finding in rest:
        at_line = f"{path}:{finding.location.line} {finding.location.pointer}"
        said.append(f"not expected: {finding.rule} {at_line}: {finding.message}")
    return said


def run_together(
    cases: list[Case], folder: Path, catalog: Catalog
) -> Iterator[tuple[Case, list[str]]]:
    """Run cases of one file each in one go; for rules that look at one file at a time."""
    kinds: dict[str, list[str]] = {}
    names = {}
    for number, case in enumerate(cases):
        [(path, text)] = case.files.items()
        name = f"{number:04}.{path.rpartition('.')[2]}"
        names[name] = case
        (folder / name).write_bytes(text.encode())
        for kind in case.kinds:
            kinds.setdefault(kind, []).append(name)
    found: dict[str, list[tuple[str, Finding]]] = {name: [] for name in names}
    for path, finding in _find(folder, {k: tuple(v) for k, v in kinds.items()}, catalog):
        own = next(iter(names[path].files))
        found[path].append((own, finding))
    for name, case in names.items():
        yield case, differences(case, found[name])


def run_case(case: Case, folder: Path, catalog: Catalog) -> list[str]:
    """Run one case as a project of its own."""
    for path, text in case.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return differences(case, _find(folder, case.kinds, catalog))


def _find(
    folder: Path, kinds: Mapping[str, tuple[str, ...]], catalog: Catalog
) -> Iterator[tuple[str, Finding]]:
    root = str(folder.resolve())
    select = tuple(r.code for r in catalog.rules.values() if r.pack in PACKS)
    options = Options(select=select, jobs=1, cache=False)
    result = run([root], Config(root=root, documents=dict(kinds)), catalog, options)
    problems = [each.message for each in result.problems if "nothing" not in each.message]
    assert all("there is no Python file" in problem for problem in problems), problems
    for finding in result.findings:
        path = Path(finding.location.path)
        if path.is_absolute():
            yield path.relative_to(root).as_posix(), finding
        else:
            yield (Path.cwd() / path).resolve().relative_to(root).as_posix(), finding


# -- whole files ---------------------------------------------------------------------------


def sections(name: str) -> Iterator[tuple[str, str]]:
    """The title and the body of each section of a text file."""
    text = (DATA / name).read_text(encoding="utf-8")
    for part in re.split(r"^===== ", text, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        yield title, body


def _options(path: str, marks: str, where: str) -> Expected:
    found = []
    for mark in marks.split("|"):
        code, _, place = mark.partition("@")
        if code.endswith("~"):
            found.append((code[:-1], "*"))
        elif place:
            found.append((code, place if place[0] in "/*" else f"@{place}"))
        else:
            found.append((code, where))
    return Expected(path, tuple(found))


def unmarked(path: str, text: str) -> tuple[str, list[Expected]]:
    """A text without its marks, and what they ask for."""
    lines, expected = [], []
    for number, line in enumerate(text.split("\n"), 1):
        mark = _MARK.search(line)
        if mark:
            expected += [_options(path, each, f"@{number}") for each in mark[1].split()]
            line = line[: mark.start()]
        lines.append(line)
    return "\n".join(lines), expected


def mission_cases(name: str = "mission_cases.txt") -> Iterator[Case]:
    """Whole missions."""
    for header, body in sections(name):
        title, _, rest = header.partition(" #### ")
        syntax, *marks = rest.split() or ["yaml"]
        path = f"mission.{syntax}"
        text, expected = unmarked(path, body) if syntax == "yaml" else (body, [])
        expected += [_options(path, mark, "") for mark in marks]
        yield Case(f"missions: {title}", {path: text}, {"mission": (path,)}, expected)


def mission_values(name: str = "mission_values.txt") -> Iterator[Case]:
    """Values put into one place of a mission: `-` breaks the rule of the title, `+` does not."""
    for header, body in sections(name):
        code, _, title = header.partition(" ")
        lines = body.rstrip("\n").split("\n")
        rows = next(n for n, line in enumerate(lines) if re.match(r"[-+](MSN\d+[+|]?)* ", line))
        template = "\n".join(lines[:rows]) + "\n"
        line = 1 + template[: template.index(_SLOT)].count("\n")
        for row in lines[rows:]:
            sign, value = row.split(" ", 1)
            wanted = (sign[1:] or code).split("+") if sign[0] == "-" else []
            expected = [_options("mission.yaml", each, f"@{line}") for each in wanted]
            text = template.replace(_SLOT, value)
            named = f"{code} {title}: {value}"
            yield Case(named, {"mission.yaml": text}, {"mission": ("mission.yaml",)}, expected)


# -- edits of good documents ---------------------------------------------------------------------


def bases(name: str) -> dict[str, Any]:
    """The good documents that others are made of."""
    loaded: dict[str, Any] = yaml.safe_load((DATA / name).read_text(encoding="utf-8"))
    return loaded


def edited(base: Any, edits: Mapping[str, Any]) -> Any:
    """A document with some places set, taken away (`- /p`), renamed (`~ /p`) or added (`+ /p`)."""
    document = copy.deepcopy(base)
    for key, value in edits.items():
        sign, pointer = key.split(" ") if " " in key else ("", key)
        *parents, last = pointer[1:].split("/")
        inner = document
        for part in parents:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        if sign == "+":
            inner[last] = [*inner[last], value]
        elif sign == "-":
            del inner[int(last) if isinstance(inner, list) else last]
        elif sign == "~":
            pairs = [(value if name == last else name, each) for name, each in inner.items()]
            inner.clear()
            inner.update(pairs)
        elif isinstance(inner, list):
            inner[int(last)] = value
        else:
            inner[last] = value
    return document


def _written(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def edit_cases(kind: str, suffix: str = "") -> Iterator[Case]:
    """Edits of good reports or roles, and the good ones themselves."""
    good = bases(f"{kind}_bases.yaml")
    if not suffix:
        for name, document in good.items():
            path = f"{name}.json"
            yield Case(f"{kind}: {name} is good", {path: _written(document)}, {kind: (path,)})
    rows = yaml.safe_load((DATA / f"{kind}_cases{suffix}.yaml").read_text(encoding="utf-8"))
    for title, row in rows.items():
        *made, wanted = row
        pairs = [made] if isinstance(made[0], str) else made[0]
        case = Case(f"{kind}: {title}")
        for number, (base, edits) in enumerate(pairs, 1):
            path = f"{number:02}.json"
            case.files[path] = _written(edited(good[base], edits))
        case.kinds = {kind: tuple(case.files)}
        for entry in wanted:
            which, _, marks = entry.partition(" ")
            if not which.isdigit():
                which, marks = "1", entry
            options = [mark.split(" ") for mark in marks.split("|")]
            places = tuple((code, "".join(rest)) for code, *rest in options)
            case.expected.append(Expected(f"{int(which):02}.json", places))
        yield case


def report_texts(name: str = "report_texts.txt") -> Iterator[Case]:
    """Texts around and instead of a report."""
    good = bases("report_bases.yaml")
    for header, body in sections(name):
        title, _, marks = header.partition(" #### ")
        text = re.sub(r"§(p\d+)", lambda found: _written(good[found[1]]).rstrip("\n"), body)
        expected = [
            Expected("report.json", ((code, "*" if where in ("end", "*") else f"@{where}"),))
            for code, where in (mark.split("@") for mark in marks.split())
        ]
        yield Case(
            f"reports: {title}", {"report.json": text}, {"report": ("report.json",)}, expected
        )


# -- projects with roles -------------------------------------------------------------------------


def role_projects(name: str = "role_projects.txt") -> Iterator[Case]:
    """Small projects: registries and definitions, and files that call roles."""
    good = bases("role_bases.yaml")
    for header, body in sections(name):
        title, _, given = header.partition(" #### ")
        case = Case(f"roles: {title}")
        if given == "roles":
            case.files = _role_files(good)
        for part in re.split(r"^#### ", body, flags=re.M)[1:]:
            head, _, text = part.partition("\n")
            path, *words = head.split()
            if words[:1] == ["base"]:
                text, words = _written(good[words[1]]), words[2:]
            elif not path.endswith(".json"):
                text, marked = unmarked(path, text)
                case.expected += marked
            case.files[path] = text
            case.expected += [_options(path, mark, "") for mark in words]
        yield case


def _role_files(good: Mapping[str, Any]) -> dict[str, str]:
    files = {f"roles/{name}.json": _written(role) for name, role in good.items()}
    entries = [
        {"id": role["id"], "definition_file": f"{name}.json", "status": "ACTIVE"}
        for name, role in good.items()
    ]
    registry = {"version": "1.0.0", "namespace": "ecosystem", "roles": entries}
    return {**files, "roles/registry.json": _written(registry)}
