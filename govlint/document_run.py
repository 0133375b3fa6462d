"""The documents of a run: which of the files are any, what is in them, what the checks say.

It runs beside the Python analysis and keeps a memory of its own, so that a project without
documents pays for none, and one whose documents did not change reads none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from govlint import record
from govlint.cache import Cache, Remembered, open_cache, save
from govlint.discover import SUFFIXES as PYTHON
from govlint.discover import Target
from govlint.model import Problem, Rule
from govlint.patterns import PathPatterns
from govlint.record import PLAIN, Scan

if TYPE_CHECKING:
    from govlint.document_parts import Parts
    from govlint.documents.document import Document

DATA = (".json", ".yaml", ".yml")
COMMAND_TEXT = (".md", ".markdown", ".mdx", ".rst", ".txt", ".sh", ".bash", ".zsh")
COMMAND_WORD = b"@role"
MAX_BYTES = 256 << 20
_WHOLE = 5 << 20  # files up to this size are looked through, of larger ones the beginning
_HEAD = 256 << 10
_MARK = "document:"
_SUPPRESSION = b"govlint"


def suffixes_of(
    rules: Iterable[Rule], kinds: Sequence[str], globs: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The suffixes of the files that may be documents of a run: of data, of what the globs name,
    and where a rule looks for `@role` lines, of texts.
    """
    suffixes = {*DATA}
    for patterns in globs.values():
        for pattern in patterns:
            stem, dot, suffix = pattern.rpartition(".")
            if dot and stem and suffix.isalnum():
                suffixes.add(f".{suffix}")
    if any("text" in rule.documents for rule in rules):
        suffixes.update(COMMAND_TEXT)
        if kinds:  # no Python is looked at for its own sake
            suffixes.update(PYTHON)
    return tuple(sorted(suffixes))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents a run is about.

    `globs` maps kinds to path patterns below `root`. With `kinds` only these are looked for,
    and what is named is taken for one of them whatever it looks like.
    """

    root: str
    globs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()  # absolute paths of files given by name

    def takes(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


class Found(NamedTuple):
    """A file that is a document: its kind, and whether it may hold a suppression."""

    target: Target
    kind: str
    has_word: bool


def _kind_of(scan: Scan | None) -> str:
    """The kind of document that a file was found to be; empty where it is none."""
    words = scan.words if scan is not None else ()
    return next((word.removeprefix(_MARK) for word in words if word.startswith(_MARK)), "")


def syntax_of(path: str, kind: str) -> str:
    """How a file of a kind is written. Reports are JSON; else the suffix decides."""
    if kind == "text":
        return "text"
    if kind == "report" or path.lower().endswith(".json"):
        return "json"
    return "yaml"


class DocumentRun:
    """One run's documents. `look` finds them, `judge` says what the checks make of them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        wanted: Wanted,
        given: Mapping[str, bytes],
        cwd: str,
        jobs: int = 1,
    ) -> None:
        self.rules, self.wanted, self.given, self.cwd = rules, wanted, given, cwd
        self._jobs = jobs
        self.found: list[Found] = []
        self.problems: list[Problem] = []
        self.cached = 0
        self._patterns = {kind: PathPatterns(globs) for kind, globs in wanted.globs.items()}
        self._read: dict[str, Document] = {}
        self._targets: list[Target] = []
        self._scans: Mapping[str, Scan] = {}
        self._cache = Cache(None, "")
        self._kinds_judged: frozenset[str] = frozenset()
        self._parts: Parts | None = None  # what was read and judged by other processes

    # -- which files ---------------------------------------------------------------------

    def look(self, targets: Sequence[Target], path: str | None, key: str, started: int) -> None:
        """Find the documents among `targets`; `path` is where they are remembered."""
        self._targets = list(targets)
        basis = repr((key, sorted(self.wanted.globs.items()), self.wanted.kinds))
        digest = sha256(basis.encode("utf-8", "surrogatepass")).hexdigest()
        self._cache = cache = open_cache(path, digest, started)
        if cache.path is not None and cache.unchanged(self._targets):
            self._scans = Remembered(cache)
            self.cached = len(targets)
            odd = set(cache.odd_paths())
            candidates = [target for target in targets if target.abspath in odd]
        else:
            remembered = {
                target.abspath: known
                for target in (targets if cache.path is not None else ())
                if (known := cache.known(target)) is not None
            }
            self.cached = len(remembered)
            self._scans = self._scan_all(targets, remembered)
            candidates = list(targets)
        for target in candidates:
            scan = self._scans[target.abspath]
            if scan.problem is not None:
                self.problems.append(Problem(scan.problem[0], scan.problem[1], target.path))
            kind = _kind_of(scan)
            if kind:
                self.found.append(Found(target, kind, _SUPPRESSION.decode() in scan.words))

    def _scan_all(
        self, targets: Sequence[Target], remembered: Mapping[str, Scan]
    ) -> dict[str, Scan]:
        """Say of each file what it is. Many are looked at, and judged, by other processes."""
        scans = dict(remembered)
        new = [target for target in targets if target.abspath not in remembered]
        kinds = self._kinds_judged = self._kinds_apart(len(new))
        if not kinds:
            scans.update((target.abspath, self._scan(target)) for target in new)
            return scans
        from govlint.document_parts import Parts, Read

        def read(target: Target) -> Read:
            scan = remembered.get(target.abspath)
            known = scan is not None
            if scan is None:
                scan = self._scan(target)
            document = self._read.pop(target.path, None)
            kind = _kind_of(scan)
            if kind not in kinds:
                return Read(scan, None)
            if known and document is None:
                try:
                    document = self._reread(Found(target, kind, False))
                except OSError as error:
                    return Read(Scan(problem=("unreadable", f"cannot be read: {error}")), None)
                self._read.pop(target.path)
            return Read(scan, document)

        asked = [t for t in targets if t.abspath not in remembered]
        asked += [t for t in targets if _kind_of(remembered.get(t.abspath)) in kinds]
        self._parts = Parts(asked, read, self.rules, self._jobs)
        self._parts.run()
        scans.update((seen.target.abspath, seen.scan) for seen in self._parts.seen)
        return scans

    def _kinds_apart(self, count: int) -> frozenset[str]:
        """The kinds of documents that other processes judge; none where none would help."""
        from govlint.document_parts import WORTH
        from govlint.workers import can_fork

        if count < WORTH or self._jobs < 2 or not can_fork():
            return frozenset()
        from govlint.document_analysis import kinds_apart

        return kinds_apart(self.rules)

    def _scan(self, target: Target) -> Scan:
        """Say of one file what it is, as words that can be remembered."""
        abspath, path, stamp = target
        forced = self._forced(abspath)
        try:
            data = self._bytes(abspath, stamp[0], forced is not None)
        except OSError as error:
            reason = error.strerror or str(error)
            sure = forced is not None or abspath in self.wanted.named
            return Scan(problem=("unreadable", f"cannot be read: {reason}")) if sure else PLAIN
        kind = forced or self._kind(path, data, abspath in self.wanted.named)
        if kind is None or not self.wanted.takes(kind):
            return PLAIN
        if stamp[0] > MAX_BYTES:
            said = f"is {stamp[0]:,} bytes; a document may have {MAX_BYTES:,}"
            return Scan(problem=("too-large", said))
        if stamp[0] > _WHOLE and forced is None and abspath not in self.given:
            self._read.pop(path, None)  # the beginning alone was read
            try:
                data = self._bytes(abspath, stamp[0], True)
            except OSError as error:
                return Scan(problem=("unreadable", f"cannot be read: {error.strerror}"))
        self._document(path, abspath, kind, data)
        mark = (f"{_MARK}{kind}",)
        return Scan((*mark, _SUPPRESSION.decode()) if _SUPPRESSION in data else mark)

    def _bytes(self, abspath: str, size: int, whole: bool) -> bytes:
        if abspath in self.given:
            return self.given[abspath]
        with open(abspath, "rb", buffering=0) as stream:
            return stream.readall() if whole or size <= _WHOLE else stream.read(_HEAD) or b""

    def _forced(self, abspath: str) -> str | None:
        """The kind that the configuration or the command says a file is of."""
        if self._patterns:
            relative = os.path.relpath(abspath, self.wanted.root).replace(os.sep, "/")
            for kind, patterns in self._patterns.items():
                if patterns.match(relative) and self.wanted.takes(kind):
                    return kind
        return None

    def _kind(self, path: str, data: bytes, named: bool) -> str | None:
        """The kind that a file's content says it is of."""
        from govlint.documents.reader import read
        from govlint.documents.recognise import kind_of_text, kind_of_value, may_be_one

        asked = self.wanted.kinds
        if not path.lower().endswith(DATA) and not (named and asked and "text" not in asked):
            return "text" if COMMAND_WORD in data else None
        kind = None
        if may_be_one(data):
            document = read(path, data, syntax_of(path, ""))
            self._read[path] = document
            kind = kind_of_value(document.sketch if document.faults else document.value)
            if kind is None and document.faults:
                kind = kind_of_text(document.text)
        if kind is not None and self.wanted.takes(kind):
            return kind
        if named and asked:
            if "role-registry" in asked and '"roles"' in data.decode("utf-8", "replace"):
                return "role-registry"
            return asked[0]
        return "text" if COMMAND_WORD in data else None

    def _document(self, path: str, abspath: str, kind: str, data: bytes) -> Document:
        """The document of a file, read once where nothing depends on its kind."""
        from govlint.documents.document import Document
        from govlint.documents.reader import decode, read

        syntax = syntax_of(path, kind)
        known = self._read.pop(path, None)
        if kind == "text":
            document = Document(path, decode(data)[0], syntax, kind, None)
        elif known is not None and known.syntax == syntax and isinstance(known.value, dict):
            document = known
            document.kind = kind
        else:
            document = read(path, data, syntax, kind)
        self._read[path] = document
        return document

    def add_python(self, targets: Iterable[Target]) -> None:
        """Take the Python files that mention `@role` for documents too."""
        for target in targets:
            try:
                data = self._bytes(target.abspath, target.stamp[0], True)
            except OSError as error:
                said = f"cannot be read: {error.strerror or error}"
                self.problems.append(Problem("unreadable", said, target.path))
                continue
            self._document(target.path, target.abspath, "text", data)
            self.found.append(Found(target, "text", False))

    # -- what is in them -----------------------------------------------------------------

    def judge(self, rules: Mapping[str, Rule]) -> record.Outcome:
        """Run the checks over the documents, or take from memory what still holds."""
        if not self.found:
            self._save()
            return record.Outcome([], [], set())
        digests = repr((self.cwd, [(rule.code, rule.digest) for rule in self.rules]))
        extra = [(f.target.abspath, f.target.stamp) for f in self.found if f.kind == "text"]
        run_key = sha256(f"{digests}{extra}".encode("utf-8", "surrogatepass")).hexdigest()
        cache = self._cache
        if isinstance(self._scans, Remembered):
            known = record.load_outcome(cache.runs.get(run_key), rules)
            if known is not None:
                return known
        from govlint.document_analysis import analyse_documents

        documents = []
        problems = []
        apart = self._apart()
        for entry in self.found:
            if entry.target.path in apart:
                continue
            try:
                documents.append(self._reread(entry))
            except OSError as error:
                said = f"cannot be read: {error.strerror or error}"
                problems.append(Problem("unreadable", said, entry.target.path))
        outcome = analyse_documents(documents, self.rules)
        outcome.problems.extend(problems)
        if self._parts is not None:
            glimpses = [glimpse for glimpse in apart.values() if glimpse is not None]
            together = analyse_documents(glimpses, self.rules, "together")
            for more in (self._parts.outcome, together):
                outcome.findings.extend(more.findings)
                outcome.problems.extend(more.problems)
                outcome.undecided.update(more.undecided)
        if not any(problem.kind in ("crash", "unreadable") for problem in outcome.problems):
            if not isinstance(self._scans, Remembered):
                cache.runs = {}
            cache.runs.pop(run_key, None)
            cache.runs[run_key] = record.dump_outcome(outcome)
            self._save()
        return outcome

    def _apart(self) -> dict[str, Document | None]:
        """The documents that other processes have judged, by path: what they told of them."""
        if self._parts is None:
            return {}
        from functools import partial

        from govlint.document_parts import Glimpse

        kinds = self._kinds_judged
        apart: dict[str, Document | None] = {}
        for target, scan, told in self._parts.seen:
            kind = _kind_of(scan)
            if kind in kinds:
                read = partial(self._reread, Found(target, kind, False))
                apart[target.path] = Glimpse(target.path, kind, told, read) if told else None
        return apart

    def _reread(self, entry: Found) -> Document:
        path = entry.target.path
        if path in self._read:
            return self._read[path]
        data = self._bytes(entry.target.abspath, entry.target.stamp[0], True)
        return self._document(path, entry.target.abspath, entry.kind, data)

    def _save(self) -> None:
        if self._cache.path is not None and self._scans:
            listed = [target for target in self._targets if target.abspath in self._scans]
            save(self._cache, listed, self._scans)

    def text(self, path: str) -> str | None:
        """The text of a document that was read; None where it was not."""
        document = self._read.get(path)
        return document.text if document is not None else None
