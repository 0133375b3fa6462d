"""Documents made from a schema, by hypothesis-jsonschema.

Its release 0.23 calls `many.more()`, which newer releases of hypothesis have as an iterator
(https://github.com/python-jsonschema/hypothesis-jsonschema); what bridges the two is here,
and goes when a release does without it.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import hypothesis_jsonschema._from_schema as generator
from hypothesis.internal.conjecture import utils
from hypothesis.strategies import SearchStrategy


class _Many:
    """`many` as it was: asked before each element whether there is another."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._many: Any = utils.many(*arguments, **settings)
        self._elements = iter(self._many.__enter__())

    def more(self) -> bool:
        try:
            next(self._elements)
        except StopIteration:
            self._many.__exit__(None, None, None)
            return False
        return True

    def reject(self) -> None:
        self._many.reject()


if not hasattr(utils.many, "more"):
    setattr(generator, "cu", SimpleNamespace(many=_Many))  # noqa: B010 - a module it does not declare


def documents(schema: dict[str, Any]) -> SearchStrategy[Any]:
    """Values that keep to a schema of draft 2020-12 with no recursion."""
    plain = copy.deepcopy(schema)
    plain.pop("$schema", None)  # the generator knows drafts up to 7, and these words of 2020-12
    plain.pop("$id", None)
    strategy: SearchStrategy[Any] = generator.from_schema(plain)
    return strategy
