"""Writers: one module a format, each one function from a `RunResult` to text.

A writer is found by listing this folder, so a new format is a new file and nothing
else; none is imported before it is asked for, because start-up time counts. Modules
whose name begins with `_` are shared by the writers and are no format.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module

from govlint.errors import UsageError
from govlint.model import RunResult

# `json.py` would shadow the standard library for whoever runs a file of this folder.
_MODULE_SUFFIX = "_document"


def _list_modules() -> dict[str, str]:
    """Format name → module name, read from the folder without importing anything."""
    stems = (
        entry.removesuffix(".py")
        for entry in sorted(os.listdir(os.path.dirname(__file__)))
        if entry.endswith(".py") and not entry.startswith("_")
    )
    return {stem.removesuffix(_MODULE_SUFFIX): stem for stem in stems}


_MODULES = _list_modules()

FORMATS: tuple[str, ...] = tuple(_MODULES)
"""The names `--format` accepts, in alphabetical order."""


def load(name: str) -> Callable[..., str]:
    """The `render` function of the format `name`; raises UsageError for an unknown one.

    Every writer can be called as `render(result)`; `text` also takes `color` and
    `statistics`, `json` takes `statistics`, `markdown` takes `base_url`.
    """
    module = _MODULES.get(name)
    if module is None:
        raise UsageError(f"format {name!r} is none of {', '.join(FORMATS)}")
    render: Callable[[RunResult], str] = import_module(f"{__name__}.{module}").render
    return render
