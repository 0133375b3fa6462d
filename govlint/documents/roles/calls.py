"""Whether a place that may hold an `@role` call does, and what is wrong with the call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from govlint.documents.roles.command import ROLE_ID, VERBS, Command, Option, parse
from govlint.documents.roles.places import Call, Sureness
from govlint.documents.roles.tokens import KEYWORD, Line, Word, split

if TYPE_CHECKING:
    from govlint.documents.roles.known import Role, Roles

GLOBAL_FLAGS = frozenset(("debug",))
_ID_LIKE = re.compile(r"[A-Za-z][\w-]*[.:/][A-Za-z][\w-]*")
_PATH_LIKE = re.compile(r".*[/*\\].*|\.{1,2}|.*\.[A-Za-z0-9]{1,8}", re.DOTALL)
_ASSIGNS = ("=", ":=", "!=", "+=", "||=")
_SENTENCE_END = ".,:;!?"


class Fault(NamedTuple):
    """What is wrong with a call, and which characters of the text say it.

    `mild` marks what still runs: a call of a deprecated role or with a deprecated option.
    """

    start: int
    end: int
    message: str
    mild: bool = False


def call_faults(call: Call, roles: Roles) -> list[Fault]:
    """All faults of the call at a place; none where the place holds no call."""
    line = split(call.text, len(KEYWORD))
    if line.words and line.words[0].text.startswith(_ASSIGNS):
        return []  # a variable of SQL or Ruby, an attribute in XPath
    if not line.words and line.fault is None:
        if call.sureness is not Sureness.COMMAND:
            return []
    elif call.sureness is not Sureness.COMMAND and not _is_meant(line, call, roles):
        return []
    named = line.words[0].text if line.words else ""
    role = roles.by_id.get(named)
    command = parse(line, len(KEYWORD), role.verbs if role is not None else ())
    if command.template:
        return []
    if call.sureness is Sureness.PROSE and command.shape is not None:
        return []
    return list(_faults(command, call, role, roles))


# -- is it a call? ---------------------------------------------------------------------------------


def _is_meant(line: Line, call: Call, roles: Roles) -> bool:
    """Whether what follows the keyword looks like a call and not like a sentence."""
    if not line.words:
        return False
    first, *rest = line.words
    if _is_prose(rest):
        return False
    options = any(word.raw.startswith("--") and len(word.raw) > 3 for word in rest)
    paths = any(_is_path(word) for word in rest)
    verb = bool(rest) and rest[0].text in VERBS
    if first.unknown:
        return options or verb
    if call.sureness is Sureness.PROSE and first.text.endswith(tuple(_SENTENCE_END)):
        return False
    if ROLE_ID.fullmatch(first.text) or _ID_LIKE.fullmatch(first.text):
        namespace = re.split(r"[.:/]", first.text)[0].lower()
        return namespace in roles.namespaces or options or paths or verb
    if options and rest:
        return True
    return ((verb and (paths or len(rest) == 1)) or paths) and _names_a_role(first.text, roles)


def _is_prose(rest: list[Word]) -> bool:
    """Several plain words, with no path and no option among them, are a sentence."""
    if any(w.raw.startswith("--") or w.unknown or w.quoted or _is_path(w) for w in rest):
        return False
    return len(rest) > 2 or (len(rest) == 2 and rest[0].text not in VERBS)


def _is_path(word: Word) -> bool:
    return not word.raw.startswith("-") and _PATH_LIKE.fullmatch(word.text) is not None


def _names_a_role(word: str, roles: Roles) -> bool:
    """Whether a word that is no role id is like one of the project's, or like any."""
    folded = re.sub(r"[^a-z]", "", word.lower())
    for identifier in roles.by_id:
        namespace, _, name = identifier.partition(".")
        if folded in (namespace + name.replace("-", ""), name.replace("-", "")):
            return True
    return not roles.by_id and re.search(r"[._:/-]", word) is not None


# -- what is wrong with it? ------------------------------------------------------------------------


def _faults(command: Command, call: Call, role: Role | None, roles: Roles) -> Iterator[Fault]:
    if command.shape is not None:
        yield _at(command.shape)
    for fault in command.faults:
        yield _at(fault)
    word = command.role
    if word is None or word.unknown or ROLE_ID.fullmatch(word.text) is None:
        return
    if role is None:
        if roles.by_id or roles.registries:
            yield Fault(word.start, word.end, _unknown_role(word.text, roles))
        elif command.shape is None:
            yield from _missing_input(command, call, None)
        return
    if role.status == "DISABLED":
        yield Fault(word.start, word.end, f"role `{role.id}` is DISABLED: the call is refused")
    elif role.status == "DEPRECATED":
        yield Fault(word.start, word.end, f"role `{role.id}` is DEPRECATED", True)
    parameters = role.parameters
    if parameters is None:
        if command.shape is None:
            yield from _missing_input(command, call, None)
        return
    for option in command.options:
        yield from _option_faults(option, role, parameters, option.name == command.apart)
    named = {option.name for option in command.options}
    free = [name for name in role.required if name not in named]
    if command.input is not None and free:
        yield from _input_faults(command.input, free.pop(0), parameters)
    elif command.input is not None and role.required:
        word, listed = command.input, ", ".join(f"--{name}" for name in role.required)
        said = f"`{word.raw}` is an input too many: {listed} gives it already"
        yield Fault(word.start, word.end, said)
    if command.shape is None and not command.open:
        if command.input is None and _is_mention(command, call):
            return
        if command.input is None and not role.required:
            yield from _missing_input(command, call, role)
        elif free:
            yield _lacking(command, call, role, free)


def _at(fault: tuple[int, int, str]) -> Fault:
    """A fault with nothing of its own to point at is the keyword's."""
    start, end, message = fault
    if start >= end:
        return Fault(0, len(KEYWORD), f"`{KEYWORD}` {message}")
    return Fault(start, end, message)


def _is_mention(command: Command, call: Call) -> bool:
    """A code span or string that names a role and no more speaks of it, and does not call it."""
    return call.sureness is not Sureness.COMMAND and command.verb is None and not command.options


def _unknown_role(named: str, roles: Roles) -> str:
    from govlint.documents.roles.known import nearest_role

    near = nearest_role(named, roles)
    if near:
        return f"there is no role `{named}`; did you mean `{near}`?"
    listed = ", ".join(sorted(roles.by_id)[:8]) or "none"
    return f"there is no role `{named}`; there are {listed}"


def _missing_input(command: Command, call: Call, role: Role | None) -> Iterator[Fault]:
    if command.input is not None or command.open or _is_mention(command, call):
        return
    if role is None and command.options:
        return  # they may name all that it needs
    word = command.verb or command.role
    assert word is not None
    behind = "behind its verb" if command.verb is not None else "behind the role"
    yield Fault(word.start, word.end, f"the call has no input {behind}")


def _lacking(command: Command, call: Call, role: Role, free: list[str]) -> Fault:
    word = command.verb or command.role
    assert word is not None
    said = " and ".join(f"`{name}`" for name in free)
    how = "" if command.input is not None else ": the call has no input"
    return Fault(word.start, word.end, f"role `{role.id}` needs {said}{how}")


def _option_faults(
    option: Option, role: Role, parameters: Mapping[str, Mapping[str, Any]], apart: bool
) -> Iterator[Fault]:
    from govlint.documents.schema import nearest

    descriptor = parameters.get(option.name)
    if descriptor is None:
        if option.name in GLOBAL_FLAGS:
            descriptor = {"type": "boolean"}
        else:
            near = nearest(option.name, parameters)
            listed = ", ".join(parameters) or "none"
            hint = f"did you mean `--{near}`?" if near else f"it takes {listed}"
            said = f"role `{role.id}` has no parameter `{option.name}`; {hint}"
            yield Fault(option.start, option.end, said)
            return
    if descriptor.get("deprecated") is True:
        said = f"parameter `{option.name}` of role `{role.id}` is deprecated"
        yield Fault(option.start, option.end, said, True)
    if option.unknown or apart:
        return
    if option.value is None:
        kind = descriptor.get("type")
        if kind not in ("boolean", None) and not (isinstance(kind, list) and "boolean" in kind):
            said = f"`--{option.name}` needs a value: it is {_article(kind)}"
            yield Fault(option.start, option.end, said)
        return
    for message in _value_faults(option.value, descriptor):
        start = option.value_start if option.value_start < option.end else option.start
        yield Fault(start, option.end, f"`--{option.name}`: {message}")


def _input_faults(
    word: Word, name: str, parameters: Mapping[str, Mapping[str, Any]]
) -> Iterator[Fault]:
    if word.unknown:
        return
    for message in _value_faults(word.text, parameters[name]):
        yield Fault(word.start, word.end, f"the input is `{name}`: {message}")


def _value_faults(text: str, descriptor: Mapping[str, Any]) -> list[str]:
    from govlint.documents.roles.descriptors import ValueFault, refusals, value_of

    try:
        value = value_of(text, descriptor)
    except ValueFault as fault:
        return [str(fault)]
    found = refusals(value, descriptor)
    return [message for _, message in found[:1]]


def _article(kind: Any) -> str:
    words = {"string": "text", "integer": "a whole number", "number": "a number"}
    words |= {"array": "a list", "object": "a mapping"}
    return words.get(str(kind), "no flag")
