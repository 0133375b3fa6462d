"""Many values in one place become few: what is forgotten, and what stands for the rest.

A set of values that has grown large says little, and everything it is handed to pays for
it: most of it only passes through. Constants and library objects are forgotten; objects
of one class become "some object of the class"; many holders of one shape that hold the
same kinds of governed things become "some list of plugins". What is governed itself is
always kept.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.flow.values import EMPTY, UNKNOWN, Value, Values

if TYPE_CHECKING:
    from govlint.python.flow.fixpoint import Flow, Slot

# Values a slot may hold before its constants are forgotten.
MAX_VALUES = 16
# Holders of one shape and kind in one place from which on one stands for all.
_MAX_ALIKE = 4

_FORGOTTEN = (
    v.Const, v.Text, v.External, v.ExternalInstance, v.BoundExternal, v.Deferred,
)  # fmt: skip
_CALLABLE = (v.FunctionValue, v.BoundMethod, v.ClassValue)
_Likeness = tuple[str, frozenset[Value]]


class Summaries:
    """The rules by which large sets shrink."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        # what holds something of a governed class itself, not through others
        self._direct: set[Value] = set()

    def hold(self, slot: Slot) -> None:
        """A slot has come to hold something of a governed class itself."""
        if isinstance(slot[0], v.Value):
            self._direct.add(slot[0])

    def widen(self, values: Values) -> Values:
        """Shrink a large set; what is governed is kept, and holders that hold it themselves."""
        program = self.flow.program
        kept: set[Value] = {UNKNOWN}
        others: set[Value] = set()
        groups: dict[_Likeness, list[Value]] = defaultdict(list)
        for value in values:
            if isinstance(value, v.Instance):
                value = self._some_instance(value)
            elif isinstance(value, v.BoundMethod) and isinstance(value.receiver, v.Instance):
                receiver = self._some_instance(value.receiver)
                value = v.bound_method(value.function, receiver, value.closure)
            if program.is_governed_itself(value) or (
                program.everything and isinstance(value, _CALLABLE)
            ):
                kept.add(value)
            elif isinstance(value, v.Container) and value in self._direct:
                groups[self._likeness(value)].append(value)
            elif not isinstance(value, _FORGOTTEN):
                others.add(value)
        for likeness, alike in groups.items():
            some = v.container(likeness[0], ("some", likeness[1]))
            if len(alike) > _MAX_ALIKE or some in alike:
                self.flow.store_element(some, None, likeness[1])
                kept.add(some)
            else:
                kept.update(alike)
        if len(kept) + len(others) <= MAX_VALUES:
            kept |= others
        return frozenset(kept)

    def _some_instance(self, value: v.Instance) -> Value:
        if value.site is None:
            return value
        some = v.instance(value.cls)
        if value in self.flow.tainted:
            self.flow.taint(some)
        return some

    def _likeness(self, holder: v.Container) -> _Likeness:
        """The shape of a holder and the kinds of governed things that it holds."""
        program = self.flow.program
        kinds: set[Value] = set()
        for value in self.flow.heap.get((holder, "*"), EMPTY):
            if isinstance(value, v.Instance | v.ClassValue) and program.is_bound(value.cls):
                some = v.instance if isinstance(value, v.Instance) else v.class_value
                kinds.add(some(program.plugin_base(value.cls)))
        return (holder.shape, frozenset(kinds))
