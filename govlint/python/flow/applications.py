"""What a web application keeps for all its handlers: `app.state`, `app.config`, `extensions`.

There is one of each, however it is got: from the application where that is made, from a
request (`request.app.state`), from a proxy (`flask.current_app.config`). So what one module
puts there another one finds, without importing anything from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from govlint.python.flow import values as v
from govlint.python.flow.values import UNKNOWN, Value

# prefix of their names; no module can be called so
SHARED = "<application>."
_KEPT = frozenset({"state", "config", "extensions"})
_FRAMEWORKS = frozenset({"fastapi", "starlette", "flask", "quart", "litestar", "sanic"})
_APPLICATIONS = frozenset({"FastAPI", "Starlette", "Flask", "Quart", "Litestar", "Sanic"})
_USE = re.compile(rb"\b(?:\w*app|application)\s*\.\s*(state|config|extensions)\b")


def kept(receiver: Value, name: str) -> Value | None:
    """The shared object that `receiver.name` is; None where it is something else."""
    if name not in _KEPT:
        return None
    if isinstance(receiver, v.BoundExternal):
        of_application = receiver.name == "app" and (
            receiver.receiver is UNKNOWN or is_framework(receiver.dotted)
        )
    else:
        of_application = isinstance(receiver, v.External | v.ExternalInstance) and is_framework(
            receiver.dotted
        )
    return v.external_instance(f"{SHARED}{name}", None) if of_application else None


def is_framework(dotted: str) -> bool:
    """Whether a library's object comes from a web framework."""
    return dotted.partition(".")[0] in _FRAMEWORKS


def is_application(dotted: str) -> bool:
    """Whether a library's class is that of applications."""
    return is_framework(dotted) and dotted.rpartition(".")[2] in _APPLICATIONS


def uses(data: bytes, shared: Iterable[str]) -> bool:
    """Whether a file's text may ask an application for one of the objects `shared`."""
    names = {name.removeprefix(SHARED).encode() for name in shared}
    return any(found[1] in names for found in _USE.finditer(data))
