"""No credential is written into a mission."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govlint.documents.document import join_pointer

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.documents.missions.secrets import Secret
    from govlint.model import Finding, Rule

KIND = "inline-secret"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each credential, by its form or by where it stands."""
    for document in documents.of("mission"):
        seen: set[tuple[str, int]] = set()
        for pointer, text, secret in _secrets(document):
            if any(place == pointer and at == secret.start for place, at in seen):
                continue
            seen.add((pointer, secret.start))
            said = (
                f"{secret.what} is written into the mission; take it from the environment,"
                " {{env.NAME}}, and change it, for it is known now"
            )
            whole = secret.end - secret.start >= len(text.strip())
            place = (
                document.location(pointer)
                if whole
                else document.scalar_location(pointer, secret.start, secret.end)
            )
            yield rule.finding(said, place)


def _secrets(document: Document) -> Iterator[tuple[str, str, Secret]]:
    from govlint.documents.missions import secrets

    for pointer, name, value in _strings(document.value):
        found = list(secrets.in_text(value))
        named = secrets.under_name(name, value) if not found else None
        for secret in [*found, *([named] if named else [])]:
            yield pointer, value, secret
    for pointer, line in _lines(document):
        for text, secret in secrets.in_line(line):
            yield pointer, text, secret
    for pointer, arguments in _lists(document.value):
        for number, secret in secrets.in_arguments(arguments):
            if not any(True for _ in secrets.in_text(arguments[number])):
                yield f"{pointer}/{number}", arguments[number], secret


def _strings(value: Any) -> Iterator[tuple[str, str, str]]:
    """Every string with its pointer and the key that it stands under."""
    stack = [("", "", value)]
    while stack:
        pointer, name, current = stack.pop()
        if isinstance(current, str):
            yield pointer, name, current
        elif isinstance(current, dict):
            stack.extend(
                (pointer + join_pointer([key]), key, inner)
                for key, inner in reversed(current.items())
            )
        elif isinstance(current, list):
            stack.extend((f"{pointer}/{i}", "", x) for i, x in reversed(list(enumerate(current))))


def _lines(document: Document) -> Iterator[tuple[str, str]]:
    """The commands that hold their arguments, which the list of arguments does not."""
    from govlint.documents.missions.mission import mission_of

    for step in mission_of(document).every_step:
        for name, value in step.parameters.items():
            runs = {"command", "remote-command"} & {*step.roles(name)}
            if runs and isinstance(value, str) and " " in value:
                yield f"{step.pointer}/parameters{join_pointer([name])}", value


def _lists(value: Any) -> Iterator[tuple[str, list[str]]]:
    """The `args` of commands, wherever they stand."""
    stack = [("", value)]
    while stack:
        pointer, current = stack.pop()
        if isinstance(current, dict):
            for key, inner in current.items():
                place = pointer + join_pointer([key])
                if key == "args" and isinstance(inner, list):
                    yield place, [x if isinstance(x, str) else "" for x in inner]
                stack.append((place, inner))
        elif isinstance(current, list):
            stack.extend((f"{pointer}/{i}", x) for i, x in enumerate(current))
