"""What a program says about the attributes that may hold states: annotations and values."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property

from govlint.python.flow import values as v
from govlint.python.flow.values import Value, Values
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.members import members_of
from govlint.python.symbols import ClassInfo, Module


class Evidence:
    """Looks attributes up by class; `annotated` and `is_member` tell states of one machine."""

    def __init__(
        self,
        program: Program,
        annotated: Callable[[ast.expr | None, Module], bool],
        is_member: Callable[[Value], bool],
    ) -> None:
        self.program = program
        self._annotated = annotated
        self._is_member = is_member

    def declared(self, cls: ClassInfo, attribute: str) -> bool | None:
        """What the attribute's annotation says: these states, something else, or nothing."""
        for entry in self.program.mro(cls):
            if isinstance(entry, ClassInfo) and attribute in entry.annotations:
                annotation = entry.annotations[attribute]
                if self._annotated(annotation, entry.module):
                    return True
                text = ast.unparse(annotation).strip("'\"")
                if text.rpartition(".")[2] in ("str", "Any", "object", "str | None") or any(
                    word in text for word in ("Optional[str]", "Mapped[str]", "ClassVar[str]")
                ):
                    return None
                return False
        return None

    @cached_property
    def _written(self) -> dict[tuple[ClassInfo, str], list[Values]]:
        """What is assigned to attributes of instances, by class and name without underscores."""
        found: dict[tuple[ClassInfo, str], list[Values]] = defaultdict(list)
        for module in self.program.modules.values():
            for cls in module.classes:
                for name, value, _ in members_of(cls):
                    found[cls, name.strip("_")].append(self._values_of(value))
            for node in nodes_of(module, ast.Assign, ast.AnnAssign):
                if isinstance(node, ast.Assign):
                    targets, value = node.targets, node.value
                elif isinstance(node, ast.AnnAssign) and node.value is not None:
                    targets, value = [node.target], node.value
                else:
                    continue
                for target in targets:
                    if isinstance(target, ast.Attribute):
                        for owner in self.program.values(target.value):
                            if isinstance(owner, v.Instance):
                                key = (owner.cls, target.attr.strip("_"))
                                found[key].append(self._values_of(value))
        return found

    def _values_of(self, expression: ast.expr) -> Values:
        if isinstance(expression, ast.Call):  # field(default=…), Column(…, default=…)
            for keyword in expression.keywords:
                if keyword.arg == "default":
                    return self.program.values(keyword.value)
        return self.program.values(expression)

    def _family(self, cls: ClassInfo) -> Iterator[ClassInfo]:
        yield from (entry for entry in self.program.mro(cls) if isinstance(entry, ClassInfo))

    def is_evident(self, cls: ClassInfo, bare: str) -> bool:
        """Whether a state object is assigned to the attribute somewhere."""
        return any(
            self._is_member(value)
            for entry in self._family(cls)
            for values in self._written.get((entry, bare), ())
            for value in values
        )

    def written_words(self, cls: ClassInfo, bare: str) -> set[str]:
        """The strings that are assigned to the attribute, folded."""
        return {
            value.value.casefold()
            for entry in self._family(cls)
            for values in self._written.get((entry, bare), ())
            for value in values
            if isinstance(value, v.Const) and isinstance(value.value, str)
        }

    def other_evidence(self, cls: ClassInfo, bare: str) -> bool:
        """Whether the attribute is seen to hold something that is no state of this machine."""
        for entry in self._family(cls):
            for values in self._written.get((entry, bare), ()):
                for value in values:
                    if isinstance(value, v.Const):
                        other = value.value is not None and not isinstance(value.value, str)
                    else:
                        other = isinstance(
                            value, v.EnumMember | v.Instance | v.Container
                        ) and not self._is_member(value)
                    if other:
                        return True
        return False
