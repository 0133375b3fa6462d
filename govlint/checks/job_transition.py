"""Job states outside the machine, and transitions that it does not have (GOV303)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule, first_of_each_line
from govlint.python.bindings import matches_any
from govlint.python.flow import values as v
from govlint.python.jobs.births import default_of, is_by_default, of_constructor
from govlint.python.jobs.paths import JobPaths
from govlint.python.jobs.tables import TransitionTables
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace, enclosing_function, state_space
from govlint.python.states.members import members_of
from govlint.python.states.uses import state_uses
from govlint.python.symbols import Module

KIND = "job-transition"
TRIGGERS: tuple[str, ...] = (
    "JobStatus",
    "JobState",
    "job_status",
    "job_state",
    "class Job",
    "JobRecord",
)

_RESTORES = ("from_", "load", "restore", "parse", "decode", "deserial", "_row", "hydrate", "replay")


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """States first, then the transitions of tables, births and paths; one a line."""
    space = state_space(program, "job")
    return _all(rule, space)


def _all(rule: Rule, space: StateSpace) -> Iterator[Finding]:
    program = space.program
    if not program.bindings.job_enums:
        return  # the project says that it has no jobs
    allowed = ", ".join(space.allowed)
    has_jobs = bool(space.classes) or any(
        any(space.is_job(cls) for cls in module.classes)
        or any(matches_any(program.bindings.job_enums, name) for name in module.stored)
        for module in program.modules.values()
    )
    if not has_jobs:
        return  # a name such as `job_status` alone may be another system's
    for use in state_uses(space):
        message = f"{use.word} is {use.verb} here as a job state; accepted are {allowed}"
        yield _finding(rule, program, use.node, message)
    for node, before, after in TransitionTables(space).illegal():
        yield _finding(rule, program, node, _message(program, before, after))
    for node, state in _births(space):
        message = f"a new job starts here as {state}; accepted is {_initial(program)}"
        yield _finding(rule, program, node, message)
    for step in sorted(JobPaths(space).find(), key=lambda step: (step.before, step.after)):
        related: tuple[Related, ...] = ()
        if step.write is not None:
            module = program.module_of(step.write)
            where = program.location(module, step.write)
            related = (Related(where, f"the state becomes {step.after} here"),)
        yield _finding(
            rule, program, step.node, _message(program, step.before, step.after), related
        )


def _births(space: StateSpace) -> Iterator[tuple[ast.AST, str]]:
    """Jobs that are made in a state other than the first; reading back a stored one is none."""
    program = space.program
    targets = {after for _, after in program.bindings.job_transitions}
    for module in program.modules.values():
        if module.is_test:
            continue
        yield from _defaults(space, module, targets)
        for node in nodes_of(module, ast.Call):
            if not isinstance(node, ast.Call):
                continue
            for value in program.values(node.func):
                if not isinstance(value, v.ClassValue) or not space.is_job(value.cls):
                    continue
                function = enclosing_function(program, node)
                name = function.name.lower() if function is not None else ""
                if any(word in name for word in _RESTORES):
                    continue
                born = of_constructor(space, value.cls, node, space.states)
                if born is None or None in born[1] or is_by_default(space, value.cls, node):
                    continue
                for state in sorted(s for s in born[1] if s in targets):
                    yield node, state
                    break


def _defaults(
    space: StateSpace, module: Module, targets: set[str]
) -> Iterator[tuple[ast.AST, str]]:
    """Jobs whose class says that they start in another state."""
    for cls in module.classes:
        if not space.is_job(cls):
            continue
        for name, value, target in members_of(cls):
            if name.strip("_") not in ("status", "state", "job_status", "job_state"):
                continue
            states = space.states(default_of(value))
            if None not in states:
                yield from ((target, s) for s in sorted(s for s in states if s in targets)[:1])


def _initial(program: Program) -> str:
    transitions = program.bindings.job_transitions
    targets = {after for _, after in transitions}
    return " or ".join(sorted({before for before, _ in transitions} - targets)) or "none"


def _message(program: Program, before: str, after: str) -> str:
    transitions = program.bindings.job_transitions
    following = [to for source, to in transitions if source == before]
    accepted = f"accepted is only {' or '.join(following)}" if following else "that state is final"
    return f"a job goes from {before} to {after} here; from {before} {accepted}"


def _finding(
    rule: Rule,
    program: Program,
    node: ast.AST,
    message: str,
    related: tuple[Related, ...] = (),
) -> Finding:
    return rule.finding(
        message,
        program.location(program.module_of(node), node),
        related=related,
    )
