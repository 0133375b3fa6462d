# --- case: more ways round the attribute
import functools
import operator

from app.states import PluginLifecycleState as S


class BasePlugin:
    state: S = S.LOADED

    def run(self, payload): ...


class Resize(BasePlugin):
    def run(self, payload):
        return {}


def force(plugin: BasePlugin, plugins: list[BasePlugin]):
    plugin.__setattr__("state", S.FAILED)  # expect: GOV304
    functools.partial(setattr, plugin, "state")(S.FAILED)  # expect: GOV304
    operator.setitem(plugin.__dict__, "state", S.FAILED)  # expect: GOV304
    Resize.state = S.FAILED  # expect: GOV304
    type(plugin).state = S.FAILED  # expect: GOV304
    for p in plugins:
        p.state = S.LOADED  # expect: GOV304
    [setattr(p, "state", S.LOADED) for p in plugins]  # expect: GOV304
    list(map(lambda p: setattr(p, "state", S.LOADED), plugins))  # expect: GOV304
    del plugin.state  # expect: GOV304
# --- case: from a decorator around run
from app.states import PluginLifecycleState as S


class BasePlugin:
    state: S = S.LOADED

    def run(self, payload): ...


def tracked(method):
    def wrapper(self, payload):
        self.state = S.RUNNING  # expect: GOV304
        return method(self, payload)

    return wrapper


class Resize(BasePlugin):
    @tracked
    def run(self, payload):
        return {}
# --- case: in the api and by the job service
from fastapi import FastAPI

from app.states import PluginLifecycleState


class BasePlugin:
    lifecycle_state = PluginLifecycleState.LOADED

    def run(self, payload): ...


class PluginRegistry:
    def __init__(self):
        self._plugins: dict[str, BasePlugin] = {}

    def get(self, name):
        return self._plugins[name]


app = FastAPI()
registry = PluginRegistry()


@app.post("/plugins/{name}/reset")
def reset(name):
    registry.get(name).lifecycle_state = PluginLifecycleState.LOADED  # expect: GOV304
    plugin = registry.get(name)
    plugin.lifecycle_state = PluginLifecycleState.INITIALIZED  # expect: GOV304
    return {"state": plugin.lifecycle_state.value}
# --- case: helper that only the gate reaches
from app.errors import error_envelope
from app.states import PluginLifecycleState
from app.validation import validate_input, validate_output


class BasePlugin:
    lifecycle_state = PluginLifecycleState.LOADED

    def run(self, payload): ...


def _mark(plugin, state):
    plugin.lifecycle_state = state


class ToolRunner:
    def run(self, plugin: BasePlugin, payload):
        try:
            validate_input(payload)
            output = plugin.run(payload)
            validate_output(output)
            _mark(plugin, PluginLifecycleState.INITIALIZED)
            return output
        except Exception as exc:
            _mark(plugin, PluginLifecycleState.FAILED)
            return error_envelope(exc)
        finally:
            self.registry.update_execution_metrics(plugin)
# --- case: a tool runner that is no gate may not either
from app.states import PluginLifecycleState


class BasePlugin:
    lifecycle_state = PluginLifecycleState.LOADED

    def run(self, payload): ...


class ToolRunner:
    def prepare(self, plugin: BasePlugin):
        plugin.lifecycle_state = PluginLifecycleState.INITIALIZED  # expect: GOV304
# --- case: subclass of the manager, function inside it
from app.states import PluginLifecycleState


class BasePlugin:
    lifecycle_state = PluginLifecycleState.LOADED

    def run(self, payload): ...


class PluginLifecycleManager:
    def transition(self, plugin: BasePlugin, state):
        def store():
            plugin.lifecycle_state = state

        store()


class AuditedManager(PluginLifecycleManager):
    def transition(self, plugin: BasePlugin, state):
        plugin.lifecycle_state = state
# --- case: no plugin anywhere
from enum import Enum


class GameState(Enum):
    LOADED = 1
    RUNNING = 2


class Game:
    def __init__(self):
        self.state = GameState.LOADED

    def start(self):
        self.state = GameState.RUNNING
# --- case: local variables, arguments and results
from app.states import PluginLifecycleState as S


class BasePlugin:
    state: S = S.LOADED

    def run(self, payload): ...


def decide(plugin: BasePlugin, ok, listener):
    state = S.INITIALIZED if ok else S.FAILED
    listener.notify(plugin, state=state)
    event = {"plugin": plugin, "state": state}
    listener.last = event
    history = [plugin.state, state]
    history.append(S.LOADED)
    return state, history
# --- case: filters, queries and expectations
from dataclasses import dataclass

from app.states import PluginLifecycleState as S


@dataclass
class PluginQuery:
    state: S | None = None


class View:
    target_state = S.INITIALIZED

    def only_failed(self):
        query = PluginQuery()
        query.state = S.FAILED
        self.expected_state = S.FAILED
        self.wanted_state = S.FAILED
        return query
# --- case: counters by state
from collections import Counter

from app.states import PluginLifecycleState as S


class Stats:
    def __init__(self):
        self.by_state = Counter()
        self.states = Counter()

    def count(self, plugin):
        self.by_state[plugin.state] += 1
        self.states[S.FAILED] += 1
# --- case: an illegal state outside is one fault
from app.states import PluginLifecycleState as S


class BasePlugin:
    state: S = S.LOADED

    def run(self, payload): ...


def f(plugin: BasePlugin):
    plugin.state = S.QUEUED  # expect: GOV301
    plugin.state = "ERROR"  # expect: GOV302
    plugin.state = "FAILED"  # expect: GOV304
# --- case: the plugin is untyped
from app.states import PluginLifecycleState


def f(plugin, tool):
    plugin.state = PluginLifecycleState.RUNNING  # expect: GOV304
    plugin.lifecycle_state = PluginLifecycleState.RUNNING  # expect: GOV304
    tool._lifecycle_state = PluginLifecycleState.RUNNING  # expect: GOV304
# --- case: job status next door
from app.jobs import JobStatus
from app.states import PluginLifecycleState


class Job:
    def __init__(self):
        self.status = JobStatus.PENDING


def f(job: Job, plugin):
    job.status = JobStatus.RUNNING
    if plugin.lifecycle_state == PluginLifecycleState.FAILED:
        job.status = JobStatus.FAILED
    else:
        job.status = JobStatus.SUCCESS
# --- case: plugin resets itself in a private method of init
from app.states import PluginLifecycleState


class BasePlugin:
    def __init__(self):
        self._reset()

    def _reset(self):
        self.lifecycle_state = PluginLifecycleState.LOADED

    def run(self, payload): ...
# --- case: setter through super and property of a record
from app.states import PluginLifecycleState


class BasePlugin:
    def __init__(self):
        self._lifecycle_state = PluginLifecycleState.LOADED

    def _set_lifecycle_state(self, state):
        self._lifecycle_state = state

    def run(self, payload): ...


class Noisy(BasePlugin):
    def _set_lifecycle_state(self, state):
        print(state)
        super()._set_lifecycle_state(state)


class Admin:
    def off(self, plugin: Noisy):
        plugin._set_lifecycle_state(PluginLifecycleState.UNAVAILABLE)  # expect: GOV304
# --- case: migration of a saved document
from app.states import PluginLifecycleState


def migrate(document):
    document["state"] = PluginLifecycleState.LOADED.value
    document["plugins"] = [{"state": PluginLifecycleState.LOADED.value}]
    return document
# --- case: an entry for a plugin
from app.states import PluginLifecycleState as S


class PluginCatalogue:
    def __init__(self):
        self._plugins = {}

    def add(self, name):
        self._plugins[name] = {"name": name, "state": S.LOADED}

    def fail(self, name):
        self._plugins[name]["state"] = S.FAILED  # expect: GOV304

    def dump(self, name):
        row = {}
        row["state"] = self._plugins[name]["state"]
        return row
# --- case: manager by another name that derives from it
from app.lifecycle import PluginLifecycleManager
from app.states import PluginLifecycleState as S


class Keeper(PluginLifecycleManager):
    def mark(self, plugin):
        plugin.lifecycle_state = S.UNAVAILABLE


class Helper:
    def mark(self, plugin):
        plugin.lifecycle_state = S.UNAVAILABLE  # expect: GOV304
# --- case: the plugin base tells its own listeners
from app.states import PluginLifecycleState as S


class BasePlugin:
    lifecycle_state = S.LOADED

    def run(self, payload): ...

    @property
    def ready(self):
        return self.lifecycle_state is S.INITIALIZED

    def describe(self):
        state = self.lifecycle_state
        return {"state": state.value, "ready": self.ready}
# --- case: async and comprehension variants
from app.states import PluginLifecycleState as S


class BasePlugin:
    lifecycle_state: S = S.LOADED

    def run(self, payload): ...


async def reset(plugins: list[BasePlugin], bus):
    async for plugin in bus:
        plugin.lifecycle_state = S.LOADED  # expect: GOV304
    for index, plugin in enumerate(plugins):
        plugins[index].lifecycle_state = S.LOADED  # expect: GOV304
    (first := plugins[0]).lifecycle_state = S.FAILED  # expect: GOV304
    return first
