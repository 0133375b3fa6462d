"""The first look at every file: read it, search it for triggers, check its syntax.

This is what a cold run spends its time on, so it is one tight pass over the bytes, shared
out among processes where there are files enough.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from govlint.discover import Target
from govlint.python.syntax.parse import (
    SAFE_BYTES,
    STACK_BYTES,
    FastParse,
    SyntaxFault,
    confirm,
    fast_parser,
)
from govlint.python.syntax.source import HEAD_BYTES, declared_encoding, decode, fold, is_utf8
from govlint.python.syntax.words import finder
from govlint.record import NONASCII, PLAIN, Scan
from govlint.threads import run_on_stack
from govlint.workers import Workers, can_fork

_BATCH = 48
_WORTH = 200  # files from which on other processes are worth starting
_DEEP_STACK = 768 << 20
_MAX_FAST_BYTES = 5_000_000  # what _DEEP_STACK is enough for


_Piece = tuple[str, str, int]  # absolute path, reported path, size
_Row = tuple[Any, ...]


class Look(NamedTuple):
    """A second look at a file that holds one of `words`, by the check that searches for them.

    `may_hold(folded text, words)` says whether it may hold a finding; such a file has the
    word `mark`. The words in `own` have done their duty then, nobody else asks for them.
    """

    mark: str
    words: frozenset[str]
    own: frozenset[str]
    may_hold: Callable[[bytes, Collection[str]], bool]


class Scanner:
    """Scans files for one set of trigger words. Safe to use from several threads."""

    def __init__(self, words: Iterable[str], looks: Sequence[Look] = ()) -> None:
        self._find = finder(words)
        self._looks = tuple(looks)
        self._fast = fast_parser()

    def without_fast_parser(self) -> None:
        """Use the parsers that need no deep stack from now on."""
        self._fast = None

    def scan(self, path: str, data: bytes) -> Scan:
        """Look at one file's bytes. Never raises for what the file holds."""
        plain = data.isascii()
        head = data[:HEAD_BYTES]
        if (
            (
                (b"coding" in head or (len(head) == HEAD_BYTES and head.count(b"\n") < 2))
                and not _harmless(data)
            )
            or b"\0" in data
            or head.startswith((b"\xff\xfe", b"\xfe\xff"))
        ):
            return self._odd(path, data)
        if plain:
            words = self._find(data)
            if words and self._looks:
                folded = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                words = self._looked_at(words, folded if b"\r" in data else data)
        else:
            try:
                words = self._search_text(data.decode("utf-8"))
            except UnicodeDecodeError:
                return self._odd(path, data)
        fault: SyntaxFault | None = None
        problem = None
        refused = self._check(path, data)
        if refused is None or refused:
            fault, problem = _confirm(path, data, refused)
        if not words and fault is None and problem is None:
            return PLAIN if plain else NONASCII
        return Scan(words, fault, not plain, problem)

    def _check(self, path: str, data: bytes) -> list[dict[str, object]] | None:
        """Ask the fast parser; None where it cannot be asked."""
        if self._fast is None or len(data) > _MAX_FAST_BYTES:
            return None
        try:
            if len(data) <= SAFE_BYTES:
                return self._fast(path, data)
            return _in_deep_thread(self._fast, path, data)
        except (ValueError, RuntimeError):  # it refuses bytes that are not UTF-8
            return None

    def _search_text(self, text: str) -> tuple[str, ...]:
        """Search decoded text as identifiers are compared: after NFKC folding (PEP 3131)."""
        from unicodedata import is_normalized, normalize

        searched = text
        if not is_normalized("NFKC", text):
            searched = text + "\n" + normalize("NFKC", text)
        words = self._find(searched.encode("utf-8", "surrogatepass"))
        if not words or not self._looks:
            return words
        return self._looked_at(words, fold(text.removeprefix("\ufeff")))

    def _looked_at(self, words: tuple[str, ...], folded: bytes) -> tuple[str, ...]:
        """The words that tell something: what the second looks were about, told by their marks."""
        met = frozenset(words)
        done: set[str] = set()
        marks = []
        for look in self._looks:
            hit = look.words & met
            if hit:
                done |= look.own
                if look.may_hold(folded, hit):
                    marks.append(look.mark)
        return (*(word for word in words if word not in done), *marks)

    def _odd(self, path: str, data: bytes) -> Scan:
        """Scan a file whose bytes are not plain UTF-8: decode it first, as Python would."""
        fault, problem = _confirm(path, data, None)
        try:
            text = decode(data)[0]
        except SyntaxError:
            return Scan((), fault, True, problem)
        return Scan(self._search_text(text), fault, not text.isascii(), problem)


def _harmless(data: bytes) -> bool:
    """Say whether the coding cookie, if there is one at all, names UTF-8 (or plain ASCII)."""
    name = declared_encoding(data)
    if name is None or is_utf8(name, data.startswith(b"\xef\xbb\xbf")):
        return True
    return name.lower().replace("_", "-") in ("ascii", "us-ascii") and data.isascii()


def _confirm(
    path: str, data: bytes, refused: list[dict[str, object]] | None
) -> tuple[SyntaxFault | None, tuple[str, str] | None]:
    try:
        return confirm(path, data, refused), None
    except (RecursionError, MemoryError):
        return None, ("limit", "is nested too deeply to be parsed")


def _in_deep_thread(parse: FastParse, path: str, data: bytes) -> list[dict[str, object]]:
    """Parse on a thread whose stack is enough for any file up to _MAX_FAST_BYTES."""
    found: list[list[dict[str, object]]] = []
    run_on_stack(lambda: found.append(parse(path, data)), _DEEP_STACK)
    if not found:
        raise RuntimeError("the parser did not answer")
    return found[0]


class Pool:
    """Scans files while they are still being discovered, on up to `jobs` processors.

    `given` holds content that is not on disk. The result does not depend on `jobs`.
    """

    def __init__(
        self,
        words: Iterable[str],
        jobs: int,
        given: Mapping[str, bytes],
        looks: Sequence[Look] = (),
    ) -> None:
        self._scanner = Scanner(words, looks)
        self._jobs = max(1, jobs)
        self._given = given
        self._found: dict[str, Scan] = {}
        self._waiting: deque[list[_Piece]] = deque()
        self._fed = 0
        self._workers: Workers | None = None

    def feed(self, targets: Sequence[Target]) -> None:
        """Hand over files to scan; returns at once."""
        for start in range(0, len(targets), _BATCH):
            batch = targets[start : start + _BATCH]
            self._waiting.append([(abspath, path, stamp[0]) for abspath, path, stamp in batch])
        self._fed += len(targets)
        if self._fed > _WORTH and self._jobs > 1 and self._workers is None and can_fork():
            try:
                self._workers = Workers(self._in_worker, self._jobs - 1)
            except OSError:  # no more files can be opened
                self._jobs = 1
        self._share()

    def finish(self) -> dict[str, Scan]:
        """Wait for all that was handed over; the scans by absolute path."""
        try:
            run_on_stack(self._work, STACK_BYTES)
        except RuntimeError as error:
            if "thread" not in str(error):
                raise
            self._scanner.without_fast_parser()  # no room for the stack that it needs
            self._work()
        return self._found

    def _share(self) -> None:
        while self._workers is not None and self._waiting:
            if not self._workers.offer(self._waiting[0]):
                return
            self._waiting.popleft()

    def _work(self) -> None:
        """Scan what no other process has taken, then collect what they found."""
        while self._waiting:
            self._share()
            if self._waiting:
                self._found.update(self._scan(self._waiting.popleft()))
        if self._workers is None:
            return
        while (batch := self._workers.take_back()) is not None:
            self._found.update(self._scan(batch))
        results, undone = self._workers.finish()
        self._workers = None
        for plain, odd in results:
            self._found.update(dict.fromkeys(plain, PLAIN))
            self._found.update((abspath, Scan(*row)) for abspath, row in odd)
        for batch in undone:
            self._found.update(self._scan(batch))

    def _in_worker(
        self, batch: list[_Piece]
    ) -> tuple[list[str], list[tuple[str, tuple[Any, ...]]]]:
        """Scan in another process: the plain files, and the others with what was found."""
        found: list[dict[str, Scan]] = []
        run_on_stack(lambda: found.append(self._scan(batch)), STACK_BYTES)
        plain = [abspath for abspath, scan in found[0].items() if scan is PLAIN]
        odd = [(abspath, tuple(scan)) for abspath, scan in found[0].items() if scan is not PLAIN]
        return plain, odd

    def _scan(self, batch: Sequence[_Piece]) -> dict[str, Scan]:
        scan, given = self._scanner.scan, self._given
        done = {}
        for abspath, path, size in batch:
            data = given.get(abspath) if given else None
            if data is None:
                try:
                    data = _read(abspath, size)
                except OSError as error:
                    reason = error.strerror or str(error)
                    done[abspath] = Scan(problem=("unreadable", f"cannot be read: {reason}"))
                    continue
            done[abspath] = scan(path, data)
        return done


def scan_files(
    targets: Sequence[Target], words: Iterable[str], jobs: int, given: Mapping[str, bytes]
) -> dict[str, Scan]:
    """Scan `targets` on up to `jobs` processors and return the scans by absolute path."""
    pool = Pool(words, jobs, given)
    pool.feed(targets)
    return pool.finish()


def _read(abspath: str, size: int) -> bytes:
    """Read a file with as few system calls as can be; `size` is what the walk saw."""
    descriptor = os.open(abspath, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _NONBLOCK)
    try:
        data = os.read(descriptor, size + 1)
        if len(data) == size:
            return data
        parts = [data]
        while data:
            data = os.read(descriptor, 1 << 20)
            parts.append(data)
        return b"".join(parts)
    finally:
        os.close(descriptor)


_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a FIFO put in the file's place must not block


def cpus() -> int:
    """The processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
