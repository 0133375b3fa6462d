"""Whether a document keeps to its schema, and if not, in words that say what to write.

`jsonschema-rs` decides and says where; what it refused is told here: what was found, what
is accepted, the nearest spelling, and for alternatives the one that was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from govlint.data import data_dir
from govlint.documents.document import Document, join_pointer, split_pointer

SUFFIX = ".schema.json"
MAX_VIOLATIONS = 1000
_SHOWN = 60
_LISTED = 12
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value breaks its schema.

    `pointer` is the place, `key` says that the key there is meant and not its value.
    `keyword` is the schema's (`required`, `type`, `enum`, `additionalProperties` …), `name`
    the key that is missing or unknown, `accepted` what would do, `nearest` the likeliest of it.
    """

    pointer: str
    key: bool
    message: str
    keyword: str
    name: str = ""
    accepted: tuple[str, ...] = ()
    nearest: str | None = None


def violations(document: Document | Any, schema_name: str) -> list[Violation]:
    """Where a document (or a plain value) breaks `schemas/<schema_name>.schema.json`.

    A document gives better messages: of a YAML scalar they say what its spelling made of it.
    """
    value = document.value if isinstance(document, Document) else document
    validator = _validator(schema_name)
    if validator.is_valid(value):
        return []
    told: dict[tuple[str, str, str], Violation] = {}
    hints = document if isinstance(document, Document) else None
    for error in validator.iter_errors(value):
        for violation in _Explanation(value, hints).of(error):
            told.setdefault((violation.pointer, violation.keyword, violation.message), violation)
        if len(told) >= MAX_VIOLATIONS:
            break
    return list(told.values())


def is_valid(value: Any, schema_name: str) -> bool:
    """Whether a plain value keeps to its schema."""
    valid: bool = _validator(schema_name).is_valid(value)
    return valid


def schema_names() -> list[str]:
    """The names of all schemas, those in folders with their path (`steps/http`)."""
    folder = data_dir("schemas")
    paths = sorted(folder.rglob("*" + SUFFIX))
    return [path.relative_to(folder).as_posix().removesuffix(SUFFIX) for path in paths]


@cache
def load_schema(name: str) -> dict[str, Any]:
    """One schema by name (`mission`, `steps/http`). Raises FileNotFoundError."""
    path = data_dir("schemas") / f"{name}{SUFFIX}"
    schema: dict[str, Any] = json.loads(path.read_bytes())
    schema.setdefault("$id", f"urn:govlint:schema:{name}")
    return schema


@cache
def _by_id() -> dict[str, str]:
    """The names of the schemas by `$id`."""
    return {str(load_schema(name)["$id"]): name for name in schema_names()}


@cache
def _validator(name: str) -> Any:
    import jsonschema_rs

    needed = _with_references(name)
    registry = jsonschema_rs.Registry(
        resources=[(identifier, load_schema(other)) for identifier, other in needed.items()]
    )
    return jsonschema_rs.Draft202012Validator(load_schema(name), registry=registry)


def _with_references(name: str) -> dict[str, str]:
    """The schemas that one refers to, itself included, by `$id`."""
    needed: dict[str, str] = {}
    open_ = [name]
    while open_:
        schema = load_schema(open_[-1])
        identifier = str(schema["$id"])
        needed[identifier] = open_.pop()
        for reference in _references(schema):
            target = _join(identifier, reference.partition("#")[0])
            if target not in needed and target in _by_id():
                open_.append(_by_id()[target])
    return needed


def _join(base: str, reference: str) -> str:
    from urllib.parse import urljoin

    return urljoin(base, reference) if reference else base


def _references(schema: Any) -> Iterator[str]:
    open_ = [schema]
    while open_:
        part = open_.pop()
        if isinstance(part, Mapping):
            reference = part.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield reference
            open_.extend(part.values())
        elif isinstance(part, list):
            open_.extend(part)


class _Explanation:
    """Says what one refusal means. `document` is there for hints about spelling."""

    def __init__(self, value: Any, document: Document | None) -> None:
        self.value, self.document = value, document

    def of(self, error: Any) -> Iterator[Violation]:
        """The violations that an error of jsonschema-rs stands for."""
        keyword = error.kind.name
        pointer = join_pointer(error.instance_path)
        instance = error.instance
        if keyword in ("anyOf", "oneOf"):
            if hasattr(error.kind, "context"):
                yield from self._alternatives(error, pointer, instance)
            else:
                message = "fits more than one of the alternatives, of which it may fit one"
                yield Violation(pointer, False, message, keyword)
        elif keyword in ("additionalProperties", "unevaluatedProperties"):
            known = self._known(error)
            for name in error.kind.unexpected:
                yield self._unknown(pointer, str(name), known, instance, keyword)
        elif keyword == "required":
            yield self._missing(pointer, error.kind.property, instance, self._known(error))
        elif keyword == "propertyNames":
            inner = error.kind.error
            name = str(inner.instance)
            said = self._said(inner, inner.instance, "")
            message = f"the key {_show(name)} {said[0]}"
            yield Violation(f"{pointer}{join_pointer([name])}", True, message, keyword, name)
        else:
            message, accepted, nearest = self._said(error, instance, pointer)
            yield Violation(
                pointer, False, message, keyword, _name(error), tuple(accepted), nearest
            )

    # -- keys ----------------------------------------------------------------------------

    def _known(self, error: Any) -> list[str]:
        """The keys that the schema of an error knows."""
        schema = _schema_of(error)
        names = [str(name) for name in schema.get("properties", ())]
        if error.kind.name == "unevaluatedProperties":
            for part in _subschemas(schema):
                names += [str(name) for name in part.get("properties", ())]
        return list(dict.fromkeys(names))

    def _unknown(
        self, pointer: str, name: str, known: Sequence[str], instance: Any, keyword: str
    ) -> Violation:
        absent = [other for other in known if other not in instance]
        near = nearest(name, absent) or nearest(name, known)
        message = f"there is no key `{_cut(name)}` here; "
        message += f"did you mean `{near}`?" if near else _accepted("keys", known)
        place = f"{pointer}{join_pointer([name])}"
        return Violation(place, True, message, keyword, name, tuple(known), near)

    def _missing(self, pointer: str, name: str, instance: Any, known: Sequence[str]) -> Violation:
        message = f"the key `{name}` is missing"
        unknown = [str(other) for other in instance if other not in known]
        near = nearest(name, unknown)
        if near:
            message += f"; `{near}` looks like it"
        return Violation(pointer, False, message, "required", name, (name,), near)

    # -- alternatives ----------------------------------------------------------------------

    def _alternatives(self, error: Any, pointer: str, instance: Any) -> Iterator[Violation]:
        keyword = error.kind.name
        branches = [list(branch) for branch in error.kind.context]
        schemas = _schema_of(error).get(keyword, [])
        here = len(error.instance_path)
        fitting = [i for i, branch in enumerate(branches) if not _is_other_type(branch, here)]
        if not fitting:
            wanted = [_branch_name(schemas, i, branches[i]) for i in range(len(branches))]
            wanted = list(dict.fromkeys(wanted))
            message = f"found {describe(instance)}, accepted is {_or(wanted)}{self._hint(pointer)}"
            yield Violation(pointer, False, message, keyword, "", tuple(wanted))
            return
        meant = min(fitting, key=lambda i: _distance(branches[i], here))
        named = _title(schemas, meant) if len(branches) > 1 else ""
        for inner in branches[meant]:
            for violation in self.of(inner):
                if named:
                    said = f"{violation.message} (read as {named})"
                    yield Violation(
                        violation.pointer,
                        violation.key,
                        said,
                        violation.keyword,
                        violation.name,
                        violation.accepted,
                        violation.nearest,
                    )
                else:
                    yield violation

    # -- everything else ---------------------------------------------------------------------

    def _said(
        self, error: Any, instance: Any, pointer: str
    ) -> tuple[str, Sequence[str], str | None]:
        """The message for a plain keyword, what it accepts, and the nearest of that."""
        kind, keyword = error.kind, error.kind.name
        if keyword == "type":
            types = [_TYPES[name] for name in kind.types]
            message = f"found {describe(instance)}, accepted is {_or(types)}"
            return message + self._hint(pointer), types, None
        if keyword in ("enum", "const"):
            options = kind.options if keyword == "enum" else [kind.expected_value]
            shown = [json.dumps(option, ensure_ascii=False) for option in options]
            near = None
            if isinstance(instance, str):
                near = nearest(instance, [option for option in options if isinstance(option, str)])
            message = f"found {describe(instance)}; "
            message += f"did you mean {_show(near)}?" if near else _accepted("", shown)
            if near and len(shown) <= _LISTED:
                message += f" Accepted {_list(shown)}"
            return message + ("" if near else self._hint(pointer)), shown, near
        if keyword in _BOUNDS:
            return _BOUNDS[keyword].format(limit=_limit(kind), found=_size(instance)), (), None
        schema = _schema_of(error)
        form = schema.get("title") or schema.get("description")
        if keyword == "pattern":
            wanted = f"{form}" if form else f"text like `{kind.pattern}`"
            return f"found {describe(instance)}, accepted is {wanted}", (), None
        if keyword == "format":
            return f"found {describe(instance)}, which is no {kind.format}", (), None
        if keyword == "uniqueItems":
            return "has an entry that stands in it twice", (), None
        if keyword == "falseSchema":
            return "is not accepted here", (), None
        if keyword == "not":
            return f"found {describe(instance)}, which is what may not stand here", (), None
        return f"breaks `{keyword}`: {_cut(str(error.message))}", (), None

    def _hint(self, pointer: str) -> str:
        hint = self.document.hint(pointer) if self.document is not None else None
        return f"; {hint}" if hint else ""


_BOUNDS = {
    "minimum": "{found} is below the least that is accepted, {limit}",
    "maximum": "{found} is above the most that is accepted, {limit}",
    "exclusiveMinimum": "{found} is not above {limit}",
    "exclusiveMaximum": "{found} is not below {limit}",
    "minLength": "the text is {found} long; the least that is accepted is {limit}",
    "maxLength": "the text is {found} long; the most that is accepted is {limit}",
    "minItems": "the list has {found}; the least that is accepted is {limit}",
    "maxItems": "the list has {found}; the most that is accepted is {limit}",
    "minProperties": "the mapping has {found}; the least that is accepted is {limit}",
    "maxProperties": "the mapping has {found}; the most that is accepted is {limit}",
    "multipleOf": "{found} is no multiple of {limit}",
}


def _limit(kind: Any) -> str:
    limit = getattr(kind, "limit", None)
    limit = limit if limit is not None else getattr(kind, "multiple_of", kind.value)
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _size(instance: Any) -> str:
    if isinstance(instance, str):
        return "1 character" if len(instance) == 1 else f"{len(instance)} characters"
    if isinstance(instance, list):
        return "1 entry" if len(instance) == 1 else f"{len(instance)} entries"
    if isinstance(instance, dict):
        return "1 key" if len(instance) == 1 else f"{len(instance)} keys"
    return _cut(json.dumps(instance))


def _name(error: Any) -> str:
    path = error.instance_path
    return str(path[-1]) if path else ""


def _schema_of(error: Any) -> Mapping[str, Any]:
    """The schema that the keyword of an error stands in, whatever references led there."""
    location = error.absolute_keyword_location
    if location is not None:
        identifier, _, pointer = location.partition("#")
        name = _by_id().get(identifier)
        if name is not None:
            part = _walk(load_schema(name), split_pointer(_unquote(pointer))[:-1])
            if isinstance(part, Mapping):
                return part
    return {}


def _unquote(pointer: str) -> str:
    from urllib.parse import unquote

    return unquote(pointer)


def _walk(schema: Any, parts: Iterable[str]) -> Any:
    for part in parts:
        if isinstance(schema, Mapping) and part in schema:
            schema = schema[part]
        elif isinstance(schema, list) and part.isdecimal() and int(part) < len(schema):
            schema = schema[int(part)]
        else:
            return None
    return schema


def _subschemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas that apply to the same value as one, where they are written beside it."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            if isinstance(part, Mapping):
                yield part
                yield from _subschemas(part)


def _is_other_type(branch: Sequence[Any], depth: int) -> bool:
    """Say whether a branch is out of the question: the value is of another type altogether."""
    return any(e.kind.name == "type" and len(e.instance_path) == depth for e in branch)


def _distance(branch: Sequence[Any], depth: int) -> tuple[int, int, int]:
    """How far a value is from a branch: wrong tags first, then faults, the shallow ones before."""
    tags = sum(
        e.kind.name in ("const", "enum") and len(e.instance_path) <= depth + 1 for e in branch
    )
    shallow = sum(len(e.instance_path) <= depth for e in branch)
    return tags, shallow, len(branch)


def _title(schemas: Sequence[Any], number: int) -> str:
    """What a branch calls itself; nothing where it has no name."""
    schema = _resolved(schemas[number]) if number < len(schemas) else {}
    title = schema.get("title", "") if isinstance(schema, Mapping) else ""
    return f"`{title}`" if title else ""


def _resolved(schema: Any) -> Any:
    reference = schema.get("$ref") if isinstance(schema, Mapping) else None
    if isinstance(reference, str) and not reference.startswith("#"):
        for identifier, name in _by_id().items():
            if identifier.endswith(reference.rpartition("/")[2]):
                return load_schema(name)
    return schema


def _branch_name(schemas: Sequence[Any], number: int, branch: Sequence[Any]) -> str:
    for error in branch:
        if error.kind.name == "type":
            return _or([_TYPES[name] for name in error.kind.types])
    return _title(schemas, number) or "another form"


def describe(value: Any) -> str:
    """A value as a message says it: `the number 1.0`, `text "high"`, `a list of 3`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {_cut(json.dumps(value))}"
    if isinstance(value, str):
        return "an empty text" if not value else f"the text {_show(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    return f"a mapping of {len(value)}" if value else "an empty mapping"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word most like a wrong one, ignoring case and how its parts are joined."""
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for other in words:
        folded.setdefault(_fold(other), other)
    close = get_close_matches(_fold(word), folded, 1, 0.7)
    return folded[close[0]] if close else None


def _fold(word: str) -> str:
    parts = []
    for before, char in zip(" " + word, word, strict=False):
        if char.isupper() and before.islower():
            parts.append("_")
        parts.append("_" if char in "- ." else char.lower())
    return "".join(parts)[:100]


def _show(text: str) -> str:
    return json.dumps(_cut(text), ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _or(words: Sequence[str]) -> str:
    if len(words) < 2:
        return words[0] if words else "nothing"
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _list(words: Sequence[str]) -> str:
    return f"{'is' if len(words) == 1 else 'are'} {', '.join(words)}"


def _accepted(what: str, words: Sequence[str]) -> str:
    if not words:
        return "none is accepted"
    listed = list(words[:_LISTED])
    if len(words) > _LISTED:
        listed.append(f"and {len(words) - _LISTED} more")
    return f"accepted {what + ' ' if what else ''}{_list(listed)}"


def breaches(value: Any, schema: Mapping[str, Any]) -> list[Violation] | None:
    """Where a plain value breaks a schema that a document states itself; None: it is no schema.

    Its patterns are matched in linear time, whatever they are, and it refers to nothing.
    """
    import jsonschema_rs

    try:
        validator = jsonschema_rs.Draft202012Validator(
            dict(schema), pattern_options=jsonschema_rs.RegexOptions()
        )
    except (ValueError, jsonschema_rs.ValidationError):
        return None
    explain = _Explanation(value, None).of
    return [violation for error in validator.iter_errors(value) for violation in explain(error)]
