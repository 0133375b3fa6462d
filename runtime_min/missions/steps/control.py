"""Nothing at all, and programs."""

from __future__ import annotations

from typing import Any

from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.missions import programs
from runtime_min.missions.steps import Parameters, StepContext


def noop(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Do nothing."""
    return {"message": "nothing was to be done"}


def command(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run a program without a shell; another exit code than 0 fails, and the output is kept."""
    arguments = list(given.get("args") or [])
    ended = run_program(context, given["command"], arguments, given.get("working_dir") or ".")
    output = {
        "command": given["command"],
        "args": arguments,
        "exit_code": ended.code,
        "stdout": ended.stdout,
        "stderr": ended.stderr,
    }
    if ended.code != 0:
        raise CapabilityFailed(f"{given['command']!r} {said_of(ended)}", "exit-code", output=output)
    return output


def run_program(
    context: StepContext, program: str, arguments: list[str], folder: str = ".", given: bytes = b""
) -> programs.Ended:
    """Run a program of this machine in a folder of the workspace, in what time is left."""
    found = programs.find(program, context.programs)
    context.left()
    with context.workspace.folder(folder) as descriptor:
        return programs.run(
            [found, *arguments],
            descriptor,
            deadline=context.deadline,
            cancelled=context.cancelled,
            limits=context.limits,
            given=given,
        )


def said_of(ended: programs.Ended) -> str:
    """How a program ended, and the last line of its error output."""
    how = "was ended by a signal" if ended.code is None else f"ended with exit code {ended.code}"
    lines = ended.stderr.strip().splitlines()
    return f"{how}: {lines[-1][:300]}" if lines else how
