"""What a run comes to: the counts and sentences that several writers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from govlint.model import Finding, Problem, Rule, RunResult, Safety, Severity, Suppressed
from govlint.output._characters import visible

SUPPRESSION_WORDS = {
    "comment": "by comment",
    "baseline": "by baseline",
    "config": "by configuration",
}


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def count_severities(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity, the worst first; zeros included."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in sorted(Severity, reverse=True)}


def count_suppressed(suppressed: Iterable[Suppressed]) -> dict[str, int]:
    """How many findings are silenced by each kind, the known kinds first; zeros included."""
    counts = Counter(entry.kind for entry in suppressed)
    return {kind: counts[kind] for kind in (*SUPPRESSION_WORDS, *sorted(counts))}


def count_fixable(findings: Iterable[Finding]) -> int:
    """How many findings have a fix that may be applied unseen."""
    return sum(1 for f in findings if f.fix is not None and f.fix.safety is Safety.SAFE)


def checked(result: RunResult) -> str:
    """What was looked at: `12 files checked, 21 rules`, with the shard where there is one."""
    text = f"{counted(result.files, 'file')} checked, {counted(len(result.rules), 'rule')}"
    if result.shard is not None:
        text += f" (shard {result.shard[0]} of {result.shard[1]})"
    return text


def sentences(result: RunResult) -> Iterator[str]:
    """The summary, one sentence a line: findings, suppressions, fixes, what is undecided.

    A run with problems is never called clean: what could not be decided is no pass.
    """
    if result.findings:
        counts = count_severities(result.findings)
        split = ", ".join(counted(n, severity.label) for severity, n in counts.items() if n)
        yield f"{checked(result)}: {counted(len(result.findings), 'finding')} ({split})"
    else:
        yield f"{checked(result)}: no findings"
    if result.suppressed:
        kinds = ", ".join(
            f"{n} {SUPPRESSION_WORDS.get(kind, f'by {visible(kind)}')}"
            for kind, n in count_suppressed(result.suppressed).items()
            if n
        )
        yield f"{counted(len(result.suppressed), 'finding')} suppressed: {kinds}"
    if result.fixed:
        yield f"{counted(result.fixed, 'finding')} fixed"
    if fixable := count_fixable(result.findings):
        yield f"{counted(fixable, 'finding')} can be fixed safely with --fix"
    if result.problems:
        number = counted(len(result.problems), "problem")
        yield f"{number}: the run is incomplete, this is not a pass"


def describe_problem(problem: Problem) -> str:
    """A problem as one line with its place, `app/x.py:3: unreadable: …`."""
    place = f"{problem.path}:{problem.line}: " if problem.path else ""
    return f"{place}{problem.kind}: {problem.message}"


def advice(markdown: str) -> tuple[str, list[str]]:
    """The first paragraph of prose on one line, and the code that it announces.

    Headings, and fenced code in front of the paragraph, are passed over. Code counts as
    announced where the paragraph ends in a colon and a fence is what comes next.
    """
    words: list[str] = []
    blocks = iter(_blocks(markdown))
    for lines, is_code in blocks:
        if not is_code:
            words = [line.strip() for line in lines]
            break
    if words and words[-1].endswith(":"):
        for lines, is_code in blocks:
            return " ".join(words), lines if is_code else []
    return " ".join(words), []


def _blocks(markdown: str) -> Iterator[tuple[list[str], bool]]:
    """Paragraphs and the insides of fences, in order, and which of the two each is."""
    lines: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        stripped = line.strip()
        if fence and not stripped.startswith(fence):
            lines.append(line.rstrip())
        elif fence or not stripped or stripped.startswith(("```", "~~~", "#")):
            if lines:
                yield lines, bool(fence)
            lines = []
            fence = "" if fence else stripped[:3] if stripped[:1] in ("`", "~") else ""
        else:
            lines.append(line)
    if lines:
        yield lines, bool(fence)


def rules_of(result: RunResult) -> dict[str, Rule]:
    """The rules of the run by code."""
    return {rule.code: rule for rule in result.rules}
