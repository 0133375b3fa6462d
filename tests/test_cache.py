"""The cache: the same result with it and without, and never trusted."""

from __future__ import annotations

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import stub_rules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stub_rules import RULES, stub_catalog

from govlint import cache as cache_module
from govlint import engine
from govlint.cache import open_cache
from govlint.config import load_config
from govlint.model import RunResult


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    stub_rules.install(monkeypatch)
    # what was written a moment ago counts as unstable; these tests do not wait for it
    monkeypatch.setattr(cache_module, "_RACY", -10_000_000_000)
    monkeypatch.setattr(cache_module, "_RACY_COARSE", -10_000_000_000)
    (folder / "govlint.toml").touch()
    return folder


FILES = {
    "a.py": "forbidden()\nother()  # govlint: ignore[STB002] -- said so\n",
    "b.py": "x = 1\n",
    "c.py": "f(\n",
    "d.py": "é = 1  # govlint: ignore[STB001] -- nothing here\n",
    "pkg/e.py": "def forbidden(): pass\n",
    "f.py": "x = " + "-" * 20_000 + "1\n",
}


@pytest.fixture
def project(root: Path) -> Path:
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def check(*paths: str, catalog: Any = None, **options: Any) -> RunResult:
    return engine.run(
        paths, load_config(paths), catalog or stub_catalog(), engine.Options(**options)
    )


def told(result: RunResult) -> tuple[Any, ...]:
    return (result.findings, result.suppressed, result.problems, result.files, result.ruleset)


def cache_file(root: Path) -> Path:
    (found,) = (root / ".govlint_cache").glob("*.json")
    return found


def calls(action: Any) -> int:
    before = stub_rules.CALLS
    action()
    return stub_rules.CALLS - before


def test_a_second_run_gives_the_same_without_running_a_check(project: Path) -> None:
    cold = check()
    assert calls(lambda: check()) == 0
    warm = check()
    assert told(warm) == told(cold) == told(check(cache=False))
    assert warm.statistics.cached == len(FILES)
    assert len(cold.findings) == 3
    assert [p.path for p in cold.problems] == ["f.py"]
    assert warm.sources["a.py"] == FILES["a.py"]


def test_the_folder_says_what_it_is_and_keeps_out_of_git(project: Path) -> None:
    check()
    folder = project / ".govlint_cache"
    assert (folder / ".gitignore").read_text("utf-8") == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text("utf-8").startswith("Signature: 8a477f597d28d17")


def test_no_cache_neither_reads_nor_writes(project: Path) -> None:
    check(cache=False)
    assert not (project / ".govlint_cache").exists()


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename", "same size and time"])
def test_any_change_is_seen(project: Path, change: str) -> None:
    check()
    path = project / "b.py"
    before = path.stat()
    if change == "edit":
        path.write_text("other()\n", "utf-8")
    elif change == "add":
        (project / "new.py").write_text("other()\n", "utf-8")
    elif change == "remove":
        (project / "a.py").unlink()
    elif change == "rename":
        (project / "a.py").rename(project / "z.py")
    else:
        time.sleep(0.02)
        path.write_text("f( 1 \n", "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
    assert told(check()) == told(check(cache=False))


def test_only_changed_files_are_scanned_again(project: Path) -> None:
    check()
    (project / "b.py").write_text("other()\n", "utf-8")
    result = check()
    assert result.statistics.cached == len(FILES) - 1
    assert told(result) == told(check(cache=False))


def test_other_rules_severities_bindings_and_folders_are_told_apart(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check()
    assert told(check(select=("STB002",))) == told(check(select=("STB002",), cache=False))
    (project / "govlint.toml").write_text(
        "[severity]\nSTB001='note'\n[bindings]\nplugins=['forbidden']\n", "utf-8"
    )
    assert told(check()) == told(check(cache=False))
    monkeypatch.chdir(project / "pkg")
    assert told(check("..")) == told(check("..", cache=False))
    assert told(check("..")) == told(check("..", cache=False))


def test_a_changed_rule_page_is_another_ruleset(project: Path) -> None:
    from dataclasses import replace

    check()
    edited = [
        replace(r, digest="new", params={"word": "f"} if r.code == "STB001" else r.params)
        for r in RULES
    ]
    catalog = stub_catalog(edited)
    assert told(check(catalog=catalog)) == told(check(catalog=catalog, cache=False))


def test_named_paths_shards_and_changes_share_one_analysis(project: Path) -> None:
    check()
    assert calls(lambda: check("a.py")) == 0
    assert calls(lambda: check(shard=(1, 2))) == 0
    assert told(check("a.py")) == told(check("a.py", cache=False))


def _damage(body: bytes, kind: str) -> bytes:
    head, _, payload = body.partition(b"\n")
    if kind == "empty":
        return b""
    if kind == "truncated":
        return body[: len(body) // 2]
    if kind == "flipped":
        return body[:-10] + bytes([body[-10] ^ 1]) + body[-9:]
    if kind == "other version":
        return body.replace(b"cache-1", b"cache-9", 1)
    if kind == "binary":
        return bytes(range(256)) * 10
    if kind == "deep":
        payload = b"[" * 100_000
    elif kind == "no object":
        payload = b"[]"
    else:
        data = json.loads(payload)
        if kind == "hostile paths":
            data["paths"] = 3
        elif kind == "short stamps":
            data["stamps"] = data["stamps"][:-1]
        elif kind == "hostile findings":
            data["runs"] = {key: [[["STB001", 1, None, 3, 4]], [], []] for key in data["runs"]}
        elif kind == "hostile runs":
            data["runs"] = dict.fromkeys(data["runs"], 7)
        elif kind == "unknown rule":
            data["runs"] = {
                key: [[["ZZZ", "m", ["a", 1, 1, 1, 1, None], [], None]], [], []]
                for key in data["runs"]
            }
        elif kind == "hostile scans":
            data["odd"] = dict.fromkeys(data["odd"], 5)
        elif kind == "hostile words":
            data["odd"] = {key: [[1], ["x"], 0, 3] for key in data["odd"]}
        payload = json.dumps(data).encode()
    magic, key, _ = head.split(b" ")
    return b" ".join((magic, key, sha256(payload).hexdigest().encode())) + b"\n" + payload


@pytest.mark.parametrize(
    "kind",
    ["empty", "truncated", "flipped", "other version", "binary", "deep", "no object",
     "hostile paths", "short stamps", "hostile findings", "hostile runs", "unknown rule",
     "hostile scans", "hostile words"],
)  # fmt: skip
def test_a_damaged_cache_is_rebuilt(project: Path, kind: str) -> None:
    expected = told(check())
    path = cache_file(project)
    path.write_bytes(_damage(path.read_bytes(), kind))
    assert told(check()) == expected
    assert told(check()) == expected


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_damage_gives_the_same_result(project: Path, data: st.DataObject) -> None:
    expected = told(check(cache=False))
    check()
    path = cache_file(project)
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(body[: data.draw(st.integers(0, len(body)))]))
    assert told(check()) == expected


def test_a_cache_that_came_with_a_checkout_fits_nothing(project: Path, tmp_path: Path) -> None:
    check()
    planted = cache_file(project).read_bytes()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, text in FILES.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, "utf-8")
    key = planted.split(b" ")[1].decode()
    found = open_cache(str(cache_file(project)), key, 0)
    from govlint.discover import discover

    targets = discover([str(copy)], str(copy), str(copy), [], 10**6).targets
    assert all(found.known(target) is None for target in targets)


@pytest.mark.parametrize("obstacle", ["file in the way", "link", "read-only", "folder in the way"])
def test_a_cache_that_cannot_be_written_does_no_harm(
    project: Path, tmp_path: Path, obstacle: str
) -> None:
    folder = project / ".govlint_cache"
    if obstacle == "file in the way":
        folder.write_text("mine", "utf-8")
    elif obstacle == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    elif obstacle == "read-only":
        folder.mkdir(mode=0o500)
    else:
        check()
        path = cache_file(project)
        path.unlink()
        (path / "x").mkdir(parents=True)
    expected = told(check(cache=False))
    assert told(check()) == expected
    assert told(check()) == expected
    if obstacle == "link":
        assert not list((tmp_path / "elsewhere").iterdir())


def test_the_folder_can_be_chosen(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / "caches" / "deep"))
    expected = told(check())
    assert told(check()) == expected
    assert len(list((tmp_path / "caches" / "deep").glob("*.json"))) == 1
    assert not (project / ".govlint_cache").exists()


def test_a_file_changed_within_the_clocks_tick_is_looked_at_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_RACY", 3600 * 10**9)
    monkeypatch.setattr(cache_module, "_RACY_COARSE", 3600 * 10**9)
    check()
    assert check().statistics.cached == 0


def test_a_crash_is_not_remembered(project: Path) -> None:
    (project / "a.py").write_text("forbidden()\nexplode\n", "utf-8")
    assert any(p.kind == "crash" for p in check().problems)
    assert calls(lambda: check()) == 2


def test_names_with_line_ends_go_uncached(project: Path) -> None:
    (project / "odd\nname.py").write_text("forbidden()\n", "utf-8")
    expected = told(check())
    assert told(check()) == expected
    assert not (project / ".govlint_cache").exists()


def test_undecodable_names_are_remembered(project: Path) -> None:
    with open(os.path.join(os.fsencode(project), b"caf\xe9.py"), "wb") as stream:
        stream.write(b"forbidden()\n")
    cold = check()
    assert calls(lambda: check()) == 0
    assert told(check()) == told(cold)
    assert "caf\\xe9.py" in {f.location.path for f in cold.findings}
