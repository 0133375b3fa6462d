"""What a command of a mission runs, and whether that is dangerous.

No shell stands between a mission and a program, so characters in an argument mean nothing
unless the program is a shell or an interpreter. Judged is therefore what runs: the program,
behind wrappers such as `env` and `timeout`, and the code that is handed to a shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from govlint.documents.missions.interpreters import (
    INTERPRETERS,
    POWERSHELLS,
    SHELLS,
    of_interpreter,
    of_shell,
)
from govlint.documents.missions.programs import JUDGES, Judge, verbs

_MAX_DEPTH = 8
_META = re.compile(r"\|\||&&|[;|`\n]|\$\(|(?<![\w&])&(?!\w)|[<>]\(|(?<!\{)[<>](?!\})")
# what runs the rest of its arguments: the options that take a value of their own
_WRAPPERS = {
    "env": ("-u", "-C", "-S", "--unset", "--chdir"), "nohup": (), "setsid": (),
    "time": ("-o", "-f"),
    "timeout": ("-s", "-k", "--signal", "--kill-after"), "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "-p"), "stdbuf": ("-i", "-o", "-e"), "watch": ("-n", "-d"),
    "xargs": ("-n", "-I", "-P", "-L", "-d", "-a", "-s", "-E"), "chrt": ("-p",), "taskset": (),
    "flock": ("-w", "-E"), "busybox": (), "toybox": (), "exec": (), "command": (),
    "strace": ("-o", "-e"),
    "unbuffer": (), "script": (), "catchsegv": (), "parallel": ("-j",), "caffeinate": (),
    "systemd-run": (), "proxychains": (), "torsocks": (), "wsl": ("-d", "-u", "--cd"),
}  # fmt: skip
_POSITIONAL = {"timeout": 1, "flock": 1, "taskset": 1, "chrt": 1}
_PRIVILEGE = {
    "sudo": "raises privileges", "su": "raises privileges", "doas": "raises privileges",
    "pkexec": "raises privileges", "runuser": "raises privileges", "gosu": "raises privileges",
    "su-exec": "raises privileges", "runas": "raises privileges",
    "visudo": "changes who may raise privileges",
    "passwd": "changes a password", "chpasswd": "changes passwords", "useradd": "adds a user",
    "adduser": "adds a user", "usermod": "changes a user", "userdel": "removes a user",
    "deluser": "removes a user", "groupadd": "changes groups", "gpasswd": "changes groups",
    "setcap": "gives a file privileges", "chroot": "changes the root",
    "nsenter": "enters another namespace",
    "insmod": "loads a kernel module", "modprobe": "loads a kernel module",
}  # fmt: skip
_DESTRUCTIVE = {
    "fdisk": "rewrites a partition table", "sfdisk": "rewrites a partition table",
    "parted": "rewrites a partition table", "wipefs": "wipes a file system",
    "shred": "destroys what a file holds", "srm": "destroys what a file holds",
    "format": "formats a drive", "diskpart": "rewrites a partition table",
    "deltree": "removes a whole tree", "shutdown": "shuts the machine down",
    "reboot": "restarts the machine", "halt": "stops the machine", "poweroff": "stops the machine",
    "telinit": "changes the run level", "swapoff": "takes memory from the machine",
    "mkswap": "overwrites a device", "cryptsetup": "changes encrypted devices",
    "dropdb": "drops a database", "killall": "ends processes it did not start",
    "pkill": "ends processes it did not start",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_FORK_BOMB = re.compile(r":\s*\(\s*\)\s*\{.*\|.*&\s*\}\s*;")


def danger(command: str, arguments: Sequence[object] | None) -> str | None:
    """Why a `command` with its `args` is dangerous, as half a sentence; None where it is not."""
    program = command.strip()
    given = [str(x) for x in arguments or () if isinstance(x, str | int | float)]
    if not program:
        return None
    if _FORK_BOMB.search(program):
        return "is a fork bomb"
    found = _META.search(_without_templates(program))
    if found is not None:
        return f"holds `{found.group().strip() or 'a line end'}`, which only a shell understands"
    words = _split(program) if re.search(r"\s", program) else [program]
    return of_words([*words, *given], 0)


def of_line(line: str) -> str | None:
    """Why a line that a remote shell reads is dangerous."""
    if _FORK_BOMB.search(line):
        return "is a fork bomb"
    plain = _unquoted(_without_templates(line))
    inner = of_code(line, 0)
    if inner is not None:
        return inner
    found = _META.search(plain)
    if found is not None:
        return f"holds `{found.group().strip() or 'a line end'}`, and the shell there acts on it"
    return None


def of_code(code: str, depth: int) -> str | None:
    """Why code for a shell is dangerous: any of its commands is, or a download is run."""
    try:
        lexer = shlex.shlex(code, posix=True, punctuation_chars="();<>|&\n")
        lexer.whitespace = " \t\r"
        lexer.whitespace_split = True
        tokens = list(lexer)
    except ValueError:
        tokens = code.split()
    command: list[str] = []
    fetched = False
    for token in [*tokens, ";"]:
        if token and not token.strip("();<>|&\n"):
            if command:
                reason = of_words(command, depth + 1)
                if reason is not None:
                    return reason
                name = _name(command[0])
                if fetched and (name in SHELLS or name in INTERPRETERS):
                    return "runs what it downloads"
                fetched = name in ("curl", "wget") and "|" in token
            elif "|" not in token:
                fetched = False
            command = []
        else:
            command.append(token)
    return None


def of_words(words: Sequence[str], depth: int) -> str | None:
    """Why a program with its arguments is dangerous."""
    words = [word for word in words if word]
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words or depth > _MAX_DEPTH:
        return None
    name = _name(words[0])
    rest = list(words[1:])
    if name in _PRIVILEGE:
        return f"runs `{name}`, which {_PRIVILEGE[name]}"
    if name in _WRAPPERS:
        return _of_wrapper(name, rest, depth)
    if name in SHELLS or name in POWERSHELLS or name == "cmd":
        return of_shell(name, rest)
    base = re.sub(r"[\d.]+$", "", name)
    if base in INTERPRETERS:
        return of_interpreter(base, rest)
    if name in _DESTRUCTIVE:
        return f"runs `{name}`, which {_DESTRUCTIVE[name]}"
    if name.startswith("mkfs"):
        return f"runs `{name}`, which overwrites a device"
    judge = _JUDGES.get(name)
    reason = judge(rest) if judge is not None else None
    return f"runs `{name}`, which {reason}" if reason else None


def _of_wrapper(name: str, rest: list[str], depth: int) -> str | None:
    takes = _WRAPPERS[name]
    if name == "env":
        for position, word in enumerate(rest):
            if word in ("-S", "--split-string") and position + 1 < len(rest):
                return of_code(rest[position + 1], depth + 1)
            if word.startswith(("-S", "--split-string=")) and len(word) > 2:
                return of_code(word.removeprefix("--split-string=").removeprefix("-S"), depth + 1)
    skip = _POSITIONAL.get(name, 0)
    position = 0
    while position < len(rest):
        word = rest[position]
        if word == "--":
            position += 1
            break
        if word.startswith("-") and len(word) > 1:
            position += 2 if word in takes else 1
        elif name == "env" and _ASSIGNMENT.match(word):
            position += 1
        elif skip:
            skip -= 1
            position += 1
        else:
            break
    if name == "script":
        for at, word in enumerate(rest):
            if word in ("-c", "--command") and at + 1 < len(rest):
                return "runs `script -c`, a shell with inline code"
        return None
    if name == "watch":
        return of_code(" ".join(rest[position:]), depth + 1)
    return of_words(rest[position:], depth + 1)


def _find(rest: list[str]) -> str | None:
    if "-delete" in rest:
        return "removes all that it finds"
    for option in ("-exec", "-execdir", "-ok", "-okdir"):
        if option in rest:
            inner = rest[rest.index(option) + 1 :]
            end = next((i for i, x in enumerate(inner) if x in (";", "\\;", "+")), len(inner))
            if inner[:1] and _name(inner[0]) == "rm":
                return "removes all that it finds"
            reason = of_words(inner[:end], 1)
            if reason:
                return reason.removeprefix("runs ").join(("runs ", ""))
    return None


def _ssh(rest: list[str]) -> str | None:
    takes = "-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w".split()
    position = 0
    while position < len(rest) and rest[position].startswith("-"):
        position += 2 if rest[position] in takes else 1
    line = " ".join(rest[position + 1 :])
    return of_line(line) if line else None


def _kubectl(rest: list[str]) -> str | None:
    if "exec" in rest and "--" in rest:
        reason = of_words(rest[rest.index("--") + 1 :], 1)
        return f"{reason}, in a container" if reason else None
    return verbs(("delete",))(rest)


def _docker(rest: list[str]) -> str | None:
    if "--privileged" in rest:
        return "gives a container the whole machine"
    if any(x in ("/:/host", "/var/run/docker.sock:/var/run/docker.sock") for x in rest):
        return "gives a container the whole machine"
    if any(re.match(r"(?:--volume=)?/:/", x) for x in rest):
        return "gives a container the whole machine"
    operands = [x for x in rest if not x.startswith("-")]
    if operands[-2:] == ["system", "prune"] or operands[:2] == ["system", "prune"]:
        return "removes what others may need"
    for position, word in enumerate(rest):
        if _name(word) in SHELLS and operands[:1] in (["run"], ["exec"], ["compose"]):
            inner = of_shell(_name(word), rest[position + 1 :])
            if inner is not None:
                return inner.removeprefix("runs ").join(("runs ", " in a container"))
    return None


_JUDGES: dict[str, Judge] = {
    **JUDGES,
    "find": _find, "kubectl": _kubectl, "oc": _kubectl, "ssh": _ssh,
    "docker": _docker, "podman": _docker,
}  # fmt: skip


def _name(word: str) -> str:
    """The program that a word names: no folder, no `.exe`, small letters."""
    last = re.split(r"[\\/]", word.strip())[-1].lower()
    return re.sub(r"\.(?:exe|com|bat|cmd)$", "", last)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _without_templates(text: str) -> str:
    return re.sub(r"\{\{[^{}]*\}\}", "x", text)


def _unquoted(text: str) -> str:
    """A shell line without what stands in quotes, where no character means anything."""
    return re.sub(r"'[^']*'|\"(?:[^\"\\$`]|\\.)*\"|\\.", "q", text)
