"""Evaluating expressions to sets of abstract values, in the scope of one frame."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.annotations import annotated
from govlint.python.flow.calls import call_values
from govlint.python.flow.declared import agreeing
from govlint.python.flow.fixpoint import MAX_LENGTH, Flow, key_of
from govlint.python.flow.frames import Arguments, Frame, informative
from govlint.python.flow.library import awaited, get_attribute, iterate, unpacked, update_mapping
from govlint.python.flow.places import called, place
from govlint.python.flow.strings import concatenate, f_string, percent, subscript
from govlint.python.flow.summaries import MAX_VALUES
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo

Environment = dict[str, Values]

_DUNDERS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitXor: "xor", ast.BitAnd: "and", ast.MatMult: "matmul",
}  # fmt: skip


class Expressions:
    """The part of the interpreter that has a value for every expression."""

    def __init__(self, flow: Flow, frame: Frame) -> None:
        self.flow = flow
        self.frame = frame
        self.module = frame.module
        self.function = frame.function
        self.environment: Environment = {}
        self.class_scopes: list[tuple[ClassInfo, Environment]] = []
        self.comprehension_scopes: list[Environment] = []
        self.round: Value | None = None  # the element that a comprehension is at
        self.text_scope: Environment | None = None  # of an `exec` that is being followed
        self.dead = False

    # -- names ------------------------------------------------------------------------

    def evaluate(self, node: ast.expr) -> Values:
        """The values of `node`, recorded for the checks."""
        method = _DISPATCH.get(type(node))
        result = method(self, node) if method is not None else EMPTY
        if len(result) > MAX_VALUES:
            result = self.flow.summaries.widen(result)
        old = self.flow.recorded.get(node)
        if old is None:
            self.flow.recorded[node] = result
        elif result is not old and not result <= old:
            self.flow.record(node, result)
        return result

    def maybe(self, node: ast.expr | None) -> Values:
        """Evaluate an optional expression."""
        return EMPTY if node is None else self.evaluate(node)

    def name(self, node: ast.Name) -> Values:
        """A name, by Python's scoping: comprehension, class body, function, global, builtin."""
        return self.lookup(node.id)

    def lookup(self, name: str) -> Values:
        """What `name` is bound to where the interpreter stands."""
        for scope in reversed(self.comprehension_scopes):
            if name in scope:
                return scope[name]
        if self.class_scopes and name in self.class_scopes[-1][1]:
            return self.class_scopes[-1][1][name]
        function = self.function
        if function is not None:
            if name in function.global_names:
                return self.environment.get(name, EMPTY) | self.global_name(name)
            if name in function.nonlocal_names:
                return self.free(name)
            if name in function.stored:
                own = self.environment.get(name, EMPTY)
                if name in function.rebound:
                    own |= self.flow.read(("rebound", self.frame, name))
                return own
            return self.free(name)
        if name in self.environment:
            own = self.environment[name]
            if name in self.module.rebound:
                own |= self.flow.read(("rebound", self.module.name, name))
            return own
        return self.global_name(name)

    def free(self, name: str) -> Values:
        """A variable of an enclosing function, or a global."""
        scope = self.frame.closure
        while scope is not None and scope.function is not None:
            function = scope.function
            if name in function.stored and name not in function.nonlocal_names:
                return self.flow.read(("cell", scope, name))
            if name in function.global_names:
                break
            scope = scope.closure
        return self.global_name(name)

    def global_name(self, name: str) -> Values:
        """A global of this module, what a star import brought, or a builtin."""
        flow = self.flow
        found = flow.read(("global", self.module.name, name))
        if found or name in self.module.stored:
            return found
        starred: set[Value] = set()
        for value in flow.read(("star-import", self.module.name)):
            if isinstance(value, v.ModuleValue):
                starred |= attributes.load(flow, value, name, self.module.tree)
        starred = {x for x in starred if not isinstance(x, v.Deferred)}
        if starred:
            return frozenset(starred)
        if name == "__name__":
            return frozenset({v.const(self.module.name), v.const("__main__")})
        return frozenset({flow.program.outside(f"builtins.{name}")})

    def bind_name(self, name: str, values: Values) -> None:
        """Bind `name` where the interpreter stands: a strong update."""
        if self.class_scopes:
            cls, scope = self.class_scopes[-1]
            scope[name] = values
            attributes.store(self.flow, v.class_value(cls), name, values)
            return
        function = self.function
        if self.text_scope is not None:
            self.text_scope[name] = values
            if function is not None:
                return
        if function is None:
            self.environment[name] = values
            self.flow.write(("global", self.module.name, name), values)
            return
        if name in function.global_names:
            self.environment[name] = values
            self.flow.write(("global", self.module.name, name), values)
            self.flow.write(("rebound", self.module.name, name), values)
            return
        if name in function.nonlocal_names:
            scope_frame = self.frame.closure
            while scope_frame is not None and scope_frame.function is not None:
                owner = scope_frame.function
                if name in owner.stored and name not in owner.nonlocal_names:
                    self.flow.write(("cell", scope_frame, name), values)
                    self.flow.write(("rebound", scope_frame, name), values)
                    return
                scope_frame = scope_frame.closure
            return
        self.environment[name] = values
        if function.has_nested:
            self.flow.write(("cell", self.frame, name), values)

    # -- leaves and operators --------------------------------------------------------------

    def constant(self, node: ast.Constant) -> Values:
        return frozenset({v.const(node.value)})

    def joined(self, node: ast.JoinedStr) -> Values:
        parts: list[tuple[Values | str, bool]] = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append((str(part.value), False))
            elif isinstance(part, ast.FormattedValue):
                values = self.evaluate(part.value)
                if part.format_spec is not None:
                    self.evaluate(part.format_spec)
                parts.append(
                    (values, part.format_spec is not None or part.conversion not in (-1, 115))
                )
        return f_string(parts)

    def formatted(self, node: ast.FormattedValue) -> Values:
        self.evaluate(node.value)
        return ANY

    def binary(self, node: ast.BinOp) -> Values:
        # long chains lean left: walk them without recursion
        chain: list[ast.BinOp] = []
        inner: ast.expr = node
        while isinstance(inner, ast.BinOp):
            chain.append(inner)
            inner = inner.left
        left = self.evaluate(inner)
        for part in reversed(chain):
            right = self.evaluate(part.right)
            left = self.operate(part.op, left, right, part)
            if part is not node:
                self.flow.record(part, left)
        return left

    def operate(self, op: ast.operator, left: Values, right: Values, node: ast.AST) -> Values:
        """`left op right`."""
        found: set[Value] = set()
        flow = self.flow
        for value in left:
            if isinstance(value, v.Instance):
                for name in (f"__{_DUNDERS[type(op)]}__", f"__i{_DUNDERS[type(op)]}__"):
                    if attributes.lookup(flow, value.cls, name) is not None:
                        methods = attributes.load(flow, value, name, node)
                        found |= call_values(flow, methods, Arguments([right]), node)
            elif isinstance(value, v.ClassValue):
                found.add(UNKNOWN)
        for value in right:
            if isinstance(value, v.Instance):
                name = f"__r{_DUNDERS[type(op)]}__"
                if attributes.lookup(flow, value.cls, name) is not None:
                    methods = attributes.load(flow, value, name, node)
                    found |= call_values(flow, methods, Arguments([left]), node)
        if isinstance(op, ast.Add | ast.BitOr):
            found |= self._merged(op, left, right, node)
        elif isinstance(op, ast.Mult):
            for value in left | right:
                if isinstance(value, v.Container):
                    flow.write((value, "scrambled"), ANY)
                    found.add(value)
        elif isinstance(op, ast.Mod):
            for value in left:
                if isinstance(value, v.Const) and isinstance(value.value, str):
                    found.add(self._percent(value, right))
        elif isinstance(op, ast.Sub | ast.BitAnd):
            held = [value for value in left if isinstance(value, v.Container)]
            if held:
                found |= flow.holder(held[0].shape, node, flow.elements(frozenset(held)))
        return frozenset(found) or ANY

    def _percent(self, template: v.Const, right: Values) -> Value:
        only = next(iter(right)) if len(right) == 1 else None
        if isinstance(only, v.Container) and only.shape == "tuple":
            return percent(template, unpacked(self.flow, right))
        return percent(template, [right])

    def _merged(self, op: ast.operator, left: Values, right: Values, node: ast.AST) -> Values:
        flow = self.flow
        found: set[Value] = set()
        holders = [x for x in left | right if isinstance(x, v.Container)]
        if holders:
            shape = holders[0].shape
            made = v.container(shape, node)
            if shape == "dict":
                update_mapping(flow, made, frozenset(holders), node)
            else:
                offset: int | None = 0
                for side in (left, right):
                    for holder in side:
                        if isinstance(holder, v.Container):
                            length = flow.lengths.get(holder)
                            if (
                                offset is not None
                                and length is not None
                                and offset + length <= MAX_LENGTH
                                and len(side) == 1
                            ):
                                for index, values in enumerate(unpacked(flow, side)):
                                    flow.store_element(made, offset + index, values)
                                offset += length
                            else:
                                offset = None
                    if offset is None:
                        flow.store_element(made, None, flow.elements(side))
                flow.set_length(made, offset)
                if offset is None:
                    flow.store_element(made, None, flow.elements(left | right))
            found.add(made)
        if isinstance(op, ast.Add) and len(left) * len(right) <= 64:
            for a in left:
                for b in right:
                    if isinstance(a, v.Const | v.Text) or isinstance(b, v.Const | v.Text):
                        found.add(concatenate(a, b))
        elif isinstance(op, ast.BitOr) and any(isinstance(x, v.ClassValue) for x in left | right):
            found |= flow.holder("alias", node, annotated(flow, node, self.module, self.frame))  # type: ignore[arg-type]
        return frozenset(found)

    def boolean(self, node: ast.BoolOp) -> Values:
        found: set[Value] = set()
        saved = dict(self.environment)
        for index, part in enumerate(node.values):
            values = self.evaluate(part)
            last = index == len(node.values) - 1
            if not last and isinstance(node.op, ast.And):
                values = frozenset(x for x in values if not _surely(x, True))
            elif not last:
                values = frozenset(x for x in values if not _surely(x, False))
            found |= values
            self.narrow(part, isinstance(node.op, ast.And))
        changed = self.environment
        self.environment = {
            name: values | changed.get(name, EMPTY)
            if name in saved and saved[name] is not changed.get(name)
            else values
            for name, values in {**changed, **saved}.items()
        }
        return frozenset(found)

    def unary(self, node: ast.UnaryOp) -> Values:
        values = self.evaluate(node.operand)
        if isinstance(node.op, ast.USub):
            found: set[Value] = set()
            for value in values:
                if isinstance(value, v.Const) and type(value.value) in (int, float):
                    found.add(v.const(-value.value))
                elif isinstance(value, v.Instance):
                    methods = attributes.load(self.flow, value, "__neg__", node)
                    found |= call_values(self.flow, methods, Arguments(), node)
                else:
                    found.add(UNKNOWN)
            return frozenset(found)
        return ANY

    def compare(self, node: ast.Compare) -> Values:
        left = self.evaluate(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(comparator)
            name = _COMPARISONS.get(type(op))
            owner = right if isinstance(op, ast.In | ast.NotIn) else left
            if name is not None:
                for value in owner:
                    if (
                        isinstance(value, v.Instance)
                        and attributes.lookup(self.flow, value.cls, name) is not None
                    ):
                        methods = attributes.load(self.flow, value, name, node)
                        other = left if owner is right else right
                        call_values(self.flow, methods, Arguments([other]), node)
            left = right
        return ANY

    def conditional(self, node: ast.IfExp) -> Values:
        self.evaluate(node.test)
        before = dict(self.environment)
        self.narrow(node.test, True)
        found = self.evaluate(node.body)
        self.environment = dict(before)
        self.narrow(node.test, False)
        found |= self.evaluate(node.orelse)
        self.environment = before
        return found

    def walrus(self, node: ast.NamedExpr) -> Values:
        values = self.evaluate(node.value)
        scopes, self.comprehension_scopes = self.comprehension_scopes, []
        self.bind_name(node.target.id, values)
        self.comprehension_scopes = scopes
        self.flow.record(node.target, values)
        return values

    def awaiting(self, node: ast.Await) -> Values:
        values = self.evaluate(node.value)
        found: set[Value] = set()
        for value in values:
            if (
                isinstance(value, v.Instance)
                and attributes.lookup(self.flow, value.cls, "__await__") is not None
            ):
                methods = attributes.load(self.flow, value, "__await__", node)
                found |= call_values(self.flow, methods, Arguments(), node)
        return awaited(self.flow, values) | frozenset(found)

    def yielding(self, node: ast.Yield) -> Values:
        values = self.maybe(node.value) if node.value else frozenset({v.const(None)})
        made = self._generator()
        if made is not None:
            self.flow.write((made, "*"), values)
            self.flow.write((made, "[]"), values)
            return self.flow.read((made, "sent")) | ANY
        return ANY

    def yielding_from(self, node: ast.YieldFrom) -> Values:
        values = self.evaluate(node.value)
        made = self._generator()
        if made is not None:
            self.flow.write((made, "*"), iterate(self.flow, values, node))
        found: set[Value] = set()
        for value in values:
            if isinstance(value, v.Container) and isinstance(value.site, Frame):
                found |= self.flow.read(("return", value.site))
        return frozenset(found) or ANY

    def _generator(self) -> Value | None:
        function = self.function
        if function is None:
            return None
        return v.container("async-generator" if function.is_async else "generator", self.frame)

    # -- attributes, subscripts, calls ------------------------------------------------------

    def attribute(self, node: ast.Attribute) -> Values:
        owners = self.evaluate(node.value)
        path = place(node)
        if path is not None and path in self.environment:
            return self.environment[path]
        found: set[Value] = set()
        for owner in owners:
            found |= attributes.load(self.flow, owner, node.attr, node)
        return frozenset(found)

    def subscripted(self, node: ast.Subscript) -> Values:
        owners = self.evaluate(node.value)
        keys = self.evaluate(node.slice)
        if isinstance(node.slice, ast.Slice):
            return self._slice(node, owners)
        path = place(node)
        if path is not None and path in self.environment:
            return self.environment[path]
        found: set[Value] = set()
        flow = self.flow
        for owner in owners:
            if isinstance(owner, v.Const):
                found |= subscript(owner, node.slice, keys)
            elif isinstance(owner, v.Instance):
                found |= flow.element(owner, keys) if flow.read((owner, "*")) else EMPTY
                for key in keys:
                    if isinstance(key, v.Const) and type(key.value) is int:
                        found |= attributes.field_at(flow, owner, key.value, node)
                if attributes.lookup(flow, owner.cls, "__getitem__") is not None:
                    methods = attributes.load(flow, owner, "__getitem__", node)
                    found |= call_values(flow, methods, Arguments([keys]), node)
                elif flow.program.is_registry(flow, owner):
                    found |= flow.program.registry_elements(flow, owner, EMPTY)
                elif attributes.is_typed_dict(flow, owner.cls):
                    found |= attributes.load_key(flow, owner, keys, node)
                elif not found:
                    found.add(UNKNOWN)
            elif isinstance(owner, v.ClassValue):
                found |= self._class_item(owner, keys, node)
            elif isinstance(owner, v.Namespace):
                found |= get_attribute(flow, owner.owner, keys, node)
            elif isinstance(owner, v.External) and owner.dotted == "sys.modules":
                found |= self._loaded_module(keys)
            elif isinstance(owner, v.Container):
                flow.make_default(owner, keys)
                found |= flow.element(owner, keys)
                if owner.shape in ("alias",):
                    found.add(owner)
            elif isinstance(owner, v.External) and owner.dotted == "builtins.__builtins__":
                found |= attributes.loads(flow, owner, keys, node)
            elif isinstance(owner, v.External):
                found.add(owner)
                if flow.program.carries_governed(flow, keys | flow.elements(keys)):
                    # `Plugins = list[BasePlugin]`: what an annotation of that name admits
                    declared = annotated(flow, node, self.module, self.frame)
                    found |= flow.holder("alias", node, declared)
            elif isinstance(owner, v.ExternalInstance | v.BoundExternal):
                # what a library may keep under the name is what the name is declared to be
                held = flow.element(owner, keys)
                for other in owners:
                    if other in flow.element_types:
                        held = agreeing(flow, flow.element_types[other], held)
                found |= held | ANY
            else:
                found.add(UNKNOWN)
        return frozenset(found)

    def _loaded_module(self, keys: Values) -> Values:
        found: set[Value] = set()
        for key in keys:
            if isinstance(key, v.Const) and isinstance(key.value, str):
                found.add(self.flow.program.imported(key.value, self.module))
            else:
                found.add(UNKNOWN)
        return frozenset(found)

    def _class_item(self, owner: v.ClassValue, keys: Values, node: ast.AST) -> Values:
        flow = self.flow
        if flow.program.is_state_class(owner.cls, flow):
            found: set[Value] = set()
            for key in keys:
                if isinstance(key, v.Const) and isinstance(key.value, str):
                    if key.value in owner.cls.stored:
                        found.add(v.enum_member(owner.cls, key.value))
                else:
                    found |= flow.elements(attributes.load(flow, owner, "__members__", node))
            return frozenset(found)
        for name in ("__class_getitem__",):
            if attributes.lookup(flow, owner.cls, name) is not None:
                methods = attributes.load(flow, owner, name, node)
                return call_values(flow, methods, Arguments([keys]), node)
        for meta in attributes.metaclasses(flow, owner.cls):
            for method in attributes.lookup(flow, meta, "__getitem__") or ():
                bound = attributes.bind(flow, method, owner, v.class_value(meta), node)
                return call_values(flow, bound, Arguments([keys]), node)
        return frozenset({owner})

    def _slice(self, node: ast.Subscript, owners: Values) -> Values:
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, v.Const):
                found |= subscript(owner, node.slice, EMPTY)
            elif isinstance(owner, v.Container):
                part = self._part(node, owner)
                whole = self.flow.elements(frozenset({owner}))
                found |= part or self.flow.holder(owner.shape, node, whole)
            elif isinstance(owner, v.Instance):
                methods = attributes.load(self.flow, owner, "__getitem__", node)
                found |= call_values(self.flow, methods, Arguments([ANY]), node)
            else:
                found.add(UNKNOWN)
        return frozenset(found)

    def _part(self, node: ast.Subscript, owner: v.Container) -> Values:
        """`items[1:3]` of a sequence whose places are known; empty where they are not."""
        flow = self.flow
        length = flow.lengths.get(owner)
        bounds = _bounds(node.slice)
        if length is None or bounds is None or flow.read((owner, "scrambled")):
            return EMPTY
        places = range(length)[bounds]
        made = v.container(owner.shape, node)
        for position, place_ in enumerate(places):
            values = flow.element(owner, frozenset({v.const(place_)}))
            flow.store_element(made, position, values)
        flow.set_length(made, len(places))
        return frozenset({made})

    def slice(self, node: ast.Slice) -> Values:
        for part in (node.lower, node.upper, node.step):
            self.maybe(part)
        return ANY

    def call(self, node: ast.Call) -> Values:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            found = self._super(node)
            if found:
                self.flow.external_targets[node].add("builtins.super")
                return found
        callees = self.evaluate(node.func)
        arguments = self.arguments(node)
        if (
            isinstance(node.func, ast.Name)
            and not node.args
            and node.func.id in ("vars", "locals", "globals")
        ):
            return self._scope(node.func.id)
        self.flow.active = self
        result = call_values(self.flow, callees, arguments, node)
        called(self, node)
        return result

    def _scope(self, name: str) -> Values:
        if name == "globals" or self.function is None:
            return frozenset({v.namespace(self.flow.program.module_object(self.module.name))})
        made = v.container("dict", (self.frame, "locals"))
        for key, values in self.environment.items():
            self.flow.store_element(made, key, values)
        return frozenset({made})

    def arguments(self, node: ast.Call) -> Arguments:
        """Evaluate a call's arguments."""
        flow = self.flow
        positional: list[Values] = []
        star: Values | None = None
        certain = 0
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                values = self.evaluate(argument.value)
                known = frozenset(x for x in values if self._is_laid_out(x))
                lengths = {flow.lengths[x] for x in known}
                if star is None and len(lengths) <= 1 and known == values:
                    positional.extend(unpacked(flow, known))
                elif star is None:
                    # what comes after it may follow the shortest of them
                    certain = len(positional) + (min(lengths) if known == values else 0)
                    star = iterate(flow, values - known, node)
                    positional.extend(unpacked(flow, known))
                else:
                    star |= iterate(flow, values, node)
            elif star is not None:
                star |= self.evaluate(argument)
            else:
                positional.append(self.evaluate(argument))
        if star:
            positional[certain:] = [values | star for values in positional[certain:]]
        keywords: dict[str, Values] = {}
        star_keywords: Values | None = None
        for keyword in node.keywords:
            values = self.evaluate(keyword.value)
            if keyword.arg is None:
                star_keywords = (star_keywords or EMPTY) | values
                for mapping in values:
                    for key in flow.read((mapping, "keys")):
                        if isinstance(key, v.Const) and isinstance(key.value, str):
                            given = flow.element(mapping, frozenset({key}))
                            keywords[key.value] = keywords.get(key.value, EMPTY) | given
            else:
                keywords[keyword.arg] = values
        return Arguments(positional, keywords, star, star_keywords)

    def _is_laid_out(self, holder: Value) -> bool:
        """Whether each element of a sequence has a known place."""
        return holder in self.flow.lengths and not self.flow.read((holder, "scrambled"))

    def _super(self, node: ast.Call) -> Values:
        found: set[Value] = set()
        if len(node.args) >= 2:
            classes = self.evaluate(node.args[0])
            for receiver in self.evaluate(node.args[1]):
                for cls in classes:
                    if isinstance(cls, v.ClassValue):
                        found.add(v.super_of(cls.cls, receiver))
            return frozenset(found)
        function: FunctionInfo | None = self.function
        frame: Frame | None = self.frame
        while function is not None and function.cls is None:
            function = function.parent
            frame = frame.closure if frame is not None else None
        if function is None or function.cls is None or frame is None or not function.params:
            return EMPTY
        first = function.params[0]
        receivers = (
            self.environment.get(first, EMPTY)
            if frame is self.frame
            else self.flow.read(("cell", frame, first))
        )
        for receiver in receivers:
            found.add(v.super_of(function.cls, receiver))
        return frozenset(found)

    def function_literal(self, node: ast.Lambda) -> Values:
        function = self.module.by_node.get(node) or self.flow.program.function_at(node)
        if not isinstance(function, FunctionInfo):
            return EMPTY
        return frozenset({self.make_function(function)})

    def make_function(self, function: FunctionInfo) -> v.FunctionValue:
        """The function object that a `def` or lambda gives here; defaults are evaluated."""
        flow = self.flow
        spec = function.node.args
        positional = [*spec.posonlyargs, *spec.args]
        closure = attributes.closure_of(self.frame)
        for arg, default in zip(reversed(positional), reversed(spec.defaults), strict=False):
            flow.write(("default", function, arg.arg), self.evaluate(default))
        for arg, keyword_default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if keyword_default is not None:
                flow.write(("default", function, arg.arg), self.evaluate(keyword_default))
        flow.offer(function, closure)
        return v.function_value(function, closure)

    # -- displays -------------------------------------------------------------------------

    def sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Values:
        shape = type(node).__name__.lower()
        made = v.container(shape, self._site(node))
        flow = self.flow
        position: int | None = 0
        for element in node.elts:
            if isinstance(element, ast.Starred):
                values = self.evaluate(element.value)
                only = next(iter(values)) if len(values) == 1 else None
                length = flow.lengths.get(only) if only is not None else None
                if length is not None and position is not None and position + length <= MAX_LENGTH:
                    for part in unpacked(flow, values):
                        flow.store_element(made, position, part)
                        position += 1
                else:
                    flow.store_element(made, None, iterate(flow, values, node))
                    position = None
            else:
                flow.store_element(made, position, self.evaluate(element))
                position = None if position is None else position + 1
        if not isinstance(node, ast.Set):
            flow.set_length(made, position)
        return frozenset({made})

    def mapping(self, node: ast.Dict) -> Values:
        made = v.container("dict", self._site(node))
        for key, value in zip(node.keys, node.values, strict=True):
            values = self.evaluate(value)
            if key is None:
                update_mapping(self.flow, made, values, node)
                continue
            keys = self.evaluate(key)
            self.flow.write((made, "keys"), keys)
            self.flow.store_element(made, key_of(keys), values)
        return frozenset({made})

    def _site(self, node: ast.expr) -> Any:
        """What tells a container made at `node` from others made there."""
        if self.round is not None:
            return (node, self.frame, self.round)
        return (node, self.frame) if self.frame.function else node

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Values:
        shape = {ast.ListComp: "list", ast.SetComp: "set"}.get(type(node), "iterator")
        with_scope = self._generators(node.generators)
        values = self.evaluate(node.elt)
        with_scope()
        made = v.container(shape, self._site(node))
        self.flow.store_element(made, None, values)
        return frozenset({made})

    def mapping_comprehension(self, node: ast.DictComp) -> Values:
        made = v.container("dict", self._site(node))
        outer = self.round
        rounds: list[Values | None] = [*self._kinds(node)] or [None]
        for only in rounds:
            self.round = next(iter(only)) if only else outer
            with_scope = self._generators(node.generators, only)
            keys = self.evaluate(node.key)
            values = self.evaluate(node.value)
            with_scope()
            self.flow.write((made, "keys"), keys)
            self.flow.store_element(made, key_of(keys), values)
        self.round = outer
        return frozenset({made})

    def _kinds(self, node: ast.DictComp) -> list[Values]:
        """The constants that `{kind: [] for kind in ("plugins", "flows")}` goes through."""
        only = node.generators[0]
        if len(node.generators) > 1 or not isinstance(only.target, ast.Name):
            return []
        rounds = self.flow.rounds(self.evaluate(only.iter))
        return rounds if all(key_of(values) is not None for values in rounds) else []

    def _generators(
        self, generators: list[ast.comprehension], only: Values | None = None
    ) -> Callable[[], None]:
        scope: Environment = {}
        saved = dict(self.environment)
        first = True
        for generator in generators:
            if first:
                holders = awaited(self.flow, self.evaluate(generator.iter))
                items = only or iterate(self.flow, holders, generator.iter)
                self.comprehension_scopes.append(scope)
                first = False
            else:
                items = iterate(self.flow, self.evaluate(generator.iter), generator.iter)
            self.assign_in(scope, generator.target, items)
            for condition in generator.ifs:
                self.evaluate(condition)
                self.narrow(condition, True)

        def leave() -> None:
            self.comprehension_scopes.pop()
            for name, values in saved.items():
                self.environment[name] = self.environment.get(name, EMPTY) | values

        return leave

    def assign_in(self, scope: Environment, target: ast.expr, values: Values) -> None:
        """Bind a comprehension's target."""
        if isinstance(target, ast.Name):
            scope[target.id] = values
            self.flow.record(target, values)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, values, lambda part, got: self.assign_in(scope, part, got))
        elif isinstance(target, ast.Starred):
            self.assign_in(scope, target.value, values)

    def unpack(
        self,
        target: ast.Tuple | ast.List,
        values: Values,
        assign: Callable[[ast.expr, Values], None],
    ) -> None:
        """Spread `values` over the parts of a target, by position where that is known."""
        flow = self.flow
        starred = next(
            (i for i, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None
        )
        for index, part in enumerate(target.elts):
            got: set[Value] = set()
            for holder in values:
                if isinstance(holder, v.Container | v.ExternalInstance):
                    if starred is None or index < starred:
                        got |= flow.element(holder, frozenset({v.const(index)}))
                    elif index > starred:
                        position = index - len(target.elts)
                        got |= flow.element(holder, frozenset({v.const(position)}))
                    else:
                        got |= flow.elements(frozenset({holder}))
                else:
                    if isinstance(holder, v.Instance) and (starred is None or index < starred):
                        got |= attributes.field_at(flow, holder, index, part)
                    got |= iterate(flow, frozenset({holder}), target)
            if isinstance(part, ast.Starred):
                rest = flow.holder("list", part, frozenset(got))
                assign(part.value, rest)
            else:
                assign(part, frozenset(got))

    def starred(self, node: ast.Starred) -> Values:
        return iterate(self.flow, self.evaluate(node.value), node)

    # -- hooks that the statement part fills in ------------------------------------------------

    def narrow(self, test: ast.expr, outcome: bool) -> None:
        """Refine the environment by the outcome of a test."""
        from govlint.python.flow.narrowing import narrow

        narrow(self, test, outcome)

    def informative(self, values: Values) -> bool:
        """Whether the values tell more than "something"."""
        return informative(values)


def _surely(value: Value, truth: bool) -> bool:
    """Whether the value is surely true (or surely false)."""
    if isinstance(value, v.Const):
        return bool(value.value) is truth
    if isinstance(value, v.FunctionValue | v.ClassValue | v.BoundMethod | v.ModuleValue):
        return truth
    return False


def _bounds(node: ast.expr) -> slice | None:
    """The slice that constants write down."""
    if not isinstance(node, ast.Slice):
        return None
    try:
        parts = [
            None if part is None else ast.literal_eval(part)
            for part in (node.lower, node.upper, node.step)
        ]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if all(part is None or type(part) is int for part in parts) and parts[2] != 0:
        return slice(*parts)
    return None


_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "__eq__", ast.NotEq: "__ne__", ast.Lt: "__lt__", ast.LtE: "__le__", ast.Gt: "__gt__",
    ast.GtE: "__ge__", ast.In: "__contains__", ast.NotIn: "__contains__",
}  # fmt: skip

_DISPATCH: dict[type[ast.expr], Any] = {
    ast.Name: Expressions.name,
    ast.Constant: Expressions.constant,
    ast.Attribute: Expressions.attribute,
    ast.Call: Expressions.call,
    ast.Subscript: Expressions.subscripted,
    ast.Slice: Expressions.slice,
    ast.BinOp: Expressions.binary,
    ast.BoolOp: Expressions.boolean,
    ast.UnaryOp: Expressions.unary,
    ast.Compare: Expressions.compare,
    ast.IfExp: Expressions.conditional,
    ast.NamedExpr: Expressions.walrus,
    ast.Lambda: Expressions.function_literal,
    ast.List: Expressions.sequence,
    ast.Tuple: Expressions.sequence,
    ast.Set: Expressions.sequence,
    ast.Dict: Expressions.mapping,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.mapping_comprehension,
    ast.JoinedStr: Expressions.joined,
    ast.FormattedValue: Expressions.formatted,
    ast.Await: Expressions.awaiting,
    ast.Yield: Expressions.yielding,
    ast.YieldFrom: Expressions.yielding_from,
    ast.Starred: Expressions.starred,
}
