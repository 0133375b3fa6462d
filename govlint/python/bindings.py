"""Which names of a project play the parts that the rules speak of.

The defaults are the names of the specs, so that a project which follows them needs no
configuration. A project with other names sets them in `[tool.govlint.bindings]`; each
key replaces its default. An entry is a bare name (`BasePlugin`), a dotted name
(`app.plugins.base.BasePlugin`, matched from the end: `base.BasePlugin` is enough) or a
pattern with `*` and `?` in any of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

_WILDCARD = re.compile(r"[*?\[\].]+")


def matches(pattern: str, qualname: str) -> bool:
    """Say whether a binding's entry means `qualname` (dotted, module first).

    The pattern is compared part by part from the end, so a bare name matches the last
    part alone; this is what lets one entry serve however deep a project nests it.
    """
    wanted = pattern.split(".")
    have = qualname.split(".")
    if len(wanted) > len(have):
        return False
    return all(
        fnmatchcase(name, part)
        for part, name in zip(reversed(wanted), reversed(have), strict=False)
    )


def matches_any(patterns: Iterable[str], qualname: str) -> bool:
    """Say whether any of `patterns` means `qualname`."""
    return _matches_any(tuple(patterns), qualname)


def literal_parts(entry: str) -> list[str]:
    """The parts of a binding's entry that stand in every match as they are."""
    return [part for part in _WILDCARD.split(entry) if part]


def has_wildcard(entry: str) -> bool:
    """Whether an entry is a pattern."""
    return any(char in entry for char in "*?[")


@lru_cache(maxsize=65_536)
def _matches_any(patterns: tuple[str, ...], qualname: str) -> bool:
    return any(matches(pattern, qualname) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Bindings:
    """The parts, by name. Sources: rules.md "Names that need no configuration"; spec 001."""

    plugins: tuple[str, ...] = ("BasePlugin", "Plugin", "PluginBase")
    governed_methods: tuple[str, ...] = ("run",)
    registries: tuple[str, ...] = ("PluginRegistry",)
    # Class.method; the class is the gate's class
    gates: tuple[str, ...] = ("ToolRunner.run",)
    metrics: tuple[str, ...] = ("update_execution_metrics",)
    validate_input: tuple[str, ...] = ("validate_input",)
    validate_output: tuple[str, ...] = ("validate_output",)
    # builders of the error envelope, by function name; besides these any function whose
    # result is a mapping with both keys `error` and `_internal` is one
    envelopes: tuple[str, ...] = ()
    error_types: tuple[str, ...] = (
        "ValidationError",
        "PluginError",
        "ExecutionError",
    )
    lifecycle_enums: tuple[str, ...] = ("*LifecycleState", "*PluginState")
    lifecycle_states: tuple[str, ...] = (
        "LOADED",
        "INITIALIZED",
        "RUNNING",
        "FAILED",
        "UNAVAILABLE",
    )
    # who may write a lifecycle state besides the gate
    lifecycle_managers: tuple[str, ...] = (
        "*LifecycleManager",
        "*LifecycleRegistry",
        "PluginRegistry",
    )
    job_enums: tuple[str, ...] = ("JobStatus", "JobState")
    job_states: tuple[str, ...] = ("PENDING", "RUNNING", "SUCCESS", "FAILED")
    job_transitions: tuple[tuple[str, str], ...] = (
        ("PENDING", "RUNNING"),
        ("RUNNING", "SUCCESS"),
        ("RUNNING", "FAILED"),
    )
    # outermost first; the gate and the plugin close the chain by themselves
    layers: tuple[str, ...] = (
        "AnalysisExecutionService",
        "JobExecutionService",
        "PluginExecutionService",
    )
    # spec 003: domain services, what they are given, and who decides for them
    participants: tuple[str, ...] = ("RuntimeParticipant",)
    contexts: tuple[str, ...] = ("ExecutionContext",)
    state_surfaces: tuple[str, ...] = ("StateSurface",)
    policies: tuple[str, ...] = (
        "PolicyValidator",
        "PolicyEngine",
        "SecurityGuard",
        "CityManager",
        "DataSteward",
    )
    runtimes: tuple[str, ...] = (
        "ExecutionLifecycleManager",
        "RuntimeExecutionEngine",
        "RuntimeService",
        "IntentExecutor",
    )
    # spec 004: what every metric and event carries, and what is only ever appended to
    trace_ids: tuple[str, ...] = ("trace_id", "session_id", "task_id", "capability_id", "version")
    event_logs: tuple[str, ...] = (
        "WriteAheadLog",
        "*EventLog",
        "*EventStore",
        "*EventStream",
        "*AuditLog",
        "*AuditTrail",
        "*Ledger",
        "*Journal",
    )
    # the field of a record that says whose it is
    tenant_fields: tuple[str, ...] = ("tenant_id", "tenant")
    # decorators, base classes and packages that make code part of the API
    api: tuple[str, ...] = ("api", "routes", "mcp")
    # top-level packages that are the project's own though they are not in the tree
    first_party: tuple[str, ...] = ()

    def governs(self, name: str) -> bool:
        """Whether a plugin's method of that name is governed."""
        return matches_any(self.governed_methods, name)

    def governed_among(self, names: Iterable[str]) -> tuple[str, ...]:
        """The governed methods by name: those written out, and which of `names` a pattern means."""
        written = tuple(entry for entry in self.governed_methods if not has_wildcard(entry))
        if len(written) == len(self.governed_methods):
            return written
        return (*written, *sorted({n for n in names if n not in written and self.governs(n)}))


def words_beside_defaults(bindings: Bindings, field: str) -> frozenset[str]:
    """What a file has to hold for an entry of `field` that a project has added to be in it.

    A class `ActivityFeed` is kept in `activity_feed`, too.
    """
    words: set[str] = set()
    for entry in set(getattr(bindings, field)) - set(getattr(Bindings(), field)):
        for part in literal_parts(entry.rpartition(".")[2]):
            words |= {part, re.sub(r"(?<!^)(?=[A-Z])", "_", part).lower()}
    return frozenset(words)
