"""Which functions are followed at all: those that can touch something governed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.flow.applications import SHARED
from govlint.python.flow.frames import Frame
from govlint.python.flow.values import ANY
from govlint.python.symbols import ClassInfo, FunctionInfo

if TYPE_CHECKING:
    from govlint.python.flow.fixpoint import Flow, Slot


class Interest:
    """Which functions are followed at all.

    A value gets into a function by its parameters, by a name or attribute that the
    function mentions, or as the result of a function it mentions. So a function that
    mentions no name under which something governed is known cannot touch it; it is left
    out until it does, or is called with something governed.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.names: set[str] = set(flow.program.words_of_interest())
        self._waiting: dict[str, list[tuple[FunctionInfo, Frame | None]]] = {}
        self._covered: set[FunctionInfo] = set()
        self._read: set[str] = set()
        self._states: set[str] = set()
        self._gate_code: set[FunctionInfo] = set()

    def add(self, name: str) -> None:
        """Something governed is known under `name`: wake the functions that mention it."""
        if name not in self.names:
            self.names.add(name)
            self._wake(name, deep=True)

    def _wake(self, key: str, deep: bool) -> None:
        pending = [(key, deep)]
        while pending:
            current, deep = pending.pop()
            for function, closure in self._waiting.pop(current, ()):
                if function not in self._covered:
                    self._covered.add(function)
                    self.flow.write(("awake", function), ANY)
                    if deep:
                        pending.extend((key, False) for key in self._now_read(function))
                        self._note_owner(function)
                if not function.module.on_demand:
                    self.flow.open_frame(function, closure)

    def _now_read(self, function: FunctionInfo) -> list[str]:
        """Attributes that a followed function uses: who assigns them is followed too.

        The object that it fills may have been made there, in an `__init__` that mentions
        nothing of interest itself.
        """
        fresh = function.mentions - self._read
        self._read |= fresh
        return [f".{name}" for name in fresh]

    def _note_owner(self, function: FunctionInfo) -> None:
        """A class whose methods deal in states has a state: who uses it is followed."""
        if function.cls is not None and not self._states.isdisjoint(function.mentions):
            self.add(function.cls.name)

    def add_class(self, cls: ClassInfo) -> None:
        """A class statement was met: its annotations may make it one that holds a state."""
        program = self.flow.program
        if program.is_state_name(cls):
            self._states.add(cls.name)
        for annotation in cls.annotations.values():
            for node in ast.walk(annotation):
                word = node.id if isinstance(node, ast.Name) else None
                if isinstance(node, ast.Attribute):
                    word = node.attr
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    word = node.value.strip()
                if word is not None and program.is_state_word(word):
                    self.add(cls.name)

    def _cover(self, function: FunctionInfo) -> None:
        self._covered.add(function)
        self._note_owner(function)
        for key in self._now_read(function):
            self._wake(key, deep=False)

    def note(self, slot: Slot) -> None:
        """Something governed was written to `slot`."""
        head = slot[0]
        if head in ("global", "cell", "any", "generic"):
            self.add(str(slot[2]))
        elif head == "return":
            function = getattr(slot[1], "function", None)
            if function is not None:
                self.add(function.name)
        elif isinstance(head, v.Value) and len(slot) == 2 and slot[1] not in _NAMELESS:
            self.add(str(slot[1]))
        elif isinstance(head, v.BoundExternal):
            self.add(head.name)
        elif isinstance(head, v.ExternalInstance) and head.dotted.startswith(SHARED):
            self.add(head.dotted.removeprefix(SHARED))

    def covers(self, function: FunctionInfo) -> bool:
        """Whether a function mentions something of interest, or belongs to what is governed."""
        if function in self._covered:
            return True
        if (
            function.module.whole
            or function.name in self.names
            or not self.names.isdisjoint(function.mentions)
            or (function.cls is not None and self.flow.program.is_bound(function.cls))
        ):
            self._cover(function)
            return True
        if not self._read.isdisjoint(function.sets):
            self._covered.add(function)
            return True
        return False

    def follows(self, function: FunctionInfo, caller: Frame | None) -> bool:
        """Whether a call without anything governed is followed.

        Small functions are, for what they return, those of the caller's own module, and
        whatever the gate calls.
        """
        if self.is_gate_code(caller):
            self._gate_code.add(function)
            return True
        if function.module.on_demand:
            # what an object keeps things in is made before anything governed is put there
            return function.name in ("__init__", "__post_init__")
        if self.covers(function):
            return True
        node = function.node
        small = (node.end_lineno or node.lineno) - node.lineno <= _SMALL
        if small:
            return True
        if caller is not None and caller.module is function.module:
            self._covered.add(function)
            return True
        return False

    def is_gate_code(self, caller: Frame | None) -> bool:
        """Whether a frame is the gate's or of what it calls: the checks ask about all of it."""
        function = caller.function if caller is not None else None
        while function is not None:
            if function in self._gate_code or (
                self.flow.program.is_gate_class(function.cls)
                if function.cls is not None
                else self.flow.program.is_gate_function(function)
            ):
                return True
            function = function.parent
        return False

    def wait(self, function: FunctionInfo, closure: Frame | None) -> None:
        """Keep a function until a name that it mentions becomes of interest."""
        for name in function.mentions:
            self._waiting.setdefault(name, []).append((function, closure))
        for name in function.sets:
            self._waiting.setdefault(f".{name}", []).append((function, closure))
        if function.cls is not None:
            self._waiting.setdefault(function.cls.name, []).append((function, closure))


# Lines of a function that is followed for its result wherever it is called.
_SMALL = 40
_NAMELESS = frozenset({"*", "[]", "more", "keys", "attributes", "scrambled", "sent", "function"})
