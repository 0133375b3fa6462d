"""A file with some statements of newer syntax is lowered in parts, to the same tree."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govlint.python.syntax.lower import lower
from govlint.python.syntax.parts import parse_in_parts

NEWER = "type Alias[T] = list[T]\n"


def _parse(text: str) -> ast.Module:
    """`ast.parse` of an interpreter that is too old for type aliases and parameters."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if type(node).__name__ == "TypeAlias" or getattr(node, "type_params", None):
            fault = SyntaxError("invalid syntax")
            fault.lineno, fault.offset = getattr(node, "lineno", 1), 1
            raise fault
    return tree


def in_parts(text: str) -> tuple[ast.Module | None, list[str]]:
    """The tree put together, and what was lowered for it."""
    lowered = []

    def lowering(part: str) -> ast.Module:
        tree = lower(part, "a.py")
        lowered.append(part.lstrip("\n"))
        return tree

    try:
        _parse(text)
    except SyntaxError as fault:
        return parse_in_parts(text, _parse, lowering, fault), lowered
    raise AssertionError("nothing of it is new")


def same(text: str) -> list[str]:
    """Assert that the parts give the tree of the whole; what was lowered."""
    tree, lowered = in_parts(text)
    assert tree is not None
    expected = lower(text, "a.py")
    assert ast.dump(tree, include_attributes=True) == ast.dump(expected, include_attributes=True)
    return lowered


BEFORE = '''\
"""A module.

def not_a_definition(:
"""
import os

@decorator(
    1,
)
@other
def f(x):
    return x

if os.name:
    y = 1
else:
    y = 2
'''
AFTER = '''\
try:
    z = """
type Text = int
"""
except ValueError:
    z = None
class A:
    def g(self):
        return 1
'''


def test_only_the_newer_statement_is_lowered() -> None:
    assert same(f"{BEFORE}{NEWER}{AFTER}") == [NEWER]
    assert same(f"{NEWER}{AFTER}{NEWER}x = 1\n{NEWER}") == [NEWER] * 3
    assert len(same(f"{NEWER}{BEFORE}")) == 1  # with the string in which a `def` stands
    assert same(f"{BEFORE}{NEWER}".replace("\n", "\r\n")) == [NEWER.replace("\n", "\r\n")]


def test_a_definition_is_lowered_with_its_decorators() -> None:
    newer = "@a.b(\n    c,\n)\n@d\nasync def g[T](x: T) -> T:\n    return x\n"
    assert same(f"{BEFORE}{newer}{AFTER}") == [newer]
    newer = "@a\nclass G[T](B):\n    x: T\n\n\n# a comment\n"
    assert same(f"{BEFORE}\n\n{newer}{AFTER}") == [newer]


@pytest.mark.parametrize(
    "text",
    ["x = (\ntype, 1)\n" + NEWER.rstrip("\n") + "; y = '''\ndef\n'''\n",
     "if x:\n    pass\nelif y:\n    type A = int\nelse:\n    pass\nz = 1\n",
     "x = 1\ntype A = int",
     "x = 'é'\ntype A = 'é' ; y = 'é'\nz = 'é'\n"],
)  # fmt: skip
def test_parts_that_are_not_what_they_look_like(text: str) -> None:
    tree, _ = in_parts(text)
    if tree is not None:
        assert ast.dump(tree, include_attributes=True) == ast.dump(
            lower(text, "a.py"), include_attributes=True
        )


LONG = "".join(f"    def m{i}(self) -> int:\n        return {i}\n\n" for i in range(12))


def test_of_a_long_class_the_header_or_a_member_is_lowered() -> None:
    header = "@d(\n    1\n)\nclass A[T](\n    B[T],\n):  # why: because\n"
    assert same(f"{BEFORE}{header}\n    # a comment\n{LONG}{AFTER}") == [f"{header}    pass\n"]
    member = "    @d\n    def g[T](self, x: T = 'é') -> T:\n        return x\n\n"
    assert same(f"class A:\n    'doc'\n{LONG}{member}{LONG}") == [f"if 1:\n{member}"]
    assert len(same(f"class A[T]:\n{LONG}{member}    if x:\n        y = 1\n{LONG}")) == 2


@pytest.mark.parametrize(
    "text",
    [f"class A[T]: x = 1\n{LONG}", f"class A[T](\n  x[1:\n2]):\n{LONG}{AFTER}",
     f"class A[T]:\n    x = (\n1)\n{LONG}", f"class A[T]:\n    x = '''\ny:\n'''\n{LONG}",
     f"class A[T]:  x = '''\n    a:\n'''\n{LONG}", f"class A[T]: pass\n\n\n# {LONG.strip()}\n",
     f"class A[T]:\n{LONG}    x = 1 \\\n  + 2\n"],
)  # fmt: skip
def test_a_class_that_cannot_be_taken_apart_is_read_all_the_same(text: str) -> None:
    try:
        expected = lower(text, "a.py")
    except SyntaxError:
        expected = None
    whole = f"x = 1\n{NEWER}{text}"
    if expected is None:
        assert in_parts(whole)[0] is None
    else:
        same(whole)


@pytest.mark.parametrize(
    "text",
    [f"x = 1\r{NEWER}", f"from __future__ import barry_as_FLUFL\n{NEWER}",
     "\n".join(f"{NEWER}x = {i}" for i in range(60)) + "\n"],
)  # fmt: skip
def test_what_cannot_be_put_together_is_left_to_the_whole(text: str) -> None:
    assert in_parts(text)[0] is None


_LINE = st.sampled_from(
    [NEWER, BEFORE, AFTER, "x = [\n", "type\n", "]\n", "@d\n", "def f():\n    pass\n", "'''\n",
     "else:\n    pass\n", "x = 1 \\\n", "class A[T]: pass\n", "# '''\n", "if x:\n", "    y = 1\n",
     LONG, "class C:\n    '''\nx:\n    '''\n", "class C[T]:\n"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=7).map("".join))
def test_any_text_gives_the_same_tree_in_parts(text: str) -> None:
    try:
        expected = ast.dump(lower(text, "a.py"), include_attributes=True)
        tree = in_parts(text)[0]
    except (SyntaxError, AssertionError):
        return
    assert tree is None or ast.dump(tree, include_attributes=True) == expected
