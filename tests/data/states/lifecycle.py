# --- case: the name of the enum is imported under another one, twice
from enum import Enum as E


class PluginLifecycleState(str, E):
    LOADED = "LOADED"
    FAILED = "FAILED"


A = PluginLifecycleState
B = A


def pick(flag):
    return B.READY if flag else A.LOADED  # expect: GOV301
# --- case: a tuple of aliases
from enum import Enum


class PluginState(Enum):
    LOADED = 1
    FAILED = 2


first, second = PluginState, int


def pick():
    return first.SLEEPING, second  # expect: GOV301
# --- case: a member as a default argument
from enum import Enum


class PluginState(Enum):
    LOADED = 1
    FAILED = 2


def start(plugin, state=PluginState.STARTING):  # expect: GOV301
    return plugin, state
# --- case: a comparison chain
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def same(a: PluginState, b: PluginState):
    return "DEAD" == a == b  # expect: GOV301
# --- case: walrus and comprehension
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class BasePlugin:
    state: PluginState = PluginState.LOADED

    def run(self, payload): ...


def ready(plugins: list[BasePlugin]):
    if (now := plugins[0].state) == "ON":  # expect: GOV301
        return now
    return [p for p in plugins if p.state == "IDLE"]  # expect: GOV301
# --- case: a set constant that is tested against
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


GOOD = {"LOADED", "READY"}


def ok(state: PluginState):
    return state in GOOD  # expect: GOV301
# --- case: f-string, join and format that constants decide
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


PREFIX = "RE"


def build():
    yield PluginState(f"{PREFIX}ADY")  # expect: GOV301
    yield PluginState("".join(["DO", "NE"]))  # expect: GOV301
    yield PluginState("{}ED".format("STOPP"))  # expect: GOV301
    yield PluginState("%sED" % "PAUS")  # expect: GOV301
    yield PluginState("DAOL"[::-1] + "ED")
    yield PluginState("\x46AILED")
# --- case: keyword value and a computed name by getattr
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def build(prefix):
    yield PluginState(value="BROKEN")  # expect: GOV301
    yield getattr(PluginState, "BRO" + "KEN")  # expect: GOV301
    yield getattr(PluginState, prefix + "KEN", None)
    yield getattr(PluginState, "FAILED")
    yield PluginState["LOADED"]
# --- case: state read by getattr, dict, vars
class BasePlugin:
    lifecycle_state = "LOADED"

    def run(self, payload): ...


def check(plugin: BasePlugin):
    if getattr(plugin, "lifecycle_state") == "DEAD":  # expect: GOV301
        return 1
    if vars(plugin)["lifecycle_state"] == "ALIVE":  # expect: GOV301
        return 2
    if plugin.__dict__.get("lifecycle_state") == "ALIVE":  # expect: GOV301
        return 3
    return getattr(plugin, "name", "DEAD") == "ALIVE"
# --- case: a dict with the state of a plugin
class BasePlugin:
    def run(self, payload): ...


def describe(plugin: BasePlugin, name):
    entry = {"name": name, "lifecycle_state": "BOOTED"}  # expect: GOV301
    entry["plugin_state"] = "BOOTED"  # expect: GOV301
    return entry.get("lifecycle_state") == "RUNNING"
# --- case: not-equal, is not, not in
from enum import Enum


class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"


def odd(state: PluginLifecycleState):
    if state != "DONE":  # expect: GOV301
        return 1
    if state not in ["RUNNING", "DONE"]:  # expect: GOV301
        return 2
    return state is not PluginLifecycleState.DONE  # expect: GOV301
# --- case: a nested function and a lambda
from enum import Enum


class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"


def outer(states):
    def inner(state: PluginLifecycleState):
        return state == "BUSY"  # expect: GOV301

    return filter(lambda s: s is PluginLifecycleState.BUSY, filter(inner, states))  # expect: GOV301
# --- case: an optional and a union annotation
from __future__ import annotations

from enum import Enum
from typing import Optional, Union


class PluginState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"


def a(state: Optional[PluginState] = None):
    return state == "UP"  # expect: GOV301


def b(state: PluginState | None, other: Union[str, PluginState]):
    a("UP")  # expect: GOV301
    return state == "DOWN"  # expect: GOV301
# --- case: a list of states by annotation
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"


def first(states: list[PluginState], by_name: dict[str, PluginState]):
    for state in states:
        if state == "UP":  # expect: GOV301
            return True
    return by_name["x"] == "DOWN"  # expect: GOV301
# --- case: members of a nested class and a descriptor are no states
from enum import Enum, member, nonmember
from functools import cached_property, partial


class PluginState(Enum):
    LOADED = "loaded"
    FAILED = "failed"

    class Meta:
        ORDER = ("loaded", "failed")

    GROUPS = nonmember({"bad": {"failed"}})
    helper = partial(print, "x")
    _private = "QUEUED"
    __slots_like__ = "QUEUED"

    @member
    def RUNNING(self): ...

    @cached_property
    def colour(self):
        return "red"

    def DESCRIBE(self):
        return self.name

    label = property(lambda self: self.name.title())


def use(state: PluginState):
    return PluginState.GROUPS, PluginState.helper, state.colour, state.DESCRIBE(), state.label
# --- case: plain words that happen to be constants of the program
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


READY = "READY"


class Door:
    def __init__(self):
        self.state = READY


def look(door: Door, state: PluginState):
    return door.state == READY and state == PluginState.LOADED
# --- case: a job's status next to a plugin's state
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class JobStatus(str, Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class BasePlugin:
    state: PluginState = PluginState.LOADED

    def run(self, payload): ...


def both(plugin: BasePlugin, status: JobStatus):
    if status == "PENDING" or status is JobStatus.SUCCESS:
        return plugin.state
    return plugin.state == PluginState.FAILED and status.value == "SUCCESS"
# --- case: parsing a word that comes from outside
import json
from enum import Enum


class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def parse(text, default=None):
    try:
        return PluginLifecycleState(json.loads(text)["state"])
    except ValueError:
        return default


def label(state: PluginLifecycleState):
    return {"LOADED": "ready", "FAILED": "broken"}[state.value]


def check(answer):
    return answer["status"] == "READY" and parse(answer["body"]) is not None
# --- case: mixed-in text methods of a str enum
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def show(state: PluginState):
    if state.startswith("QUEUED") or "DONE" in state.value:
        return state.upper()
    return state.replace("FAILED", "BROKEN")
# --- case: iterating over and counting states
from collections import Counter
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def count(plugins):
    counts = Counter(p.name for p in plugins)
    table = {state: 0 for state in PluginState}
    for name in counts:
        if name == "DONE":
            counts[name] += 1
    return table, len(PluginState), PluginState.__members__.items(), PluginState.__doc__
# --- case: a django choices class
from django.db import models


class PluginState(models.TextChoices):
    LOADED = "loaded", "Loaded"
    FAILED = "failed", "Failed"


def form():
    return PluginState.choices, PluginState.labels, PluginState.values, PluginState.names
# --- case: a class of constants written round with annotations
from typing import Final


class PluginLifecycleState:
    LOADED: Final = "LOADED"
    RUNNING: Final[str] = "RUNNING"
    CRASHED: Final = "CRASHED"  # expect: GOV301
# --- case: a member is deleted and a state of a plugin is returned as text
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def state_name(name) -> str:
    return "DONE" if name else "READY"


def state(name) -> PluginState:
    if not name:
        return "GONE"  # expect: GOV301
    return PluginState.LOADED
# --- case: a default for what has no state is only text
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class BasePlugin:
    state: PluginState | None = None

    def run(self, payload): ...


def show(plugin: BasePlugin):
    text = plugin.state.value if plugin.state else "UNKNOWN"
    return f"{text}: {plugin.state or 'none'}"
# --- case: type() makes the enum
from enum import Enum

PluginState = Enum("PluginState", [(n, n) for n in ("LOADED", "FAILED")])
# --- case: dataclass replace and constructor by position
from dataclasses import dataclass, replace
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class PluginReport:
    name: str
    state: PluginState


def make(name):
    report = PluginReport(name, "FRESH")  # expect: GOV301
    return replace(report, state="STALE")  # expect: GOV301
# --- case: pydantic model
from enum import Enum

from pydantic import BaseModel, Field


class PluginLifecycleState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class PluginHealth(BaseModel):
    name: str
    state: PluginLifecycleState = Field(default=PluginLifecycleState.LOADED)


def make(name):
    return PluginHealth(name=name, state="SICK")  # expect: GOV301
# --- case: decorated enum with unique and a comment
from enum import Enum, unique


@unique
class PluginLifecycleState(Enum):
    """SUCCESS, ERROR and QUEUED are no states."""

    LOADED = "loaded"  # not QUEUED
    FAILED = "failed"

    def __str__(self):
        return self.value


STATES = [state.value for state in PluginLifecycleState]
# --- case: enum of the same shape under an unrelated name
from enum import Enum


class DownloadState(Enum):
    QUEUED = "queued"
    SUCCESS = "success"
    ERROR = "error"


class Download:
    def __init__(self):
        self.state = DownloadState.QUEUED

    def finish(self, ok):
        self.state = DownloadState.SUCCESS if ok else DownloadState.ERROR
# --- case: the enum is not in the tree
from plugins.lifecycle import PluginLifecycleState
from plugins.lifecycle import PluginLifecycleState as State

S = PluginLifecycleState


def f(plugin):
    if plugin.lifecycle_state == S.ENABLED:  # expect: GOV301
        return State.DISABLED  # expect: GOV301
    return S.LOADED
# --- case: a relative import
# file: app/plugins/report.py
from .lifecycle import PluginLifecycleState


def f():
    return PluginLifecycleState.ACTIVE, PluginLifecycleState.RUNNING  # expect: GOV301
# --- case: a class of settings
class PluginState:
    MAX_RETRIES = 3
    TIMEOUT = 30


class EditorPluginState:
    def __init__(self):
        self.cursor = "READY"
# --- case: exceptions, protocols, typed dicts and named tuples
from typing import NamedTuple, Protocol, TypedDict


class PluginState(TypedDict):
    enabled: bool
    mode: str


class HasPluginState(Protocol):
    READY: str


class SavedPluginState(NamedTuple):
    name: str = "DONE"
    mode: str = "QUEUED"


def f() -> PluginState:
    return {"enabled": True, "mode": "DONE"}
# --- case: one value in a union of two machines
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class JobStatus(str, Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


def colour(state: PluginState | JobStatus):
    if state == JobStatus.SUCCESS:
        return "green"
    return "red" if state in (PluginState.FAILED, JobStatus.FAILED) else "grey"


def use():
    return colour(JobStatus.SUCCESS), colour(PluginState.LOADED)
# --- case: set through a plain setter of the plugin
class BasePlugin:
    def __init__(self):
        self.state = "LOADED"

    def set_state(self, state):
        self.state = state

    def run(self, payload): ...


class PluginLifecycleManager:
    def pause(self, plugin: BasePlugin):
        plugin.set_state("PAUSED")  # expect: GOV301
        plugin.set_state("FAILED")
# --- case: comparison of one state with another
class BasePlugin:
    def __init__(self):
        self.lifecycle_state = "BOOTING"  # expect: GOV301

    def run(self, payload): ...


def same(a: BasePlugin, b: BasePlugin):
    return a.lifecycle_state == b.lifecycle_state
# --- case: several members on one line
from enum import Enum


class PluginState(Enum):
    LOADED = INIT = "loaded"
    DONE = FINISHED = "done"  # expect: GOV301
# --- case: a generic status word in the neighbourhood of plugins
from enum import Enum


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


class BasePlugin:
    state: PluginState = PluginState.LOADED
    status: str = "idle"

    def run(self, payload): ...


class Timer(BasePlugin):
    def tick(self):
        self.status = "ticking"
        return self.status == "ticking"


def answer(plugin: BasePlugin, request):
    request.state.user = "DONE"
    request.status = "DONE"
    return {"state": plugin.state.value, "status": "OK"}
# --- case: reads a state of a plugin out of json
from enum import Enum
import json


class PluginState(str, Enum):
    LOADED = "LOADED"
    FAILED = "FAILED"


def f(text):
    data = json.loads(text)
    return data["state"] == "READY" and PluginState(data.get("plugin_state", "LOADED"))
