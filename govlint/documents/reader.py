"""Reading a document from its bytes: decoding, the value, or each fault with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from govlint.documents.document import Document, Fault

_BOMS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-32": "UTF-32",
    "utf-32-be": "UTF-32",
    "utf-32-le": "UTF-32",
}
_MAPPINGS = ("mission", "role", "role-registry")
_NAMES = {str: "text", list: "a list", bool: "true or false"}


def read(path: str, data: bytes, syntax: str, kind: str = "") -> Document:
    """Read a document. Never raises for what the bytes hold: `faults` say what is wrong.

    `syntax` is `json` or `yaml`. UTF-8, UTF-16 and UTF-32 are told apart as RFC 4627
    section 3 and YAML 1.2.2 section 5.2 have it; a byte order mark is no part of the text.
    """
    text, fault = decode(data)
    if fault is not None:
        return Document(path, text, syntax, kind, None, (fault,))
    return read_text(path, text, syntax, kind)


def read_text(path: str, text: str, syntax: str, kind: str = "") -> Document:
    """Read a document whose bytes are decoded already."""
    value, faults, sketch = _READERS[syntax](text)
    document = Document(path, text, syntax, kind, value, tuple(faults), sketch)
    if kind in _MAPPINGS and not faults and not isinstance(value, dict):
        place = document.location("")
        what = "null" if value is None else _NAMES.get(type(value), "a number")
        message = f"a {kind.replace('-', ' ')} is one mapping, found {what}"
        span = (place.line, place.column, place.end_line, place.end_column)
        return replace(document, value=None, faults=(Fault("not-a-mapping", message, *span),))
    return document


def decode(data: bytes) -> tuple[str, Fault | None]:
    """The text of a document's bytes; where they are none, what can be shown, and the fault."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        name = _BOMS.get(encoding, "UTF-8")
        message = f"is not {name}: byte 0x{data[error.start]:02x} at {error.start} ({error.reason})"
        fault = Fault("undecodable", message, line, column, line, column + 1)
        return data.decode(encoding, "replace"), fault


def decode_exactly(data: bytes) -> tuple[str, str, bool]:
    """The text of a document, its encoding, and whether a byte order mark stands before it.

    For writing it back as it was. Raises SyntaxError where the bytes are no text.
    """
    encoding: str = json.detect_encoding(data)
    bom = data.startswith(("\ufeff").encode("utf-8")) or encoding in ("utf-16", "utf-32")
    if encoding in ("utf-16", "utf-32"):  # which the byte order mark tells
        encoding += "-le" if data[:1] == b"\xff" else "-be"
    try:
        text = data.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(str(error)) from None
    return text.removeprefix("\ufeff") if bom else text, encoding.removesuffix("-sig"), bom


def _read_json(text: str) -> tuple[Any, list[Fault], Any]:
    from govlint.documents.json_reader import read_json

    return read_json(text)


def _read_yaml(text: str) -> tuple[Any, list[Fault], Any]:
    from govlint.documents.yaml_reader import read_yaml

    return read_yaml(text)


_READERS = {"json": _read_json, "yaml": _read_yaml}
