"""Variables of a mission (spec 002, Variable Substitution), resolved just before a step runs.

What a variable brings in is data: it is put in once, is not read for further references, and
never becomes a second argument or a key. A reference that names nothing is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime_min.kernel.errors import ValidationFailed

FORMS = "{{env.NAME}}, {{STEP.output.FIELD}}, {{context.NAME}} and {{config.NAME}}"
_TEMPLATE = re.compile(r"\{\{\{\{|\{\{([^{}]*)\}\}")
_PART = re.compile(r"([\w-]+)((?:\[\d+\])*)")
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:key|keys|token|tokens|secret|secrets|password|passwd|passphrase|pwd|pass|"
    r"credential|credentials|auth|cookie|dsn|apikey|private)(?:_|$)|(?:url|uri)$",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 4  # shorter ones would black out ordinary words
_URL_CREDENTIAL = re.compile(r"://[^/@\s]*:[^/@\s]+@")


@dataclass(slots=True)
class Scope:
    """Where variables come from; `outputs` holds a finished step's output and its status."""

    env: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chained: frozenset[str] = frozenset()
    """Sub-steps of a chain, whose outputs `{{name}}` and `{{name.field}}` give, too."""

    def secrets(self) -> dict[str, str]:
        """Names and values of the environment's secrets, longest value first."""
        found = {
            name: value
            for name, value in self.env.items()
            if len(value) >= _SHORTEST_SECRET and is_secret(name, value)
        }
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def is_secret(name: str, value: str) -> bool:
    """Whether an environment variable holds a credential, by its name or by what is in it."""
    if name.lower().endswith(("url", "uri")):
        return _URL_CREDENTIAL.search(value) is not None
    return _SECRET_NAME.search(name) is not None


def resolve(value: Any, scope: Scope, secret_allowed: Callable[[tuple[str, ...]], bool]) -> Any:
    """Put in every reference in the strings of `value`, at any depth; keys stay as they are.

    A string that is one whole reference becomes the value itself, of whatever type; within a
    text other values are written as JSON. `secret_allowed` says for a path of keys whether a
    secret may stand there. Raises ValidationFailed for a reference that names nothing.
    """
    return _resolve(value, scope, secret_allowed, ())


def _resolve(
    value: Any,
    scope: Scope,
    secret_allowed: Callable[[tuple[str, ...]], bool],
    path: tuple[str, ...],
) -> Any:
    if isinstance(value, str):
        return _text(value, scope, secret_allowed(path), path)
    if isinstance(value, list):
        return [
            _resolve(item, scope, secret_allowed, (*path, str(i))) for i, item in enumerate(value)
        ]
    if isinstance(value, dict):
        return {
            key: _resolve(item, scope, secret_allowed, (*path, key)) for key, item in value.items()
        }
    return value


def _text(text: str, scope: Scope, secrets: bool, path: tuple[str, ...]) -> Any:
    if "{{" not in text:
        return text
    whole = _TEMPLATE.fullmatch(text.strip())
    if whole is not None and whole[1] is not None:
        return _value(whole[1].strip(), scope, secrets, path)

    def put(found: re.Match[str]) -> str:
        if found[1] is None:
            return "{{"
        value = _value(found[1].strip(), scope, secrets, path)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _TEMPLATE.sub(put, text)


def _value(name: str, scope: Scope, secrets: bool, path: tuple[str, ...]) -> Any:
    step = next((step for end in _ends(name) if (step := name[:end]) in scope.steps), None)
    source, _, rest = name.partition(".")
    if step is not None and source not in ("env", "context", "config"):
        known = scope.steps[step]
        rest = name[len(step) + 1 :]
        return _dig(known, rest, name)
    if source == "env" and rest:
        if rest not in scope.env:
            raise _unknown(f"{{{{{name}}}}}: the environment has no variable {rest}")
        value = scope.env[rest]
        if not secrets and is_secret(rest, value):
            where = ".".join(path)
            raise ValidationFailed(
                f"{{{{{name}}}}} is a secret, and {where} is written to the record:"
                " use it in a parameter that takes a credential",
                "secret-exposed",
            )
        return value
    if source == "context" and rest:
        return _dig(scope.context, rest, name)
    if source == "config" and rest:
        return _dig(scope.config, rest, name)
    if source in scope.chained and source in scope.steps:
        output = scope.steps[source]["output"]
        return _dig(output, rest, name) if rest else output
    if name in scope.context:  # two examples of spec 002 write it without its source
        return scope.context[name]
    raise _unknown(f"{{{{{name}}}}} is none of the four forms: {FORMS}")


def _ends(name: str) -> list[int]:
    """Where a step's id may end, the longest first: ids may hold dots."""
    found = []
    for word in (".output", ".status", ".error"):
        for match in re.finditer(re.escape(word) + r"(?=$|[.\[])", name):
            found.append(match.start())
    return sorted(found, reverse=True)


def _dig(value: Any, rest: str, name: str) -> Any:
    for part in rest.split("."):
        match = _PART.fullmatch(part)
        if match is None:
            raise _unknown(f"{{{{{name}}}}}: {part!r} is no name")
        value = _entry(value, match[1], name)
        for index in re.findall(r"\[(\d+)\]", match[2]):
            value = _entry(value, index, name)
    return value


def _entry(value: Any, key: str, name: str) -> Any:
    if isinstance(value, Mapping) and key in value:
        return value[key]
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        return value[int(key)]
    if isinstance(value, Mapping):
        there = ", ".join(sorted(map(str, value))[:20]) or "nothing"
        raise _unknown(f"{{{{{name}}}}}: there is no {key!r}, only {there}")
    if isinstance(value, list):
        raise _unknown(f"{{{{{name}}}}}: there is no entry {key} of {len(value)}")
    raise _unknown(
        f"{{{{{name}}}}}: {key!r} is asked of {type(value).__name__}, which has no parts"
    )


def _unknown(message: str) -> ValidationFailed:
    return ValidationFailed(message, "undefined-variable")


class Redactor:
    """Takes secrets out of whatever leaves a step: outputs, errors, log lines."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        forms: dict[str, str] = {}
        for name, value in secrets.items():
            for form in (
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
            ):
                forms.setdefault(form, name)
        self._names = forms
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text with `[secret NAME]` wherever a secret stood."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"[secret {self._names[found[0]]}]", text)

    def value(self, value: Any) -> Any:
        """As `text`, in every string and key of a JSON value."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value
