"""RCP008 and RCP011: what is reserved is settled once and adds up; what runs is measured."""

from __future__ import annotations

from govlint.receipts.semantics.history import Event, Handler, History, Watcher


class Ledger(Watcher):
    """Reservations, settlements and totals."""

    fault = "ledger"

    def __init__(self, history: History, report: object) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self._sums: dict[str, int] = {}
        self._open: dict[str, int] = {}  # reservation → line
        self._settled: dict[str, int] = {}
        self._sound = True

    def handlers(self) -> dict[str, Handler]:
        return {
            "budget.reserved": self._reserved,
            "budget.settled": self._settle,
            "step.started": self._started,
            "run.completed": self._ended,
            "run.failed": self._ended,
            "run.cancelled": self._ended,
            "run.refused": self._ended,
        }

    def _wrong(self, message: str, line: int, about: str) -> None:
        self._sound = False
        self.say(message, line, about)

    def _reserved(self, event: Event, line: int) -> None:
        name = event["budget"]["reservation"]
        wanted = f"{event['step']}/{event['attempt']}"
        if name != wanted:
            self._wrong(f"the reservation {name!r} is of attempt {wanted}", line, event["step"])
        elif name in self._open or name in self._settled:
            self._wrong(f"the budget of {name} is reserved twice", line, event["step"])
        self._open.setdefault(wanted, line)

    def _started(self, event: Event, line: int) -> None:
        name = f"{event['step']}/{event['attempt']}"
        if name not in self._open:
            self._wrong(
                f"attempt {name} starts and nothing was reserved for it", line, event["step"]
            )

    def _settle(self, event: Event, line: int) -> None:
        step, name = event["step"], event["budget"]["reservation"]
        if name != f"{step}/{event['attempt']}":
            said = f"attempt {step}/{event['attempt']} settles the reservation {name!r}"
            self._wrong(said, line, step)
            return
        if name in self._settled:
            said = f"the budget of {name} is settled twice, first in line {self._settled[name]}"
            self._wrong(said, line, step)
            return
        if self._open.pop(name, None) is None:
            self._wrong(f"the budget of {name} is settled and was never reserved", line, step)
        attempt = self.history.step(event).attempt(event["attempt"])
        self._settled[name] = line
        amounts = event["budget"]["amounts"]
        extra = sorted(set(amounts) - set(attempt.reserved or amounts))
        if extra:
            self._wrong(f"{name} settles {extra[0]}, which was not reserved", line, step)
        for unit, amount in amounts.items():
            self._sums[unit] = self._sums.get(unit, 0) + amount

    def _ended(self, event: Event, line: int) -> None:
        for name, reserved in self._open.items():
            said = f"the budget of {name} is reserved here and never settled"
            self._wrong(said, reserved, name.partition("/")[0])
        if not self._sound:
            return  # what does not reconcile cannot add up
        totals = event["totals"]
        for unit in sorted({*totals, *self._sums}):
            if totals.get(unit, 0) != self._sums.get(unit, 0):
                self._wrong(
                    f"the total of {unit} is {totals.get(unit, 0)}, and what was settled adds up"
                    f" to {self._sums.get(unit, 0)}",
                    line,
                    "totals",
                )
                return


class Metrics(Watcher):
    """An attempt that started is measured once, as what it was."""

    fault = "metrics"

    def handlers(self) -> dict[str, Handler]:
        return {"metrics.recorded": self._recorded}

    def _recorded(self, event: Event, line: int) -> None:
        name, number = event["step"], event["attempt"]
        attempt = self.history.step(event).attempt(number)
        outcome = event["metrics"]["outcome"]
        if attempt.measured_line:
            said = f"attempt {number} of step {name} is measured twice"
        elif not attempt.started_line:
            said = f"attempt {number} of step {name} is measured and never started"
        elif attempt.ended != "unclosed" and (outcome == "SUCCESS") != (
            attempt.ended == "completed"
        ):
            said = f"attempt {number} of step {name} {attempt.ended}, and is measured as {outcome}"
        else:
            return
        self.say(said, line, name)

    def end(self, line: int) -> None:
        for step in self.history.steps.values():
            for attempt in step.attempts.values():
                if attempt.ended and not attempt.measured_line:
                    self.say(
                        f"attempt {attempt.number} of step {step.name} {attempt.ended} and its"
                        " metrics were never recorded",
                        attempt.ended_line,
                        step.name,
                    )
