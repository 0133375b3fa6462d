"""Code that does the same thing again after it failed: loops, decorators, calls of itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.flow import values as v
from govlint.python.paths.static import dotted, truth
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

_DECORATORS = re.compile(
    r"(?:.*\.)?(?:retry|retries|retrying|with_retry|with_retries|retry_on\w*|retryable|"
    r"auto_retry|async_retry|on_exception|on_predicate|exponential_backoff|retry_with\w*|"
    r"retry_async|with_backoff)"
)
_LIBRARIES = re.compile(
    r"(?:tenacity|backoff|retrying|retry|retry2|stamina|opnieuw|aioretry|urllib3\.util\.retry|"
    r"requests\.adapters\.HTTPAdapter|google\.api_core\.retry)\b"
)
_CALLS = re.compile(
    r"(?:.*\.)?(?:retry_call|call_with_retry|call_with_retries|run_with_retry|with_retry|"
    r"with_retries|retry|execute_with_retry|retry_async|retry_step|AsyncRetrying|Retrying|"
    r"retry_context|attempt_with_retries)"
)
_COUNTER = re.compile(r"attempt|retr|tries|\btry|backoff|delay", re.IGNORECASE)
_ATTEMPTS = re.compile(r"attempt|retr(?:y|ies)|\btries\b|\btry_", re.IGNORECASE)
_COUNTS = ("range", "count", "itertools.count", "repeat", "itertools.repeat")
Found = tuple[ast.AST, str]


def retries_of(program: Program, function: FunctionInfo) -> Iterator[Found]:
    """Each place in a function that tries again what has failed."""
    node = function.node
    yield from _decorated(program, node)
    body = node.body if isinstance(node.body, list) else [node.body]
    for root in body:
        for child in ast.walk(root):
            if isinstance(child, ast.For | ast.AsyncFor | ast.While) and _tries_again(child):
                yield child, "a loop around what failed"
            elif isinstance(child, ast.For | ast.AsyncFor) and isinstance(child.iter, ast.Call):
                if _is_retry(program, child.iter.func, _CALLS):
                    yield child, dotted(child.iter.func)
            elif isinstance(child, ast.Call):
                if _is_retry(program, child.func, _CALLS) and not _iterated(program, child):
                    yield child, dotted(child.func)
                elif any(
                    k.arg in ("max_retries", "retries") and _asks(k.value) for k in child.keywords
                ):
                    yield child, "it asks its client to retry"
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _decorated(program, child)
            elif isinstance(child, ast.Try):
                again = _does_again(child)
                if again is not None:
                    yield again, "it does the same again in its handler"
            elif isinstance(child, ast.ExceptHandler) and not isinstance(node, ast.Lambda):
                again = _calls_itself(child, function)
                if again is not None:
                    yield again, "it calls itself again from its handler"


def _decorated(
    program: Program, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
) -> Iterator[Found]:
    """The decorators that retry: a library's, one named so, or the project's by its wrapper."""
    for decorator in getattr(node, "decorator_list", []):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if _is_retry(program, target, _DECORATORS) or any(
            isinstance(loop, ast.For | ast.AsyncFor | ast.While) and _tries_again(loop)
            for value in program.values(target)
            if isinstance(value, v.FunctionValue)
            for loop in ast.walk(value.function.node)
        ):
            yield decorator, f"@{dotted(target)}"


def _does_again(attempt: ast.Try) -> ast.AST | None:
    """What a handler does once more: the very call with which the `try` began."""
    first = _work(attempt.body[0]) if attempt.body else None
    if first is None:
        return None
    wanted = ast.dump(first)
    for handler in attempt.handlers:
        for statement in handler.body:
            for part in ast.walk(statement):
                if isinstance(part, ast.stmt):
                    again = _work(part)
                    if again is not None and ast.dump(again) == wanted:
                        return part
    return None


def _work(statement: ast.stmt) -> ast.Call | None:
    """The call whose answer a statement takes, or that it waits for."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        return None
    waits = isinstance(value, ast.Await)
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call) or (isinstance(statement, ast.Expr) and not waits):
        return None
    return call


def _asks(value: ast.expr) -> bool:
    return not (isinstance(value, ast.Constant) and not value.value)


def _iterated(program: Program, call: ast.Call) -> bool:
    parent = program.parent(call)
    return isinstance(parent, ast.For | ast.AsyncFor) and parent.iter is call


def _is_retry(program: Program, target: ast.expr, names: re.Pattern[str]) -> bool:
    for value in program.values(target):
        if _LIBRARIES.match(getattr(value, "dotted", "")):
            return True
    name = dotted(target)
    root: ast.expr = target
    while isinstance(root, ast.Attribute | ast.Call):
        root = root.value if isinstance(root, ast.Attribute) else root.func
    if "state_surface" in name or "saga" in name:
        return False
    return bool(name) and names.fullmatch(name) is not None


def _calls_itself(handler: ast.ExceptHandler, function: FunctionInfo) -> ast.Call | None:
    for child in ast.walk(handler):
        if isinstance(child, ast.Call):
            target = child.func
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            own = not isinstance(target, ast.Attribute) or dotted(target.value) in ("self", "cls")
            if name == function.name and own:
                return child
    return None


def _tries_again(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    tries = [n for n in _own(loop) if isinstance(n, ast.Try) and n.handlers]
    suppressed = [
        n
        for n in _own(loop)
        if isinstance(n, ast.With | ast.AsyncWith)
        and any(
            isinstance(i.context_expr, ast.Call)
            and dotted(i.context_expr.func).rpartition(".")[2] == "suppress"
            for i in n.items
        )
    ]
    turns = _turns(loop)
    if turns is None:
        return False
    if _asks_again(loop, turns):
        return True
    for attempt in tries:
        if not any(isinstance(n, ast.Call) for s in attempt.body for n in ast.walk(s)):
            continue
        if turns and _uses(attempt.body, turns):
            continue
        if all(_leaves(handler.body) for handler in attempt.handlers):
            continue
        if _succeeds(loop, attempt):
            return True
    return any(_ends(n.body) for n in suppressed if not (turns and _uses(n.body, turns)))


def _asks_again(loop: ast.For | ast.AsyncFor | ast.While, turns: set[str]) -> bool:
    """Whether a counted loop makes the same call until its answer is a good one."""
    head = ast.unparse(loop.test if isinstance(loop, ast.While) else loop.iter)
    counter = "" if isinstance(loop, ast.While) else ast.unparse(loop.target)
    counter += "".join(
        f" {ast.unparse(n.target)}" for n in _own(loop) if isinstance(n, ast.AugAssign)
    )
    if not _ATTEMPTS.search(f"{head} {counter}"):
        return False
    stored = {
        n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    for statement in loop.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        call = _work(statement)
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        if call is None or not names or _uses([ast.Expr(call)], (stored - names) | turns):
            continue
        tested = [n.test for n in _own(loop) if isinstance(n, ast.If) and _ends([n])]
        if isinstance(loop, ast.While):
            tested.append(loop.test)
        if any(isinstance(n, ast.Name) and n.id in names for t in tested for n in ast.walk(t)):
            return True
    return False


def _own(loop: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a loop's body that are in no loop inside it."""
    stack: list[ast.AST] = list(getattr(loop, "body", []))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(
            node, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            stack.extend(ast.iter_child_nodes(node))


def _turns(loop: ast.For | ast.AsyncFor | ast.While) -> set[str] | None:
    """The names that tell one turn's work from another's; None for a loop over work."""
    if isinstance(loop, ast.While):
        if truth(loop.test) is True:
            return set()
        names = {n.id for n in ast.walk(loop.test) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(loop.test) if isinstance(n, ast.Attribute)}
        counted = any(_COUNTER.search(name) for name in names)
        flagged = (isinstance(loop.test, ast.UnaryOp) and isinstance(loop.test.op, ast.Not)) or (
            isinstance(loop.test, ast.Name) and _is_lowered(loop, loop.test.id)
        )
        below = isinstance(loop.test, ast.Compare) and any(
            isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name) and n.target.id in names
            for n in ast.walk(loop)
        )
        if not (counted or flagged or below):
            return None
        popped = any(
            isinstance(n, ast.Call)
            and dotted(n.func).rpartition(".")[2] in ("pop", "popleft", "get")
            for n in ast.walk(loop)
        )
        return None if popped and not counted else set()
    target = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)} - {"_"}
    if isinstance(loop.iter, ast.Call) and dotted(loop.iter.func) in _COUNTS:
        return {name for name in target if not _COUNTER.search(name)}
    if any(_COUNTER.search(name) for name in target) or _COUNTER.search(ast.unparse(loop.iter)):
        return set()
    return target or set()


def _is_lowered(loop: ast.While, name: str) -> bool:
    """Whether a flag that keeps the loop going is only ever taken back in it."""
    set_to = [
        n.value
        for n in ast.walk(loop)
        if isinstance(n, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
    ]
    return bool(set_to) and any(truth(value) is False for value in set_to)


def _uses(body: list[ast.stmt], names: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for s in body for n in ast.walk(s))


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether a handler always ends the loop."""
    return any(isinstance(s, ast.Raise | ast.Return | ast.Break) for s in body)


def _ends(body: list[ast.stmt]) -> bool:
    return any(isinstance(n, ast.Return | ast.Break) for s in body for n in ast.walk(s))


def _succeeds(loop: ast.For | ast.AsyncFor | ast.While, attempt: ast.Try) -> bool:
    """Whether the loop ends once the attempt went well."""
    if _ends(attempt.body) or _ends(attempt.orelse):
        return True
    after = False
    for statement in loop.body:
        if after and _ends([statement]):
            return True
        after = after or attempt in ast.walk(statement)
    if isinstance(loop, ast.While):
        names = {n.id for n in ast.walk(loop.test) if isinstance(n, ast.Name)}
        stored = {
            n.id
            for s in (*attempt.body, *attempt.orelse)
            for n in ast.walk(s)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        return bool(names & stored)
    return False
