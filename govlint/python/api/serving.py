"""Whether a file belongs to what answers requests: the API of the specs."""

from __future__ import annotations

import re

from govlint.python.bindings import Bindings
from govlint.python.syntax.source import ScannedFile, UnparsableError

_SERVING = re.compile(
    rb"\.route\(|APIRouter|@[\w.]+\.(?:get|post|put|delete|patch|head|websocket|api_route|tool)\("
    rb"|FastAPI\(|Flask\(|Starlette\(|Quart\(|Sanic\(|exception_handler\(|errorhandler\("
    rb"|FastMCP|APIView|MethodView|Servicer|add_url_rule|add_api_route|urlpatterns|@api_view"
)


def serves(file: ScannedFile, bindings: Bindings) -> bool:
    """Whether a file belongs to what answers requests, by its place or its decorators."""
    if set(file.module.split(".")) & set(bindings.api):
        return True
    try:
        return _SERVING.search(file.load()) is not None
    except UnparsableError:
        return False
