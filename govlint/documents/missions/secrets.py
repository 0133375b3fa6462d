"""Credentials written into a mission.

Two ways to know one: by its form (the prefixes that issuers give their tokens), and by
where it stands (a password of an address, a header, a parameter or argument named for
one). Placeholders, references and names of variables are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from govlint.documents.screen import Doubt, Screen, Suspect, wider

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
# token formats, as their issuers document them
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})\b")),
    ("a GitLab token", re.compile(r"\bgl(?:pat|rt|dt|ptt|ft|soat)-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[\w-]{10,}")),
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/services/T\w+/B\w+/\w{16,}")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}(?![\w-])")),
    ("a Google token", re.compile(r"\bya29\.[\w-]{20,}")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("an Anthropic key", re.compile(r"\bsk-ant-[\w-]{20,}")),
    ("an OpenAI key", re.compile(r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{20,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a PyPI token", re.compile(r"\bpypi-AgE[\w-]{50,}")),
    ("a SendGrid key", re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{20,}")),
    ("a DigitalOcean token", re.compile(r"\bdo[op]_v1_[a-f0-9]{64}\b")),
    ("a Telegram token", re.compile(r"\b\d{8,10}:AA[\w-]{32,35}\b")),
    ("an Azure storage key", re.compile(r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}")),
    ("a JSON Web Token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.I)
_NAMES = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|pwd|pass|secret|token|api[_-]?key|apikey"
    r"|access[_-]?key(?:[_-]id)?|secret[_-]?key|private[_-]?key|client[_-]?secret|auth[_-]?token"
    r"|bearer|credentials?|authorization|x-api-key|auth[_-]?key|signing[_-]?key"
    r"|encryption[_-]?key|connection[_-]?string|account[_-]?key)$",
    re.I,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# a token that is no credential
_HARMLESS = re.compile(
    r"(?:^|[_-])(?:max|min|num|page|next|stop|start|end|eos|bos|pad|unk|mask|sep|cls|cursor|sync"
    r"|continuation|public|first|last|prompt|completion|total|count|per|special|csrf)[_-]",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"""(?xi) ^(?:
      <[^<>]*> | \[[^\[\]]*\] | \*+ | x{3,}(?:-x+)* | \.{3,} | -+ | \?+ | _+
    | (?:your|my|the|some|an?|insert|enter|put|add|replace|change|set|use|fill|provide)
      [\s_-]*(?:me|own|real|actual|here|this|it|in)?(?:[\s_-].*)?
    | changeme.* | change_?it | placeholder.* | redacted.* | hidden | masked | removed | omitted
    | example.* | sample.* | dummy.* | fake.* | none | null | nil | undefined | n/?a | tbd
    | todo.* | empty | unset | default | true | false | yes | no | anonymous | guest
    | env(?:ironment)? | vault | prompt | ask
    | .*(?:-here|_here|\ here) | \$\w+ | \$\{.*\} | \$\(.*\) | %\w+% | %\(.*\)s | @\w+ | \#\{.*\}
    | (?:env|vault|secret|secrets|file|ssm|aws|gcp|azure|op|keyring|keychain|sops):.*
    | (?:/|\./|~/).* | .*\.(?:key|pem|txt|json|ya?ml|crt|env)
    )$"""
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_OPTION = re.compile(
    r"--?(?:[a-z0-9]+[-_])*(?:password|passwd|passphrase|pass|secret|token|api-?key|api_key"
    r"|access-?key|secret-?key|client-?secret|private-?key|auth-?token)",
    re.I,
)
_ASSIGNMENT = re.compile(r"^(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*[\"']?([^\s\"']+)[\"']?$")
_HEADER = re.compile(r"^\s*([A-Za-z][\w-]*)\s*:\s*(.+)$")


# `NAME = value`, `"name": "value"`, `Name=value;` in a text: a setting, an entry of a DSN
_SETTING = re.compile(
    r"""(?x) (?<![\w$.{<]) (?P<name>[A-Za-z_][\w.-]{1,60}) (?P<shut>["']?)
    [ \t]*(?P<sign>=>|:=|=|:)[ \t]*
    (?: (?P<quote>["'])(?P<quoted>[^"'\n]{1,200})(?P=quote)
      | (?P<bare>[^\s"',;&|(){}\[\]<>$%*]{6,200}) )
    (?=(?P<after>[^\n]?[ \t]*[^\s]?))"""
)
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")  # `settings.PASSWORD`
_COOKIE = re.compile(r"(?i)(?:^|;\s*)([\w.-]*(?:sess|sid|auth|token|jwt)[\w.-]*)=([^;\s]{16,})")


class Secret(NamedTuple):
    """Where a credential stands in a string, and what it is."""

    start: int
    end: int
    what: str


def in_text(text: str) -> Iterator[Secret]:
    """Credentials that their form or an address gives away, in any string."""
    if _SCREEN.clears(text):
        return
    taken: list[tuple[int, int]] = []
    for what, form in _FORMS:
        for found in form.finditer(text):
            start, end = found.span()
            if any(a < end and start < b for a, b in taken) or _is_filler(found.group()):
                continue
            taken.append((start, end))
            yield Secret(start, end, what)
    for found in _URL.finditer(_masked(text)):
        secret = _in_address(text, found)
        if secret and not any(a < secret.end and secret.start < b for a, b in taken):
            taken.append((secret.start, secret.end))
            yield secret
    for secret in _in_settings(text):
        if not any(a < secret.end and secret.start < b for a, b in taken):
            yield secret


def _in_settings(text: str) -> Iterator[Secret]:
    """Credentials that are assigned in a text: `DB_PASSWORD=…`, `password: …` on a line."""
    for found in _SETTING.finditer(text):
        name = re.split(r"[.]", found["name"])[-1]
        if not is_named_for_one(name):
            continue
        value = found["quoted"] or found["bare"]
        if not is_credential(value) or not _is_written_out(found, name, value):
            continue
        group = "quoted" if found["quoted"] else "bare"
        yield Secret(*found.span(group), f"a credential under `{name}`")


def _is_written_out(found: re.Match[str], name: str, value: str) -> bool:
    """Whether what is assigned reads as a credential, and not as a word, a type or code."""
    digits = any(char.isdigit() for char in value)
    letters = any(char.isalpha() for char in value)
    if found["quoted"]:
        return len(value) >= 6 and " " not in value and (digits or not value.isalpha())
    if _CODE.fullmatch(value) or (found["after"][:1] in ("(", "[") and found["after"][:1]):
        return False
    if found["sign"] == ":" and not found["shut"] and not _ends_here(found["after"]):
        return False  # prose goes on
    if not letters:
        return digits and "pass" in name.lower() and len(value) >= 8
    return digits and len(value) >= 7


def _ends_here(after: str) -> bool:
    return not after.strip() or after[:1] in ",;&\"'}" or after.strip()[:1] == "#"


def _in_address(text: str, found: re.Match[str]) -> Secret | None:
    try:
        parts = urlsplit(found.group())
    except ValueError:
        return None
    userinfo, at, _ = parts.netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    base = found.start() + len(parts.scheme) + 3
    if at and colon and is_credential(unquote(password)) and unquote(password) != user:
        start = base + len(user) + 1
        return Secret(start, start + len(password), "a password in an address")
    if at and colon and password and password == user and password not in ("user", "username"):
        start = base + len(user) + 1
        if is_credential(password):
            return Secret(start, start + len(password), "a password in an address")
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if is_named_for_one(name) and is_credential(unquote(value)):
            start = found.start() + found.group().index(pair) + len(name) + 1
            return Secret(start, start + len(value), f"the credential `{name}` in an address")
    return None


def under_name(name: str, text: str) -> Secret | None:
    """A credential because it stands under such a name: `password: hunter2`."""
    if name.lower() in ("cookie", "set-cookie"):
        for found in _COOKIE.finditer(text):
            if is_credential(found[2]) and any(char.isdigit() for char in found[2]):
                return Secret(*found.span(2), f"the cookie `{found[1]}`")
        return None
    if not is_named_for_one(name):
        return None
    value = text
    start = 0
    if re.search(r"authorization$", name, re.I):
        scheme, _, rest = text.strip().partition(" ")
        if rest:
            start = text.index(rest, len(scheme))
            value = rest
            if scheme.lower() not in ("bearer", "basic", "token", "apikey", "digest", "negotiate"):
                value, start = text, 0
    if not is_credential(value):
        return None
    return Secret(start, start + len(value), f"a credential under `{name}`")


def in_arguments(arguments: list[str]) -> Iterator[tuple[int, Secret]]:
    """Credentials among the arguments of a program: `--token x`, `--token=x`, `-H "Auth…: x"`."""
    for position, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if equals and _OPTION.fullmatch(option) and is_credential(value):
            yield position, Secret(len(option) + 1, len(word), f"a credential after `{option}`")
            continue
        assigned = _ASSIGNMENT.match(word)
        if assigned and is_named_for_one(assigned[1]) and is_credential(assigned[2]):
            yield position, Secret(*assigned.span(2), f"a credential in `{assigned[1]}`")
            continue
        before = arguments[position - 1] if position else ""
        header = _HEADER.match(word)
        if header and before not in ("-u", "--user"):
            secret = under_name(header[1], header[2])
            if secret is not None:
                at = header.start(2)
                yield position, Secret(at + secret.start, at + secret.end, secret.what)
                continue
        if _OPTION.fullmatch(before) and not word.startswith("-") and is_credential(word):
            yield position, Secret(0, len(word), f"a credential after `{before}`")
        elif before in ("-u", "--user") and re.match(r"[^:\s]+:.+", word):
            password = word.partition(":")[2]
            if is_credential(password):
                at = len(word) - len(password)
                yield position, Secret(at, len(word), f"a password after `{before}`")


def in_line(line: str) -> Iterator[tuple[str, Secret]]:
    """Credentials among the words of a command line, where the text itself tells none."""
    import shlex

    if any(True for _ in in_text(line)):
        return
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    for number, secret in in_arguments(words):
        value = words[number][secret.start : secret.end]
        at = line.find(value)
        if at >= 0:
            yield line, Secret(at, at + len(value), secret.what)


@lru_cache(maxsize=1 << 12)
def is_named_for_one(name: str) -> bool:
    """Whether a key is a name that a credential stands under."""
    plain = _CAMEL.sub("_", name.strip())
    return _NAMES.search(plain) is not None and _HARMLESS.search(plain) is None


def is_credential(value: str) -> bool:
    """Whether a value may be a credential: written out, and no placeholder."""
    plain = value.strip().strip("\"'")
    if not plain or _TEMPLATE.search(plain) or "{{" in plain:
        return False
    if _PLACEHOLDER.match(plain) or _VARIABLE.fullmatch(plain) or _is_filler(plain):
        return False
    return len(plain) >= 3 and not re.search(r"\s.*\s", plain)


def _is_filler(value: str) -> bool:
    """`sk-xxxxxxxxxxxxxxxxxxxx`, `AKIAIOSFODNN7EXAMPLE`: the shape of a credential, for show."""
    body = re.sub(r"[^A-Za-z0-9]", "", value)
    if re.search(r"(?i)example|placeholder|your[_-]?|redacted|changeme|dummy", value):
        return True
    tail = body[len(body) // 3 :]
    return len(tail) >= 4 and len(set(tail.lower())) <= 2


def _masked(text: str) -> str:
    """The text with templates as marks of the same length that an address may hold."""
    return _TEMPLATE.sub(lambda m: "{" * len(m.group()), text)


def _doubts() -> list[Doubt]:
    """What has to match a text for `in_text` to find anything in it."""
    forms = [_wider(form) for _, form in _FORMS]
    settings = _wider(_SETTING), _wider(_NAMES)  # a setting, and a name that one stands under
    return [*((form,) for form in forms), (_wider(_URL),), settings]


def _wider(form: re.Pattern[str]) -> str:
    return wider(Suspect(form, folded=False, edges=False, lines=True))


_SCREEN = Screen(_doubts, lines=True)
