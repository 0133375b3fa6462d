"""What a mission runs is no shell line, no inline code, and destroys nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "dangerous-command"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each command that is dangerous by what runs."""
    from govlint.documents.missions.commands import danger, of_line
    from govlint.documents.missions.mission import mission_of

    for document in documents.of("mission"):
        for step in mission_of(document).every_step:
            for name, value in step.parameters.items():
                roles = step.roles(name) or _undescribed(step.kind, name)
                if not isinstance(value, str):
                    continue
                if "remote-command" in roles:
                    reason = of_line(value)
                elif "command" in roles:
                    given = step.parameters.get("args")
                    reason = danger(value, given if isinstance(given, list) else None)
                else:
                    continue
                if reason is not None:
                    place = document.location(f"{step.pointer}/parameters/{name}")
                    yield rule.finding(f"the command of {step.called} {reason}", place)


def _undescribed(kind: str, name: str) -> tuple[str, ...]:
    """A tool takes what it likes; what it calls `command` is one."""
    return ("command",) if kind == "tool" and name == "command" else ()
