"""Which files are looked at: excludes, .gitignore, links, and what is no file at all."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from govlint.config import DEFAULT_EXCLUDE
from govlint.discover import Discovered, discover, shown_path
from govlint.patterns import PathPatterns, translate


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n", "utf-8")


def walk(root: Path, *paths: str, exclude: tuple[str, ...] = (), size: int = 1000) -> Discovered:
    patterns = [*DEFAULT_EXCLUDE, *exclude]
    return discover(paths or (".",), str(root), str(root), patterns, size)


def found(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [target.path for target in walk(root, *paths, exclude=exclude).targets]


def test_a_walk_finds_python_files_in_a_fixed_order(root: Path) -> None:
    write(root, "b.py", "a.pyi", "c.pyw", "d.txt", "e.ipynb", "pkg/z.py", "pkg/a/m.py", ".h/x.py")
    assert found(root) == ["a.pyi", "b.py", "c.pyw", ".h/x.py", "pkg/z.py", "pkg/a/m.py"]


def test_default_folders_are_left_out(root: Path) -> None:
    write(root, "a.py", ".venv/a.py", "x/node_modules/a.py", "build/a.py", "__pycache__/a.py")
    assert found(root) == ["a.py"]


def test_default_names_above_the_root_do_not_count(tmp_path: Path) -> None:
    root = tmp_path / "build" / "venv" / "project"
    write(root, "a.py")
    assert [t.path for t in walk(root, str(root)).targets] == ["a.py"]


def test_excludes_hold_for_named_files_and_are_counted(root: Path) -> None:
    write(root, "a.py", "gen/b.py", "gen/deep/c.py")
    result = walk(root, "a.py", "gen/b.py", "gen", exclude=("gen",))
    assert [t.path for t in result.targets] == ["a.py"]
    assert (result.skipped, result.excluded_by_name) == (2, 2)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("legacy", "a/legacy/b.py", True),
        ("legacy", "a/legacy.py", False),
        ("*.gen.py", "a/x.gen.py", True),
        ("legacy/**", "legacy/a/b.py", True),
        ("legacy/**", "a/legacy/b.py", False),
        ("legacy/*", "legacy/a.py", True),
        ("a/b", "a/b/c.py", True),
        ("/a", "a/b.py", True),
        ("/a", "b/a/c.py", False),
        ("**/gen/*.py", "x/y/gen/a.py", True),
        ("**/gen/*.py", "gen/a.py", True),
        ("./a/", "a/x.py", True),
        ("a?c.py", "abc.py", True),
        ("a?c.py", "a/c.py", False),
        ("[ab].py", "x/a.py", True),
        ("[!ab].py", "a.py", False),
        ("a.py", "axpy", False),
        ("src/*_pb2.py", "src/x_pb2.py", True),
        ("src/*_pb2.py", "src/a/x_pb2.py", False),
        ("a\\b", "a/b/c.py", True),
    ],
)
def test_patterns_match_as_in_gitignore(pattern: str, path: str, matches: bool) -> None:
    assert PathPatterns([pattern]).match(path) is matches


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="empty pattern"):
        translate("/")


def test_gitignore_is_honoured_nested_with_negation(root: Path) -> None:
    write(root, "a.py", "out/a.py", "gen_a.py", "gen_keep.py", "sub/gen_b.py", "sub/local.py")
    (root / ".gitignore").write_text("# comment\n\nout/\ngen_*.py\n!gen_keep.py\n", "utf-8")
    (root / "sub" / ".gitignore").write_text("!gen_b.py\n/local.py\n", "utf-8")
    assert found(root) == ["a.py", "gen_keep.py", "sub/gen_b.py"]


def test_gitignore_agrees_with_git(root: Path) -> None:
    names = [
        "a.py",
        "x/a.py",
        "x/y/a.py",
        "log/a.py",
        "x/log/a.py",
        "foo.py",
        "x/foo.py",
        "q/r/s.py",
    ]
    write(root, *names)
    (root / ".gitignore").write_text("/foo.py\nx/**/a.py\n**/log\nq/*\n!q/r\n\\#a\n", "utf-8")
    (root / "x" / ".gitignore").write_text("!y/a.py\n", "utf-8")
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "*.py"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert sorted(found(root)) == sorted(listed)


def test_gitignore_above_the_start_and_info_exclude_count(root: Path) -> None:
    write(root, "sub/a.py", "sub/gen.py", "sub/mine.py")
    (root / ".git" / "info").mkdir(parents=True)
    (root / ".git" / "info" / "exclude").write_text("mine.py\n", "utf-8")
    (root / ".gitignore").write_text("gen.py\n", "utf-8")
    assert found(root, "sub") == ["sub/a.py"]


def test_a_named_path_wins_over_gitignore(root: Path) -> None:
    write(root, "out/a.py", "b.py")
    (root / ".git").mkdir()
    (root / ".gitignore").write_text("out\nb.py\n", "utf-8")
    assert found(root, "out", "b.py") == ["out/a.py", "b.py"]
    assert found(root) == []


def test_a_faulty_gitignore_line_does_not_void_the_others(root: Path) -> None:
    write(root, "a.py", "gen.py")
    (root / ".gitignore").write_bytes(b"gen.py\n!\n\xff\xfe[\n")
    assert found(root) == ["a.py"]


def test_link_loops_end_and_nothing_is_found_twice(root: Path) -> None:
    write(root, "pkg/a.py")
    (root / "pkg" / "loop").symlink_to(root / "pkg", target_is_directory=True)
    (root / "up").symlink_to(root.parent, target_is_directory=True)
    (root / "again.py").symlink_to(root / "pkg" / "a.py")
    assert found(root) == ["pkg/a.py"]


def test_a_folder_linked_from_outside_is_walked_once(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "shared", "s.py")
    (tmp_path / "shared" / "self").symlink_to(tmp_path / "shared", target_is_directory=True)
    write(root, "a.py")
    (root / "one").symlink_to(tmp_path / "shared", target_is_directory=True)
    (root / "two").symlink_to(tmp_path / "shared", target_is_directory=True)
    assert found(root) == ["a.py", "one/s.py"]


def test_a_link_to_nothing_is_a_problem_but_an_editors_lock_is_not(root: Path) -> None:
    write(root, "a.py")
    (root / "gone.py").symlink_to(root / "nowhere.py")
    (root / ".#a.py").symlink_to("user@host.123:456")
    result = walk(root)
    assert [(p.kind, p.path) for p in result.problems] == [("unreadable", "gone.py")]


def test_what_is_no_file_is_skipped_or_a_problem_when_named(root: Path) -> None:
    write(root, "a.py")
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "sock.py"))
        result = walk(root)
        assert [t.path for t in result.targets] == ["a.py"]
        assert result.skipped == 2
        named = walk(root, "pipe.py")
    assert [(p.kind, p.path) for p in named.problems] == [("unreadable", "pipe.py")]


def test_a_path_that_does_not_exist_is_a_problem(root: Path) -> None:
    result = walk(root, "nope.py", "no/dir")
    assert [(p.kind, p.path) for p in result.problems] == [
        ("missing", "nope.py"),
        ("missing", "no/dir"),
    ]


def test_a_path_with_a_null_byte_is_a_problem(root: Path) -> None:
    assert [p.kind for p in walk(root, "a\0b").problems] == ["unreadable"]


def test_a_file_above_the_size_cap_is_a_problem(root: Path) -> None:
    (root / "big.py").write_text("#" * 1001, "utf-8")
    result = walk(root)
    assert [(p.kind, p.path) for p in result.problems] == [("too-large", "big.py")]
    assert "1,001 bytes" in result.problems[0].message


def test_a_folder_that_cannot_be_listed_is_a_problem(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, "a.py", "secret/b.py")
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = walk(root)
    assert [(p.kind, p.path) for p in result.problems] == [("unreadable", "secret")]
    assert [t.path for t in result.targets] == ["a.py"]


def test_a_folder_named_like_a_file_is_walked(root: Path) -> None:
    write(root, "pkg.py/a.py")
    assert found(root) == ["pkg.py/a.py"]


def test_names_that_are_no_text_are_shown_escaped(root: Path) -> None:
    name = os.path.join(os.fsencode(root), b"caf\xe9\n.py")
    with open(name, "wb") as stream:
        stream.write(b"x = 1\n")
    (target,) = walk(root).targets
    assert target.path == "caf\\xe9\\x0a.py"
    assert os.fsencode(target.abspath) == name


def test_paths_are_shown_relative_only_below_the_working_directory(tmp_path: Path) -> None:
    cwd = str(tmp_path / "a")
    assert shown_path(f"{cwd}/b/c.py", cwd) == "b/c.py"
    assert shown_path(f"{tmp_path}/ab/c.py", cwd) == f"{tmp_path}/ab/c.py"
    assert shown_path("/x.py", "/") == "x.py"


def test_a_script_without_a_suffix_counts_when_named(root: Path) -> None:
    (root / "tool").write_text("#!/usr/bin/env python3\nx = 1\n", "utf-8")
    (root / "notes").write_text("nothing\n", "utf-8")
    (root / "README.md").write_text("# x\n", "utf-8")
    result = walk(root, "tool", "notes", "README.md")
    assert [t.path for t in result.targets] == ["tool"]
    assert result.skipped == 2
    assert found(root) == []


def test_a_file_named_twice_is_taken_once(root: Path) -> None:
    write(root, "a.py")
    assert found(root, "a.py", "./a.py", ".") == ["a.py"]
