"""No path of a mission leaves its workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "path-escape"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each path parameter that leads out, however it is spelt."""
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.paths import escape

    for document in documents.of("mission"):
        for step in mission_of(document).every_step:
            for name, value in step.parameters.items():
                roles = step.roles(name)
                if not isinstance(value, str) or not {"path-read", "path-write", "directory"} & {
                    *roles
                }:
                    continue
                reason = escape(value)
                if reason is not None:
                    said = f"`{name}` of {step.called} leaves the mission's directory: {reason}"
                    yield rule.finding(said, document.location(f"{step.pointer}/parameters/{name}"))
