"""Configuration: what is read, what is refused and how well the refusal points."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from govlint.config import KEYS, Config, load_config
from govlint.errors import ConfigError
from govlint.model import Severity
from govlint.python.bindings import Bindings

SCHEMA = json.loads(
    (Path(__file__).parent.parent / "schemas" / "config.schema.json").read_text("utf-8")
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def load(project: Path, text: str, name: str = "govlint.toml") -> Config:
    (project / name).write_text(text, "utf-8")
    return load_config()


def test_nothing_configured_gives_the_defaults(project: Path) -> None:
    config = load_config()
    assert (config.root, config.source, config.bounded) == (str(project), None, True)
    assert config.bindings == Bindings()
    assert ".venv" in config.exclude
    assert config.fail_on is Severity.NOTE


def test_every_key_is_read(project: Path) -> None:
    config = load(
        project,
        """
select = ["GOV101"]
ignore = ["GOV102"]
exclude = ["generated"]
extend-exclude = ["old/**"]
rules = ["governance"]
max-file-size = 1000
fail-on = "error"
baseline = "accepted.json"

[bindings]
plugins = ["app.base.Task"]
job-transitions = [["NEW", "DONE"]]

[severity]
GOV102 = "note"

[[per-path]]
paths = ["legacy/**"]
ignore = ["GOV101"]
reason = "moves in spring"
until = 2027-03-31
""",
    )
    assert config.select == ("GOV101",)
    assert config.ignore == ("GOV102",)
    assert config.exclude == ("generated", "old/**")
    assert config.rules == (str(project / "governance"),)
    assert config.max_file_size == 1000
    assert config.fail_on is Severity.ERROR
    assert config.baseline == str(project / "accepted.json")
    assert config.bindings.plugins == ("app.base.Task",)
    assert config.bindings.job_transitions == (("NEW", "DONE"),)
    assert config.bindings.gates == Bindings().gates
    assert config.severity == {"GOV102": Severity.NOTE}
    (entry,) = config.per_path
    assert entry.until == datetime.date(2027, 3, 31).isoformat()


def test_pyproject_needs_the_table_to_count(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'govlint'\n", "utf-8")
    assert load_config().source is None
    config = load(project, '[tool.govlint]\nselect = ["GOV101"]\n', "pyproject.toml")
    assert config.select == ("GOV101",)


def test_the_nearest_file_above_the_paths_wins(project: Path) -> None:
    inner = project / "services" / "one"
    inner.mkdir(parents=True)
    (project / "govlint.toml").write_text('fail-on = "error"\n', "utf-8")
    assert load_config([str(inner)]).root == str(project)
    (inner / "govlint.toml").write_text('fail-on = "warning"\n', "utf-8")
    assert load_config([str(inner)]).root == str(inner)
    assert load_config([str(inner), "."]).root == str(project)


def test_without_configuration_the_repository_is_the_root(project: Path) -> None:
    (project / ".git").mkdir()
    inner = project / "src"
    inner.mkdir()
    assert load_config([str(inner)]).root == str(project)


def test_a_home_directory_is_never_taken_as_a_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").mkdir()
    monkeypatch.setenv("HOME", str(project))
    assert load_config().bounded is False


def test_paths_outside_any_project_are_taken_alone(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    config = load_config([str(other)])
    assert (config.root, config.bounded) == (str(other), False)


def test_an_explicit_file_kept_elsewhere_does_not_move_the_root(
    project: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "govlint.toml").write_text('fail-on = "error"\n', "utf-8")
    config = load_config([], str(shared / "govlint.toml"))
    assert (config.root, config.fail_on) == (str(project), Severity.ERROR)


def test_an_explicit_file_above_the_working_directory_leaves_the_root_there(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strict.toml").write_text('exclude = ["gen/**"]\n', "utf-8")
    inside = project / "src"
    inside.mkdir(exist_ok=True)
    monkeypatch.chdir(inside)
    assert load_config([], str(tmp_path / "strict.toml")).root == str(inside)
    # paths outside the working directory are their own project's
    assert load_config([str(project)], str(tmp_path / "strict.toml")).root != str(inside)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('\nselekt = ["GOV101"]\n', 2, "unknown key 'selekt'; did you mean 'select'?"),
        ("[bindings]\nplugin = ['A']\n", 2, "did you mean 'plugins'?"),
        ("[bindings]\ngoverned_methods = ['A']\n", 2, "did you mean 'governed-methods'?"),
        ("zzz = 1\n", 1, "known are"),
        ('select = "GOV101"\n', 1, "select is 'GOV101'; it must be a list of strings"),
        ("max-file-size = 0\n", 1, "whole number of bytes above 0"),
        ("max-file-size = true\n", 1, "whole number of bytes above 0"),
        ("\ntime-limit = 0\n", 2, "whole number of seconds above 0"),
        ('fail-on = "bad"\n', 1, "fail-on is 'bad'; it must be note, warning or error"),
        ('[severity]\n\nGOV101 = "fatal"\n', 3, "it must be note, warning or error"),
        ("severity = 1\n", 1, "severity must be a table"),
        ("baseline = 1\n", 1, "baseline is 1; it must be a path"),
        ("exclude = ['']\n", 1, "an empty pattern"),
        ("extend-exclude = ['a[b']\n", 1, "'[' without ']'"),
        ("[bindings]\nplugins = ['a..b']\n", 2, "'a..b' is no name, dotted name or pattern"),
        ("[bindings]\njob-transitions = [['A']]\n", 2, "list of [from, to] pairs"),
        ("bindings = 3\n", 1, "bindings must be a table"),
        ("per-path = 3\n", 1, "per-path must be a list of tables"),
        ("[[per-path]]\npaths=['a']\nignore=['GOV101']\n", 1, "has no reason; it is required"),
        (
            "[[per-path]]\npaths=['a']\nignore=['X']\nreason='r'\n\n[[per-path]]\npats=['a']\n",
            7,
            "unknown key 'pats' in per-path; did you mean 'paths'?",
        ),
        (
            "[[per-path]]\npaths=['a']\nignore=['X']\nreason='r'\nuntil='2027-02-30'\n",
            5,
            "it must be a date, YYYY-MM-DD",
        ),
        ("select = [\n", 2, "Invalid value"),
        ("\n\nselect = = 1\n", 3, "Invalid value"),
    ],
)
def test_a_fault_is_named_with_its_line(project: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(project, text)
    assert str(caught.value).startswith(f"govlint.toml:{line}: ")
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_fault_in_pyproject_points_into_its_table(project: Path) -> None:
    text = "[tool.other]\nselekt = 1\n\n[tool.govlint]\nignore = []\nselekt = ['GOV101']\n"
    with pytest.raises(ConfigError, match=r"pyproject\.toml:6: unknown key 'selekt'"):
        load(project, text, "pyproject.toml")


def test_a_file_that_is_no_text_is_refused_with_its_line(project: Path) -> None:
    (project / "govlint.toml").write_bytes(b"select = []\n# \xff\n")
    with pytest.raises(ConfigError, match=r"govlint\.toml:2: is not UTF-8"):
        load_config()


def test_a_configuration_file_that_is_not_there_is_an_error(project: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such configuration file"):
        load_config([], "nowhere.toml")


def test_a_byte_order_mark_does_no_harm(project: Path) -> None:
    (project / "govlint.toml").write_bytes(b"\xef\xbb\xbfselect = ['GOV101']\n")
    assert load_config().select == ("GOV101",)


def test_the_digest_changes_with_the_content(project: Path) -> None:
    first = load(project, 'select = ["GOV101"]\n').digest
    assert load(project, '# a comment\nselect = ["GOV101"]\n').digest == first
    assert load(project, 'select = ["GOV102"]\n').digest != first


# -- the published schema says the same as the loader -------------------------------------


def test_the_schema_lists_exactly_the_keys_that_are_read() -> None:
    assert sorted(SCHEMA["properties"]) == sorted(KEYS)
    bindings = SCHEMA["properties"]["bindings"]["properties"]
    assert sorted(bindings) == sorted(f.name.replace("_", "-") for f in fields(Bindings))


_BAD_VALUES: dict[str, list[object]] = {
    "select": ["x", 1, [1], {}],
    "ignore": ["x", [2]],
    "exclude": ["x", [""], [3]],
    "extend-exclude": ["x", [""]],
    "rules": ["x", [1]],
    "bindings": [1, {"plugins": "x"}, {"plugins": ["a..b"]}, {"nope": []}, {"plugins": [""]}],
    "max-file-size": [0, -1, "1", 1.5, True],
    "time-limit": [0, -1, "1", 0.5, False],
    "fail-on": ["fatal", 1],
    "baseline": [1, []],
    "per-path": [
        1,
        [1],
        [{}],
        [{"paths": ["a"], "ignore": ["X"]}],
        [{"paths": [], "ignore": ["X"], "reason": "r"}],
        [{"paths": ["a"], "ignore": [], "reason": "r"}],
        [{"paths": ["a"], "ignore": ["X"], "reason": " "}],
        [{"paths": ["a"], "ignore": ["X"], "reason": "r", "more": 1}],
        [{"paths": ["a"], "ignore": ["X"], "reason": "r", "until": "soon"}],
    ],
    "severity": [1, {"GOV101": "fatal"}, {"GOV101": 1}],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in _BAD_VALUES.items() for value in values]
)
def test_what_the_loader_refuses_the_schema_refuses(project: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError):
        load(project, f"{key} = {_toml(value)}\n")
    checker = jsonschema.FormatChecker(["date"])
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=checker)
    assert list(validator.iter_errors({key: value}))


def test_what_the_loader_takes_the_schema_takes(project: Path) -> None:
    document: dict[str, object] = {
        "select": ["GOV101"],
        "exclude": ["a", "b/**"],
        "bindings": {"plugins": ["A", "b.*Plugin"], "job-transitions": [["A", "B"]]},
        "max-file-size": 1,
        "time-limit": 60,
        "fail-on": "warning",
        "severity": {"GOV101": "note"},
        "per-path": [{"paths": ["a"], "ignore": ["X"], "reason": "r", "until": "2027-01-01"}],
    }
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in document.items())
    assert load(project, text).max_file_size == 1


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def test_an_unreadable_configuration_is_an_error_and_not_the_defaults(project: Path) -> None:
    (project / "govlint.toml").write_text("select = []\n", "utf-8")
    (project / "govlint.toml").chmod(0)
    if os.access(project / "govlint.toml", os.R_OK):  # root reads everything
        (project / "govlint.toml").unlink()
        (project / "govlint.toml").mkdir()
        assert load_config().source is None
        return
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config()


def test_the_root_of_the_disk_is_nobodys_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tests" / "case"
    folder.mkdir(parents=True)
    monkeypatch.chdir("/")
    assert load_config([str(folder)]).root == str(folder)
