"""A flow that goes round the runtime gate (RPT010; section 7 of the protocol).

The steps are prose, so they are read clause by clause: a clause that says something passes
the gate by, and no word in it that refuses, detects or tests just that.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from govlint.documents.reports.shape import Breach, Text, at, plain, text_of, texts_of, windows
from govlint.documents.screen import Doubt, Screen, Suspect, wider

_GATE = (
    r"(?:the\s|a\s|an\s|any\s|all\s|its\s|our\s|every\s|normal\s|usual\s|central\s|main\s)*"
    r"(?:(?:runtime|policy|unified|single|hard|execution|tool|budget|sandbox|approval|token|timeout"
    r"|tenant|permission|identity|safety|security|governance|guard|kernel|guarded|quota|cost)[\s/-]+(?:and\s)?)*"
    r"(?:gates?|gating|kernel(?:\spath)?|guards?|guardrails?|sandbox|toolrunner|tool\srunner"
    r"|(?:runtime|policy|budget|token|sandbox|timeout|tenant|permission|identity|approval|tenant"
    r"\sboundary|tenant-boundary|safety|security|gate|guard|lease)\s(?:checks?|evaluation|validation|enforcement"
    r"|limits?|verification|boundary|control|controls))(?![-\w])"
    r"(?!\s(?:contention|latency|failures?|errors?|denials?|timeouts?|warnings?|messages?|logs?|metrics"
    r"|panics?|races?|events?|overhead|config\w*|noise|downtime|reviews?|meeting))"
)
_GAP = (
    r"(?:(?!(?:to|after|when|before|until|at|if|unless|by|because|through|via|from|for|no|outside"
    r"|without)\b)[\w'/-]+\s){0,4}?"
)
_ROUND = (
    r"(?:bypass(?:es|ed|ing)?|by-pass(?:es|ed|ing)?|skip(?:s|ped|ping)?|circumvent(?:s|ed|ing)?"
    r"|evad(?:e|es|ed|ing)|side-?step(?:s|ped|ping)?|disabl(?:e|es|ed|ing)|overrid(?:e|es|den|ing)"
    r"|short-?circuit(?:s|ed|ing)?|ignor(?:e|es|ed|ing)|suspend(?:s|ed|ing)?|omit(?:s|ted|ting)?"
    r"|(?:turn|switch)(?:s|es|ed|ing)?\soff|opt(?:s|ed|ing)?\sout\sof|leav(?:e|es|ing)\sout"
    r"|(?:go|goes|going|went|work|works|working|get|gets|getting|route|routes|routed|routing|run|runs"
    r"|path|way|move|moves|slip|slips|pass|passes|passing)\s(?:\w+\s){0,3}?"
    r"(?:around|round|past|outside|behind|beside|without)"
    r"|avoid(?:s|ed|ing)?|exempt(?:s|ed|ing)?(?:\s\w+){0,3}\sfrom|dodg(?:e|es|ing)|jump(?:s|ing)?\sover)"
)
_TAKES_AWAY = r"(?:relax|waiv|defeat|drop|lift|remov)(?:e|es|ed|ing|s)?"
_STUDY = (
    r"(?:tests?|attempts?|matrix|suites?|cases?|probes?|drills?|scenarios?|detection|guards?)\b"
)
_EXECUTES = (
    r"(?:execut\w+|runs?|ran|running|calls?|calling|called|invok\w+|invocations?|dispatch\w*|send|sends"
    r"|sending|hands?|handed|perform\w*|start\w*|launch\w*|spawn\w*|proceed\w*|continue\w*|go|goes|act"
    r"|acts|forward\w*|deliver\w*|appl(?:y|ies|ied))"
)
_UNGATED = re.compile(
    rf"\b{_ROUND}(?!\s{_STUDY})\s{_GAP}{_GATE}"
    rf"|\b{_EXECUTES}\s(?<!execution\s)(?:(?!never|not|cannot)\w+\s){{0,3}}?(?:around|round|behind)\s{_GATE}"
    rf"|\b{_TAKES_AWAY}\s{_GATE}"
    rf"|\b(?:turn|switch)(?:s|es|ed|ing)?\s{_GATE}\soff\b"
    rf"|\b{_GATE}\s(?:disabled|off|bypassed|suspended|(?:turned|switched)\soff)\b"
    rf"|\b{_EXECUTES}\b[^.;]*?\bbefore\s{_GATE}\s(?:decides|decided|approves|approved|answers|has|is|was"
    r"|checks|runs)\b|\boff[\s-](?:the[\s-])?gate\b"
    rf"|\b{_EXECUTES}\b[^.;]*?\b(?:without|outside(?:\sof)?|instead\sof|past|independent(?:ly)?\sof"
    rf"|before\sreaching|ahead\sof|free\sof)\s{_GAP}{_GATE}"
    rf"|\b{_GATE}\s(?:is|are|was|were|gets?|can\sbe|may\sbe|will\sbe|being|be)\s(?:\w+ly\s)?"
    r"(?:bypassed|skipped|disabled|circumvented|overridden|ignored|suspended|omitted|waived|left\sout"
    r"|turned\soff|switched\soff|optional|off|not\s(?:checked|consulted|used|applied|enforced|needed"
    r"|required|called|run|involved))"
    r"|\b(?:un-?gated|un-?guarded|gate-free|gateless|unsandboxed)\b"
    r"|\bgate[\s-]by-?pass\b|\bby-?pass\s(?:path|route|mode|flag|channel|lane|switch)\b"
    rf"|\b(?:does\snot|doesn't|do\snot|don't|need\snot|needn't|without|never|not|no\sneed\sto|no\slonger)\s"
    rf"(?:\w+\s)?(?:go(?:ing)?|goes|pass(?:ing)?|passes|run(?:ning)?|route[sd]?|routing|reach(?:ing|es)?"
    rf"|travel\w*|cross(?:ing|es)?|consult(?:ing|s)?|ask(?:ing|s)?|call(?:ing|s)?|check(?:ing|s)?"
    rf"|wait(?:ing|s)?\sfor)\s(?:by\s|through\s|via\s|with\s|at\s)?{_GATE}"
    rf"|\bno\s{_GATE}\s(?:is|are|needed|required|applies|check)"
)
_DIRECT = re.compile(
    rf"\b(?:{_EXECUTES}|hits?|reach(?:es)?|contacts?|quer(?:y|ies))\s(?:\w+[\s-]){{0,4}}?"
    r"(?:providers?|tools?|plugins?|capabilit(?:y|ies)|models?|executors?|backends?|llm)"
    r"(?:'s?)?\s(?:\w+\s){0,2}?directly\b"
    r"|\bdirectly\s(?:execut\w+|calls?|calling|invok\w+|dispatch\w*|run|runs|hits?)\s(?:\w+\s){0,3}?"
    r"(?:providers?|tools?|plugins?|capabilit(?:y|ies)|models?|executors?|backends?|llm)\b"
    r"|\bdirect\s(?:(?:provider|tool|plugin|capability|model)\s)?(?:calls?|invocations?|execution)\b"
    r"|\b(?:straight|directly)\sto\s(?:\w+\s){0,2}?(?:providers?|tools?|plugins?|capabilit(?:y|ies)|models?"
    r"|executors?|backends?|llm)\b"
)
_IN_SPITE = re.compile(
    rf"(?<!not\s)(?<!never\s)\b(?:{_EXECUTES}|retry|retries|go\son|act)\b[^.;]*?\b(?:even\s(?:if|when|though|after)"
    rf"|although|though|regardless\sof|despite|in\sspite\sof|no\smatter)\b[^.;]*?\b{_GATE}[^.;]*?\b"
    r"(?:den(?:y|ies|ied|ial)|refus\w+|reject\w*|says\sno|fails?|result|decision|verdict)\b"
    r"|\b(?:execut\w+|runs?|calls?|act)\s(?:\w+\s){0,2}?first\b.*\b(?:gate|check|approve|validate|authori[sz]e)\w*"
    r"\s(?:\w+\s){0,2}?(?:later|afterwards|after)\b"
)
_THROUGH = re.compile(
    r"\b(?:through|via|behind|inside|by|under|within)\s(?:\w+\s){0,3}?(?:gate|kernel|guard)"
)
# the clause is about refusing, finding or testing a way round
_AGAINST = re.compile(
    r"\b(?:never|no|none|nothing|nobody|not|cannot|can't|mustn't|reject\w*|refus\w+|den(?:y|ies|ied)|block\w*"
    r"|detect\w*|prevent\w*|forbid\w*|forbidden|disallow\w*|prohibit\w*|assert\w*|tests?|testing|verif\w+"
    r"|validat\w+|prov(?:e|es|ing)|proof|guards?\sagainst|protects?\sagainst|alerts?|flag(?:s|ged)?|fails?"
    r"|abort\w*|stops?|attempt\w*|escape|audit\w*|catch\w*|illegal|unauthori[sz]ed|simulat\w+|tr(?:y|ies)\sto"
    r"|trying|ensur\w+|check\sthat|whether|zero|exclud\w+|quarantin\w+|impossible|error|errors|raise\w*|scan\w*"
    r"|count\w*|report\w*|find|finds|found|log|logs|logged|record\w*|remov\w+|eliminat\w+|clos(?:e|es|ed|ing)"
    r"|migrat\w+|replac\w+|fix(?:es|ed|ing)?|deprecat\w+|retir\w+|escalat\w+|avoid\w*|refrain\w*"
    r"|revok\w+|terminat\w+|probe\w*|search\w*|look\sfor|hunt\w*|page|pages|warn\w*)\b"
)
_CLAUSES = re.compile(
    r"\s*(?:[.;,!?]|->|→|=>|\bthen\b|\band\b(?!\s(?:budget|timeout|sandbox|token|policy|the\sgate))"
    r"|\bbut\b|\bwhile\b|\bso\sthat\b|(?<!\w)[–—-](?!\w))\s*"
)
_ONLY_IF = re.compile(r"\b(?:if|when|whenever|once|in\scase)\b")
_ACTS = re.compile(
    rf"\b(?:{_EXECUTES}|retr(?:y|ies)|us(?:e|es|ing)|fall\w*|allow\w*|permit\w*|skip\w*)\b"
)
_OWNER = re.compile(r"\b(?:gate|kernel|guard|toolrunner|tool\srunner)\b")
_CONDITION = re.compile(
    r"^(?:if|when|whenever|once|where|in\scase|should|on|as\ssoon\sas|upon|after)\b"
)


def bypasses(report: Any) -> Iterator[Breach]:
    """Every text of the flow that leads an execution round the runtime gate."""
    if _SCREEN.clears(at(report, "flow")):
        return
    texts = list(texts_of(report, "flow", "steps") or ())
    texts += texts_of(report, "flow", "exit_conditions") or ()
    trigger = text_of(report, "flow", "trigger")
    if trigger is not None:
        texts.insert(0, Text("/flow/trigger", trigger))
    for place, text in texts:
        if goes_round(text):
            shown = text if len(text) <= 80 else text[:79] + "…"
            yield Breach(
                place,
                f"“{shown}” goes round the runtime gate; every execution path passes it (section 7"
                " of the protocol makes a report invalid that has one which does not)",
            )


@functools.lru_cache(maxsize=1 << 16)
def goes_round(text: str) -> bool:
    """Whether a step leads an execution past the gate, and does not merely speak of that."""
    return any(map(_goes_round, windows(text)))


def _goes_round(text: str) -> bool:
    folded = " ".join(plain(text).split())
    if _IN_SPITE.search(folded):
        return True
    clauses = [clause for clause in _CLAUSES.split(folded) if clause]
    for index, clause in enumerate(clauses):
        if _is_round(clause):
            if _CONDITION.match(clause) and any(_AGAINST.search(c) for c in clauses[index + 1 :]):
                continue
            return True
    return False


def _is_round(clause: str) -> bool:
    for found in _UNGATED.finditer(clause):
        if not _is_against(clause, found):
            return True
    direct = _DIRECT.search(clause)
    if direct is None or _THROUGH.search(clause) or _OWNER.search(clause[: direct.start()]):
        return False
    return not _is_against(clause, direct)


def _is_against(clause: str, found: re.Match[str]) -> bool:
    """Whether the rest of a clause refuses what was found, or reacts to it."""
    before, after = clause[: found.start()], clause[found.end() :]
    if _AGAINST.search(f"{before} … {after}"):
        return True
    condition = _ONLY_IF.search(before)
    if condition is None or condition.start() == 0:
        return False
    return _ACTS.search(before[: condition.start()]) is None


def _doubts() -> list[Doubt]:
    """What has to match a text for `goes_round` to say so of it, or of a clause in it."""
    return [(wider(Suspect(each, edges=False)),) for each in (_UNGATED, _DIRECT, _IN_SPITE)]


_SCREEN = Screen(_doubts)
