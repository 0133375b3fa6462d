"""Programs that destroy or expose when they are called so: what their arguments say.

A judge is given the arguments and says why they are dangerous, as half a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Judge = Callable[[list[str]], str | None]

_DEVICE = re.compile(r"/dev/(?!null$|zero$|stdout$|stderr$|fd/|tty$|shm/)")


_OUTSIDE = re.compile(r"/|~|\.\.(?:/|$)|\$HOME|[A-Za-z]:[\\/]")


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
    if "--no-preserve-root" in letters or any(_OUTSIDE.match(x) for x in operands):
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


def _remove_item(rest: list[str]) -> str | None:
    forced = {word.lower() for word in rest} & {"-recurse", "-r", "-force"}
    return "removes whole trees" if forced else None


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


def verbs(*phrases: tuple[str, ...]) -> Judge:
    """A judge that refuses these verbs, such as `terraform destroy`."""

    def judge(rest: list[str]) -> str | None:
        operands = [x for x in rest if not x.startswith("-")]
        for verb in phrases:
            if tuple(operands[: len(verb)]) == verb:
                return "destroys what it is pointed at"
        return None

    return judge


JUDGES: dict[str, Judge] = {
    "rm": _rm, "unlink": _rm, "rmdir": _rmdir, "rd": _rmdir, "del": _del, "erase": _del,
    "remove-item": _remove_item, "chmod": _chmod, "chown": _chown, "chgrp": _chown, "dd": _dd,
    "git": _git, "npx": _npx, "npm": _npx, "sqlite3": _sqlite, "eval": _eval, "kill": _kill,
    "systemctl": _systemctl, "service": _systemctl, "init": _init,
    "nc": _nc, "ncat": _nc, "netcat": _nc,
    "awk": _awk, "gawk": _awk, "mawk": _awk, "nawk": _awk,
    "iptables": _iptables, "ip6tables": _iptables, "nft": verbs(("flush", "ruleset")),
    "ufw": verbs(("disable",)), "crontab": _crontab, "tee": _truncating, "cp": _truncating,
    "truncate": _truncating, "terraform": verbs(("destroy",)), "tofu": verbs(("destroy",)),
    "fdesetup": verbs(("disable",)), "zpool": verbs(("destroy",)), "lvremove": _truncating,
}  # fmt: skip
