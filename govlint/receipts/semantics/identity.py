"""RCP006 and RCP007: whose run it is, on every event, and no other tenant's."""

from __future__ import annotations

from govlint.receipts.semantics.history import Event, Handler, History, Watcher

TRACE_KEYS = ("trace_id", "session_id", "task_id", "capability_id", "version")


class Trace(Watcher):
    """The identifiers are those of the run throughout; `task_id` is the step, or the run."""

    fault = "trace"

    def __init__(self, history: History, report: object) -> None:
        super().__init__(history, report)  # type: ignore[arg-type]
        self._first: tuple[str, str] | None = None

    def handlers(self) -> dict[str, Handler]:
        return {}

    def any_event(self, event: Event, line: int) -> None:
        """Look at an event of any type whose trace is whole."""
        trace = event["trace"]
        ids = trace["trace_id"], trace["session_id"]
        if self._first is None:
            self._first = ids
        elif ids != self._first:
            which = "trace_id" if ids[0] != self._first[0] else "session_id"
            self.say(f"the {which} is not the one that the run began with", line)
        wanted = event.get("step", event["run"])
        if trace["task_id"] != wanted:
            said = f"the task_id is {trace['task_id']!r}; that of this event is {wanted!r}"
            self.say(said, line)


class Tenants(Watcher):
    """Nobody of another tenant gets anything executed."""

    fault = "tenant"

    def handlers(self) -> dict[str, Handler]:
        return {
            "step.started": self._executed,
            "run.completed": self._executed,
            "replay.compared": self._executed,
        }

    def _executed(self, event: Event, line: int) -> None:
        request = self.history.request
        if request is not None and request["principal"]["tenant"] != event["tenant"]:
            who = request["principal"]
            self.say(
                f"{who['id']} of tenant {who['tenant']} had this executed for tenant"
                f" {event['tenant']}",
                line,
            )
