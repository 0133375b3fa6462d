"""The fast walk gives what `ast.walk` gives, but for contexts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from govlint.python.syntax.parse import parse_text
from govlint.python.syntax.walk import walk

_NEWER = "type A[T: int] = list[T]\ndef f[**P](x: P.args): ...\nt'{x!r:>{y}}'\n"
_FILES = sorted(Path(__file__).parent.parent.joinpath("govlint").rglob("*.py"))


@pytest.mark.parametrize(
    "text",
    [*(path.read_text("utf-8") for path in _FILES[::4]), _NEWER,
     "match x:\n case {'a': A(b=1, c=[*_, d]) as e, **rest} | None: pass\n"],
)  # fmt: skip
def test_the_same_nodes_in_the_same_order(text: str) -> None:
    tree = parse_text(text, "x.py")
    expected = [n for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]
    assert walk(tree) == expected
    assert walk(expected[-1])[0] is expected[-1]
