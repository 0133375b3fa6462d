"""What a run remembers for the next: one file a project, safe to lose and never trusted.

A file's entry holds while its size, times and inode do. Those are this machine's own, so
a cache that comes with somebody's checkout fits nothing and cannot hide a finding. What
is stored is JSON under a checksum: a damaged or foreign file is dropped, not interpreted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from govlint import __version__
from govlint.discover import Target
from govlint.files import write_atomic
from govlint.record import PLAIN, Scan, load_scan

FOLDER = ".govlint_cache"
ENVIRONMENT = "GOVLINT_CACHE_DIR"
_MAGIC = "govlint-cache-2"
_MAX_RUNS = 8
# A file changed this shortly (ns) before it was read may change again within one tick of
# the file system's clock, without its times showing it.
_RACY = 50_000_000
_RACY_COARSE = 2_100_000_000  # for file systems that keep whole seconds
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of govlint.\n"


def code_digest() -> str:
    """Digest of govlint's own files' sizes and times: another govlint, another cache."""
    digest = sha256(f"{__version__} {sys.version} {sys.implementation.cache_tag}".encode())
    pending = [os.path.dirname(__file__)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                listed = sorted(entries, key=_name)
        except OSError:
            continue
        for entry in listed:
            name = entry.name
            if name.endswith(".py"):
                info = entry.stat()
                digest.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode())
            elif name not in _NO_CODE and entry.is_dir():
                pending.append(entry.path)
    return digest.hexdigest()


# cli and output make nothing that is kept; _data holds rules, which have digests of their own
_NO_CODE = frozenset(("__pycache__", "_data", "cli", "output"))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


@dataclass(slots=True)
class Cache:
    """The remembered scans and results of one project. `path` None: nothing is kept."""

    path: str | None
    key: str
    started: int = 0  # ns since the epoch, before anything was read
    listing: tuple[str, list[int]] = ("", [])
    runs: dict[str, Any] = field(default_factory=dict)
    _odd: dict[str, Scan] = field(default_factory=dict)
    _index: dict[str, int] | None = None

    def unchanged(self, targets: Sequence[Target]) -> bool:
        """Say whether `targets` are exactly the remembered files, none of them changed."""
        return self.listing == _listing(targets)

    def changed(self, targets: Sequence[Target]) -> list[Target] | None:
        """Those of `targets` that changed; None where they are not the remembered files."""
        paths, stamps = _listing(targets)
        if paths != self.listing[0] or not targets:
            return None
        old = self.listing[1]
        return [
            target
            for i, target in enumerate(targets)
            if stamps[4 * i : 4 * i + 4] != old[4 * i : 4 * i + 4]
        ]

    def known(self, target: Target) -> Scan | None:
        """The remembered scan of a file; None where there is none or the file changed."""
        if self._index is None:
            paths = self.listing[0].split("\n")
            self._index = {path: 4 * i for i, path in enumerate(paths)}
        at = self._index.get(target.abspath)
        if at is None or tuple(self.listing[1][at : at + 4]) != target.stamp:
            return None
        return self.odd(target.abspath)

    def odd(self, abspath: str) -> Scan:
        """The scan of a file known to be unchanged."""
        return self._odd.get(abspath, PLAIN)

    def odd_paths(self) -> list[str]:
        """The files whose scan has something to tell."""
        return list(self._odd)


class Remembered(Mapping[str, Scan]):
    """The scans of a cache whose files are the run's, with `fresh` ones of what changed."""

    def __init__(self, cache: Cache, fresh: Mapping[str, Scan] | None = None) -> None:
        self._cache = cache
        self._fresh = fresh or {}

    def __getitem__(self, abspath: str) -> Scan:
        found = self._fresh.get(abspath)
        return found if found is not None else self._cache.odd(abspath)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cache.listing[0].split("\n"))

    def __len__(self) -> int:
        return len(self._cache.listing[1]) // 4

    def odd(self) -> list[str]:
        """The files whose scan has something to tell."""
        return [
            *self._fresh,
            *(path for path in self._cache.odd_paths() if path not in self._fresh),
        ]


def _listing(targets: Sequence[Target]) -> tuple[str, list[int]]:
    stamps: list[int] = []
    for target in targets:
        stamps += target.stamp
    return "\n".join([target.abspath for target in targets]), stamps


def location(root: str, part: str = "") -> str | None:
    """Where (a part of) the cache of a project lies; None where it must not be used."""
    folder = os.environ.get(ENVIRONMENT) or os.path.join(root, FOLDER)
    if os.path.islink(folder) and ENVIRONMENT not in os.environ:
        return None  # a repository must not make us write elsewhere
    name = sha256(os.fsencode(root)).hexdigest()[:20]
    return os.path.join(os.path.abspath(folder), f"{name}{part}.json")


def open_cache(path: str | None, key: str, started: int) -> Cache:
    """Read the cache at `path`; an empty one where it is missing, damaged or another's."""
    empty = Cache(path, key, started)
    if path is None:
        return empty
    try:
        with open(path, "rb") as stream:
            head, _, body = stream.read().partition(b"\n")
        magic, its_key, digest = head.decode("ascii").split(" ")
        if magic != _MAGIC or its_key != key or sha256(body).hexdigest() != digest:
            return empty
        data = json.loads(body)
        paths, stamps, odd, runs = data["paths"], data["stamps"], data["odd"], data["runs"]
        if not (
            isinstance(paths, str)
            and isinstance(stamps, list)
            and isinstance(odd, dict)
            and isinstance(runs, dict)
            and len(stamps) == 4 * (paths.count("\n") + 1 if paths else 0)
        ):
            return empty
        scans = {str(name): load_scan(row) for name, row in odd.items()}
        return Cache(path, key, started, (paths, stamps), runs, scans)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return empty


def save(cache: Cache, targets: Sequence[Target], scans: Mapping[str, Scan]) -> bool:
    """Write the cache for the next run; False where it cannot be (a full or read-only disk).

    Files that changed too shortly before they were read, and those that could not be
    read, are left out.
    """
    if cache.path is None or any("\n" in target.abspath for target in targets):
        return False
    paths, stamps = _listing(targets)
    fresh = cache.started
    for i, target in enumerate(targets):
        _, modified, changed, _ = target.stamp
        margin = _RACY if modified % 1_000_000_000 else _RACY_COARSE
        if max(modified, changed) > fresh - margin:
            stamps[4 * i] = -1
    odd = {}
    told = frozenset(scans.odd()) if isinstance(scans, Remembered) else scans
    for i, target in enumerate(targets):
        if target.abspath not in told or (scan := scans[target.abspath]) is PLAIN:
            continue
        if scan.problem is not None and scan.problem[0] == "unreadable":
            stamps[4 * i] = -1
        elif scan != PLAIN:
            odd[target.abspath] = list(scan)
    while len(cache.runs) > _MAX_RUNS:
        del cache.runs[next(iter(cache.runs))]
    document = {"paths": paths, "stamps": stamps, "odd": odd, "runs": cache.runs}
    try:
        body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
        head = f"{_MAGIC} {cache.key} {sha256(body).hexdigest()}\n".encode("ascii")
        folder = os.path.dirname(cache.path)
        if not os.path.isdir(folder):
            os.makedirs(folder)
            for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
                write_atomic(os.path.join(folder, name), text.encode())
        write_atomic(cache.path, head + body)
    except (OSError, ValueError, TypeError, RecursionError):
        return False
    return True
