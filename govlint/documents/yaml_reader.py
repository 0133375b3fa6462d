"""Reading YAML: one pass over libyaml's events, straight into plain values.

PyYAML's own constructor types scalars by YAML 1.1, keeps the last of two equal keys and
expands whatever aliases ask for. Building from the events costs a tenth of its time and
can refuse each of these at the place where it happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from govlint.documents.document import Fault
from govlint.documents.limits import MAX_DEPTH, MAX_EXPANDED, MAX_FAULTS, MAX_RATIO
from govlint.documents.scalars import FIRST, NumberFault, typed

_CORE = "tag:yaml.org,2002:"
_NO_KEY: Any = object()
_MERGE: Any = object()
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _StopError(Exception):
    """Reading ends here; the fault is told already."""


def _parser(text: str) -> Any:
    import yaml

    try:
        from yaml._yaml import CParser
    except ImportError:  # PyYAML built without libyaml: slower, the same events
        return yaml.SafeLoader(text)
    return CParser(text)


def events(text: str) -> Iterator[tuple[str, Any]]:
    """The events of a YAML text with the names of their classes. Raises yaml.YAMLError."""
    get = _parser(text).get_event
    while (event := get()) is not None:
        name = type(event).__name__
        yield name, event
        if name == "StreamEndEvent":
            return


def parse_scalar(raw: str) -> str:
    """The text of the one scalar that `raw` writes."""
    for name, event in events(raw):
        if name == "ScalarEvent":
            value: str = event.value
            return value
    return raw


def read_yaml(text: str) -> tuple[Any, list[Fault], Any]:
    """The value of a YAML text, or its faults and what can be made of it."""
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        message = f"the character U+{ord(bad.group()):04X} may not stand in YAML"
        return None, [_fault(text, "undecodable", message, bad.start(), bad.end())], None
    builder = _Builder(text, track=False)
    value = builder.build()
    if any(fault.kind == "duplicate-key" for fault in builder.faults):
        builder = _Builder(text, track=True)  # once more, to say where the first one stands
        builder.build()
    return (None, builder.faults, builder.sketch) if builder.faults else (value, [], None)


def _fault(text: str, kind: str, message: str, start: int, end: int) -> Fault:
    from govlint.documents.positions import LineTable

    table = LineTable(text)
    line, column = table.place(start)
    end_line, end_column = table.place(max(end, start + 1) if start < len(text) else start)
    return Fault(kind, message, line, column, end_line, end_column)


class _Builder:
    """Builds the value of one text."""

    def __init__(self, text: str, track: bool) -> None:
        self.text = text
        self.faults: list[Fault] = []
        self.sketch: Any = None
        self._track = track
        self._written = 0
        self._extra = 0  # values that aliases add when they are expanded

    def fault(self, kind: str, message: str, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        self.faults.append(_fault(self.text, kind, message, start, end))
        if len(self.faults) >= MAX_FAULTS:
            raise _StopError

    def stop(self, kind: str, message: str, event: Any) -> _StopError:
        self.fault(kind, message, event)
        return _StopError()

    def build(self) -> Any:
        import yaml

        try:
            return self._build()
        except _StopError:
            return None
        except yaml.YAMLError as error:
            self.faults.append(_syntax(self.text, error))
            return None

    def _build(self) -> Any:
        """One loop over the events; what is open is on a stack."""
        get = _parser(self.text).get_event
        root: Any = _NO_KEY
        documents = 0
        # what is being filled: the container, its key, merge sources, anchor, sizes, places
        container: Any = None
        key: Any = _NO_KEY
        frame: _Frame | None = None
        stack: list[tuple[Any, Any, _Frame | None]] = []
        anchors: dict[str, tuple[Any, int]] = {}
        intern: dict[str, str] = {}
        while True:
            event = get()
            name = type(event).__name__
            if name == "ScalarEvent":
                self._written += 1
                text = event.value
                if key is _NO_KEY and type(container) is dict:
                    plain = event.style is None or event.style == ""
                    if text == "<<" and plain and event.tag is None:
                        key = _MERGE
                    else:
                        key = intern.setdefault(text, text)
                    if frame is not None:
                        self._key(key, container, frame, event)
                    if event.anchor is not None:
                        anchors[event.anchor] = (text, 1)
                    continue
                if event.tag is not None and event.tag != "!":
                    value = self._tagged(event)
                elif event.implicit[0] and (text[:1] in FIRST or not text) and event.tag is None:
                    try:
                        value = typed(text)
                    except NumberFault as error:
                        self.fault(error.kind, str(error), event)
                        value = None
                else:
                    value = text
                if event.anchor is not None:
                    anchors[event.anchor] = (value, 1)
            elif name in ("MappingStartEvent", "SequenceStartEvent"):
                self._written += 1
                mapping = name == "MappingStartEvent"
                if key is _NO_KEY and type(container) is dict:
                    raise self.stop("complex-key", self._complex(event), event)
                if len(stack) >= MAX_DEPTH:
                    message = f"is nested more than {MAX_DEPTH} deep"
                    raise self.stop("too-deep", f"the document {message}", event)
                wanted = "map" if mapping else "seq"
                if event.tag not in (None, "!", _CORE + wanted):
                    self.fault("tag", _tag_message(event.tag), event)
                stack.append((container, key, frame))
                container, key = ({} if mapping else []), _NO_KEY
                frame = _Frame(event.anchor, self._written + self._extra, self._track)
                if event.anchor is not None:
                    anchors[event.anchor] = (_NO_KEY, 0)
                continue
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                value = container
                assert frame is not None
                if frame.merge:
                    for source in frame.merge:
                        for entry, its in source.items():
                            value.setdefault(entry, its)
                if frame.anchor is not None:
                    size = self._written + self._extra - frame.size + 1
                    anchors[frame.anchor] = (value, size)
                container, key, frame = stack.pop()
            elif name == "AliasEvent":
                if event.anchor not in anchors:
                    message = f"the alias `*{event.anchor}` has no anchor before it"
                    raise self.stop("syntax", message, event)
                value, size = anchors[event.anchor]
                if value is _NO_KEY:
                    message = f"the alias `*{event.anchor}` stands inside what it stands for"
                    raise self.stop("alias-bomb", message, event)
                self._written += 1
                self._extra += size
                if self._extra > MAX_EXPANDED and self._extra > MAX_RATIO * self._written:
                    message = (
                        f"aliases make more than {MAX_EXPANDED:,} values of"
                        f" {self._written:,} that are written"
                    )
                    raise self.stop("alias-bomb", message, event)
                if key is _NO_KEY and type(container) is dict:
                    if not isinstance(value, str):
                        raise self.stop("complex-key", "a key is text, found an alias", event)
                    key = value
                    assert frame is not None
                    self._key(key, container, frame, event)
                    continue
            elif name == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    message = "a second document begins here; one file holds one document"
                    raise self.stop("several-documents", message, event)
                continue
            elif name == "StreamEndEvent":
                break
            else:
                continue
            # a value is complete: put it where it belongs
            if type(container) is list:
                container.append(value)
            elif container is None:
                root = self.sketch = value
            elif key is _MERGE:
                assert frame is not None
                self._merge(value, frame, event)
                key = _NO_KEY
            else:
                container.setdefault(key, value)
                key = _NO_KEY
        if root is _NO_KEY:
            self.faults.append(_fault(self.text, "empty", "there is nothing in this file", 0, 0))
            return None
        return root

    def _key(self, key: Any, container: Any, frame: _Frame, event: Any) -> None:
        """Look at a key that was just read: is it there already?"""
        shown = "<<" if key is _MERGE else key
        if key is _MERGE:
            double, frame.merges = frame.merges, True
        else:
            double = key in container
        if double:
            first = frame.lines.get(shown) if frame.lines is not None else None
            where = f"; it stands on line {first} already" if first else ""
            more = "; merge several with `<<: [*a, *b]`" if key is _MERGE else ""
            self.fault("duplicate-key", f"the key `{shown}` stands twice{where}{more}", event)
        elif frame.lines is not None:
            frame.lines[shown] = event.start_mark.line + 1

    def _merge(self, value: Any, frame: _Frame, event: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            message = "`<<` merges a mapping or a list of mappings, found another value"
            self.fault("merge", message, event)
            return
        frame.merge.extend(sources)

    def _complex(self, event: Any) -> str:
        start = event.start_mark.index
        if self.text.startswith("{", max(start - 1, 0)) and self.text[start : start + 1] == "{":
            return (
                "`{{ … }}` without quotes is a mapping within a mapping in YAML;"
                " put the whole value in quotes"
            )
        return "a key is text, found a mapping or list"

    def _tagged(self, event: Any) -> Any:
        tag = event.tag.removeprefix(_CORE)
        text = event.value
        if tag == "str":
            return text
        if tag in ("int", "float", "bool", "null"):
            try:
                value = typed(text)
            except NumberFault as error:
                self.fault(error.kind, str(error), event)
                return None
            if tag == "float" and type(value) is int:
                return float(value)
            fits = {"int": int, "float": float, "bool": bool, "null": type(None)}[tag]
            if type(value) is fits:
                return value
            self.fault("tag", f"`{text}` is tagged `!!{tag}` and is none", event)
            return None
        self.fault("tag", _tag_message(event.tag), event)
        return None


class _Frame:
    """What is known of an open container besides its value."""

    __slots__ = ("anchor", "lines", "merge", "merges", "size")

    def __init__(self, anchor: str | None, size: int, track: bool) -> None:
        self.anchor, self.size = anchor, size
        self.merges = False
        self.merge: list[dict[str, Any]] = []
        self.lines: dict[str, int] | None = {} if track else None


def _tag_message(tag: str) -> str:
    shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
    return f"the tag `{shown}` makes no plain value; plain text, numbers, lists and mappings do"


def _syntax(text: str, error: Any) -> Fault:
    """The fault that libyaml's complaint stands for, in words of the one who wrote the file."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    offset = min(mark.index, len(text)) if mark is not None else 0
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    char = text[offset : offset + 1]
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    if char == "\t" and not line.strip(" -?:"):
        message = "a tab indents this line; YAML is indented with spaces"
        return _fault(text, "tab", message, offset, offset + 1)
    if said == "found character that cannot start any token" and char:
        said = f"a value cannot begin with `{char}`; put it in quotes"
    elif said == "mapping values are not allowed in this context":
        said = "a `: ` stands where no key can be; put the text in quotes, or mend the indentation"
    elif said == "found unexpected end of stream":
        said = "the text ends inside quotes"
        if error.context_mark is not None:  # what is to be mended is where they begin
            offset = error.context_mark.index
    context = getattr(error, "context", None)
    if context and getattr(error, "context_mark", None) is not None and "quotes" not in said:
        said += f" ({context} that begins on line {error.context_mark.line + 1})"
    return _fault(text, "syntax", f"is no YAML: {' '.join(said.split())}", offset, offset + 1)
