"""Running a page's examples: what a page claims is what the engine has to find, exactly.

An example is laid down as the small project it shows, and the real engine runs on it, with
its own `pyproject.toml` where it has one. It is then run again in the forms that code comes
in (CRLF, a byte order mark), suppressed with a reason, after its own fix, and from the
cache: a page that passes here is right wherever it is enforced.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from govlint.catalog import BUILTIN_KINDS, Catalog
from govlint.config import Config, PerPath, load_config
from govlint.engine import Options, run
from govlint.errors import ConfigError, RuleError
from govlint.model import Finding, Rule, RunResult, Safety
from govlint.pages import EXPECT, Example, Page
from govlint.python.syntax.comments import Comment, find_comments

VARIANTS = ("plain", "cached", "crlf", "bom", "suppressed", "fixed")
CONFIGURATION = "pyproject.toml"
RECEIPT_CHECK = "receipt"
_BOM = b"\xef\xbb\xbf"
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=]")

_Place = tuple[str, str, str]  # path, `@` and a line or a JSON pointer, code
_DATA = (".json", ".yaml")
# what an untitled block of a page in one of these packs is
_PACKS = {"reports": ("report",), "missions": ("mission",), "roles": ("role", "role-registry")}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between what a page says and what was found.

    `line` is the page's. `undecided` says that the run itself was incomplete.
    """

    line: int
    message: str
    undecided: bool = False


def run_example(
    page: Page, example: Example, variant: str, catalog: Catalog
) -> list[Mismatch] | None:
    """Run one example in one variant; None where the variant cannot apply to it.

    The rules of the page's pack are judged, and those about suppressions and syntax.
    Raises RuleError for an example that cannot be run at all.
    """
    if page.rule.check == RECEIPT_CHECK:
        return _run_receipt(page, example, catalog) if variant == "plain" else None
    files = _as_variant(page, example, variant, catalog)
    if files is None:
        return None
    select = _judged(page, example, catalog)
    with tempfile.TemporaryDirectory(prefix="govlint-example-") as folder:
        root = os.path.realpath(folder)
        _lay_down(root, files)
        config = _configuration(page, example, root)
        if variant == "suppressed":
            config = replace(config, per_path=(*config.per_path, *_accepted(page, example)))
        options = Options(select=() if config.select else select, jobs=1, cache=variant == "cached")
        result = run([root], config, catalog, options)
        if variant == "fixed":
            return _after_fix(page, example, result, root, config, catalog, options)
        if variant == "suppressed":
            return _suppressed(page, example, result, root)
        found = _compare(page, example, result, root)
        if variant == "cached" and not found:
            again = run([root], config, catalog, options)
            found = _compare(page, example, again, root)
            if _shown(again) != _shown(result):
                found.append(Mismatch(example.line, "a second run, from the cache, differs"))
        return found


def _run_receipt(page: Page, example: Example, catalog: Catalog) -> list[Mismatch]:
    """Examples about receipts have one form: bytes that are signed have no other, and what they
    say is not silenced by a comment."""
    from govlint.receipt_examples import verify_example

    judged = _judged(page, example, catalog)
    name, *others = _unmarked(example).items()
    if others:
        said = "an example about receipts is one block"
        raise RuleError(said, page.rule.path, example.line)
    result = verify_example(page, example, name[1], name[0], catalog)
    result.findings = [finding for finding in result.findings if finding.rule in judged]
    return _compare(page, example, result, os.getcwd())


def run_page(page: Page, catalog: Catalog) -> Iterator[tuple[Example, str, list[Mismatch]]]:
    """Run all examples of a page in all variants; variants that cannot apply are left out.

    An example that fails as it stands is not run in its other variants.
    """
    for example in page.examples:
        for variant in VARIANTS:
            found = run_example(page, example, variant, catalog)
            if found is None:
                continue
            yield example, variant, found
            if found:
                break


# -- the project that an example shows -----------------------------------------------------


def _as_variant(
    page: Page, example: Example, variant: str, catalog: Catalog
) -> dict[str, bytes] | None:
    if variant == "suppressed":
        return _with_suppressions(page, example, catalog)
    files = {path: text.encode() for path, text in _unmarked(example).items()}
    if variant == "crlf":
        return {path: data.replace(b"\n", b"\r\n") for path, data in files.items()}
    if variant == "bom":
        marked = (".py", ".pyi", *_DATA)
        code = {path: data for path, data in files.items() if path.endswith(marked)}
        if any(_COOKIE.search(line) for data in code.values() for line in data.split(b"\n", 2)[:2]):
            return None  # a byte order mark beside another declared encoding is an error
        return {**files, **{path: _BOM + data for path, data in code.items()}}
    if variant == "fixed" and example.valid:
        return None
    return files


def _with_suppressions(page: Page, example: Example, catalog: Catalog) -> dict[str, bytes] | None:
    """The files with each expected finding silenced on its line, if all of them can be."""
    builtin = {rule.code for rule in catalog.rules.values() if rule.check in BUILTIN_KINDS}
    if example.valid or any(e.code in builtin for e in example.expected):
        return None
    wanted: dict[str, dict[int, list[str]]] = {}
    for entry in example.expected:
        if entry.pointer is not None:
            continue  # JSON takes no comments: the configuration silences it
        wanted.setdefault(entry.path, {}).setdefault(entry.line, []).append(entry.code)
    files = _unmarked(example)
    for path, codes in wanted.items():
        comments = {comment.line for comment in _comments(example.files[path], path)}
        if not comments >= codes.keys():
            return None  # the mark stands in a string, where a suppression would be text
        lines = files[path].split("\n")
        for number, named in codes.items():
            listed = ", ".join(dict.fromkeys(named))
            lines[number - 1] += f"  # govlint: ignore[{listed}] -- example"
        files[path] = "\n".join(lines)
    return {path: text.encode() for path, text in files.items()}


def _accepted(page: Page, example: Example) -> Iterator[PerPath]:
    """The configuration that silences what an example expects in JSON."""
    for entry in example.expected:
        if entry.pointer is not None:
            yield PerPath((entry.path,), (entry.code or page.rule.code,), "example")


def _comments(text: str, path: str) -> Iterable[Comment]:
    if path.endswith(".py"):
        return find_comments(text)
    from govlint.documents.comments import line_comments, yaml_comments

    return yaml_comments(text) if path.endswith(_DATA) else line_comments(text)


def _unmarked(example: Example) -> dict[str, str]:
    """The files without their marks: a mark behind a suppression would become part of it."""
    files = {path: text.split("\n") for path, text in example.files.items()}
    for entry in example.expected:
        if entry.pointer is None:
            lines = files[entry.path]
            lines[entry.line - 1] = EXPECT.sub("", lines[entry.line - 1]).rstrip()
    return {path: "\n".join(lines) for path, lines in files.items()}


def _lay_down(root: str, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        target = Path(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _configuration(page: Page, example: Example, root: str) -> Config:
    if CONFIGURATION not in example.files:
        return Config(root=root, documents=_untitled(page, example))
    try:
        return load_config([root], os.path.join(root, CONFIGURATION))
    except ConfigError as error:
        line = example.fences[CONFIGURATION]
        said = str(error).replace(root + os.sep, "")
        raise RuleError(f"the example's configuration: {said}", page.rule.path, line) from None


def _untitled(page: Page, example: Example) -> dict[str, tuple[str, ...]]:
    """What the one block of an example is that is no file of a project: a document."""
    kinds = _PACKS.get(page.rule.pack, ())
    names = [name for name in example.files if name.startswith("example.")]
    if not kinds or len(example.files) != 1 or not names or not names[0].endswith(_DATA):
        return {}
    kind = kinds[0]
    if len(kinds) > 1:
        from govlint.documents.reader import read_text
        from govlint.documents.recognise import kind_of_text, kind_of_value

        text = example.files[names[0]]
        syntax = "json" if names[0].endswith(".json") else "yaml"
        told = kind_of_value(read_text(names[0], text, syntax).value) or kind_of_text(text)
        kind = told if told in kinds else kind
    return {kind: (names[0],)}


def _judged(page: Page, example: Example, catalog: Catalog) -> tuple[str, ...]:
    for entry in example.expected:
        if entry.code and entry.code not in catalog.rules:
            line = example.page_line(entry.path, entry.line)
            raise RuleError(f"there is no rule {entry.code} to expect", page.rule.path, line)
    expected = {entry.code for entry in example.expected}

    def is_judged(rule: Rule) -> bool:
        own = rule.pack == page.rule.pack
        return own or rule.check in BUILTIN_KINDS or rule.code in expected

    return tuple(rule.code for rule in catalog.rules.values() if is_judged(rule))


# -- what is expected and what was found ------------------------------------------------------


def _compare(page: Page, example: Example, result: RunResult, root: str) -> list[Mismatch]:
    wanted: dict[_Place, int] = {}
    times: Counter[_Place] = Counter()
    for entry in example.expected:
        where = entry.pointer if entry.pointer is not None else f"@{entry.line}"
        place = entry.path, where, entry.code or page.rule.code
        wanted[place] = example.page_line(entry.path, entry.line)
        times[place] += 1
    found: dict[_Place, Finding] = {}
    counts: Counter[_Place] = Counter()
    for finding in result.findings:
        place = _place(finding, root, wanted)
        found[place] = finding
        counts[place] += 1
    mismatches = _problems(example, result, root)
    for place, line in wanted.items():
        if place not in found:
            at = f"at {place[1]}" if place[1][:1] == "/" else "here"
            mismatches.append(Mismatch(line, f"{place[2]} is expected {at} and was not found"))
    for place, finding in found.items():
        line = example.page_line(place[0], finding.location.line)
        if place not in wanted:
            at = f" at {finding.location.pointer}" if finding.location.pointer else ""
            said = f"{finding.rule} was found{at} and is not expected: {finding.message}"
            mismatches.append(Mismatch(line, said))
        elif counts[place] != times[place]:
            said = f"{finding.rule} was found {counts[place]} times, expected {times[place]}"
            mismatches.append(Mismatch(line, said))
    return sorted(mismatches, key=lambda mismatch: mismatch.line)


def _place(finding: Finding, root: str, wanted: Mapping[_Place, int]) -> _Place:
    """Where a finding is, by its pointer where that is what is wanted, else by its line."""
    location = finding.location
    path = _relative(location.path, root)
    by_line = path, f"@{location.line}", finding.rule
    if location.pointer is not None and by_line not in wanted:
        by_pointer = path, location.pointer, finding.rule
        if by_pointer in wanted:
            return by_pointer
    return by_line


def _relative(path: str, root: str) -> str:
    return os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/")


def _problems(example: Example, result: RunResult, root: str) -> list[Mismatch]:
    return [
        Mismatch(
            example.page_line(_relative(problem.path, root) if problem.path else "", problem.line),
            f"the run is incomplete ({problem.kind}): {problem.message.replace(root, '.')}",
            undecided=True,
        )
        for problem in result.problems
    ]


def _shown(result: RunResult) -> list[Finding]:
    return [*result.findings, *(entry.finding for entry in result.suppressed)]


# -- suppressed, and fixed ----------------------------------------------------------------------


def _suppressed(page: Page, example: Example, result: RunResult, root: str) -> list[Mismatch]:
    mismatches = _problems(example, result, root)
    for finding in result.findings:
        line = example.page_line(_relative(finding.location.path, root), finding.location.line)
        mismatches.append(
            Mismatch(line, f"{finding.rule} is left after a suppression: {finding.message}")
        )
    silenced = set()
    for entry in result.suppressed:
        place = entry.finding.location
        for where in (f"@{place.line}", place.pointer):
            silenced.add((_relative(place.path, root), where, entry.finding.rule))
    for expected in example.expected:
        code = expected.code or page.rule.code
        where = expected.pointer if expected.pointer is not None else f"@{expected.line}"
        if not mismatches and (expected.path, where, code) not in silenced:
            line = example.page_line(expected.path, expected.line)
            mismatches.append(Mismatch(line, f"{code} is not among what is suppressed"))
    return mismatches


def _after_fix(
    page: Page,
    example: Example,
    result: RunResult,
    root: str,
    config: Config,
    catalog: Catalog,
    options: Options,
) -> list[Mismatch] | None:
    """Apply what may be applied unseen: it has to take its findings away and add none."""
    own = [finding for finding in result.findings if finding.rule == page.rule.code]
    safe = [f for f in own if f.fix is not None and f.fix.safety is Safety.SAFE]
    if not safe:
        return None
    from govlint.fix import apply_fixes

    abspaths = {finding.location.path: os.path.abspath(finding.location.path) for finding in safe}
    applied = apply_fixes(safe, abspaths, False)
    if applied.problems:
        return [Mismatch(example.line, f"a fix fails: {p.message}", True) for p in applied.problems]
    after = run([root], config, catalog, options)
    mismatches = _problems(example, after, root)
    before = Counter(f.rule for f in result.findings) - Counter(f.rule for f in safe)
    for code, count in (Counter(f.rule for f in after.findings) - before).items():
        said = f"after the fix there are {count} findings of {code} that ought not to be there"
        mismatches.append(Mismatch(example.line, said))
    return mismatches
