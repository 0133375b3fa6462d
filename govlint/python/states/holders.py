"""Which classes hold lifecycle and job states, and where such a state is due.

A state may be written as an enum member, as a member that the enum does not have, as a
string, or as a string that constants lead to. Whether a bare string is a state at all
depends on the place: an attribute that holds states, a parameter annotated as one.
"""

from __future__ import annotations

import ast
import re
from functools import cached_property

from govlint.python.bindings import matches_any
from govlint.python.flow import values as v
from govlint.python.flow.attributes import is_typed_dict
from govlint.python.flow.values import Value, Values
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.provenance import is_foreign
from govlint.python.states.aliases import is_alias, literal_aliases
from govlint.python.states.evidence import Evidence
from govlint.python.states.members import last_name, members_of
from govlint.python.symbols import ClassInfo, FunctionInfo, Module

_ENUM_CALLS = frozenset({"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag", "UniqueEnum"})
_UNWRAPPED_ATTRIBUTES = frozenset({"value", "name", "_value_", "_name_"})
_UNWRAPPED_METHODS = frozenset("lower upper casefold strip title capitalize".split())
_OWNERS_OF_JOBS = re.compile(r"^_*(\w*Job|Job(Record|Entity|Model|Entry|Row|Execution))$")
_COPIES = re.compile(r"(View|Response|Report|Snapshot|DTO|Dto|Event|Summary|Schema|Out|Payload)$")
_LIFECYCLE_NAMES = re.compile(r"(\w+_)?(lifecycle_state|plugin_state)")
_JOB_NAMES = re.compile(r"(\w+_)?job_(status|state)")
_ENUM_API = frozenset("choices labels values names mro name value".split())


class StateSpace:
    """The states of one machine in one program: `lifecycle` (plugins) or `job`."""

    def __init__(self, program: Program, kind: str) -> None:
        self.program = program
        self.kind = kind
        bindings = program.bindings
        lifecycle = kind == "lifecycle"
        self.label = "plugin lifecycle state" if lifecycle else "job state"
        self.allowed = bindings.lifecycle_states if lifecycle else bindings.job_states
        self.patterns = bindings.lifecycle_enums if lifecycle else bindings.job_enums
        self._legal = {word.casefold(): word for word in self.allowed}
        self._names = _LIFECYCLE_NAMES if lifecycle else _JOB_NAMES
        self.has_plugins = bool(program.plugin_classes)
        self.evidence = Evidence(program, self.annotated, self.is_member_value)

    # -- the classes -----------------------------------------------------------------

    @cached_property
    def classes(self) -> frozenset[ClassInfo]:
        """Enums and classes of constants that hold these states, and what derives from them."""
        program = self.program
        named = program.lifecycle_enums if self.kind == "lifecycle" else program.job_enums
        found = {cls for cls in named if cls.synthetic or self._holds_states(cls)}
        for cls in list(found):
            found.update(sub for sub in program.subclasses(cls) if self._holds_states(sub))
        return frozenset(found)

    def _holds_states(self, cls: ClassInfo) -> bool:
        if self.program.flow.is_enum(cls):
            return True
        if cls.node.decorator_list or "__init__" in cls.methods:
            return False
        for entry in self.program.mro(cls)[1:]:
            if isinstance(entry, str) and entry.rpartition(".")[2] not in ("object", "str", "ABC"):
                return False
        legal = spelled = False
        for name, value, _ in members_of(cls):
            if not isinstance(value, ast.Constant):
                continue
            if not name.isupper():
                return False
            legal = legal or name.casefold() in self._legal
            spelled = spelled or _fold(value.value) == name.casefold()
        # MAX_RETRIES = 3 beside TIMEOUT = 30 are settings, not states
        inherits = any(isinstance(entry, ClassInfo) for entry in self.program.mro(cls)[1:])
        return legal or spelled or inherits

    @cached_property
    def literals(self) -> frozenset[tuple[str, str]]:
        """Names of states that are no classes: `PluginState = Literal[…]`, with its module."""
        return frozenset(
            (module, name)
            for module, name in literal_aliases(self.program)
            if matches_any(self.patterns, f"{module}.{name}")
        )

    @cached_property
    def made_by_call(self) -> dict[ast.AST, str]:
        """Enums made by calling: `Enum("PluginState", "LOADED RUNNING")`, by that call."""
        found: dict[ast.AST, str] = {}
        for module in self.program.modules.values():
            for node in nodes_of(module, ast.Call):
                if isinstance(node, ast.Call) and len(node.args) + len(node.keywords) >= 2:
                    name = self._made_name(node)
                    if name is not None:
                        found[node] = name
        return found

    def _made_name(self, call: ast.Call) -> str | None:
        last = last_name(call.func)
        if last not in _ENUM_CALLS:
            return None
        if not any(x.rpartition(".")[2] in _ENUM_CALLS for x in self.program.externals(call)):
            return None
        names = [x.value for x in self.strings(call.args[0])] if call.args else []
        parent = self.program.parent(call)
        if isinstance(parent, ast.Assign):
            names += [t.id for t in parent.targets if isinstance(t, ast.Name)]
        module = self.program.module_of(call).name
        for name in names:
            if isinstance(name, str) and matches_any(self.patterns, f"{module}.{name}"):
                return name
        return None

    def is_class(self, expression: ast.expr) -> bool:
        """Whether an expression is (or may be) one of the classes of states."""
        return any(self._is_class_value(x) for x in self.program.values(expression))

    def _is_class_value(self, value: Value) -> bool:
        if isinstance(value, v.ClassValue):
            return value.cls in self.classes
        return isinstance(value, v.ExternalInstance) and value.site in self.made_by_call

    def is_member_value(self, value: Value) -> bool:
        """Whether a value is a state object of this machine."""
        if isinstance(value, v.EnumMember | v.Instance):
            return value.cls in self.classes
        if isinstance(value, v.BoundExternal):
            return self._is_class_value(value.receiver) and value.name.isupper()
        return False

    def known_members(self, cls: ClassInfo) -> frozenset[str]:
        """Names that the class or a base of it in the program defines, of whatever kind."""
        found: set[str] = set()
        for entry in self.program.mro(cls):
            if isinstance(entry, ClassInfo):
                found |= entry.stored
        return frozenset(found)

    # -- words ------------------------------------------------------------------------

    @cached_property
    def _by_value(self) -> dict[object, str]:
        """Canonical names by the values and alias names that the classes give them."""
        found: dict[object, str] = {}
        for cls in sorted(self.classes, key=lambda cls: cls.qualname):
            rows = list(members_of(cls))
            for name, value, _ in rows:
                legal = self._legal.get(name.casefold())
                if legal is not None:
                    for constant in self.strings(value):
                        found.setdefault(_fold(constant.value), legal)
            for name, value, _ in rows:
                if name.casefold() in self._legal:
                    continue
                target = value.id if isinstance(value, ast.Name) else None
                if target is not None and target.casefold() in self._legal:
                    found.setdefault(name.casefold(), self._legal[target.casefold()])
                elif isinstance(value, ast.Constant) and isinstance(value.value, str | int):
                    known = found.get(_fold(value.value))
                    if known is not None and self.program.flow.is_enum(cls):
                        found.setdefault(name.casefold(), known)
        return {key: word for key, word in found.items() if self.metric(key) is None}

    def canonical(self, word: object) -> str | None:
        """The permitted state that a name or value means, or None."""
        if isinstance(word, str):
            legal = self._legal.get(word.casefold())
            if legal is not None:
                return legal
        return self._by_value.get(_fold(word))

    def metric(self, word: object) -> str | None:
        """SUCCESS or ERROR, where the word is one and the machine is the plugins'."""
        if self.kind == "lifecycle" and isinstance(word, str) and word.upper() in METRIC_WORDS:
            return word.upper()
        return None

    def strings(self, expression: ast.AST) -> list[v.Const]:
        """The constant strings that an expression may be."""
        found = [
            x
            for x in self.program.values(expression)
            if isinstance(x, v.Const) and isinstance(x.value, str)
        ]
        if not found and isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            return [v.const(expression.value)]
        return found

    def member_name(self, value: Value) -> str | None:
        """The state's name, where a value is a member of these classes."""
        if isinstance(value, v.EnumMember) and value.cls in self.classes:
            return value.name
        if isinstance(value, v.BoundExternal) and self.is_member_value(value):
            return value.name
        return None

    def states(self, expression: ast.expr) -> frozenset[str | None]:
        """The canonical states an expression may be; None stands for anything else."""
        found: set[str | None] = set()
        if isinstance(expression, ast.IfExp):
            return self.states(expression.body) | self.states(expression.orelse)
        if isinstance(expression, ast.Attribute):
            if expression.attr in _UNWRAPPED_ATTRIBUTES:
                inner = self.states(expression.value)
                if inner and None not in inner:
                    return inner
            if self.is_class(expression.value):
                return frozenset({self.canonical(expression.attr)})
        if isinstance(expression, ast.Call) and self.is_class(expression.func) and expression.args:
            return self.states(expression.args[0])
        if isinstance(expression, ast.Subscript) and self.is_class(expression.value):
            return self.states(expression.slice)
        for value in self.program.values(expression):
            name = self.member_name(value)
            if name is not None:
                found.add(self.canonical(name))
            elif isinstance(value, v.EnumMember):
                found.add(self.canonical(value.name))
            elif isinstance(value, v.Const) and isinstance(value.value, str):
                found.add(self.canonical(value.value))
            elif not (isinstance(value, v.Const) and value.value is None):
                found.add(None)
        if not found and isinstance(expression, ast.Constant):
            found.add(self.canonical(expression.value))
        return frozenset(found) or frozenset({None})

    # -- where a state is due --------------------------------------------------------------

    def named(self, name: str) -> bool:
        """Whether a name by itself says that it holds such a state."""
        return self._names.fullmatch(name.strip("_")) is not None

    def annotated(self, annotation: ast.expr | None, module: Module) -> bool:
        """Whether an annotation means one of the classes, alone or in a union."""
        if annotation is None or not (self.classes or self.literals):
            return False
        if is_alias(self.program, annotation, module, self.literals):
            return True
        from govlint.python.flow.annotations import annotated

        classes = {
            x.cls
            for x in annotated(self.program.flow, annotation, module)
            if isinstance(x, v.Instance)
        }
        # a union with another machine's states says nothing about a word
        return bool(classes & self.classes) and not any(
            self.program.flow.is_enum(cls) for cls in classes - self.classes
        )

    def is_due(self, expression: ast.expr) -> bool:
        """Whether the expression is a place that holds such a state."""
        expression = unwrapped(expression)
        if isinstance(expression, ast.Attribute) and self._is_of_another(expression):
            return False
        values = self.program.values(expression)
        if any(self.is_member_value(x) for x in values):
            return True
        if isinstance(expression, ast.Attribute):
            return self.holds(expression.value, expression.attr)
        if isinstance(expression, ast.Name):
            return self.named(expression.id) and self.in_governed_module(expression)
        if isinstance(expression, ast.Subscript):
            return self.key_is_due(expression.value, expression.slice)
        if isinstance(expression, ast.Call):
            return self._call_is_due(expression)
        return False

    def _is_of_another(self, expression: ast.Attribute) -> bool:
        """Whether the attribute is declared, or named, as the state of another machine."""
        name = expression.attr.strip("_")
        other = _LIFECYCLE_NAMES if self.kind == "job" else _JOB_NAMES
        if other.fullmatch(name) is not None:
            return True
        return not self.named(name) and any(
            self.evidence.declared(x.cls, expression.attr) is False
            for x in self.program.values(expression.value)
            if isinstance(x, v.Instance)
        )

    def _call_is_due(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "pop") and call.args:
            return self.key_is_due(call.func.value, call.args[0])
        if isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) > 1:
            return any(self.holds(call.args[0], str(x.value)) for x in self.strings(call.args[1]))
        for function in self.program.callees(call):
            node = function.node
            if not isinstance(node, ast.Lambda) and self.annotated(node.returns, function.module):
                return True
        return False

    def key_is_due(self, holder: ast.expr, key: ast.expr) -> bool:
        """Whether `holder[key]` holds such a state."""
        if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
            return any(self.holds(holder.value, str(x.value)) for x in self.strings(key))
        if isinstance(holder, ast.Call) and last_name(holder.func) == "vars" and holder.args:
            return any(self.holds(holder.args[0], str(x.value)) for x in self.strings(key))
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return False
        if self.declares_key(self.program.values(holder), key.value):
            return True
        if self.named(key.value):
            return not is_foreign(self.program, holder) and self.in_governed_module(holder)
        return key.value in ("status", "state") and self._is_job_mapping(holder, key.value)

    def declares_key(self, holders: Values, key: str) -> bool:
        """Whether a typed dictionary says that such a state stands under the key."""
        return any(
            isinstance(x, v.Instance)
            and is_typed_dict(self.program.flow, x.cls)
            and self.evidence.declared(x.cls, key)
            for x in holders
        )

    def _is_job_mapping(self, holder: ast.expr, key: str) -> bool:
        """A dict of the program, named as a job, whose status is one of the job states."""
        if self.kind != "job" or not re.search(r"job", last_name(holder), re.IGNORECASE):
            return False
        flow = self.program.flow
        for value in self.program.values(holder):
            if isinstance(value, v.Container) and value.shape == "dict":
                held = flow.element(value, frozenset({v.const(key)}))
                if any(
                    self.is_member_value(x)
                    or (isinstance(x, v.Const) and self.canonical(x.value) is not None)
                    for x in held
                ):
                    return True
        return False

    def holds(self, owner: ast.expr, attribute: str) -> bool:
        """Whether `owner.attribute` holds such a state."""
        bare = attribute.strip("_")
        values = self.program.values(owner)
        if self.named(bare):
            return not is_foreign(self.program, owner) and self.in_governed_module(owner)
        classes = [x.cls for x in values if isinstance(x, v.Instance | v.Super)]
        for cls in classes:
            declared = self.evidence.declared(cls, attribute)
            if declared is not None:
                return declared
        if any(self.evidence.is_evident(cls, bare) for cls in classes):
            return True
        if bare not in ("state", "status"):
            return False
        if not classes and bare == "state" and self.kind == "lifecycle":
            return (
                self.has_plugins
                and re.search(r"(^|_)plugin$", last_name(owner)) is not None
                and not is_foreign(self.program, owner)
            )
        is_self = isinstance(owner, ast.Name) and owner.id == "self"
        for cls in classes:
            if self.is_owner(cls) and not self.evidence.other_evidence(cls, bare):
                if self.evidence.written_words(cls, bare) & set(self._legal):
                    return True
                if not is_self and bare == ("state" if self.kind == "lifecycle" else "status"):
                    return self.kind == "lifecycle" or cls.name in ("Job", "JobRecord")
                if self.kind == "job" and cls.name in ("Job", "JobRecord") and bare == "status":
                    return True
        return False

    def is_owner(self, cls: ClassInfo) -> bool:
        """Whether objects of the class have such a state: plugins, or jobs."""
        if self.kind == "lifecycle":
            return cls in self.program.plugin_classes
        return (
            _OWNERS_OF_JOBS.match(cls.name) is not None and cls not in self.program.plugin_classes
        )

    def is_job(self, cls: ClassInfo) -> bool:
        """Whether the class is what jobs are kept as (not a copy of one for the outside)."""
        if _COPIES.search(cls.name):
            return False
        return _OWNERS_OF_JOBS.match(cls.name) is not None

    def in_governed_module(self, node: ast.AST) -> bool:
        """Whether the module has to do with plugins (or jobs), so that a name can be trusted."""
        module = self.program.module_of(node)
        if self.kind == "lifecycle":
            if not self.has_plugins and not self.classes:
                return re.search("LifecycleState|PluginState", module.text) is not None
            return re.search("plugin", module.text, re.IGNORECASE) is not None
        return bool(self.classes) or self.has_plugins


METRIC_WORDS = frozenset({"SUCCESS", "ERROR"})

_spaces: dict[str, tuple[Program, StateSpace]] = {}


def state_space(program: Program, kind: str) -> StateSpace:
    """The space of `kind` for a program; the last one asked for is kept."""
    kept = _spaces.get(kind)
    if kept is None or kept[0] is not program:
        kept = _spaces[kind] = (program, StateSpace(program, kind))
    return kept[1]


def _fold(word: object) -> object:
    return word.casefold() if isinstance(word, str) else (type(word), word)


def unwrapped(expression: ast.expr) -> ast.expr:
    """The state inside `x.value`, `x.name.lower()`, `str(x)`, `(y := x)`, `await x`."""
    while True:
        if (
            isinstance(expression, ast.Attribute) and expression.attr in _UNWRAPPED_ATTRIBUTES
        ) or isinstance(expression, ast.NamedExpr | ast.Await):
            expression = expression.value
        elif isinstance(expression, ast.Call):
            function = expression.func
            if isinstance(function, ast.Attribute) and function.attr in _UNWRAPPED_METHODS:
                expression = function.value
            elif last_name(function) in ("str", "repr") and len(expression.args) == 1:
                expression = expression.args[0]
            elif last_name(function) == "cast" and len(expression.args) == 2:
                expression = expression.args[1]
            else:
                return expression
        else:
            return expression


def enclosing_function(program: Program, node: ast.AST) -> FunctionInfo | None:
    """The innermost `def` (not lambda) whose body a node stands in."""
    function = program.function_of(node)
    while function is not None and isinstance(function.node, ast.Lambda):
        function = function.parent
    return function


def is_api_of_enums(name: str) -> bool:
    """Whether the name is one that enum classes have besides their members."""
    return name in _ENUM_API or name.startswith("_")
