"""The linked program: modules, classes, functions and what flows between them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path

from govlint.linked import Linked
from govlint.model import Location
from govlint.python import governed
from govlint.python.api.serving import serves
from govlint.python.bindings import Bindings, literal_parts, matches, matches_any
from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.values import EMPTY, Value, Values
from govlint.python.governed import Gate, Roles
from govlint.python.importers import Imports
from govlint.python.module_names import ModuleNames, source_of
from govlint.python.symbols import ClassInfo, FunctionInfo, Module, index
from govlint.python.syntax.source import ScannedFile, UnparsableError

_PLAUSIBLE_TOPS = frozenset(
    "app src server core plugins plugin runtime services service execution platform project "
    "myapp mypackage package backend engine".split()
)


# names that the checks look at whatever object they belong to
_ALWAYS = frozenset(
    "lifecycle_state plugin_state job_status job_state _internal traceback format_exc "
    "update_execution_metrics validate_input validate_output".split()
)
# bindings that name fields and logs, which checks find by themselves
_EVERYWHERE = frozenset({"trace_ids", "event_logs", "tenant_fields"})
_TOO_COMMON = frozenset({"api", "routes", "mcp"})


class Program:
    """A linked program and the questions that checks ask of it."""

    def __init__(
        self,
        files: Sequence[ScannedFile],
        bindings: Bindings,
        root: Path,
        everything: bool = False,
    ) -> None:
        self.everything = everything  # follow every value, not only what is governed
        self.bindings = bindings
        self.root = root
        self.files: dict[str, ScannedFile] = {file.module: file for file in files}
        self.modules: dict[str, Module] = {}
        self.whole: set[str] = set()  # modules of which every function is followed
        self.problems: list[tuple[str, str, str]] = []  # kind, message, path
        self.parsed_texts: dict[tuple[ast.AST, str | bytes], ast.Module | None] = {}
        self.parsed_annotations: dict[ast.AST, ast.expr | None] = {}
        self.binding_tables: dict[ast.AST, dict[str, list[ast.expr]]] = {}
        self.alias_tables: dict[ast.AST, dict[str, list[ast.expr]]] = {}
        self.alias_origins: dict[tuple[ast.AST, bool], list[tuple[ast.expr, bool]]] = {}
        self.store_table: dict[str, list[ast.expr]] | None = None
        self._parents: dict[ast.AST, ast.AST] = {}
        self._owners: dict[ast.AST, FunctionInfo] = {}
        self._trees: dict[ast.AST, Module] = {}
        self.adopted: dict[ast.AST, ast.AST] = {}
        self._outside: dict[str, Value] = {}
        self._synthetic: dict[str, ClassInfo] = {}
        self._dynamic: dict[ast.AST, ClassInfo] = {}
        packages = {name for name, file in self.files.items() if file.is_package}
        self.names = ModuleNames(self.files, packages)
        self.imports: dict[str, Imports] = {}
        self.exporters: set[str] = set()  # modules whose importers were looked for
        self._asked: set[str] = set()
        self._named: set[str] = set()  # names that all files were searched for
        self._tops = {name.partition(".")[0] for name in self.files}
        self._roles = Roles(self)
        self.flow = Flow(self)
        self._outside_module = Module("<outside>", "", "", ast.Module([], []))

    # -- reading files -----------------------------------------------------------------

    def load(self, name: str, on_demand: bool = False) -> Module | None:
        """Parse and index a module of the project; None where it cannot be read."""
        self._asked.add(name)
        module = self.modules.get(name)
        if module is not None:
            if module.on_demand and not on_demand:
                module.on_demand = False
                self.flow.restart(module)
            return module
        file = self.files.get(name)
        if file is None or file.failure is not None:
            return None
        try:
            tree = file.tree()
            text = file.text()
        except UnparsableError:
            return None
        module = Module(name, file.path, text, tree, file.is_test, file.is_package)
        module.on_demand = on_demand
        module.whole = self.everything or name in self.whole or serves(file, self.bindings)
        module.parents, module.owners = self._parents, self._owners
        try:
            index(module)
        except RecursionError:
            self.problems.append(("limit", "nested too deeply to be analysed", file.path))
            return None
        self.modules[name] = module
        self._trees[tree] = module
        self.flow.start(module)
        return module

    def ask(self, name: str) -> None:
        """Note that what was found depends on a file that a check reads by itself."""
        self._asked.add(name)

    def mentions(self, name: str, outside: ScannedFile) -> Iterator[str]:
        """The modules besides `outside` that speak of a name: what is found depends on them."""
        self._named.add(name)
        raw = name.encode()
        pattern = re.compile(rb"(?<!\w)" + re.escape(raw) + rb"(?!\w)")
        for module, file in self.files.items():
            if file is outside or file.failure is not None:
                continue
            try:
                data = file.load()
            except UnparsableError:
                continue
            if raw in data and pattern.search(data):
                self._asked.add(module)
                yield module

    def tests_that_name(self, names: Iterable[str]) -> Iterator[str]:
        """The modules of tests that speak of one of `names`."""
        wanted = sorted(names)
        self._named.update(wanted)
        found = b"|".join(re.escape(name.encode()) for name in wanted)
        pattern = re.compile(rb"(?<!\w)(?:" + found + rb")(?!\w)")
        for module, file in self.files.items():
            if not file.is_test or file.failure is not None:
                continue
            try:
                if pattern.search(file.load()):
                    yield module
            except UnparsableError:
                continue

    def linked(self) -> Linked:
        """What this program depends on besides the names of the project's files."""
        asked = (self.files[name].abspath for name in self._asked if name in self.files)
        return Linked(frozenset(asked), frozenset(self.exporters), frozenset(self._named))

    # -- names and imports ---------------------------------------------------------------

    def is_module(self, name: str) -> bool:
        """Whether `name` is a module or package of the project."""
        return name in self.names

    def module_object(self, name: str) -> Value:
        """The module `name` as an object."""
        return v.module_value(name)

    def resolve_module(self, dotted: str, importer: Module) -> str | None:
        """The project's own name for an imported module; None when it is not the project's."""
        return self.names.resolve(dotted, importer.name, importer.is_package)

    def resolve_from(self, node: ast.ImportFrom, module: Module) -> str:
        """The absolute dotted name that `from … import` names."""
        name = source_of(node, module.name, module.is_package)
        if not node.level:
            return name
        self._tops.add(name.partition(".")[0])  # whatever it is, it is the project's own
        return name

    def imported(self, dotted: str, importer: Module) -> Value:
        """What `import dotted` refers to."""
        name = self.resolve_module(dotted, importer)
        if name is not None:
            return v.module_value(name)
        return v.external(dotted)

    def imported_root(self, dotted: str, importer: Module) -> Value:
        """What the name bound by `import a.b.c` refers to: its first part."""
        root = dotted.partition(".")[0]
        name = self.resolve_module(dotted, importer)
        if name is not None and name != dotted:
            extra = name[: len(name) - len(dotted)]
            return v.module_value(f"{extra}{root}")
        return self.imported(root, importer)

    def outside(self, dotted: str) -> Value:
        """Something that the program does not define.

        Where the name is one that the bindings give a part, and its package is the
        project's own though not in the tree, a class that is known by name only.
        """
        found = self._outside.get(dotted)
        if found is None:
            found = self._outside[dotted] = self._classify(dotted)
        return found

    def _classify(self, dotted: str) -> Value:
        if (
            not dotted.startswith("builtins.")
            and self._roles.names_a_class(dotted)
            and (self._roles.is_explicit(dotted) or self._is_first_party(dotted))
        ):
            return v.class_value(self.synthetic_class(dotted))
        return v.external(dotted)

    def _is_first_party(self, dotted: str) -> bool:
        top = dotted.partition(".")[0]
        return (
            top in self._tops or top in self.bindings.first_party or top in _PLAUSIBLE_TOPS
        ) and "." in dotted

    def is_own(self, dotted: str) -> bool:
        """Whether a dotted name is of the project's own packages, read or not."""
        return dotted.partition(".")[0] in self._tops

    def synthetic_class(self, dotted: str) -> ClassInfo:
        """A class known by its name only."""
        cls = self._synthetic.get(dotted)
        if cls is None:
            name = dotted.rpartition(".")[2]
            node = ast.ClassDef(name, [], [], [], [])
            cls = ClassInfo(name, dotted, node, self._outside_module, None, synthetic=True)
            self._synthetic[dotted] = cls
        return cls

    def dynamic_class(self, node: ast.AST, names: Values) -> ClassInfo:
        """The class that `type(name, …)` or `namedtuple(name, …)` at `node` makes."""
        cls = self._dynamic.get(node)
        if cls is None:
            name = next((str(x.value) for x in names if isinstance(x, v.Const)), "<dynamic>")
            made = ast.ClassDef(name, [], [], [], [])
            self.adopt(made, node)
            module = self.module_of(node)
            cls = ClassInfo(name, f"{module.name}.{name}", made, module, None)
            self._dynamic[node] = cls
        return cls

    # -- nodes ---------------------------------------------------------------------------------

    def adopt(self, node: ast.AST, near: ast.AST) -> None:
        """Give a node that is in no file (parsed from a string) the place of `near`."""
        self.adopted[node] = near
        if hasattr(near, "lineno"):
            ast.copy_location(node, near)

    def module_of(self, node: ast.AST) -> Module:
        """The module that a node stands in."""
        current = self.adopted.get(node, node)
        parents = self._parents
        while True:
            above = parents.get(current)
            if above is None:
                return self._trees.get(current, self._outside_module)
            current = above

    def function_at(self, node: ast.AST) -> FunctionInfo | None:
        """The function that a `def` or lambda node defines."""
        found = self.module_of(node).by_node.get(node)
        return found if isinstance(found, FunctionInfo) else None

    def class_at(self, node: ast.AST) -> ClassInfo | None:
        """The class that a class statement defines."""
        found = self.module_of(node).by_node.get(node)
        return found if isinstance(found, ClassInfo) else None

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that `node` is a part of."""
        return self._parents.get(self.adopted.get(node, node))

    def function_of(self, node: ast.AST) -> FunctionInfo | None:
        """The innermost function whose body a node stands in."""
        return self._owners.get(self.adopted.get(node, node))

    def class_of(self, node: ast.AST) -> ClassInfo | None:
        """The innermost class that a node stands in, through functions too."""
        current: ast.AST | None = node
        while current is not None:
            current = self.parent(current)
            if isinstance(current, ast.ClassDef):
                return self.class_at(current)
        return None

    def location(self, module: Module, node: ast.AST) -> Location:
        """Where a node stands, in characters."""
        node = self.adopted.get(node, node)
        line = getattr(node, "lineno", 1)
        end_line = getattr(node, "end_lineno", None) or line
        column = _column(module, line, getattr(node, "col_offset", 0))
        end_column = _column(module, end_line, getattr(node, "end_col_offset", None) or 0)
        return Location(module.path, line, column, end_line, max(end_column, 1))

    def headline(self, node: ast.AST) -> Location:
        """The first line of a definition, from its `def` or `class`."""
        place = self.location(self.module_of(node), node)
        module = self.module_of(node)
        text = module.lines[place.line - 1] if place.line <= len(module.lines) else ""
        return Location(
            place.path, place.line, place.column, place.line, max(len(text.rstrip()) + 1, 1)
        )

    # -- classes and calls ------------------------------------------------------------------------

    def mro(self, cls: ClassInfo) -> tuple[ClassInfo | str, ...]:
        """The class and its bases in resolution order; dotted names for those outside."""
        return self.flow.mro(cls)

    def is_subclass(self, cls: ClassInfo, names: Iterable[str]) -> bool:
        """Whether the class, or a base of it, is one that the binding entries mean."""
        patterns = tuple(names)
        return any(
            matches_any(patterns, entry if isinstance(entry, str) else entry.qualname)
            for entry in self.mro(cls)
        )

    def subclasses(self, cls: ClassInfo) -> list[ClassInfo]:
        """All classes of the program that derive from `cls`."""
        return self.flow.subclasses(cls)

    def find_method(self, cls: ClassInfo, name: str) -> FunctionInfo | None:
        """The method that `instance.name` finds, by the MRO."""
        for entry in self.mro(cls):
            if isinstance(entry, ClassInfo) and name in entry.methods:
                return entry.methods[name]
        return None

    def values(self, expression: ast.AST) -> Values:
        """All values that an expression was seen to have."""
        return self.flow.recorded.get(expression, EMPTY)

    def callees(self, call: ast.AST) -> tuple[FunctionInfo, ...]:
        """The functions of the program that a call may run, in a stable order."""
        found = self.flow.targets.get(call, ())
        return tuple(sorted(found, key=lambda f: (f.module.name, f.node.lineno, f.qualname)))

    def wrapped(self, call: ast.Call) -> tuple[FunctionInfo, ...]:
        """The functions that a call comes to through the decorators around them."""
        found: dict[FunctionInfo, None] = {}
        pending = list(self.values(call.func))
        seen = set(pending)
        while pending:
            value = pending.pop()
            closure = getattr(value, "closure", None)
            if closure is None or not closure.wraps:
                continue
            for name, given in closure.arguments.items():
                for inner in given | self.flow.heap.get(("parameter", closure, name), EMPTY):
                    if isinstance(inner, v.FunctionValue | v.BoundMethod) and inner not in seen:
                        seen.add(inner)
                        pending.append(inner)
                        found[inner.function] = None
        return tuple(found)

    def calls_what_it_wraps(self, call: ast.Call) -> bool:
        """Whether it is a decorator's wrapper that calls the function it was given."""
        function = self.function_of(call)
        outer = function.parent if function is not None else None
        return (
            outer is not None
            and isinstance(call.func, ast.Name)
            and call.func.id in outer.params
            and function is not None
            and call.func.id not in function.stored
            and any(frame.wraps for frame in self.flow.all_frames[outer])
        )

    def externals(self, call: ast.AST) -> frozenset[str]:
        """The dotted names of what a call may run outside the program."""
        return frozenset(self.flow.external_targets.get(call, ()))

    def callers(self, function: FunctionInfo) -> tuple[ast.AST, ...]:
        """The calls that may run a function, in a stable order."""
        found = self.flow.call_sites.get(function, ())
        return tuple(
            sorted(
                found,
                key=lambda n: (
                    self.module_of(n).path,
                    getattr(n, "lineno", 0),
                    getattr(n, "col_offset", 0),
                ),
            )
        )

    def reachable_only_from(self, function: FunctionInfo, roots: Iterable[FunctionInfo]) -> bool:
        """Whether only `roots`, or functions that only they reach, call `function`."""
        return governed.reachable_only_from(self, function, frozenset(roots))

    # -- what is governed ---------------------------------------------------------------

    @cached_property
    def plugin_classes(self) -> frozenset[ClassInfo]:
        """The plugin base classes and all that derives from them."""
        return frozenset(self.plugin_classes_now(self.flow))

    def plugin_classes_now(self, flow: Flow) -> list[ClassInfo]:
        """The plugin classes known so far, while the fixed point is being computed."""
        known = [*flow.bases, *self._synthetic.values()]
        return [cls for cls in known if self._roles.is_plugin(cls)]

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that run plugins, each with the private code that only it calls."""
        return governed.find_gates(self)

    @cached_property
    def _gate_functions(self) -> frozenset[FunctionInfo]:
        return frozenset(function for gate in self.gates for function in (gate.run, *gate.private))

    @cached_property
    def aliases(self) -> frozenset[FunctionInfo]:
        """Plugin methods that do nothing but pass their arguments to the governed one."""
        return governed.alias_methods(self)

    def synthetic_gates(self) -> list[tuple[ClassInfo, str]]:
        """Gate classes that are only known by name, with their method."""
        found: list[tuple[ClassInfo, str]] = []
        for entry in self.bindings.gates:
            pattern, _, method = entry.rpartition(".")
            for cls in self._synthetic.values():
                if pattern and matches(pattern, cls.qualname):
                    found.append((cls, method))
        return found

    def in_gate(self, node: ast.AST) -> bool:
        """Whether a node stands in a gate's run, its private code, or functions inside them."""
        function = self.function_of(node)
        while function is not None:
            if function in self._gate_functions:
                return True
            function = function.parent
        return False

    @cached_property
    def lifecycle_enums(self) -> frozenset[ClassInfo]:
        """The classes whose members are plugin lifecycle states."""
        return frozenset(
            cls for cls in self.flow.bases if self._roles.is_lifecycle(cls)
        ) | frozenset(cls for cls in self._synthetic.values() if self._roles.is_lifecycle(cls))

    @cached_property
    def job_enums(self) -> frozenset[ClassInfo]:
        """The classes whose members are job states."""
        return frozenset(cls for cls in self.flow.bases if self._roles.is_job(cls)) | frozenset(
            cls for cls in self._synthetic.values() if self._roles.is_job(cls)
        )

    def plugin_base(self, cls: ClassInfo) -> ClassInfo:
        """The outermost plugin class that a plugin class derives from."""
        found = cls
        for entry in self.mro(cls):
            if isinstance(entry, ClassInfo) and self._roles.is_plugin(entry):
                found = entry
        return found

    def is_plugin_value(self, value: Value) -> bool:
        """Whether a value is a plugin, or a plugin class."""
        return self._roles.is_plugin_value(value)

    def is_bound(self, cls: ClassInfo) -> bool:
        """Whether a binding names the class or a base of it."""
        return self._roles.is_bound(cls)

    def is_gate_function(self, function: FunctionInfo) -> bool:
        """Whether a function is one that the bindings name as a gate."""
        return function.cls is None and matches_any(self.bindings.gates, function.qualname)

    def is_gate_class(self, cls: ClassInfo) -> bool:
        """Whether a class, or a base of it, has a gate's name."""
        return self._roles.is_gate_class(cls)

    def is_state_word(self, name: str) -> bool:
        """Whether a name is that of a state enum."""
        return matches_any((*self.bindings.lifecycle_enums, *self.bindings.job_enums), name)

    def is_state_name(self, cls: ClassInfo) -> bool:
        """Whether a class is a state enum by its name."""
        return self._roles.is_lifecycle(cls) or self._roles.is_job(cls)

    def words_of_interest(self) -> set[str]:
        """Names that make a function worth following wherever they stand in it."""
        words = set(_ALWAYS)
        for field in fields(self.bindings):
            if field.name in _EVERYWHERE:
                continue
            for entry in getattr(self.bindings, field.name):
                if isinstance(entry, str):
                    words.update(part for part in literal_parts(entry) if len(part) > 2)
        return words - _TOO_COMMON

    # -- questions of the fixed point ---------------------------------------------------

    def class_changed(self, cls: ClassInfo) -> None:
        """Forget what was derived from a class's bases; one more has become known."""
        self._roles.forget(cls)

    def overrides_matter(self, cls: ClassInfo) -> bool:
        """Whether subclasses of `cls` may stand behind a value typed so."""
        return not cls.synthetic

    def is_state_class(self, cls: ClassInfo, flow: Flow) -> bool:
        """Whether the class's public names are members: an enum, or bound as states."""
        return flow.is_enum(cls) or self._roles.is_lifecycle(cls) or self._roles.is_job(cls)

    def is_participant(self, cls: ClassInfo) -> bool:
        """Whether a class is a domain service: a runtime participant, by base or by shape."""
        return self._roles.is_participant(cls)

    def carries_governed(self, flow: Flow, values: Values) -> bool:
        """Whether something governed is among the values, or held by one of them."""
        return any(self._roles.is_governed(flow, value) for value in values)

    def governed_part(self, flow: Flow, values: Values) -> Values:
        """Those of the values that are governed."""
        return frozenset(x for x in values if self._roles.is_governed(flow, x))

    def is_governed_itself(self, value: Value) -> bool:
        """Whether a value is an object or a class that runs or keeps plugins, or is one.

        States are left out, and so are methods: a reference to a governed method is found
        where it is made.
        """
        return (
            isinstance(value, v.Instance | v.ClassValue)
            and self._roles.is_bound(value.cls)
            and not self.is_state_name(value.cls)
        )

    def bound_part(self, values: Values) -> Values:
        """Those of the values that are themselves of a class which a binding names."""
        if self.everything:
            return self.governed_part(self.flow, values)
        return frozenset(
            x
            for x in values
            if (isinstance(x, v.Instance | v.ClassValue) and self._roles.is_bound(x.cls))
            or (isinstance(x, v.BoundMethod) and self.bound_part(frozenset({x.receiver})))
        )

    def governed_names(self, flow: Flow, owner: Value) -> tuple[str, ...]:
        """The names under which `owner` has a governed method; none where it is no plugin."""
        if isinstance(owner, v.Super):
            return ()
        if not self._roles.is_plugin_value(owner):
            return ()
        return self.governed_names_of(owner.cls)  # type: ignore[attr-defined]

    def governed_names_of(self, cls: ClassInfo) -> tuple[str, ...]:
        """The names of a plugin class's governed methods, those that a pattern means included."""
        bases = [entry for entry in self.mro(cls) if isinstance(entry, ClassInfo)]
        return self.bindings.governed_among(name for entry in bases for name in entry.stored)

    def is_registry(self, flow: Flow, value: Value) -> bool:
        """Whether a value is a plugin registry."""
        return isinstance(value, v.Instance | v.ClassValue) and self._roles.is_registry(value.cls)

    def registry_result(self, flow: Flow, callee: v.BoundMethod, result: Values) -> Values:
        """What a registry's look-up gives where its own code does not tell."""
        if not self.is_registry(flow, callee.receiver):
            return result
        return self.looked_up(callee.function.name, result)

    def looked_up(self, method: str, result: Values) -> Values:
        """`result`, or a plugin where a registry's look-up tells nothing more."""
        return self._roles.looked_up(method, result)

    def registry_elements(self, flow: Flow, holder: Value, found: Values) -> Values:
        """What iterating over a registry gives."""
        if self.is_registry(flow, holder):
            return self._roles.looked_up("__iter__", found)
        return found


def _column(module: Module, line: int, offset: int) -> int:
    """A column in characters, from 1, from an offset in UTF-8 bytes."""
    if not offset:
        return 1
    if line <= len(module.lines):
        text = module.lines[line - 1]
        if not text.isascii():
            return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1
    return offset + 1
