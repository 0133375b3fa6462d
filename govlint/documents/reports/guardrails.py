"""What the guardrails of a report have to name (RPT009, RPT010, RPT011).

An entry counts by whole words: `token budget 12k` names the token gate, `tokenizer` does not.
An entry that says a gate is not there (`sandbox: none`, `no timeout`) does not name it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from govlint.documents.reports.shape import Breach, Text, listed, plain, says_something, texts_of
from govlint.documents.reports.unfilled import is_unfilled

_NEAR = 400  # characters round a name that may deny it


class _Term(NamedTuple):
    """Something that a list has to name, and the expression that finds it."""

    name: str
    found: re.Pattern[str]


def _term(name: str, words: str) -> _Term:
    return _Term(name, re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])"))


_RUNTIME = (
    _term("budget", r"budget(?:s|ed|ing)?"),
    _term("timeout", r"time-?outs?|time[ _]outs?|timed[ _-]out"),
    _term("sandbox", r"sand-?box(?:es|ed|ing)?"),
    _term("token", r"tokens?"),
)
_TENANT = r"(?:cross[-_ ]?)?tenan(?:t|ts|cy)(?:'s|s')?"
_POLICY = (
    _term("approval", r"approv(?:al|als|ed|e|es|er|ers)"),
    _term("permission", r"permissions?"),
    _term(
        "tenant boundary",
        rf"{_TENANT}(?:[-_ /]+(?:\w+[-_ ]+)?)"
        r"(?:boundar(?:y|ies)|isolation|sovereignty|separation|access|denial|reads?|writes?|calls?)"
        rf"|boundar(?:y|ies)[ _-]+(?:\w+[ _-]+){{0,3}}{_TENANT}|cross-tenant",
    ),
)
_NAME = r"(?<![\w.])(?:{})(?!\w)"
_TRACE = tuple(
    _Term(name, re.compile(_NAME.format(forms)))
    for name, forms in (
        ("trace_id", "trace[_ -]?id"),
        ("session_id", "session[_ -]?id"),
        ("task_id", "task[_ -]?id"),
        ("capability_id", "capability[_ -]?id"),
        ("version", "version"),
    )
)
# `no sandbox`, `without a token`, `sandbox disabled`, `timeout: none`
_DENIED_BEFORE = re.compile(
    r"(?:^|(?<!\w))(?:no|not|without|w/o|skip|skips|skipping|bypass(?:es|ing)?|disable[sd]?|ignore[sd]?"
    r"|omit(?:s|ted)?|lacks?|lacking|missing|drop(?:s|ped)?|except|excluding|non|never|neither|nor)"
    r"[\s:-]+(?:a|an|any|the|per|explicit|real|extra|specific)?\s*(?:\w+\s)?$"
)
_DENIED_AFTER = re.compile(
    r"[\w-]*(?:\s\w+)?\s*(?:[:=(,–—-]|\bis\b|\bare\b|\bwas\b|\bhas been\b|\bwill be\b)?\s*(?:is\s"
    r"|are\s|be\s)?"
    r"(?:none|off|n/?a|disabled|skipped|bypassed|omitted|waived|removed|ignored|absent|missing|dropped"
    r"|false|unlimited|unbounded|infinite|not\s(?:yet\s)?(?:enforced|required|needed|applied|checked"
    r"|recorded|used|implemented|available|tracked|logged|set|emitted|included|supported|in\splace)"
    r"|no|never|optional|later|todo|tbd|not|unenforced|unset|turned\soff|switched\soff|out\sof\sscope)"
    r"\s*[).!]*\s*(?:$|[,;(]|\bfor\b|\bin\b|\buntil\b|\bnow\b|\byet\b|\bhere\b|\bby\b|\bat\b|\bwhile\b)"
)


def missing_trace_ids(report: Any) -> Iterator[Breach]:
    """The trace ids that `audit_trace` does not name (section 7: no metric without them)."""
    yield from _missing(
        report, "audit_trace", _TRACE, "every event and metric is traced by all five"
    )


def missing_runtime_gates(report: Any) -> Iterator[Breach]:
    """The gates of the runtime that `runtime_gate` does not name."""
    yield from _missing(report, "runtime_gate", _RUNTIME, "every execution passes all four gates")


def missing_policy_gates(report: Any) -> Iterator[Breach]:
    """The gates of policy that `policy_gate` does not name."""
    yield from _missing(report, "policy_gate", _POLICY, "a policy gate decides on all three")


def _missing(report: Any, key: str, terms: Sequence[_Term], why: str) -> Iterator[Breach]:
    entries = texts_of(report, "guardrails", key)
    if entries is None or _names_all(tuple(terms), tuple(entry.value for entry in entries)):
        return
    if not all(says_something(entry.value) for entry in entries):
        return  # the schema says what is wrong
    if any(is_unfilled(entry.value) for entry in entries):
        return
    denied: list[Text] = []
    missing = []
    for term in terms:
        named = [entry for entry in entries if term.found.search(plain(entry.value))]
        if not any(_affirms(term, entry.value) for entry in named):
            missing.append(term.name)
            denied += named
    if not missing:
        return
    found = listed([f"“{entry.value}”" for entry in entries[:8]]) or "nothing"
    said = f"{key} does not name {listed(missing, 'or')} (found {found}); {why}"
    if denied and len(missing) == 1:
        text = denied[0]
        yield Breach(text.pointer, f"“{text.value}” takes {missing[0]} out of {key}; {why}")
    else:
        yield Breach(f"/guardrails/{key}", said)


@functools.lru_cache(maxsize=1 << 14)
def _names_all(terms: tuple[_Term, ...], entries: tuple[str, ...]) -> bool:
    """Whether every term is named by some entry."""
    return all(any(_affirms(term, entry) for entry in entries) for term in terms)


def _affirms(term: _Term, entry: str) -> bool:
    """Whether an entry names the term, at one place at least, without denying it."""
    text = plain(entry).strip()
    for found in term.found.finditer(text):
        before = text[max(found.start() - _NEAR, 0) : found.start()]
        after = text[found.end() : found.end() + _NEAR]
        if not _DENIED_BEFORE.search(before) and not _DENIED_AFTER.match(after):
            return True
    return False
