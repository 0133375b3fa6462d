"""What is known of the states of jobs at one point of a function."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """A job is in state `state`, or (where that is None) in none of `excluded`.

    `inherited` says that the caller knew it, so that a fault found with it is the call's;
    `written` is what set it, where that is seen.
    """

    state: str | None = None
    excluded: frozenset[str] = frozenset()
    inherited: bool = False
    written: ast.AST | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Step:
    """An illegal transition: where, from what, to what.

    `inherited`: it is illegal by what the caller knows, so it is the caller's; `write` is
    then the statement in the called function.
    """

    node: ast.AST
    before: str
    after: str
    inherited: bool = False
    write: ast.AST | None = None


Facts = dict[str, frozenset[Token]]
ANYTHING = frozenset({Token()})


def tokens_of(states: frozenset[str | None], written: ast.AST | None = None) -> frozenset[Token]:
    """The tokens for "in one of these states", which `written` set."""
    return frozenset(Token(s, written=written) for s in states)


def joined(a: Facts, b: Facts) -> Facts:
    """What is known where two paths meet."""
    if a is b:
        return a
    return {k: a.get(k, ANYTHING) | b.get(k, ANYTHING) for k in {*a, *b}}
