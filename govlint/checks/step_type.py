"""A step type is one of the 51 of spec 002."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "step-type"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each step and sub-step of a type that does not exist, with the nearest that does."""
    from govlint.documents.missions.dialect import renamed, snake_case
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.schema import nearest
    from govlint.documents.steps import step_types

    for document in documents.of("mission"):
        for step in mission_of(document).every_step:
            if not step.kind or step.is_known:
                continue
            key = "step_type"
            if step.within is not None:
                key = step.within.notes.get("nested-steps", {}).get("type-in", key)
                kinds = step.within.notes.get("nested-steps", {}).get("types")
                if kinds and step.kind not in kinds and snake_case(step.kind) not in kinds:
                    continue  # a sub-step that is no step: a prompt, say
            pointer = f"{step.pointer}/{key}"
            near = snake_case(step.kind)
            fix = renamed(document, pointer, near) if near in step_types() else None
            if near not in step_types():
                near = nearest(step.kind, step_types()) or nearest(near, step_types()) or ""
            hint = f"; did you mean `{near}`?" if near else "; `schemas/steps/` has all 51"
            said = f"{step.called} has the type {step.kind!r}, which is none of the 51{hint}"
            yield rule.finding(said, document.location(pointer), fix=fix)
