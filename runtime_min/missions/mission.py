"""A mission's file (spec 002, section 1): read, judged by the linter, and turned into a request.

What `govlint mission check` calls an error is refused before anything is recorded. The linter is
a program of its own, asked as one: neither package imports the other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import Principal, Request, Retry, Session, Step
from runtime_min.kernel.errors import ValidationFailed

_CHECK_SECONDS = 600
_DEFAULT_TIMEOUT = 300  # seconds of a step that has no bound of its own, as upstream has it
# what the gate waits beyond a step's own bound, in which the step ends what it has begun
GRACE_MS = 10_000
_TOKENS = 200_000  # that one attempt of a step with a model reserves
_MODEL_TYPES = frozenset(
    ("llm", "agent", "chain", "model_inference", "generate_embedding", "rag_add", "rag_query")
)
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
)


@dataclass(frozen=True, slots=True)
class MissionStep:
    """One step as written; `parameters` still hold references."""

    id: str
    name: str
    step_type: str
    depends_on: tuple[str, ...] = ()
    timeout_seconds: int | None = None
    continue_on_error: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mission's `config` sets, with its defaults (spec 002, Mission Configuration)."""

    width: int
    fail_fast: bool
    timeout_seconds: int | None
    retry_attempts: int
    retry_delay_seconds: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Null is as good as absent; the width is then the number of processors."""
        return cls(
            config.get("max_concurrent_steps") or os.cpu_count() or 1,
            config.get("fail_fast") is not False,
            config.get("timeout_seconds"),
            config.get("retry_attempts") or 0,
            (config.get("retry_delay_ms") or 0) / 1000,
        )


@dataclass(frozen=True, slots=True)
class Mission:
    """A whole mission; `config` as written, for `{{config.…}}`."""

    name: str
    steps: tuple[MissionStep, ...]
    sha256: str
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings.of(self.config)

    def request(
        self,
        tenant: str,
        principal: Principal,
        session: Session,
        idempotency_key: str,
        details: Mapping[str, Any],
    ) -> Request:
        """What the kernel is asked to run; `details` travel with it through a restart."""
        settings = self.settings
        retry = Retry(1 + settings.retry_attempts, settings.retry_delay_seconds, constant=True)
        steps = []
        for step in self.steps:
            seconds = step.timeout_seconds or own_timeout(step.parameters)
            seconds = seconds or settings.timeout_seconds
            steps.append(
                Step(
                    step.id,
                    f"step:{step.step_type}",
                    dict(step.parameters),
                    tuple(dict.fromkeys(step.depends_on)),
                    1000 * (seconds or _DEFAULT_TIMEOUT) + GRACE_MS,
                    retry,
                    {"tokens": _TOKENS} if step.step_type in _MODEL_TYPES else {},
                    step.continue_on_error,
                )
            )
        return Request(
            tenant,
            principal,
            session,
            "mission",
            "mission.run",
            idempotency_key,
            tuple(steps),
            details={
                "mission": {"name": self.name, "sha256": self.sha256},
                "config": dict(self.config),
                "names": {step.id: step.name for step in self.steps if step.name != step.id},
                **details,
            },
        )


def own_timeout(parameters: Mapping[str, Any]) -> int | None:
    """The bound that a step's own `timeout` sets, where it is a plain number."""
    value = parameters.get("timeout")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def load_mission(path: Path, context: Mapping[str, Any] | None = None) -> Mission:
    """Read and judge a mission. ValidationFailed with the linter's findings where it has errors.

    A bare `{{name}}`, which spec 002 itself writes, passes where `context` has that name.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValidationFailed(f"{path} cannot be read: {error.strerror}", "no-mission") from None
    return read_mission(data, str(path), context)


def read_mission(
    data: bytes, name: str = "mission.yaml", context: Mapping[str, Any] | None = None
) -> Mission:
    """As `load_mission`, for bytes; JSON where the name ends in `.json`, else YAML."""
    check(data, name, context or {})
    value = json.loads(data) if name.endswith(".json") else _yaml(data)
    steps = tuple(
        MissionStep(
            step["id"],
            step.get("name") or step["id"],
            step["step_type"],
            tuple(step.get("depends_on") or ()),
            step.get("timeout_seconds"),
            bool(step.get("continue_on_error")),
            step.get("parameters") or {},
        )
        for step in value["steps"]
    )
    digest = hashlib.sha256(data).hexdigest()
    return Mission(value["name"], steps, digest, value.get("config") or {})


def check(data: bytes, name: str, context: Mapping[str, Any]) -> None:
    """Ask the linter. ValidationFailed with its errors, or where it could not judge."""
    suffix = ".json" if name.endswith(".json") else ".yaml"
    command = [sys.executable, "-P", "-m", "govlint", "mission", "check", "-"]
    command += ["--stdin-filename", f"mission{suffix}", "--format", "json", "--no-cache"]
    command += ["--fail-on", "error", "--no-baseline"]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_CHECK_SECONDS, check=False
        )
        said = json.loads(done.stdout) if done.returncode in (0, 1, 3) else {}
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ValidationFailed(f"{name} could not be checked: {error}", "unchecked") from None
    if done.returncode == 0:
        return
    faults = [
        f"{name}:{found['line']}: {found['rule']} {found['message']}"
        for found in said.get("findings", ())
        if found["severity"] == "error" and not _is_in_context(found, context)
    ]
    if not faults and not said.get("problems") and said.get("findings"):
        return
    faults += [f"{name}: {problem['message']}" for problem in said.get("problems", ())]
    if not faults:
        faults = [f"{name} could not be checked: {done.stderr.decode('utf-8', 'replace').strip()}"]
    raise ValidationFailed("\n".join(faults), "invalid-mission")


def _is_in_context(found: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    """Whether a finding is about a bare name that the caller has given a value."""
    named = re.match(r"`\{\{(\w+)\}\}` is none of the four forms", found["message"])
    return found["rule"] == "MSN007" and named is not None and named[1] in context


def _yaml(data: bytes) -> Any:
    """A checked document's value, scalars typed by YAML 1.2 (`on` and `12:30` are text)."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    for tag, pattern, first in (
        ("null", re.compile(r"|~|null|Null|NULL"), ["", "~", "n", "N"]),
        ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
        ("int", re.compile(rf"(?:{_INTEGER.pattern})$"), list("-+0123456789")),
        ("float", re.compile(rf"(?:{_FLOAT.pattern})$"), list("-+0123456789.")),
        ("merge", re.compile(r"<<$"), ["<"]),
    ):
        whole = re.compile(rf"(?:{pattern.pattern})\Z")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, first)
    Loader.add_constructor("tag:yaml.org,2002:int", _integer)
    Loader.add_constructor("tag:yaml.org,2002:float", _float)
    return yaml.load(data, Loader=Loader)


def _integer(_loader: Any, node: Any) -> int:
    text = node.value.lower()
    return int(text, 8) if "0o" in text else int(text, 16) if "0x" in text else int(text)


def _float(_loader: Any, node: Any) -> float:
    return float(node.value.lower().replace(".inf", "inf"))
