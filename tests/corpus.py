"""The corpus of evasions and look-alikes: how its files are read and judged.

`tests/data/corpus/*.txt` holds `===== name`, then `#### path` for each file. `#### @name` stands
for all files of that project in `projects.txt`, which later files of the case replace. A comment
`# expect: CODE` marks a line on which the rule has to be found; a case without one is clean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from govlint import engine
from govlint.catalog import load_catalog
from govlint.config import load_config

FOLDER = Path(__file__).parent / "data" / "corpus"
_EXPECT = re.compile(r"# expect: ([A-Z0-9, ]+)")
_COOKIE = re.compile(r"\A(?:#!.*\n)?#.*?coding[:=][ \t]*([-\w.]+)")


class Case(NamedTuple):
    """A small project, and where something has to be found in it."""

    name: str
    files: dict[str, str]

    def expected(self) -> set[tuple[str, int, str]]:
        """Path, line and code of each mark."""
        return {
            (path, number, code.strip())
            for path, text in self.files.items()
            for number, line in enumerate(text.split("\n"), 1)
            if (found := _EXPECT.search(line))
            for code in found[1].split(",")
        }

    def write(self, folder: Path) -> None:
        """Write the files as their coding cookies say."""
        for path, text in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            cookie = _COOKIE.match(text)
            target.write_bytes(text.encode(cookie[1] if cookie else "utf-8"))


def _read(path: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for part in re.split(r"^===== ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        name, _, body = part.partition("\n")
        parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
        yield name.strip(), list(zip(parts[1::2], parts[2::2], strict=True))


PROJECTS = {name: dict(files) for name, files in _read(FOLDER / "projects.txt")}


def cases(file: str) -> Iterator[Case]:
    """The cases of one file of the corpus."""
    for name, parts in _read(FOLDER / file):
        files: dict[str, str] = {}
        for path, text in parts:
            files |= PROJECTS[path] if path.startswith("@") else {path: text}
        yield Case(name, files)


def judge(case: Case, folder: Path, rules: tuple[str, ...]) -> set[tuple[str, int, str]]:
    """Path, line and code of what is found in the case, whose files go into `folder`.

    The working directory has to be that folder.
    """
    case.write(folder)
    options = engine.Options(cache=False, select=rules)
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    assert not result.problems, result.problems
    return {(f.location.path, f.location.line, f.rule) for f in result.findings}
