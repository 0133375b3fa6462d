"""RCP010, RCP012 and RCP013: evidence, replays, and what a failed saga takes back."""

from __future__ import annotations

from collections.abc import Sequence

from govlint.receipts.semantics.history import Event, Handler, History, Watcher

LEAST_BP = 9000  # evidence coverage below 90 % is too little (basis points)


class Evidence(Watcher):
    """Coverage is what it says, links lead to what stood there before, the gate kept to 90 %."""

    fault = "evidence"

    def __init__(self, history: History, report: object, hashes: Sequence[bytes]) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self._hashes = hashes  # of the lines so far, the event's own not among them
        self.digests: set[str] = set()
        self._coverage: int | None = None
        self._low: tuple[int, int] | None = None  # coverage and line of evidence that is too little
        self._refused = False

    def handlers(self) -> dict[str, Handler]:
        return {
            "evidence.collected": self._collected,
            "quality_gate.decided": self._decided,
        }

    def any_event(self, event: Event) -> None:
        """Keep the digests that an event of any type speaks of."""
        if "input" in event:
            self.digests.add(event["input"]["sha256"])
        if "output" in event:
            self.digests.add(event["output"]["sha256"])

    def _collected(self, event: Event, line: int) -> None:
        evidence = event["evidence"]
        claims, verified, said = evidence["claims"], evidence["verified"], evidence["coverage_bp"]
        covered = 10_000 * verified // claims
        if verified > claims:
            self.say(f"{verified} claims are verified, and there are {claims}", line)
        elif covered != said:
            self.say(
                f"the coverage is said to be {_percent(said)}, and {verified} of {claims} claims"
                f" are {_percent(covered)}",
                line,
            )
        for link in evidence["links"]:
            fault = self._link_fault(link["uri"], link["sha256"], line)
            if fault:
                self.say(fault, line)
        self._coverage, self._refused = min(said, covered), False
        if self._coverage < LEAST_BP:
            self._low = self._low or (self._coverage, line)

    def _link_fault(self, uri: str, digest: str, line: int) -> str:
        kind, _, target = uri.partition(":")
        if kind == "payload":
            if target != digest:
                return f"the evidence {uri} names the digest {digest[:12]}…, which is another"
            return "" if target in self.digests else f"the evidence {uri} is of no event before it"
        if len(target) > 15 or int(target) >= line - 1:
            return f"the evidence {uri} is no earlier event"
        if self._hashes[int(target)].hex() != digest:
            return f"the evidence {uri} has the digest {digest[:12]}…, which is not that line's"
        return ""

    def _decided(self, event: Event, line: int) -> None:
        gate = event["quality_gate"]
        coverage, threshold = gate["coverage_bp"], gate["threshold_bp"]
        self._refused = not gate["passed"]
        if self._coverage is not None and coverage != self._coverage:
            self.say(
                f"the quality gate judged a coverage of {_percent(coverage)}; the evidence has"
                f" {_percent(self._coverage)}",
                line,
            )
        elif gate["passed"] and threshold < LEAST_BP:
            self.say(f"the quality gate asks for {_percent(threshold)}; 90 % is the least", line)
        elif gate["passed"] and coverage < threshold:
            self.say(
                f"the quality gate passed at {_percent(coverage)} and asks for"
                f" {_percent(threshold)}",
                line,
            )

    def end(self, line: int) -> None:
        if self._low is None:
            return
        terminal = self.history.terminal
        completed = terminal is not None and terminal["type"] == "run.completed"
        if self._refused and not completed:
            return  # the gate did what it is for: nothing rests on this evidence
        said = f"the evidence covers {_percent(self._low[0])} of the claims; 90 % is the least"
        self.say(said, self._low[1], weak=self._refused)


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:.2f} %"


class Replays(Watcher):
    """A replay says of each step whether it came out as recorded."""

    fault = "replay"

    def __init__(self, history: History, report: object) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self.compared: dict[str, tuple[str, int]] = {}  # step → recorded digest, line

    def handlers(self) -> dict[str, Handler]:
        return {"replay.compared": self._compared, "note.recorded": self._noted}

    def _compared(self, event: Event, line: int) -> None:
        replay = event["replay"]
        step = replay["step"]
        self.compared[step] = replay["recorded"], line
        same = replay["recorded"] == replay["observed"]
        if replay["match"] != same:
            said = "match" if replay["match"] else "differ"
            self.say(f"step {step}: the digests are said to {said} and do not", line, step)
        elif not same:
            where = replay["explanation"] or "it does not say where"
            self.say(f"step {step} came out differently in the replay: {where}", line, step)

    def _noted(self, event: Event, line: int) -> None:
        request = self.history.request
        if request is not None and request["kind"] == "replay":
            self.say(f"the replay went another way: {event['note']}", line)


class Sagas(Watcher):
    """A saga that fails takes back what was completed, the last first."""

    fault = "saga"

    def __init__(self, history: History, report: object) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self._taken: list[str] = []  # the steps whose compensation began, in order
        self._done: dict[str, int] = {}
        self._gave_up = 0
        self._order_told = False

    def handlers(self) -> dict[str, Handler]:
        return {
            "saga.compensating": self._compensating,
            "saga.compensated": self._compensated,
            "saga.failed": self._failed,
        }

    def _target(self, name: str) -> str:
        """The step that is taken back; where an event names the compensation, what that is for."""
        step = self.history.steps.get(name)
        plan = step.plan if step is not None else None
        return str(plan.get("compensates", name)) if plan else name

    def _compensation(self, target: str) -> str:
        """The step that takes `target` back; none where the plan has no such step."""
        for step in self.history.steps.values():
            if step.plan is not None and step.plan.get("compensates") == target:
                return step.name
        return ""

    def _due(self) -> list[str]:
        """What has to be taken back, in the order in which it has to be."""
        taken = set(self._taken)
        completed = self.history.completed
        return [n for n in reversed(completed) if n in taken or self._compensation(n)]

    def _compensating(self, event: Event, line: int) -> None:
        target = self._target(event["step"])
        if target not in self.history.completed:
            self.say(f"step {target} is taken back and was never completed", line, target)
            return
        if target in self._taken:
            if target in self._done:
                self.say(f"step {target} is taken back twice", line, target)
            return
        self._taken.append(target)
        due = self._due()
        at = len(self._taken) - 1
        if not self._order_told and self._taken != due[: at + 1]:
            self._order_told = True
            wanted = due[at] if at < len(due) else "nothing"
            self.say(
                f"step {target} is taken back before {wanted}, which was completed after it",
                line,
                target,
            )

    def _compensated(self, event: Event, line: int) -> None:
        target = self._target(event["step"])
        name = self._compensation(target)
        if target not in self._taken:
            said = f"step {target} is said to be taken back, and that never began"
            self.say(said, line, target)
        elif name and self.history.steps[name].state != "completed":
            state = self.history.steps[name].state
            self.say(
                f"step {target} is said to be taken back, and {name}, which does it, is {state}",
                line,
                target,
            )
        self._done[target] = line

    def _failed(self, event: Event, line: int) -> None:
        if event["error"]["code"] == "needs_operator":
            self._gave_up = line
        else:
            said = f"a saga that cannot go on needs an operator, not {event['error']['code']!r}"
            self.say(said, line, "saga")

    def end(self, line: int) -> None:
        history = self.history
        terminal = history.terminal
        failed = terminal is not None and terminal["type"] in ("run.failed", "run.cancelled")
        if self._gave_up or not (failed or self._taken):
            return
        for target in self._due():
            if target not in self._done:
                at = history.outputs[target][1]
                self.say(f"step {target} was completed and never taken back", at, target)
