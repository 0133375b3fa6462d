"""Strings that constants decide: joins, formats, slices and codecs, computed for real.

Only pure methods are run, on short constants, so that no input can make the analysis
spend time or memory (`"a" * 10**9`, `"{:>999999999}".format`).
"""

from __future__ import annotations

import ast
import re
from itertools import product
from typing import Any

from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.frames import Arguments
from govlint.python.flow.values import ANY, UNKNOWN, Value, Values

_LONGEST = 1000
_PURE = frozenset(
    "capitalize casefold center decode encode endswith expandtabs find format hex index join "
    "ljust lower lstrip partition removeprefix removesuffix replace rfind rjust rpartition rsplit "
    "rstrip split splitlines startswith strip swapcase title translate upper zfill".split()
)
_WIDTH = re.compile(r"\d{3,}|\*")


def call_on_constant(receiver: Any, method: str, arguments: list[Any]) -> Values:
    """Run a pure method of a constant; unknown when it is not pure, too large or fails."""
    if method not in _PURE or not isinstance(receiver, str | bytes):
        return ANY
    if len(receiver) > _LONGEST or any(
        (isinstance(a, str | bytes) and len(a) > _LONGEST) or (type(a) is int and abs(a) > _LONGEST)
        for a in arguments
    ):
        return ANY
    if method == "format" and isinstance(receiver, str) and _WIDTH.search(receiver):
        return ANY
    if (
        method == "replace"
        and len(arguments) > 1
        and len(receiver) * len(str(arguments[1])) > 20_000
    ):
        return ANY
    try:
        result = getattr(receiver, method)(*arguments)
    except Exception:  # any failure of the analysed code's own expression
        return ANY
    if isinstance(result, str | bytes | int | bool) and (
        not isinstance(result, str | bytes) or len(result) <= _LONGEST
    ):
        return frozenset({v.const(result)})
    return ANY


def string_method(
    flow: Flow, receiver: Value, name: str, arguments: Arguments, node: ast.AST
) -> Values:
    """A method of a string or bytes value whose text is wholly or partly known."""
    if name == "join":
        return _join(flow, receiver, arguments, node)
    if name == "format":
        return _format(receiver, arguments)
    if isinstance(receiver, v.Text):
        return _text_method(receiver, name)
    if not isinstance(receiver, v.Const):
        return ANY
    if name in ("split", "rsplit", "splitlines", "partition", "rpartition"):
        return _split(flow, receiver, name, arguments, node)
    choices: list[list[Any]] = []
    for values in arguments.positional:
        known = [value.value for value in values if isinstance(value, v.Const)]
        if len(known) != len(values) or len(known) > 8:
            return ANY
        choices.append(known)
    found: set[Value] = set()
    for row in product(*choices):
        found |= call_on_constant(receiver.value, name, list(row))
        if len(found) > 32:
            return ANY
    return frozenset(found) or ANY


def _text_method(receiver: v.Text, name: str) -> Values:
    change = {"lower": str.lower, "upper": str.upper, "casefold": str.casefold}.get(name)
    if change is None:
        return ANY
    return frozenset({v.text(tuple(None if p is None else change(p) for p in receiver.parts))})


def _split(flow: Flow, receiver: v.Const, name: str, arguments: Arguments, node: ast.AST) -> Values:
    given: list[Any] = []
    for values in arguments.positional:
        only = next(iter(values)) if len(values) == 1 else None
        if not isinstance(only, v.Const):
            return ANY
        given.append(only.value)
    try:
        parts = getattr(receiver.value, name)(*given)
    except Exception:  # any failure of the analysed code's own expression
        return ANY
    if len(parts) > 64:
        return ANY
    made = v.container("list", (node, receiver))
    for position, part in enumerate(parts):
        flow.store_element(made, position, frozenset({v.const(part)}))
    flow.lengths[made] = len(parts)
    return frozenset({made})


def _join(flow: Flow, receiver: Value, arguments: Arguments, node: ast.AST) -> Values:
    from govlint.python.flow.library import unpacked

    if not isinstance(receiver, v.Const):
        return ANY
    found: set[Value] = set()
    for holder in arguments.first():
        if isinstance(holder, v.Const) and isinstance(holder.value, type(receiver.value)):
            found |= call_on_constant(receiver.value, "join", [holder.value])
            continue
        length = flow.lengths.get(holder)
        if length is None or length > 64 or flow.read((holder, "scrambled")):
            found.add(UNKNOWN)
            continue
        result: Value = v.const("")
        for position, values in enumerate(unpacked(flow, frozenset({holder}))):
            only = next(iter(values)) if len(values) == 1 else UNKNOWN
            if position and isinstance(receiver.value, str):
                result = concatenate(result, receiver)
            result = concatenate(result, only)
        found.add(result)
    return frozenset(found) or ANY


def _format(receiver: Value, arguments: Arguments) -> Values:
    if not isinstance(receiver, v.Const) or not isinstance(receiver.value, str):
        return ANY
    import string

    template = receiver.value
    if len(template) > _LONGEST:
        return ANY
    parts: list[str | None] = []
    automatic = 0
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError:
        return ANY
    for literal, name, spec, conversion in pieces:
        parts.append(literal)
        if name is None:
            continue
        if name == "":
            name, automatic = str(automatic), automatic + 1
        values: Values | None = None
        if name.isdigit() and int(name) < len(arguments.positional):
            values = arguments.positional[int(name)]
        elif name in arguments.keywords:
            values = arguments.keywords[name]
        parts.extend(_formatted(values, bool(spec or conversion)))
    return frozenset({v.text(tuple(parts))})


def _formatted(values: Values | None, changed: bool) -> tuple[str | None, ...]:
    if values is not None and len(values) == 1 and not changed:
        only = next(iter(values))
        if isinstance(only, v.Const) and isinstance(only.value, str | int):
            return (str(only.value)[:_LONGEST],)
        if isinstance(only, v.Text):
            return only.parts
    return (None,)


def f_string(parts: list[tuple[Values | str, bool]]) -> Values:
    """A formatted string from its literal parts and the values between them."""
    results: list[tuple[str | None, ...]] = [()]
    for part, changed in parts:
        if isinstance(part, str):
            results = [(*done, part) for done in results]
        elif 1 < len(part) <= 8 and len(results) * len(part) <= 32 and not changed:
            results = [
                (*done, *_formatted(frozenset({value}), changed))
                for done in results
                for value in part
            ]
        else:
            results = [(*done, *_formatted(part, changed)) for done in results]
    return frozenset(v.text(done) for done in results)


def concatenate(left: Value, right: Value) -> Value:
    """`left + right` for strings and numbers; partly known where one side is."""
    if isinstance(left, v.Const) and isinstance(right, v.Const):
        try:
            result = left.value + right.value
        except Exception:  # the analysed code's own TypeError
            return UNKNOWN
        if isinstance(result, str | bytes) and len(result) > _LONGEST:
            return UNKNOWN
        return v.const(result) if isinstance(result, str | bytes | int | float) else UNKNOWN
    left_parts, right_parts = _parts(left), _parts(right)
    if left_parts is None and right_parts is None:
        return UNKNOWN
    return v.text((*(left_parts or (None,)), *(right_parts or (None,))))


def _parts(value: Value) -> tuple[str | None, ...] | None:
    if isinstance(value, v.Const) and isinstance(value.value, str):
        return (value.value,)
    if isinstance(value, v.Text):
        return value.parts
    return None


def percent(template: Value, values: list[Values]) -> Value:
    """`template % values` where all conversions are plain `%s`."""
    if not isinstance(template, v.Const) or not isinstance(template.value, str):
        return UNKNOWN
    pieces = re.split(r"%(?:\((\w+)\))?[srd]", template.value)
    literal = pieces[::2]
    if len(literal) - 1 != len(values) or any("%" in piece for piece in literal):
        return UNKNOWN
    parts: list[str | None] = [literal[0]]
    for given, piece in zip(values, literal[1:], strict=True):
        parts.extend(_formatted(given, False))
        parts.append(piece)
    return v.text(tuple(parts))


def subscript(value: v.Const, index: ast.expr, key: Values) -> Values:
    """`"text"[i]` and `"text"[a:b:c]` with constant bounds."""
    if not isinstance(value.value, str | bytes) or len(value.value) > _LONGEST:
        return ANY
    if isinstance(index, ast.Slice):
        bounds: list[int | None] = []
        for part in (index.lower, index.upper, index.step):
            if part is None:
                bounds.append(None)
                continue
            try:
                number = ast.literal_eval(part)
            except (ValueError, TypeError, SyntaxError, RecursionError):
                return ANY
            if type(number) is not int:
                return ANY
            bounds.append(number)
        try:
            return frozenset({v.const(value.value[slice(*bounds)])})
        except (ValueError, TypeError):
            return ANY
    found: set[Value] = set()
    for part_key in key:
        if isinstance(part_key, v.Const) and type(part_key.value) is int:
            try:
                found.add(v.const(value.value[part_key.value]))
            except (IndexError, TypeError):
                found.add(UNKNOWN)
        else:
            found.add(UNKNOWN)
    return frozenset(found)
