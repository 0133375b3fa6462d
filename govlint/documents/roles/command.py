"""What one `@role` line says: `@role ROLE [VERB] INPUT [OPTION …]`, and where it does not parse.

Splitting is `tokens`' work; whether the role exists and takes the options is the caller's,
who knows the project's roles. A line with placeholders (`@role <role-id> <input>`) is a
template, which is no call.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from govlint.documents.roles.tokens import Line, Word

ROLE_ID = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*")
VERBS = frozenset(
    "run execute process scan analyze detect detect-drift verify validate check enforce".split()
)
_OPTION = re.compile(r"--(?P<name>[^=]*)(?P<given>=?)(?P<value>.*)", re.DOTALL)
_OPTION_LIKE = re.compile(r"--[A-Za-z][\w-]*(?:=|$)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"-[0-9][0-9.]*")
_SAMPLE = re.compile(r"(?:.*\.)?(?:x{2,}|y{2,}|\.{2,}|…|role-name|role-id|role_name|role_id)")

Fault = tuple[int, int, str]  # from, to, what to say


@dataclass(frozen=True, slots=True)
class Option:
    """One `--name=value`; `value` is None for a flag. `unknown`: the value is not known here."""

    name: str
    value: str | None
    start: int
    end: int
    value_start: int
    unknown: bool


@dataclass(slots=True)
class Command:
    """A parsed line. `role` is None where it is known only at run time.

    `open` says that words are put in at run time, so that nothing can be missing or too
    many. `shape` is the one fault in the order of the words, `faults` are the options';
    `apart` names the option whose value is not joined to it.
    """

    role: Word | None
    verb: Word | None = None
    input: Word | None = None
    options: list[Option] = field(default_factory=list)
    open: bool = False
    template: bool = False
    shape: Fault | None = None
    apart: str = ""
    faults: list[Fault] = field(default_factory=list)

    @property
    def role_id(self) -> str:
        """The role's id; empty where it is not known here."""
        return self.role.text if self.role is not None and not self.role.unknown else ""


def role_word(line: Line) -> Word | None:
    """The word in the role's place."""
    return line.words[0] if line.words else None


def is_template(line: Line) -> bool:
    """Whether the line holds a placeholder: it shows how a call is written and is none."""
    return any(word.template for word in line.words) or (
        bool(line.words) and _SAMPLE.fullmatch(line.words[0].text) is not None
    )


def parse(line: Line, start: int, verbs: Collection[str] = ()) -> Command:
    """Read the words of a line. `start` is where `@role` ends; `verbs` are the role's own."""
    if not line.words:
        fault = line.fault or (start, start, "names no role")
        return Command(None, shape=fault)
    role, *rest = line.words
    command = Command(role, template=is_template(line))
    if role.unknown:
        command.open = role.whole
    elif ROLE_ID.fullmatch(role.text) is None:
        command.shape = (role.start, role.end, _bad_role(role.text))
    if line.fault is not None and command.shape is None:
        command.shape = line.fault
    before: list[Word] = []
    after: list[Word] = []
    last_flag: Option | None = None
    for word in rest:
        if word.whole:
            command.open = True
        if _is_option(word):
            option = _option(word, command)
            last_flag = option if option and option.value in (None, "") else None
            continue
        if command.options or command.faults:
            after.append(word)
            if command.shape is None and not word.whole:
                command.shape = _misplaced(word, last_flag, before)
                command.apart = last_flag.name if last_flag else ""
        else:
            before.append(word)
    known = frozenset(verbs) or VERBS
    _place(command, before, bool(after), known, start)
    return command


def _is_option(word: Word) -> bool:
    if word.quoted:
        return _OPTION_LIKE.match(word.text) is not None
    dashed = word.text.startswith("-") and word.text != "-"
    return dashed and _NUMBER.fullmatch(word.text) is None


def _bad_role(text: str) -> str:
    near = re.sub(r"[/:]", ".", text.strip("\"'")).lower().replace("_", "-")
    said = f"`{text}` is no role id: a role is written `namespace.name` in lower-case letters"
    return f"{said}; did you mean `{near}`?" if ROLE_ID.fullmatch(near) else said


def _option(word: Word, command: Command) -> Option | None:
    found = _OPTION.fullmatch(word.text)
    if found is None:
        said = f"`{word.raw}` is no option: options begin with two dashes"
        command.faults.append((word.start, word.end, said))
        return None
    name = found["name"]
    if "\0" in name:
        command.open = True
        return None
    if _NAME.fullmatch(name) is None:
        said = f"`{word.raw}` is no option: write `--name` or `--name=value`"
        command.faults.append((word.start, word.end, said))
        return None
    value = found["value"] if found["given"] else None
    at = word.start + len(name) + 2 + len(found["given"])
    unknown = value is not None and "\0" in value
    option = Option(name, value, word.start, word.end, min(at, word.end), unknown)
    command.options.append(option)
    return option


def _misplaced(word: Word, flag: Option | None, before: list[Word]) -> Fault:
    if word.text == "=" or word.text.startswith("="):
        return word.start, word.end, "there is a blank before `=`: write `--name=value`"
    if flag is not None and (before or flag.value == ""):
        value = word.raw
        said = f"`{value}` stands apart from its option: write `--{flag.name}={value}`"
        return word.start, word.end, said
    return word.start, word.end, f"`{word.raw}` stands behind an option: the input comes before"


def _place(
    command: Command, before: list[Word], misplaced: bool, verbs: frozenset[str], start: int
) -> None:
    """Tell verb and input apart, and say where there are too few or too many words."""
    first = before[0] if before else None
    if first is not None and first.text in verbs and (len(before) > 1 or not first.quoted):
        command.verb = before.pop(0)
    command.input = before[0] if before else None
    if command.shape is not None or command.open or misplaced:
        return
    if len(before) > 1 and command.verb is None:
        first = before[0]
        if first.unknown:
            return
        listed = ", ".join(sorted(verbs))
        said = f"`{first.text}` is no verb of this role (there are {listed})"
        if len(before) > 2 or first.quoted:
            said = "there are more words than a verb and one input: quote what belongs together"
        command.shape = (first.start, first.end, said)
    elif len(before) > 1:
        extra = before[1]
        said = f"`{extra.raw}` is a second input: quote what belongs together"
        command.shape = (extra.start, extra.end, said)
