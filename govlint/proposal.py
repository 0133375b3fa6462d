"""Bindings proposed for a repository, each with the evidence it rests on.

Every decision here is a guess that a person confirms: it is written as configuration with
a comment that says what was seen and where, and never applied unseen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from govlint.python.bindings import Bindings, matches_any
from govlint.survey import CallSight, ClassSight, MethodSight, Survey

# What a governed method is called, most telling first.
_VERBS = (
    "run execute process invoke perform handle call apply analyze analyse evaluate transform "
    "predict infer act step forward dispatch fire work __call__ _run _execute _process"
).split()
_PLUGIN_WORDS = (
    "Plugin Tool Extension Addon Task Step Operator Component Node Block Action Skill Agent "
    "Provider Processor Handler Command Job Module Worker Analyzer Executor Runner Capability"
).split()
_GATE_WORDS = "Runner Executor Gate Gateway Dispatcher Engine Invoker Supervisor Launcher".split()
_LAYER = re.compile(r"(Service|Orchestrator|Coordinator|Dispatcher|Executor|Engine|UseCase)$")
_STATE = re.compile(r"(State|Status|Phase|Lifecycle)$")
_API_PARTS = frozenset(
    "api apis routes routers endpoints views controllers mcp rpc graphql http web websocket".split()
)
_INITIAL = frozenset("PENDING QUEUED CREATED NEW WAITING SUBMITTED SCHEDULED ENQUEUED".split())
_ACTIVE = frozenset("RUNNING STARTED IN_PROGRESS PROCESSING EXECUTING ACTIVE WORKING".split())
_ENDED = frozenset(
    "SUCCESS SUCCEEDED SUCCESSFUL COMPLETED COMPLETE DONE FINISHED FAILED FAILURE ERROR ERRORED "
    "CANCELLED CANCELED ABORTED TIMEOUT TIMED_OUT SKIPPED".split()
)
_ABANDONED = frozenset("CANCELLED CANCELED ABORTED SKIPPED".split())
_FEWEST_SUBCLASSES = 2
_MOST_PLUGIN_BASES = 3


@dataclass(slots=True)
class Proposal:
    """Binding keys with their values, the reason for each, and what needs no binding."""

    values: dict[str, list[str] | list[list[str]]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)  # key → its names, already default

    def bind(self, key: str, value: list[str] | list[list[str]], *reasons: str) -> None:
        """Propose `key`; names that are the default already are reported and not written."""
        default = getattr(Bindings(), key.replace("-", "_"))
        names = [v for v in value if isinstance(v, str)]
        self.reasons[key] = list(reasons)
        if names and all(matches_any(default, name) for name in names):
            self.known[key] = names
        else:
            self.values[key] = value


def propose(seen: Survey) -> Proposal:
    """Propose bindings for what `seen` declares; nothing is proposed without evidence."""
    proposal = Proposal()
    index = _Index(seen)
    bases = _plugin_bases(index)
    if bases:
        _bind_plugins(proposal, index, bases)
        _bind_registries(proposal, index, bases)
        gate = _find_gate(index, bases)
        if gate is not None:
            _bind_gate(proposal, index, gate, bases)
            _bind_layers(proposal, index, gate.cls)
    _bind_enums(proposal, index)
    _bind_api(proposal, seen)
    return proposal


class _Index:
    """The survey's classes by name, and who derives from whom by the names they spell."""

    def __init__(self, seen: Survey) -> None:
        self.seen = seen
        self.by_name: dict[str, list[ClassSight]] = defaultdict(list)
        children: dict[str, list[ClassSight]] = defaultdict(list)
        for cls in seen.classes:
            self.by_name[cls.name].append(cls)
            for base in cls.bases:
                children[base.rpartition(".")[2]].append(cls)
        self._children = children

    def subclasses(self, cls: ClassSight) -> list[ClassSight]:
        """All that derive from a class of that name, directly or not; cycles end."""
        found: dict[int, ClassSight] = {}
        pending = [cls.name]
        names = {cls.name}
        while pending:
            for child in self._children[pending.pop()]:
                if child is not cls:
                    found[id(child)] = child
                if child.name not in names:
                    names.add(child.name)
                    pending.append(child.name)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class _Base:
    cls: ClassSight
    method: str
    implementations: tuple[ClassSight, ...]
    score: int


def _plugin_bases(index: _Index) -> list[_Base]:
    """Classes whose abstract verb many others implement, the likeliest first."""
    found = []
    for cls in index.seen.classes:
        named = any(word in cls.name for word in _PLUGIN_WORDS)
        verbs = [v for v in _VERBS if v in cls.methods]
        verbs = [v for v in verbs if cls.methods[v].abstract or cls.name in Bindings().plugins]
        if not verbs or cls.is_enum:
            continue
        family = index.subclasses(cls)
        best: _Base | None = None
        for rank, verb in enumerate(verbs):
            makers = tuple(child for child in family if verb in child.methods)
            if len(makers) < (1 if "Plugin" in cls.name else _FEWEST_SUBCLASSES):
                continue
            score = min(len(makers), 20) + 10 * named + 15 * ("Plugin" in cls.name)
            if best is None or score - rank > best.score:
                best = _Base(cls, verb, makers, score - rank)
        if best is not None:
            found.append(best)
    found.sort(key=lambda base: (-base.score, str(base.cls.place)))
    # a base below a base says nothing new, and a weak one beside a strong one is noise
    chosen: list[_Base] = []
    for base in found:
        below = any(base.cls in index.subclasses(other.cls) for other in found if other != base)
        if not below and base.score * 2 >= found[0].score and len(chosen) < _MOST_PLUGIN_BASES:
            chosen.append(base)
    return chosen


def _bind_plugins(proposal: Proposal, index: _Index, bases: list[_Base]) -> None:
    reasons = [
        f"{base.cls.name} ({base.cls.place}): its {base.method} is implemented by "
        f"{_count(len(base.implementations), 'class')}, such as "
        f"{', '.join(child.name for child in base.implementations[:3])}"
        for base in bases
    ]
    proposal.bind("plugins", [_shortest(index, base.cls) for base in bases], *reasons)
    methods = sorted({base.method for base in bases})
    proposal.bind(
        "governed-methods",
        methods,
        *(f"{base.cls.name}.{base.method} ({_method(base).place})" for base in bases),
    )


def _method(base: _Base) -> MethodSight:
    return base.cls.methods[base.method]


def _shortest(index: _Index, cls: ClassSight) -> str:
    """The bare name where it is the only class called so, else as much as tells it apart."""
    parts = [*cls.module.split("."), cls.name]
    others = [c for c in index.by_name[cls.name] if c is not cls]
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[-length:])
        if not any(matches_any((name,), f"{c.module}.{c.name}") for c in others):
            return name
    return ".".join(parts)


def _bind_registries(proposal: Proposal, index: _Index, bases: list[_Base]) -> None:
    names = {base.cls.name for base in bases}
    registries = [
        cls
        for cls in index.seen.classes
        if re.search(r"(Registry|Catalog|Repository|PluginManager|Loader)$", cls.name)
        and cls.holds & names
        and any(method.startswith(("get", "find", "lookup", "load")) for method in cls.methods)
    ]
    if registries:
        proposal.bind(
            "registries",
            [_shortest(index, cls) for cls in registries],
            *(f"{cls.name} ({cls.place}) gives out {min(cls.holds & names)}" for cls in registries),
        )


@dataclass(frozen=True, slots=True)
class _Gate:
    cls: ClassSight
    method: MethodSight
    call: CallSight


def _find_gate(index: _Index, bases: list[_Base]) -> _Gate | None:
    """The class that runs plugins under a `try`, with a `finally` if there is one that has it."""
    governed = {base.method for base in bases}
    plugins = {id(c) for base in bases for c in (base.cls, *index.subclasses(base.cls))}
    names = {base.cls.name for base in bases}
    files = {c.place.path for base in bases for c in (base.cls, *base.implementations)}
    best: tuple[int, _Gate] | None = None
    for cls in index.seen.classes:
        if id(cls) in plugins:
            continue
        for method in cls.methods.values():
            for call in method.calls:
                if call.name not in governed or call.receiver.partition(".")[0] in ("self", "cls"):
                    continue
                if not call.guarded or call.receiver == "super":
                    continue
                score = 4 * method.has_finally
                score += 4 * any(word in cls.name for word in _GATE_WORDS)
                score += 3 * bool(cls.holds & names)
                score += 2 * any(word.lower() in call.receiver.lower() for word in names)
                score += 2 * any(other.name.startswith("validate") for other in method.calls)
                score += 2 * any("metric" in other.name for other in method.calls)
                score -= 3 * (cls.place.path in files)
                if score >= 4 and (best is None or score > best[0]):
                    best = (score, _Gate(cls, method, call))
    return best[1] if best else None


def _bind_gate(proposal: Proposal, index: _Index, gate: _Gate, bases: list[_Base]) -> None:
    name = f"{_shortest(index, gate.cls)}.{gate.method.name}"
    written = f"{gate.call.receiver or '…'}.{gate.call.name}(…)"
    clause = "try with a finally" if gate.method.has_finally else "try without a finally"
    governed = {base.method for base in bases}
    outside = [
        call
        for call in index.seen.calls
        if call.name in governed
        and call.receiver.rpartition(".")[2] not in ("", "self", "super", gate.cls.name)
        and call.place.path != gate.call.place.path
    ]
    gate_name = f"{gate.cls.name}.{gate.method.name}"
    reasons = [f"{gate_name} calls {written} in a {clause} ({gate.call.place})"]
    if outside:
        files = len({call.place.path for call in outside})
        reasons.append(
            f"{_count(len(outside), 'call')} of that name in {_count(files, 'other file')}, first "
            f"{outside[0].place}: govlint decides which of them run a plugin"
        )
    proposal.bind("gates", [name], *reasons)
    calls = gate.method.calls
    line = gate.call.place.line
    picks: dict[str, Callable[[CallSight], bool]] = {
        "metrics": lambda c: c.final and _says(c, "metric", "record", "observe", "count", "stat"),
        "validate-input": lambda c: _says(c, "validate", "check") and c.place.line < line,
        "validate-output": lambda c: _says(c, "validate", "check") and c.place.line > line,
        "envelopes": lambda c: (
            c.handler and _says(c, "envelope", "error_resp", "build_err", "format_err")
        ),
    }
    for key, pick in picks.items():
        chosen = [call for call in calls if pick(call) and call.name not in index.seen.envelopes]
        if chosen:
            where = {"metrics": "in the finally", "envelopes": "in an except clause"}.get(
                key, "before the plugin" if key == "validate-input" else "after the plugin"
            )
            proposal.bind(
                key,
                sorted({call.name for call in chosen}),
                f"{gate_name} calls it {where} ({chosen[0].place})",
            )


def _says(call: CallSight, *words: str) -> bool:
    return any(word in call.name.lower() for word in words)


def _bind_layers(proposal: Proposal, index: _Index, gate: ClassSight) -> None:
    """Follow who holds whom from the gate outwards, as long as one class does."""
    chain: list[ClassSight] = []
    inner = gate
    while len(chain) < 8:
        outer = [
            cls
            for cls in index.seen.classes
            if inner.name in cls.holds
            and cls not in (inner, gate, *chain)
            and _LAYER.search(cls.name)
        ]
        if len(outer) != 1:
            break
        inner = outer[0]
        chain.append(inner)
    if chain:
        chain.reverse()
        links = " → ".join([*(cls.name for cls in chain), gate.name])
        proposal.bind(
            "layers",
            [_shortest(index, cls) for cls in chain],
            f"{links}: each is the only service that holds the next",
            *(f"{cls.name} ({cls.place})" for cls in chain),
        )


def _bind_enums(proposal: Proposal, index: _Index) -> None:
    lifecycle: list[ClassSight] = []
    jobs: list[ClassSight] = []
    for cls in index.seen.classes:
        if not cls.is_enum or not _STATE.search(cls.name) or len(cls.members) < 3:
            continue
        members = frozenset(cls.members)
        flows = members & _ACTIVE and members & _ENDED
        if re.search(r"Plugin|Lifecycle|Extension|Component|Capability", cls.name):
            lifecycle.append(cls)
        elif flows and members & _INITIAL and re.search(r"Job|Task|Run|Execution|Work", cls.name):
            jobs.append(cls)
    defaults = Bindings()
    for key, found in (("lifecycle", lifecycle), ("job", jobs)):
        if not found:
            continue
        proposal.bind(
            f"{key}-enums",
            [_shortest(index, cls) for cls in found],
            *(f"{cls.name} ({cls.place}): {', '.join(cls.members)}" for cls in found),
        )
        states = list(dict.fromkeys(name for cls in found for name in cls.members))
        default = defaults.lifecycle_states if key == "lifecycle" else defaults.job_states
        if set(states) != set(default):
            names = " and ".join(cls.name for cls in found)
            proposal.bind(f"{key}-states", states, f"the members of {names}; is each one meant?")
            if key == "job":
                proposal.bind(
                    "job-transitions",
                    _transitions(states),
                    "guessed from the names of the states: check them",
                )


def _transitions(states: Iterable[str]) -> list[list[str]]:
    names = list(states)
    initial = [n for n in names if n in _INITIAL]
    active = [n for n in names if n in _ACTIVE]
    pairs = [[a, b] for a in initial for b in active]
    pairs += [[a, b] for a in active for b in names if b in _ENDED]
    pairs += [[a, b] for a in initial for b in names if b in _ABANDONED]
    return pairs


def _bind_api(proposal: Proposal, seen: Survey) -> None:
    """Packages in which functions are routed to; the part of the path that says so."""
    packages: Counter[str] = Counter()
    first: dict[str, str] = {}
    for module, places in seen.routes.items():
        parts = module.split(".")
        telling = next((part for part in parts if part in _API_PARTS), None)
        if telling is not None:
            packages[telling] += len(places)
            first.setdefault(telling, str(places[0]))
    if not packages or set(packages) <= set(Bindings().api):
        return
    names = sorted({*Bindings().api, *packages})
    proposal.bind(
        "api",
        names,
        *(f"{name}: {_count(n, 'route')}, first {first[name]}" for name, n in packages.items()),
    )


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
