"""Whether a gate can fail: its answers, taken together, and what stands in their place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.vacuity import domain as d
from govlint.python.vacuity.domain import UNKNOWN, Val
from govlint.python.vacuity.expressions import Answer, Expressions, Notes
from govlint.python.vacuity.names import is_score_name
from govlint.python.vacuity.sources import AnyDef, Source, Sources
from govlint.python.vacuity.statements import Outcome, Statements, speaks_of_passing

_DEPTH = 4
_NULL = re.compile(
    r"null[ -]?object|no-?op\b|does nothing|nothing to (?:check|validate|do)|on purpose|"
    r"deliberate|intentional|by design|default (?:implementation|hook)|subclass|override|"
    r"placeholder for|hook\b|always (?:allows|passes|accepts|succeeds)|permissive",
    re.IGNORECASE,
)
_NULL_NAME = re.compile(
    r"^_?(?:Null|NoOp|Noop|Dummy|Fake|Stub|Mock|AllowAll|AcceptAll|PassThrough|Passthrough|Always|"
    r"Permissive|Base|Abstract)|(?:Base|Mixin|Stub|Protocol|Interface)$"
)
_BOUNDED = re.compile(r"(?:\w+_)?(?:score|coverage|confidence|quality|ratio|similarity|accuracy)")
_STRICT = re.compile(r"_*(?:validate|verify|authori[sz]e|guard|enforce|gate|assess)")


@dataclass(frozen=True)
class Verdict:
    """Why a gate cannot fail, and the node that shows it."""

    why: str
    culprit: ast.AST


class Judge:
    """Judges the functions of one program."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._answers: dict[ast.AST, Answer | None] = {}
        self._depth = 0

    def verdict(
        self, source: Source, node: AnyDef | ast.Lambda, name: str, cls: ast.ClassDef | None
    ) -> Verdict | None:
        """Why the gate `node` cannot fail; None where it can, or where that is not decided."""
        found = self._verdict(source, node, name, cls)
        while found is not None and self.sources.refuted():
            self._answers.clear()
            found = self._verdict(source, node, name, cls)
        return found

    def _verdict(
        self, source: Source, node: AnyDef | ast.Lambda, name: str, cls: ast.ClassDef | None
    ) -> Verdict | None:
        if isinstance(node, ast.Lambda):
            return self._lambda(source, node, name)
        if _is_stub(node) or _is_exempt(node, cls):
            return None
        notes = Notes()
        outcome = self._run(source, node, cls, notes)
        wrapped = self._wrapped(source, node)
        if wrapped is not None:
            return wrapped
        if outcome.yields:
            return None
        if outcome.open_handlers and not notes.effects and not _turned_round(outcome):
            return Verdict("its handler answers that all is well", outcome.open_handlers[0][0])
        if outcome.raised or notes.effects:
            return None
        values = [value for value, _ in outcome.returns]
        if outcome.falls:
            values.append(d.NONE)
        return self._of_answers(node, name, values, outcome, notes)

    def _of_answers(
        self, node: AnyDef, name: str, values: list[Val], outcome: Outcome, notes: Notes
    ) -> Verdict | None:
        if not values:
            return None
        if all(value.is_literal and value.const is None for value in values):
            return self._of_silence(node, name, outcome, notes)
        culprit: ast.AST = outcome.returns[0][1] if outcome.returns else node
        short = any(why in ("short", "finally") for why, _ in notes.reasons)
        if not self._cannot_fail(node, name, values, short):
            return None
        for why, place in notes.reasons:
            text = _REASONS.get(why)
            if text is not None:
                return Verdict(text, place)
        if outcome.swallowed:
            return Verdict("it swallows the failure of its own check", outcome.swallowed[0])
        return Verdict(f"it answers {_shown(values[0])} whatever it is given", culprit)

    def _of_silence(
        self, node: AnyDef, name: str, outcome: Outcome, notes: Notes
    ) -> Verdict | None:
        """A gate that answers by raising: it never does, though it looks as if it would."""
        if outcome.swallowed:
            return Verdict("it swallows the failure of its own check", outcome.swallowed[0])
        for why, place in notes.reasons:
            if why == "assert":
                return Verdict("its assertion is about a constant", place)
            if why == "never":
                return Verdict("its condition for failing can never hold", place)
        # more than plain conditions may report to somebody who counts what is reported
        asked = [s for s in node.body if isinstance(s, ast.If)]
        plain = [s for s in node.body if not isinstance(s, ast.If | ast.Expr)]
        if asked and not plain and _STRICT.match(name):
            return Verdict("it looks at its input and refuses nothing", asked[0])
        return None

    def _cannot_fail(self, node: AnyDef, name: str, values: list[Val], short: bool) -> bool:
        if any(value.truth is False or value.refuses for value in values):
            constant = len(set(values)) == 1 and values[0].is_literal
            return (
                constant
                and is_score_name(name)
                and isinstance(values[0].const, int | float)
                and not isinstance(values[0].const, bool)
                and bool(_inputs(node))
            )
        if all(value.is_literal and value.const is True for value in values):
            return bool(_inputs(node)) or _uses_self(node)
        if all(value.is_literal and _is_number(value.const) for value in values):
            return len(set(values)) == 1 and is_score_name(name) and bool(_inputs(node))
        if all(value.is_const for value in values):
            return all(speaks_of_passing(value) for value in values) and bool(_inputs(node))
        return short and all(value.truth is True for value in values)

    # -- running --------------------------------------------------------------------------------

    def _run(self, source: Source, node: AnyDef, cls: ast.ClassDef | None, notes: Notes) -> Outcome:
        own = _class_constants(cls) if cls is not None else {}
        quality = _is_quality(node.name)

        def bounded(name: str) -> bool:
            return quality and _BOUNDED.fullmatch(name) is not None

        def constant(text: str) -> ast.expr | None:
            owner, _, name = text.rpartition(".")
            return own.get(name) if owner else self.sources.constant(source, name)

        expressions = Expressions(
            constant, lambda call: self._resolve(source, cls, call), notes, bounded
        )
        spec = node.args
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        for argument in every:
            if argument is not None:
                known = bounded(argument.arg)
                expressions.env[argument.arg] = Val(low=0.0) if known else UNKNOWN
                expressions.parameters.add(argument.arg)
        return Statements(expressions, notes).run(node.body)

    def _lambda(self, source: Source, node: ast.Lambda, name: str) -> Verdict | None:
        notes = Notes()
        expressions = Expressions(
            lambda text: self.sources.constant(source, text),
            lambda call: self._resolve(source, None, call),
            notes,
            lambda _: False,
        )
        for argument in walk(node.args):
            if isinstance(argument, ast.arg):
                expressions.env[argument.arg] = UNKNOWN
        value = expressions.value(node.body)
        if notes.raised - {"LookupError"} or not any(
            isinstance(a, ast.arg) for a in walk(node.args)
        ):
            return None
        number = value.is_literal and _is_number(value.const) and is_score_name(name)
        if (value.is_literal and value.const is True) or number:
            why = next((_REASONS[w] for w, _ in notes.reasons if w in _REASONS), "")
            return Verdict(why or f"it answers {_shown(value)} whatever it is given", node.body)
        return None

    def _resolve(self, source: Source, cls: ast.ClassDef | None, call: ast.Call) -> Answer | None:
        function = call.func
        found: tuple[Source, ast.AST] | None = None
        inside = cls
        if isinstance(function, ast.Name):
            found = self.sources.resolve(source, function.id)
            inside = None
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            owner = function.value.id
            if owner in ("self", "cls") and cls is not None:
                method = _method(source, cls, function.attr)
                found = (source, method) if method is not None else None
            elif owner in source.classes:
                method = _method(source, source.classes[owner], function.attr)
                found = (source, method) if method is not None else None
                inside = source.classes[owner]
            else:
                found = self.sources.resolve_attribute(source, owner, function.attr)
                inside = None
        if found is None:
            return None
        return self._answer(found[0], found[1], inside)

    def _answer(self, source: Source, node: ast.AST, cls: ast.ClassDef | None) -> Answer | None:
        if node in self._answers:
            return self._answers[node]
        if self._depth >= _DEPTH:
            return Answer()
        self._answers[node] = Answer()  # a function that calls itself
        self._depth += 1
        try:
            self._answers[node] = found = self._evaluated(source, node, cls)
        finally:
            self._depth -= 1
        return found

    def _evaluated(self, source: Source, node: ast.AST, cls: ast.ClassDef | None) -> Answer | None:
        if isinstance(node, ast.Lambda):
            notes = Notes()
            expressions = Expressions(lambda _: None, lambda _: None, notes, lambda _: False)
            return Answer(expressions.value(node.body), bool(notes.raised))
        if isinstance(node, ast.ClassDef):
            return None
        assert isinstance(node, AnyDef)
        if _is_stub(node) or node.decorator_list:
            return Answer()
        notes = Notes()
        outcome = self._run(source, node, cls, notes)
        if outcome.yields or notes.effects:
            return Answer()
        values = [value for value, _ in outcome.returns]
        if outcome.falls:
            values.append(d.NONE)
        value = values[0] if values else UNKNOWN
        for other in values[1:]:
            value = d.join(value, other)
        return Answer(value, bool(outcome.raised))

    def _wrapped(self, source: Source, node: AnyDef) -> Verdict | None:
        """A decorator of the project whose wrapper answers for the gate, and always well."""
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not isinstance(target, ast.Name):
                continue
            found = self.sources.resolve(source, target.id)
            if found is None or not isinstance(found[1], AnyDef):
                continue
            for inner in walk(found[1]):
                if not isinstance(inner, AnyDef) or inner is found[1]:
                    continue
                if any(isinstance(n, AnyDef) for s in inner.body for n in walk(s)):
                    continue
                notes = Notes()
                outcome = self._run(found[0], inner, None, notes)
                values = [value for value, _ in outcome.returns]
                good = values and all(v.is_literal and v.const is True for v in values)
                if not outcome.falls and not outcome.raised and good and not outcome.yields:
                    return Verdict(f"its decorator {target.id} answers True for it", decorator)
                if outcome.open_handlers:
                    return Verdict(
                        f"its decorator {target.id} takes a failure for a pass", decorator
                    )
        return None


def _turned_round(outcome: Outcome) -> bool:
    """Whether the handler's pass is the exception to a refusal: `verify_absent` and its like."""
    inside = {n for handler, _ in outcome.open_handlers for n in walk(handler)}
    others = [value for value, place in outcome.returns if place not in inside]
    return bool(others) and all(v.truth is False or v.refuses for v in others)


_REASONS = {
    "short": "a constant decides the condition, whatever stands beside it",
    "threshold": "its comparison holds for every value it can meet",
    "empty": "it goes through an empty list of checks",
    "finally": "its `finally` returns, whatever the check came to",
    "assert": "its assertion is about a constant",
    "never": "its condition for failing can never hold",
}


def _shown(value: Val) -> str:
    if value.is_literal:
        return repr(value.const)
    return value.word if len(value.word) < 60 else "the same"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _inputs(node: AnyDef) -> list[str]:
    spec = node.args
    names = [a.arg for a in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]]
    names += [a.arg for a in (spec.vararg, spec.kwarg) if a is not None]
    return [name for name in names if name not in ("self", "cls")]


def _uses_self(node: AnyDef) -> bool:
    """Whether a method without arguments looks at its object before it answers."""
    return any(
        isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
        for statement in node.body
        for n in walk(statement)
    )


def _is_quality(name: str) -> bool:
    lowered = name.lower()
    return bool(re.search(r"quality|gate|pass|threshold|coverage|score", lowered)) and not bool(
        re.match(r"_*(?:validate|verify)", lowered)
    )


def _is_stub(node: AnyDef) -> bool:
    """Whether the body is a docstring, `...` or `pass` and nothing else."""
    for statement in node.body:
        if isinstance(statement, ast.Pass):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        return False
    return True


def _is_exempt(node: AnyDef, cls: ast.ClassDef | None) -> bool:
    names = {
        dotted(x.func if isinstance(x, ast.Call) else x).rpartition(".")[2]
        for x in node.decorator_list
    }
    if names & {"abstractmethod", "overload", "property", "cached_property", "fixture"}:
        return True
    documented = ast.get_docstring(node) or ""
    if cls is not None:
        documented += " " + (ast.get_docstring(cls) or "")
        if _NULL_NAME.search(cls.name):
            return True
        bases = {dotted(b.value if isinstance(b, ast.Subscript) else b) for b in cls.bases}
        last = {base.rpartition(".")[2] for base in bases}
        if "Protocol" in last:
            return True
        if ("ABC" in last or any(k.arg == "metaclass" for k in cls.keywords)) and any(
            dotted(x).rpartition(".")[2] == "abstractmethod"
            for s in walk(cls)
            if isinstance(s, AnyDef)
            for x in s.decorator_list
        ):
            return True
    return _NULL.search(documented) is not None


def _method(source: Source, cls: ast.ClassDef, name: str) -> AnyDef | None:
    seen: set[str] = set()
    stack = [cls]
    while stack:
        current = stack.pop(0)
        if current.name in seen:
            continue
        seen.add(current.name)
        for statement in current.body:
            if isinstance(statement, AnyDef) and statement.name == name:
                return statement
        for base in current.bases:
            known = source.classes.get(dotted(base))
            if known is not None:
                stack.append(known)
    return None


def _class_constants(cls: ast.ClassDef) -> dict[str, ast.expr]:
    """Numbers and texts that a class sets and none of its methods sets again."""
    found: dict[str, ast.expr] = {}
    for statement in cls.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and _is_plain(statement.value):
                found[target.id] = statement.value
        elif (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)) and (
            statement.value is not None and _is_plain(statement.value)
        ):
            found[statement.target.id] = statement.value
    for node in walk(cls):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.pop(node.attr, None)
    return found


def _is_plain(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, int | float)
        and not isinstance(value.value, bool)
    )


def may_be_vacuous(node: AnyDef, local: frozenset[str]) -> bool:
    """Whether a gate's text alone leaves open that it cannot fail.

    Every function of the file (`local`) is taken to answer anything and to raise nothing,
    so what is refused here is not vacuous whatever else the file says.
    """
    if _is_stub(node) or _is_exempt(node, None):
        return False
    if any(
        isinstance(_called(x), ast.Name) and _called(x).id not in _PLAIN  # type: ignore[attr-defined]
        for x in node.decorator_list
    ):
        return True
    notes = Notes()
    local |= _bound_by_tables(node)
    quality = _is_quality(node.name)

    def bounded(name: str) -> bool:
        return quality and _BOUNDED.fullmatch(name) is not None

    def answer(call: ast.Call) -> Answer | None:
        return Answer(UNKNOWN, False) if _is_local(call, local) else None

    expressions = Expressions(lambda _: None, answer, notes, bounded)
    for argument in walk(node.args):
        if isinstance(argument, ast.arg):
            known = bounded(argument.arg)
            expressions.env[argument.arg] = Val(low=0.0) if known else UNKNOWN
            expressions.parameters.add(argument.arg)
    outcome = Statements(expressions, notes).run(node.body)
    if outcome.open_handlers:
        return True
    if outcome.yields or notes.effects or outcome.raised - {"LookupError"}:
        return False
    for value, place in outcome.returns:
        if value == UNKNOWN and isinstance(place, ast.Return) and place.value is not None:
            if not _has_free_part(place.value, local):
                return False
        elif value.is_literal and value.const is False:
            return False
    return True


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


_PLAIN = frozenset(
    [
        "callback",
        "staticmethod",
        "classmethod",
        "override",
        "property",
        "wraps",
        "lru_cache",
        "cache",
        "final",
    ]
)


def _bound_by_tables(node: AnyDef) -> set[str]:
    """Names bound by going through a table of the file: `for check in CHECKS`."""
    return {
        name.id
        for loop in walk(node)
        if isinstance(loop, ast.For | ast.AsyncFor | ast.comprehension)
        and isinstance(loop.iter, ast.Name)
        and loop.iter.id.isupper()
        for name in walk(loop.target)
        if isinstance(name, ast.Name)
    }


def _is_local(call: ast.Call, local: frozenset[str]) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in local
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr in local and function.value.id in ("self", "cls", *local)
    return False


def _has_free_part(node: ast.expr, local: frozenset[str]) -> bool:
    """Whether an answer hangs on something that the file around it could decide."""
    for part in walk(node):
        if isinstance(part, ast.Call) and _is_local(part, local):
            return True
        if isinstance(part, ast.Name) and part.id.isupper():
            return True
        if (isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)) and (
            part.value.id in ("self", "cls") and isinstance(node, ast.Compare)
        ):
            return True
    return False


def subclass_overrides(classes: Iterable[ast.ClassDef], cls: str, method: str) -> bool:
    """Whether one of `classes` derives from `cls` and defines `method` itself."""
    return any(
        dotted(base).rpartition(".")[2] == cls
        and any(isinstance(s, AnyDef) and s.name == method for s in other.body)
        for other in classes
        for base in other.bases
    )
