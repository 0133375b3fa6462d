"""Accesses to tenants' data, and whether the caller's tenant was checked before them.

A function is judged where it knows its caller (a context, request, user or principal) or
answers a request, and reaches data by a tenant or a record that the caller named. A check
is a comparison with the caller's own tenant that ends the run where it fails, a helper or
decorator that makes one, or a query that is filtered by the caller's tenant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from govlint.python.effects.library import text_of
from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.trust.reading import definitions, last, parameters
from govlint.python.vacuity.sources import AnyDef, Source, Sources

_CALLER = re.compile(
    r"_*(?:ctx|context|execution_context|exec_ctx|request|req|caller|principal|identity|actor|"
    r"user|current_user|session|claims|auth|auth_context|credentials|token|request_context|info|"
    r"security_context|subject|requester|auth_user|caller_tenant(?:_id)?|current_tenant(?:_id)?)"
)
_STORE = re.compile(
    r"_*(?:\w+_)?(?:repo|repository|store|storage|db|database|collection|table|dao|records|"
    r"documents?|docs|orders|invoices|accounts|projects|files|customers|rows|data|objects|cache|"
    r"client|conn|connection|cursor|session|index|bucket|backend|service|state_surface|by_tenant|"
    r"tenants|tenant_data|items|reports|jobs|workflows|messages|tickets|profiles)"
)
_SHARED = re.compile(
    r"\w*(?:catalog|config|settings|plan|country|template|feature|currency|public|global|shared|"
    r"schema|registry)\w*", re.IGNORECASE)  # fmt: skip
_ACCESS = re.compile(
    r"(?:get|find|fetch|load|query|select|read|list|delete|update|save|remove|scan|search|filter|"
    r"filter_by|execute|fetch_one|fetchone|fetch_all|one|retrieve|export|download|lookup|count|"
    r"put|set|insert|upsert|purge)(?:_\w+)?"
)
_HELPER = re.compile(
    r"_*(?:check|assert|require|ensure|verify|authori[sz]e|enforce|guard|validate|must|deny|"
    r"raise|same|has|is|belongs|can|assert_same|restrict)\w*(?:tenant|access|owner|scope|"
    r"isolation)\w*|"
    r"(?:same|own)_tenant\w*|tenant_(?:guard|check|boundary|scope|required|isolation)\w*"
)
_DECORATOR = re.compile(
    r"\w*tenant\w*|(?:require|check)_(?:access|ownership|scope)|authorize_resource|owner_required"
)
_ID = re.compile(r"(?:\w+_)?(?:id|uuid|key|slug|ref|number)")
_NOT_RECORD = re.compile(r"(?:user|session|request|trace|task|correlation|caller|actor|intent|"
                         r"execution|capability|span|tenant|client|event)_id")  # fmt: skip
_ROUTE = re.compile(r"(?:get|post|put|patch|delete|route|api_route|websocket)$")
_SYSTEM = re.compile(
    r"_*(?:system|cron|nightly|scheduled|migrat|maintenance|sweep|rebuild|reindex|backfill|"
    r"platform_admin|superuser|admin|internal|healthcheck|retention|billing_run|aggregate)"
)
_ADMITS = re.compile(
    r"is_admin|is_superuser|is_system|is_platform|superadmin|platform_admin|support"
)
Access = tuple[ast.expr, str]


class Tenants:
    """Judges the functions of one file."""

    def __init__(self, sources: Sources, source: Source, fields: tuple[str, ...]) -> None:
        self.sources = sources
        self.source = source
        self.fields = frozenset(entry.rpartition(".")[2] for entry in fields)

    def unchecked(self) -> Iterator[Access]:
        """The first access of each function that nothing checks before it."""
        for function, _cls in definitions(self.source.tree):
            if _SYSTEM.match(function.name) or self._is_decorated(function):
                continue
            callers = self._callers(function)
            if not callers and not self._is_routed(function):
                continue
            yield from self._of(function, callers)

    # -- who calls -------------------------------------------------------------

    def _callers(self, function: AnyDef) -> set[str]:
        names = {a.arg for a in parameters(function) if _CALLER.fullmatch(a.arg)}
        for argument in parameters(function):
            kind = last(argument.annotation) if argument.annotation is not None else ""
            if re.fullmatch(r"\w*(?:Context|Principal|Identity|User|Claims|Request)", kind):
                names.add(argument.arg)
        return {n for n in names if n != "session" or "tenant" in ast.unparse(function)}

    @staticmethod
    def _is_routed(function: AnyDef) -> bool:
        return any(
            isinstance(d, ast.Call) and _ROUTE.search(dotted(d.func)) and "." in dotted(d.func)
            for d in function.decorator_list
        )

    def _is_decorated(self, function: AnyDef) -> bool:
        for decorator in function.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not _DECORATOR.fullmatch(last(target)):
                continue
            found = (
                self.sources.resolve(self.source, target.id)
                if isinstance(target, ast.Name)
                else None
            )
            if found is None or self._compares(found[1]):
                return True
        for argument in parameters(function):  # Depends(require_tenant)
            for default in (*function.args.defaults, *function.args.kw_defaults):
                if (default is not None and "Depends" in ast.unparse(default)) and (
                    re.search(
                        r"(?:require|check|verify|ensure)\w*tenant|tenant_scoped",
                        ast.unparse(default),
                    )
                ):
                    return True
            if argument.annotation is not None and re.search(
                r"Depends\((?:require|check|verify|ensure)\w*tenant",
                ast.unparse(argument.annotation),
            ):
                return True
        return False

    # -- one function ---------------------------------------------------------

    def _of(self, function: AnyDef, callers: set[str]) -> Iterator[Access]:
        own = self._own_names(function, callers)
        named = self._named(function, callers, own)
        foreign_tenant = {n for n in named if "tenant" in n.lower()}
        records = {
            a.arg
            for a in parameters(function)
            if _ID.fullmatch(a.arg) and not _NOT_RECORD.fullmatch(a.arg)
        }
        if not named and not records:
            return
        knows_tenant = "tenant" in ast.unparse(function) or "tenant" in self.source.file.text()
        for access in self._accesses(function):
            text = ast.unparse(access)
            if self._uses_own(access, own, callers):
                continue
            words = set(re.findall(r"[\w.]+", text))
            by_tenant = any(n in words or n in text for n in foreign_tenant)
            by_record = bool(callers) and knows_tenant and bool(self._names(access) & records)
            if not by_tenant and not by_record:
                continue
            if self._is_checked(function, access, own, callers, by_record and not by_tenant):
                continue
            what = "Data of a tenant that the caller names is reached"
            if not by_tenant:
                what = "A tenant's record is reached by its id"
            yield access, what
            return

    def _own_names(self, function: AnyDef, callers: set[str]) -> set[str]:
        """Names that hold the caller's own tenant."""
        own = {n for n in callers if "tenant" in n}
        for part in walk(function):
            if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                if self._is_own(part.value, own, callers):
                    own |= {dotted(t) for t in targets if dotted(t)}
        return own

    def _is_own(self, node: ast.expr, own: set[str], callers: set[str]) -> bool:
        """`ctx.tenant_id`, `request.user.tenant`, `current_tenant()`: the caller's tenant."""
        if isinstance(node, ast.Await):
            return self._is_own(node.value, own, callers)
        if isinstance(node, ast.Name):
            return node.id in own
        if isinstance(node, ast.Attribute):
            text = dotted(node)
            if text in own:
                return True
            root = text.partition(".")[0] or last(node.value)
            held = node.attr in self.fields or node.attr in (
                "tenants",
                "allowed_tenants",
                "tenant_ids",
            )
            if not held:
                return False
            if root == "self":
                return bool(
                    re.search(r"context|ctx|session|principal|caller|identity|request", text)
                ) or (text.count(".") == 1)
            if root in ("request", "req"):
                return bool(
                    re.search(
                        r"\.(?:state|user|session|auth|identity|principal|ctx|context)\b", text
                    )
                )
            return root in callers or root in ("g", "current_user") or bool(_CALLER.fullmatch(root))
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return key in self.fields and last(node.value) in (
                "claims",
                "session",
                "identity",
                "token",
                "principal",
                "user",
                "auth",
            )
        if isinstance(node, ast.Call):
            name = last(node.func)
            if name == "str" and node.args:
                return self._is_own(node.args[0], own, callers)
            if name == "get" and isinstance(node.func, ast.Attribute) and node.args:
                key = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                if key in self.fields:
                    return last(node.func.value) in (
                        "claims",
                        "session",
                        "identity",
                        "token",
                        "principal",
                        "auth",
                    )
                return bool(re.search(r"tenant", dotted(node.func.value))) and not node.args
            return (
                re.fullmatch(
                    r"(?:get_)?(?:current|caller|own)_tenant(?:_id)?|tenant_of_caller|"
                    r"get_tenant_from_\w+",
                    name,
                )
                is not None
            )
        return False

    def _named(self, function: AnyDef, callers: set[str], own: set[str]) -> set[str]:
        """Tenants that somebody names: parameters, and fields of a request's body."""
        found = {
            a.arg
            for a in parameters(function)
            if "tenant" in a.arg.lower()
            and a.arg not in own
            and not re.match(r"_*(?:caller|current|own)_", a.arg)
        }
        for part in walk(function):
            if isinstance(part, ast.Attribute) and part.attr in self.fields:
                root = dotted(part).partition(".")[0]
                if root in (
                    "request",
                    "req",
                    "payload",
                    "body",
                    "params",
                    "data",
                    "query",
                    "intent",
                    "command",
                    "cmd",
                ) and not self._is_own(part, own, callers):
                    found.add(dotted(part))
            elif isinstance(part, ast.Subscript) or (
                isinstance(part, ast.Call) and last(part.func) == "get"
            ):
                key = part.slice if isinstance(part, ast.Subscript) else next(iter(part.args), None)
                holder = part.value if isinstance(part, ast.Subscript) else part.func
                value = key.value if isinstance(key, ast.Constant) else None
                if (
                    isinstance(value, str)
                    and "tenant" in value
                    and not self._is_own(part, own, callers)
                ):
                    text = ast.unparse(holder)
                    if re.search(r"payload|body|params|args|query|json|headers|form|data", text):
                        found.add(ast.unparse(part))
        for part in walk(function):
            if isinstance(part, ast.Assign) and ast.unparse(part.value) in found:
                found |= {dotted(t) for t in part.targets if dotted(t)}
        return found

    def _accesses(self, function: AnyDef) -> Iterator[ast.expr]:
        found: list[ast.expr] = []
        for part in walk(function):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                owner = last(part.func.value)
                if not _ACCESS.fullmatch(part.func.attr) or not (part.args or part.keywords):
                    continue
                if _SHARED.fullmatch(owner) or _SHARED.search(part.func.attr):
                    continue
                if _STORE.fullmatch(owner) or part.func.attr in ("filter_by", "filter"):
                    found.append(part)
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                if re.fullmatch(
                    r"(?:load|get|fetch|find|read|query|delete)_\w+", part.func.id
                ) and (self._reaches(part.func.id)):
                    found.append(part)
            elif (
                (isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Load))
                and (
                    _STORE.fullmatch(last(part.value)) and not isinstance(part.slice, ast.Constant)
                )
            ) and (not _SHARED.fullmatch(last(part.value))):
                found.append(part)
        yield from sorted(found, key=lambda n: (n.lineno, n.col_offset))

    def _reaches(self, name: str) -> bool:
        """Whether a function of the project does nothing about tenants and gives data back."""
        found = self.sources.resolve(self.source, name)
        if found is None or not isinstance(found[1], AnyDef):
            return False
        inner = Tenants(self.sources, found[0], tuple(self.fields))
        return "tenant" not in ast.unparse(found[1]) and any(
            True for _ in inner._accesses(found[1])
        )

    @staticmethod
    def _names(node: ast.expr) -> set[str]:
        return {n.id for n in walk(node) if isinstance(n, ast.Name)}

    def _uses_own(self, access: ast.expr, own: set[str], callers: set[str]) -> bool:
        """Whether an access is filtered by the caller's own tenant."""
        if isinstance(access, ast.Call):
            text = text_of(access.args[0]) if access.args else None
            if (text is not None and re.match(r"\s*(?:select|update|delete)\b", text, re.I)) and (
                "tenant" not in text.lower()
            ):
                return False
        return any(isinstance(n, ast.expr) and self._is_own(n, own, callers) for n in walk(access))

    # -- checks ---------------------------------------------------------------

    def _is_checked(
        self, function: AnyDef, access: ast.expr, own: set[str], callers: set[str], after: bool
    ) -> bool:
        """Whether every way to the access (or, for a record, on from it) passes a check."""
        chain = _chain(function, access)
        for block, index in chain:
            for statement in block[:index]:
                if self._guards(statement, own, callers):
                    return True
            holder = block[index]
            if isinstance(holder, ast.If):
                inside = any(access in walk(s) for s in holder.body)
                holds = self._is_comparison(holder.test, own, callers)
                if holds is not None and holds is inside:
                    return True
            if isinstance(holder, ast.With | ast.AsyncWith):
                for item in holder.items:
                    if re.search(r"tenant", ast.unparse(item.context_expr)) and self._is_helper(
                        item.context_expr, own, callers
                    ):
                        return True
            if after:
                for statement in block[index:]:
                    if self._guards(statement, own, callers):
                        return True
                    if any(
                        isinstance(n, ast.IfExp)
                        and self._is_comparison(n.test, own, callers) is not None
                        for n in walk(statement)
                    ):
                        return True
        return any(
            isinstance(n, ast.comprehension)
            and any(self._is_comparison(t, own, callers) for t in n.ifs)
            for n in walk(function)
        )

    def _guards(self, statement: ast.stmt, own: set[str], callers: set[str]) -> bool:
        """Whether a statement ends the run, or raises, where the tenant is another's."""
        if isinstance(statement, ast.If):
            holds = self._is_comparison(statement.test, own, callers)
            if holds is False and _leaves(statement.body):
                return True
            if holds is True and statement.orelse and _leaves(statement.orelse):
                return True
            admits = _ADMITS.search(ast.unparse(statement.test)) is not None
            if admits and isinstance(statement.test, ast.UnaryOp) and not statement.orelse:
                return any(self._guards(s, own, callers) for s in statement.body)
            return False
        if isinstance(statement, ast.Assert):
            return self._is_comparison(statement.test, own, callers) is True
        if (
            isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign)
            and statement.value is not None
        ):
            value = (
                statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            )
            return isinstance(value, ast.Call) and self._is_helper(value, own, callers)
        if isinstance(statement, ast.Try):
            if any(not _leaves(h.body) for h in statement.handlers):
                return False
            return any(self._guards(s, own, callers) for s in statement.body)
        if isinstance(statement, ast.With | ast.AsyncWith):
            return any(self._guards(s, own, callers) for s in statement.body)
        return False

    def _is_comparison(self, test: ast.expr, own: set[str], callers: set[str]) -> bool | None:
        """True where the test holds for the caller's own tenant, False where for another's."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._is_comparison(test.operand, own, callers)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            known = [self._is_comparison(part, own, callers) for part in test.values]
            if isinstance(test.op, ast.Or):
                if False in known:
                    return False
                if True in known and all(
                    k is True or _ADMITS.search(ast.unparse(p))
                    for k, p in zip(known, test.values, strict=True)
                ):
                    return True
                return None
            if True in known:
                return True
            if False in known and all(
                k is False or _ADMITS.search(ast.unparse(p)) or _is_presence(p)
                for k, p in zip(known, test.values, strict=True)
            ):
                return False
            return None
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right = test.left, test.comparators[0]
            sides = [self._is_own(side, own, callers) for side in (left, right)]
            text = [ast.unparse(side) for side in (left, right)]
            if not any(sides) or not all("tenant" in t for t in text) or text[0] == text[1]:
                return None
            if isinstance(test.ops[0], ast.Eq | ast.In | ast.Is):
                return True
            return False if isinstance(test.ops[0], ast.NotEq | ast.NotIn | ast.IsNot) else None
        if isinstance(test, ast.Call) and self._is_helper(test, own, callers):
            return not re.match(r"_*(?:is_other|foreign|cross|different)", last(test.func))
        return None

    def _is_helper(self, node: ast.expr, own: set[str], callers: set[str]) -> bool:
        """A call that checks the tenant: known by its body, else by its name."""
        if not isinstance(node, ast.Call):
            return False
        name = last(node.func)
        found = None
        if isinstance(node.func, ast.Name):
            found = self.sources.resolve(self.source, node.func.id)
        elif isinstance(node.func, ast.Attribute) and dotted(node.func.value) in ("self", "cls"):
            for function, _ in definitions(self.source.tree):
                if function.name == name:
                    found = (self.source, function)
        if found is not None and isinstance(found[1], AnyDef):
            return self._compares(found[1])
        if name == "compare_digest":
            return any(self._is_own(a, own, callers) for a in node.args)
        return _HELPER.fullmatch(name) is not None

    def _compares(self, node: ast.AST) -> bool:
        """Whether a function compares tenants and lets the outcome decide."""
        decides = False
        for part in walk(node):
            if isinstance(part, ast.If) and _speaks_of_tenant(part.test):
                decides = decides or _leaves(part.body) or _leaves(part.orelse)
            elif isinstance(part, ast.Return) and part.value is not None:
                decides = decides or (
                    isinstance(part.value, ast.Compare | ast.BoolOp)
                    and _speaks_of_tenant(part.value)
                )
            elif isinstance(part, ast.Assert):
                decides = decides or _speaks_of_tenant(part.test)
            elif isinstance(part, ast.Call) and part is not node:
                decides = decides or (
                    _HELPER.fullmatch(last(part.func)) is not None
                    and "tenant" in last(part.func)
                    and last(part.func) != getattr(node, "name", "")
                )
        return decides


def _speaks_of_tenant(test: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Compare) and ast.unparse(n).count("tenant") >= 2 for n in walk(test)
    )


def _is_presence(node: ast.expr) -> bool:
    """`record is not None and …`: whether there is anything to compare."""
    return isinstance(node, ast.Name | ast.Attribute) or (
        isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.IsNot | ast.Is)
    )


def _leaves(body: Sequence[ast.stmt]) -> bool:
    if not body:
        return False
    final = body[-1]
    if isinstance(final, ast.Raise | ast.Return | ast.Continue):
        return True
    if isinstance(final, ast.Expr) and isinstance(final.value, ast.Call):
        return last(final.value.func) in ("abort", "exit", "fail", "deny", "forbid", "reject")
    return isinstance(final, ast.If) and _leaves(final.body) and _leaves(final.orelse)


def _chain(function: AnyDef, node: ast.expr) -> list[tuple[Sequence[ast.stmt], int]]:
    """The blocks that a node stands in, outermost first, with the statement that holds it."""
    found: list[tuple[Sequence[ast.stmt], int]] = []
    block: Sequence[ast.stmt] = function.body
    while True:
        index = next((i for i, s in enumerate(block) if node in walk(s)), None)
        if index is None:
            return found
        found.append((block, index))
        statement = block[index]
        inner: list[Sequence[ast.stmt]] = [
            part
            for name in ("body", "orelse", "finalbody")
            for part in [getattr(statement, name, None)]
            if isinstance(part, list)
        ]
        inner += [h.body for h in getattr(statement, "handlers", [])]
        inner += [c.body for c in getattr(statement, "cases", [])]
        following = next((b for b in inner if any(node in walk(s) for s in b)), None)
        if following is None:
            return found
        block = following
