"""Documents shared out to other processes, which read them and judge each by itself.

Reading and judging ten thousand reports keeps one processor busy for seconds. What comes
back is small: what each file is, the findings, and as much of each document's value as the
checks that look at the whole set want to see of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from govlint.document_analysis import analyse_documents, told
from govlint.documents.document import Document
from govlint.model import Problem, Rule
from govlint.record import Outcome, Row, Scan, dump_outcome, load_outcome, load_scan

if TYPE_CHECKING:
    from govlint.discover import Target

WORTH = 400  # documents from which on other processes are worth their start
_FIRST, _PIECE = 128, 200  # documents


class Read(NamedTuple):
    """What a file turned out to be; its document where it is one that can be judged apart."""

    scan: Scan
    document: Document | None


class Seen(NamedTuple):
    """A file that another process read. `told` is what was told of its value, if anything."""

    target: Target
    scan: Scan
    told: dict[str, Any] | None


class Glimpse(Document):
    """A document that another process read: what it told of the value, and where the rest is.

    It is read again when somebody asks for its text or for a place in it, which is only when
    there is something to say of it.
    """

    def __init__(self, path: str, kind: str, value: Any, read: Callable[[], Document]) -> None:
        self.path, self.kind, self.value = path, kind, value
        self.faults, self.syntax = (), "json"
        self._read_again = read

    def __getattr__(self, name: str) -> Any:
        if name not in ("text", "sketch", "_lines", "_index"):
            raise AttributeError(name)
        whole = self._read_again()
        self.text, self.sketch, self.value = whole.text, whole.sketch, whole.value
        self.syntax = whole.syntax
        self._lines = self._index = None
        return getattr(self, name)


class Parts:
    """The documents of a run in pieces, on up to `jobs` processors.

    `read` reads one file; `apart` are the kinds that are judged where they are read.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        read: Callable[[Target], Read],
        rules: Sequence[Rule],
        jobs: int,
    ) -> None:
        self._targets, self._read, self._rules, self._jobs = targets, read, rules, jobs
        self.seen: list[Seen] = []
        self.outcome = Outcome([], [], set())

    def run(self) -> None:
        """Read and judge all; `seen` and `outcome` tell of it."""
        from govlint.workers import Workers

        count = len(self._targets)
        waiting = [(i, min(i + _PIECE, count)) for i in range(_FIRST, count, _PIECE)]
        # what is imported and compiled for the first ones, the other processes have then too
        self._take(self._do((0, min(_FIRST, count))))
        workers = Workers(self._do, self._jobs - 1)
        while waiting and workers.offer(waiting[0]):
            waiting.pop(0)
        while waiting:  # the queue is full
            self._take(self._do(waiting.pop(0)))
            while waiting and workers.offer(waiting[0]):
                waiting.pop(0)
        while (piece := workers.take_back()) is not None:
            self._take(self._do(piece))
        results, undone = workers.finish()
        for result in results:
            self._take(result)
        for piece in undone:
            self._take(self._do(piece))
        self.seen.sort(key=lambda seen: seen.target.path)
        self.outcome = Outcome(
            self.outcome.findings,
            list(dict.fromkeys(self.outcome.problems)),
            self.outcome.undecided,
        )

    def _do(self, piece: tuple[int, int]) -> Row:
        rows: list[Row] = []
        documents = []
        for number in range(*piece):
            scan, document = self._read(self._targets[number])
            part = None
            if document is not None:
                documents.append(document)
                if not document.faults:
                    part = told(self._rules, document.kind, document.value)
            rows.append([number, list(scan), part])
        return [rows, dump_outcome(analyse_documents(documents, self._rules, "alone"))]

    def _take(self, result: Row) -> None:
        rows, dumped = result
        for number, scan, part in rows:
            self.seen.append(Seen(self._targets[number], load_scan(scan), part))
        outcome = load_outcome(dumped, {rule.code: rule for rule in self._rules})
        assert outcome is not None
        self.outcome.findings.extend(outcome.findings)
        self.outcome.problems.extend(outcome.problems)
        self.outcome.undecided.update(outcome.undecided)


def problems_of(seen: Sequence[Seen]) -> Iterator[Problem]:
    """What kept files from being looked at."""
    for target, scan, _ in seen:
        if scan.problem is not None:
            yield Problem(scan.problem[0], scan.problem[1], target.path)
