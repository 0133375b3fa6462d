"""The `@role` calls of one file, by what the file is: shell, YAML, JSON, Markdown, other text.

Python is not here: what is a string there is the Python layer's to say.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from govlint.documents.document import Document, join_pointer
from govlint.documents.positions import LineTable
from govlint.documents.roles.places import (
    Found,
    Region,
    Sureness,
    call_at,
    in_any,
    in_lines,
    in_quotes,
    in_shell,
    in_string,
    whole,
)
from govlint.documents.roles.tokens import KEYWORD
from govlint.model import Location

_COMMAND_KEYS = frozenset(
    (
        "run script before_script after_script command commands cmd exec entrypoint shell sh bash"
        " args"
    ).split()
)
_SHELL_FENCES = frozenset(
    "bash sh shell zsh ksh console shell-session shellsession terminal".split()
)
_TEXT_FENCES = frozenset(("", "text", "txt", "plain", "plaintext", "role", "mnga"))
_PROMPT = re.compile(r"^([ \t]*)[$%>] (?=@role\b)", re.MULTILINE)
_SHELL_SHEBANG = re.compile(r"#!.{0,200}\b(?:ba|z|k|da)?sh\b")
_MAX_DEPTH = 200


def calls_in(path: str, text: str) -> Iterator[Found]:
    """Each place of a file where `@role` may be a call."""
    suffix = path.lower().rpartition("/")[2].rpartition(".")[2]
    if suffix in ("sh", "bash", "zsh", "ksh", "bats") or _SHELL_SHEBANG.match(text):
        yield from in_shell(whole(path, text))
    elif suffix in ("yml", "yaml", "json"):
        yield from _in_document(path, text, "json" if suffix == "json" else "yaml")
    elif suffix in ("md", "markdown", "mdx"):
        yield from _in_markdown(path, text)
    else:
        yield from in_any(whole(path, text))


# -- YAML and JSON -----------------------------------------------------------------------------


def _in_document(path: str, text: str, syntax: str) -> Iterator[Found]:
    from govlint.documents.reader import read

    document = read(path, text.encode("utf-8", "surrogatepass"), syntax)
    if document.faults:  # another rule says what is wrong with it, if it is one of ours
        yield from _in_lines_of_yaml(path, text)
        return
    for pointer, words in _word_lists(document.value):
        yield from in_string(_joined(document, pointer, words), Sureness.STRING)
    for pointer, key, value in _texts(document.value):
        region = Region(value, _in_scalar(document, pointer))
        if key in _COMMAND_KEYS:
            yield from in_shell(region)
        else:
            yield from in_string(region, Sureness.STRING)


def _in_scalar(document: Document, pointer: str) -> Any:
    def place(start: int, end: int) -> Location:
        found = document.scalar_location(pointer, start, end)
        return Location(found.path, found.line, found.column, found.end_line, found.end_column)

    return place


def _texts(value: Any) -> Iterator[tuple[str, str, str]]:
    """Every text that holds the keyword: its pointer, the key it stands under, itself."""
    open_: list[tuple[tuple[str | int, ...], str, Any]] = [((), "", value)]
    seen: set[int] = set()
    while open_:
        parts, key, part = open_.pop()
        if isinstance(part, str):
            if KEYWORD in part:
                yield join_pointer(parts), key, part
        elif isinstance(part, list) and part[:1] == [KEYWORD]:
            continue  # a list of words is one call
        elif isinstance(part, dict | list) and len(parts) < _MAX_DEPTH and id(part) not in seen:
            seen.add(id(part))  # an anchor's value is told of once
            pairs = part.items() if isinstance(part, dict) else enumerate(part)
            for name, inner in reversed(list(pairs)):
                open_.append(((*parts, name), name if isinstance(name, str) else key, inner))


def _word_lists(value: Any) -> Iterator[tuple[str, list[str]]]:
    """Every list of texts that begins with the keyword, as a command without a shell is written."""
    open_: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while open_:
        parts, part = open_.pop()
        if not isinstance(part, dict | list) or len(parts) >= _MAX_DEPTH:
            continue
        if isinstance(part, list) and part[:1] == [KEYWORD]:
            if len(part) > 1:
                yield join_pointer(parts), [word if isinstance(word, str) else "" for word in part]
            continue
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        open_ += [((*parts, name), inner) for name, inner in pairs]


def _joined(document: Document, pointer: str, words: list[str]) -> Region:
    """A list of words as one line, each of which stands where its entry does."""
    text = ""
    ends: list[int] = []
    for word in words:
        plain = word.startswith("-") or not any(char in word for char in " \t\"'")
        text += (" " if text else "") + (word if plain else shlex.quote(word))
        ends.append(len(text))

    def place(start: int, _end: int) -> Location:
        number = next((n for n, end in enumerate(ends) if start < end), len(ends) - 1)
        found = document.location(f"{pointer}/{number}")
        return Location(found.path, found.line, found.column, found.end_line, found.end_column)

    return Region(text, place)


_SCALAR_LINE = re.compile(
    r"""^[ \t]*(?:-[ \t]+)*(?P<key>[\w-]+)[ \t]*:[ \t]*(?P<quote>["']?)(?=@role[ \t])""",
    re.MULTILINE,
)


def _in_lines_of_yaml(path: str, text: str) -> Iterator[Found]:
    """The calls of a YAML file that is no single document, such as a template or several."""
    region = whole(path, text)
    told = set()
    for found in _SCALAR_LINE.finditer(text):
        end = text.find("\n", found.end())
        end = len(text) if end < 0 else end
        if found["quote"]:
            shut = text.find(found["quote"], found.end(), end)
            end = shut if shut >= 0 else end
        sure = Sureness.COMMAND if found["key"] in _COMMAND_KEYS else Sureness.STRING
        told.add(found.end())
        yield region, call_at(text, found.end() + len(KEYWORD), end, sure)
    for other in in_lines(region, Sureness.STRING):
        if other[1].base not in told:
            yield other


# -- Markdown -----------------------------------------------------------------------------------


def _in_markdown(path: str, text: str) -> Iterator[Found]:
    from markdown_it import MarkdownIt

    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    table = LineTable(text)
    whole_file = whole(path, text)
    for token in MarkdownIt("commonmark").parse(text):
        if token.map is None or KEYWORD not in token.content:
            continue
        first = token.map[0]
        if token.type in ("fence", "code_block"):
            first += token.type == "fence"
            region = _block(path, token.content, lines, first, table)
            language = token.info.strip().split()[0].lower() if token.info.strip() else ""
            yield from _in_fence(region, language.strip("{}.").partition(":")[0], path)
        elif token.type == "inline":
            first_line, last_line = token.map
            end = _offset_of_line(text, table, last_line)
            yield from _in_paragraph(whole_file, table.offset(first_line + 1, 1), end)


def _block(path: str, content: str, lines: list[str], first: int, table: LineTable) -> Region:
    """A fence's content, whose lines stand in the file with what is before them."""
    inner = LineTable(content)
    written = content.split("\n")

    def offset(at: int) -> int:
        line, column = inner.place(at)
        shown = written[line - 1] if line <= len(written) else ""
        number = min(first + line, len(lines))
        shift = lines[number - 1].find(shown.rstrip("\r")) if shown else 0
        return table.offset(number, max(shift, 0) + column)

    def place(start: int, end: int) -> Location:
        return Location(path, *table.place(offset(start)), *table.place(offset(max(start, end))))

    return Region(content, place)


def _in_fence(region: Region, language: str, path: str) -> Iterator[Found]:
    if language in _SHELL_FENCES:
        text = _PROMPT.sub(lambda found: found[1] + "  ", region.text)
        yield from in_shell(Region(text, region.place))
    elif language in _TEXT_FENCES:
        yield from in_lines(region, Sureness.STRING)
    elif language in ("yaml", "yml", "json"):
        for inner, call in _in_document(
            path, region.text, "json" if language == "json" else "yaml"
        ):
            yield _moved(inner, region, path), call
    else:
        yield from in_quotes(region)


def _moved(inner: Region, outer: Region, path: str) -> Region:
    """A region of a document that itself is a region of a file."""
    table = LineTable(outer.text)

    def place(start: int, end: int) -> Location:
        found = inner.place(start, end)
        begun = table.offset(found.line, found.column)
        return outer.place(begun, table.offset(found.end_line, found.end_column))

    return Region(inner.text, place)


_PARAGRAPH_LINE = re.compile(r"^[ \t>]*(?:[-*+] |\d+\. )?@role(?=[ \t])", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)(?P<ticks>`+)[ ]?@role(?=[ \t])")


def _in_paragraph(region: Region, start: int, end: int) -> Iterator[Found]:
    """The calls of a paragraph: code spans that begin with the keyword, and lines that do."""
    text = region.text
    for found in _SPAN.finditer(text, start, end):
        shut = text.find(found["ticks"], found.end(), end)
        if shut >= 0 and "\n\n" not in text[found.end() : shut]:
            yield region, call_at(text, found.end(), shut, Sureness.STRING)
    for found in _PARAGRAPH_LINE.finditer(text, start, end):
        stop = text.find("\n", found.end(), end)
        yield region, call_at(text, found.end(), stop if stop >= 0 else end, Sureness.PROSE)


def _offset_of_line(text: str, table: LineTable, line: int) -> int:
    try:
        return table.offset(line + 1, 1)
    except IndexError:
        return len(text)
