"""Which functions answer the outside world, and which of their calls run the gate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python.bindings import matches_any
from govlint.python.flow.values import ExternalInstance, Instance
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

_VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
_ROUTES = {
    "route", "api_route", "websocket", "websocket_route", "exception_handler", "errorhandler",
    "view", "tool", "resource", "call_tool", "read_resource", "rpc", "method", "api_view", "action",
    "middleware",
}  # fmt: skip
_REGISTRARS = frozenset(
    "add_api_route add_route add_url_rule add_websocket_route path re_path url Route "
    "WebSocketRoute add_api_websocket_route register_method add_exception_handler add_tool".split()
)
_FRAMEWORKS = frozenset(
    "fastapi flask starlette sanic aiohttp quart litestar falcon bottle mcp fastmcp tornado "
    "django rest_framework blacksheep".split()
)
_OWNERS = {"app", "router", "api", "blueprint", "bp", "mcp", "server", "routes", "rpc", "web",
           "application", "webapp", "namespace", "ns"}  # fmt: skip
_STREAMS = ("Response", "stream_with_context")
_RUNS = ("run", "execute", "analy", "process", "invoke", "submit_and_wait", "perform", "handle")


class ApiSurface:
    """The functions of one program that make up its API."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._reaching: dict[FunctionInfo, bool] = {}
        gates = tuple(entry.rpartition(".")[0] or entry for entry in program.bindings.gates)
        self._layers = (*program.bindings.layers, *gates)

    def functions(self) -> Iterator[FunctionInfo]:
        """All functions whose result or exceptions a client gets to see."""
        for module in list(self.program.modules.values()):
            if module.is_test:
                continue
            packaged = self._is_packaged(module.name)
            registered = self._registered(module.tree)
            for function in module.functions:
                if isinstance(function.node, ast.Lambda):
                    continue
                exported = packaged and function.parent is None and self._is_public(function)
                if exported or function.name in registered or self._is_routed(function):
                    yield function

    def streamed(self, function: FunctionInfo) -> Iterator[FunctionInfo]:
        """The generators whose values a function's response sends: `StreamingResponse(f())`."""
        for node in own_nodes(function.node):
            if not isinstance(node, ast.Call) or not _last(node.func).endswith(_STREAMS):
                continue
            for argument in [*node.args, *(k.value for k in node.keywords)]:
                if isinstance(argument, ast.Call):
                    yield from (f for f in self.program.callees(argument) if f.is_generator)

    def _is_packaged(self, name: str) -> bool:
        parts = name.split(".")
        return any(matches_any(self.program.bindings.api, part) for part in parts)

    @staticmethod
    def _is_public(function: FunctionInfo) -> bool:
        owner = function.cls
        return not function.name.startswith("_") and (
            owner is None or not owner.name.startswith("_")
        )

    def _is_routed(self, function: FunctionInfo) -> bool:
        assert not isinstance(function.node, ast.Lambda)
        for decorator in function.node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(target, ast.Attribute):
                owner = dotted(target.value).rpartition(".")[2].lower()
                known = any(owner == name or owner.endswith(f"_{name}") for name in _OWNERS)
                known = known or self._is_framework(target.value)
                if known and target.attr in (_VERBS | _ROUTES):
                    return True
            name = dotted(target)
            if name and matches_any(self.program.bindings.api, name) and "." not in name:
                return True
            if name in ("rpc_method", "api_view", "expose", "websocket_handler", "rpc"):
                return True
        return False

    def _is_framework(self, owner: ast.expr) -> bool:
        return any(
            isinstance(value, ExternalInstance) and value.dotted.partition(".")[0] in _FRAMEWORKS
            for value in self.program.values(owner)
        )

    @staticmethod
    def _registered(tree: ast.Module) -> set[str]:
        names: set[str] = set()
        for node in walk(tree):
            if isinstance(node, ast.Call) and _last(node.func) in _REGISTRARS:
                strings = any(
                    isinstance(a, ast.Constant) and isinstance(a.value, str) for a in node.args
                )
                for argument in [*node.args, *(k.value for k in node.keywords)]:
                    strings = strings or _last(node.func) in ("add_exception_handler", "add_tool")
                    if isinstance(argument, ast.Name) and strings:
                        names.add(argument.id)
        return names

    # calls that run the gate

    def executes(self, call: ast.Call) -> bool:
        """Whether `call` goes down the execution chain, to a gate in the end."""
        callees = self.program.callees(call)
        if any(self._reaches(callee) for callee in callees):
            return True
        if callees or not isinstance(call.func, ast.Attribute):
            return False
        if not call.func.attr.lstrip("_").startswith(_RUNS):
            return False
        for value in self.program.values(call.func.value):
            if isinstance(value, Instance) and matches_any(self._layers, value.cls.qualname):
                return True
            if isinstance(value, ExternalInstance) and matches_any(self._layers, value.dotted):
                return True
        return False

    def _reaches(self, function: FunctionInfo) -> bool:
        if function not in self._reaching:
            self._reaching[function] = False
            runs = {gate.run for gate in self.program.gates}
            self._reaching[function] = function in runs or any(
                self.executes(node)
                for node in own_nodes(function.node)
                if isinstance(node, ast.Call)
            )
        return self._reaching[function]


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else dotted(node)
