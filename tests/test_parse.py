"""Decoding, the exact syntax check, the search for triggers, and comments."""

from __future__ import annotations

import ast
import io
import os
import sys
import sysconfig
import tokenize
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govlint.discover import Target
from govlint.python.syntax.comments import find_comments
from govlint.python.syntax.layout import is_test, place_files
from govlint.python.syntax.parse import confirm, parse_text
from govlint.python.syntax.source import ScannedFile, UnparsableError, decode, split_lines
from govlint.record import PLAIN, Scan
from govlint.scan import Look, Scanner, scan_files
from govlint.threads import run_on_stack

WORDS = ("Plugin", "ToolRunner", "JobStatus", "JobState", "PluginExecutionService")


def scan(data: bytes, words: tuple[str, ...] = WORDS) -> Scan:
    found: list[Scan] = []
    run_on_stack(lambda: found.append(Scanner(words).scan("a.py", data)), 64 << 20)
    return found[0]


# -- decoding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom"),
    [
        (b"x = 1\n", "x = 1\n", "utf-8", False),
        (b"\xef\xbb\xbfx = 1\r\n", "x = 1\r\n", "utf-8", True),
        (b"# coding: latin-1\nx='\xe9'\n", "# coding: latin-1\nx='é'\n", "latin-1", False),
        (b"#!/bin/sh\n# vim: set fileencoding=cp1252 :\n'\x80'", None, "cp1252", False),
        (b"# coding: utf-8\nx='\xc3\xa9'\n", None, "utf-8", False),
        (b"\xef\xbb\xbf# coding: utf-8\nx\n", None, "utf-8", True),
        (b"x = 1\n# coding: latin-1\n", None, "utf-8", False),
        (b"x = 'coding: latin-1'\n", None, "utf-8", False),
        (b"\n\n# coding: latin-1\n", None, "utf-8", False),
        (b"\x0c# coding: latin-1\n'\xe9'", None, "latin-1", False),
        (b"\r# coding: latin-1\r'\xe9'", None, "latin-1", False),
        (b"", "", "utf-8", False),
    ],
)
def test_a_file_is_decoded_as_python_decodes_it(
    data: bytes, text: str | None, encoding: str, bom: bool
) -> None:
    decoded = decode(data)
    assert decoded[1:] == (encoding, bom)
    assert decoded[0] == (
        text if text is not None else data.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    )


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"# coding: nope\n", 1, "unknown encoding: nope"),
        (b"# coding: rot13\n", 1, "unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, "with BOM"),
        (b"a\r\nb\rc = '\xff'\n", 3, "cannot decode byte 0xff"),
        (b"a\nb = '\0'\n", 2, "null bytes"),
        ("x = 1\n".encode("utf-16"), 1, "cannot decode"),
        (b"x = '\xed\xa0\x80'\n", 1, "cannot decode byte 0xed"),
    ],
)
def test_bytes_that_python_refuses_are_refused_with_a_line(
    data: bytes, line: int, words: str
) -> None:
    with pytest.raises(SyntaxError) as caught:
        decode(data)
    assert caught.value.lineno == line
    assert words in caught.value.msg
    with pytest.raises((SyntaxError, ValueError)):
        ast.parse(data)


def test_lines_end_where_python_ends_them() -> None:
    text = "a\x0cb\x0b\x1c\u2028c\rd\r\ne\n\nf"
    assert split_lines(text) == ["a\x0cb\x0b\x1c\u2028c\r", "d\r\n", "e\n", "\n", "f"]
    assert split_lines("") == []


# -- is it Python? -----------------------------------------------------------------------

VALID = {
    "empty": b"",
    "no final newline": b"x = 1",
    "crlf": b"if x:\r\n    y = 1\r\n",
    "cr": b"if x:\r    y = 1\r",
    "form feed": b"\x0cx = 1\n\x0c\ny = 2\n",
    "bom": b"\xef\xbb\xbfx = 1\n",
    "latin-1": b"# coding: latin-1\nx = '\xe9'\n",
    "a string that names a cookie": b"'coding: nope'\n",
    "repeated keyword": b"f(a=1, a=2)\n",
    "return outside": b"return 1\n",
    "long number": b"x = " + b"1" * 5000 + b"\n",
    "type parameters": b"def f[T](x: T) -> T: return x\n",
    "type statement": b"type A[T] = list[T]\n",
    "nested quotes": b'f"{x["a"]}"\n',
    "template string": b't"{x}"\n',
    "bare except list": b"try: pass\nexcept A, B: pass\n",
    "walrus": b"(x := 1)\n",
    "match": b"match x:\n    case [1, *_]: pass\n",
}
INVALID = {
    "null byte in a string": b'x = "a\0b"\n',
    "null byte": b"x = 1\0\n",
    "utf-16": "x = 1\n".encode("utf-16"),
    "unknown cookie": b"# coding: nope\nx = 1\n",
    "bom and another spelling of utf-8": b"\xef\xbb\xbf#coding: utf8\nx = 1\n",
    "a cookie behind a long line": b"#" + b"x" * 5000 + b"\n# coding: nope\nx = 1\n",
    "bom and cookie": b"\xef\xbb\xbf# coding: latin-1\nx = 1\n",
    "not utf-8": b"x = '\xe9'\n",
    "lone surrogate": b"x = '\xed\xa0\x80'\n",
    "print": b'print "x"\n',
    "tabs and spaces": b"if 1:\n\tx\n        y\n",
    "unclosed": b"f(\n",
    "bad escape": b"x = '\\x4'\n",
    "unknown name escape": b"x = '\\N{no such thing}'\n",
    "assignment to a call": b"f() = 1\n",
    "control character": b"x = 1\x01\n",
    "unexpected indent": b"  x = 1\n",
    "non-ascii bytes": "x = b'é'\n".encode(),
    "as without parentheses": b"try: pass\nexcept A, B as c: pass\n",
    "merge conflict": b"<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b\n",
}


@pytest.mark.parametrize("name", VALID)
def test_valid_python_has_no_fault(name: str) -> None:
    result = scan(VALID[name])
    assert (result.fault, result.problem) == (None, None)


@pytest.mark.parametrize("name", INVALID)
def test_invalid_python_has_a_fault_with_a_place(name: str) -> None:
    result = scan(INVALID[name])
    assert result.fault is not None
    line, column, message = result.fault
    assert line >= 1
    assert column >= 1
    assert message


@pytest.mark.parametrize("name", [*VALID, *INVALID])
def test_without_the_fast_parser_the_answer_is_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {**VALID, **INVALID}[name]
    expected = scan(data).fault is None
    monkeypatch.setitem(sys.modules, "ast_serialize", None)
    assert (scan(data).fault is None) is expected


def test_the_place_of_an_unclosed_bracket_is_where_it_opens() -> None:
    fault = scan(b"x = 1\ny = (1, 2\nz = 3\n").fault
    assert fault is not None
    assert fault[0] == 2
    assert "never closed" in fault[2]


def test_a_fault_behind_newer_syntax_is_placed_at_the_fault() -> None:
    fault = scan(b"type A = int\nx = 1\ny = = 2\n").fault
    assert fault is not None
    assert fault[0] == 3


DEEP = {
    "parentheses": "(" * 100_000 + ")" * 100_000,
    "brackets open": "[" * 100_000,
    "calls": "f(" * 100_000,
    "unary": "-" * 100_000 + "1",
    "not": "not " * 10_000 + "1",
    "attributes": "a" + ".b" * 10_000,
    "attributes, many": "a" + ".b" * 1_000_000,
    "sums": "1" + "+1" * 10_000,
    "sums, many": "1" + "+1" * 1_000_000,
    "subscripts": "a" + "[0]" * 10_000,
    "lambdas": "lambda:" * 10_000 + "1",
    "conditionals": "a if b else " * 10_000 + "1",
    "powers": "1" + "**1" * 10_000,
    "elif": "if a: pass\n" + "elif a: pass\n" * 10_000,
    "indentation": "".join(" " * i + "if 1:\n" for i in range(300)) + " " * 300 + "x",
    "f-strings": 'f"{' * 1000,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_ends_in_an_answer(name: str) -> None:
    result = scan(DEEP[name].encode())
    assert result.problem is None or result.problem[0] == "limit"


@pytest.mark.parametrize("name", ["attributes", "sums", "elif"])
def test_a_tree_that_is_too_deep_is_a_limit_and_no_crash(name: str) -> None:
    file = ScannedFile("a.py", "/nowhere/a.py", "a", data=DEEP[name].encode())
    with pytest.raises(UnparsableError) as caught:
        file.tree()
    assert caught.value.kind == "limit"
    assert file.failure is caught.value


def test_a_miscount_of_the_interpreter_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ast.parse
    miscounts = [SystemError("AST constructor recursion depth mismatch (before=60, after=79)")] * 3

    def miscounting(*arguments: Any, **options: Any) -> Any:
        if miscounts:
            raise miscounts.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(ast, "parse", miscounting)
    assert ast.dump(parse_text("x = 1", "a.py")) == ast.dump(real("x = 1"))
    monkeypatch.setattr(ast, "parse", lambda *_: (_ for _ in ()).throw(SystemError("other")))
    with pytest.raises(SystemError, match="other"):
        parse_text("x = 1", "a.py")
    miscounts += [SystemError("AST constructor recursion depth mismatch")] * 1000
    monkeypatch.setattr(ast, "parse", miscounting)
    with pytest.raises(RecursionError, match="could not count"):
        parse_text("x = 1", "a.py")


def test_parsing_is_silent_about_invalid_escapes(recwarn: pytest.WarningsRecorder) -> None:
    assert isinstance(parse_text("x = '\\d'\n", "a.py"), ast.Module)
    assert not recwarn.list


def _python_files() -> list[str]:
    library = sysconfig.get_path("stdlib")
    return sorted(str(p) for p in Path(library).glob("*.py"))[::4]


def test_the_standard_library_is_valid_and_so_is_what_ast_says() -> None:
    scanner = Scanner(WORDS)
    disagreements = []

    def work() -> None:
        for path in _python_files():
            data = Path(path).read_bytes()
            try:
                ast.parse(data)
                valid = True
            except SyntaxError:
                valid = False
            if (scanner.scan(path, data).fault is None) is not valid:
                disagreements.append(path)

    run_on_stack(work, 64 << 20)
    assert disagreements == []


SNIPPETS = [
    data.decode("latin-1") for data in (*VALID.values(), *INVALID.values()) if len(data) < 200
]
_piece = st.one_of(
    st.sampled_from(SNIPPETS),
    st.sampled_from(
        [*"()[]{}:,=.*'\"\\#@\n\r\t \x0c0aéµ", "def ", "class A", "lambda ", "f'{", "if x:\n  "]
    ),
    st.text(max_size=5),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_piece, max_size=12).map("".join))
def test_the_fast_answer_is_what_ast_answers(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    result = scan(data)
    try:
        ast.parse(data)
        valid = True
    except (SyntaxError, ValueError):
        valid = False
    except (MemoryError, RecursionError):
        return
    if valid:
        assert result.fault is None
    elif result.fault is None and result.problem is None and _is_assigned(text):
        # newer syntax than this interpreter's: libcst has to agree
        assert confirm("a.py", data, None) is None


def _is_assigned(text: str) -> bool:
    """Whether this interpreter knows all characters: libcst asks it, the fast parser does not."""
    return all(unicodedata.category(character) != "Cn" for character in text)


# -- triggers ----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("abcPlugin", min_size=1, max_size=12), min_size=1, max_size=8),
    st.text("abcPlugin xyz", max_size=40),
)
def test_the_words_of_a_file_are_all_that_stand_in_it(words: list[str], text: str) -> None:
    found = scan(text.encode(), tuple(words)).words
    assert set(found) == {word for word in words if word in text}


def test_a_large_file_is_searched_for_one_word_after_the_other() -> None:
    data = b"#" * 1_100_000 + b"\nclass PluginExecutionService: pass\n"
    assert scan(data).words == ("Plugin", "PluginExecutionService")


def test_a_second_look_stands_for_its_words_and_is_asked_for_folded_text() -> None:
    asked: list[tuple[bytes, set[str]]] = []

    def may_hold(data: bytes, words: Collection[str]) -> bool:
        asked.append((data, set(words)))
        return b"return" in data

    looks = (Look("!look", frozenset({"def check", "Plugin"}), frozenset({"def check"}), may_hold),)
    scanner = Scanner(["def check", "Plugin", "JobState"], looks)
    words = {}

    def work() -> None:
        for text in ("JobState\n", "def check():\r\n  return\rx\n", "def check(): 1\n",
                     "Plugin; JobState\n", "ｄef check(ﬀ='é'): return\n"):  # fmt: skip
            words[text] = scanner.scan("a.py", text.encode()).words

    run_on_stack(work, 64 << 20)
    assert list(words.values()) == [
        ("JobState",), ("!look",), (), ("JobState", "Plugin"), ("!look",)
    ]  # fmt: skip
    assert asked == [
        (b"def check():\n  return\nx\n", {"def check"}),
        (b"def check(): 1\n", {"def check"}),
        (b"Plugin; JobState\n", {"Plugin"}),
        (b"def check(ff='?'): return\n", {"def check"}),
    ]


def test_without_the_fast_search_the_words_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"class PluginExecutionService: pass\nx = JobState\n"
    expected = scan(data).words
    assert set(expected) == {"Plugin", "PluginExecutionService", "JobState"}
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    assert scan(data).words == expected


@pytest.mark.parametrize(
    ("data", "words", "nonascii"),
    [
        (b"x = 1\n", (), False),
        (b"class BasePlugin: pass\n", ("Plugin",), False),
        (b"PluginExecutionService\n", ("Plugin", "PluginExecutionService"), False),
        ("class Ｐlugin: pass\n".encode(), ("Plugin",), True),
        ("x = 'é'\n".encode(), (), True),
        ("# coding: utf-16-le\nPlugin".encode("utf-16"), (), True),
        (b"# coding: latin-1\nx = '\xe9'; Plugin = 1\n", ("Plugin",), True),
        (b"# coding: utf-7\nPlu+AGc-in = 1\n", ("Plugin",), False),
    ],
)
def test_triggers_are_found_however_they_are_written(
    data: bytes, words: tuple[str, ...], nonascii: bool
) -> None:
    result = scan(data)
    assert (result.words, result.nonascii) == (words, nonascii)


def test_the_threads_give_what_one_gives(tmp_path: Path) -> None:
    targets = []
    for i in range(300):
        path = tmp_path / f"m{i}.py"
        path.write_bytes([b"x = 1\n", b"Plugin\n", b"f(\n", "é = 1\n".encode()][i % 4])
        info = path.stat()
        stamp = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
        targets.append(Target(str(path), path.name, stamp))
    one = scan_files(targets, WORDS, 1, {})
    assert scan_files(targets, WORDS, 8, {}) == one
    assert sum(result is PLAIN for result in one.values()) == 75


def test_a_file_that_goes_away_between_walk_and_read_is_a_problem(tmp_path: Path) -> None:
    target = Target(str(tmp_path / "gone.py"), "gone.py", (1, 1, 1, 1))
    (result,) = scan_files([target], WORDS, 1, {}).values()
    assert result.problem is not None
    assert result.problem[0] == "unreadable"


def test_a_file_that_grows_between_walk_and_read_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\n" * 1000 + b"Plugin\n")
    (result,) = scan_files([Target(str(path), "a.py", (10, 1, 1, 1))], WORDS, 1, {}).values()
    assert result.words == ("Plugin",)


# -- comments ----------------------------------------------------------------------------


def test_comments_are_those_the_tokenizer_finds() -> None:
    checked = 0
    for path in _python_files():
        text = decode(Path(path).read_bytes())[0]
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
        except (tokenize.TokenError, SyntaxError):
            continue
        expected = [
            (t.string.rstrip("\r"), t.start[0], t.start[1] + 1)
            for t in tokens
            if t.type == tokenize.COMMENT
        ]
        got = find_comments(text)
        assert [(c.text, c.line, c.column) for c in got] == expected, path
        spans: dict[int, tuple[int, int]] = {}
        first = None
        for token in tokens:
            if token.type == tokenize.NEWLINE and first is not None:
                spans.update(
                    dict.fromkeys(range(first, token.start[0] + 1), (first, token.start[0]))
                )
                first = None
            elif first is None and token.type not in _NO_CODE:
                first = token.start[0]
        for comment in got:
            if comment.line in spans:
                assert spans[comment.line] == (comment.first, comment.last), (path, comment)
        checked += 1
    assert checked > 20


_NO_CODE = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER)


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ('x = f"{a["#no"]}"  # yes\n', ["# yes"]),
        ('x = f"{a:{w}#>10}"  # yes\n', ["# yes"]),
        ('x = f"{{#no}}"  # yes\n', ["# yes"]),
        ('f"""{\n  a  # inside\n}"""  # yes\n', ["# yes"]),
        ("x = '#no'  # yes\n", ["# yes"]),
        ("x = '\\'#no'  # yes\n", ["# yes"]),
        ("x = r'\\'  # yes\n", []),
        ("'''\n# no\n'''# yes", ["# yes"]),
        ("if x:  # a\r    y  # b\r", ["# a", "# b"]),
        ("f'{x!r:#no}' # yes", ["# yes"]),
        ("rb'#no' + Rb'#no' # yes", ["# yes"]),
        ("f'{x}", []),
        ("f'{", []),
        ("f'{(((\n# c", []),
        ('t"{x}#no" # yes', ["# yes"]),
        ("'unclosed # no\n# yes", ["# yes"]),
    ],
)
def test_comments_are_told_from_strings(text: str, comments: list[str]) -> None:
    assert [comment.text for comment in find_comments(text)] == comments


@settings(max_examples=200, deadline=None)
@given(st.text("f'\"{}#:!\n\r\\ ([])abR", max_size=60))
def test_any_text_gives_comments_that_stand_in_it(text: str) -> None:
    lines = [line.rstrip("\r\n") for line in split_lines(text)]
    for comment in find_comments(text):
        assert lines[comment.line - 1][comment.column - 1 :] == comment.text
        assert comment.first <= comment.line <= comment.last


# -- places ------------------------------------------------------------------------------


def test_modules_are_named_by_their_place(tmp_path: Path) -> None:
    names = [
        "app/__init__.py", "app/x.py", "app/x.pyi", "src/lib/a.py", "src/lib/__init__.py",
        "x.py", "x/__init__.py", "my.dir/m.py", "tests/test_a.py", "tool",
    ]  # fmt: skip
    root = str(tmp_path)
    places = place_files([os.path.join(root, name) for name in names], root)
    modules = {name: places[os.path.join(root, name)].module for name in names}
    assert modules == {
        "app/__init__.py": "app",
        "app/x.py": "app.x",
        "app/x.pyi": "app.x~2",
        "src/lib/a.py": "lib.a",
        "src/lib/__init__.py": "lib",
        "x.py": "x~2",
        "x/__init__.py": "x",
        "my.dir/m.py": "my_dir.m",
        "tests/test_a.py": "tests.test_a",
        "tool": "tool",
    }
    assert places[os.path.join(root, "app/__init__.py")].is_package


def test_files_outside_the_root_are_named_from_their_package(tmp_path: Path) -> None:
    package = tmp_path / "elsewhere" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    path = str(package / "m.py")
    assert place_files([path], str(tmp_path / "root"))[path].module == "pkg.m"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True), ("a/tests/b.py", True), ("test_a.py", True), ("a_test.py", True),
        ("conftest.py", True), ("a/conftest.py", True), ("contest.py", False),
        ("a/latest.py", False),
        ("testing/a.py", False), ("attest_a.py", False),
    ],
)  # fmt: skip
def test_tests_are_told_by_their_names(path: str, expected: bool) -> None:
    assert is_test(path) is expected
