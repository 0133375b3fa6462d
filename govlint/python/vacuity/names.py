"""Which functions are gates by their name, their class, or what they are registered as."""

from __future__ import annotations

import ast
import re

from govlint.python.paths.static import dotted

_VERBS = (
    r"validate|verify|check|gate|guard|authori[sz]e|authenticate|score|assess|approve|permit|"
    r"allow|allows|accepts|enforce|passes|vet|"
    r"is_(?:\w+_)?(?:valid|verified|allowed|authori[sz]ed|permitted|compliant|approved|trusted|"
    r"acceptable|admissible)|has_(?:permission|access|passed)|"
    r"(?:compute|calculate|get|evaluate|measure|run|apply)_(?:\w+_)?(?:score|quality|gate|gates|"
    r"checks|validation|risk)|should_(?:allow|approve|accept|pass)"
)
_TAILS = (
    r"gate|check|guard|validator|verifier|scorer|checker|validation|verification|assessment|"
    r"authori[sz]ation|authori[sz]er|score|quality_gate|is_valid|permitted|allowed"
)
_NAME = re.compile(rf"(?:async_|do_|run_)?(?:(?:{_VERBS})(?:_\w+)?|\w+_(?:{_TAILS})|quality)")
# `check_interval` and `score_name` are things, not deeds
_THING = re.compile(
    r"(?!validate|verify|authori|guard_|assess_|ensure|enforce)"
    r"\w+_(?:name|names|id|ids|type|types|url|path|paths|interval|timeout|time|schema|config|"
    r"message|messages|level|label|title|key|keys|version|status|state|threshold|weight|count|"
    r"description|options|settings|delay|period|date|file|format|template|code|board|sheet)"
)
_CLASS = re.compile(
    r"\w*(?:Gate|Validator|Verifier|Guard|Scorer|Checker|Authori[sz]er|Assessor|Evaluator|Check)"
)
_METHODS = frozenset(
    [
        "__call__",
        "run",
        "evaluate",
        "decide",
        "apply",
        "execute",
        "process",
        "handle",
        "passes",
        "test",
        "judge",
        "assess",
        "review",
        "is_satisfied",
        "is_satisfied_by",
        "allow",
        "permit",
        "accept",
        "measure",
        "rate",
        "grade",
        "compute",
    ]
)
_REGISTERED = re.compile(
    r"(?:\w*_)?(?:validators?|gates?|guards?|checks?|checkers?|scorers?|verifiers?|"
    r"authori[sz]ers?|assessors?|validate|verify|score_fn|is_valid|assess)",
    re.IGNORECASE,
)
_ENTRY = re.compile(
    r"(?:register|add|use|set|install|append_?|attach|with)_(?:\w+_)?(?:validator|gate|guard|check|"
    r"scorer|verifier|authori[sz]er|assessor)"
)


def is_gate_name(name: str) -> bool:
    """Whether a function's own name says that it decides."""
    bare = name.strip("_").lower()
    return _NAME.fullmatch(bare) is not None and _THING.fullmatch(bare) is None


def is_score_name(name: str) -> bool:
    """Whether a name is that of a scorer: its answer is a number."""
    return re.search(r"score|quality|assess|rate|grade|risk|coverage", name.lower()) is not None


def is_gate_class(name: str) -> bool:
    """Whether a class is named as a gate."""
    return _CLASS.fullmatch(name.lstrip("_")) is not None


def may_be_gate_method(name: str) -> bool:
    """Whether a method of this name is what decides, in some class named as a gate."""
    return name in _METHODS


def is_gate_method(class_name: str, name: str) -> bool:
    """Whether a method of a class named as a gate is what decides."""
    return name in _METHODS and is_gate_class(class_name)


def is_registration(decorator: ast.expr) -> bool:
    """Whether a decorator registers a function as a gate."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    parts = [part for part in dotted(target).split(".") if part]
    return any(_REGISTERED.fullmatch(part) or _ENTRY.fullmatch(part) for part in parts)


def is_gate_slot(name: str) -> bool:
    """Whether what is kept under a name (`VALIDATORS`, `gate=`) is a gate."""
    return _REGISTERED.fullmatch(name.strip("_")) is not None


def registers(call: ast.Call) -> bool:
    """Whether a call registers what it is given: `register_gate("x", f)`, `GATES.append(f)`."""
    function = call.func
    if isinstance(function, ast.Attribute):
        owner = dotted(function.value).rpartition(".")[2]
        if function.attr in ("append", "add", "register", "insert") and is_gate_slot(owner):
            return True
        return _ENTRY.fullmatch(function.attr) is not None
    return isinstance(function, ast.Name) and _ENTRY.fullmatch(function.id) is not None
