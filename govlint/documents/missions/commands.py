"""What a command of a mission runs, and whether that is dangerous.

No shell stands between a mission and a program, so characters in an argument mean nothing
unless the program is a shell or an interpreter. Judged is therefore what runs: the program,
behind wrappers such as `env` and `timeout`, and the code that is handed to a shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from govlint.documents.missions.interpreters import (
    INTERPRETERS,
    POWERSHELLS,
    SHELLS,
    of_interpreter,
    of_shell,
)

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
_DEVICE = re.compile(r"/dev/(?!null$|zero$|stdout$|stderr$|fd/|tty$|shm/)")
_ROOTS = re.compile(r"^(?:/|/\*|~|~/|~/\*|\.\.|\.\./.*|/[^/]+/?\*?|\$HOME.*|[A-Za-z]:\\?.*)$")
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


def _flags(rest: Sequence[str]) -> tuple[set[str], list[str]]:
    letters: set[str] = set()
    operands: list[str] = []
    for position, word in enumerate(rest):
        if word == "--":
            operands.extend(rest[position + 1 :])
            break
        if word.startswith("--"):
            letters.add(word.partition("=")[0])
        elif word.startswith("-") and len(word) > 1:
            letters.update(word[1:])
        else:
            operands.append(word)
    return letters, operands


def _rm(rest: list[str]) -> str | None:
    letters, operands = _flags(rest)
    if letters & {"r", "R", "--recursive"}:
        return "removes whole trees"
    if "--no-preserve-root" in letters or any(_ROOTS.match(x) for x in operands):
        return "removes what is not the mission's"
    return None


def _rmdir(rest: list[str]) -> str | None:
    return "removes whole trees" if any(x.lower() == "/s" for x in rest) else None


def _del(rest: list[str]) -> str | None:
    return "removes whole trees" if {x.lower() for x in rest} & {"/s", "/f"} else None


def _chmod(rest: list[str]) -> str | None:
    for word in rest:
        if re.fullmatch(r"[0-7]?[0-7]{2}[2367]|[0-7]?[2367]{3}", word) and word[-1] in "2367":
            return "lets everybody write"
        if re.fullmatch(r"[1-7]?[2467][0-7]{3}", word) and len(word) >= 4 and word[-4] in "2467":
            return "lets a program run as its owner"
        if re.fullmatch(r"[ugoa]*\+[rwxXt]*s[rwxXt]*", word):
            return "lets a program run as its owner"
        if re.fullmatch(r"[ug]*[oa][ugoa]*[+=][rxXst]*w[rwxXst]*", word):
            return "lets everybody write"
    return None


def _chown(rest: list[str]) -> str | None:
    letters, operands = _flags(rest)
    if letters & {"R", "--recursive"} or (operands and operands[0].split(":")[0] in ("root", "0")):
        return "changes who owns files"
    return None


def _dd(rest: list[str]) -> str | None:
    if any(x.startswith("of=") and _DEVICE.match(x[3:]) for x in rest):
        return "overwrites a device"
    return None


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


def _git(rest: list[str]) -> str | None:
    words = list(rest)
    while words and words[0].startswith("-"):
        if (
            words[0] == "-c"
            and len(words) > 1
            and re.match(r"(?i)alias\.[^=]*=!|core\.\w*(ssh|pager|editor)\w*=", words[1])
        ):
            return "runs a program that its configuration names"
        words = words[2:] if words[0] in ("-C", "-c") else words[1:]
    verb, options = (words[0], words[1:]) if words else ("", [])
    letters, operands = _flags(options)
    if verb == "push" and (
        letters & {"f", "--force", "--mirror"} or any(x.startswith("+") for x in operands)
    ):
        return "overwrites history that others have"
    if verb == "clean" and letters & {"f", "--force"}:
        return "removes files that are not committed"
    if verb == "reset" and "--hard" in letters:
        return "throws away changes that are not committed"
    if verb in ("filter-branch", "filter-repo"):
        return "rewrites history"
    return None


def _ssh(rest: list[str]) -> str | None:
    takes = "-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w".split()
    position = 0
    while position < len(rest) and rest[position].startswith("-"):
        position += 2 if rest[position] in takes else 1
    line = " ".join(rest[position + 1 :])
    return of_line(line) if line else None


def _npx(rest: list[str]) -> str | None:
    for at, word in enumerate(rest):
        if word in ("-c", "--call") and at + 1 < len(rest):
            return "hands code to a shell"
        if not word.startswith("-") and word not in ("exec", "x"):
            return None
    return None


def _sqlite(rest: list[str]) -> str | None:
    shells = any(re.match(r"\s*\.(?:shell|system)\b", word) for word in rest)
    return "hands code to a shell" if shells else None


def _eval(rest: list[str]) -> str | None:
    return "runs what a shell makes of its arguments"


def _kill(rest: list[str]) -> str | None:
    targets = [x for x in rest if re.fullmatch(r"-?\d+", x)]
    signals = [x for x in targets if x.startswith("-")]
    if "1" in targets or ("-1" in targets[1:] or targets == ["-1"]) or (signals and "--" in rest):
        return "ends processes it did not start"
    return None


def _systemctl(rest: list[str]) -> str | None:
    verbs = {"poweroff", "reboot", "halt", "kexec", "isolate", "rescue", "emergency", "mask"}
    found = verbs.intersection(rest)
    return "stops the machine or its services" if found else None


def _init(rest: list[str]) -> str | None:
    return "changes the run level" if rest[:1] and rest[0] in ("0", "6", "1", "S") else None


def _nc(rest: list[str]) -> str | None:
    letters, _ = _flags(rest)
    if letters & {"e", "c", "--exec", "--sh-exec"}:
        return "gives a program to whoever connects"
    return None


def _awk(rest: list[str]) -> str | None:
    if any(re.search(r"\bsystem\s*\(|\|\s*getline|\|\s*\"", x) for x in rest):
        return "runs commands from its inline code"
    return None


def _iptables(rest: list[str]) -> str | None:
    letters, _ = _flags(rest)
    return "takes the firewall down" if letters & {"F", "X", "--flush"} else None


def _crontab(rest: list[str]) -> str | None:
    return "removes all scheduled jobs" if "-r" in rest else None


def _truncating(rest: list[str]) -> str | None:
    return "overwrites a device" if any(_DEVICE.match(x) for x in rest) else None


def _verbs(*verbs: tuple[str, ...]) -> Callable[[list[str]], str | None]:
    def judge(rest: list[str]) -> str | None:
        operands = [x for x in rest if not x.startswith("-")]
        for verb in verbs:
            if tuple(operands[: len(verb)]) == verb:
                return "destroys what it is pointed at"
        return None

    return judge


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


_JUDGES: dict[str, Callable[[list[str]], str | None]] = {
    "rm": _rm, "unlink": _rm, "rmdir": _rmdir, "rd": _rmdir, "del": _del, "erase": _del,
    "chmod": _chmod, "chown": _chown, "chgrp": _chown, "dd": _dd, "find": _find, "git": _git,
    "npx": _npx, "npm": _npx, "sqlite3": _sqlite, "ssh": _ssh, "eval": _eval, "kill": _kill,
    "systemctl": _systemctl, "service": _systemctl, "init": _init,
    "nc": _nc, "ncat": _nc, "netcat": _nc,
    "awk": _awk, "gawk": _awk, "mawk": _awk, "nawk": _awk,
    "iptables": _iptables, "ip6tables": _iptables, "nft": _verbs(("flush", "ruleset")),
    "ufw": _verbs(("disable",)), "crontab": _crontab, "tee": _truncating, "cp": _truncating,
    "truncate": _truncating, "terraform": _verbs(("destroy",)), "tofu": _verbs(("destroy",)),
    "kubectl": _verbs(("delete",)), "docker": _docker, "podman": _docker,
    "fdesetup": _verbs(("disable",)), "zpool": _verbs(("destroy",)), "lvremove": _truncating,
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
