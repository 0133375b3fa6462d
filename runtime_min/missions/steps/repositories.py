"""Git, on real repositories, through the `git` program.

No hook, no configuration of the user and no credential prompt takes part: a mission does the
same on every machine.
"""

from __future__ import annotations

import re
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, ValidationFailed
from runtime_min.missions.programs import Ended
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.control import run_program, said_of

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "protocol.file.allow=user",
)
_NOBODY = ("user.name=mission", "user.email=mission@localhost")


def git_commit(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Stage everything and commit; that there is nothing to commit is said, and is no failure."""
    folder = _repository(context, given)
    if not given["message"].strip():
        raise ValidationFailed("the message of a commit is not empty")
    _git(context, folder, "add", "--all", "--", ".")
    if _run(context, folder, "diff", "--cached", "--quiet").code == 0:
        return {"committed": False, "message": given["message"]}
    author = () if _run(context, folder, "config", "user.email").code == 0 else _NOBODY
    _git(context, folder, "commit", "--quiet", "--file=-", settings=author, text=given["message"])
    commit = _git(context, folder, "rev-parse", "HEAD").stdout.strip()
    return {"committed": True, "message": given["message"], "commit": commit}


def git_branch(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Create a branch and switch to it."""
    folder = _repository(context, given)
    branch = _name(given["branch"])
    _git(context, folder, "switch", "--quiet", "--create", branch)
    return {"branch": branch, "created": True}


def git_merge(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Merge a branch into the current one; a conflict is taken back and is a failure."""
    folder = _repository(context, given)
    branch = _name(given["branch"])
    author = () if _run(context, folder, "config", "user.email").code == 0 else _NOBODY
    ended = _run(context, folder, "merge", "--quiet", "--no-edit", branch, settings=author)
    if ended.code != 0:
        conflicts = _run(context, folder, "diff", "--name-only", "--diff-filter=U", "-z")
        _run(context, folder, "merge", "--abort")
        names = [name for name in conflicts.stdout.split("\0") if name]
        if names:
            raise CapabilityFailed(
                f"{branch!r} conflicts in {', '.join(names[:10])}; the merge was taken back",
                "conflict",
            )
        raise _failed("merge", ended)
    return {"merged_branch": branch, "success": True}


def git_status(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The porcelain status."""
    folder = _repository(context, given)
    status = _git(context, folder, "status", "--porcelain").stdout
    return {"status": status, "clean": not status}


def git_diff(context: StepContext, given: Parameters) -> dict[str, Any]:
    """What is changed and not staged, as text."""
    folder = _repository(context, given)
    diff = _git(context, folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color").stdout
    return {"diff": diff, "has_changes": bool(diff)}


def _repository(context: StepContext, given: Parameters) -> str:
    """The folder; CapabilityFailed where it is in no repository inside the workspace."""
    folder: str = given.get("path") or "."
    ended = _run(context, folder, "rev-parse", "--show-cdup")
    if ended.code != 0:
        raise CapabilityFailed(f"{folder!r} is in no git repository", "no-repository")
    up = ended.stdout.strip()
    # `../..` beyond the workspace is refused here
    with context.workspace.folder(f"{folder}/{up}" if up else folder):
        return folder


def _name(branch: str) -> str:
    """A branch's name; git's own rules, and no option (git-check-ref-format)."""
    bad = r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$|/\."
    if re.search(bad, branch) or branch == "@":
        raise ValidationFailed(f"{branch!r} is no name of a branch")
    return branch


def _run(
    context: StepContext,
    folder: str,
    *arguments: str,
    settings: tuple[str, ...] = (),
    text: str = "",
) -> Ended:
    options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
    return run_program(context, "git", [*options, *arguments], folder, text.encode())


def _git(
    context: StepContext,
    folder: str,
    *arguments: str,
    settings: tuple[str, ...] = (),
    text: str = "",
) -> Ended:
    ended = _run(context, folder, *arguments, settings=settings, text=text)
    if ended.code != 0:
        raise _failed(arguments[0], ended)
    return ended


def _failed(what: str, ended: Ended) -> CapabilityFailed:
    return CapabilityFailed(f"git {what} {said_of(ended)}", "git-failed")
