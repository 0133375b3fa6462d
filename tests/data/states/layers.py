# --- case: two layers and a gate, the class methods alone
class BasePlugin:
    def run(self, payload): ...


class PluginExecutionService:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    plugins: PluginExecutionService

    def analyze(self, plugin, payload):
        return self.plugins.execute(plugin, payload)  # expect: GOV103
# --- case: unbound call and static call
class PluginExecutionService:
    def execute(self, plugin, payload): ...

    @staticmethod
    def ping(): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    def __init__(self, plugins: PluginExecutionService):
        self.plugins = plugins

    def analyze(self, plugin, payload):
        PluginExecutionService.ping()  # expect: GOV103
        return PluginExecutionService.execute(self.plugins, plugin, payload)  # expect: GOV103
# --- case: getattr and a dict of services
class PluginExecutionService:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    def __init__(self):
        self.services = {"jobs": JobExecutionService(), "plugins": PluginExecutionService()}

    def analyze(self, plugin, payload):
        self.services["jobs"].run_job(plugin, payload)
        getattr(self.services["plugins"], "execute")(plugin, payload)  # expect: GOV103
        return self.services["plugins"].execute(plugin, payload)  # expect: GOV103
# --- case: a module level instance and a lambda
class PluginExecutionService:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


plugins = PluginExecutionService()


class AnalysisExecutionService:
    def analyze(self, plugin, payload):
        later = lambda: plugins.execute(plugin, payload)  # noqa: E731  # expect: GOV103
        return later()
# --- case: async gather and create_task
import asyncio


class PluginExecutionService:
    async def execute(self, plugin, payload): ...


class JobExecutionService:
    async def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    def __init__(self, plugins: PluginExecutionService, jobs: JobExecutionService):
        self.plugins = plugins
        self.jobs = jobs

    async def analyze(self, plugin, payloads):
        asyncio.create_task(self.jobs.run_job(plugin, payloads))
        return await asyncio.gather(*(self.plugins.execute(plugin, p) for p in payloads))  # expect: GOV103
# --- case: a chain of calls over several lines
class PluginExecutionService:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def __init__(self, plugins: PluginExecutionService):
        self.plugins = plugins


class AnalysisExecutionService:
    def __init__(self, jobs: JobExecutionService):
        self.jobs = jobs

    def analyze(self, plugin, payload):
        return (
            self.jobs  # expect: GOV103
            .plugins
            .execute(plugin, payload)
        )
# --- case: services with the names of layers in front and behind
class PluginExecutionServiceFactory:
    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    def __init__(self, factory: PluginExecutionServiceFactory, jobs: JobExecutionService):
        self.factory = factory
        self.jobs = jobs

    def analyze(self, plugin, payload):
        self.factory.execute(plugin, payload)
        return self.jobs.run_job(plugin, payload)
# --- case: upward over an alias
class AnalysisExecutionService:
    def analyzed(self, result): ...


class JobExecutionService:
    def __init__(self, analysis: AnalysisExecutionService):
        self.analysis = analysis

    def run_job(self, payload):
        tell = self.analysis.analyzed
        return tell(payload)  # expect: GOV103
# --- case: raising, returning and reading a property
class AnalysisError(Exception): ...


class AnalysisExecutionService:
    limit = 3

    @property
    def name(self):
        return "analysis"

    def analyze(self, payload): ...


class JobExecutionService:
    def __init__(self, analysis: AnalysisExecutionService):
        self.analysis = analysis

    def run_job(self, payload):
        if payload is None:
            raise AnalysisError(self.analysis.name)
        return payload, self.analysis.limit
# --- case: a decorator that is no route
class Bus:
    def get(self, name):
        return lambda f: f


class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...


bus = Bus()
jobs = JobExecutionService()


@bus.get("job")
def on_job(payload):
    return jobs.run_job(payload)
# --- case: startup of the application
from fastapi import FastAPI

class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...

    def shutdown(self): ...


app = FastAPI()


def create_app():
    app.state.jobs = JobExecutionService()
    app.state.analysis = AnalysisExecutionService()
    return app
# --- case: api class based views of several frameworks
from flask.views import MethodView
from starlette.endpoints import HTTPEndpoint
from tornado.web import RequestHandler


class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...


jobs = JobExecutionService()
analysis = AnalysisExecutionService()


class A(MethodView):
    def get(self):
        return jobs.run_job({})  # expect: GOV103


class B(HTTPEndpoint):
    async def post(self, request):
        analysis.analyze(request)
        return jobs.run_job(request)  # expect: GOV103


class C(RequestHandler):
    def post(self):
        self.write(jobs.run_job(self.request.body))  # expect: GOV103
# --- case: through a function that an api module calls
# file: app/services.py
class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...
# file: app/support.py
from app.services import JobExecutionService

jobs = JobExecutionService()


def start(payload):
    return jobs.run_job(payload)  # expect: GOV103
# file: app/api/views.py
from app import support
from app.services import AnalysisExecutionService

service = AnalysisExecutionService()


def view(payload):
    service.analyze(payload)
    return support.start(payload)
# --- case: the same function from a worker
# file: app/services.py
class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...
# file: app/worker.py
from app.services import JobExecutionService

jobs = JobExecutionService()


def start(payload):
    return jobs.run_job(payload)
# --- case: context managers and with
class PluginExecutionService:
    def session(self): ...

    def execute(self, plugin, payload): ...


class JobExecutionService:
    def run_job(self, plugin, payload): ...


class AnalysisExecutionService:
    def __init__(self, plugins: PluginExecutionService):
        self.plugins = plugins

    def analyze(self, plugin, payload):
        with self.plugins.session():  # expect: GOV103
            return None
# --- case: a celery task and a queue
from celery import shared_task


class AnalysisExecutionService:
    def analyze(self, payload): ...


class JobExecutionService:
    def run_job(self, payload): ...


jobs = JobExecutionService()


@shared_task
def run(payload):
    return jobs.run_job(payload)
# --- case: type checking only
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from app.services import JobExecutionService


class Runs(Protocol):
    def run_job(self, payload): ...


class AnalysisExecutionService:
    def __init__(self, jobs: "JobExecutionService", runs: Runs):
        self.jobs = jobs
        self.runs = runs

    def analyze(self, payload):
        self.runs.run_job(payload)
        return self.jobs.run_job(payload)
# --- case: a shared base class holds the next layer
class BaseService:
    def __init__(self, following):
        self._following = following

    def execute(self, plugin, payload):
        return self._following.execute(plugin, payload)


class PluginExecutionService(BaseService):
    def execute(self, plugin, payload):
        return payload


class JobExecutionService(BaseService):
    pass


class AnalysisExecutionService(BaseService):
    pass


def build():
    plugins = PluginExecutionService(None)
    return AnalysisExecutionService(JobExecutionService(plugins))


def main(plugin, payload):
    return build().execute(plugin, payload)
# --- case: a shared base class, and a layer that is given the wrong one
class BaseService:
    def __init__(self, following):
        self._following = following

    def forward(self, plugin, payload):
        return self._following.execute(plugin, payload)  # expect: GOV103


class PluginExecutionService(BaseService):
    def execute(self, plugin, payload):
        return payload


class JobExecutionService(BaseService):
    def execute(self, plugin, payload):
        return self.forward(plugin, payload)


class AnalysisExecutionService(BaseService):
    def execute(self, plugin, payload):
        return self.forward(plugin, payload)


plugins = PluginExecutionService(None)
jobs = JobExecutionService(plugins)
analysis = AnalysisExecutionService(plugins)
# --- case: one helper for two layers, each with the right object
class PluginExecutionService:
    def execute(self, plugin, payload):
        return payload


def forward(target, plugin, payload):
    return target.execute(plugin, payload)


class JobExecutionService:
    def __init__(self, plugins: PluginExecutionService):
        self._plugins = plugins

    def execute(self, plugin, payload):
        return forward(self._plugins, plugin, payload)


class AnalysisExecutionService:
    def __init__(self, jobs: JobExecutionService):
        self._jobs = jobs

    def execute(self, plugin, payload):
        return forward(target=self._jobs, plugin=plugin, payload=payload)
# --- case: the api calls a method that the layer inherits
# file: app/services.py
class Service:
    def __init__(self, following):
        self.following = following

    def submit(self, payload):
        return self.following.submit(payload)


class PluginExecutionService:
    def submit(self, payload):
        return payload


class JobExecutionService(Service):
    pass


class AnalysisExecutionService(Service):
    pass


service = AnalysisExecutionService(JobExecutionService(PluginExecutionService()))
# file: app/api/views.py
from app.services import service


def view(payload):
    return service.submit(payload)
