"""The chain of execution layers as a program has it, and which code belongs to which layer."""

from __future__ import annotations

import ast
from functools import cached_property

from govlint.python.bindings import matches_any
from govlint.python.flow import values as v
from govlint.python.flow.values import Value, Values
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo, Module

_ROUTES = frozenset(
    "get post put patch delete head options trace route websocket websocket_route api_route "
    "api_view add_api_route api_operation before_request after_request errorhandler "
    "exception_handler on_event subscription mutation query".split()
)
_REGISTER = frozenset(
    "add_api_route add_route add_url_rule add_websocket_route add_api_websocket_route add_get "
    "add_post add_put add_patch add_delete Route WebSocketRoute APIRoute path re_path url "
    "add_view add_resource add_tool".split()
)
_FRAMEWORKS = frozenset(
    "fastapi flask starlette aiohttp quart sanic litestar bottle falcon django rest_framework "
    "ninja tornado pyramid responder robyn blacksheep cherrypy connexion mcp fastmcp grpc "
    "jsonrpcserver xmlrpc strawberry ariadne socketio websockets channels apiflask flask_restx "
    "flask_restful flask_smorest emmett masonite hug molten muffin esmerald ravyn microdot".split()
)
_ROUTERS = ("app", "router", "api", "bp", "blueprint", "mcp", "routes", "application", "server")
_VIEWS = frozenset(
    "APIView MethodView View Resource ViewSet ModelViewSet GenericViewSet GenericAPIView "
    "HTTPEndpoint WebSocketEndpoint RequestHandler WebSocketHandler HTTPMethodView Controller "
    "AsyncConsumer WebsocketConsumer AsyncWebsocketConsumer JsonWebsocketConsumer "
    "AsyncJsonWebsocketConsumer".split()
)
_MAKERS = ("create", "from_", "build", "make", "default", "get_instance", "instance", "of", "new")
_FACTORY_DECORATORS = frozenset({"classmethod", "staticmethod"})
_DUNDERS = frozenset(
    {"__init__", "__new__", "__post_init__", "__init_subclass__", "__class_getitem__"}
)


class Chain:
    """Levels from 0 (the API) down; the gate is the last but one, the plugin the last."""

    def __init__(self, program: Program) -> None:
        self.program = program
        bindings = program.bindings
        present: list[tuple[str, frozenset[ClassInfo]]] = []
        for layer in bindings.layers:
            classes = self._classes(layer)
            if classes:
                present.append((layer.rpartition(".")[2], classes))
        # a project that says it has no layers has no chain that could be left
        gates = frozenset(gate.cls for gate in program.gates if bindings.layers)
        gates |= frozenset(sub for cls in gates for sub in program.subclasses(cls))
        if gates:
            names = sorted({gate.cls.name for gate in program.gates})
            present.append((" or ".join(names), gates))
        self.names = ["API", *(name for name, _ in present)]
        self._levels: dict[ClassInfo, int] = {}
        for level, (_, classes) in enumerate(present, 1):
            for cls in classes:
                self._levels.setdefault(cls, level)
        if present:
            self.names.append("Plugin")
            for cls in program.plugin_classes:
                self._levels.setdefault(cls, len(present) + 1)
        self._handlers: dict[FunctionInfo, bool] = {}

    def _classes(self, layer: str) -> frozenset[ClassInfo]:
        program = self.program
        found: set[ClassInfo] = set()
        for module in program.modules.values():
            for cls in module.classes:
                if not module.is_test and any(
                    isinstance(entry, ClassInfo) and matches_any((layer,), entry.qualname)
                    for entry in program.mro(cls)
                ):
                    found.add(cls)
        return frozenset(found)

    @property
    def plugin_level(self) -> int:
        """The level of plugins; what reaches them past the gate is GOV101's."""
        return len(self.names) - 1

    # -- code ---------------------------------------------------------------------------

    def level_of(self, function: FunctionInfo) -> int | None:
        """The layer that a function belongs to; None for helpers and wiring."""
        current: FunctionInfo | None = function
        while current is not None:
            cls = current.cls
            while cls is not None:
                level = self._levels.get(cls)
                if level is not None:
                    return level
                cls = cls.outer
            if self._is_handler(current):
                return 0
            current = current.parent
        return 0 if self.is_api_module(function.module) else None

    def is_helper(self, function: FunctionInfo) -> bool:
        """Whether a function belongs to whichever layer calls it."""
        return self.level_of(function) is None

    def is_api_module(self, module: Module) -> bool:
        """Whether the file lies in a package, or is a module, that holds the API."""
        parts = module.name.split(".")
        return any(part in self.program.bindings.api for part in parts) and not module.is_test

    def _is_handler(self, function: FunctionInfo) -> bool:
        known = self._handlers.get(function)
        if known is None:
            known = self._handlers[function] = (
                self._is_decorated(function)
                or function in self._registered
                or self._in_view(function)
            )
        return known

    def _is_decorated(self, function: FunctionInfo) -> bool:
        if isinstance(function.node, ast.Lambda):
            return False
        for decorator in function.node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(target, ast.Name):
                if target.id in ("api_view", "route") or matches_any(
                    self.program.bindings.api, target.id
                ):
                    return True
            elif isinstance(target, ast.Attribute) and self._is_route(target):
                return True
        return False

    def _is_route(self, target: ast.Attribute) -> bool:
        name = target.attr
        tools = name in ("tool", "resource", "prompt", "call_tool", "list_tools", "rpc", "method")
        if name not in _ROUTES and not tools:
            return False
        known = False
        for value in self.program.values(target.value):
            if isinstance(value, v.ExternalInstance | v.External | v.BoundExternal):
                top = value.dotted.partition(".")[0]
                if top in _FRAMEWORKS:
                    return True
                known = known or top not in ("?", "")
            elif isinstance(value, v.Instance):
                if any(
                    isinstance(base, str) and base.partition(".")[0] in _FRAMEWORKS
                    for base in self.program.mro(value.cls)
                ):
                    return True
                known = True
            elif isinstance(value, v.Const | v.Container):
                known = True
        if known:
            return False
        owner = target.value
        last = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        return any(last == word or last.endswith(f"_{word}") for word in _ROUTERS)

    @cached_property
    def _registered(self) -> frozenset[FunctionInfo]:
        """Functions that a call hands to a web framework: `app.add_api_route("/x", f)`."""
        found: set[FunctionInfo] = set()
        for module in self.program.modules.values():
            for node in nodes_of(module, ast.Call):
                if not isinstance(node, ast.Call):
                    continue
                function = node.func
                last = (
                    function.attr
                    if isinstance(function, ast.Attribute)
                    else getattr(function, "id", "")
                )
                if last not in _REGISTER and not (
                    isinstance(function, ast.Call)
                    and isinstance(function.func, ast.Attribute)
                    and self._is_route(function.func)
                ):
                    continue
                if self.program.callees(node):
                    continue
                for argument in [*node.args, *(k.value for k in node.keywords)]:
                    for value in self.program.values(argument):
                        if isinstance(value, v.FunctionValue | v.BoundMethod):
                            found.add(value.function)
        return frozenset(found)

    def _in_view(self, function: FunctionInfo) -> bool:
        cls = function.cls
        if cls is None:
            return False
        for entry in self.program.mro(cls):
            if isinstance(entry, str):
                last = entry.rpartition(".")[2]
                if last in _VIEWS or last.endswith("Servicer"):
                    return True
        return False

    # -- calls ---------------------------------------------------------------------------

    def level_of_value(self, value: Value) -> int | None:
        """The layer whose method a bound method is, by its receiver first."""
        if not isinstance(value, v.BoundMethod) or self._is_wiring(value.function):
            return None
        function = value.function
        cls: ClassInfo | None = None
        if isinstance(value.receiver, v.Instance | v.ClassValue):
            cls = value.receiver.cls
        level = self._levels.get(cls) if cls is not None else None
        if level is None and function.cls is not None:
            level = self._levels.get(function.cls)
        return None if level == self.plugin_level else level

    def _is_wiring(self, function: FunctionInfo) -> bool:
        if function.name in _DUNDERS:
            return True
        decorators = {name.rpartition(".")[2] for name in function.decorators}
        if "property" in decorators or "cached_property" in decorators:
            return True
        return bool(decorators & _FACTORY_DECORATORS) and function.name.startswith(_MAKERS)

    def targets(
        self, call: ast.Call, values: Values | None = None
    ) -> list[tuple[FunctionInfo, int]]:
        """The layer methods that a call runs, with their levels.

        `values` are those of the callee's expression, where more is known than that they
        are what any caller made them.
        """
        found: dict[FunctionInfo, int] = {}
        for value in self.program.values(call.func) if values is None else values:
            if isinstance(value, v.BoundMethod):
                level = self.level_of_value(value)
                if level is not None:
                    found.setdefault(value.function, level)
        if values is not None and _bound(values):
            return list(found.items())
        handed = self._handed(call)
        for function in self.program.callees(call):
            if function in found or function in handed or function.cls is None:
                continue
            if function in _bound(self.program.values(call.func)) or self._is_wiring(function):
                continue
            level = self._levels.get(function.cls)
            if level is not None and level != self.plugin_level and not self._is_super(call):
                found[function] = level
        return list(found.items())

    def _handed(self, call: ast.Call) -> set[FunctionInfo]:
        """Methods among the arguments: judged where they are named."""
        found: set[FunctionInfo] = set()
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            if isinstance(argument, ast.Attribute):
                found |= _bound(self.program.values(argument))
        return found

    def helpers(self, call: ast.Call, values: Values) -> list[FunctionInfo]:
        """The functions of no layer that a call runs; what a layer inherits is the layer's."""
        if any(isinstance(x, v.ClassValue) and x.cls in self._levels for x in values):
            return []
        own = {
            x.function
            for x in values
            if isinstance(x, v.BoundMethod)
            and isinstance(x.receiver, v.Instance | v.ClassValue)
            and x.receiver.cls in self._levels
            and not self._is_self_call(call)
        }
        return [
            function
            for function in self.program.callees(call)
            if function not in own and not function.module.is_test and self.is_helper(function)
        ]

    @staticmethod
    def _is_self_call(call: ast.Call) -> bool:
        function = call.func
        return isinstance(function, ast.Attribute) and (
            isinstance(function.value, ast.Name) and function.value.id == "self"
        )

    def inherited(self) -> list[tuple[ClassInfo, int, FunctionInfo]]:
        """The methods that the layers have from base classes of no layer."""
        found: list[tuple[ClassInfo, int, FunctionInfo]] = []
        for cls, level in self._levels.items():
            if level == self.plugin_level:
                continue
            for entry in self.program.mro(cls)[1:]:
                if isinstance(entry, ClassInfo) and entry not in self._levels:
                    for name, function in entry.methods.items():
                        if self.program.find_method(cls, name) is function:
                            found.append((cls, level, function))
        return found

    @staticmethod
    def _is_super(call: ast.Call) -> bool:
        function = call.func
        return (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Call)
            and isinstance(function.value.func, ast.Name)
            and function.value.func.id == "super"
        )

    def is_direct(self, call: ast.Call, function: FunctionInfo) -> bool:
        """Whether the call itself names the helper, rather than running one it was handed."""
        if isinstance(call.func, ast.Name):
            owner = self.program.function_of(call)
            while owner is not None:
                if call.func.id in owner.params:
                    return False
                owner = owner.parent
        return True

    def is_own_reference(self, call: ast.Call, function: FunctionInfo, level: int) -> bool:
        """Whether the layer itself names the method it calls (or an alias that it made)."""
        if isinstance(call.func, ast.Attribute) and call.func.attr == function.name:
            return True
        module = self.program.module_of(call)
        for node in nodes_of(module, ast.Attribute):
            if isinstance(node, ast.Attribute) and node.attr == function.name:
                owner = self.program.function_of(node)
                if owner is None or self.level_of(owner) != level:
                    continue
                if function in _bound(self.program.values(node)):
                    return True
        return False

    def hands_on(self, call: ast.Call) -> bool:
        """Whether a call gives its arguments to code outside the program that runs them."""
        if set(self.program.callees(call)) - self._handed(call):
            return False
        names = self.program.externals(call)
        last = (
            call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        )
        if last in (
            "partial",
            "Depends",
            "getattr",
            "print",
            "str",
            "repr",
            "hasattr",
            "isinstance",
        ):
            return False
        if any(isinstance(x, v.ClassValue) for x in self.program.values(call.func)):
            return False
        return bool(names) or not self.program.values(call.func)


def _bound(values: Values) -> set[FunctionInfo]:
    """The functions behind the bound methods among `values`."""
    return {value.function for value in values if isinstance(value, v.BoundMethod)}
