"""Changes to what an append-only log has recorded: in SQL, ORM, memory and files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.bindings import matches_any
from govlint.python.effects.library import text_of
from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.trust.reading import assigned, definitions, last, parents_of
from govlint.python.vacuity.sources import AnyDef, Source, Sources

_LOG = (
    r"(?:\w+_)?(?:event_?logs?|event_?stores?|event_?streams?|audit_?logs?|audit_?trails?|ledgers?|"
    r"ledger_entries|journals?|journal_entries|write_ahead_logs?|wal|append_only\w*|audit_events?|"
    r"audit_entries|audit_records?|all_validations|evidence_validations)"
)
_NAME = re.compile(rf"_*{_LOG}(?:_(?:table|path|file|entries|events|records|lines|rows|db))?", re.I)
_CLASS = re.compile(
    r"\w*(?:EventLog|EventStore|AuditLog|AuditTrail|Ledger|Journal|AuditEvent|AuditEntry|"
    r"AuditRecord|LedgerEntry|JournalEntry|EventRecord|EventLogEntry|AuditLogEntry)"
)
_TABLE = rf"[\"`\[]?(?:\w+[\"`\]]?\.[\"`\[]?)?{_LOG}[\"`\]]?(?![\w])"
_SQL = re.compile(
    rf"^\s*(?:with\b.*?\)\s*)?(?:update\s+(?:only\s+)?{_TABLE}|"
    rf"delete\s+from\s+(?:only\s+)?{_TABLE}|"
    rf"truncate\s+(?:table\s+)?{_TABLE}|drop\s+table\s+(?:if\s+exists\s+)?{_TABLE}|"
    rf"(?:insert\s+or\s+)?replace\s+into\s+{_TABLE}|"
    rf"insert\s+into\s+{_TABLE}.*on\s+(?:conflict.*do\s+update|duplicate\s+key\s+update))",
    re.IGNORECASE | re.DOTALL,
)
_SEALED = re.compile(
    r"seal|segment|partition|archiv|rotat|retention|expired_before|tmp|temp|staging|scratch|"
    r"migrat|view|projection|snapshot|index|cache|copy|draft",
    re.IGNORECASE,
)
_MUTATES = frozenset(
    [
        "pop",
        "popitem",
        "clear",
        "remove",
        "insert",
        "sort",
        "reverse",
        "popleft",
        "__setitem__",
        "__delitem__",
        "discard",
    ]
)
_METHODS = re.compile(
    r"(?:update|delete|purge|truncate|overwrite|rewrite|edit|amend|modify|redact|erase|drop|wipe|"
    r"prune|replace|reset)(?:_(?:entry|entries|event|events|record|records|row|rows|many|one|all|"
    r"where|by_id|last))?"
)
_INSIDE = re.compile(r"_*(?:events?|entries|records|log|lines|items|rows|chain|history)")
_QUERY = frozenset(
    [
        "query",
        "filter",
        "filter_by",
        "where",
        "select",
        "objects",
        "get",
        "exclude",
        "all",
        "session",
    ]
)
_INIT = frozenset({"__init__", "__post_init__", "__new__", "setUp"})
Change = tuple[ast.AST, str]


class EventLogs:
    """Finds the changes in one file."""

    def __init__(self, sources: Sources, source: Source, bound: tuple[str, ...]) -> None:
        self.sources = sources
        self.source = source
        self.bound = bound
        self.parents = parents_of(source.tree)
        self.owners: dict[ast.AST, tuple[AnyDef, ast.ClassDef | None]] = {}
        for function, cls in definitions(source.tree):
            for node in walk(function):
                self.owners[node] = (function, cls)

    def changes(self) -> Iterator[Change]:
        """Each statement or call that changes a log."""
        for node in self.source.nodes:
            if isinstance(node, ast.Call):
                yield from self._called(node)
            elif isinstance(node, ast.Delete):
                for target in node.targets:
                    if isinstance(target, ast.Subscript) and self._is_log(target.value):
                        yield node, f"an entry of {ast.unparse(target.value)} is deleted"
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    yield from self._stored(target, node)

    # -- which objects are logs -------------------------------------------------------------------

    def _is_log(self, node: ast.expr) -> bool:
        """Whether an expression is a log, or the entries that a log's own class keeps."""
        if isinstance(node, ast.Call | ast.Subscript):
            return False
        name = last(node)
        function, cls = self.owners.get(node, (None, None))
        if (
            isinstance(node, ast.Attribute) and dotted(node.value) == "self" and cls is not None
        ) and (self._is_log_class(cls) and _INSIDE.fullmatch(node.attr)):
            return True
        if not self._named(name):
            return self._typed(node, function)
        if self._is_foreign(node, function):
            return False
        if isinstance(node, ast.Name):
            return not self._is_own_list(node, function)
        return True

    def _is_foreign(self, node: ast.expr, function: AnyDef | None) -> bool:
        """Whether an object is made by a class of some library: its name alone says little."""
        kinds = [v.func for v in self._values(node) if isinstance(v, ast.Call)]
        for kind in kinds:
            name = dotted(kind).partition(".")[0]
            origin = self.source.imports.get(name)
            if origin is None or name == "collections":
                continue
            program = self.sources.program
            top = origin[0].partition(".")[0]
            if program.resolve_module(origin[0], self.source.module) is None and (
                top not in program._tops
                and top not in ("app", "runtime", "src", "core", "collections")
            ):
                return True
        return False

    def _named(self, name: str) -> bool:
        return _NAME.fullmatch(name) is not None and not _SEALED.search(name)

    def _is_log_class(self, cls: ast.ClassDef) -> bool:
        if _SEALED.search(cls.name) or re.search(r"View|Report|Reader|Query|Test", cls.name):
            return False
        return matches_any(self.bound, cls.name) or any(
            matches_any(self.bound, dotted(base)) for base in cls.bases if dotted(base)
        )

    def _typed(self, node: ast.expr, function: AnyDef | None) -> bool:
        if not isinstance(node, ast.Name) or function is None:
            return False
        for argument in walk(function.args):
            if isinstance(argument, ast.arg) and argument.arg == node.id and argument.annotation:
                return matches_any(self.bound, dotted(argument.annotation) or "-")
        values = assigned(function, node.id)
        return any(
            (isinstance(v, ast.Call) and matches_any(self.bound, dotted(v.func) or "-"))
            or (isinstance(v, ast.Attribute) and self._named(v.attr))
            for v in values
        )

    def _is_own_list(self, node: ast.Name, function: AnyDef | None) -> bool:
        """A list that the function itself has made: a copy, or a result being built."""
        if function is None:
            return False
        if any(isinstance(a, ast.arg) and a.arg == node.id for a in walk(function.args)):
            return False
        values = assigned(function, node.id)
        return (
            bool(values)
            and not any(isinstance(v, ast.Attribute) and self._named(v.attr) for v in values)
            and not any(
                isinstance(v, ast.Call) and matches_any(self.bound, dotted(v.func) or "-")
                for v in values
            )
        )

    # -- statements -----------------------------------------------------------

    def _stored(self, target: ast.expr, statement: ast.AST) -> Iterator[Change]:
        if isinstance(target, ast.Subscript):
            base: ast.expr = target
            depth = 0
            while isinstance(base, ast.Subscript):
                base, depth = base.value, depth + 1
            sliced = isinstance(target.slice, (ast.Slice | ast.UnaryOp, ast.Constant))
            if self._is_log(base) and (depth > 1 or sliced or self._is_index(target.slice)):
                yield statement, f"an entry of {ast.unparse(base)} is overwritten"
        elif isinstance(target, ast.Attribute):
            function = self.owners.get(target, (None, None))[0]
            value = getattr(statement, "value", None)
            if isinstance(target.value, ast.Subscript) and self._is_log(target.value.value):
                yield statement, f"an entry of {ast.unparse(target.value.value)} is overwritten"
            elif isinstance(target.value, ast.Name) and self._is_entry(target.value, function):
                yield statement, f"a recorded entry is changed ({ast.unparse(target)})"
            elif (
                self._is_log(target) and function is not None and function.name not in _INIT
            ) and (self._rewrites(target, value, statement)):
                yield statement, f"{ast.unparse(target)} is rewritten"

    @staticmethod
    def _is_index(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in (
            "i",
            "idx",
            "index",
            "position",
            "seq",
            "n",
        )

    def _rewrites(self, target: ast.expr, value: ast.expr | None, statement: ast.AST) -> bool:
        if isinstance(statement, ast.AugAssign):
            return not isinstance(statement.op, ast.Add | ast.BitOr)
        text = ast.unparse(target)
        if isinstance(value, ast.List | ast.Dict):
            spread = [e.value for e in getattr(value, "elts", []) if isinstance(e, ast.Starred)]
            return not any(ast.unparse(s) == text for s in spread)
        if isinstance(value, ast.ListComp | ast.DictComp):
            return True
        if isinstance(value, ast.Subscript):
            return ast.unparse(value.value) == text
        if isinstance(value, ast.Call):
            name = dotted(value.func)
            inside = text in ast.unparse(value)
            return (name in ("list", "dict", "deque", "collections.deque") and not value.args) or (
                inside and name in ("list", "filter", "sorted", "reversed", "tuple")
            )
        return False

    def _is_entry(self, node: ast.Name, function: AnyDef | None) -> bool:
        """A loop variable over a log, or something typed as an entry of one."""
        if function is None:
            return False
        for argument in walk(function.args):
            if isinstance(argument, ast.arg) and argument.arg == node.id and argument.annotation:
                kind = last(argument.annotation)
                return _CLASS.fullmatch(kind) is not None and kind.endswith(
                    ("Entry", "Event", "Record")
                )
        for part in walk(function):
            if isinstance(part, ast.For | ast.AsyncFor) and dotted(part.target) == node.id:
                over = part.iter
                if isinstance(over, ast.Attribute | ast.Name) and self._is_log(over):
                    return True
        return any(
            (isinstance(v, ast.Subscript) and self._is_log(v.value)) or self._queries_log(v)
            for v in assigned(function, node.id)
        )

    # -- calls ----------------------------------------------------------------

    def _called(self, call: ast.Call) -> Iterator[Change]:
        yield from self._sql(call)
        function = call.func
        name = dotted(function)
        if (
            (name.rpartition(".")[2] in ("update", "delete") and call.args)
            and (not isinstance(function, ast.Attribute) or name.startswith(("sa.", "sqlalchemy.")))
        ) and (self._is_model(call.args[0])):
            yield call, f"{name}() of {ast.unparse(call.args[0])}"
            return
        yield from self._file(call, name)
        if not isinstance(function, ast.Attribute):
            return
        owner = function.value
        if function.attr in ("delete", "update", "bulk_update") and self._queries_log(owner):
            yield call, f"{function.attr}() on a query of the log"
        elif function.attr == "delete" and call.args and isinstance(call.args[0], ast.Name):
            if self._is_entry(call.args[0], self.owners.get(call, (None, None))[0]):
                yield call, "a recorded entry is deleted"
        elif (self._is_log(owner)) and (
            function.attr in _MUTATES or _METHODS.fullmatch(function.attr)
        ):
            yield call, f"{ast.unparse(function)}() changes what was recorded"

    def _sql(self, call: ast.Call) -> Iterator[Change]:
        for argument in call.args[:2]:
            inner = argument
            if isinstance(inner, ast.Name):
                values = self._values(inner)
                inner = values[0] if len(values) == 1 else inner
            if isinstance(inner, ast.Call) and last(inner.func) in ("text", "SQL"):
                continue  # the inner call is met by itself
            text = self._text(inner)
            if text is None or re.search(r"\btrigger\b|\brule\b", text, re.IGNORECASE):
                continue
            found = _SQL.match(text)
            if found and not _SEALED.search(found.group().split("where")[0]):
                yield call, f"{' '.join(found.group().split())[:60]}"
                return

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                if isinstance(part, ast.FormattedValue) and isinstance(
                    part.value, ast.Name | ast.Attribute
                ):
                    values = self._values(part.value)
                    known = text_of(values[0]) if len(values) == 1 else None
                    parts.append(known or last(part.value).lower())
                else:
                    parts.append(str(getattr(part, "value", "?")))
            return "".join(parts)
        return text_of(node)

    def _values(self, node: ast.expr) -> list[ast.expr]:
        function = self.owners.get(node, (None, None))[0]
        name = dotted(node)
        found = assigned(function, name) if function is not None else []
        if not found and name.startswith("self."):
            return assigned(self.source.tree, name) or assigned(self.source.tree, name[5:])
        return found or assigned(self.source.tree, name)

    def _is_model(self, node: ast.expr) -> bool:
        name = last(node)
        return (
            bool(name)
            and not _SEALED.search(name)
            and (_CLASS.fullmatch(name) is not None or _NAME.fullmatch(name) is not None)
        )

    def _queries_log(self, node: ast.expr) -> bool:
        """`session.query(AuditLog).filter(…)`, `AuditEvent.objects.filter(…)`."""
        asked = False
        current: ast.expr = node
        while True:
            if isinstance(current, ast.Await):
                current = current.value
            elif isinstance(current, ast.Call):
                if last(current.func) in _QUERY and any(self._is_model(a) for a in current.args):
                    return True
                if isinstance(current.func, ast.Attribute) and current.func.attr in (
                    "table",
                    "from_",
                ):
                    first = current.args[0] if current.args else None
                    text = first.value if isinstance(first, ast.Constant) else ""
                    if isinstance(text, str) and _NAME.fullmatch(text):
                        return True
                current = current.func
            elif isinstance(current, ast.Attribute):
                asked = asked or current.attr in _QUERY
                if asked and isinstance(current.value, ast.Name):
                    return _CLASS.fullmatch(current.value.id) is not None
                current = current.value
            elif isinstance(current, ast.Subscript):
                first = current.slice
                text = first.value if isinstance(first, ast.Constant) else ""
                return isinstance(text, str) and _NAME.fullmatch(text) is not None
            else:
                return False

    # -- files ----------------------------------------------------------------

    def _file(self, call: ast.Call, name: str) -> Iterator[Change]:
        bare = name.rpartition(".")[2] or last(call.func)
        if name in ("open", "io.open", "gzip.open", "aiofiles.open", "codecs.open") and call.args:
            if self._is_path(call.args[0]) and self._mode(call, 1) & set("w+"):
                yield call, f"{ast.unparse(call.args[0])} is opened to be overwritten"
        elif isinstance(call.func, ast.Attribute) and bare in (
            "open",
            "write_text",
            "write_bytes",
            "unlink",
        ):
            if (self._is_path(call.func.value)) and (
                bare != "open" or self._mode(call, 0) & set("w+")
            ):
                yield call, f"{ast.unparse(call.func.value)} is overwritten or removed"
        elif name in ("os.remove", "os.unlink", "os.truncate", "shutil.rmtree") and call.args:
            if self._is_path(call.args[0]):
                yield call, f"{ast.unparse(call.args[0])} is removed"
        elif name in ("os.replace", "os.rename", "shutil.move") and len(call.args) == 2:
            if self._is_path(call.args[1]):
                yield call, f"{ast.unparse(call.args[1])} is replaced"
        elif bare == "truncate" and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if self._is_path(owner) or any(
                isinstance(v, ast.Call) and v.args and self._is_path(v.args[0])
                for v in self._handles(owner)
            ):
                yield call, f"{ast.unparse(owner)} is truncated"

    def _handles(self, node: ast.expr) -> list[ast.expr]:
        function = self.owners.get(node, (None, None))[0]
        found = self._values(node)
        for part in walk(function) if function is not None else ():
            if (isinstance(part, ast.withitem) and part.optional_vars is not None) and (
                dotted(part.optional_vars) == dotted(node)
            ):
                found.append(part.context_expr)
        return found

    def _is_path(self, node: ast.expr, depth: int = 3) -> bool:
        """Whether an expression names a log's file: by its own name, or by the text in it."""
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, str):
                return False
            stem = re.split(r"[/\\]", node.value)[-1].split(".")[0].replace("-", "_")
            return (
                _NAME.fullmatch(stem) is not None
                or (
                    stem in ("audit", "wal", "events")
                    and node.value.endswith((".jsonl", ".log", ".wal"))
                )
            ) and not _SEALED.search(stem)
        if isinstance(node, ast.Name | ast.Attribute):
            if self._named(last(node)):
                return True
            if not depth or not re.search(r"path|file|log|fh|target|dest", last(node), re.I):
                return False
            return any(self._is_path(value, depth - 1) for value in self._values(node))
        if isinstance(node, ast.BinOp):
            return self._is_path(node.right, depth)
        if isinstance(node, ast.Call) and last(node.func) in ("Path", "join", "str", "joinpath"):
            return bool(node.args) and self._is_path(node.args[-1], depth)
        if isinstance(node, ast.JoinedStr):
            parts = [p for p in node.values if isinstance(p, ast.Constant)]
            return bool(parts) and self._is_path(parts[-1], depth)
        return False

    @staticmethod
    def _mode(call: ast.Call, position: int) -> set[str]:
        mode: ast.expr | None = call.args[position] if len(call.args) > position else None
        for keyword in call.keywords:
            if keyword.arg == "mode":
                mode = keyword.value
        return (
            set(mode.value)
            if isinstance(mode, ast.Constant) and isinstance(mode.value, str)
            else set()
        )
