"""The catalogue: selection, a team's own pages, the cache, the published schema."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from team_page import FAULTS, NAME, PAGE

from govlint import catalog as catalogue
from govlint.catalog import (
    BUILTIN_KINDS,
    Catalog,
    check_kinds,
    load_catalog,
    page_paths,
    read_page,
    ruleset_digest,
)
from govlint.data import data_dir
from govlint.errors import ConfigError, RuleError, UsageError
from govlint.examples import run_example
from govlint.model import Rule, Severity
from govlint.pages import REQUIRED

ROOT = Path(__file__).parent.parent
PAGES = page_paths(ROOT / "rules")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "team" / "governance"
    path.mkdir(parents=True)
    (path / NAME).write_text(PAGE, encoding="utf-8")
    return path


# -- the catalogue -----------------------------------------------------------------------------


def test_the_built_in_rules_load_and_have_their_checks() -> None:
    catalog = load_catalog()
    assert len(catalog.rules) == len(PAGES) >= 17
    assert list(catalog.rules) == sorted(catalog.rules)
    kinds = check_kinds()
    assert {rule.check for rule in catalog.rules.values()} <= set(kinds)
    assert set(BUILTIN_KINDS) <= set(kinds)
    assert catalog.digest == ruleset_digest(reversed(list(catalog.rules.values())))


def test_select_by_code_name_beginning_pack_and_all() -> None:
    catalog = load_catalog()

    def codes(select: list[str] | None, ignore: tuple[str, ...] = ()) -> list[str]:
        return [rule.code for rule in catalog.select(select, ignore)]

    every = list(catalog.rules)
    assert codes(None) == codes(["all"]) == codes([]) == every
    for pack in {rule.pack for rule in catalog.rules.values()}:
        assert codes([pack]) == [code for code in every if catalog.rules[code].pack == pack]
    assert codes(["participation"]) == [f"GOV50{number}" for number in range(1, 9)]
    assert codes(["GOV101"]) == codes(["gov101"]) == codes(["direct-plugin-run"]) == ["GOV101"]
    assert codes(["GOV8"]) == ["GOV801", "GOV802"]
    assert codes(["GOV802", "GOV101"]) == ["GOV101", "GOV802"]
    assert codes(["GOV"], ("GOV1", "unused-suppression")) == [
        code
        for code in every
        if code.startswith("GOV") and not code.startswith("GOV1") and code != "GOV802"
    ]
    assert codes(["all"], ("all",)) == []
    for wrong in ("GOV999", "direct-plugin-rnu", "", "GO"):
        with pytest.raises(UsageError, match="no rule is called"):
            codes([wrong])
    with pytest.raises(UsageError, match="did you mean 'direct-plugin-run'"):
        catalog.get("direct-plugin-rnu")
    assert catalog.get("gov101").code == "GOV101"
    with pytest.raises(UsageError, match="rules list"):
        Catalog().get("x")


def test_a_teams_page_reuses_a_check_with_params_of_its_own(folder: Path) -> None:
    catalog = load_catalog([folder])
    rule = catalog.get("run-outside")
    assert catalogue.make_params(rule).undecided == "warning"
    assert catalogue.make_params(catalog.get("GOV102")).undecided == "note"
    assert [r.code for r in catalog.select(["governance"])] == ["ACM001"]
    page = read_page(folder / NAME)
    for example in page.examples:
        for variant in ("plain", "cached", "crlf", "bom", "suppressed"):
            assert run_example(page, example, variant, catalog) in ([], None)
    assert [r.code for r in load_catalog([folder, folder.parent]).select(["ACM"])] == ["ACM001"]


@pytest.mark.parametrize(
    ("code", "name", "taken"),
    [("GOV101", "other", "GOV101"), ("ACM002", "direct-plugin-run", "direct-plugin-run")],
)
def test_a_code_or_name_that_is_taken_is_refused(
    folder: Path, code: str, name: str, taken: str
) -> None:
    text = PAGE.replace("ACM001", code).replace("name: run-outside", f"name: {name}")
    path = folder / f"{code}-{name}.md"
    path.write_text(text)
    with pytest.raises(RuleError, match=f"{taken} is already the rule of") as caught:
        load_catalog([folder])
    assert caught.value.path == str(path)
    assert taken in text.split("\n")[caught.value.line - 1]
    assert load_catalog().get(taken).code == "GOV101"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_catalog([tmp_path / "nowhere"])


def test_a_file_in_the_place_of_a_rule_folder_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        load_catalog([folder / NAME])


def test_a_page_that_cannot_be_read_is_refused_and_not_left_out(folder: Path) -> None:
    load_catalog([folder])  # the cache must not answer for the page that comes now
    page = folder / "ACM002-other.md"
    page.symlink_to(folder / "not-there.md")
    with pytest.raises(RuleError, match="cannot be read: No such file") as caught:
        load_catalog([folder])
    assert caught.value.path == str(page)


@pytest.mark.platform
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
def test_a_pipe_in_the_place_of_a_page_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "ACM002-other.md")
    with pytest.raises(RuleError, match="no regular file"):
        load_catalog([folder])


def test_a_page_with_its_suffix_in_capitals_is_refused_and_not_left_out(folder: Path) -> None:
    (folder / NAME).rename(folder / NAME.replace(".md", ".MD"))
    with pytest.raises(RuleError, match=f"is named {NAME}, not "):
        load_catalog([folder])


def test_what_an_editor_leaves_behind_is_no_page(folder: Path) -> None:
    fresh = load_catalog([folder])
    (folder / f".#{NAME}").symlink_to("someone@somewhere.1234")
    (folder / f"._{NAME}").write_bytes(b"\x00\x05\x16\x07")
    (folder / "README.md").write_text("# Our rules")
    assert load_catalog([folder]) == fresh


def test_pages_below_a_linked_folder_are_refused_and_not_left_out(folder: Path) -> None:
    inside = folder / "a" / "b"
    inside.mkdir(parents=True)
    for target in (folder.parent, folder, inside):
        (inside / "link").symlink_to(target)
        with pytest.raises(ConfigError, match="link to a folder, and those are not followed"):
            load_catalog([folder])
        (inside / "link").unlink()
    linked = folder.parent / "linked"
    linked.symlink_to(folder)
    assert load_catalog([linked]).get("ACM001").name == "run-outside"


def test_a_folder_that_cannot_be_looked_into_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: str | os.PathLike[str] = ".") -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ConfigError, match="closed cannot be read: Permission denied"):
        load_catalog([folder])


def test_an_installation_without_its_data_says_so() -> None:
    with pytest.raises(ConfigError, match="install it again"):
        data_dir("no-such-kind")


# -- the cache ---------------------------------------------------------------------------------


def _cached(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("rules-*.json"))


def test_a_second_load_compiles_no_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_catalog([folder])
    assert len(_cached(tmp_path)) == 2

    def refuse(path: Path) -> Rule:
        raise AssertionError(f"{path} is compiled again")

    monkeypatch.setattr(catalogue, "compile_page", refuse)
    assert load_catalog([folder]) == first


def test_a_changed_page_is_compiled_again(folder: Path) -> None:
    assert load_catalog([folder]).get("ACM001").severity is Severity.WARNING
    status = (folder / NAME).stat()
    (folder / NAME).write_text(PAGE.replace("severity: warning", "severity: error  "))
    os.utime(folder / NAME, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_catalog([folder]).get("ACM001").severity is Severity.ERROR
    (folder / NAME).unlink()
    with pytest.raises(UsageError):
        load_catalog([folder]).get("ACM001")


def _sealed(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _changed(**fields: Any) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        document = json.loads(data.partition(b"\n")[2])
        document["rules"][0].update(fields)
        return _sealed(json.dumps(document).encode())

    return change


def _without_last(data: bytes) -> bytes:
    document = json.loads(data.partition(b"\n")[2])
    document["rules"].pop()
    return _sealed(json.dumps(document).encode())


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a rule less": _without_last,
    "a path elsewhere": _changed(path="/elsewhere/ACM001-run-outside.md"),
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "one byte": lambda data: data[:200] + b"#" + data[201:],
    "no JSON": lambda data: _sealed(b"\xff{"),
    "deep": lambda data: _sealed(b"[" * 100_000),
    "another document": lambda data: _sealed(b'{"stamp": 3}'),
    "a list": lambda data: _sealed(b"[]"),
    "a number for text": _changed(summary=3),
    "null for a path": _changed(path=None),
    "params a list": _changed(params=[1]),
    "severity 9": _changed(severity=9),
    "severity text": _changed(severity="error"),
}


@pytest.mark.parametrize("name", _DAMAGE)
def test_a_damaged_cache_is_made_again(name: str, folder: Path, tmp_path: Path) -> None:
    fresh = load_catalog([folder])
    good = {path: path.read_bytes() for path in _cached(tmp_path)}
    for path, data in good.items():
        path.write_bytes(_DAMAGE[name](data))
    assert load_catalog([folder]) == fresh
    assert {path: path.read_bytes() for path in _cached(tmp_path)} == good


def test_a_cache_that_cannot_be_written_is_done_without(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = load_catalog([folder])
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/no/such")):
        monkeypatch.setenv("GOVLINT_CACHE_DIR", str(place))
        assert load_catalog([folder]) == fresh
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / "taken"))
    load_catalog([folder])
    for path in (tmp_path / "taken").iterdir():
        path.unlink()
        path.mkdir()
    assert load_catalog([folder]) == fresh
    assert all(path.is_dir() for path in (tmp_path / "taken").iterdir())


@pytest.mark.platform
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
def test_a_pipe_in_the_place_of_a_cache_is_not_waited_for(folder: Path, tmp_path: Path) -> None:
    fresh = load_catalog([folder])
    for path in _cached(tmp_path):
        path.unlink()
        os.mkfifo(path)
    assert load_catalog([folder]) == fresh


# -- the published schema ------------------------------------------------------------------------


def test_the_schema_accepts_what_the_loader_accepts_and_no_more() -> None:
    schema = json.loads((ROOT / "schemas" / "rule-page.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert schema["required"] == list(REQUIRED) == list(schema["properties"])
    assert schema["properties"]["check"]["enum"] == sorted(check_kinds())
    for path in PAGES:
        front = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
        assert validator.is_valid(front), path
    for name in ("unknown key", "wrong id", "other digits", "wrong name", "wrong severity",
                 "loud severity", "since a number", "since a word", "spec null", "params a list",
                 "unknown check"):  # fmt: skip
        old, new, _, _ = FAULTS[name]
        front = yaml.safe_load(PAGE.replace(old, new, 1).split("---\n")[1])
        assert not validator.is_valid(front), name
