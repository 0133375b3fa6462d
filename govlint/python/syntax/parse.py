"""Python text to an `ast` tree, and the exact answer to "is this valid Python?".

Code may be newer than the interpreter that runs govlint. So a refusal by `ast.parse` is
never the last word: a parser that knows newer syntax decides, and libcst's tree is
lowered to `ast` nodes, so that everything above has one kind of tree.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import Any

from govlint.python.syntax.source import decode

# newest syntax the fast parser is asked to accept; later than any it distinguishes
_NEWEST = (3, 15)
# longest decimal literal that is converted; the interpreter's own default is 4300
_DIGITS = 100_000
# The fast parser limits its own nesting, but walks left-leaning chains (a.b.b.b…) by
# recursion: at most 256 bytes of stack for every 2 bytes of source were measured.
STACK_BYTES = 64 << 20
SAFE_BYTES = 200_000
_TRIES = 20

# what `ast` says about brackets and quotes does not depend on the version, and says it best
_LEXICAL = ("was never closed", "unterminated", "unmatched", "does not match opening")

SyntaxFault = tuple[int, int, str]  # line, column (from 1), message
FastParse = Callable[[str, bytes], list[dict[str, Any]]]


def parse_text(text: str, path: str) -> ast.Module:
    """Parse `text`; where the running interpreter is too old for it, lower libcst's tree.

    Raises SyntaxError with a position, RecursionError or MemoryError for code nested too
    deeply. Invalid escapes and the like, which only warn, stay silent.
    """
    _allow_long_numbers()
    try:
        return _ast_parse(text, path)
    except SyntaxError as error:
        if _is_limit(error):
            raise RecursionError(error.msg) from None
        original = error
    from govlint.python.syntax.lower import lower
    from govlint.python.syntax.parts import parse_in_parts

    in_parts = parse_in_parts(
        text, lambda part: _ast_parse(part, path), lambda part: lower(part, path), original
    )
    if in_parts is not None:
        return in_parts
    try:
        return lower(text, path)
    except SyntaxError as error:
        if (error.lineno or 0) > (original.lineno or 0):
            raise
        raise original from None


def build_tree(source: str | bytes, path: str = "<unknown>", mode: str = "exec") -> Any:
    """`ast.parse`, tried again where the interpreter miscounts.

    Before Python 3.13 all threads share one counter of depth; a parse that another thread,
    or a finaliser, begins meanwhile ends this one in a SystemError (cpython gh-106905).
    """
    for _ in range(_TRIES):
        try:
            return ast.parse(source, path, mode)
        except SystemError as error:
            if "recursion depth" not in str(error):
                raise
    raise RecursionError("the interpreter could not count how deep the code is nested")


def _ast_parse(text: str, path: str) -> ast.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree: ast.Module = build_tree(text, path)
            return tree
        except ValueError as error:
            fault = SyntaxError(str(error))
            fault.lineno, fault.offset = 1, 1
            raise fault from None


def _is_limit(error: SyntaxError) -> bool:
    """Say whether the parser gave up on depth or size rather than on the grammar."""
    return "too many nested parentheses" in error.msg or "Exceeds the limit" in error.msg


def _allow_long_numbers() -> None:
    current = getattr(sys, "get_int_max_str_digits", lambda: 0)()
    if 0 < current < _DIGITS:
        sys.set_int_max_str_digits(_DIGITS)


def fast_parser() -> FastParse | None:
    """Return the Rust parser's error list for a file, or None where it is not installed.

    It must run on a thread with at least STACK_BYTES of stack.
    """
    try:
        from ast_serialize import parse
    except ImportError:
        return None

    def errors(path: str, data: bytes) -> list[dict[str, Any]]:
        return parse(path, data, True, _NEWEST)[1]  # type: ignore[return-value]

    return errors


def confirm(path: str, data: bytes, refused: list[dict[str, Any]] | None) -> SyntaxFault | None:
    """Say what is wrong with a file's syntax, slowly and exactly; None when it is valid.

    `refused` is what the fast parser said, None where it was not asked. What `ast` takes
    is valid; what both refuse is not; where only `ast` was asked, libcst decides. Raises
    RecursionError or MemoryError when the code is nested too deeply to say.
    """
    _allow_long_numbers()
    try:
        text = decode(data)[0]
        _ast_parse(text, path)
        return None
    except SyntaxError as error:
        if _is_limit(error):
            raise RecursionError(error.msg) from None
        original = error
    if "text" in locals() and (not refused or _unsupported(refused)):
        from govlint.python.syntax.lower import lower

        try:
            lower(text, path)
            return None
        except SyntaxError as error:
            if (error.lineno or 0) > (original.lineno or 0):
                original = error
        return _fault(original)
    own = any(word in original.msg for word in _LEXICAL) and "f-string" not in original.msg
    if refused and not own and not any(e["line"] == original.lineno for e in refused):
        first = refused[0]
        return (max(first["line"], 1), max(first["column"], 1), str(first["message"]))
    return _fault(original)


def _unsupported(refused: list[dict[str, Any]]) -> bool:
    return any("not supported" in str(e["message"]) for e in refused)


def _fault(error: SyntaxError) -> SyntaxFault:
    return (max(error.lineno or 1, 1), max(error.offset or 1, 1), error.msg)
