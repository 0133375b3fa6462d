"""RCP004 and RCP009: nothing is executed without a decision, and by nothing that is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from govlint.receipts.format import tables
from govlint.receipts.semantics.history import Event, Handler, Watcher

SANDBOXES = ("none", "rlimits", "landlock", "bubblewrap")  # each holds more than the one before


class Gate(Watcher):
    """The policy decides once, the gate before every attempt, and a refusal is the end of it."""

    fault = "gate"

    def handlers(self) -> dict[str, Handler]:
        return {
            "policy.decided": self._policy,
            "run.accepted": self._accepted,
            "run.refused": self._refused,
            "run.completed": self._unaccepted,
            "gate.decided": self._decided,
            "step.started": self._started,
            "step.refused": self._step_refused,
        }

    def _policy(self, event: Event, line: int) -> None:
        if self.history.decision is not None:
            self.say("the policy decides a second time; a decision is taken once", line)

    def _accepted(self, event: Event, line: int) -> None:
        decision = self.history.decision
        if decision is None:
            self.say("the run is accepted and no policy decided about it", line)
        elif decision["outcome"] != "allow":
            self.say("the run is accepted although the policy denied it", line)

    def _refused(self, event: Event, line: int) -> None:
        decision = self.history.decision
        if decision is None or decision["outcome"] != "deny":
            self.say("the run is refused and no policy denied it", line)

    def _unaccepted(self, event: Event, line: int) -> None:
        if self.history.decision is None:
            self.say("the run is completed and no policy decided about it", line)

    def _decided(self, event: Event, line: int) -> None:
        step, decision = event["step"], event["decision"]
        known = self.history.decision
        attempt = self.history.step(event).attempt(event["attempt"])
        if attempt.decided_line:
            said = f"the gate decides twice about attempt {attempt.number} of step {step}"
            self.say(said, line, step)
            return
        if known is not None and decision["policy_sha256"] != known["policy_sha256"]:
            said = f"the gate let step {step} be judged by another policy than the run's"
            self.say(said, line, step)
        fault = _checks_fault(decision)
        if fault:
            self.say(f"step {step}: {fault}", line, step)

    def _started(self, event: Event, line: int) -> None:
        name, number = event["step"], event["attempt"]
        attempt = self.history.step(event).attempt(number)
        if attempt.allowed is None:
            said = f"attempt {number} of step {name} starts with no decision of the gate before it"
            self.say(said, line, name)
        elif not attempt.allowed:
            self.say(
                f"attempt {number} of step {name} starts although the gate refused it in line"
                f" {attempt.decided_line}",
                line,
                name,
            )
        elif not self.history.accepted:
            self.say(f"step {name} starts in a run that was never accepted", line, name)
        wanted = (self.history.decision or {}).get("sandbox", "none")
        if SANDBOXES.index(event["sandbox"]) < SANDBOXES.index(wanted):
            said = (
                f"step {name} ran in the sandbox {event['sandbox']}; the policy asks for {wanted}"
            )
            self.say(said, line, name)

    def _step_refused(self, event: Event, line: int) -> None:
        name, number = event["step"], event["attempt"]
        attempt = self.history.step(event).attempt(number)
        if attempt.allowed is not False:
            said = f"step {name} is refused, and the gate did not deny attempt {number}"
            self.say(said, line, name)

    def end(self, line: int) -> None:
        for step in self.history.steps.values():
            for attempt in step.attempts.values():
                if attempt.allowed is False and step.state not in ("refused", "cancelled"):
                    said = f"the gate denies step {step.name}, and it goes on"
                    self.say(said, attempt.decided_line, step.name)


def _checks_fault(decision: Mapping[str, Any]) -> str:
    """What is wrong with the checks of a gate's decision."""
    wanted = tables()["gate_checks"]
    checks = decision.get("checks", [])
    names = [check["check"] for check in checks]
    if names != wanted[: len(names)]:
        return f"the gate checked {', '.join(names)}; its order is {', '.join(wanted)}"
    failed = [check["check"] for check in checks if not check["passed"]]
    if decision["outcome"] == "allow":
        if failed:
            return f"the gate allowed it although the check {failed[0]} failed"
        if len(names) < len(wanted):
            return f"the gate allowed it without the check {wanted[len(names)]}"
    elif not failed:
        return "the gate denied it and none of its checks failed"
    elif names[-1] != failed[0]:
        return f"the gate went on checking after {failed[0]} had failed"
    return ""


class Capabilities(Watcher):
    """What ran was resolved, and was verified, trusted and active as it was resolved."""

    fault = "capability"

    def handlers(self) -> dict[str, Handler]:
        return {"step.started": self._started}

    def _started(self, event: Event, line: int) -> None:
        name, ran = event["step"], event["capability"]
        attempt = self.history.step(event).attempt(event["attempt"])
        resolved = attempt.resolved
        if resolved is None:
            said = f"step {name} runs {ran['id']} and no capability was resolved for this attempt"
            self.say(said, line, name)
            return
        for capability, where in ((resolved, f"line {attempt.resolved_line}"), (ran, "this line")):
            fault = _not_good(capability)
            if fault:
                said = f"step {name} runs {capability['id']}, which {where} says is {fault}"
                self.say(said, line, name)
                return
        if resolved != ran:
            different = sorted(key for key in ran if ran[key] != resolved[key])
            self.say(
                f"step {name} runs another capability than the one resolved in line"
                f" {attempt.resolved_line}: its {' and '.join(different)} differ",
                line,
                name,
            )


def _not_good(capability: Mapping[str, Any]) -> str:
    if not capability["verified"]:
        return "not verified"
    if not capability["trusted"]:
        return "not trusted"
    return "" if capability["status"] == "active" else str(capability["status"])
