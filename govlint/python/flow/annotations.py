"""What a type annotation says a value is.

An annotated parameter that no call is seen to fill, an attribute, a return value of a
function without a body: there the annotation is all that is known.
"""

from __future__ import annotations

import ast

from govlint.python.flow import values as v
from govlint.python.flow.applications import is_application
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.frames import Arguments, Frame
from govlint.python.flow.generics import Bound, applied
from govlint.python.flow.values import EMPTY, Value, Values
from govlint.python.symbols import ClassInfo, Module
from govlint.python.syntax.parse import build_tree

_SEQUENCES = frozenset(
    "list List Sequence MutableSequence Iterable Iterator AsyncIterable AsyncIterator Collection "
    "Container Generator AsyncGenerator Reversible set Set frozenset FrozenSet AbstractSet "
    "MutableSet Deque deque Queue KeysView ValuesView WeakSet".split()
)
_MAPPINGS = frozenset(
    "dict Dict Mapping MutableMapping OrderedDict DefaultDict defaultdict ChainMap "
    "MappingProxyType WeakValueDictionary ItemsView".split()
)
_AWAITABLES = frozenset("Awaitable Coroutine Future Task".split())
_TRANSPARENT = frozenset(
    "Optional Final ClassVar Annotated Required NotRequired ReadOnly InitVar Unpack Depends Mapped "
    "ContextManager AbstractContextManager AsyncContextManager AbstractAsyncContextManager".split()
)


def annotated(
    flow: Flow,
    annotation: ast.expr,
    module: Module,
    frame: Frame | None = None,
    cls: ClassInfo | None = None,
    depth: int = 0,
    types: Bound | None = None,
) -> Values:
    """The values that `annotation` admits, as far as they are classes of the program.

    `types` says what type variables stand for where that is known.
    """
    if depth > 12:
        return EMPTY
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):
            parsed = parse_text(flow, annotation)
            return (
                annotated(flow, parsed, module, frame, cls, depth + 1, types) if parsed else EMPTY
            )
        return frozenset({v.const(None)}) if annotation.value is None else EMPTY
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return annotated(flow, annotation.left, module, frame, cls, depth + 1, types) | annotated(
            flow, annotation.right, module, frame, cls, depth + 1
        )
    if isinstance(annotation, ast.Subscript):
        return _subscript(flow, annotation, module, frame, cls, depth, types)
    if isinstance(annotation, ast.Tuple | ast.List):
        found: set[Value] = set()
        for part in annotation.elts:
            found |= annotated(flow, part, module, frame, cls, depth + 1, types)
        return frozenset(found)
    if isinstance(annotation, ast.Name):
        if types and annotation.id in types:
            return types[annotation.id]
        bound = _type_parameter(flow, annotation)
        if bound is not None:
            return annotated(flow, bound, module, frame, cls, depth + 1, types)
    result: set[Value] = set()
    for value in resolve(flow, annotation, module, frame, cls):
        result |= _instances(flow, value, module, depth)
    return frozenset(result)


def _type_parameter(flow: Flow, name: ast.Name) -> ast.expr | None:
    """The bound of the type parameter that a name means (PEP 695)."""
    node: ast.AST | None = name
    while node is not None:
        for parameter in getattr(node, "type_params", ()):
            if getattr(parameter, "name", None) == name.id:
                bound = getattr(parameter, "bound", None)
                return bound if isinstance(bound, ast.expr) else None
        node = flow.program.parent(node)
    return None


def _instances(flow: Flow, value: Value, module: Module, depth: int) -> Values:
    if isinstance(value, v.ClassValue):
        if flow.is_enum(value.cls):
            return frozenset({v.instance(value.cls)})
        return frozenset({v.instance(value.cls)})
    if isinstance(value, v.ExternalInstance) and isinstance(value.site, ast.Call):
        name = value.dotted.rpartition(".")[2]
        if name == "TypeVar":
            found: set[Value] = set()
            site_module = flow.program.module_of(value.site)
            for keyword in value.site.keywords:
                if keyword.arg == "bound":
                    found |= annotated(flow, keyword.value, site_module, None, None, depth + 1)
            for constraint in value.site.args[1:]:
                found |= annotated(flow, constraint, site_module, None, None, depth + 1)
            return frozenset(found)
    if isinstance(value, v.Container) and value.shape == "alias":
        return flow.elements(frozenset({value}))
    if isinstance(value, v.External) and is_application(value.dotted):
        return frozenset({v.external_instance(value.dotted, None)})
    return EMPTY


def parse_text(flow: Flow, annotation: ast.Constant) -> ast.expr | None:
    """The expression that a quoted annotation holds; None where it holds none."""
    cached = flow.program.parsed_annotations.get(annotation)
    if cached is None and annotation not in flow.program.parsed_annotations:
        try:
            cached = build_tree(str(annotation.value).strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            cached = None
        else:
            for part in ast.walk(cached):
                flow.program.adopt(part, annotation)
        flow.program.parsed_annotations[annotation] = cached
    return cached


def resolve(
    flow: Flow,
    expression: ast.expr,
    module: Module,
    frame: Frame | None,
    cls: ClassInfo | None = None,
) -> Values:
    """What a dotted name in an annotation refers to."""
    if isinstance(expression, ast.Name):
        name = expression.id
        if cls is not None:
            found = flow.read((v.class_value(cls), name))
            if found and any(isinstance(value, v.ClassValue) for value in found):
                return found
        scope = frame
        while scope is not None and scope.function is not None:
            found = flow.read(("cell", scope, name))
            if found:
                return found
            scope = scope.closure
        found = flow.read(("global", module.name, name))
        if found:
            return found
        if name in module.stored:
            return EMPTY
        for starred in flow.read(("star-import", module.name)):
            if isinstance(starred, v.ModuleValue):
                found = flow.read(("global", starred.name, name))
                if found:
                    return found
        return frozenset({flow.program.outside(f"builtins.{name}")})
    if isinstance(expression, ast.Attribute):
        from govlint.python.flow import attributes

        values: set[Value] = set()
        for owner in resolve(flow, expression.value, module, frame, cls):
            values |= attributes.load(flow, owner, expression.attr, expression)
        return frozenset(values)
    if isinstance(expression, ast.Subscript):
        return resolve(flow, expression.value, module, frame, cls)
    return EMPTY


def _subscript(
    flow: Flow,
    annotation: ast.Subscript,
    module: Module,
    frame: Frame | None,
    cls: ClassInfo | None,
    depth: int,
    types: Bound | None,
) -> Values:
    base = annotation.value
    name = (
        base.attr
        if isinstance(base, ast.Attribute)
        else base.id
        if isinstance(base, ast.Name)
        else ""
    )
    arguments = (
        annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    )

    def inner(part: ast.expr) -> Values:
        return annotated(flow, part, module, frame, cls, depth + 1, types)

    own = resolve(flow, base, module, frame, cls)
    classes = {value for value in own if isinstance(value, v.ClassValue)}
    if classes:
        given = [inner(part) for part in arguments]
        return frozenset(applied(flow, value.cls, given) for value in classes)
    if name in _TRANSPARENT:
        found = inner(arguments[0]) if arguments else EMPTY
        if name == "Annotated":
            for part in arguments[1:]:
                found |= _injected(flow, part, module, frame, cls)
        return found | ({v.const(None)} if name == "Optional" else EMPTY)
    if name == "Union":
        return inner(ast.Tuple(arguments, ast.Load()))
    if name in ("type", "Type"):
        return frozenset(
            v.class_value(value.cls)
            for value in inner(arguments[0])
            if isinstance(value, v.Instance)
        )
    if name in _MAPPINGS:
        made = v.container("dict", annotation)
        if len(arguments) > 1:
            flow.write((made, "keys"), inner(arguments[0]))
            flow.declare_elements(made, annotation, module, cls)
            flow.store_element(made, None, inner(arguments[1]))
        return frozenset({made})
    if name in ("tuple", "Tuple"):
        made = v.container("tuple", annotation)
        variadic = any(isinstance(a, ast.Constant) and a.value is ... for a in arguments)
        for position, part in enumerate(arguments):
            if not (isinstance(part, ast.Constant) and part.value is ...):
                flow.store_element(made, None if variadic else position, inner(part))
        if not variadic:
            flow.lengths[made] = len(arguments)
        return frozenset({made})
    if name in _SEQUENCES:
        made = v.container("list", annotation)
        flow.declare_elements(made, annotation, module, cls)
        return flow.holder("list", annotation, inner(arguments[0]))
    if name in _AWAITABLES:
        return flow.holder("future", annotation, inner(arguments[-1]))
    if name == "Callable" and len(arguments) > 1:
        return flow.holder("callable", annotation, inner(arguments[-1]))
    return EMPTY


def _injected(
    flow: Flow, part: ast.expr, module: Module, frame: Frame | None, cls: ClassInfo | None
) -> Values:
    """`Annotated[X, Depends(provider)]`: the framework passes what the provider gives."""
    if not isinstance(part, ast.Call):
        return EMPTY
    makers = resolve(flow, part.func, module, frame, cls)
    if not any(isinstance(x, v.External) and x.dotted.endswith("Depends") for x in makers):
        return EMPTY
    from govlint.python.flow.library import depends

    given = [*part.args[:1], *(k.value for k in part.keywords if k.arg == "dependency")]
    providers: set[Value] = set()
    for provider in given:
        providers |= resolve(flow, provider, module, frame, cls)
    return depends(flow, Arguments([frozenset(providers)]), part)
