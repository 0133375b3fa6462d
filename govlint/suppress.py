"""Suppression comments: `# govlint: ignore[direct-plugin-run] -- reason; until=2027-03-31`.

A suppression is a decision somebody took, so it has to say what it silences and why, and
it ends when it no longer silences anything: bare, unexplained, unknown, expired and
unused ones are findings themselves (GOV801, GOV802), which nothing can suppress.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from govlint.model import Edit, Finding, Fix, Location, Rule, Suppressed
from govlint.python.syntax.comments import Comment, find_comments

REASON_KIND = "suppression-reason"
UNUSED_KIND = "suppression-unused"
WORD = "govlint"

_HINT = re.compile(r"#[ \t]*govlint\b", re.I)
_DIRECTIVE = re.compile(r"\#[ \t]*govlint[ \t]*:[ \t]*(?P<body>.*)", re.I | re.S)
_NO_COLON = re.compile(r"#[ \t]*govlint[ \t]+(?:ignore|disable|noqa)(?:-file)?\b", re.I)
_NEXT = re.compile(r"[ \t]+#[ \t]*[^\W\d]")  # another comment's begin; `#12` is none
_BODY = re.compile(r"(?P<verb>[\w-]+)[ \t]*(?:\[(?P<rules>[^\]]*)\])?(?P<rest>.*)", re.S)
_UNTIL = re.compile(r";[ \t]*until[ \t]*=[ \t]*(?P<date>[^;]*?)[ \t]*$", re.I)
_REASON = re.compile(r"[ \t]*--+[ \t]*(?P<reason>.*)", re.S)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXAMPLE = f"# {WORD}: ignore[rule-name] -- reason"
_TOP_LINES = 50  # an ignore-file comment has to be seen by whoever opens the file


class Directive(NamedTuple):
    """A suppression comment as written. `fault` says why it silences nothing, if so.

    `line`, `first` and `last` are lines from 1, columns too. `rules_column` to `rules_end` is
    what the brackets hold, `cut_column` to `end_column` what goes when it is removed.
    """

    line: int
    column: int
    end_column: int
    first: int
    last: int
    alone: bool
    whole_file: bool
    rules: tuple[str, ...]
    reason: str
    until: str | None
    fault: str | None
    rules_column: int
    rules_end: int
    cut_column: int


def parse_directives(text: str, syntax: str = "python") -> list[Directive]:
    """Find the suppression comments of a file; text in strings is none.

    `syntax` is `python`, `yaml`, `text` (lines of a script, with `#` comments) or `json`,
    which has no comments.
    """
    if syntax == "json" or not _HINT.search(text):
        return []
    comments: Iterable[Comment]
    if syntax == "python":
        comments = find_comments(text)
    else:
        from govlint.documents.comments import line_comments, yaml_comments

        comments = yaml_comments(text) if syntax == "yaml" else line_comments(text)
    return [directive for comment in comments if (directive := _parse(comment)) is not None]


def about_texts(directives: Iterable[Directive], rules: Iterable[Rule]) -> list[Directive]:
    """The directives of a text, such as a README, that name a rule about texts.

    Others are examples of how suppressions are written: no rule could find anything there.
    """
    words = {word for rule in rules if "text" in rule.documents for word in (rule.code, rule.name)}
    return [directive for directive in directives if not words.isdisjoint(directive.rules)]


def _parse(comment: Comment) -> Directive | None:
    found = _DIRECTIVE.search(comment.text)
    loose = _NO_COLON.search(comment.text) if found is None else None
    if found is None and loose is None:
        return None
    start = (found or loose).start()  # type: ignore[union-attr]
    end = len(comment.text.rstrip())
    after = _NEXT.search(comment.text, start + 1)
    if after:
        end = after.start()
    alone = comment.alone and start == 0 and after is None
    cut = comment.column - comment.gap
    if start:  # it follows another comment on the line
        cut = comment.column + len(comment.text[:start].rstrip())
    blank = Directive(
        line=comment.line,
        column=comment.column + start,
        end_column=comment.column + end,
        first=comment.first,
        last=comment.last,
        alone=alone,
        whole_file=False,
        rules=(),
        reason="",
        until=None,
        fault=None,
        rules_column=0,
        rules_end=0,
        cut_column=cut,
    )
    if found is None:
        return blank._replace(fault=f"has no colon after {WORD!r}; write {_EXAMPLE}")
    body = _BODY.match(comment.text, found.start("body"), end)
    if body is None:
        return blank._replace(fault=f"says nothing; write {_EXAMPLE}")
    verb = body["verb"].lower()
    if verb not in ("ignore", "ignore-file"):
        message = f"has the unknown word {body['verb']!r}; known are ignore and ignore-file"
        return blank._replace(fault=message)
    whole = verb == "ignore-file"
    named = tuple(part.strip() for part in (body["rules"] or "").split(",") if part.strip())
    rest = body["rest"]
    until = None
    dated = _UNTIL.search(rest)
    if dated:
        until, rest = dated["date"], rest[: dated.start()]
    given = _REASON.match(rest)
    reason = given["reason"].strip(" \t;") if given else ""
    result = blank._replace(
        whole_file=whole,
        rules=named,
        reason=reason,
        until=until,
        rules_column=comment.column + max(body.start("rules"), 0),
        rules_end=comment.column + max(body.end("rules"), 0),
    )
    return result._replace(fault=_fault(result, rest, bool(given)))


def _fault(directive: Directive, rest: str, given: bool) -> str | None:
    verb = "ignore-file" if directive.whole_file else "ignore"
    if not directive.rules:
        return f"names no rule; say which: # {WORD}: {verb}[rule-name] -- reason"
    if not directive.reason:
        if not given and rest.strip():
            return f"has {rest.strip()!r} where ' -- reason' is due"
        return "gives no reason; write ' -- ' and why this is accepted"
    if directive.until is not None and _date(directive.until) is None:
        return f"has until={directive.until}, which is no date; write until=YYYY-MM-DD"
    if directive.whole_file and not (directive.alone and directive.line <= _TOP_LINES):
        where = f"within the first {_TOP_LINES} lines"
        return f"covers the file but does not stand on a line of its own {where}"
    return None


def _date(text: str) -> datetime.date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


class Outcome(NamedTuple):
    """What suppressions made of a run's findings, and the findings about themselves."""

    kept: list[Finding]
    suppressed: list[Suppressed]
    about: list[Finding]


class Suppressions:
    """Applies directives to findings. `known` maps every code and name to its code."""

    def __init__(
        self,
        selected: Sequence[Rule],
        known: Mapping[str, str],
        today: datetime.date,
        undecided: Iterable[str] = (),
    ) -> None:
        self._known = {key.lower(): code for key, code in known.items()}
        self._codes = {rule.code for rule in selected} - set(undecided)
        self._today = today
        by_kind = {rule.check: rule for rule in selected}
        self._reason_rule = by_kind.get(REASON_KIND)
        self._unused_rule = by_kind.get(UNUSED_KIND)
        self._own = {r.code for r in selected if r.check in (REASON_KIND, UNUSED_KIND)}

    def apply(
        self,
        findings: Iterable[Finding],
        directives: Mapping[str, Sequence[Directive]],
        undecided: Iterable[str] = (),
    ) -> Outcome:
        """Split `findings` by the directives of their files.

        In the files `undecided` (not wholly analysed) no directive is called unused.
        """
        outcome = Outcome([], [], [])
        used: dict[tuple[str, int, int], set[str]] = {}
        valid: dict[str, list[tuple[Directive, dict[str, str]]]] = {}
        for path, listed in directives.items():
            valid[path] = []
            for directive in listed:
                codes = self._resolve(path, directive, outcome.about)
                if codes:
                    valid[path].append((directive, codes))
        for finding in findings:
            for directive, codes in valid.get(finding.location.path, ()):
                if (
                    finding.rule in codes
                    and finding.rule not in self._own
                    and not self._expired(directive)
                    and covers(directive, finding)
                ):
                    key = (finding.location.path, directive.line, directive.column)
                    used.setdefault(key, set()).add(finding.rule)
                    outcome.suppressed.append(
                        Suppressed(finding, "comment", directive.reason, directive.until)
                    )
                    break
            else:
                outcome.kept.append(finding)
        skip = set(undecided)
        for path, pairs in valid.items():
            for directive, codes in pairs:
                hit = used.get((path, directive.line, directive.column), set())
                self._judge(path, directive, codes, hit, path in skip, outcome.about)
        return outcome

    def _expired(self, directive: Directive) -> bool:
        until = _date(directive.until) if directive.until else None
        return until is not None and until < self._today

    def _resolve(self, path: str, directive: Directive, about: list[Finding]) -> dict[str, str]:
        """Map the codes a directive names to the words it used; report what it gets wrong."""
        if directive.fault:
            self._say(self._reason_rule, path, directive, directive.fault, about)
            return {}
        codes: dict[str, str] = {}
        for word in directive.rules:
            code = self._known.get(word.lower())
            if code is None:
                message = f"names {word!r}, which is no rule" + self._nearest(word)
                self._say(self._reason_rule, path, directive, message, about)
            elif code in self._own:
                message = f"names {word!r}; findings about suppressions cannot be suppressed"
                self._say(self._reason_rule, path, directive, message, about)
            else:
                codes[code] = word
        return codes

    def _nearest(self, word: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(word.lower(), self._known, 1, 0.5)
        if not near:
            return ""
        shown = near[0].upper() if near[0].upper() == self._known[near[0]] else near[0]
        return f"; did you mean {shown!r}?"

    def _judge(
        self,
        path: str,
        directive: Directive,
        codes: Mapping[str, str],
        used: set[str],
        undecided: bool,
        about: list[Finding],
    ) -> None:
        if self._expired(directive):
            message = f"expired on {directive.until} and silences nothing any more; fix the cause"
            self._say(self._unused_rule, path, directive, message, about)
            return
        idle = [code for code in codes if code in self._codes and code not in used]
        if undecided or not idle:
            return
        words = ", ".join(codes[code] for code in idle)
        message = f"silences nothing: there is no {words} finding here; remove it"
        if not directive.whole_file and directive.alone:
            message = (
                f"silences nothing: it stands on a line of its own, and there is no {words}"
                " finding on that line; put it on the finding's line or remove it"
            )
        fix = _removal(path, directive, [codes[code] for code in idle])
        self._say(self._unused_rule, path, directive, message, about, fix)

    def _say(
        self,
        rule: Rule | None,
        path: str,
        directive: Directive,
        message: str,
        about: list[Finding],
        fix: Fix | None = None,
    ) -> None:
        if rule is None:
            return
        place = Location(
            path, directive.line, directive.column, directive.line, directive.end_column
        )
        about.append(
            rule.finding(
                f"this suppression {message}",
                place,
                fix=fix,
            )
        )


def covers(directive: Directive, finding: Finding) -> bool:
    """Say whether a directive stands where it can silence a finding.

    That is: on its first or last line, or on the first or last line of the statement (the
    logical line) that the finding begins in; `ignore-file` covers all.
    """
    if directive.whole_file:
        return True
    place = finding.location
    if directive.line in (place.line, place.end_line):
        return True
    return (
        directive.line in (directive.first, directive.last)
        and directive.first <= place.line <= directive.last
    )


def _removal(path: str, directive: Directive, idle: Sequence[str]) -> Fix:
    """Make the fix for an unused directive: take it out, or only the rules it does not need."""
    line = directive.line
    if len(idle) < len(directive.rules):
        left = [word for word in directive.rules if word not in idle]
        place = Location(path, line, directive.rules_column, line, directive.rules_end)
        return Fix(
            f"remove {', '.join(idle)} from the suppression", (Edit(place, ", ".join(left)),)
        )
    place = Location(path, line, directive.cut_column, line, directive.end_column)
    if directive.alone:
        place = Location(path, line, 1, line + 1, 1)
    return Fix("remove the suppression", (Edit(place, ""),))
