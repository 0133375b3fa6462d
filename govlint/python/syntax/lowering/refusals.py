"""What libcst says of text that it cannot read, as the SyntaxError that Python would raise."""

from __future__ import annotations

import re

import libcst as cst

_PARSER_ERROR = re.compile(r"parser error: error at (\d+):(\d+): expected (.*)", re.DOTALL)


def refusal(error: cst.ParserSyntaxError, source: str, path: str) -> SyntaxError:
    """A SyntaxError with message, line and column (from 1) for libcst's error."""
    message = error.message
    if found := _PARSER_ERROR.match(message):
        line, column = int(found[1]), int(found[2])
        expected = found[3].split(", ")
        # libcst names every token that could follow; a long list helps nobody.
        message = "invalid syntax"
        if len(expected) <= 3:
            message += f": expected {' or '.join(expected)}"
    else:
        line, column = _line_of(message, source), 0
        message = message.removeprefix("tokenizer error: ")
    lines = source.split("\n")
    line = min(max(line, 1), len(lines))
    return SyntaxError(message, (path, line, column + 1, lines[line - 1] + "\n"))


def _line_of(message: str, source: str) -> int:
    """The line of an error that libcst gives no place for: where leaving the rest off keeps it.

    libcst divides the whole text into tokens before it parses any.
    """
    lines = source.split("\n")
    clean, faulty = 0, len(lines)
    while faulty - clean > 1:
        middle = (clean + faulty) // 2
        try:
            cst.parse_module("\n".join(lines[:middle]) + "\n")
        except cst.ParserSyntaxError as error:
            if error.message == message:
                faulty = middle
                continue
        except (cst.CSTLogicError, cst.CSTValidationError):
            pass  # its tokens are well-formed, which is all that is asked here
        clean = middle
    return faulty
