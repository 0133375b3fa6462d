"""Newer syntax than the interpreter's, text that is refused, and text that is very deep."""

from __future__ import annotations

import ast
import sys
import warnings

import pytest

from govlint.python.syntax.lower import lower

OLD_FSTRINGS = sys.version_info < (3, 12)


# Newer syntax. Where the interpreter reads it itself, its own tree is the measure.

EQUIVALENTS = [
    ("try: a\nexcept A, B: c", "try: a\nexcept (A, B): c"),
    ("try: a\nexcept* A, B: c", "try: a\nexcept* (A, B): c"),
    ("f'{a[\"b\"]}'".replace('"', "'"), "f'{a[\"b\"]}'"),
    ("f'{\n  a # comment }\n  + b}'", "f'{a + b}'"),
    ("f'{a:{b['c']}>{'\\t'.join(d)}}'", "f'''{a:{b['c']}>{'\t'.join(d)}}'''"),
    ("f'a{f'b{f'c{d}'}'}'", "f'''a{f\"b{f'c{d}'}\"}'''"),
    ("f'{a['b']=}'", "\"a['b']=\" f'{a[\"b\"]!r}'"),
    ("f'{a!r:\\x41{b}}'", "f'{a!r:A{b}}'"),
    ("def f[T: int](a: T) -> T: return a", "def f(a: T) -> T: return a"),
    ("async def f[T](a: T): await a", "async def f(a: T): await a"),
    ("class A[T: (int, str) = int, *Ts = *x, **P = []](B[T], c=d): e: T",
     "class A(B[T], c=d): e: T"),
    ("class A[T]: pass", "class A: pass"),
]  # fmt: skip


@pytest.mark.parametrize(("new", "old"), EQUIVALENTS)
def test_newer_syntax_means_what_its_older_form_means(new: str, old: str) -> None:
    def plain(tree: ast.Module) -> str:
        for node in ast.walk(tree):
            if hasattr(node, "type_params"):
                node.type_params = []
            if isinstance(node, ast.JoinedStr):  # early 3.12 puts empty texts into format specs
                node.values = [value for value in node.values if getattr(value, "value", 1) != ""]
        return ast.dump(tree)

    lowered = lower(new, "x.py")
    compile(lowered, "x.py", "exec")
    assert plain(lowered) == plain(ast.parse(old))


NEWER = [
    *(new for new, _ in EQUIVALENTS),
    "type X = int",
    "type X[T: int, *Ts, **P] = dict[T, Y]\nz = X",
    "t'a{b!r:>{c}}d{e=}'",
    "x = [*a for a in b], {*a for a in b}, {**a for a in b}, f(*a for a in b)",
    "lazy import a.b as c, d",
    "lazy from .a import b",
    "f'{\n    é # c\n}' + f'é{x['é']}' + z",
]


@pytest.mark.parametrize("source", NEWER)
def test_newer_syntax_can_be_compiled_and_keeps_its_positions(source: str) -> None:
    tree = lower(source, "x.py")
    compile(tree, "x.py", "exec")
    checked = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not node.id.startswith("."):
            line = source.split("\n")[node.lineno - 1].encode()
            assert line[node.col_offset : node.end_col_offset].decode() == node.id
            assert node.lineno == node.end_lineno
            checked += 1
    assert checked or "import" in source or "A[T]" in source


@pytest.mark.skipif(hasattr(ast, "TypeAlias"), reason="the interpreter has nodes for these")
def test_type_parameters_and_aliases_are_kept_for_interpreters_without_them() -> None:
    tree = lower("type X[T: int] = list[T]\nclass A[*Ts = *B, **P = C]: pass", "x.py")
    alias, definition = tree.body
    assert ast.unparse(alias) == "X = list[T]"
    [variable] = alias.type_params  # type: ignore[attr-defined]
    assert (type(variable).__name__, variable.name, variable.bound.id) == ("TypeVar", "T", "int")
    assert (variable.lineno, variable.col_offset, variable.end_col_offset) == (1, 7, 13)
    several, parameters = definition.type_params  # type: ignore[attr-defined]
    assert (several.name, ast.unparse(several.default_value)) == ("Ts", "*B")
    assert (parameters.name, parameters.default_value.id) == ("P", "C")


@pytest.mark.skipif(not OLD_FSTRINGS, reason="the interpreter's own syntax")
def test_unpacking_comprehensions_compute_what_they_say() -> None:
    source = (
        "a = [*x for x in [[1], [2, 3]]]\nb = {**x for x in [{1: 2}, {3: 4}]}\n"
        "c = sorted({*x for x in [[1], [1, 2]]})\nd = list(*x for x in [[1], [2]])"
    )
    names: dict[str, object] = {}
    exec(compile(lower(source, "x.py"), "x.py", "exec"), names)
    assert [names[name] for name in "abcd"] == [[1, 2, 3], {1: 2, 3: 4}, [1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("source", "line", "offset"),
    [
        ("x = (\n", 2, 1),
        ("x = 1\ny = = 2\n", 2, 5),
        ("def f(:\n    pass", 2, 5),
        ("if a:\nb", 2, 2),
        ("x = 'abc", 1, 5),
        ("x = $", 1, 5),
        ("é = '\\x1'", 1, 5),
        ("x = '\\N{no such name}'", 1, 5),
        ("x = b'é'", 1, 5),
        ("\nf'{a' 'b'", 2, 3),
        ("print 'a'", 1, 7),
        ("a\n\nx = 'abc\nb\nc", 3, 5),
        ("a\n" * 40 + "(b]\n" + "c\n" * 40, 41, 3),
        ("if a:\n    b\n  c\nd", 3, 3),
        ("type X = int\nx = 1__0\n", 2, 5),
        ("x = 'a' b'c'", 1, 1),
    ],
)
def test_what_is_no_python_is_refused_with_its_place(source: str, line: int, offset: int) -> None:
    with pytest.raises(SyntaxError) as raised:
        lower(source, "folder/x.py")
    error = raised.value
    assert error.filename == "folder/x.py"
    assert (error.lineno, error.msg != "") == (line, True)
    assert error.offset is not None
    assert abs(error.offset - offset) <= 5
    with pytest.raises(SyntaxError):
        ast.parse(source)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 3000 + ")" * 3000,
        "x = " + "[" * 201 + "]" * 201,
        "a" + ".b" * 20_000,
        "-" * 20_000 + "1",
        "not " * 20_000 + "1",
        "f" + "()" * 20_000,
        "lambda:" * 20_000 + "1",
        "1" + " + 1" * 20_000,
        "match a:\n case " + "{1:" * 20 + "a" + "}" * 20 + ": pass",
        "match a:\n  case 1: pass\n  case " + "[" * 40 + "]" * 40 + ": pass",
    ],
    ids=lambda source: source[:20],
)
def test_depth_that_would_crash_or_hang_the_parser_is_refused_before(source: str) -> None:
    with pytest.raises(RecursionError, match=r"line \d+: too deeply nested"):
        lower(source, "x.py")


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(["a"] * 900),
        "x = a" + ".b(c)" * 400,
        "x = " + " and ".join(["a"] * 1500),
        "x = 'a' " + "'b' " * 1500,
        "if a: b\n" + "elif c: d\n" * 900,
        "x = [" + "-1, a.b, " * 5000 + "]",
        "x = " + "[" * 60 + "]" * 60,
        "match a:\n case " + "[" * 8 + "{1: " * 3 + "b" + "}" * 3 + "]" * 8 + ": pass",
    ],
    ids=lambda source: source[:20],
)
def test_long_chains_and_big_displays_are_read(source: str) -> None:
    def shape(tree: ast.AST) -> list[tuple[object, ...]]:
        return [
            (type(node).__name__, getattr(node, "lineno", 0), getattr(node, "col_offset", 0),
             getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
            for node in ast.walk(tree)
        ]  # fmt: skip

    assert shape(lower(source, "x.py")) == shape(ast.parse(source))


def test_reading_foreign_code_prints_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = lower(r"x = '\d' f'\d' '\777'; b'\d\777'", "x.py")
    assert isinstance(tree.body[0], ast.Assign)
    assert ast.unparse(tree.body[0].value) == r"f'\\d\\dǿ'"
