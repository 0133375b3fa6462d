"""Every step type does what it says, on real files, programs and repositories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runtime_min.kernel.errors import Cancelled, CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions.capability import Started
from runtime_min.missions.programs import Limits, group_alive
from runtime_min.missions.steps import MODULE_OF, StepContext, handler_of
from runtime_min.missions.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "outside").mkdir()
    return folder


@pytest.fixture
def context(root: Path) -> Iterator[StepContext]:
    with Workspace(root) as workspace:
        yield StepContext("s", workspace, time.monotonic() + 300, processes=Started())


def do(context: StepContext, step_type: str, **given: Any) -> dict[str, Any]:
    handler = handler_of(step_type)
    assert handler is not None, step_type
    output = handler(context, given)
    schema = json.loads(
        (
            Path(__file__).parent.parent / "schemas" / "steps" / f"{step_type}.schema.json"
        ).read_text()
    )
    notes = schema["x-govlint"]
    if not notes["open-outputs"]:
        assert set(output) >= set(notes["outputs"]) - {"variables_substituted"}, output
    json.dumps(output)
    return output


# -- the workspace -----------------------------------------------------------------------


ESCAPES = ["../outside.txt", "a/../../outside.txt", "/etc/passwd", "~/x", "C:\\x", "", "x\0y", ".."]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_step_reads_or_writes_outside(context: StepContext, root: Path, path: str) -> None:
    (root / "a").mkdir()
    (root / "in.txt").write_text("in")
    before = sorted(p.name for p in root.parent.rglob("*"))
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_file", {"path": path, "content": "x"}),
        ("edit_file", {"path": path, "content": "x"}),
        ("delete_file", {"path": path}),
        ("copy_file", {"source": path, "destination": "c"}),
        ("copy_file", {"source": "in.txt", "destination": path}),
        ("move_file", {"source": path, "destination": "c"}),
        ("move_file", {"source": "in.txt", "destination": path}),
        ("read_file", {"path": path}),
        ("list_directory", {"path": path}),
        ("file_search", {"path": path, "pattern": "x"}),
        ("csv_process", {"input_file": path}),
        ("validate_schema", {"file": path, "schema_type": "csv"}),
        ("command", {"command": "true", "working_dir": path or "/"}),
        ("compress", {"source": path, "destination": "c"}),
        ("compress", {"source": "in.txt", "destination": path}),
        ("git_status", {"path": path or "/"}),
        ("compile_code", {"path": path, "language": "python"}),
        ("extract_functions", {"path": path or "/"}),
    ]
    for name, given in calls:
        with pytest.raises(Refused) as refused:
            do(context, name, **given)
        assert refused.value.code == "path-escape", name
    assert sorted(p.name for p in root.parent.rglob("*")) == before
    assert (root.parent / "outside.txt").read_text() == "secret"


def test_links_are_followed_inside_and_nowhere_else(context: StepContext, root: Path) -> None:
    (root / "real").mkdir()
    (root / "real" / "a.txt").write_text("a")
    (root / "near").symlink_to("real")
    (root / "file").symlink_to("real/../near/a.txt")
    assert do(context, "read_file", path="near/a.txt")["content"] == "a"
    assert do(context, "read_file", path="file")["content"] == "a"
    do(context, "create_file", path="file", content="b")
    assert (root / "file").is_symlink() and (root / "real" / "a.txt").read_text() == "b"
    for number, target in enumerate(
        ["../outside.txt", "/etc/passwd", "real/../../outside.txt", str(root / "real" / "a.txt")]
    ):
        (root / f"bad{number}").symlink_to(target)
        for name, given in (
            ("read_file", {"path": f"bad{number}"}),
            ("create_file", {"path": f"bad{number}", "content": "x"}),
        ):
            with pytest.raises(Refused, match="leaves the workspace"):
                do(context, name, **given)
    (root / "out").symlink_to("../outside")
    with pytest.raises(Refused, match="leaves the workspace"):
        do(context, "create_file", path="out/x", content="x")
    (root / "loop").symlink_to("loop")
    with pytest.raises(CapabilityFailed, match="symbolic links"):
        do(context, "read_file", path="loop")
    assert do(context, "delete_file", path="bad0") == {
        "path": "bad0",
        "existed": True,
        "deleted": True,
    }
    assert (root.parent / "outside.txt").exists()


def test_a_folder_swapped_for_a_link_while_it_is_used_is_not_followed(
    context: StepContext, root: Path
) -> None:
    (root / "d").mkdir()
    (root.parent / "outside" / "f").write_text("secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(root / "d", root / "was")
            with suppress(FileExistsError):  # a writer has made the folder anew
                os.symlink("../outside", root / "d")
                os.unlink(root / "d")
            shutil.rmtree(root / "d", ignore_errors=True)
            with suppress(OSError):
                os.rename(root / "was", root / "d")
            shutil.rmtree(root / "was", ignore_errors=True)
            (root / "d").mkdir(exist_ok=True)

    thread = threading.Thread(target=swap)
    thread.start()
    wrote = 0
    try:
        for _ in range(300):
            try:
                do(context, "create_file", path="d/f", content="mine")
                wrote += 1
                assert do(context, "read_file", path="d/f")["content"] == "mine"
            except (CapabilityFailed, Refused):
                pass
    finally:
        stop.set()
        thread.join()
    assert (root.parent / "outside" / "f").read_text() == "secret"
    assert [p.name for p in (root.parent / "outside").iterdir()] == ["f"]


def test_pipes_and_devices_are_not_waited_for(context: StepContext, root: Path) -> None:
    os.mkfifo(root / "pipe")
    for name, given in (
        ("read_file", {"path": "pipe"}),
        ("create_file", {"path": "pipe", "content": "x"}),
        ("copy_file", {"source": "pipe", "destination": "c"}),
    ):
        with pytest.raises(CapabilityFailed, match="no plain file"):
            do(context, name, **given)
    assert do(context, "file_search", path=".", pattern="pipe")["matches"] == 0


# -- files -------------------------------------------------------------------------------


def test_create_and_edit(context: StepContext, root: Path) -> None:
    output = do(context, "create_file", path="a/b/c.txt", content="é\n", mode="640")
    assert output == {"path": "a/b/c.txt", "size": 3, "created": True}
    assert (root / "a/b/c.txt").stat().st_mode & 0o777 == 0o640
    do(context, "edit_file", path="a/b/c.txt", content="more\n", append=True, backup=True)
    assert (root / "a/b/c.txt").read_text() == "é\nmore\n"
    assert (root / "a/b/c.txt.bak").read_text() == "é\n"
    assert (root / "a/b/c.txt").stat().st_mode & 0o777 == 0o640
    do(context, "edit_file", path="a/b/c.txt", content="new")
    assert (root / "a/b/c.txt").read_text() == "new"
    assert do(context, "edit_file", path="a/b/c.txt")["modified"] is False
    assert do(context, "edit_file", path="n.txt", content="x")["modified"] is True
    with pytest.raises(CapabilityFailed, match="no content"):
        do(context, "edit_file", path="none")
    with pytest.raises(ValidationFailed, match="three octal digits"):
        do(context, "create_file", path="m", mode="7777")
    (root / "latin").write_bytes(b"\xe9\n")
    do(context, "edit_file", path="latin", content="x", append=True)
    assert (root / "latin").read_bytes() == b"\xe9\nx"


def test_a_file_is_there_whole_or_not_at_all(
    context: StepContext, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_text("before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CapabilityFailed, match="'a': No space left"):
        do(context, "create_file", path="a", content="after")
    assert [p.name for p in root.iterdir()] == ["a"] and (root / "a").read_text() == "before"


def test_copy_move_delete(context: StepContext, root: Path) -> None:
    (root / "a").write_bytes(b"\0" * 3_000_000)
    assert do(context, "copy_file", source="a", destination="d/b")["size"] == 3_000_000
    assert do(context, "move_file", source="d/b", destination="e/c")["moved"]
    assert not (root / "d/b").exists() and (root / "e/c").stat().st_size == 3_000_000
    do(context, "move_file", source="e", destination="f")
    assert (root / "f/c").exists()
    with pytest.raises(CapabilityFailed, match="is a folder"):
        do(context, "move_file", source="a", destination="f")
    with pytest.raises(CapabilityFailed, match="No such file"):
        do(context, "copy_file", source="none", destination="x")
    assert not (root / "x").exists()
    assert do(context, "delete_file", path="a")["deleted"] is True
    assert do(context, "delete_file", path="a")["existed"] is False
    with pytest.raises(CapabilityFailed, match=r"directory|permitted"):
        do(context, "delete_file", path="f")


def test_read_list_search(context: StepContext, root: Path) -> None:
    (root / "b.txt").write_bytes(b"\xef\xbb\xbfone\ntwo needle\n")
    (root / "sub").mkdir()
    (root / "sub" / "needle.bin").write_bytes(b"\0needle")
    assert do(context, "read_file", path="b.txt")["content"] == "one\ntwo needle\n"
    listed = do(context, "list_directory", path=".")
    assert [(e["name"], e["is_dir"]) for e in listed["entries"]] == [
        ("b.txt", False),
        ("sub", True),
    ]
    found = do(context, "file_search", path=".", pattern="needle")
    assert found["results"] == [
        {"name": "b.txt", "path": "b.txt", "lines": [{"line": 2, "text": "two needle"}]},
        {"name": "needle.bin", "path": "sub/needle.bin", "lines": []},
    ]
    with pytest.raises(CapabilityFailed, match="byte 0 is 0xff"):
        (root / "x").write_bytes(b"\xff")
        do(context, "read_file", path="x")
    context.most_bytes = 4
    with pytest.raises(CapabilityFailed, match="more than 4 bytes"):
        do(context, "read_file", path="b.txt")
    context.most_entries = 1
    with pytest.raises(CapabilityFailed, match="more than 1 entries"):
        do(context, "list_directory", path=".")


# -- data --------------------------------------------------------------------------------


def test_json(context: StepContext) -> None:
    assert do(context, "parse_json", content='{"a": [1, null]}')["parsed"] == {"a": [1, None]}
    for text in ("{", '{"a": 1, "a": 2}', "NaN", "[" * 100_000, ""):
        with pytest.raises(CapabilityFailed, match="is no JSON"):
            do(context, "parse_json", content=text)


def test_yaml(context: StepContext) -> None:
    text = "a: &x [1, 2024-01-01]\nb: *x\n3: {}\n"
    assert do(context, "parse_yaml", content=text)["parsed"] == {
        "a": [1, "2024-01-01"],
        "b": [1, "2024-01-01"],
        "3": {},
    }
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    for bad, said in (
        ("a: [", "no YAML"),
        ("a: 1\n---\nb: 2\n", "no YAML"),
        ("!!python/object:os.system {}", "no YAML"),
        (bomb, "more than 1000000 values"),
        ("a: &a [*a]", "inside of itself"),
        ("[" * 500, "levels deep"),
        ("a: .nan", "no number that JSON has"),
        ('1: a\n"1": b', "are one in JSON"),
    ):
        with pytest.raises(CapabilityFailed, match=said):
            do(context, "parse_yaml", content=bad)


def test_xml(context: StepContext) -> None:
    output = do(context, "parse_xml", content='<a x="1"><b>hi</b><b> </b>tail</a>')
    assert output["elements"] == [{"element": "b", "content": "hi"}]
    assert output["tree"]["attributes"] == {"x": "1"}
    laughs = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'
    outside = '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>'
    for bad in (laughs, outside):
        with pytest.raises(CapabilityFailed, match="entities, which are not read"):
            do(context, "parse_xml", content=bad)
    with pytest.raises(CapabilityFailed, match="is no XML"):
        do(context, "parse_xml", content="<a>")
    with pytest.raises(CapabilityFailed, match="too deeply"):
        do(context, "parse_xml", content="<a>" * 600 + "</a>" * 600)


def test_schemas(context: StepContext, root: Path) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert do(context, "validate_schema", data='{"a": 1}', schema=schema)["valid"]
    assert do(context, "validate_schema", data='{"a": 1}', schema=json.dumps(schema))["valid"]
    with pytest.raises(CapabilityFailed, match=r"/a: .*integer") as failed:
        do(context, "validate_schema", data='{"a": "x"}', schema=schema)
    assert failed.value.details["output"]["valid"] is False
    with pytest.raises(ValidationFailed, match="no JSON Schema"):
        do(context, "validate_schema", data="1", schema={"type": "nope"})
    with pytest.raises(ValidationFailed, match="is not fetched"):
        do(context, "validate_schema", data="1", schema={"$ref": "file:///etc/passwd"})
    (root / "t.csv").write_text("name,value\ntest,100\n")
    assert do(context, "validate_schema", file="t.csv", schema_type="csv")["valid"]
    (root / "bad.csv").write_text("name,name\ntest\n")
    with pytest.raises(CapabilityFailed, match=r"two columns are called 'name'.*1 more"):
        do(context, "validate_schema", file="bad.csv", schema_type="csv")
    rows = {"properties": {"value": {"pattern": "^[0-9]$"}}}
    with pytest.raises(CapabilityFailed, match="/0/value"):
        do(context, "validate_schema", file="t.csv", schema_type="csv", schema=rows)
    xsd = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        '<xs:element name="n" type="xs:integer"/></xs:schema>'
    )
    assert do(context, "validate_schema", data="<n>5</n>", schema=xsd, schema_type="xsd")["valid"]
    with pytest.raises(CapabilityFailed, match="/n: "):
        do(context, "validate_schema", data="<n>x</n>", schema=xsd, schema_type="xsd")
    with pytest.raises(ValidationFailed, match="no XML Schema"):
        do(context, "validate_schema", data="<n/>", schema="<x/>", schema_type="xsd")
    with pytest.raises(ValidationFailed, match="accepted are json, csv and xsd"):
        do(context, "validate_schema", data="1", schema={}, schema_type="protobuf")


def test_csv(context: StepContext, root: Path) -> None:
    text = ' Name ,Total Value\n a ,1\nb,"3"\n'
    output = do(
        context,
        "csv_process",
        content=text,
        operations=["normalize", "validate", "statistics"],
        output_file="o.csv",
    )
    assert output["headers"] == ["name", "total_value"] and output["row_count"] == 2
    assert output["statistics"] == {
        "total_value": {
            "count": 2,
            "mean": 2.0,
            "min": 1.0,
            "max": 3.0,
            "stdev": pytest.approx(2**0.5),
        }
    }
    assert (root / "o.csv").read_text() == "name,total_value\na,1\nb,3\n"
    assert do(context, "csv_process", input_file="o.csv", operation="statistics")["row_count"] == 2
    with pytest.raises(CapabilityFailed, match="row 2 has 1 cells, and there are 2 columns"):
        do(context, "csv_process", content="a,b\n1\n", operation="validate")
    with pytest.raises(ValidationFailed, match="operation 'sort': there are"):
        do(context, "csv_process", content="a\n", operation="sort")
    with pytest.raises(CapabilityFailed, match="no header row"):
        do(context, "csv_process", content="")


# -- programs ----------------------------------------------------------------------------


def test_command(context: StepContext, root: Path) -> None:
    (root / "sub").mkdir()
    output = do(context, "command", command="pwd", working_dir="sub")
    assert output["stdout"] == f"{root / 'sub'}\n" and output["exit_code"] == 0
    output = do(context, "command", command="echo", args=["a b", "$HOME", ";", "*"])
    assert output["stdout"] == "a b $HOME ; *\n"
    with pytest.raises(CapabilityFailed, match="exit code 1") as failed:
        do(context, "command", command="test", args=["-f", "nonexistent"])
    assert failed.value.details["output"]["exit_code"] == 1 and not failed.value.retryable
    with pytest.raises(CapabilityFailed, match="no program 'no-such-program'"):
        do(context, "command", command="no-such-program")
    context.programs = ("echo",)
    with pytest.raises(Refused, match="'/bin/sh' is not allowed; allowed are echo"):
        do(context, "command", command="/bin/sh")


def test_a_program_sees_none_of_our_environment(
    context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISSION_TEST_TOKEN", "hidden")
    assert "hidden" not in do(context, "command", command="env")["stdout"]


def test_time_ends_a_program_and_all_it_started(context: StepContext, root: Path) -> None:
    mark = f"#{os.getpid()}"
    script = f"import os, time  {mark}\nif os.fork() == 0: time.sleep(60)\ntime.sleep(60)\n"
    context.deadline = time.monotonic() + 1.0
    with pytest.raises(CapabilityFailed, match="did not end in time") as failed:
        do(context, "command", command=sys.executable, args=["-c", script])
    assert failed.value.retryable
    import psutil

    mark = f"#{os.getpid()}"
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if mark in " ".join(p.info["cmdline"] or [])
    ]


def test_cancelling_ends_a_program_that_does_not_want_to(context: StepContext) -> None:
    began = time.monotonic()
    context.cancelled = lambda: time.monotonic() > began + 0.3
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)\n"
    with pytest.raises(Cancelled):
        do(context, "command", command=sys.executable, args=["-c", script])


def test_endless_output_is_cut(context: StepContext) -> None:
    context.limits = Limits(output_bytes=10_000)
    with pytest.raises(CapabilityFailed, match="writes more than it may"):
        do(context, "command", command="yes")


def test_memory_and_file_size_are_bounded(context: StepContext, root: Path) -> None:
    context.limits = Limits(memory_bytes=200 << 20, file_bytes=1 << 20)
    with pytest.raises(CapabilityFailed, match=r"MemoryError|exit code|signal"):
        do(context, "command", command=sys.executable, args=["-c", "x = bytearray(1 << 30)"])
    with pytest.raises(CapabilityFailed):
        do(context, "command", command="dd", args=["if=/dev/zero", "of=big", "bs=1M", "count=3"])
    assert (root / "big").stat().st_size <= 1 << 20


def test_processes_are_this_missions_own(context: StepContext) -> None:
    pid = do(context, "process_start", command="sleep", args=["60"])["pid"]
    assert group_alive(pid)
    for stranger in (1, os.getpid(), os.getppid()):
        with pytest.raises(Refused, match="started no process"):
            do(context, "process_kill", pid=stranger)
    assert do(context, "process_kill", pid=pid)["killed"] is True
    assert not group_alive(pid)
    assert do(context, "process_kill", pid=pid)["killed"] is False


def test_resources_and_services(context: StepContext) -> None:
    import socket

    assert do(context, "monitor_resources")["memory"]["total_bytes"] > 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert do(context, "service_health", service="web", port=port)["healthy"] is True
    assert do(context, "service_health", service="localhost", port=port)["healthy"] is False
    with pytest.raises(Refused, match="link-local"):
        do(context, "service_health", service="169.254.169.254", port=80)


def test_compress(context: StepContext, root: Path) -> None:
    (root / "in" / "sub").mkdir(parents=True)
    (root / "in" / "a").write_text("a" * 100_000)
    (root / "in" / "sub" / "b").write_text("b")
    (root / "in" / "link").symlink_to("/etc/passwd")
    assert do(context, "compress", source="in", destination="o.zip", format="zip")["files"] == 2
    with zipfile.ZipFile(root / "o.zip") as archive:
        assert sorted(archive.namelist()) == ["in/a", "in/sub/b"]
        assert archive.getinfo("in/a").compress_size < 1000
    do(context, "compress", source="in", destination="o.tgz", format="tar.gz")
    do(context, "compress", source="in", destination="in/o.tar")
    for name in ("o.tgz", "in/o.tar"):
        with tarfile.open(root / name) as tar:
            assert sorted(tar.getnames()) == ["in/a", "in/sub/b"]
    with pytest.raises(ValidationFailed, match=r"there are tar, tar.gz and zip"):
        do(context, "compress", source="in", destination="x", format="rar")


# -- code --------------------------------------------------------------------------------


def test_code_in_python(context: StepContext, root: Path) -> None:
    (root / "p").mkdir()
    (root / "p" / "m.py").write_text(
        '"""A module."""\ndef f(a, *b, c=1, **d) -> int:\n    "Doc."\n    return 1\n'
    )
    (root / "p" / "test_m.py").write_text("from m import f\ndef test_f(): assert f(1) == 1\n")
    assert do(context, "compile_code", path="p", language="python")["success"]
    assert do(context, "run_tests", path="p")["success"]
    assert do(context, "format_code", path="p") == {"formatted": True, "language": "python"}
    assert "def test_f():\n    assert" in (root / "p" / "test_m.py").read_text()
    assert do(context, "lint_code", path="p")["success"]
    functions = do(context, "extract_functions", path="p/m.py")["functions"]
    assert functions[0]["name"] == "f" and functions[0]["parameters"] == ["a", "*b", "c", "**d"]
    assert do(context, "generate_docs", path="p", output="d")["pages"] == [
        "d/p.m.md",
        "d/p.test_m.md",
    ]
    assert "## `f(a, *b, c=1, **d) -> int`" in (root / "d" / "p.m.md").read_text()
    (root / "t.md").write_text("<<$title>>\n$body$other")
    do(context, "generate_docs", path="p/m.py", template="t.md", output="d")
    assert (root / "d" / "p.m.md").read_text().startswith("<<p.m>>\nA module.")
    (root / "p" / "m.py").write_text("import os\ndef f(: pass\n")
    for name in ("compile_code", "run_tests", "lint_code"):
        with pytest.raises(CapabilityFailed) as failed:
            do(context, name, path="p")
        assert failed.value.details["output"]["success"] is False
    with pytest.raises(CapabilityFailed, match="is no Python"):
        do(context, "extract_functions", path="p")


def test_a_tool_that_is_missing_is_a_failure(
    context: StepContext, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(root))
    for name in ("compile_code", "run_tests", "format_code", "lint_code"):
        for language in ("rust", "go", "node"):
            with pytest.raises(CapabilityFailed, match="has to be installed"):
                do(context, name, path=".", language=language)
    with pytest.raises(CapabilityFailed, match="of python alone"):
        do(context, "extract_functions", language="rust")


# -- git ---------------------------------------------------------------------------------


def test_git(context: StepContext, root: Path) -> None:
    with pytest.raises(CapabilityFailed, match="no git repository"):
        do(context, "git_status")
    subprocess.run(["git", "init", "-q", "-b", "main", root / "r"], check=True)
    hook = root / "r" / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\ntouch ../ran\nexit 1\n")
    hook.chmod(0o755)
    (root / "r" / "a").write_text("1\n")
    assert do(context, "git_status", path="r") == {"status": "?? a\n", "clean": False}
    commit = do(context, "git_commit", path="r", message="--amend\n\nbody `$(x)`")
    assert commit["committed"] and not (root / "ran").exists()
    said = subprocess.run(
        ["git", "-C", root / "r", "log", "--format=%B"], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "--amend\n\nbody `$(x)`"
    assert do(context, "git_commit", path="r", message="again")["committed"] is False
    assert do(context, "git_branch", path="r", branch="side")["created"]
    with pytest.raises(CapabilityFailed, match="already exists"):
        do(context, "git_branch", path="r", branch="side")
    for bad in ("--orphan", "a b", "..", "-x", "a~1", "@"):
        with pytest.raises(ValidationFailed, match="no name of a branch"):
            do(context, "git_branch", path="r", branch=bad)
    (root / "r" / "a").write_text("2\n")
    assert "+2" in do(context, "git_diff", path="r")["diff"]
    do(context, "git_commit", path="r", message="two")
    subprocess.run(["git", "-C", root / "r", "switch", "-q", "main"], check=True)
    (root / "r" / "a").write_text("3\n")
    do(context, "git_commit", path="r", message="three")
    with pytest.raises(CapabilityFailed, match="conflicts in a; the merge was taken back"):
        do(context, "git_merge", path="r", branch="side")
    assert do(context, "git_status", path="r")["clean"]
    subprocess.run(["git", "-C", root / "r", "switch", "-q", "-c", "new", "side"], check=True)
    assert do(context, "git_merge", path="r", branch="side") == {
        "merged_branch": "side",
        "success": True,
    }


def test_a_repository_above_the_workspace_is_not_touched(context: StepContext, root: Path) -> None:
    subprocess.run(["git", "init", "-q", root.parent], check=True)
    with pytest.raises(Refused, match="leaves the workspace"):
        do(context, "git_status")


def test_every_type_of_the_table_has_a_function() -> None:
    schemas = Path(__file__).parent.parent / "schemas" / "steps"
    types = {path.name.removesuffix(".schema.json") for path in schemas.glob("*.schema.json")}
    assert set(MODULE_OF) <= types
    for name in MODULE_OF:
        assert callable(handler_of(name))
    assert handler_of("nope") is None
