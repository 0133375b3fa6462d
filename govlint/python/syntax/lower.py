"""Python source that the running interpreter is too old for, as `ast` nodes all the same.

libcst reads Python 3.0 to 3.15 whatever interpreter runs it. What it reads is lowered to the
`ast` nodes of the running interpreter, positions included, so that there is one analysis and
not two. Where both can read a file, the tree equals that of `ast.parse` in every attribute.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import libcst

# libcst's parser is native and recursive: beyond these it overflows the stack, which ends the
# process, or backtracks for minutes, which no signal interrupts. CPython stops at 200 brackets
# too; 2,000 links in a chain take libcst about a second, and its time grows with the square.
_MAX_BRACKETS: Final = 200
_MAX_CHAIN: Final = 2000
# Each bracket in a pattern doubles libcst's time, a mapping's brace quadruples it.
_MAX_PATTERN: Final = 16

_STRING_PREFIX = r"(?:[rRbBuUfFtT]{0,2})"
_SIGNIFICANT = re.compile(
    rf"{_STRING_PREFIX}(?:'''(?:[^'\\]|\\.|'(?!''))*'''|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\""
    r"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|\#[^\n]*"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<continued>^(?:[ \t\f]*\\\n)+[ \t\f]*)"
    r"|(?P<end>\\\n|\n)"
    r"|(?P<separator>[,;])"
    r"|(?P<case>^[ \t\f]*case\b)"
    r"|(?P<link>[-+*/%@&|^~.<>=]+|\b(?:and|or|not|lambda|if|else|in|is|await|for)\b)",
    re.DOTALL | re.MULTILINE,
)
_CONTINUED_INDENT = re.compile(r"^[ \t\f]*\\\n", re.MULTILINE)


def lower(text: str, path: str) -> ast.Module:
    """Parse `text` with libcst and lower it to the running interpreter's `ast` nodes.

    Lines count from 1 and columns are UTF-8 byte offsets, as everywhere in `ast`. Syntax that
    the running interpreter has no nodes for becomes the nearest that it has: a type alias an
    assignment, a template string an f-string; type parameters hang on their definition as
    the attribute `type_params`, outside `_fields`.

    Raises SyntaxError for text that libcst refuses as well, and RecursionError for text
    nested so deeply that no parser here can be trusted with it.
    """
    source = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_depth(source)
    # libcst takes a line's indentation from behind a continuation, Python from before it. The
    # lowering steps over blanks by itself, so that only libcst has to see the line mended.
    mended = source
    if _CONTINUED_INDENT.search(source):
        mended = _SIGNIFICANT.sub(_mend_indent, source)

    import libcst

    from govlint.python.syntax.lowering.refusals import refusal
    from govlint.python.syntax.lowering.statements import StatementLowering

    try:
        module = _parse_module(mended)
    except libcst.ParserSyntaxError as error:
        raise refusal(error, source, path) from None
    except (libcst.CSTLogicError, libcst.CSTValidationError) as error:
        # What libcst's grammar takes and its nodes then refuse, such as adjacent t-strings.
        raise SyntaxError(f"libcst cannot read this: {error}", (path, 1, 1, None)) from None
    try:
        return StatementLowering(source).module(module)
    except SyntaxError as error:
        error.filename = path
        raise


def _parse_module(text: str) -> libcst.Module:
    """libcst's tree of `text` without the empty lines above it, which it would make nodes of.

    A part of a file has many of those.
    """
    import libcst

    try:
        return libcst.parse_module(text.lstrip("\n"))
    except libcst.ParserSyntaxError:
        if not text.startswith("\n"):
            raise
        return libcst.parse_module(text)  # to be refused at the right line


def _refuse_depth(source: str) -> None:
    """Raise RecursionError where libcst's native parser would overflow or never return."""
    chain = 0  # links since the last separator, in this bracket and those around it
    outer: list[tuple[int, bool]] = []
    pattern = 0
    in_case = False
    for match in _SIGNIFICANT.finditer(source):
        kind = match.lastgroup
        if kind == "link":
            chain += len(match[0]) if match[0][0] in "-+~" else 1
        elif kind == "open":
            outer.append((chain, match[0] == "{"))
            chain += 1
            pattern += 2 if match[0] == "{" else 1
        elif kind == "close":
            if outer:
                chain, brace = outer.pop()
                pattern -= 2 if brace else 1
            chain += 1  # a call or a subscript is a link of its chain
        elif kind == "separator":
            chain = outer[-1][0] + 1 if outer else 0
        elif kind == "end":
            if not outer and match[0] == "\n":
                chain = pattern = 0
                in_case = False
        elif kind == "case":
            in_case = in_case or not outer
        if chain > _MAX_CHAIN or len(outer) > _MAX_BRACKETS or (in_case and pattern > _MAX_PATTERN):
            line = source.count("\n", 0, match.start()) + 1
            raise RecursionError(f"line {line}: too deeply nested for the parser")


def _mend_indent(match: re.Match[str]) -> str:
    if match.lastgroup != "continued":
        return match[0]
    return next((blank for blank in match[0].split("\\\n") if blank), "")
