"""Whether an acceptance criterion can be measured (RPT006).

A criterion is measurable when it names a number, a bound, a count, a state or a test. Numbers
that only name something (P7, v2, ISO 27001, a year) measure nothing, and words of praise
(robust, properly, as expected) are not made measurable by an `all` before them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from govlint.documents.reports.shape import Breach, plain, says_something, texts_of, windows, words
from govlint.documents.reports.unfilled import is_unfilled

_TESTS = ("unit", "integration", "e2e")


def _any(listing: str) -> str:
    """One of the words of a listing; `*` ends a stem, `_` stands for a space."""
    parts = (re.escape(word).replace(r"\*", r"\w*").replace("_", r"\s") for word in listing.split())
    return rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)"


# -- numbers -----------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.,/-])[-+±~<>≤≥=]*\d[\d.,]*(?:e[-+]?\d+)?")
# what stands before a number that names something instead of measuring it
_NAMED_BEFORE = re.compile(
    r"(?:" + _any(
        "phase phases section sections step steps chapter version versions release releases rfc iso"
        " iec nist soc pep adr issue issues ticket tickets pr python java node ruby php rust go tls"
        " ssl oauth http ipv figure table appendix part milestone sprint quarter half year tier"
        " level"
        " generation gen stage top article clause no number item wave epic story task job rev"
        " revision"
        " build model windows ubuntu debian android ios postgres postgresql mysql redis kafka spec"
        " protocol schema gpt iteration cycle annex rule requirement goal objective option plan"
        " pci_dss"
        " phase_p schedule req us"
    ) + r"|[#§№])[\s.:-]*(?:no\.?\s*)?$"
)  # fmt: skip
_YEAR = re.compile(r"(?:19|20)\d\d[.,]?")
_YEAR_BEFORE = re.compile(
    _any(
        "in by since until till before after during for from of year fy q1 q2 q3 q4 late early mid"
        " january february march april may june july august september october november december"
    )
    + r"\s*$"
)
_NAMED_AFTER = re.compile(
    r"(?:[-/]\d|\s*-?\s*(?:st|nd|rd|th)\b|[-\s](?:layers?|tier|factor|way|phases?|bit|stage|step|fold"
    r"|degree|sided|dimensional)\b)"
)
_NUMBER_WORD = re.compile(
    r"(?<![\w-])(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty"
    r"|thirty|forty|fifty|sixty|ninety|hundred|thousand|million|half|quarter|third|twice|thrice"
    r"|percent|(?:exactly|at most|at least|only|just)\sone|one\s\w+\s(?:per|for each)|one\s(?:retry"
    r"|attempt|entry|event|record|lease|call|second|minute|hour|day|decision|receipt))(?![\w])"
    r"(?!-trust|\strust|-factor|-sided|-click|-copy|\sthoughts|\sof\sthe\sbest)"
)


def _has_number(text: str) -> bool:
    for found in _NUMBER.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        digits = found.group().lstrip("-+±~<>≤≥=")
        compared = found.group() != digits and found.group()[0] in "<>≤≥=±~"
        if compared:
            return True
        if _NAMED_BEFORE.search(before) or _NAMED_AFTER.match(after):
            continue
        if _YEAR.fullmatch(digits) and (_YEAR_BEFORE.search(before) or not after.strip(" .")):
            continue
        if digits.startswith("24") and re.match(r"\s*[/x]\s*7", after):
            continue
        return True
    return _NUMBER_WORD.search(text) is not None


# -- bounds ------------------------------------------------------------------------------------

_LIMITS = _any(
    "budget budgets limit limits quota quotas threshold thresholds target targets baseline"
    " baselines"
    " slo slos sla slas timeout timeouts deadline deadlines capacity ceiling cap allowance ttl"
    " lease"
    " window retention tolerance ration maximum minimum bound bounds reference control"
)
_COMPARED = _any(
    "within below under above over exceed exceeds exceeding meet meets beat beats at_most at_least"
    " no_more_than no_less_than not_more_than fewer_than less_than more_than lower_than higher_than"
    " faster_than slower_than smaller_than larger_than longer_than shorter_than up_to than against"
)
_CAPPED = _any("limited_to capped_at capped_by bounded_by restricted_to limited_by held_to kept_to")
_BOUND = re.compile(
    rf"(?:{_COMPARED}|{_CAPPED})\s+(?:[\w'-]+\s+){{0,4}}?{_LIMITS}"
    r"|\b(?:less than|under|within|below|in|at most) (?:a|an|one|the)(?: single)?"
    r" (?:millisecond|second|minute|hour|day|week)\b"
    rf"|{_LIMITS}\s+(?:\w+\s+)?(?:is|are|was|were)?\s*(?:not\s+)?"
    rf"{_any('met kept held respected reached honoured honored exceeded enforced observed')}"
    r"|[<>≤≥]=?|[!=]="
)
_UNDER_CONTROL = re.compile(r"\bunder\s+control\b|\bwithin\s+(?:reason|reasonable\b.*)")

# -- counts ------------------------------------------------------------------------------------

_COUNT = re.compile(
    _any(
        "all every each no none never always only nothing nobody neither cannot zero any without"
        " both once must_not may_not can_not can't full whole per unless"
    )
)

# -- states and outcomes -----------------------------------------------------------------------

_STRONG = re.compile(_any(
    "reject rejects denies deny refuse refuses raise raises throw throws emit emits persist"
    " persists"
    " append appends restore restores revert reverts resume resumes terminate terminates abort"
    " aborts"
    " expire expires revoke revokes reconcile reconciles equal equals balances differ differs"
    " contain"
    " contains reproduce reproduces yield yields exit_code exits_with exits_non-zero rolls_back"
    " rolled_back must_pass must_fail forbids forbid quarantines drops discards retries replays_to"
    " agree_to agrees_to agree_with agrees_with contiguous gapless consecutive monotonic adds_up"
    " add_up sums_to one_to_one one-to-one resolves_to maps_to traces_to links_to points_to"
    " byte-identical"
    " bit-identical identical idempotent append-only read-only immutable denied rejected refused"
    " unchanged empty inactive reaches returns_to escalates throttles"
))  # fmt: skip
_WEAK = re.compile(_any(
    "return returns roll_back block blocks fail fails failed pass passes passed passing log logs"
    " record records"
    " report reports alert alerts write writes writing stop stops halt halts trip trips open opens"
    " close closes enter enters leave leaves stay stays remain remains hold holds keep keeps match"
    " matches carry carries include includes list lists name names cite cites require requires need"
    " needs show shows detect detects trigger triggers verify verifies validate validates survive"
    " survives recover recovers start starts finish finishes end ends produce produces produced"
    " give"
    " gives take takes switch switches prevent prevents answer answers reach connect connects exist"
    " exists vanish vanishes disappear disappears lock locks release releases bind binds release"
    " drain"
    " drains page pages notify notifies replay replays trace traces map maps explain explains agree"
    " agrees cover covers reload reloads boot boots compile compiles parse parses load loads send"
    " sends"
    " receive receives route routes isolate isolates promote promotes publish publishes acknowledge"
    " acknowledges settle settles charge charges count counts active operable traceable replayable"
    " explainable deterministic reversible reproducible reconciliation unique green red absent"
    " present"
    " unreachable reachable signed enabled disabled valid invalid online offline idle running"
    " denial"
    " rejection equality visible hidden mandatory forbidden state status"
))  # fmt: skip
_BE = _any(
    "is are was were be been being get gets stay stays remain remains become becomes has_been"
    " have_been not never always isn't aren't"
)
_IRREGULAR = (
    "written kept met sent found shown bound held sealed lost frozen given taken paid thrown"
    " drawn torn"
    " read set put shut cut split left seen withheld rebuilt rerun undone"
)
_AFTER_STATE = (
    r"(?=\s*(?:$|[.,;:)]|(?:by|with|to|from|in|into|on|at|per|for|as|before|after|when|if|within"
    r"|without|and|or|via|through|against|until|unless|once|whenever|upon|under|while|during|only)\b))"
)
_PARTICIPLE = re.compile(
    rf"{_BE}\s+(?:\w+ly\s+)?(?:not\s+)?(?P<one>\w{{2,}}ed|{_any(_IRREGULAR)})\b"
    rf"|\b(?P<two>\w{{3,}}ed|{_any(_IRREGULAR)}){_AFTER_STATE}"
)
# participles that say that work was done, not what can be seen
_WORK = frozenset(
    "implemented tested supported handled protected maintained integrated completed finished"
    " delivered"
    " established realized realised covered documented isolated managed done achieved ensured"
    " assured"
    " guaranteed addressed considered satisfied pleased improved optimized optimised enhanced"
    " simplified streamlined polished modernized modernised hardened strengthened secured increased"
    " reduced decreased minimized minimised maximized maximised boosted elevated aligned unified"
    " shared"
    " distributed detailed advanced automated related based need needed speed feed seed indeed"
    " exceed"
    " proceed succeed embed required expected intended designed planned desired adopted embraced"
    " understood appreciated accepted agreed trusted governed cleaned refactored prepared developed"
    " built fixed resolved solved upgraded updated migrated loved liked valued respected informed"
    " used"
    " interested excited concerned involved committed tuned sped cared looked checked reviewed"
    " worked"
    " performed created introduced matured stabilized stabilised organized organised facilitated"
    " enabled empowered leveraged rounded balanced mixed limited wanted desired delighted impressed"
    " satisfied finalised finalized raised put set taken followed adhered given".split()
)
# “mostly explained” is a state that is not reached
_HEDGE = re.compile(
    r"\b(?:mostly|largely|mainly|generally|usually|typically|often|partly|partially|reasonably"
    r"|adequately|sufficiently|appropriately|suitably|well|nicely|smoothly|gracefully|efficiently"
    r"|quickly|better)\s+$"
)
_UPPER_STATE = re.compile(
    r"(?<![\w])(?:RUNNING|PENDING|SUCCESS|FAILED|FAILURE|LOADED|INITIALIZED|UNAVAILABLE|ACTIVE"
    r"|INACTIVE|DENIED|DENY|ALLOW|APPROVED|REJECTED|REVISE|EXPIRED|CLOSED|OPEN|HALF_OPEN|BLOCKED|DONE"
    r"|DISABLED|REVOKED|COMPLETED|CANCELLED|SKIPPED|QUARANTINED|DEGRADED|[A-Z]{3,}(?:_[A-Z]+)+)(?!\w)"
)
_QUOTED = re.compile(r"[`\"“'][\w./:-]+(?:\s[\w./:-]+)?[`\"”']")

# -- tests -------------------------------------------------------------------------------------

_TEST_NAME = re.compile(
    r"(?<!\w)tests?/[\w./-]+|\w+::\w+|(?<!\w)test_\w+|\w+_tests?(?!\w)|(?<!\w)Test[A-Z]\w+"
    r"|\w+(?:Test|Tests|Spec)(?!\w)|[\w/-]+\.(?:py|rs|ts|tsx|js|go|java|feature|sh)(?!\w)"
    r"|(?<!\w)[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+\s+(?:tests?|suite|case|scenario|benchmark|check|drill|run)"
    r"(?!\w)|(?<!\w)(?:tests?|suite|case|scenario|benchmark|check|drill)\s+[\"'`“]?"
    r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+"
)
_TESTS_PASS = re.compile(
    r"\b(?:tests?|suites?|cases?|matrix|checks?|drills?|benchmarks?|scenarios?|builds?|ci)\b[^.;]*\b"
    r"(?:pass(?:es|ed)?|green|fails?|succeeds?|run|runs)\b"
)
_NOT_A_TEST = re.compile(
    r"^(?:end-to-end|e2e|high-quality|well-written|best-effort|user-friendly)\b"
)

# -- praise ------------------------------------------------------------------------------------

_VAGUE = re.compile(_any(
    "many some few several lots a_lot_of numerous practices principles good well great fine nice"
    " nicely better best excellent perfect perfectly superb high-quality"
    " quality robust robustly robustness solid reliable reliably reliability stable_enough scalable"
    " scalability secure securely secured fast quick quickly swiftly smooth smoothly seamless"
    " seamlessly easy easily simple simply intuitive user-friendly friendly clean cleaner clear"
    " clearly"
    " maintainable maintainability flexible elegant elegantly modern efficient efficiently"
    " efficiency"
    " effective effectively performant proper properly correctly correct appropriate appropriately"
    " adequate adequately sufficient sufficiently acceptable acceptably reasonable reasonably"
    " suitable"
    " suitably satisfactory satisfactorily gracefully graceful sensible sensibly okay ok decent"
    " strong"
    " stronger strongly improve improves improved improvement improvements enhance enhances"
    " enhanced"
    " optimal optimally optimized optimised significant significantly substantial substantially"
    " major"
    " minor serious noticeable noticeably obvious considerable considerably happy satisfied"
    " confident"
    " team teams stakeholder stakeholders everyone everybody leadership management audience"
    " comfortable pleased like likes love loves enjoy delighted impressed feel feels look looks"
    " agree"
    " trust aligned on_board buy-in understand understands issues problems concerns complaints"
    " surprises worries trouble hassle handled considered addressed as_expected as_intended"
    " as_designed"
    " as_needed as_required as_planned where_possible if_possible when_possible as_possible"
    " best_effort"
    " state-of-the-art world-class enterprise-grade production-ready production-grade"
    " professional healthy mature usable useful helpful valuable meaningful relevant consistent"
    " consistently generally mostly usually typically mainly largely soon works work working"
    " functional functions performs behave behaves up_to_standard up_to_par under_control ready"
    " acceptance expectations expectation concerned careful carefully resilient powerful smart"
))  # fmt: skip


@functools.lru_cache(maxsize=1 << 16)
def is_measurable(criterion: str) -> bool:
    """Whether the text by itself names something that can be measured."""
    return any(map(_is_measurable, windows(criterion)))


def _is_measurable(criterion: str) -> bool:
    text = " ".join(plain(criterion).split())
    if not any(char.isalpha() for char in text):
        return False
    if not _is_written_in_latin(text):
        return True  # the words of other scripts are not known here
    if _has_number(text) or _names_a_test(criterion):
        return True
    bounded = _UNDER_CONTROL.sub(" ", text)
    if _BOUND.search(bounded) or _UPPER_STATE.search(criterion) or _STRONG.search(text):
        return True
    if any(_is_state(found) for found in _PARTICIPLE.finditer(text)):
        return True
    if _VAGUE.search(text):
        return False
    if len(words(text)) < 2:
        return False
    return any(p.search(text) for p in (_COUNT, _WEAK, _TESTS_PASS)) or bool(
        _QUOTED.search(criterion)
    )


def _is_state(found: re.Match[str]) -> bool:
    word = found["one"] or found["two"]
    before = found.string[: found.start("one" if found["one"] else "two")]
    return word not in _WORK and _HEDGE.search(before) is None


def _names_a_test(criterion: str) -> bool:
    return any(
        not _NOT_A_TEST.match(found.group().casefold()) for found in _TEST_NAME.finditer(criterion)
    )


def _is_written_in_latin(text: str) -> bool:
    if text.isascii():
        return True
    letters = [char for char in text if char.isalpha()]
    return sum(ord(char) < 0x250 for char in letters) * 2 >= len(letters)


def immeasurable(report: Any) -> Iterator[Breach]:
    """Every acceptance criterion that names nothing to measure."""
    criteria = texts_of(report, "acceptance")
    if criteria is None:
        return
    for place, text in criteria:
        if is_measurable(text) or not says_something(text) or is_unfilled(text):
            continue
        if _cites(text, _test_names(report)):
            continue
        yield Breach(
            place,
            f"“{_short(text)}” names nothing to measure: give a number, a bound, a count, a state"
            " that can be seen, or the name of a test",
        )


def _test_names(report: Any) -> list[str]:
    """The report's own tests, in so far as they are names and not half a word."""
    found = []
    for kind in _TESTS:
        for _, text in texts_of(report, "tests", kind) or ():
            name = " ".join(words(text))
            if name.count(" ") >= 1 and len(name) >= 8 and not is_unfilled(text):
                found.append(name)
    return found


def _cites(criterion: str, tests: Sequence[str]) -> bool:
    said = " ".join(words(criterion))
    return any(name in said for name in tests)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
