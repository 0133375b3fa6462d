"""Shells and interpreters that are given code among their arguments.

Judged by where the code would stand: `bash x.sh -c` runs a script, `bash -xec …` does not.
"""

from __future__ import annotations

import re

SHELLS = frozenset("sh bash zsh dash ksh mksh ash fish csh tcsh rbash".split())
POWERSHELLS = frozenset({"powershell", "pwsh"})
# program → the options that carry code
INTERPRETERS = {
    "python": ("-c",), "pypy": ("-c",), "perl": ("-e", "-E"), "ruby": ("-e",),
    "node": ("-e", "--eval", "-p", "--print", "-pe"), "nodejs": ("-e", "--eval", "-p", "--print"),
    "deno": ("eval",), "bun": ("-e", "--eval"), "php": ("-r",), "lua": ("-e",),
    "rscript": ("-e",), "osascript": ("-e",), "julia": ("-e", "-E", "--eval"),
    "groovy": ("-e",), "tclsh": (), "elixir": ("-e", "--eval"), "scala": ("-e",),
}  # fmt: skip
# options whose value is the next word
_VALUES = {
    "python": ("-W", "-X", "--check-hash-based-pycs"), "pypy": ("-W", "-X"),
    "node": ("-r", "--require", "--import", "--loader", "-C", "--env-file"),
    "ruby": ("-I", "-r", "-C"), "perl": ("-I",), "php": ("-d", "-c"),
}  # fmt: skip
# where an option is one word, and what it takes is the next
_WHOLE_OPTIONS = frozenset({"node", "nodejs", "deno", "bun", "julia", "groovy", "osascript"})


def of_shell(name: str, rest: list[str]) -> str | None:
    """Why a shell with these arguments runs inline code; None where it does not."""
    if name == "cmd":
        if any(word.lower() in ("/c", "/k") for word in rest):
            return "runs `cmd /c`, a shell with inline code"
        return None
    if name in POWERSHELLS:
        for word in rest:
            option = word.lower().lstrip("-/")
            if (
                word[:1] in "-/"
                and option
                and any(full.startswith(option) for full in ("command", "encodedcommand"))
            ):
                return f"runs `{name} {word}`, a shell with inline code"
            if word.lower() in ("-ec", "-enc"):
                return f"runs `{name} {word}`, a shell with inline code"
        return None
    words = iter(rest)
    for word in words:
        if word == "--":
            break
        if not word.startswith(("-", "+")):
            return None  # a script
        if word in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"):
            next(words, None)  # the value of the option
            continue
        if word.startswith("--"):
            if word.startswith("--command"):
                return f"runs `{name} --command`, a shell with inline code"
            continue
        if "c" in word[1:] and word[1:].isalpha():
            return f"runs `{name} {word}`, a shell with inline code"
    return None


def of_interpreter(base: str, rest: list[str]) -> str | None:
    """Why an interpreter with these arguments runs inline code; None where it does not."""
    options = INTERPRETERS[base]
    short = [option[1] for option in options if len(option) == 2 and option[0] == "-"]
    takes = _VALUES.get(base, ())
    words = iter(rest)
    for word in words:
        if word in takes:
            next(words, None)
            continue
        if word in options or any(word.startswith(f"{o}=") for o in options if o[:2] == "--"):
            return f"runs `{base} {word}`, an interpreter with inline code"
        if word.startswith("-") and not word.startswith("--") and len(word) > 1:
            letters = re.match(r"-([A-Za-z]+)", word)
            if letters and base in ("python", "pypy"):
                # `-m` and others take the rest of the word; `-Bc` is `-B -c`
                head = re.match(r"[bBdEhiIOqsSuvVxP]*", letters[1])
                if head and letters[1][head.end() :].startswith("c"):
                    return f"runs `{base} {word}`, an interpreter with inline code"
                if letters[1][head.end() if head else 0 :].startswith(("m", "W", "X")):
                    if letters[1] == "m":
                        return None
                    continue
            elif base in _WHOLE_OPTIONS:
                pass  # `-e2e.js` is no `-e`
            elif letters and any(letters[1].endswith(x) or word[1] == x for x in short):
                return f"runs `{base} {word}`, an interpreter with inline code"
            continue
        if word.startswith("--"):
            continue
        return None  # a script, or a module: the rest is its own
    return None
