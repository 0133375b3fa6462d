"""Executing the statements of one frame in their order, with joins where paths meet."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Hashable
from typing import Any

from govlint.python.flow import attributes, generics
from govlint.python.flow import values as v
from govlint.python.flow.annotations import annotated
from govlint.python.flow.calls import call_values
from govlint.python.flow.expressions import Environment, Expressions
from govlint.python.flow.fixpoint import key_of
from govlint.python.flow.frames import Arguments, informative
from govlint.python.flow.library import awaited, entered, iterate
from govlint.python.flow.places import assigned, forget_below, forget_elements, place
from govlint.python.flow.summaries import MAX_VALUES
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo

# Passes over a loop's body before its environment is taken as it is.
_MAX_PASSES = 4


class Interpreter(Expressions):
    """Evaluates one frame once; the fixed point calls it again when its inputs grow."""

    def __init__(self, flow: Any, frame: Any) -> None:
        super().__init__(flow, frame)
        self.breaks: list[list[Environment]] = []
        self.continues: list[list[Environment]] = []
        self.raised: list[Environment] = []
        # nested blocks of one frame only; a tree this deep is refused by the parser

    def run(self) -> None:
        """Evaluate the frame from its first statement."""
        previous, self.flow.active = self.flow.active, self
        try:
            if self.function is None:
                self.block(self.module.tree.body)
            else:
                self._enter(self.function)
        finally:
            self.flow.active = previous

    def _enter(self, function: FunctionInfo) -> None:
        for name in function.params:
            self.environment[name] = self._parameter(function, name)
        spec = function.node.args
        for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]:
            if arg is not None:
                self.flow.record(arg, self.environment[arg.arg])
                if function.has_nested:
                    self.flow.write(("cell", self.frame, arg.arg), self.environment[arg.arg])
        if isinstance(function.node, ast.Lambda):
            self.flow.write(("return", self.frame), self.evaluate(function.node.body))
        else:
            self.block(function.node.body)

    def _parameter(self, function: FunctionInfo, name: str) -> Values:
        frame, flow = self.frame, self.flow
        given: Values | None = flow.read(("parameter", frame, name)) or None
        if given is None:
            given = frame.arguments.get(name)
        if given is not None and (informative(given) or UNKNOWN not in given) and not frame.open:
            return given
        found: set[Value] = set(given or EMPTY)
        spec = function.node.args
        first = [*spec.posonlyargs, *spec.args][:1]
        decorators = {part.rpartition(".")[2] for part in function.decorators}
        if (
            (given is None or frame.open)
            and function.cls is not None
            and first
            and first[0].arg == name
            and "staticmethod" not in decorators
        ):
            if "classmethod" in decorators or function.name in _OF_CLASSES:
                return frozenset({v.class_value(function.cls)}) | found
            return frozenset({v.instance(function.cls)}) | found
        for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]:
            if arg.arg == name and arg.annotation is not None:
                found |= annotated(flow, arg.annotation, function.module, frame.closure)
        for rest in (spec.vararg, spec.kwarg):
            if rest is not None and rest.arg == name and (given is None or frame.open):
                shape = "tuple" if rest is spec.vararg else "dict"
                made = v.container(shape, rest)
                if rest.annotation is not None:
                    inner = annotated(flow, rest.annotation, function.module, frame.closure)
                    flow.store_element(made, None, inner)
                return frozenset({made}) | found
        if given is None or frame.open:
            found |= flow.read(("default", function, name))
            if frame.open:
                found.add(UNKNOWN)
        return frozenset(found)

    # -- blocks -----------------------------------------------------------------------------

    def block(self, body: list[ast.stmt]) -> None:
        """Execute statements in order; what follows a return is looked at all the same."""
        for statement in body:
            method = _STATEMENTS.get(type(statement))
            if method is not None:
                method(self, statement)

    def branch(self, body: list[ast.stmt], start: Environment) -> tuple[Environment, bool]:
        """Execute a block from `start`; gives its end and whether the end is never reached."""
        self.environment = dict(start)
        self.dead = False
        self.block(body)
        return self.environment, self.dead

    def join(self, *ends: tuple[Environment, bool]) -> None:
        """Continue where several paths meet."""
        alive = [environment for environment, dead in ends if not dead]
        self.dead = not alive
        if not alive:
            alive = [environment for environment, _ in ends]
        self.environment = joined(alive)
        if len(alive) > 1:
            self._forget_much()

    def _forget_much(self) -> None:
        """Names that have come to be one of very many things, a constant per branch, say."""
        for name, values in self.environment.items():
            if len(values) > 4 * MAX_VALUES:
                self.environment[name] = self.flow.summaries.widen(values)

    def evaluate_text(self, tree: ast.Module, namespaces: Values) -> Values:
        """Follow the text of an `eval` or `exec`; gives the value of its last expression."""
        scope: Environment = {}
        for mapping in namespaces:
            for key in self.flow.read((mapping, "keys")):
                if isinstance(key, v.Const) and isinstance(key.value, str):
                    scope[key.value] = self.flow.element(mapping, frozenset({key}))
        self.comprehension_scopes.append(scope)
        given = dict(scope)
        outer, self.text_scope = self.text_scope, scope
        was_dead = self.dead
        self.block(tree.body)
        self.dead = was_dead
        self.text_scope = outer
        self.comprehension_scopes.pop()
        for name, values in scope.items():
            if given.get(name) != values:
                for mapping in namespaces:
                    self.flow.write((mapping, "keys"), frozenset({v.const(name)}))
                    self.flow.store_element(mapping, name, values)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            return self.flow.recorded.get(last.value, EMPTY)
        return EMPTY

    # -- simple statements ----------------------------------------------------------------------

    def expression(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def assign(self, node: ast.Assign) -> None:
        values = self.evaluate(node.value)
        if len(node.targets) == 1 and self._assign_own(node.targets[0], node.value, values):
            return
        for target in node.targets:
            self.assign_to(target, values)

    def annotated_assign(self, node: ast.AnnAssign) -> None:
        scope = self.class_scopes[-1][0] if self.class_scopes else None
        declared = annotated(self.flow, node.annotation, self.module, self.frame, scope)
        if node.value is None:
            if isinstance(node.target, ast.Name):
                if self.function is not None and not self.class_scopes:
                    self.bind_name(node.target.id, declared | ANY)
                elif not self.class_scopes:
                    self.flow.write(("global", self.module.name, node.target.id), declared)
            else:
                self._declare_attribute(node.target, declared)
            return
        values = self.evaluate(node.value)
        if isinstance(node.value, ast.Constant) and _is_type_alias(node.annotation):
            named = annotated(self.flow, node.value, self.module, self.frame, scope)
            values = self.flow.holder("alias", node.value, named)
        elif not informative(values) or (
            isinstance(node.target, ast.Name) and self._is_empty_table(values, declared)
        ):
            values |= declared
        self._declare_attribute(node.target, declared)
        cls = self.class_scopes[-1][0] if self.class_scopes else None
        for value in values:
            if isinstance(value, v.Container) and value.shape in ("dict", "list", "set"):
                self.flow.declare_elements(value, node.annotation, self.module, cls)
        empty = self._is_empty_table(values, declared)
        if not self._assign_own(node.target, node.value, values):
            self.assign_to(node.target, values)
        if empty and isinstance(node.target, ast.Attribute):
            for owner in self.evaluate(node.target.value):
                if not self._is_generic(owner, node.annotation):
                    attributes.store(self.flow, owner, node.target.attr, declared)

    def _declare_attribute(self, target: ast.expr, declared: Values) -> None:
        if isinstance(target, ast.Attribute):
            for owner in self.evaluate(target.value):
                if isinstance(owner, v.Instance):
                    self.flow.write(("attribute-annotation", owner.cls, target.attr), declared)

    def _is_empty_table(self, values: Values, declared: Values) -> bool:
        """`plugins: dict[str, Plugin] = {}`, filled where nobody sees it."""
        return (
            bool(values)
            and all(isinstance(value, v.Container) for value in values)
            and self.flow.program.carries_governed(self.flow, declared)
            and not self.flow.program.carries_governed(self.flow, values)
        )

    def _is_generic(self, owner: Value, annotation: ast.expr) -> bool:
        """Whether an annotation means something else in each object: `dict[str, T]`."""
        if not isinstance(owner, v.Instance):
            return False
        variables = set(generics.parameters(self.flow, owner.cls))
        names = {part.id for part in ast.walk(annotation) if isinstance(part, ast.Name)}
        return not variables.isdisjoint(names)

    def _assign_own(self, target: ast.expr, value: ast.expr, values: Values) -> bool:
        """`self.table = {}` in `__init__`: each object gets a table of its own.

        One frame stands for the making of many objects; what the tables hold must not
        become one because of that.
        """
        flow, function = self.flow, self.function
        made = next(iter(values)) if len(values) == 1 else None
        if (
            function is None
            or function.name not in ("__init__", "__post_init__")
            or not isinstance(target, ast.Attribute)
            or not isinstance(made, v.Container)
            or not _is_empty(value)
        ):
            return False
        owners = self.evaluate(target.value)
        if not owners or not all(isinstance(owner, v.Instance) for owner in owners):
            return False
        copies: set[Value] = set()
        for owner in owners:
            copy = v.container(made.shape, (made.site, owner))
            flow.copy_nature(made, copy)
            attributes.store(flow, owner, target.attr, frozenset({copy}), generic=False)
            copies.add(copy)
        flow.record(value, frozenset(copies))
        flow.record(target, frozenset(copies))
        self._place_assigned(target, frozenset(copies))
        return True

    def augmented(self, node: ast.AugAssign) -> None:
        reading = _as_load(node.target)
        for part in ast.walk(reading):
            if part is not node.target:
                self.flow.program.adopt(part, node)
        left = self.evaluate(reading)
        right = self.evaluate(node.value)
        name = f"__i{type(node.op).__name__.lower()}__"
        if isinstance(node.op, ast.Add | ast.BitOr):
            for holder in left:
                if isinstance(holder, v.Container) and holder.shape in ("list", "set"):
                    self.flow.store_element(holder, None, iterate(self.flow, right, node))
        result = self.operate(node.op, left, right, node)
        for holder in left:
            if isinstance(holder, v.Container) and holder.shape in ("list", "set"):
                result = frozenset({holder})
            elif (
                isinstance(holder, v.Instance)
                and attributes.lookup(self.flow, holder.cls, name) is not None
            ):
                methods = attributes.load(self.flow, holder, name, node)
                result |= call_values(self.flow, methods, Arguments([right]), node)
        self.assign_to(node.target, result)

    def assign_to(self, target: ast.expr, values: Values) -> None:
        """Bind a target of any form."""
        flow = self.flow
        if isinstance(target, ast.Name):
            flow.record(target, values)
            forget_below(self.environment, target.id)
            self.bind_name(target.id, values)
            for environment in self.raised:
                environment[target.id] = environment.get(target.id, EMPTY) | values
        elif isinstance(target, ast.Attribute):
            flow.record(target, values)
            for owner in self.evaluate(target.value):
                attributes.store(flow, owner, target.attr, values)
            self._place_assigned(target, values)
        elif isinstance(target, ast.Subscript):
            self._assign_item(target, values)
            self._place_assigned(target, values)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, values, self.assign_to)
        elif isinstance(target, ast.Starred):
            self.assign_to(target.value, values)

    def _assign_item(self, target: ast.Subscript, values: Values) -> None:
        flow = self.flow
        owners = self.evaluate(target.value)
        keys = self.evaluate(target.slice)
        flow.record(target, values)
        if isinstance(target.slice, ast.Slice):
            values = iterate(flow, values, target)
            keys = EMPTY
        for owner in owners:
            if isinstance(owner, v.Namespace):
                for key in keys:
                    if isinstance(key, v.Const) and isinstance(key.value, str):
                        attributes.store(flow, owner.owner, key.value, values)
                flow.write((owner.owner, "attributes"), values)
            elif isinstance(owner, v.Instance):
                if attributes.lookup(flow, owner.cls, "__setitem__") is not None:
                    methods = attributes.load(flow, owner, "__setitem__", target)
                    call_values(flow, methods, Arguments([keys, values]), target)
                else:
                    flow.store_element(owner, self._constant_key(target.slice, keys), values)
            elif isinstance(owner, v.BoundExternal) and owner.receiver is UNKNOWN:
                continue  # it is not told which object's
            elif owner is not UNKNOWN and not isinstance(owner, v.Const):
                flow.write((owner, "keys"), keys)
                flow.store_element(owner, self._constant_key(target.slice, keys), values)

    def _constant_key(self, node: ast.expr, keys: Values) -> Hashable | None:
        """The key where the source itself fixes it; a computed key may be any."""
        if isinstance(node, ast.Constant | ast.UnaryOp):
            return key_of(keys)
        if isinstance(node, ast.Attribute) and all(isinstance(k, v.EnumMember) for k in keys):
            return key_of(keys)
        if isinstance(node, ast.Attribute) and not (self.frame.open or self.frame.merged):
            return key_of(keys)  # `data[self._name]`, followed for one object
        if isinstance(node, ast.Name) and (
            self.function is None or node.id not in self.function.stored
        ):
            return key_of(keys)
        return None

    def _place_assigned(self, target: ast.Attribute | ast.Subscript, values: Values) -> None:
        path = place(target)
        if path is None:
            if isinstance(target, ast.Subscript):
                forget_elements(self.environment)
            return
        assigned(self, path, values)
        for environment in self.raised:
            environment.pop(path, None)

    def returning(self, node: ast.Return) -> None:
        values = self.evaluate(node.value) if node.value else frozenset({v.const(None)})
        self.flow.write(("return", self.frame), values | self._declared_elements(values))
        self.dead = True

    def _declared_elements(self, values: Values) -> Values:
        """`-> dict[str, BasePlugin]` of a holder of which nothing else tells what it holds."""
        node = self.function.node if self.function is not None else None
        returns = getattr(node, "returns", None)
        if returns is None or not values or self.function is None or self.function.is_generator:
            return EMPTY
        if not all(isinstance(x, v.Container) for x in values):
            return EMPTY
        held = self.flow.elements(values)
        if not held or informative(held):
            return EMPTY
        declared = annotated(self.flow, returns, self.module, self.frame.closure)
        return frozenset(x for x in declared if isinstance(x, v.Container))

    def raising(self, node: ast.Raise) -> None:
        raised = self.maybe(node.exc)
        classes = frozenset(x for x in raised if isinstance(x, v.ClassValue))
        if classes:  # `raise Found` makes the exception as `raise Found()` does
            raised = (raised - classes) | call_values(self.flow, classes, Arguments(), node)
        self.maybe(node.cause)
        if isinstance(node.exc, ast.Call):
            flow = self.flow
            given = [*node.exc.args, *(keyword.value for keyword in node.exc.keywords)]
            if any(
                flow.program.carries_governed(flow, flow.recorded.get(part, EMPTY))
                for part in given
            ):
                # whoever catches it gets what it carries
                flow.write(("raised",), frozenset(_some(value) for value in raised))
        self.dead = True

    def deleting(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.environment.pop(target.id, None)
            else:
                for part in ast.iter_child_nodes(target):
                    if isinstance(part, ast.expr):
                        self.evaluate(part)

    def asserting(self, node: ast.Assert) -> None:
        self.evaluate(node.test)
        self.maybe(node.msg)
        self.narrow(node.test, True)

    def breaking(self, node: ast.Break) -> None:
        if self.breaks and not self.dead:
            self.breaks[-1].append(dict(self.environment))
        self.dead = True

    def continuing(self, node: ast.Continue) -> None:
        if self.continues and not self.dead:
            self.continues[-1].append(dict(self.environment))
        self.dead = True

    # -- imports -------------------------------------------------------------------------------

    def importing(self, node: ast.Import) -> None:
        program = self.flow.program
        for alias in node.names:
            if alias.asname:
                self.bind_name(alias.asname, frozenset({program.imported(alias.name, self.module)}))
            else:
                root = alias.name.partition(".")[0]
                program.imported(alias.name, self.module)
                self.bind_name(root, frozenset({program.imported_root(alias.name, self.module)}))

    def importing_from(self, node: ast.ImportFrom) -> None:
        program, flow = self.flow.program, self.flow
        source = program.resolve_from(node, self.module)
        owner = program.imported(source, self.module) if source else UNKNOWN
        for alias in node.names:
            if alias.name == "*":
                flow.write(("star-import", self.module.name), frozenset({owner}))
                if self.function is None and isinstance(owner, v.ModuleValue):
                    self._star(owner)
                continue
            values = attributes.load(flow, owner, alias.name, node)
            self.bind_name(alias.asname or alias.name, values)
            flow.record(alias, values)

    def _star(self, owner: v.ModuleValue) -> None:
        flow = self.flow
        module = flow.program.modules.get(owner.name)
        if module is None:
            return
        for name in sorted(module.stored):
            if not name.startswith("_"):
                values = flow.read(("global", owner.name, name))
                if values:
                    self.environment[name] = self.environment.get(name, EMPTY) | values

    # -- definitions -----------------------------------------------------------------------------

    def defining(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = self.flow.program.function_at(node)
        if function is None:
            return
        made: Values = frozenset({self.make_function(function)})
        self.flow.record(node, made)
        result = self._decorate(node.decorator_list, made, node)
        if not _is_overload(function):
            self._define(node.name, result)

    def _define(self, name: str, values: Values) -> None:
        # an overload or a property's setter adds to what stands there
        if self.class_scopes:
            cls, scope = self.class_scopes[-1]
            old = scope.get(name)
            scope[name] = values
            if old is not None and any(
                isinstance(x, v.FunctionValue) and attributes.is_property(x.function) for x in old
            ):
                return
            attributes.store(self.flow, v.class_value(cls), name, values)
            return
        forget_below(self.environment, name)
        self.bind_name(name, values)

    def _decorate(self, decorators: list[ast.expr], made: Values, node: ast.AST) -> Values:
        flow = self.flow
        evaluated = [(decorator, self.evaluate(decorator)) for decorator in decorators]
        for decorator, callees in reversed(evaluated):
            result: set[Value] = set()
            for callee in callees:
                if isinstance(callee, v.External) and callee.dotted.rpartition(".")[2] in _BINDERS:
                    result |= made
                elif isinstance(
                    callee, v.FunctionValue | v.BoundMethod | v.ClassValue | v.Instance
                ):
                    got = call_values(flow, frozenset({callee}), Arguments([made]), decorator)
                    kept = {x for x in got if x is not UNKNOWN}
                    result |= kept if kept else (made if not got or UNKNOWN in got else got)
                elif isinstance(callee, v.External | v.BoundExternal | v.Partial | v.Container):
                    got = call_values(flow, frozenset({callee}), Arguments([made]), decorator)
                    result |= {x for x in got if isinstance(x, _CALLABLE)} or made
                elif isinstance(callee, v.Const) and callee.value is None:
                    continue
                else:
                    result |= made
            made = frozenset(result) or made
        return made

    def classing(self, node: ast.ClassDef) -> None:
        flow = self.flow
        cls = flow.program.class_at(node)
        if cls is None:
            return
        bases = tuple(
            iterate(flow, self.evaluate(base.value), base)
            if isinstance(base, ast.Starred)
            else self._base(base)
            for base in node.bases
        )
        flow.set_bases(cls, bases)
        for keyword in node.keywords:
            values = self.evaluate(keyword.value)
            if keyword.arg == "metaclass":
                flow.metaclasses[cls] = flow.metaclasses.get(cls, EMPTY) | values
        scope: Environment = {}
        flow.write((v.class_value(cls), "closure"), EMPTY)
        self.class_scopes.append((cls, scope))
        comprehensions, self.comprehension_scopes = self.comprehension_scopes, []
        self.block(node.body)
        self.comprehension_scopes = comprehensions
        self.class_scopes.pop()
        me: Values = frozenset({v.class_value(cls)})
        if flow.program.is_state_class(cls, flow):
            self._enum_values(cls, scope)
        self._name_descriptors(cls, scope, node)
        self._created(cls, node)
        flow.record(node, me)
        self._define(node.name, self._decorate(node.decorator_list, me, node))

    def _name_descriptors(self, cls: ClassInfo, scope: Environment, node: ast.ClassDef) -> None:
        """`type.__new__` tells each attribute that asks for it what it is called."""
        flow = self.flow
        for name, values in scope.items():
            for value in values:
                if not isinstance(value, v.Instance):
                    continue
                for method in attributes.lookup(flow, value.cls, "__set_name__") or ():
                    told = Arguments([frozenset({v.class_value(cls)}), frozenset({v.const(name)})])
                    bound = attributes.bind(flow, method, value, v.class_value(value.cls), node)
                    call_values(flow, bound, told, node)

    def _base(self, base: ast.expr) -> Values:
        values = self.evaluate(base)
        return frozenset(
            x for x in values if not (isinstance(x, v.Container) and x.shape == "alias")
        )

    def _enum_values(self, cls: ClassInfo, scope: Environment) -> None:
        for name, values in scope.items():
            self.flow.write((v.enum_member(cls, name), "value"), values)

    def _created(self, cls: ClassInfo, node: ast.ClassDef) -> None:
        """Run what Python runs when a class is made: `__init_subclass__`, the metaclass."""
        flow = self.flow
        me = v.class_value(cls)
        for entry in flow.mro(cls)[1:]:
            if isinstance(entry, ClassInfo) and "__init_subclass__" in entry.stored:
                for value in flow.read((v.class_value(entry), "__init_subclass__")):
                    if isinstance(value, v.FunctionValue):
                        arguments = Arguments([frozenset({me})])
                        flow.call_function(value.function, value.closure, arguments, node)
                break
        for meta in attributes.metaclasses(flow, cls):
            flow.write(("metaclass-products", meta), frozenset({me}))
            name = frozenset({v.const(cls.name)})
            for special in ("__new__", "__init__"):
                for value in attributes.lookup(flow, meta, special) or ():
                    if isinstance(value, v.FunctionValue):
                        first = v.class_value(meta) if special == "__new__" else me
                        space = frozenset({v.namespace(me)})
                        arguments = Arguments([frozenset({first}), name, ANY, space])
                        flow.call_function(value.function, value.closure, arguments, node)

    # -- control flow ------------------------------------------------------------------------------

    def conditional_block(self, node: ast.If) -> None:
        self.evaluate(node.test)
        before, was_dead = self.environment, self.dead
        self.environment = dict(before)
        self.narrow(node.test, True)
        taken = self.branch(node.body, self.environment)
        self.environment = dict(before)
        self.narrow(node.test, False)
        other = self.branch(node.orelse, self.environment)
        self.join(taken, other)
        self.dead = self.dead or was_dead

    def looping(self, node: ast.While) -> None:
        was_dead = self.dead
        exits: list[Environment] = []
        for _ in range(_MAX_PASSES):
            start = dict(self.environment)
            self.evaluate(node.test)
            self.narrow(node.test, True)
            end = self._body(node.body, exits)
            merged = joined([start, *end])
            if merged == start:
                break
            self.environment = merged
        self.narrow(node.test, False)
        self._after_loop(node.orelse, exits, was_dead)

    def for_each(self, node: ast.For | ast.AsyncFor) -> None:
        was_dead = self.dead
        exits: list[Environment] = []
        holders = awaited(self.flow, self.evaluate(node.iter))
        for _ in range(_MAX_PASSES):
            start = dict(self.environment)
            end: list[Environment] = []
            for values in self._rounds(node.target, holders) or [
                iterate(self.flow, holders, node.iter)
            ]:
                self.environment = joined([start, *end])
                self.assign_to(node.target, values)
                end += self._body(node.body, exits)
            merged = joined([start, *end])
            if merged == start:
                break
            self.environment = merged
            holders = holders | self.evaluate(node.iter)
        self._after_loop(node.orelse, exits, was_dead)

    def _rounds(self, target: ast.expr, holders: Values) -> list[Values]:
        """`for table, cls in ((plugins, Plugin), (flows, Flow))`: what belongs together."""
        if not isinstance(target, ast.Tuple | ast.List):
            return []
        if not self.flow.program.carries_governed(self.flow, holders):
            return []
        return self.flow.rounds(holders)

    def _body(self, body: list[ast.stmt], exits: list[Environment]) -> list[Environment]:
        self.breaks.append(exits)
        continues: list[Environment] = []
        self.continues.append(continues)
        self.dead = False
        self.block(body)
        ends = list(continues)
        if not self.dead:
            ends.append(self.environment)
        self.breaks.pop()
        self.continues.pop()
        return ends or [self.environment]

    def _after_loop(self, orelse: list[ast.stmt], exits: list[Environment], was_dead: bool) -> None:
        self.dead = False
        self.block(orelse)
        ends = [(self.environment, self.dead), *((environment, False) for environment in exits)]
        self.join(*ends)
        self.dead = self.dead or was_dead

    def trying(self, node: ast.Try) -> None:
        before, was_dead = dict(self.environment), self.dead
        snapshot = dict(before)
        self.raised.append(snapshot)
        end = self.branch(node.body, before)
        self.raised.pop()
        in_handler = joined([snapshot, *([] if end[1] else [end[0]])])
        ends: list[tuple[Environment, bool]] = []
        if node.orelse:
            end = self.branch(node.orelse, end[0])
        ends.append(end)
        for handler in node.handlers:
            self.environment = dict(in_handler)
            if handler.type is not None:
                kinds = self.evaluate(handler.type)
                if handler.name:
                    self.environment[handler.name] = self._exceptions(kinds, handler)
            ends.append(self.branch(handler.body, self.environment))
        if not node.finalbody:
            self.join(*ends)
            self.dead = self.dead or was_dead
            return
        normal_dead = all(dead for _, dead in ends)
        arriving = joined([in_handler, *(environment for environment, _ in ends)])
        self.environment, dead = self.branch(node.finalbody, arriving)
        if not normal_dead:
            alive = joined([environment for environment, gone in ends if not gone])
            self.environment = {
                name: alive[name] if name in alive and arriving.get(name) == values else values
                for name, values in self.environment.items()
            }
        self.dead = dead or normal_dead or was_dead

    def _exceptions(self, kinds: Values, handler: ast.ExceptHandler) -> Values:
        found: set[Value] = set()
        caught = {kind.dotted for kind in kinds if isinstance(kind, v.External)} | {
            inner.dotted for inner in self.flow.elements(kinds) if isinstance(inner, v.External)
        }
        for raised in self.flow.read(("raised",)):
            if isinstance(raised, v.ExternalInstance):
                names = {raised.dotted}
            elif isinstance(raised, v.Instance):
                names = {base for base in self.flow.mro(raised.cls) if isinstance(base, str)}
            else:
                continue
            if any(_is_caught(name, kind) for name in names for kind in caught):
                found.add(raised)
        for kind in kinds:
            if isinstance(kind, v.ClassValue):
                found.add(v.instance(kind.cls))
            elif isinstance(kind, v.Container):
                for inner in self.flow.elements(frozenset({kind})):
                    if isinstance(inner, v.ClassValue):
                        found.add(v.instance(inner.cls))
                    elif isinstance(inner, v.External):
                        found.add(v.external_instance(inner.dotted, handler))
            elif isinstance(kind, v.External):
                found.add(v.external_instance(kind.dotted, handler))
        return frozenset(found) or ANY

    def with_block(self, node: ast.With | ast.AsyncWith) -> None:
        snapshot: Environment | None = None
        for item in node.items:
            managers = awaited(self.flow, self.evaluate(item.context_expr))
            values = entered(self.flow, managers, item.context_expr)
            if item.optional_vars is not None:
                self.assign_to(item.optional_vars, values)
        snapshot = dict(self.environment)
        self.raised.append(snapshot)
        was_dead = self.dead
        self.dead = False
        self.block(node.body)
        self.raised.pop()
        if self.dead and not was_dead and self._may_swallow(node):
            # the manager may swallow the exception that ended the block
            self.environment = joined([snapshot, self.environment])
            self.dead = False
        self.dead = self.dead or was_dead

    def _may_swallow(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            for value in self.flow.recorded.get(item.context_expr, EMPTY):
                if isinstance(value, v.ExternalInstance) and value.dotted.endswith("suppress"):
                    return True
        return False

    def matching(self, node: ast.Match) -> None:
        from govlint.python.flow.narrowing import bind_pattern, keep, left_over

        subject = self.evaluate(node.subject)
        before, was_dead = dict(self.environment), self.dead
        ends: list[tuple[Environment, bool]] = []
        open_end = True
        for case in node.cases:
            self.environment = dict(before)
            bind_pattern(self, case.pattern, subject, node.subject)
            if case.guard is not None:
                self.evaluate(case.guard)
                self.narrow(case.guard, True)
            ends.append(self.branch(case.body, self.environment))
            if case.guard is None:
                subject = left_over(self, case.pattern, subject)
                self.environment = before
                keep(self, node.subject, subject)
                if _irrefutable(case.pattern):
                    open_end = False
        if open_end:
            ends.append((before, False))
        self.join(*ends)
        self.dead = self.dead or was_dead

    def type_alias(self, node: Any) -> None:
        self.evaluate(node.value)
        if isinstance(node.name, ast.Name):
            self.bind_name(node.name.id, self.flow.recorded.get(node.value, EMPTY))


def _is_overload(function: FunctionInfo) -> bool:
    """Whether a method is only a signature of the one that is defined after it."""
    if not any(name.rpartition(".")[2] == "overload" for name in function.decorators):
        return False
    cls = function.cls
    return cls is not None and cls.methods.get(function.name) is not function


def _is_empty(node: ast.expr) -> bool:
    """Whether an expression makes a container that holds nothing yet."""
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.List):
        return not node.elts
    if isinstance(node, ast.Call) and not node.keywords:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
        name = name.id if isinstance(name, ast.Name) else name
        if name == "defaultdict":
            return len(node.args) == 1
        return not node.args and name in ("dict", "list", "set", "OrderedDict", "deque")
    return False


# methods that are given the class without being declared so
_OF_CLASSES = ("__new__", "__init_subclass__", "__class_getitem__")


def _some(value: Value) -> Value:
    """Exceptions of one class of the program are one: there are as many as statements."""
    return v.instance(value.cls) if isinstance(value, v.Instance) else value


def _is_caught(raised: str, kind: str) -> bool:
    """Whether a handler of `kind` catches what is `raised`, both by their dotted names."""
    if raised == kind:
        return True
    classes = [getattr(builtins, name.removeprefix("builtins."), None) for name in (raised, kind)]
    first, second = classes
    return isinstance(first, type) and isinstance(second, type) and issubclass(first, second)


def _is_type_alias(annotation: ast.expr) -> bool:
    return getattr(annotation, "attr", getattr(annotation, "id", "")) == "TypeAlias"


def _irrefutable(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def _as_load(target: ast.expr) -> ast.expr:
    """The target of an augmented assignment, read."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    if isinstance(target, ast.Subscript):
        return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
    return target


def joined(environments: list[Environment]) -> Environment:
    """The union of environments; an attribute path survives only where all agree it is set."""
    if not environments:
        return {}
    result = dict(environments[0])
    for other in environments[1:]:
        if other is environments[0]:
            continue
        for name, values in other.items():
            mine = result.get(name)
            if mine is None:
                if "." not in name:
                    result[name] = values
            elif mine is not values and mine != values:
                result[name] = mine | values
        for name in [name for name in result if "." in name and name not in other]:
            del result[name]
    return result


_BINDERS = frozenset(
    {"property", "staticmethod", "classmethod", "abstractmethod", "cached_property", "overload"}
)
_CALLABLE = (v.FunctionValue, v.BoundMethod, v.ClassValue, v.Partial, v.Instance)

_STATEMENTS: dict[type[ast.stmt], Any] = {
    ast.Expr: Interpreter.expression,
    ast.Assign: Interpreter.assign,
    ast.AnnAssign: Interpreter.annotated_assign,
    ast.AugAssign: Interpreter.augmented,
    ast.Return: Interpreter.returning,
    ast.Raise: Interpreter.raising,
    ast.Delete: Interpreter.deleting,
    ast.Assert: Interpreter.asserting,
    ast.Break: Interpreter.breaking,
    ast.Continue: Interpreter.continuing,
    ast.Import: Interpreter.importing,
    ast.ImportFrom: Interpreter.importing_from,
    ast.FunctionDef: Interpreter.defining,
    ast.AsyncFunctionDef: Interpreter.defining,
    ast.ClassDef: Interpreter.classing,
    ast.If: Interpreter.conditional_block,
    ast.While: Interpreter.looping,
    ast.For: Interpreter.for_each,
    ast.AsyncFor: Interpreter.for_each,
    ast.Try: Interpreter.trying,
    ast.With: Interpreter.with_block,
    ast.AsyncWith: Interpreter.with_block,
    ast.Match: Interpreter.matching,
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = Interpreter.trying
if hasattr(ast, "TypeAlias"):
    _STATEMENTS[ast.TypeAlias] = Interpreter.type_alias
