"""The project's own scanner: what CI ran before there was govlint.

It searches the text for `plugin.run(` outside the gate, for a `finally` and the metrics
call in the gate, and for metric words among the lifecycle states.
"""

import re
import sys
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "server" / "app"
GATE = APP / "plugins" / "runtime" / "tool_runner.py"
STATES = APP / "plugins" / "states.py"
DIRECT_RUN = re.compile(r"\bplugin\.run\(")
METRIC_STATE = re.compile(r"^\s+(SUCCESS|ERROR)\s*=", re.MULTILINE)


def violations() -> list[str]:
    found = []
    for path in sorted(APP.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path != GATE and DIRECT_RUN.search(text):
            found.append(f"{path}: plugin.run() outside ToolRunner")
    _, _, final = GATE.read_text(encoding="utf-8").partition("finally:")
    if "update_execution_metrics(" not in final:
        found.append(f"{GATE}: no update_execution_metrics() in finally")
    if METRIC_STATE.search(STATES.read_text(encoding="utf-8")):
        found.append(f"{STATES}: a metric is used as a lifecycle state")
    return found


def main() -> int:
    found = violations()
    for line in found:
        print(f"✘ {line}")
    if not found:
        print("✔ all governance rules satisfied")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
