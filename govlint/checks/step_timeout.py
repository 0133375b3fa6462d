"""Every step that can hang has a bound, and the bounds fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.documents.missions.mission import Step
    from govlint.model import Finding, Rule

KIND = "step-timeout"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report bounds that are missing, not positive, or longer than the mission's."""
    from govlint.documents.missions.mission import mission_of

    for document in documents.of("mission"):
        mission = mission_of(document)
        # a configuration that is no mapping is another rule's to report
        config = mission.value.get("config")
        known = config is None or isinstance(config, dict)
        whole = mission.config.get("timeout_seconds")
        tools = {s.within.pointer: s for s in mission.every_step if s.within and s.is_tool}
        if whole is not None and _is_number(whole) and whole <= 0:
            said = (
                f"the mission's timeout_seconds is {whole}; a bound is a positive number of seconds"
            )
            yield rule.finding(said, document.location("/config/timeout_seconds"))
            whole, known = None, False
        for step in mission.every_step:
            if step.is_tool:
                continue  # judged with the step that runs it
            bounded = whole is not None or not known
            for pointer, name, value in _bounds(step, tools.get(step.pointer)):
                bounded = True
                if not _is_number(value):
                    continue
                if value <= 0:
                    said = (
                        f"`{name}` of {step.called} is {value}; a bound is a positive number of"
                        " seconds"
                    )
                elif whole is not None and _is_number(whole) and value > whole:
                    said = (
                        f"`{name}` of {step.called} is {value}, longer than the {whole} s of the"
                        " mission"
                    )
                else:
                    continue
                yield rule.finding(said, document.location(pointer))
            within = step.within
            while within is not None and not bounded:
                bounded = any(True for _ in _bounds(within))
                within = within.within
            if not bounded and step.within is None and step.notes.get("can-hang"):
                said = (
                    f"{step.called} ({step.kind}) waits for something and has no bound: give it"
                    " timeout_seconds, or the mission config.timeout_seconds"
                )
                yield rule.finding(said, document.location(step.pointer))


def _bounds(step: Step, tool: Step | None = None) -> Iterator[tuple[str, str, Any]]:
    """The bounds that a step has itself, null being none."""
    key = "timeout_seconds"
    if step.within is not None:
        key = step.within.notes.get("nested-steps", {}).get("timeout-in", key)
    if step.raw.get(key) is not None:
        yield f"{step.pointer}/{key}", key, step.raw[key]
    for name, value in step.parameters.items():
        if value is not None and "timeout" in step.roles(name):
            yield f"{step.pointer}/parameters/{name}", name, value
    if tool is not None:
        yield from _bounds(tool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
