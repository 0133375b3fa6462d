"""What a test that came out true or false tells about the names in it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.flow.places import place
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo

if TYPE_CHECKING:
    from govlint.python.flow.expressions import Expressions


def narrow(run: Expressions, test: ast.expr, outcome: bool) -> None:
    """Refine what the names in `test` can be where it came out as `outcome`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        narrow(run, test.operand, not outcome)
    elif isinstance(test, ast.BoolOp):
        parts = test.values if isinstance(test.op, ast.And) is outcome else []
        for part in parts:
            narrow(run, part, outcome)
    elif isinstance(test, ast.NamedExpr):
        narrow(run, test.target, outcome)
    elif isinstance(test, ast.Call):
        _call(run, test, outcome)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        _compare(run, test, outcome)
    elif isinstance(test, ast.Name | ast.Attribute):
        values = run.flow.recorded.get(test, EMPTY)
        kept = frozenset(x for x in _now(run, test, values) if not _is_falsy(x, outcome))
        _set(run, test, kept)


def _is_falsy(value: Value, outcome: bool) -> bool:
    """Whether the value cannot be what a test with this outcome saw."""
    if isinstance(value, v.Const):
        return bool(value.value) is not outcome
    return not outcome and isinstance(value, v.FunctionValue | v.ClassValue | v.BoundMethod)


def _now(run: Expressions, node: ast.expr, fallback: Values) -> Values:
    key = node.id if isinstance(node, ast.Name) else place(node)
    if key is None:
        return fallback
    for scope in reversed(run.comprehension_scopes):
        if key in scope:
            return scope[key]
    return run.environment.get(key, fallback)


def _set(run: Expressions, node: ast.expr, values: Values) -> None:
    key = node.id if isinstance(node, ast.Name) else place(node)
    if key is None:
        return
    for scope in reversed(run.comprehension_scopes):
        if key in scope:
            scope[key] = values
            return
    if isinstance(node, ast.Name):
        if key in run.environment:
            run.environment[key] = values
    elif run.function is not None:
        run.environment[key] = values


def keep(run: Expressions, node: ast.expr, values: Values) -> None:
    """Say what a name or attribute can still be; other expressions have no name for it."""
    if isinstance(node, ast.Name | ast.Attribute):
        _set(run, node, values)


def _call(run: Expressions, test: ast.Call, outcome: bool) -> None:
    if isinstance(test.func, ast.Attribute) and test.func.attr in ("startswith", "endswith"):
        _affix(run, test, test.func, outcome)
        return
    if len(test.args) == 1 and not test.keywords and outcome:
        _guard(run, test)
    if not isinstance(test.func, ast.Name) or test.keywords:
        return
    if test.func.id in ("isinstance", "issubclass") and len(test.args) == 2:
        subject = test.args[0]
        if not isinstance(subject, ast.Name | ast.Attribute):
            return
        kinds = _classes(run, run.flow.recorded.get(test.args[1], EMPTY))
        if kinds is None:
            return
        current = _now(run, subject, run.flow.recorded.get(subject, EMPTY))
        _ask_for(run, run.flow.recorded.get(test.args[1], EMPTY), current)
        _set(run, subject, _filtered(run, current, kinds, outcome, test.func.id))


def _ask_for(run: Expressions, kinds: Values, current: Values) -> None:
    """Have the modules read of the classes that something governed is tested against."""
    flow = run.flow
    unread = {x for x in kinds | flow.elements(kinds) if isinstance(x, v.Deferred)}
    if unread and flow.program.carries_governed(flow, current):
        flow.wanted |= {x.module for x in unread}


def _affix(run: Expressions, test: ast.Call, func: ast.Attribute, outcome: bool) -> None:
    """`name.startswith("on_")`: what is not known of the name begins so."""
    subject = func.value
    if not isinstance(subject, ast.Name | ast.Attribute) or len(test.args) != 1:
        return
    given = run.flow.recorded.get(test.args[0], EMPTY)
    words: set[Value] = set()
    for value in given:
        held = isinstance(value, v.Container)
        words |= run.flow.elements(frozenset({value})) if held else {value}
    affixes = tuple(x.value for x in words if isinstance(x, v.Const) and isinstance(x.value, str))
    if not affixes or len(affixes) != len(words):
        return
    starts = func.attr == "startswith"
    kept: set[Value] = set()
    for value in _now(run, subject, run.flow.recorded.get(subject, EMPTY)):
        if isinstance(value, v.Const) and isinstance(value.value, str):
            met = value.value.startswith(affixes) if starts else value.value.endswith(affixes)
            if met is outcome:
                kept.add(value)
        elif outcome and (value is UNKNOWN or isinstance(value, v.ExternalInstance)):
            kept |= {v.text((x, None) if starts else (None, x)) for x in affixes}
        else:
            kept.add(value)
    _set(run, subject, frozenset(kept))


def _guard(run: Expressions, test: ast.Call) -> None:
    """A function that is declared to return `TypeGuard[X]` or `TypeIs[X]` came out true."""
    from govlint.python.flow.annotations import annotated

    subject = test.args[0]
    if not isinstance(subject, ast.Name | ast.Attribute):
        return
    for value in run.flow.recorded.get(test.func, EMPTY):
        if not isinstance(value, v.FunctionValue | v.BoundMethod):
            continue
        returns = getattr(value.function.node, "returns", None)
        if isinstance(returns, ast.Subscript):
            name = returns.value
            word = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
            if word in ("TypeGuard", "TypeIs"):
                module = value.function.module
                _set(run, subject, annotated(run.flow, returns.slice, module, None))


def _classes(run: Expressions, values: Values) -> tuple[set[ClassInfo], set[str]] | None:
    classes: set[ClassInfo] = set()
    outside: set[str] = set()
    for value in values:
        if isinstance(value, v.ClassValue):
            classes.add(value.cls)
        elif isinstance(value, v.External | v.Deferred):
            outside.add(value.dotted)
        elif isinstance(value, v.Container):
            inner = _classes(run, run.flow.elements(frozenset({value})))
            if inner is None:
                return None
            classes |= inner[0]
            outside |= inner[1]
        else:
            return None
    return (classes, outside) if classes or outside else None


def _filtered(
    run: Expressions,
    current: Values,
    kinds: tuple[set[ClassInfo], set[str]],
    outcome: bool,
    function: str,
) -> Values:
    flow = run.flow
    classes, outside = kinds
    kept: set[Value] = set()
    make = v.instance if function == "isinstance" else lambda cls: v.class_value(cls)
    for value in current:
        cls = value.cls if isinstance(value, v.Instance | v.ClassValue | v.EnumMember) else None
        if cls is None:
            if value is UNKNOWN or isinstance(value, v.ExternalInstance | v.Deferred):
                if outcome:
                    kept.update(make(target) for target in classes)
                    if outside:
                        kept.add(value)
                else:
                    kept.add(value)
            elif isinstance(value, v.Const):
                kinds_of = {f"builtins.{kind.__name__}" for kind in type(value.value).__mro__}
                if bool(kinds_of & outside) is outcome:
                    kept.add(value)
            elif isinstance(value, v.Container) or not outcome or outside:
                kept.add(value)
            continue
        mro = flow.mro(cls)
        if any(entry in classes or entry in outside for entry in mro):
            if outcome:
                kept.add(value)
        elif outcome:
            # an instance of a base class may be one of the tested class
            for target in classes:
                if cls in flow.mro(target) and getattr(value, "site", None) is None:
                    kept.add(make(target))
        else:
            kept.add(value)
    if not kept and outcome:
        return _of_both(run, current, classes, outside)
    return frozenset(kept)


def _of_both(
    run: Expressions, current: Values, classes: set[ClassInfo], outside: set[str]
) -> Values:
    """What passes a test for a class that none of it has: objects of a class below both.

    Any plugin may be of a class that is a `Closeable`, too; a protocol is a matter of methods.
    """
    if all(name.startswith("builtins.") for name in outside) and not classes:
        return EMPTY
    structural = any(_is_protocol(run, cls) for cls in classes)
    return frozenset(
        value
        for value in current
        if isinstance(value, v.Instance) and (value.is_some or structural)
    )


def _is_protocol(run: Expressions, cls: ClassInfo) -> bool:
    bases = run.flow.mro(cls)
    return any(isinstance(base, str) and base.endswith(".Protocol") for base in bases)


def _compare(run: Expressions, test: ast.Compare, outcome: bool) -> None:
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.NotIn | ast.NotEq | ast.IsNot):
        outcome = not outcome
    if isinstance(op, ast.In | ast.NotIn):
        subject = _typed(left)
        if subject is not None and outcome:
            _exactly(run, subject, right)
        elif isinstance(left, ast.Name | ast.Attribute | ast.NamedExpr):
            _membership(run, _named(left), right, outcome)
        return
    if not isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        return
    for side, other in ((left, right), (right, left)):
        subject = _typed(side)
        if subject is not None and outcome:
            _exactly(run, subject, other)
            return
    _equality(run, _named(left), run.flow.recorded.get(right, EMPTY), outcome)
    _equality(run, _named(right), run.flow.recorded.get(left, EMPTY), outcome)


def _typed(node: ast.expr) -> ast.expr | None:
    """`x` for `type(x)` and `x.__class__`."""
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return node.args[0] if node.func.id == "type" else None
    return None


def _exactly(run: Expressions, subject: ast.expr, other: ast.expr) -> None:
    """`type(x) is Server` came out true."""
    if not isinstance(subject, ast.Name | ast.Attribute):
        return
    tested = run.flow.recorded.get(other, EMPTY)
    kinds = _classes(run, tested)
    if kinds is not None:
        current = _now(run, subject, run.flow.recorded.get(subject, EMPTY))
        _ask_for(run, tested, current)
        _set(run, subject, _filtered(run, current, kinds, True, "isinstance"))


def _named(node: ast.expr) -> ast.expr:
    return node.target if isinstance(node, ast.NamedExpr) else node


def _equality(run: Expressions, node: ast.expr, other: Values, outcome: bool) -> None:
    if not isinstance(node, ast.Name | ast.Attribute):
        return
    if not other or not all(isinstance(x, v.Const | v.EnumMember) for x in other):
        return
    current = _now(run, node, run.flow.recorded.get(node, EMPTY))
    if outcome:
        kept = {x for x in current if x in other}
        if any(x is UNKNOWN or isinstance(x, v.Text | v.ExternalInstance) for x in current):
            kept |= other
        if any(isinstance(x, v.Instance) for x in current):
            kept |= {x for x in current if isinstance(x, v.Instance)}
        _set(run, node, frozenset(kept))
    elif len(other) == 1:
        only = next(iter(other))
        kept = {x for x in current if x is not only}
        if isinstance(only, v.Const) and isinstance(only.value, str):
            kept = {_without(x, only.value) for x in kept}
        _set(run, node, frozenset(kept))


class _Except(v.Text):
    """A string that is anything but some words: the other branch of `name == "run"`."""

    __slots__ = ("words",)

    def __init__(self, words: frozenset[str]) -> None:
        super().__init__((None,))
        self.words = words

    def __repr__(self) -> str:
        return f"Except({sorted(self.words)!r})"

    def may_be(self, word: str) -> bool:
        return word not in self.words


_excepts: dict[frozenset[str], _Except] = {}


def _without(value: Value, word: str) -> Value:
    if isinstance(value, _Except):
        words = value.words | {word}
    elif value is UNKNOWN:
        words = frozenset({word})
    else:
        return value
    return _excepts.setdefault(words, _Except(words))


def _membership(run: Expressions, node: ast.expr, holder: ast.expr, outcome: bool) -> None:
    words = run.flow.recorded.get(holder, EMPTY)
    held: set[Value] = set()
    for value in words:
        if not isinstance(value, v.Container):
            return
        held |= (
            run.flow.read((value, "keys"))
            if value.shape == "dict"
            else run.flow.elements(frozenset({value}))
        )
    if not held or not all(isinstance(x, v.Const | v.EnumMember) for x in held):
        return
    current = _now(run, node, run.flow.recorded.get(node, EMPTY))
    if outcome:
        kept = {x for x in current if x in held}
        if any(not isinstance(x, v.Const | v.EnumMember) for x in current):
            kept |= held
        _set(run, node, frozenset(kept))
    else:
        kept = {x for x in current if x not in held}
        for word in held:
            if isinstance(word, v.Const) and isinstance(word.value, str):
                kept = {_without(x, word.value) for x in kept}
        _set(run, node, frozenset(kept))


def bind_pattern(
    run: Expressions, pattern: ast.pattern, subject: Values, node: ast.expr | None
) -> None:
    """Bind the names of a match pattern; a class pattern narrows its subject."""
    from govlint.python.flow.statements import Interpreter

    assert isinstance(run, Interpreter)
    flow = run.flow
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            bind_pattern(run, pattern.pattern, subject, node)
            subject = _let_through(run, pattern.pattern, subject)
        if pattern.name is not None:
            run.bind_name(pattern.name, subject)
            flow.record(pattern, subject)
    elif isinstance(pattern, ast.MatchOr):
        for part in pattern.patterns:
            bind_pattern(run, part, subject, None)
        if isinstance(node, ast.Name | ast.Attribute):
            _set(run, node, _let_through(run, pattern, subject))
    elif isinstance(pattern, ast.MatchValue):
        run.evaluate(pattern.value)
        if node is not None:
            _equality(run, node, flow.recorded.get(pattern.value, EMPTY), True)
    elif isinstance(pattern, ast.MatchSingleton):
        if node is not None:
            _equality(run, node, frozenset({v.const(pattern.value)}), True)
    elif isinstance(pattern, ast.MatchClass):
        _class_pattern(run, pattern, subject, node)
    elif isinstance(pattern, ast.MatchSequence):
        for index, part in enumerate(pattern.patterns):
            got: set[Value] = set()
            for holder in subject:
                if isinstance(part, ast.MatchStar):
                    got |= flow.elements(frozenset({holder}))
                elif any(isinstance(p, ast.MatchStar) for p in pattern.patterns[:index]):
                    position = v.const(index - len(pattern.patterns))
                    got |= flow.element(holder, frozenset({position}))
                else:
                    got |= flow.element(holder, frozenset({v.const(index)}))
            if not got:
                got.add(UNKNOWN)
            if isinstance(part, ast.MatchStar):
                if part.name is not None:
                    run.bind_name(part.name, flow.holder("list", part, frozenset(got)))
            else:
                bind_pattern(run, part, frozenset(got), None)
    elif isinstance(pattern, ast.MatchMapping):
        for key, part in zip(pattern.keys, pattern.patterns, strict=True):
            keys = run.evaluate(key)
            got = set()
            for holder in subject:
                got |= flow.element(holder, keys)
            bind_pattern(run, part, frozenset(got) or ANY, None)
        if pattern.rest is not None:
            run.bind_name(pattern.rest, flow.holder("dict", pattern, flow.elements(subject)))


def _let_through(run: Expressions, pattern: ast.pattern, subject: Values) -> Values:
    """The part of `subject` that a pattern matches; its names have been evaluated."""
    if isinstance(pattern, ast.MatchClass):
        kinds = _classes(run, run.flow.recorded.get(pattern.cls, EMPTY))
        _ask_for(run, run.flow.recorded.get(pattern.cls, EMPTY), subject)
        return subject if kinds is None else _filtered(run, subject, kinds, True, "isinstance")
    if isinstance(pattern, ast.MatchOr):
        found: set[Value] = set()
        for part in pattern.patterns:
            found |= _let_through(run, part, subject)
        return frozenset(found)
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        return _let_through(run, pattern.pattern, subject)
    if isinstance(pattern, ast.MatchSingleton):
        return frozenset({v.const(pattern.value)})
    return subject


def left_over(run: Expressions, pattern: ast.pattern, subject: Values) -> Values:
    """The part of `subject` that surely goes on to the next case."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        return left_over(run, pattern.pattern, subject)
    if isinstance(pattern, ast.MatchOr):
        for part in pattern.patterns:
            subject = left_over(run, part, subject)
    elif isinstance(pattern, ast.MatchClass) and not (pattern.patterns or pattern.kwd_patterns):
        kinds = _classes(run, run.flow.recorded.get(pattern.cls, EMPTY))
        if kinds is not None:
            return _filtered(run, subject, kinds, False, "isinstance")
    elif isinstance(pattern, ast.MatchSingleton):
        return subject - {v.const(pattern.value)}
    return subject


def _class_pattern(
    run: Expressions, pattern: ast.MatchClass, subject: Values, node: ast.expr | None
) -> None:
    from govlint.python.flow import attributes

    kinds = _classes(run, run.evaluate(pattern.cls))
    if kinds is not None:
        subject = _filtered(run, subject, kinds, True, "isinstance")
        if isinstance(node, ast.Name | ast.Attribute):
            _set(run, node, subject)
    for index, part in enumerate(pattern.patterns):
        got: set[Value] = set()
        for value in subject:
            if isinstance(value, v.Instance):
                names = attributes.lookup(run.flow, value.cls, "__match_args__") or EMPTY
                for holder in names:
                    for name in run.flow.element(holder, frozenset({v.const(index)})):
                        if isinstance(name, v.Const):
                            got |= attributes.load(run.flow, value, str(name.value), pattern)
                if not names:
                    fields = list(value.cls.annotations)
                    if index < len(fields):
                        got |= attributes.load(run.flow, value, fields[index], pattern)
            else:
                got.add(value)
        bind_pattern(run, part, frozenset(got) or ANY, None)
    for attribute, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        got = set()
        for value in subject:
            got |= attributes.load(run.flow, value, attribute, pattern)
        bind_pattern(run, part, frozenset(got) or ANY, None)
