"""The API against its own description, and under load; GOVLINT_CAMPAIGN=1 makes both long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from starlette.testclient import TestClient
from test_runtime_chain import bearer, payload

from runtime_min.api.app import create_app
from runtime_min.api.tokens import TokenStore
from runtime_min.kernel.envelope import Principal
from runtime_min.kernel.ports import SystemDisk
from runtime_min.record import replay
from runtime_min.runtime import Runtime

CAMPAIGN = bool(os.environ.get("GOVLINT_CAMPAIGN"))
EXAMPLES = 100 if CAMPAIGN else 6
SECONDS = 60 if CAMPAIGN else 2
CLIENTS = 200 if CAMPAIGN else 20


class Served:
    """An API over a runtime with threads, and a token for each role."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.open()
        self.tokens = {
            name: self.store.issue(Principal(f"user:{name}", tenant, (role,)), 1)
            for name, tenant, role in (
                ("analyst", "acme", "analyst"),
                ("operator", "acme", "operator"),
                ("stranger", "other", "operator"),
            )
        }

    def open(self) -> None:
        self.runtime = Runtime(self.home)
        clock, randomness = self.runtime.clock, self.runtime.randomness
        self.store = TokenStore(self.home / "tokens.json", SystemDisk(), clock, randomness)
        self.app = create_app(self.runtime, self.store, per_second=1e9, burst=10**9)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.runtime.close()


def test_what_the_description_allows_or_not_never_ends_in_a_server_error(served: Served) -> None:
    described = schemathesis.openapi.from_asgi("/openapi.json", served.app)
    client = TestClient(served.app, raise_server_exceptions=False)
    body = {"plugin": "thumbnail", **payload()}
    mine = bearer(served.tokens["operator"])
    job = client.post("/v1/analyses", json=body, headers=mine).json()["job_id"]
    seen: dict[int, int] = {}
    for found in described.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        for mode in schemathesis.GenerationMode:

            @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def fuzz(case: Any) -> None:
                for name in served.tokens:
                    case.headers = {**(case.headers or {}), **bearer(served.tokens[name])}
                    answer = case.call()
                    seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
                    assert answer.status_code < 500, answer.text
                    assert "_internal" not in answer.text and "Traceback" not in answer.text
                    if case.path_parameters:  # next time about something that is there
                        known = {"tenant": "acme", "job_id": job, "run": job}
                        for key in case.path_parameters:
                            case.path_parameters[key] = known[key]

            if mode is schemathesis.GenerationMode.POSITIVE:
                fuzz()
            else:
                with suppress(Unsatisfiable):  # where there is nothing that could be wrong
                    fuzz()
    assert {200, 403, 422} <= set(seen), seen


def test_jobs_of_many_clients_at_once_are_all_done(served: Served) -> None:
    """Each answer is the caller's own; what was accepted is there, also after a restart."""
    accepted: dict[str, str] = {}
    faults: list[str] = []
    lock = threading.Lock()
    until = time.monotonic() + SECONDS
    image = payload(max_side=8)

    def client(number: int) -> None:
        http = TestClient(served.app, raise_server_exceptions=False)
        mine = bearer(served.tokens["analyst"])
        body = {"plugin": "thumbnail", "image": image["image"], "mime_type": "image/png"}
        for turn in range(10**6):
            key = f"{number}-{turn}"
            headers = {**mine, "idempotency-key": key}
            answer = http.post("/v1/jobs", json=body, headers=headers)
            if answer.status_code != 202:
                faults.append(answer.text)
                return
            with lock:
                accepted[key] = answer.json()["job_id"]
            if time.monotonic() > until:
                return

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(set(accepted.values())) == len(accepted) >= CLIENTS
    served.runtime.close()
    served.open()  # takes up what still waits
    rows = {row.run: row for row in served.runtime.journal.runs("acme", limit=-1)}
    assert set(accepted.values()) <= set(rows)
    for run in set(rows):
        done = served.runtime.kernel.execute("acme", run)
        while done.status == "accepted":  # a thread has it
            done = served.runtime.kernel.execute("acme", run)
        assert done.status == "completed" and done.output["width"] == 30
    for key, run in list(accepted.items())[:: max(len(accepted) // 20, 1)]:
        assert rows[run].idempotency_key == key
        assert replay.state_only(served.runtime.journal, "acme", run)["job"] == {run: "SUCCESS"}
