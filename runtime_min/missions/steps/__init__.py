"""The step types of spec 002, section 3: one function each, by the schema in `schemas/steps`.

A function takes the resolved, validated parameters and gives the output; it raises
CapabilityFailed where the step fails, Refused where a bound of the mission says no, Cancelled
on request. It looks at `context.left()` wherever it waits, so that nothing outlives its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from runtime_min.kernel.errors import Cancelled, CapabilityFailed
from runtime_min.missions.network import NetworkPolicy
from runtime_min.missions.programs import Limits
from runtime_min.missions.services import Services
from runtime_min.missions.vectors import VectorStore
from runtime_min.missions.workspace import Workspace

Parameters = Mapping[str, Any]
Handler = Callable[["StepContext", Parameters], dict[str, Any]]

_MODULES = {
    "files": "create_file edit_file delete_file copy_file move_file read_file list_directory"
    " file_search",
    "data": "parse_json parse_yaml parse_xml validate_schema csv_process",
    "code": "compile_code run_tests format_code lint_code extract_functions generate_docs",
    "repositories": "git_commit git_branch git_merge git_status git_diff",
    "system": "process_start process_kill monitor_resources service_health compress",
    "control": "noop command",
    "databases": "sql_query db_backup db_migrate redis_set redis_get",
    "remote": "http websocket_connect ftp_upload ftp_download ssh_execute ping_host",
    "language": "llm model_inference generate_embedding similarity_search rag_add rag_query",
    "composed": "tool agent chain",
}
MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


class Nested(Protocol):
    """Runs steps of other types below a step, each an envelope of its own."""

    def step(self, step_type: str, parameters: Mapping[str, Any], seconds: float) -> Any: ...
    def plugin(self, name: str, payload: Any) -> Any: ...
    def chain(self, steps: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]: ...
    def plugins(self) -> Mapping[str, str]: ...
    def schema(self, step_type: str) -> dict[str, Any]: ...


class Processes(Protocol):
    """The programs that this mission has started and that still run."""

    def add(self, process: Any) -> None: ...
    def get(self, pid: int) -> Any | None: ...


@dataclass(slots=True)
class StepContext:
    """What a step may use: its folder, its time, its bounds."""

    step_id: str
    workspace: Workspace
    deadline: float  # of `time.monotonic`, seconds
    cancelled: Callable[[], bool] = lambda: False
    limits: Limits = field(default_factory=Limits)
    network: NetworkPolicy = field(default_factory=NetworkPolicy)
    programs: Sequence[str] | None = None  # those that may be started; None: all
    processes: Processes | None = None
    services: Services = field(default_factory=Services)
    nested: Nested | None = None
    store: VectorStore | None = None
    tenant: str = "local"
    charge: Callable[[str, int], None] = lambda _unit, _amount: None
    most_bytes: int = 64 << 20  # of a file that is read whole
    most_entries: int = 100_000

    def left(self) -> float:
        """Seconds that are left; CapabilityFailed and Cancelled where it is over."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise CapabilityFailed("the step did not end in time", "timeout", retryable=True)
        if self.cancelled():
            raise Cancelled()
        return seconds


def handler_of(step_type: str) -> Handler | None:
    """The function of a step type; None where this runtime has none."""
    module = MODULE_OF.get(step_type)
    if module is None:
        return None
    found: Handler = getattr(import_module(f"{__name__}.{module}"), step_type)
    return found
