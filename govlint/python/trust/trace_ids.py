"""Which of the five ids a metric or event carries, as far as its arguments say."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.trust.reading import assigned, last, parents_of
from govlint.python.vacuity.sources import AnyDef, Source, Sources

_CLIENT = re.compile(
    r"_*(?:\w+_)?(?:metrics?|telemetry|metrics_client|metric_client|metrics_sink|"
    r"metrics_registry|events?|event_bus|eventbus|event_emitter|emitter|event_sink|"
    r"event_publisher|event_recorder)"
)
_CLIENT_CLASS = re.compile(
    r"\w*(?:Metrics|MetricsClient|MetricClient|EventBus|"
    r"EventEmitter|EventPublisher|EventSink|Telemetry|TelemetryClient|MetricsSink|EventRecorder)"
)
_EMITS = frozenset(
    "emit increment incr decrement timing gauge observe record histogram distribution emit_metric "
    "emit_event record_metric record_event publish_event track publish count".split()
)
_FUNCTIONS = re.compile(r"(?:emit|record|publish|send|track)_(?:metric|event|metrics)")
_PROMETHEUS = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})
_PROMETHEUS_EMITS = frozenset({"inc", "dec", "set", "observe", "info", "state", "time"})
_OTEL_MAKES = re.compile(r"create_(?:counter|histogram|gauge|up_down_counter)")
_BINDS = re.compile(
    r"bind|labels|with_tags|with_labels|with_context|tagged|scoped|for_context|with_trace|"
    r"with_ids|new|child|context|trace|with_attributes|for_task|for_trace|for_request"
)
_FROM_CONTEXT = r"current_|contextvar|get_context|\.get\(\)|self\._?(?:ids|context|trace)"
# arguments that may bring ids though their content cannot be seen
_CARRIERS = re.compile(
    r"\w*(?:tags?|labels?|attrs|attributes?|ids|context|ctx|extra|dimensions|meta|metadata|"
    r"fields|payload|event|data|trace|envelope|record|kwargs|properties|props|params|baggage)",
    re.IGNORECASE,
)
_NOT_CLIENTS = frozenset(
    ["Counter", "defaultdict", "dict", "list", "set", "deque", "OrderedDict", "Statistics", "Image"]
)


@dataclass
class Carried:
    """The ids that an emission carries; `open` says that there may be more of them."""

    keys: set[str]
    open: bool = False

    def add(self, other: Carried) -> None:
        """Take in what another part of the call brings."""
        self.keys |= other.keys
        self.open = self.open or other.open


class TraceIds:
    """Judges the emissions of one program's files."""

    def __init__(self, sources: Sources, ids: tuple[str, ...], metrics: tuple[str, ...]) -> None:
        self.sources = sources
        self.ids = ids
        self.metrics = frozenset(entry.rpartition(".")[2] for entry in metrics)

    def missing(self, source: Source) -> list[tuple[ast.Call, list[str], str]]:
        """Each emission that lacks ids, the ids, and what is emitted."""
        file = _File(self, source)
        found = []
        for node in source.nodes:
            if not isinstance(node, ast.Call):
                continue
            what = file.emission(node)
            if what is None:
                continue
            carried = file.carried(node)
            lacking = [name for name in self.ids if name not in carried.keys]
            if lacking and not carried.open:
                found.append((node, lacking, what))
        return found


class _File:
    """One file while its emissions are judged."""

    def __init__(self, owner: TraceIds, source: Source) -> None:
        self.owner = owner
        self.source = source
        self.parents = parents_of(source.tree)

    # -- what is an emission ---------------------------------------------------------------------

    def emission(self, call: ast.Call) -> str | None:
        function = call.func
        if isinstance(function, ast.Name):
            return self._by_function(call, function.id)
        if not isinstance(function, ast.Attribute):
            return None
        method, receiver = function.attr, function.value
        if method in self.owner.metrics:
            return self._update(call)
        if method in _PROMETHEUS_EMITS and self._is_prometheus(receiver):
            return "metric"
        if method in ("add", "record") and self._is_instrument(receiver):
            return "metric"
        if method == "add_event" and re.search(r"(?:^|_)span$|current_span", last(receiver)):
            return "event" if "opentelemetry" in self.source.file.text() else None
        if method in _EMITS and self._is_client(receiver):
            return "event" if "event" in f"{last(receiver)}.{method}".lower() else "metric"
        return None

    def _by_function(self, call: ast.Call, name: str) -> str | None:
        if name in self.owner.metrics:
            return self._update(call)
        if not _FUNCTIONS.fullmatch(name):
            return None
        found = self.owner.sources.resolve(self.source, name)
        if found is not None:
            return None  # judged where it emits
        return "event" if "event" in name else "metric"

    def _update(self, call: ast.Call) -> str | None:
        """`update_execution_metrics` counts where it is given some of the ids."""
        named = {k.arg for k in call.keywords} & set(self.owner.ids) - {"version"}
        return "metric" if named else None

    def _is_client(self, receiver: ast.expr) -> bool:
        base = receiver
        while isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute):
            if not _BINDS.fullmatch(base.func.attr):
                break
            base = base.func.value
        name = last(base)
        made = self._origins(base)
        for value in made:
            kind = last(value.func) if isinstance(value, ast.Call) else ""
            if kind in _NOT_CLIENTS or isinstance(
                value, ast.Dict | ast.List | ast.Set | ast.Constant
            ):
                return False
            if kind and _CLIENT_CLASS.fullmatch(kind):
                return True
            if (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)) and (
                _BINDS.fullmatch(value.func.attr) and self._is_client(value.func.value)
            ):
                return True
        if any(_CLIENT_CLASS.fullmatch(kind) for kind in self._types(base)):
            return True
        if isinstance(base, ast.Call):
            return _CLIENT_CLASS.fullmatch(name) is not None or bool(
                re.fullmatch(r"get_(?:metrics|event)\w*", name)
            )
        if name in self.source.imports:
            origin = self.source.imports[name][0]
            if origin.startswith(("sklearn", "torch", "keras", "tensorflow", "scipy", "numpy")):
                return False
        if name in ("event", "metric"):
            return False
        return _CLIENT.fullmatch(name) is not None and isinstance(base, ast.Name | ast.Attribute)

    def _types(self, node: ast.expr) -> list[str]:
        """What the annotations say of a name, or of an attribute set from a parameter."""
        found: list[str] = []
        names = [dotted(node)]
        if names[0].startswith("self."):
            names += [v.id for v in self._origins(node) if isinstance(v, ast.Name)]
        for part in walk(self.source.tree):
            if isinstance(part, ast.arg) and part.arg in names and part.annotation is not None:
                found.append(last(part.annotation) or "")
            elif isinstance(part, ast.AnnAssign) and dotted(part.target) in names:
                found.append(last(part.annotation))
        return [name for name in found if name]

    def _origins(self, node: ast.expr) -> list[ast.expr]:
        name = dotted(node)
        if not name:
            return []
        scope: ast.AST | None = node
        while scope is not None and not name.startswith("self."):
            scope = self.parents.get(scope)
            if isinstance(scope, AnyDef):
                found = assigned(scope, name)
                if found:
                    return found
        return assigned(self.source.tree, name)

    def _is_prometheus(self, receiver: ast.expr) -> bool:
        base = receiver
        if isinstance(base, ast.Call) and last(base.func) == "labels":
            assert isinstance(base.func, ast.Attribute)
            base = base.func.value
        return any(self._declares(value) for value in (*self._origins(base), base))

    def _declares(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Call):
            return False
        name = dotted(value.func)
        bare = name.rpartition(".")[2]
        if bare not in _PROMETHEUS:
            return False
        origin = self.source.imports.get(name.partition(".")[0], ("", ""))[0]
        return origin.startswith("prometheus_client")

    def _is_instrument(self, receiver: ast.expr) -> bool:
        return any(
            isinstance(value, ast.Call) and _OTEL_MAKES.fullmatch(last(value.func))
            for value in self._origins(receiver)
        )

    # -- what it carries ------------------------------------------------------

    def carried(self, call: ast.Call) -> Carried:
        carried = self._of_arguments(call, skip_first=True)
        function = call.func
        if isinstance(function, ast.Attribute):
            carried.add(self._of_receiver(function.value, 4))
            carried.add(self._of_client(function))
        current: ast.AST | None = call
        while current is not None:
            current = self.parents.get(current)
            if isinstance(current, ast.With | ast.AsyncWith):
                for item in current.items:
                    if isinstance(item.context_expr, ast.Call):
                        carried.add(self._of_scope(item.context_expr))
            elif isinstance(current, AnyDef):
                break
        return carried

    def _of_scope(self, call: ast.Call) -> Carried:
        inside = self._of_arguments(call, skip_first=False)
        name = last(call.func)
        if re.search(r"trace|context|scope|bind|ids|baggage|span", name):
            return inside if inside.keys else Carried(set(), bool(call.args or call.keywords))
        return Carried(inside.keys & set(self.owner.ids))

    def _of_arguments(self, call: ast.Call, skip_first: bool) -> Carried:
        carried = Carried(set())
        for position, argument in enumerate(call.args):
            if isinstance(argument, ast.Constant):
                continue
            if isinstance(argument, ast.Starred):
                carried.open = True
                continue
            carried.add(self._of_value(argument, 4, position > 0 or not skip_first))
        for keyword in call.keywords:
            if keyword.arg is None:
                carried.add(self._of_value(keyword.value, 4, True))
                continue
            carried.keys.add(keyword.arg)
            if isinstance(keyword.value, ast.Dict | ast.List | ast.Tuple | ast.Call | ast.BinOp):
                carried.add(
                    self._of_value(keyword.value, 4, _CARRIERS.fullmatch(keyword.arg) is not None)
                )
            elif _CARRIERS.fullmatch(keyword.arg):
                carried.add(self._of_value(keyword.value, 4, True))
        return carried

    def _of_value(self, node: ast.expr, depth: int, carrier: bool) -> Carried:
        if not depth:
            return Carried(set(), True)
        if isinstance(node, ast.Await):
            return self._of_value(node.value, depth, carrier)
        if isinstance(node, ast.Dict):
            found = Carried(set())
            for key, value in zip(node.keys, node.values, strict=True):
                if key is None:
                    found.add(self._of_value(value, depth - 1, True))
                elif isinstance(key, ast.Constant):
                    found.keys.add(str(key.value))
                    if isinstance(value, ast.Dict):
                        found.add(self._of_value(value, depth - 1, True))
                else:
                    found.open = True
            return found
        if isinstance(node, ast.List | ast.Tuple):
            found = Carried(set())
            for element in node.elts:
                text = self._tag(element)
                if text:
                    found.keys.add(text)
                elif isinstance(element, ast.Starred):
                    found.open = True
                elif isinstance(element, ast.Tuple) and element.elts:
                    first = element.elts[0]
                    if isinstance(first, ast.Constant):
                        found.keys.add(str(first.value))
            return found
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.Add):
            found = self._of_value(node.left, depth - 1, carrier)
            found.add(self._of_value(node.right, depth - 1, carrier))
            return found
        if isinstance(node, ast.Call):
            return self._of_call(node, depth, carrier)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._of_name(node, depth, carrier)
        if isinstance(node, ast.DictComp):
            texts = {n.value for n in walk(node) if isinstance(n, ast.Constant)}
            names = {n.id for n in walk(node) if isinstance(n, ast.Name)}
            return Carried({str(t) for t in texts}, bool(names))
        return Carried(set())

    @staticmethod
    def _tag(node: ast.expr) -> str:
        first: object = None
        if isinstance(node, ast.Constant):
            first = node.value
        elif isinstance(node, ast.JoinedStr) and node.values:
            head = node.values[0]
            first = head.value if isinstance(head, ast.Constant) else None
        if isinstance(first, str) and re.match(r"[\w.]+[:=]", first):
            return re.split(r"[:=]", first)[0]
        return ""

    def _of_call(self, node: ast.Call, depth: int, carrier: bool) -> Carried:
        name = last(node.func)
        if name in (
            "dict",
            "replace",
            "asdict",
            "model_dump",
            "merge",
            "ChainMap",
            "deepcopy",
            "copy",
        ):
            found = self._of_arguments(node, skip_first=False)
            if isinstance(node.func, ast.Attribute) and name in ("model_dump", "copy"):
                found.add(self._of_value(node.func.value, depth - 1, True))
            return found
        if name[:1].isupper():
            found = self._of_arguments(node, skip_first=False)
            target = self.owner.sources.resolve(self.source, name)
            if target is not None and isinstance(target[1], ast.ClassDef):
                fields = [
                    s.target.id
                    for s in target[1].body
                    if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
                ]
                found.keys |= set(fields[: len(node.args)])
                made = {
                    s.target.id
                    for s in target[1].body
                    if isinstance(s, ast.AnnAssign)
                    and isinstance(s.target, ast.Name)
                    and isinstance(s.value, ast.Call)
                }
                found.keys |= made
                if target[1].bases and not found.keys >= set(self.owner.ids):
                    found.open = True
            return found
        if isinstance(node.func, ast.Name):
            resolved = self.owner.sources.resolve(self.source, node.func.id)
            if resolved is not None and isinstance(resolved[1], AnyDef):
                inner = _File(self.owner, resolved[0])
                found = (
                    self._of_arguments(node, skip_first=False) if node.keywords else Carried(set())
                )
                for part in walk(resolved[1]):
                    if isinstance(part, ast.Return) and part.value is not None:
                        found.add(inner._of_value(part.value, depth - 1, True))
                return found
            if name in ("len", "str", "int", "float", "round", "max", "min", "sum", "abs", "repr"):
                return Carried(set())
        if isinstance(node.func, ast.Attribute) and not carrier:
            return Carried(set(), bool(_CARRIERS.fullmatch(name)))
        if re.search(
            r"time|count|perf|monotonic|elapsed|duration|total|now|size|uuid|json|dumps", name
        ):
            return self._of_arguments(node, skip_first=False) if "dumps" in name else Carried(set())
        return Carried(set(), carrier)

    def _of_name(self, node: ast.expr, depth: int, carrier: bool) -> Carried:
        found = Carried(set())
        name = last(node)
        origins = self._origins(node)
        known = False
        for value in origins:
            if value is node:
                continue
            known = True
            found.add(self._of_value(value, depth - 1, carrier))
        scope: ast.AST = self.source.tree
        text = dotted(node)
        for part in walk(scope) if text else ():
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Subscript) and dotted(target.value) == text:
                        if isinstance(target.slice, ast.Constant):
                            found.keys.add(str(target.slice.value))
                        else:
                            found.open = True
                    elif isinstance(target, ast.Attribute) and dotted(target.value) == text:
                        found.keys.add(target.attr)
            elif (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)) and (
                part.func.attr in ("update", "setdefault") and dotted(part.func.value) == text
            ):
                found.add(self._of_arguments(part, skip_first=False))
        if known:
            return found
        found.open = found.open or _CARRIERS.fullmatch(name) is not None
        return found

    def _of_receiver(self, receiver: ast.expr, depth: int) -> Carried:
        """What was bound to a client before: `metrics.bind(**ids)`, `COUNTER.labels(…)`."""
        carried = Carried(set())
        if isinstance(receiver, ast.Call):
            carried.add(self._of_arguments(receiver, skip_first=False))
            if isinstance(receiver.func, ast.Attribute):
                if receiver.func.attr == "labels":
                    carried.add(self._positional_labels(receiver))
                carried.add(self._of_receiver(receiver.func.value, depth))
            return carried
        if not depth:
            return carried
        for value in self._origins(receiver):
            if (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)) and (
                _BINDS.fullmatch(value.func.attr) and not self._declares(value)
            ):
                carried.add(self._of_receiver(value, depth - 1))
        name = last(receiver)
        if not self._origins(receiver) and re.match(
            r"_*(?:bound|scoped|tagged|traced|contextual)", name
        ):
            carried.open = True
        return carried

    def _positional_labels(self, call: ast.Call) -> Carried:
        assert isinstance(call.func, ast.Attribute)
        for value in self._origins(call.func.value):
            if isinstance(value, ast.Call) and self._declares(value):
                names = value.args[2] if len(value.args) > 2 else None
                for keyword in value.keywords:
                    if keyword.arg == "labelnames":
                        names = keyword.value
                if isinstance(names, ast.Name):
                    found = self._origins(names)
                    names = found[0] if found else None
                    if names is None:
                        return Carried(set(), True)
                if isinstance(names, ast.List | ast.Tuple):
                    texts = [str(e.value) for e in names.elts if isinstance(e, ast.Constant)]
                    spread = len(texts) != len(names.elts)
                    return Carried(set(texts[: len(call.args)]), spread)
        return Carried(set())

    def _of_client(self, function: ast.Attribute) -> Carried:
        """A client of the project that adds the ids itself, from its context."""
        classes = [last(v.func) for v in self._origins(function.value) if isinstance(v, ast.Call)]
        classes += self._types(function.value)
        for name in classes:
            found = self.owner.sources.resolve(self.source, name)
            if found is None or not isinstance(found[1], ast.ClassDef):
                continue
            for method in found[1].body:
                if isinstance(method, AnyDef) and method.name == function.attr:
                    texts = _words(found[1])
                    if set(self.owner.ids) <= texts:
                        return Carried(set(self.owner.ids))
                    if re.search(_FROM_CONTEXT,
                                 ast.unparse(method)):  # fmt: skip
                        return Carried(set(), True)
        return Carried(set())


def _words(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.update(re.findall(r"\w+", part.value))
        elif isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.keyword | ast.arg) and part.arg is not None:
            found.add(part.arg)
    return found
