"""The lowering gives what `ast.parse` gives, and newer syntax in nodes that can be compiled."""

from __future__ import annotations

import ast
import sys
import sysconfig
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govlint.python.syntax.lower import lower


def parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    if sys.version_info[:2] == (3, 12):  # early releases put empty texts into format specs
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                node.values = [value for value in node.values if getattr(value, "value", 1) != ""]
    return tree


def dump(tree: ast.AST) -> str:
    return ast.dump(tree, include_attributes=True)


def assert_same(source: str) -> None:
    assert dump(lower(source, "x.py")) == dump(parse(source))


EXPRESSIONS = """
a
é + 变量 + ﬁ
(a)
((a))
( a ) . b
a . b . c
None, True, False, __debug__
...
0
0xFF + 0b1_0 + 0o17 + 1_000 + 00
1.5 + .5 + 1. + 1e3 + 1_0.0_1E-2 + 1e400
1j + 1.5J + 1_0j
a + b - c * d / e // f % g @ h
a ** b ** -c
(a + b) * (c - (d + e)) + f
a << b >> c & d | e ^ f
-a + ~b - +c
not a
not (a) and b or c and not d or e
a and b and c
(a and b) and c
a and (b and c)
a or b or (c or d)
a < b <= c > d >= e == f != g
a is b
a is not b
a in b
a not in b
a is  not  (b not   in c)
a if b else c
a if b else c if d else e
(a if b else c) if d else (e)
lambda: 0
lambda a, b=1, /, c=2, *d, e, f=3, **g: (a, b)
lambda *, a: a
lambda *a, **k: lambda: a
lambda a, /: a
(a := b)
f(a := b, c)
[a := 1, b]
a[b := 1]
f()
f(a)
f ( a , )
f(a, *b, c=1, *d, **e)
f(a=(1))
f(*a, *b, **c, **d)
f(x for x in y)
f((x for x in y))
f(a, (x for x in y))
(f)(x for x in y)(z)
f(x for x in y).a
a.b(c)(d)[e].f
a[b]
a[b, c]
a[b,]
a[(b, c)]
a[:]
a[::]
a[1:]
a[:1]
a[1:2:3]
a[::3]
a[1:2, ::3, ...]
a[b:c, d]
a[()]
()
(a,)
(a, b)
((a, b), )
(((a, b)))
a, b
a,
a, *b
(*a, *b)
[]
[a]
[a, b, ]
[*a, b]
{a}
{a, *b, }
{}
{a: b}
{a: b, **c, d: e, }
{**a}
[x for x in y]
[x for x in y if z if w]
[x for x in y for z in x]
[(x, y) for x, y in z]
[x for x, in z]
[x for *x, y in z]
{x for x in y}
{x: y for x, y in z}
{(x): (y) for (x, y) in (z)}
(x for x in y)
((x for x in y))
( (  (x) for (x) in (y) if (z)  ) )
""".strip().splitlines()

STATEMENTS = [
    "x = 1",
    "x = y = 1, 2",
    "x, y = y, x",
    "x, *y = z",
    "(x, y), [z, *w] = v",
    "*x, = y",
    "x.a = x[1] = (x[1:2]) = 3",
    "(x) = 1",
    "x: int",
    "x: int = 1",
    "x.y: int = 1, 2",
    "x[0]: int",
    "x: int = yield_",
    *(f"x {op}= y" for op in "+ - * @ / % & | ^ << >> ** //".split()),
    "x.y += (1)",
    "del x",
    "del x, y.z, w[0]",
    "del (x, y)",
    "del (x), [y, z]",
    "del x,",
    "assert x",
    "assert x, 'no'",
    "assert(x)",
    "raise",
    "raise X",
    "raise X from Y",
    "raise (X) from (Y)",
    "pass; pass",
    "pass;",
    "x = 1; y = 2 ; ",
    "import a",
    "import a.b.c as d, e",
    "import a . b",
    "from a import b",
    "from a.b import (c as d, e,)",
    "from . import a",
    "from ... import a",
    "from .... a import b",
    "from .a.b import *",
    "from a import (\n    b, # c\n    d\n)",
    "if a: b",
    "if a: b; c;",
    "if a:\n    b\nelif c:\n    d\nelif e: f\nelse:\n    g;",
    "if a:\n    b\nelse:\n    if c:\n        d\n    else: e",
    "while a:\n    break\n    continue\nelse:\n    b",
    "for x in y: z",
    "for x, y in z, w:\n    pass\nelse:\n    pass",
    "for x in *a, b: pass",
    "for (x) in (y): pass",
    "for x, in y: pass",
    "for x.a, x[0] in y: pass",
    "try:\n    a\nfinally:\n    b",
    "try: a\nexcept: b",
    "try:\n    a\nexcept A:\n    b\nexcept (B, C) as d:\n    e\nelse:\n    f\nfinally:\n    g",
    "try:\n    a\nexcept* A as b:\n    c\nexcept *(B, C):\n    d",
    "with a: pass",
    "with a as b, c: pass",
    "with a as (b, c), d as [e, f], g as h.i: pass",
    "with (a): pass",
    "with (a, b): pass",
    "with (a as b, c,): pass",
    "with (a, b) as c: pass",
    "with (a).b as c, (d): pass",
    "with (a), (b): pass",
    "with (a for a in b): pass",
    "with (a := b): pass",
    "with (\n    a as b, # c\n    d as e,\n):\n    pass",
    "def f(): pass",
    "def f(a, b=1, /, c=2, *d, e, f=3, **g): pass",
    "def f(a: int, /, b: str = '', *c: x, d: y = 1, **e: z) -> w: return",
    "def f(*, a, b=1): return a, b",
    "def f(*, a): return *a, b",
    "def f(a, b,): pass",
    "def f(*a: *b): pass",
    "def f(\n    a, # x\n    /,\n    *,\n    b=1, # y\n):\n    '''doc'''",
    "@a\n@b.c(d)\n# comment\n@(e)\n\ndef f(): pass",
    "@a\nasync def f(): pass",
    "@a\nclass B: pass",
    "class A: pass",
    "class A(): pass",
    "class A(B, *C, d=e, **f):\n    x: int = 1\n\n    def g(self): ...",
    "def f():\n    global a, b\n    def g():\n        nonlocal_ = 1\n        return",
    "def f():\n    a = b = 1\n    def g():\n        nonlocal a, b",
    "def f():\n    yield\n    yield a\n    yield a, b\n    x = yield\n    x = yield a\n"
    "    yield from a\n    f((yield))\n    (yield a)\n    return (yield)",
    "async def f():\n    await a\n    await (a)\n    (await a).b\n    -await a ** await b\n"
    "    async for x in y: pass\n    else: pass\n    async with a as b, c: pass\n"
    "    async with (a as b, c): pass\n"
    "    return [x async for x in y if await x], {x async for x in y for z in x}",
    "match a:\n    case 1: pass",
    "match a, b:\n    case 1, 2: pass\n    case x, *y: pass\n    case (x), : pass\n"
    "    case *_, x: pass",
    "match (a):\n    case [1, [2, *_], *x]: pass\n    case []: pass\n    case (): pass\n"
    "    case (1, 2): pass\n    case ((1, 2)): pass\n    case ( (1) ): pass\n    case (1,): pass",
    "match a:\n    case -1 | 1.5 | -2j | 1 + 2j | -1 - 1j: pass\n    case 'a' 'b' | b'c': pass\n"
    "    case None | True | False: pass\n    case a.b.c: pass\n    case ('a'\n 'b'): pass",
    "match a:\n    case {}: pass\n    case {1: x, 'a': [y], a.b: _, -1: z, None: w, **rest}: pass\n"
    "    case {'a': 1,}: pass\n    case { ** rest , }: pass",
    "match a:\n    case A(): pass\n    case A(1, x, b=2, c=A.B(y),): pass\n    case a.B(x=1): pass",
    "match a:\n    case x if x > 1: pass\n    case (x | y) as z if (z): pass\n"
    "    case A() | B() as c: pass\n    case [A() as b, (C() as d)]: pass\n    case _: pass",
    "match = case = type = lazy = 1\nmatch.case[type](lazy)\nmatch(case)\ntype(lazy)",
    "x = (1 +\n     2) \\\n    + 3",
    "x = [\n  # comment (\n  1, # a\n\n  2\n  ,\n]",
    "if a:\n    # only\n    b # end\n    # trailing\n# outer\nc",
    "if a:\n\tb\n\tif c:\n\t\td",
    "\f\nif a:\n    \f\n    b\n\fc",
    "\\\nx = 1",
    "if 1:\n    \\\nx = 1\n    y = 2\n",
    "if 1:\n    x = '''\n  \\\n  '''\n    \\\n    \\\n        y\n",
    "if 1:\n\\\n  x\n  y",
    "",
    "\n\n",
    "# comment",
    "x # type: int",
    "def f(a, # type: int\n): # type: (...) -> int\n    pass",
]

STRINGS = [
    r"""'a' "b" '''c''' 'd'""",
    r"""'' "" """,
    r"""''' ' " '' ''' """,
    r"""r'\n' R"\"" """,
    r"""rb'\x' Rb'\'' bR'' """,
    r"""u'a' 'b'""",
    r"""'a' u'b'""",
    r"""U'a'""",
    r"""b'a\x00\'\777\d' b"\
" """,
    r"""'\n\t\\\'\"\a\b\f\v\r\0\12\123\x41\u00e9\U0001F600\N{EULER CONSTANT}\
\d\é\8\777\ud800'""",
    "'''a\nb\\\nc'''",
    "'é' + x",
    "('a'\n  # c\n  'b') + y",
    "'a' \\\n 'b'",
]

FSTRINGS = [
    "f''",
    "f'a'",
    "f'' ''",
    "'' f'{a}'",
    "f'{a}'",
    "f'a{b}c'",
    "f'{{a}}{{{b}}}'",
    "f'{a!r}{a!s}{a!a}'",
    "f'{a:>10}{a!r:^{w}.{p}}'",
    "f'{a:}'",
    "f'{a:{b}{c}d}'",
    "f'{a=}{a = }{a=!s}{a=:x}{ a = !r:y}'",
    "f'x{a=}y'",
    "f'{ a }' f'{b :>{ c }}'",
    "'a' f'b{c}d' 'e' f'{f}g'",
    "u'a' f'b{c:d{e}f}g' 'h'",
    "f'a' u'b'",
    "f'{a}' u'b'",
    "u'' f'a'",
    "u'' f'{a}b' '' u'c'",
    "'a' '' f'{b}' ''",
    r"f'\n{a}\x41\N{EULER CONSTANT}{b}\\{c}\d'",
    r"rf'\n{a}\{b}\d' fR'{{\}}'",
    "f'{a.b(c)[\"d\"]}'",
    "f'{a, b}{a,}{*a, b}'",
    "f'{(a, b)}{ (a) }'",
    "f'{lambda_:x}{(lambda x: 1)}{(a := 1)}{a:=1}'",
    "f'{a if b else c}{a != b}{a >= b}{not a}'",
    "f'{ {1: 2}[1] }{ {x for x in y} }{[x for x in y]}'",
    "f'é{a}é{b}' 'é'",
    "f'{f\"{a}\"}'",
    "f'''{f\"{f'{a}'}\"}'''",
    "f'''a\n{b}\n  {c + d}{e}'''",
    "f'''a{\n  b\n  + c}{ d +\ne}'''",
    "f'''{\n\n  a}'''",
    "f'''a{b:\n{c}}'''",
    "x, f'''é{u + \"\"\"a\nb\"\"\" + w}'''",
    "x, f'''a{f\"\"\"q{w}\n{w}{\nv}\"\"\"}'''",
    "x, f'''a\n {f\"\"\"q{w}{f'{z}'}\n{w}{\nv}\"\"\"}'''",
    "f('a'\n  f'b{c}'\n  f'''d\n{e:>{f}}''')",
    "def f():\n    f'''doc{a}'''\n    return f'{yield_}'",
]


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expressions_have_the_tree_and_positions_of_ast(source: str) -> None:
    assert_same(source)
    assert_same(f"x = [\n  '\N{PILE OF POO}', ({source}\n  ) # comment\n]\n")


@pytest.mark.parametrize("source", STATEMENTS)
def test_statements_have_the_tree_and_positions_of_ast(source: str) -> None:
    assert_same(source)
    assert_same(f"é = 1\n{source}\nend = 1")


@pytest.mark.parametrize("source", STRINGS)
def test_strings_have_the_value_kind_and_positions_of_ast(source: str) -> None:
    assert_same(source)
    assert_same(f"é = ( {source}\n )")


@pytest.mark.parametrize("source", FSTRINGS)
def test_fstrings_have_the_tree_and_positions_of_ast(source: str) -> None:
    assert_same(source)
    assert_same(f"if é: (é,\n {source} )" if "\n    " not in source else source)


@pytest.mark.parametrize("source", [*STATEMENTS, *FSTRINGS])
@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_are_read_as_python_reads_them(source: str, newline: str) -> None:
    source = source.replace("\n", newline)
    assert_same(source)


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert dump(lower("\ufeffx = 1", "x.py")) == dump(ast.parse("x = 1"))


def _stdlib_sample() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in sorted(root.rglob("*.py"))
        if "site-packages" not in path.parts and path.stat().st_size < 60_000
    ]
    assert len(files) > 300
    return [path for path in files if zlib.crc32(path.name.encode()) % 16 == 0]


def test_a_sample_of_the_standard_library_has_the_trees_of_ast() -> None:
    compared = 0
    for path in _stdlib_sample():
        try:
            source = path.read_text(encoding="utf-8")
            expected = parse(source)
        except (UnicodeDecodeError, SyntaxError, ValueError):
            continue  # deliberately broken files of the test suite
        assert dump(lower(source, str(path))) == dump(expected), path
        compared += 1
    assert compared > 20


# Generated programs: pieces of grammar put into each other.

_NAMES = st.sampled_from(["a", "b", "é", "match", "case", "type", "_", "lazy"])
_ATOMS = st.one_of(
    _NAMES,
    st.sampled_from(
        ["1", "0x1f", "1.5", "2j", "'s'", "b'b'", "'''m\nn'''", "r'\\d'", "None", "...", "f'{a}'"]
    ),
)
_FORMS = [
    "({0})", "( {0}\n)", "{0}.a", "({0}).b", "({0})({1})", "f({0}, *({1}), k={2})",
    "f(x for x in {0})", "({0})[{1}]", "x[{0}:{1}]", "x[{0}, {1}:]", "[{0}, {1}]", "({0}, {1})",
    "({0},)", "{{{0}: {1}, **x}}", "{{{0}, {1}}}", "({0} + {1} * {2})", "({0} and {1} and {2})",
    "({0} or {1})", "(not {0})", "(-{0} ** {1})", "({0} < {1} is not {2})",
    "({0} if {1} else {2})", "(lambda a, *b, c={0}: {1})", "[{0} for a in {1} if {2}]",
    "{{{0}: {1} for a, b in {2}}}", "(w := {0})", "({0} # comment\n + {1})", "({0} \\\n - {1})",
    "('s' f'{{a}}{{b!r:>{{c}}}}' 't')", "f'''{{a}}\n{{ b }}'''",
]  # fmt: skip
_EXPRESSION = st.recursive(
    _ATOMS,
    lambda inner: st.builds(
        lambda form, *parts: form.format(*parts), st.sampled_from(_FORMS), inner, inner, inner
    ),
    max_leaves=8,
)
_SIMPLE = st.builds(
    lambda form, *parts: form.format(*parts),
    st.sampled_from(
        ["{0}", "x = {0}", "x: {0} = {1}", "x += {0}", "del x, y", "assert {0}, {1}", "pass;",
         "x, *y = {0}", "raise {0} from {1}", "x = {0}; {1}", "import a.b as c", "{0},"]
    ),
    _EXPRESSION, _EXPRESSION,
)  # fmt: skip

_BLOCK = st.builds(
    lambda form, *parts: form.format(*parts),
    st.sampled_from(
        ["if {0}:\n    {2}\nelif {1}: pass\nelse:\n    {3}", "while {0}:\n    {2}\n",
         "for x, y in {0}: {2}", "with {0} as x, {1}:\n    {2}\n    {3}", "with ({0}): {2}",
         "def f(a, b={0}, *c: {1}):\n    {2}", "@x({0})\nclass A(B, k={1}):\n    {2}\n\n    {3}",
         "try:\n    {2}\nexcept x as y:\n    {3}\nfinally: pass",
         "async def f():\n    async with x: {2}\n    return [{0} async for a in {1}]",
         "match {0}:\n    case [x, *_] | {{'k': x, **z}} if {1}:\n        {2}\n"
         "    case A(1, b=_): {3}"]
    ),
    _EXPRESSION, _EXPRESSION, _SIMPLE, _SIMPLE,
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(_SIMPLE, _BLOCK), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"])
)
def test_generated_programs_have_the_tree_of_ast(pieces: list[str], newline: str) -> None:
    source = newline.join(piece.replace("\n", newline) for piece in pieces)
    try:
        expected = parse(source)
    except SyntaxError:
        return  # some forms do not go into each other
    assert dump(lower(source, "x.py")) == dump(expected)
