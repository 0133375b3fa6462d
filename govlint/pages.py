"""Rule pages: Markdown in, a rule with its examples out, every fault with its line.

A page is front matter, a title, why, `## How to fix`, `## Invalid` and `## Valid`. It is
the only place where a rule is stated; the documentation, the SARIF help and the tests
are made from it (design section 3, idea 1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from govlint.errors import RuleError
from govlint.model import Rule, Severity

REQUIRED = ("id", "name", "severity", "since", "check", "params", "spec")
SECTIONS = ("How to fix", "Invalid", "Valid")
CODE = re.compile(r"[A-Z]{3}[0-9]{3}")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_DEPTH = 20  # of the front matter: PyYAML's time grows with the square of it
_SINCE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
EXPECT = re.compile(r"(?:<!--\s*)?#\s*expect:\s*(?P<codes>.*?)(?:\s*-->)?$")
_POINTED = re.compile(r"(?:(?P<code>[A-Z]{3}[0-9]{3}):)?(?:(?P<pointer>#|/.*)|@(?P<line>[0-9]+))")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Expected:
    """One finding that an example must give: where, and of which rule.

    `pointer` is the finding's JSON pointer, or `@` and a line, where the block's fence says it.
    """

    path: str
    line: int
    code: str
    pointer: str | None = None


@dataclass
class Example:
    """One small project of a page: files, and the findings that must be there, no others."""

    valid: bool
    line: int
    files: dict[str, str] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    fences: dict[str, int] = field(default_factory=dict)  # file → the page's line of its fence
    tamper: str = ""  # what is done to the receipt that an example about receipts stands for

    def page_line(self, path: str, line: int) -> int:
        """The line of the page on which the line of a file of this example stands."""
        return self.fences[path] + line if path in self.fences else self.line


@dataclass
class Page:
    """A parsed page: the rule it states, its examples, and the line of each front matter key."""

    rule: Rule
    examples: list[Example]
    where: dict[str, int]


def parse(text: str, path: str) -> Page:
    """Read one page. Raises RuleError with the line of the first fault."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    front, where, body_line = _front_matter(text, path)
    lines = text.split("\n")
    body = "\n".join(lines[body_line - 1 :])
    title, why, fix, examples = _body(body, body_line, path)
    rule = Rule(
        code=front["id"],
        name=front["name"],
        severity=Severity.parse(front["severity"]),
        since=front["since"],
        check=front["check"],
        params=front["params"],
        spec=front["spec"],
        pack=path.replace("\\", "/").rpartition("/")[0].rpartition("/")[2],
        summary=title,
        why=why,
        fix=fix,
        path=path,
        digest=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    )
    _check_expectations(rule, examples, path)
    return Page(rule, examples, where)


# -- front matter --------------------------------------------------------------------------


def _front_matter(text: str, path: str) -> tuple[dict[str, Any], dict[str, int], int]:
    lines = text.split("\n")
    if lines[0].strip() != "---":
        raise RuleError("a rule page begins with front matter between two `---` lines", path, 1)
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise RuleError("the front matter has no closing `---`", path, 1)
    values, where = _yaml("\n".join(lines[1:end]), path)
    for key in values:
        if key not in REQUIRED:
            hint = nearest(str(key), REQUIRED)
            raise RuleError(
                f"unknown key `{key}` in the front matter{hint}; it takes {', '.join(REQUIRED)}",
                path,
                where.get(str(key), 2),
            )
    for key in REQUIRED:
        if key not in values:
            raise RuleError(f"the front matter lacks `{key}`", path, 2)
    params = values["params"]
    if params is None:
        params = values["params"] = {}
    if not isinstance(params, dict) or not all(isinstance(name, str) for name in params):
        raise RuleError("`params` is a mapping of names to values", path, where["params"])
    for key in REQUIRED:
        if key != "params" and not isinstance(values[key], str):
            raise RuleError(
                f"`{key}` is text, found {type(values[key]).__name__} {values[key]!r};"
                " put it in quotes",
                path,
                where[key],
            )
    for key, pattern, form in (
        ("id", CODE, "three capitals and three digits, as GOV101"),
        ("name", NAME, "lower-case words joined by `-`"),
        ("since", _SINCE, "a version such as 0.1.0"),
    ):
        if not pattern.fullmatch(values[key]):
            raise RuleError(f"`{key}` is {form}, found {values[key]!r}", path, where[key])
    labels = [severity.label for severity in Severity]
    if values["severity"] not in labels:
        message = f"`severity` is one of {', '.join(labels)}, found {values['severity']!r}"
        raise RuleError(message, path, where["severity"])
    file = path.replace("\\", "/").rpartition("/")[2]
    wanted = f"{values['id']}-{values['name']}.md"
    if file != wanted:
        raise RuleError(f"the file of this rule is named {wanted}, not {file}", path, where["id"])
    return values, where, min(end + 2, len(lines))


def _yaml(text: str, path: str) -> tuple[dict[str, Any], dict[str, int]]:
    import yaml

    last = text.count("\n") + 2  # YAML knows line ends that a page does not

    def fault(error: Exception) -> RuleError:
        mark = getattr(error, "problem_mark", None)
        line = min(mark.line + 2, last) if mark is not None else 2
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        return RuleError(f"the front matter is no YAML: {said}", path, line)

    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = min(getattr(event.start_mark, "line", 0) + 2, last)
            if isinstance(event, yaml.AliasEvent):  # a few could stand for gigabytes
                raise RuleError("the front matter takes no YAML aliases", path, line)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                said = f"the front matter is nested more than {_MAX_DEPTH} deep"
                raise RuleError(said, path, line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise fault(error) from None
    if not isinstance(node, yaml.MappingNode):
        raise RuleError("the front matter is a mapping of keys to values", path, 2)
    where: dict[str, int] = {}
    for key, _ in node.value:
        name = str(key.value)
        line = min(key.start_mark.line + 2, last)
        if name == "<<":
            raise RuleError("the front matter takes no YAML merge key `<<`", path, line)
        if name in where:
            raise RuleError(f"`{name}` stands twice in the front matter", path, line)
        where[name] = line
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError) as error:
        raise fault(error) from None
    except AttributeError:  # PyYAML on a `!!timestamp` that is none
        raise RuleError("the front matter has a value that its tag does not fit", path, 2) from None
    return values, where


def nearest(word: str, words: Iterable[str]) -> str:
    """`, did you mean …?` for the word most like a wrong one, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(words), 1)
    return f", did you mean `{close[0]}`?" if close else ""


# -- body -------------------------------------------------------------------------------------


def _body(body: str, offset: int, path: str) -> tuple[str, str, str, list[Example]]:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(body)
    lines = body.split("\n")
    title = ""
    section: str | None = None
    parts: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    examples: list[Example] = []
    adjacent = False
    for index, token in enumerate(tokens):
        line = offset + (token.map[0] if token.map else 0)
        if token.level == 0 and token.type == "heading_open":
            heading = tokens[index + 1].content.strip()
            adjacent = False
            if token.tag == "h1":
                if title:
                    raise RuleError("a page has one title; found a second", path, line)
                title, section = heading, ""
            elif token.tag == "h2":
                if not title:
                    break
                if heading not in SECTIONS:
                    hint = nearest(heading, SECTIONS)
                    raise RuleError(
                        f"unknown section `{heading}`{hint}; a page has {', '.join(SECTIONS)}",
                        path,
                        line,
                    )
                if heading in seen:
                    raise RuleError(f"section `{heading}` stands twice", path, line)
                seen[heading] = line
                section = heading
            elif section is not None:
                end = token.map[1] if token.map else 0
                parts.setdefault(section, []).append(lines[end - 1])
        elif token.type in ("fence", "code_block") and section in ("Invalid", "Valid"):
            if token.level > 0 or token.type == "code_block":
                raise RuleError(
                    "an example is a fenced code block of its own, not indented, in no list"
                    " and in no quotation",
                    path,
                    line,
                )
            if not _is_closed(token, lines):
                raise RuleError("this code block is never closed", path, line)
            adjacent = _add_block(examples, token, section == "Valid", line, adjacent, path)
        elif token.level == 0 and token.map:
            adjacent = False
            if token.nesting >= 0 and section is not None:
                parts.setdefault(section, []).append("\n".join(lines[token.map[0] : token.map[1]]))
    if not title:
        raise RuleError("a page has a title (`# …`) that says what must hold", path, offset)
    for name in SECTIONS:
        if name not in seen:
            raise RuleError(f"the page lacks the section `## {name}`", path, offset)
    for name in ("Invalid", "Valid"):
        if not any(example.valid is (name == "Valid") for example in examples):
            raise RuleError(
                f"section `{name}` has no code block; every rule shows both", path, seen[name]
            )
    why = "\n\n".join(parts.get("", [])).strip()
    fix = "\n\n".join(parts.get("How to fix", [])).strip()
    if not why:
        raise RuleError("the page does not say why the rule matters, below its title", path, offset)
    if not fix:
        raise RuleError("section `How to fix` is empty", path, seen["How to fix"])
    return title, why, fix, examples


def _is_closed(token: Any, lines: list[str]) -> bool:
    first, end = token.map
    last = lines[end - 1].strip()
    return end - first > 1 and last.startswith(token.markup) and not last.strip(token.markup[0])


def _add_block(
    examples: list[Example], token: Any, valid: bool, line: int, adjacent: bool, path: str
) -> bool:
    language, _, rest = token.info.strip().partition(" ")
    attributes = dict(_ATTRIBUTE.findall(rest))
    known = {"title", "expect", *({"tamper"} if language == "jsonl" else ())}
    if set(attributes) - known or _ATTRIBUTE.sub("", rest).strip():
        raise RuleError(
            f'a code block takes `title="…"` and `expect="…"`, found `{rest.strip()}`', path, line
        )
    title = attributes.get("title")
    if title is not None and not _is_inside(title):
        raise RuleError(f"title {title!r} is no relative path inside the example", path, line)
    if title is None and language not in _SUFFIXES:
        raise RuleError(
            f"an example without a title is {', '.join(sorted(set(_SUFFIXES)))},"
            f" found {language or 'no language'}",
            path,
            line,
        )
    name = title or f"example.{_SUFFIXES[language]}"
    if title is not None and adjacent and examples and examples[-1].valid is valid:
        example = examples[-1]
        if name in example.files:
            raise RuleError(f"the example has two files named {name}", path, line)
        if any(f"{a}/".startswith(f"{b}/") for a, b in _both_ways(name, example.files)):
            raise RuleError(f"{name} is a file and a folder of the example", path, line)
    else:
        example = Example(valid, line)
        examples.append(example)
    example.files[name] = token.content
    example.fences[name] = line
    example.tamper = attributes.get("tamper", "")
    for number, source in enumerate(token.content.split("\n"), 1):
        found = EXPECT.search(source)
        if found is None:
            continue
        for code in found["codes"].split(","):
            if not CODE.fullmatch(code.strip()):
                raise RuleError(
                    f"`# expect:` names codes such as GOV101, found {code.strip()!r}",
                    path,
                    line + number,
                )
            example.expected.append(Expected(name, number, code.strip()))
    for word in (attributes.get("expect") or "").split():
        example.expected.append(_pointed(word, name, path, line))
    return title is not None


def _pointed(word: str, name: str, path: str, line: int) -> Expected:
    """Read one entry of `expect="…"`: a JSON pointer, `#` for the whole document, or `@` and
    a line of the block; each with a code in front where it is another rule's.
    """
    found = _POINTED.fullmatch(word)
    if found is None:
        raise RuleError(
            f'`expect="…"` takes JSON pointers such as /steps/0, `#` or `@3`, found {word!r}',
            path,
            line,
        )
    code = found["code"] or ""
    if found["line"]:
        return Expected(name, int(found["line"]), code, f"@{found['line']}")
    return Expected(name, 1, code, found["pointer"].removeprefix("#"))


def _both_ways(name: str, others: Iterable[str]) -> Iterable[tuple[str, str]]:
    for other in others:
        yield name, other
        yield other, name


def _is_inside(title: str) -> bool:
    parts = title.split("/")
    return (
        all(part.strip() not in ("", ".", "..") for part in parts)
        and not title.startswith("~")
        and not any(char in "\\:" or ord(char) < 32 for char in title)
    )


_SUFFIXES = {
    "python": "py",
    "py": "py",
    "toml": "toml",
    "json": "json",
    "jsonl": "jsonl",
    "yaml": "yaml",
    "markdown": "md",
    "sh": "sh",
}


def _check_expectations(rule: Rule, examples: list[Example], path: str) -> None:
    for example in examples:
        own = [e for e in example.expected if e.code in (rule.code, "")]
        if example.valid and example.expected:
            raise RuleError("a valid example expects no finding", path, example.line)
        if not example.valid and not own:
            raise RuleError(
                f"an invalid example marks no line with `# expect: {rule.code}`", path, example.line
            )
