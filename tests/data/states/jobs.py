# --- case: a while loop that retries the same job
from app.jobs import JobStatus


def run(job, work):
    while True:
        job.status = JobStatus.RUNNING  # expect: GOV303
        try:
            work()
        except OSError:
            job.status = JobStatus.FAILED
        else:
            job.status = JobStatus.SUCCESS
            return
# --- case: resets a failed job in the handler
from app.jobs import JobStatus


def run(job, work):
    job.status = JobStatus.RUNNING
    try:
        work()
    except TimeoutError:
        job.status = JobStatus.FAILED
        job.status = JobStatus.PENDING  # expect: GOV303
        return
    job.status = JobStatus.SUCCESS
# --- case: success in finally after failure in the handler
from app.jobs import JobStatus


def run(job, work):
    job.status = JobStatus.RUNNING
    try:
        work()
    except Exception:
        job.status = JobStatus.FAILED
    finally:
        job.status = JobStatus.SUCCESS  # expect: GOV303
# --- case: falls through after the handler
from app.jobs import JobStatus


def run(job, work):
    job.status = JobStatus.RUNNING
    try:
        work()
    except Exception:
        job.status = JobStatus.FAILED
    job.status = JobStatus.SUCCESS  # expect: GOV303
# --- case: a finally that only stores
from app.jobs import JobStatus


def run(job, work, store):
    job.status = JobStatus.RUNNING
    status = JobStatus.FAILED
    try:
        work()
        status = JobStatus.SUCCESS
    finally:
        job.status = status
        store.save(job)
# --- case: else branch of a guard, legal
from app.jobs import JobStatus


def advance(job, ok):
    if job.status == JobStatus.PENDING:
        job.status = JobStatus.RUNNING
    elif job.status == JobStatus.RUNNING:
        job.status = JobStatus.SUCCESS if ok else JobStatus.FAILED
    else:
        raise ValueError(job.status)
# --- case: cancel of a pending job
from app.jobs import JobStatus


class JobExecutionService:
    def __init__(self):
        self._jobs = {}

    def cancel(self, job_id):
        job = self._jobs[job_id]
        if job.status is not JobStatus.PENDING:
            return False
        job.status = JobStatus.FAILED  # expect: GOV303
        return True
# --- case: cancel of whatever is not over
from app.jobs import JobStatus

OVER = (JobStatus.SUCCESS, JobStatus.FAILED)


def cancel(job):
    if job.status in OVER:
        return False
    job.status = JobStatus.FAILED
    return True
# --- case: reopens what is over
from app.jobs import JobStatus

OVER = (JobStatus.SUCCESS, JobStatus.FAILED)


def reopen(job):
    if job.status not in OVER:
        return
    job.status = JobStatus.PENDING  # expect: GOV303
# --- case: two guards joined
from app.jobs import JobStatus


def settle(job, done):
    if done and job.status == JobStatus.PENDING:
        job.status = JobStatus.SUCCESS  # expect: GOV303
    if job.status == JobStatus.SUCCESS or job.status == JobStatus.FAILED:
        job.status = JobStatus.RUNNING  # expect: GOV303
# --- case: the state in a local variable
from app.jobs import JobStatus


def settle(job):
    status = job.status
    if status != JobStatus.PENDING:
        return
    job.status = JobStatus.SUCCESS  # expect: GOV303
# --- case: new value over a variable
from app.jobs import JobStatus


def settle(job, ok):
    new = JobStatus.SUCCESS if ok else JobStatus.FAILED
    if job.status == JobStatus.PENDING:
        job.status = new  # expect: GOV303
    if job.status == JobStatus.RUNNING:
        job.status = new
# --- case: compares the value
from app.jobs import JobStatus


def settle(job):
    if job.status.value == "pending":
        job.status = JobStatus.SUCCESS  # expect: GOV303
# --- case: methods of the job
from enum import Enum


class JobStatus(Enum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class Job:
    def __init__(self):
        self.status = JobStatus.PENDING

    def start(self):
        self.status = JobStatus.RUNNING

    def finish(self):
        self.status = JobStatus.SUCCESS

    def fail(self):
        self.status = JobStatus.FAILED


def good(work):
    job = Job()
    job.start()
    try:
        work()
    except Exception:
        job.fail()
    else:
        job.finish()


def bad(work):
    job = Job()
    work()
    job.finish()  # expect: GOV303


def worse(job: Job):
    job.fail()
    job.start()  # expect: GOV303
# --- case: methods that guard themselves
from enum import Enum


class JobStatus(Enum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class Job:
    def __init__(self):
        self.status = JobStatus.PENDING

    def start(self):
        if self.status is not JobStatus.PENDING:
            raise RuntimeError
        self.status = JobStatus.RUNNING

    def finish(self):
        if self.status is JobStatus.RUNNING:
            self.status = JobStatus.SUCCESS


def go(work):
    job = Job()
    work()
    job.finish()
    return job
# --- case: a factory of the service
from dataclasses import dataclass

from app.jobs import JobStatus


@dataclass
class Job:
    id: str
    status: JobStatus = JobStatus.PENDING


class JobExecutionService:
    def __init__(self):
        self._jobs = {}

    def create_job(self, job_id):
        job = Job(job_id)
        self._jobs[job_id] = job
        return job

    def run_at_once(self, job_id):
        job = self.create_job(job_id)
        job.status = JobStatus.SUCCESS  # expect: GOV303

    def run_well(self, job_id, work):
        job = self.create_job(job_id)
        job.status = JobStatus.RUNNING
        work(job)
        job.status = JobStatus.SUCCESS
# --- case: a repository that is not in the tree
from app.jobs import JobStatus


class JobExecutionService:
    def __init__(self, repository):
        self.repository = repository

    def good(self, job_id, work):
        self.repository.set_status(job_id, JobStatus.RUNNING)
        work(job_id)
        self.repository.set_status(job_id, JobStatus.SUCCESS)

    def bad(self, job_id):
        self.repository.set_status(job_id, JobStatus.PENDING)
        self.repository.set_status(job_id, JobStatus.SUCCESS)  # expect: GOV303

    def worse(self, job_id):
        self.repository.update(job_id, status=JobStatus.FAILED)
        self.repository.update(job_id, status=JobStatus.RUNNING)  # expect: GOV303

    def two(self, first, second):
        self.repository.update(first, status=JobStatus.FAILED)
        self.repository.update(second, status=JobStatus.RUNNING)
# --- case: async, with a lock
import asyncio

from app.jobs import JobStatus


class JobExecutionService:
    def __init__(self, plugins):
        self._plugins = plugins
        self._jobs = {}
        self._lock = asyncio.Lock()

    async def run_job(self, job_id):
        async with self._lock:
            job = self._jobs[job_id]
            if job.status != JobStatus.PENDING:
                raise ValueError
            job.status = JobStatus.RUNNING
        try:
            result = await self._plugins.execute(job)
            async with self._lock:
                job.status = JobStatus.SUCCESS
                job.result = {**result}
            return job
        except Exception:
            async with self._lock:
                job.status = JobStatus.FAILED
            return job

    async def bad(self, job_id):
        async with self._lock:
            job = self._jobs[job_id]
            job.status = JobStatus.PENDING  # expect: GOV303
        await asyncio.sleep(0)
        async with self._lock:
            job.status = JobStatus.FAILED  # expect: GOV303
# --- case: the work happens in an unknown callable that is given the job
from app.jobs import JobStatus


def run(job, runner):
    job.status = JobStatus.PENDING
    runner.run(job)
    job.status = JobStatus.SUCCESS
# --- case: an object of another kind with a status of its own
from enum import Enum


class JobStatus(Enum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class OrderStatus(Enum):
    PENDING = "pending"
    SUCCESS = "success"


class Order:
    def __init__(self):
        self.status = OrderStatus.PENDING


def pay(order: Order):
    if order.status == OrderStatus.PENDING:
        order.status = OrderStatus.SUCCESS
# --- case: job statuses of an enum under a library's name
from airflow.utils.state import JobState


def check(job):
    if job.state == JobState.RESTARTING:
        job.state = JobState.RUNNING
# --- case: a class of constants and plain strings
class JobStatus:
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class Job:
    def __init__(self):
        self.status = JobStatus.PENDING


def run(job: Job):
    if job.status == "FAILED":
        job.status = "RUNNING"  # expect: GOV303
    job.status = JobStatus.RUNNING
    job.status = "SUCCESS"
# --- case: tables in other shapes
from app.jobs import JobStatus as S

_NEXT = {S.PENDING: S.RUNNING, S.FAILED: S.PENDING}  # expect: GOV303
ALLOWED_TRANSITIONS = frozenset({(S.PENDING, S.RUNNING), (S.RUNNING, S.SUCCESS), (S.PENDING, S.FAILED)})  # expect: GOV303
VALID_TRANSITIONS: dict[S, tuple[S, ...]] = {
    S.PENDING: (S.RUNNING,),
    S.RUNNING: (S.SUCCESS, S.FAILED),
    S.SUCCESS: (),
    S.FAILED: (),
}
VALID_TRANSITIONS[S.RUNNING] = (S.PENDING,)  # expect: GOV303
LABELS = {S.PENDING: "waiting", S.SUCCESS: "done"}
ICONS = {S.PENDING: S.PENDING.name}
# --- case: a table of strings
from app.jobs import JobStatus

JOB_TRANSITIONS = {
    "PENDING": ["RUNNING", "SUCCESS"],  # expect: GOV303
    "RUNNING": ["SUCCESS", "FAILED"],
}


def allowed(job: JobStatus, new):
    return new in JOB_TRANSITIONS[job.value]
# --- case: a door's transitions
from app.jobs import JobStatus

DOOR_TRANSITIONS = {"open": ["closed"], "closed": ["open"], "failed": ["running"]}
COLOURS = {JobStatus.PENDING: "grey"}
# --- case: literals
from typing import Literal

JobStatus = Literal["PENDING", "RUNNING", "DONE"]  # expect: GOV303
JobState = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED"]
# --- case: functional api and lower case
from enum import Enum

JobStatus = Enum("JobStatus", "pending running success failed")


class JobState(str, Enum):
    pending = "pending"
    running = "running"
    completed = "completed"  # expect: GOV303
    failed = "failed"


def f(job):
    return job.status is JobStatus.pending or job.state == JobState.completed  # expect: GOV303
# --- case: parameters that are annotated
from enum import Enum


class JobStatus(str, Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


def listed(status: JobStatus | None = None):
    return status


def use(text):
    listed("QUEUED")  # expect: GOV303
    listed(status="SUCCESS")
    listed(JobStatus(text))
    job_status = "ERROR"  # expect: GOV303
    return job_status
# --- case: an http status, a test result and a task state
from enum import Enum


class JobStatus(str, Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class Task:
    status = "queued"


def f(response, task: Task, result):
    if response.status == 404 or response.status_text == "DONE":
        task.status = "done"
    result.state = "error"
    return {"status": "done", "job": JobStatus.SUCCESS.value}
# --- case: an ORM column
from sqlalchemy import Column, Enum as SqlEnum, String
import enum

from app.db import Base


class JobStatus(str, enum.Enum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class Job(Base):
    __tablename__ = "jobs"
    id = Column(String, primary_key=True)
    status = Column(SqlEnum(JobStatus), default=JobStatus.PENDING)


def claim(session):
    job = session.query(Job).filter(Job.status == JobStatus.PENDING).first()
    session.query(Job).filter(Job.status == JobStatus.PENDING).update({"status": JobStatus.RUNNING})
    job.status = JobStatus.RUNNING
    session.commit()
# --- case: guard by a helper of which nothing is known
from app.jobs import JobStatus


def finish(job, is_running):
    if not is_running(job):
        raise ValueError
    job.status = JobStatus.SUCCESS
# --- case: only after two statements of another path
from app.jobs import JobStatus


def f(job, fast):
    if fast:
        job.status = JobStatus.PENDING
    else:
        job.status = JobStatus.RUNNING
    job.note = "x"
    job.status = JobStatus.FAILED  # expect: GOV303
# --- case: returned before
from app.jobs import JobStatus


def f(job, fast):
    if fast:
        job.status = JobStatus.PENDING
        return job
    job.status = JobStatus.SUCCESS
    return job
# --- case: rebinding the name makes another job
from app.jobs import JobStatus


def f(queue):
    job = queue.pop()
    job.status = JobStatus.FAILED
    job = queue.pop()
    job.status = JobStatus.RUNNING
# --- case: with transitions of a state machine library
from transitions import Machine

from app.jobs import JobStatus

transitions = [
    {"trigger": "start", "source": JobStatus.PENDING, "dest": JobStatus.RUNNING},
    {"trigger": "redo", "source": JobStatus.FAILED, "dest": JobStatus.RUNNING},  # expect: GOV303
]
machine = Machine(states=JobStatus, transitions=transitions)
# --- case: conditional expression over the current state
from app.jobs import JobStatus


def toggle(job):
    job.status = JobStatus.RUNNING if job.status == JobStatus.FAILED else job.status  # expect: GOV303
# --- case: a lambda and a comprehension
from app.jobs import JobStatus


def f(jobs):
    [setattr(j, "status", JobStatus.RUNNING) for j in jobs if j.status == JobStatus.FAILED]  # expect: GOV303
    return [j for j in jobs if j.status == JobStatus.FAILED]
# --- case: conditional expression that keeps to the machine
from app.jobs import JobStatus


def tick(job, ok):
    job.status = JobStatus.RUNNING if job.status == JobStatus.PENDING else job.status


def tock(job, ok):
    if job.status is JobStatus.RUNNING:
        job.status = (JobStatus.SUCCESS if ok else JobStatus.FAILED) if job.payload else JobStatus.FAILED
# --- case: a stored job is put back to the start
from app.jobs import JobStatus


class JobExecutionService:
    def __init__(self):
        self._jobs = {}

    def retry(self, job_id):
        job = self._jobs[job_id]
        job.status = JobStatus.PENDING  # expect: GOV303
        return job

    def requeue_all(self):
        for job in self._jobs.values():
            if job.status == JobStatus.FAILED:
                job.status = JobStatus.PENDING  # expect: GOV303

    def add_job(self, job):
        self._jobs[job.id] = job
        self._jobs[job.id].status = JobStatus.PENDING

    def reset(self, job):
        job.status = JobStatus.PENDING
# --- case: a nested try, a re-raise and an outer handler
from app.jobs import JobStatus


def run(job, work, log):
    job.status = JobStatus.RUNNING
    try:
        try:
            job.result = work()
        except ValueError as error:
            job.status = JobStatus.FAILED
            log.error(error)
            raise
        job.status = JobStatus.SUCCESS
    except Exception:
        job.status = JobStatus.FAILED
    finally:
        log.info(job.status)
# --- case: retried as a task, back from running
from app.jobs import JobStatus


def run(job, work, queue):
    job.status = JobStatus.RUNNING
    try:
        work()
    except ConnectionError:
        job.status = JobStatus.PENDING  # expect: GOV303
        queue.put(job.id)
        return
    job.status = JobStatus.SUCCESS
# --- case: waits until it is no longer pending
import time

from app.jobs import JobStatus


def finish(job):
    while job.status == JobStatus.PENDING:
        time.sleep(1)
    job.status = JobStatus.SUCCESS


def wait(job):
    while job.status not in (JobStatus.SUCCESS, JobStatus.FAILED):
        time.sleep(1)
    return job.status
# --- case: skips what is running, and then ends it
from app.jobs import JobStatus


def end(job):
    if job.status == JobStatus.RUNNING:
        return
    job.status = JobStatus.SUCCESS  # expect: GOV303
# --- case: nested dicts
from app.jobs import JobStatus


class Service:
    def __init__(self):
        self._jobs = {}

    def create_job(self, job_id):
        self._jobs[job_id] = {"status": JobStatus.PENDING, "result": None}

    def good(self, job_id, work):
        self._jobs[job_id]["status"] = JobStatus.RUNNING
        self._jobs[job_id]["result"] = work()
        self._jobs[job_id]["status"] = JobStatus.SUCCESS

    def bad(self, job_id):
        self._jobs[job_id]["status"] = JobStatus.FAILED
        self._jobs[job_id]["status"] = JobStatus.RUNNING  # expect: GOV303
        self._jobs[job_id]["status"] = "DONE"  # expect: GOV303
# --- case: the job checks its own transitions
from enum import Enum


class JobStatus(Enum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


_ALLOWED = {
    JobStatus.PENDING: (JobStatus.RUNNING,),
    JobStatus.RUNNING: (JobStatus.SUCCESS, JobStatus.FAILED),
}


class Job:
    def __init__(self):
        self._status = JobStatus.PENDING

    @property
    def status(self):
        return self._status

    def transition_to(self, status):
        if status not in _ALLOWED.get(self._status, ()):
            raise ValueError(status)
        self._status = status


def good(work):
    job = Job()
    job.transition_to(JobStatus.RUNNING)
    work()
    job.transition_to(JobStatus.SUCCESS)


def bad():
    job = Job()
    job.transition_to(JobStatus.SUCCESS)  # expect: GOV303
# --- case: an executor runs the job
from concurrent.futures import ThreadPoolExecutor

from app.jobs import JobStatus


class Service:
    def __init__(self):
        self._jobs = {}
        self._pool = ThreadPoolExecutor()

    def submit(self, job):
        job.status = JobStatus.PENDING
        self._jobs[job.id] = job
        self._pool.submit(self._run, job)
        return job

    def _run(self, job):
        job.status = JobStatus.RUNNING
        try:
            job.result = job.call()
        except Exception:
            job.status = JobStatus.FAILED
        else:
            job.status = JobStatus.SUCCESS
# --- case: one service calls its own run
from dataclasses import dataclass

from app.jobs import JobStatus


@dataclass
class Job:
    id: str
    status: JobStatus = JobStatus.PENDING


class Service:
    def __init__(self):
        self._jobs = {}

    def create_job(self, job_id):
        self._jobs[job_id] = Job(job_id)
        return job_id

    def run_job(self, job_id):
        job = self._jobs[job_id]
        job.status = JobStatus.RUNNING
        job.status = JobStatus.SUCCESS
        return job

    def submit(self, job_id):
        self.create_job(job_id)
        first = self.run_job(job_id)
        return first

    def twice(self, job_id):
        self.run_job(job_id)
        return self.run_job(job_id)  # expect: GOV303
# --- case: yields and generators
from app.jobs import JobStatus


def steps(job):
    job.status = JobStatus.RUNNING
    yield job
    job.status = JobStatus.SUCCESS
    yield job
    job.status = JobStatus.RUNNING  # expect: GOV303
# --- case: class of settings under a known name
class JobState:
    MAX_RETRIES = 3
    TIMEOUT = 30


class JobStatus(Exception):
    CODE = 7
# --- case: a client of another service with the same words
import httpx

from app.jobs import JobStatus


def poll(client: httpx.Client, job_id):
    data = client.get(f"/jobs/{job_id}").json()
    if data["job_status"] == "QUEUED" or data["status"] == "DONE":
        return JobStatus.PENDING
    return JobStatus.RUNNING
# --- case: code that never runs
from app.jobs import JobStatus


def f(job):
    if False:
        job.status = JobStatus.PENDING
        job.status = JobStatus.CANCELLED  # expect: GOV303
    return job
# --- case: another system's job status, in a program without jobs of its own
class ClusterTask:
    def __init__(self):
        self.job_status = "UNKNOWN"

    def poll(self, answer):
        self.job_status = answer
        if self.job_status == "DONE":
            return True
        self.job_status = "EXIT"
        return False
