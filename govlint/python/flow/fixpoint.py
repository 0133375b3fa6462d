"""Value flow to a fixed point: which values reach which expression of the program.

An abstract interpretation. Local variables are followed in the order of the statements
(a name that is rebound forgets its old value); attributes, globals, containers,
parameters and returns are slots of one heap that only grow. A frame is one function
under one set of argument values; it is evaluated again whenever a slot that it read
has grown, until nothing changes. The number of frames a function may have is bounded:
beyond it one merged frame takes all further calls, so that the analysis ends.

Sources: Cousot & Cousot 1977 (abstract interpretation); Agesen 1995 (argument
sensitivity, the cartesian product algorithm); Salis et al. 2021 (PyCG).
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from govlint.python.flow import values as v
from govlint.python.flow.declared import Elements, admitted, agreeing, elements_of
from govlint.python.flow.frames import Arguments, Frame, informative
from govlint.python.flow.interest import Interest
from govlint.python.flow.summaries import MAX_VALUES, Summaries
from govlint.python.flow.values import ANY, EMPTY, UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo, Module

if TYPE_CHECKING:
    from govlint.python.program import Program

Slot = tuple[Hashable, ...]

# Contexts a function may have before further calls share one merged frame.
_MAX_CONTEXTS = 3
_MAX_FRAMES = 128
# Objects that a short method of them is followed with one by one, and lines of such a one.
_MAX_OBJECTS = 6
_SHORT = 10
_DESCRIPTOR = ("__get__", "__set__", "__set_name__")
# Functions that a decorator is followed with one by one.
_MAX_DECORATED = 1_000
# Elements whose places in a sequence are told apart; `x = x + x` doubles them each time.
MAX_LENGTH = 4_096
# Evaluations after which a frame is taken as it is; what grows that long are sets of
# plugins of one kind, of which no check needs them all. In a large program it is fewer.
_MAX_RUNS = ((4_000, 60), (12_000, 8), (0, 3))
# Values of a slot from which on its plugins are no longer told apart.
_CROWD = 8
# Evaluations after which a frame is evaluated again only for something governed.
_PATIENCE = 3
# Evaluations from which on a program counts as large: only what is governed itself, not what
# holds it, has functions evaluated again and further files read.
_LARGE = 12_000
# Frames from which on functions are no longer told apart by their arguments.
_MANY_FRAMES = 3_500
# Elements of a sequence that a loop over it goes through one by one.
_MAX_ROUNDS = 8
# Calls that are followed at once, one inside the other, before further ones are queued.
_MAX_DEPTH = 6
# Evaluations of frames in one run before it is given up as undecided.
_MAX_EVALUATIONS = 400_000


_HOLDING = (
    v.Container, v.Instance, v.ExternalInstance, v.BoundExternal, v.Partial, v.ClassValue,
    v.BoundMethod,
)  # fmt: skip


class Flow:
    """The state of the fixed point and the operations that interpreting code needs."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.heap: dict[Slot, Values] = {}
        self.readers: dict[Slot, dict[Frame, None]] = defaultdict(dict)
        self.recorded: dict[ast.AST, Values] = {}
        self.targets: dict[ast.AST, set[FunctionInfo]] = defaultdict(set)
        self.external_targets: dict[ast.AST, set[str]] = defaultdict(set)
        self.call_sites: dict[FunctionInfo, set[ast.AST]] = defaultdict(set)
        self.callees: dict[FunctionInfo, dict[FunctionInfo, None]] = defaultdict(dict)
        self.dynamic: dict[ast.AST, dict[str, str]] = defaultdict(dict)
        self.called_dynamic: set[ast.AST] = set()
        self.bases: dict[ClassInfo, tuple[Values, ...]] = {}
        self.children: dict[ClassInfo, dict[ClassInfo, None]] = defaultdict(dict)
        self.metaclasses: dict[ClassInfo, Values] = {}
        self.lengths: dict[Value, int] = {}
        self.element_types: dict[Hashable, Elements] = {}
        self.defaults: dict[Value, str] = {}  # shapes of what default dictionaries make
        self.frames: dict[tuple[Any, ...], Frame] = {}
        self.frame_counts: dict[tuple[FunctionInfo, Any], int] = defaultdict(int)
        self.all_frames: dict[FunctionInfo, list[Frame]] = defaultdict(list)
        self.mros: dict[ClassInfo, tuple[ClassInfo | str, ...]] = {}
        self._holders: dict[ClassInfo, bool] = {}
        self.queue: dict[Frame, None] = {}
        self.offered: dict[FunctionInfo, Frame | None] = {}
        self.interest = Interest(self)
        self.summaries = Summaries(self)
        self.widened: set[Slot] = set()
        self.crowded: set[Slot] = set()
        self.held_in: dict[Value, list[Slot]] = defaultdict(list)
        self.tainted: set[Value] = set()
        self.polyvariant: set[FunctionInfo] = set()
        self.evaluations = 0
        self.calls_open = 0
        self.exhausted = False
        self.failed: dict[Module, str] = {}
        self.wanted: set[str] = set()
        self.keepers: set[str] = set()  # unread modules of objects that are given a plugin
        self.current: Frame | None = None
        self.active: Any = None
        self.depth = 0

    # -- the fixed point ---------------------------------------------------------

    def start(self, module: Module) -> None:
        """Queue a module's body, and each of its functions under unknown arguments."""
        key = ("module", module)
        if key not in self.frames:
            frame = self.frames[key] = Frame(module, None, {}, None)
            self.queue[frame] = None

    def restart(self, module: Module) -> None:
        """Queue a module again that was followed on demand and is now followed whole."""
        for frame in self.frames.values():
            if frame.module is module:
                self.queue[frame] = None

    def solve(self) -> None:
        """Evaluate frames until no slot grows."""
        while self.queue:
            frame = next(iter(self.queue))
            if self.evaluations > _MAX_EVALUATIONS:
                self.exhausted = True
                self.queue.clear()
                return
            self._evaluate(frame)

    def _evaluate(self, frame: Frame) -> None:
        from govlint.python.flow.statements import Interpreter

        del self.queue[frame]
        if frame.module in self.failed:
            return
        self.evaluations += 1
        frame.runs += 1
        if frame.runs > self._most_runs():
            return
        caller, self.current = self.current, frame
        self.depth += 1
        try:
            Interpreter(self, frame).run()
        except RecursionError:
            self.failed[frame.module] = "nested too deeply to be followed"
        finally:
            self.depth -= 1
            self.current = caller

    def _most_runs(self) -> int:
        """Evaluations that a frame gets: the more there were, the fewer."""
        if self.program.everything:
            return _MAX_RUNS[0][1]
        return next(most for upto, most in _MAX_RUNS if self.evaluations < upto or not upto)

    def reconsider(self, fresh: Iterable[str]) -> None:
        """Queue what met a module before it was read; it is there now."""
        names = set(fresh)
        if not names:
            return
        for slot, readers in list(self.readers.items()):
            if slot[0] == "unread" and slot[1] in names:
                self.queue.update(readers)

    def read(self, slot: Slot, frame: Frame | None = None) -> Values:
        """What `slot` holds; the frame that reads is evaluated again when it grows."""
        reader = frame or self.current
        if reader is not None:
            self.readers[slot][reader] = None
        return self.heap.get(slot, EMPTY)

    def write(self, slot: Slot, values: Values) -> None:
        """Add `values` to `slot` and queue who read it."""
        if not values:
            return
        head = slot[0]
        if len(slot) > 1 and slot[1] in _ELEMENTS:
            if not self.can_hold(head):
                return
            if head in self.element_types:
                values = agreeing(self, self.element_types[head], values)
        old = self.heap.get(slot, EMPTY)
        if values <= old:
            return
        fresh = values - old
        if slot in self.crowded:
            fresh = self._crowd(fresh) - old
            if not fresh:
                return
        new = old | fresh
        if len(new) > _CROWD and slot not in self.crowded:
            merged = self._crowd(new)
            if len(merged) < len(new):
                self.crowded.add(slot)
                new = merged
        if (slot in self.widened or len(new) > MAX_VALUES) and not isinstance(head, v.ClassValue):
            # for good: constants that were forgotten must not make the slot grow again
            self.widened.add(slot)
            new = self.summaries.widen(admitted(self, slot, new))
        if new == old:
            return
        fresh = new - old
        self.heap[slot] = new
        self._note_governed(slot, fresh)
        if self.program.bound_part(fresh):
            self.summaries.hold(slot)
        readers = self.readers.get(slot)
        if readers:
            self.wake(readers, fresh)

    def can_hold(self, holder: Hashable) -> bool:
        """Whether `holder[key] = value` and its like may put something into `holder`.

        Objects of the program's own classes take it by their `__setitem__`, which is
        followed; only what they inherit from a library is not.
        """
        if not isinstance(holder, v.Instance):
            if isinstance(holder, v.BoundExternal):
                return holder.receiver is not UNKNOWN
            return isinstance(holder, v.Container | v.ExternalInstance)
        cls = holder.cls
        found = self._holders.get(cls)
        if found is None:
            # a class that a call made (`namedtuple`) has no bases that could be seen
            found = self._holders[cls] = not cls.node.body or any(
                isinstance(entry, str) and self._may_hold(entry) for entry in self.mro(cls)
            )
        return found

    def _may_hold(self, base: str) -> bool:
        return not (base in PLAIN_BASES or is_exception(base) or self.program.is_own(base))

    def wake(self, readers: Iterable[Frame], fresh: Values) -> None:
        """Queue who read a slot that now holds `fresh` besides."""
        if self.program.bound_part(fresh):
            self.queue.update((reader, None) for reader in readers)
        else:
            # what is not governed is followed a few times round, not to its end
            patience = 1 if self.is_large() else _PATIENCE
            self.queue.update((r, None) for r in readers if r.runs < patience)

    def is_large(self) -> bool:
        """Whether the program has turned out to be large, where what is followed is less."""
        return self.evaluations > _LARGE and not self.program.everything

    def _crowd(self, values: Values) -> Values:
        """Many plugins in one place become "some plugin": which of them decides nothing."""
        plugin_base = self.program.plugin_base
        found: set[Value] = set()
        for value in values:
            if isinstance(value, v.Instance | v.ClassValue) and self.program.is_plugin_value(value):
                base = plugin_base(value.cls)
                some = v.instance if isinstance(value, v.Instance) else v.class_value
                found.add(some(base))
            else:
                found.add(value)
        return frozenset(found)

    def _note_governed(self, slot: Slot, values: Values) -> None:
        """Something reaches a slot: what holds something governed counts as governed too.

        A function that returns something governed is told apart by its arguments.
        """
        governed = self.program.governed_part(self, values)
        for value in values - governed:
            if isinstance(value, _HOLDING):
                self.held_in[value].append(slot)
        if governed:
            self._govern(slot)

    def taint(self, holder: Value) -> None:
        """A value has come to hold something governed."""
        if holder not in self.tainted:
            self.tainted.add(holder)
            for slot in self.held_in.pop(holder, ()):
                self._govern(slot)

    def _govern(self, slot: Slot) -> None:
        """A slot has come to hold something governed."""
        pending = [slot]
        while pending:
            current = pending.pop()
            self.interest.note(current)
            head = current[0]
            frame: Any = None
            if head == "return":
                frame = current[1]
            elif isinstance(head, _HOLDING) and head not in self.tainted:
                self.tainted.add(head)
                pending.extend(self.held_in.pop(head, ()))
                frame = head.site if isinstance(head, v.Container) else None
            if isinstance(frame, Frame) and frame.function is not None:
                self.polyvariant.add(frame.function)

    def became_governed(self, cls: ClassInfo) -> None:
        """A class has turned out to be governed; what held it before is governed now."""
        self.interest.add(cls.name)
        for name in self.program.bindings.governed_among(cls.stored):
            self.interest.add(name)
        for value in (v.class_value(cls), v.instance(cls)):
            for slot in self.held_in.pop(value, ()):
                self._govern(slot)

    def offer(self, function: FunctionInfo, closure: Frame | None) -> None:
        """Follow a function under unknown arguments, now or when it becomes of interest."""
        if function.module.on_demand:
            return
        if function.cls is not None and function.name == "__set_name__":
            return  # nobody calls it but the class statement
        if self.program.everything and function.cls is None:
            self.offered[function] = closure  # opened when nobody is seen to call it
        elif self.interest.covers(function):
            self.open_frame(function, closure)
        else:
            self.interest.wait(function, closure)

    def uncalled(self) -> list[tuple[FunctionInfo, Frame | None]]:
        """The functions that were met and never followed, each with what it closes over."""
        return [
            (function, closure)
            for function, closure in self.offered.items()
            if not self.all_frames[function]
        ]

    def record(self, node: ast.AST, values: Values) -> Values:
        """Remember that `node` evaluated to `values` in some frame."""
        old = self.recorded.get(node)
        if old is None:
            self.recorded[node] = values
        elif not values <= old:
            new = old | values
            self.recorded[node] = self.summaries.widen(new) if len(new) > 4 * MAX_VALUES else new
        return values

    # -- classes ------------------------------------------------------------------

    def mro(self, cls: ClassInfo) -> tuple[ClassInfo | str, ...]:
        """Linearised bases, the class first; dotted names for classes outside the program."""
        found = self.mros.get(cls)
        if found is None:
            found = self.mros[cls] = tuple(self._linearise(cls))
        return found

    def _linearise(self, cls: ClassInfo) -> list[ClassInfo | str]:
        # Of duplicates C3 keeps the last, in all orders that it accepts. Reversed, that is
        # the order in which a search that takes the last base first has done with them.
        done: list[ClassInfo | str] = []
        met: set[ClassInfo | str] = set()
        pending: list[tuple[ClassInfo | str, bool]] = [(cls, False)]
        while pending:
            current, left = pending.pop()
            if left:
                done.append(current)
            elif current not in met:
                met.add(current)
                pending.append((current, True))
                if not isinstance(current, str):
                    pending.extend((base, False) for base in self._direct_bases(current))
        done.reverse()
        return done

    def _direct_bases(self, cls: ClassInfo) -> Iterator[ClassInfo | str]:
        if cls.synthetic:
            yield cls.qualname
        for base in self.bases.get(cls, ()):
            for value in base:
                if isinstance(value, v.ClassValue | v.Instance):
                    yield value.cls
                elif isinstance(value, v.External | v.Deferred):
                    yield value.dotted

    def set_bases(self, cls: ClassInfo, bases: tuple[Values, ...]) -> None:
        """Record what the bases of `cls` evaluate to."""
        old = self.bases.get(cls)
        if old is not None and len(old) == len(bases):
            bases = tuple(a | b for a, b in zip(old, bases, strict=True))
        if bases == old:
            return
        self.bases[cls] = bases
        for values in bases:
            for value in values:
                if isinstance(value, v.ClassValue | v.Instance):
                    self.children[value.cls][cls] = None
        self.interest.add_class(cls)
        below = [cls, *self.subclasses(cls)]
        for other in below:
            self.mros.pop(other, None)
            self._holders.pop(other, None)
            self.program.class_changed(other)
        governed = [other for other in below if self.program.is_bound(other)]
        for other in governed:
            self.became_governed(other)
        for other in below:
            self._signal(("mro", other), bool(governed))
        for ancestor in self.mro(cls)[1:]:
            if isinstance(ancestor, ClassInfo):
                self._signal(("subclasses", ancestor), bool(governed))

    def _signal(self, slot: Slot, governed: bool) -> None:
        """Queue who asked about `slot`, which holds nothing itself: there is an answer now."""
        readers = self.readers.get(slot)
        if readers:
            self.queue.update((r, None) for r in readers if governed or r.runs < _PATIENCE)

    def subclasses(self, cls: ClassInfo) -> list[ClassInfo]:
        """All classes that derive from `cls`, nearest first as they were met."""
        found: dict[ClassInfo, None] = {}
        pending = [cls]
        for current in pending:
            for child in self.children.get(current, ()):
                if child not in found and child is not cls:
                    found[child] = None
                    pending.append(child)
        return list(found)

    def is_enum(self, cls: ClassInfo) -> bool:
        """Whether the class is an enum by its bases."""
        return any(
            isinstance(base, str) and base.rpartition(".")[2] in _ENUMS for base in self.mro(cls)
        )

    # -- frames and calls ------------------------------------------------------------

    def open_frame(self, function: FunctionInfo, closure: Frame | None) -> Frame:
        """The frame of `function` when nothing is known of its arguments."""
        key = ("open", function, closure)
        frame = self.frames.get(key)
        if frame is None:
            if closure is not None and self.frame_counts[function, "all"] >= _MAX_FRAMES:
                return self.all_frames[function][0]
            frame = Frame(function.module, function, {}, closure, open_=True)
            self._add_frame(key, function, frame)
        return frame

    def _add_frame(self, key: tuple[Any, ...], function: FunctionInfo, frame: Frame) -> None:
        self.frames[key] = frame
        self.frame_counts[function, frame.closure] += 1
        if not (frame.wraps or (frame.closure is not None and frame.closure.wraps)):
            self.frame_counts[function, "all"] += 1
        self.all_frames[function].append(frame)
        self.queue[frame] = None

    def call_function(
        self, function: FunctionInfo, closure: Frame | None, arguments: Arguments, node: ast.AST
    ) -> Values:
        """Call a function of the program; gives what its frame returned so far."""
        self.targets[node].add(function)
        self.call_sites[function].add(node)
        caller = self.current.function if self.current is not None else None
        if caller is not None and function not in self.callees[caller]:
            self.callees[caller][function] = None
            self._signal(("calls", caller), True)
        if not self.interest.follows(function, self.current) and not (
            self.program.carries_governed(self, arguments.everything())
        ):
            self.read(("awake", function))
            return self._declared(function, None) or ANY
        wrapped = closure if closure is not None and closure.wraps else None
        bound = self.bind(function, arguments, (node, wrapped) if wrapped else node)
        wraps = self._wraps(function, arguments)
        keeps = not wraps and self._keeps(function, arguments)
        if wraps or (
            (len(self.frames) < _MANY_FRAMES or self.program.everything)
            and (
                keeps
                or self.program.everything
                or function in self.polyvariant
                or self.program.carries_governed(self, arguments.everything())
            )
        ):
            telling = {name: self._telling(values) for name, values in bound.items()}
            if keeps:
                telling[function.params[0]] = arguments.positional[0]
            key = (function, closure, tuple(telling.items()))
            frame = self.frames.get(key)
            contexts = self.frame_counts[function, closure]
            if (
                frame is None
                and contexts < self._most_contexts(function, wraps, keeps)
                and self.frame_counts[function, "all"] < _MAX_FRAMES
            ):
                frame = Frame(function.module, function, telling, closure)
                frame.wraps = wraps
                self._add_frame(key, function, frame)
            if frame is None:
                frame = self._joined_frame(function, closure, bound, "merged")
            else:
                for name, values in bound.items():
                    self.write(("parameter", frame, name), values)
        else:
            frame = self._joined_frame(function, closure, bound, "open")
        if frame.runs == 0 and frame in self.queue and self.depth <= _MAX_DEPTH:
            # its result is known when the caller goes on: that saves the caller a round
            self._evaluate(frame)
        if function.is_generator:
            shape = "async-generator" if function.is_async else "generator"
            result = frozenset({v.container(shape, frame)})
            return result
        returned = self.read(("return", frame))
        return (
            returned if informative(returned) else returned | self._declared(function, frame, bound)
        )

    def _wraps(self, function: FunctionInfo, arguments: Arguments) -> bool:
        """Whether a call decorates: what it gives calls the function that it is given.

        Were all functions that one decorator wraps taken together, each call of one of them
        would seem to be a call of every other.
        """
        if not function.has_nested or len(arguments.positional) != 1:
            return False
        (given,) = arguments.positional
        only = next(iter(given)) if len(given) == 1 else None
        return isinstance(only, v.FunctionValue | v.BoundMethod)

    def _most_contexts(self, function: FunctionInfo, wraps: bool, keeps: bool) -> int:
        if wraps or (keeps and function.name in _DESCRIPTOR):
            return _MAX_DECORATED
        return _MAX_OBJECTS if keeps else _MAX_CONTEXTS

    def _keeps(self, function: FunctionInfo, arguments: Arguments) -> bool:
        """Whether a short method of one object is called: it may keep things, or give them back.

        What one table holds is not what another of its class holds.
        """
        if function.cls is None or not arguments.positional or not function.params:
            return False
        if self.is_large():
            return False
        first = arguments.positional[0]
        only = next(iter(first)) if len(first) == 1 else None
        if not isinstance(only, v.Instance) or only.is_some or self.program.is_bound(only.cls):
            return False
        if function.name in _DESCRIPTOR:
            return True
        node = function.node
        return (node.end_lineno or node.lineno) - node.lineno <= _SHORT

    def called_by(self, function: FunctionInfo) -> Iterable[FunctionInfo]:
        """The functions that `function` calls; who asks is told of further ones."""
        self.read(("calls", function))
        return self.callees.get(function, ())

    def _telling(self, values: Values) -> Values:
        """The part of an argument that tells one way of calling from another."""
        return frozenset(
            value
            for value in values
            if isinstance(value, v.Const | v.FunctionValue)
            or self.program.carries_governed(self, frozenset({value}))
        )

    def _declared(
        self,
        function: FunctionInfo,
        frame: Frame | None,
        bound: dict[str, Values] | None = None,
    ) -> Values:
        """What a function's return annotation says, in a call that binds `bound`."""
        if isinstance(function.node, ast.Lambda) or function.node.returns is None:
            return EMPTY
        from govlint.python.flow.annotations import annotated
        from govlint.python.flow.generics import of_call

        types = of_call(self, function, bound) if bound else None
        return annotated(self, function.node.returns, function.module, frame, types=types)

    def _joined_frame(
        self, function: FunctionInfo, closure: Frame | None, bound: dict[str, Values], kind: str
    ) -> Frame:
        """One frame for many calls: what nothing governed goes through, or is left over."""
        if kind == "open":
            frame = self.open_frame(function, closure)
        else:
            key = (kind, function, closure)
            found = self.frames.get(key)
            if found is None and self.frame_counts[function, "all"] >= _MAX_FRAMES:
                found = next((f for f in self.all_frames[function] if f.merged), None)
            if found is None:
                found = Frame(function.module, function, {}, closure, merged=True)
                self._add_frame(key, function, found)
            frame = found
        for name, values in bound.items():
            self.write(("parameter", frame, name), values)
        return frame

    def bind(
        self, function: FunctionInfo, arguments: Arguments, site: Hashable
    ) -> dict[str, Values]:
        """Match arguments to parameters as Python does; parameters without one are absent.

        `site` tells what is left over (`*args`, `**kwargs`) from that of other calls.
        """
        spec = function.node.args
        positional = [*spec.posonlyargs, *spec.args]
        bound: dict[str, Values] = {}
        for arg, values in zip(positional, arguments.positional, strict=False):
            bound[arg.arg] = values
        extra = arguments.positional[len(positional) :]
        names = {arg.arg for arg in [*spec.args, *spec.kwonlyargs]}
        keyword_rest: dict[str, Values] = {}
        for name, values in arguments.keywords.items():
            if name in names:
                bound[name] = bound.get(name, EMPTY) | values
            else:
                keyword_rest[name] = values
        if arguments.star is not None:
            for arg in positional[len(arguments.positional) :]:
                if arg.arg not in bound:
                    bound[arg.arg] = arguments.star
        if arguments.star_keywords is not None:
            for arg in [*spec.args, *spec.kwonlyargs]:
                if arg.arg not in bound:
                    bound[arg.arg] = self._keyword_from(arguments.star_keywords, arg.arg)
        if spec.vararg is not None:
            rest = v.container("tuple", (function, "vararg", site))
            for position, values in enumerate(extra):
                self.store_element(rest, position, values)
            if arguments.star:
                self.store_element(rest, None, arguments.star)
            self.set_length(rest, None if arguments.star else len(extra))
            bound[spec.vararg.arg] = frozenset({rest})
        if spec.kwarg is not None:
            rest = v.container("dict", (function, "kwarg", site))
            for name, values in keyword_rest.items():
                self.store_element(rest, name, values)
            if arguments.star_keywords:
                self.store_element(rest, None, self.elements(arguments.star_keywords))
                for value in arguments.star_keywords:
                    self.write((rest, "more"), frozenset({value}))
            bound[spec.kwarg.arg] = frozenset({rest})
        return bound

    def _keyword_from(self, mappings: Values, name: str) -> Values:
        found: set[Value] = set()
        for mapping in mappings:
            found |= self.element(mapping, frozenset({v.const(name)}))
        return frozenset(found)

    # -- containers ----------------------------------------------------------------------

    def store_element(self, holder: Value, key: Hashable, values: Values) -> None:
        """Put `values` into a container, under a constant key where there is one."""
        if key is None:
            self.write((holder, "[]"), values)
        else:
            self.write((holder, "[]", _typed(key)), values)
        self.write((holder, "*"), values)

    def declare_elements(
        self, holder: Value, annotation: ast.expr, module: Module, cls: ClassInfo | None
    ) -> None:
        """`self.flows: dict[str, Flow] = {}` says what the dictionary is for."""
        if holder not in self.element_types:
            elements = elements_of(annotation, module, cls)
            if elements is not None:
                self.element_types[holder] = elements

    def copy_nature(self, holder: Value, copy: Value) -> None:
        """Let an empty copy be for the same things as `holder`."""
        if holder in self.element_types:
            self.element_types[copy] = self.element_types[holder]
        if holder in self.defaults:
            self.defaults[copy] = self.defaults[holder]
        elif self.read((holder, "[]")):
            self.store_element(copy, None, self.read((holder, "[]")))

    def make_default(self, holder: Value, keys: Values) -> None:
        """`holder[key]` of a default dictionary makes what is not there, one for each key."""
        shape = self.defaults.get(holder)
        for key in keys if shape is not None else ():
            known = _key_of(key)
            made = v.container(str(shape), (holder, "default", known))
            self.write((holder, "keys"), frozenset({key}))
            self.store_element(holder, None if known is None else known[1], frozenset({made}))

    def set_length(self, holder: Value, length: int | None) -> None:
        """Say how many elements a sequence has; where that varies, their places are unknown."""
        known = self.lengths.get(holder)
        if known == length:
            return
        if known is not None:
            del self.lengths[holder]
            self.write((holder, "scrambled"), ANY)
        elif length is not None and length <= MAX_LENGTH and not self.read((holder, "scrambled")):
            self.lengths[holder] = length

    def elements(self, holders: Values) -> Values:
        """All that the containers among `holders` hold (their values, for mappings)."""
        found: set[Value] = set()
        for holder in holders:
            if isinstance(holder, v.Container | v.ExternalInstance | v.BoundExternal | v.Instance):
                found |= self.read((holder, "*"))
                if isinstance(holder, v.Container):
                    for other in self.read((holder, "more")):
                        if other is not holder:
                            found |= self.read((other, "*"))
            elif isinstance(holder, v.Namespace):
                found |= self.read((holder.owner, "attributes"))
        return frozenset(found)

    def element(self, holder: Value, keys: Values) -> Values:
        """What a container holds under the constant `keys`; everything if one is unknown."""
        constant = [_key_of(key) for key in keys]
        if not constant or any(key is None for key in constant):
            return self.elements(frozenset({holder}))
        if self.read((holder, "scrambled")):
            return self.elements(frozenset({holder}))
        found: set[Value] = set(self.read((holder, "[]")))
        length = self.lengths.get(holder)
        for key in constant:
            if key is not None and type(key[1]) is int and key[1] < 0:
                if length is None:
                    found |= self.elements(frozenset({holder}))
                    continue
                key = (int, key[1] + length)
            found |= self.read((holder, "[]", key))
        for other in self._sources(holder):
            found |= self.read((other, "[]"))
            for key in constant:
                found |= self.read((other, "[]", key))
        return frozenset(found)

    def only_keys(self, holder: Value) -> list[Value]:
        """The keys of a mapping where all are constants, few and known; else none."""
        keys = self.read((holder, "keys"))
        if (
            len(keys) > _MAX_ROUNDS
            or self.read((holder, "[]"))
            or self.read((holder, "more"))
            or self.read((holder, "scrambled"))
            or any(_key_of(key) is None for key in keys)
        ):
            return []
        return list(keys)

    def rounds(self, holders: Values) -> list[Values]:
        """The elements of one short sequence, one by one; none where they are not known so."""
        only = next(iter(holders)) if len(holders) == 1 else None
        length = self.lengths.get(only) if isinstance(only, v.Container) else None
        if only is None or length is None or not 1 < length <= _MAX_ROUNDS:
            return []
        if self.read((only, "[]")) or self.read((only, "scrambled")):
            return []
        return [self.element(only, frozenset({v.const(place)})) for place in range(length)]

    def _sources(self, holder: Value) -> list[Value]:
        """The mappings that a mapping was filled from, and those they were filled from."""
        found: list[Value] = []
        stack = list(self.read((holder, "more")))
        while stack:
            other = stack.pop()
            if other is not holder and other not in found:
                found.append(other)
                stack.extend(self.read((other, "more")))
        return found

    def holder(self, shape: str, site: Any, values: Values = EMPTY) -> Values:
        """A container made at `site` that holds `values`, as a set of one."""
        made = v.container(shape, site)
        if values:
            self.store_element(made, None, values)
        return frozenset({made})


# slots of what a holder holds
_ELEMENTS = frozenset({"*", "[]", "more", "keys"})

# bases that give a class no attributes or elements of its own
PLAIN_BASES = frozenset(
    {
        "builtins.object",
        "abc.ABC",
        "typing.Protocol",
        "typing.Generic",
        "typing_extensions.Protocol",
    }
)

_ENUMS = frozenset(
    {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "TextChoices", "IntegerChoices"}
)


def is_exception(base: str) -> bool:
    """Whether a library's class is an exception, by its name."""
    return base.endswith(("Exception", "Error", "Exit", "Interrupt", "StopIteration"))


def _typed(key: Hashable) -> tuple[type, Hashable]:
    return (type(key), key)


def _key_of(value: Value) -> tuple[type, Hashable] | None:
    if isinstance(value, v.Const):
        return (type(value.value), value.value)
    if isinstance(value, v.EnumMember | v.ClassValue | v.FunctionValue | v.ModuleValue):
        return (type(value), value)
    return None


def key_of(values: Values) -> Hashable | None:
    """The one constant key that `values` are, or None."""
    if len(values) != 1:
        return None
    found = _key_of(next(iter(values)))
    return None if found is None else found[1]
