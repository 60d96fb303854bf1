"""A small model of tickets under an SLA: what must have happened, told from the events alone."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psms.domain.lifecycle import TRANSITIONS, Action
from psms.domain.tickets import Priority, Status

_HIGHER = {
    Priority.LOW: Priority.MEDIUM,
    Priority.MEDIUM: Priority.HIGH,
    Priority.HIGH: Priority.CRITICAL,
    Priority.CRITICAL: Priority.CRITICAL,
}
_STOPPED = {
    "first_response": {Status.RESOLVED, Status.CLOSED, Status.CANCELLED},
    "resolution": {Status.PENDING, Status.ON_HOLD, Status.RESOLVED, Status.CLOSED, Status.CANCELLED},
}


@dataclass
class Stopwatch:
    """Runs and stands; its alarm is the first instant at which it had run for *target*."""

    target: timedelta
    since: datetime | None
    ran: timedelta = timedelta(0)
    alarm: datetime | None = None

    def look(self, at: datetime) -> bool:
        """Tell whether the alarm went off since the last look and before *at*."""
        if self.alarm or self.since is None or self.since + self.target - self.ran >= at:
            return False
        self.alarm = self.since + self.target - self.ran
        return True

    def stop(self, at: datetime) -> None:
        """Stand still from *at* on."""
        if self.since is not None:
            self.ran, self.since = self.ran + (at - self.since), None

    def go(self, at: datetime) -> None:
        """Run from *at* on."""
        self.since = self.since or at


@dataclass
class ModelTicket:
    """A ticket as its callers know it."""

    id: UUID
    watches: dict[str, Stopwatch]
    risks: dict[str, Stopwatch]
    priority: Priority = Priority.MEDIUM
    status: Status = Status.NEW
    answered: bool = False
    told: Counter[str] = field(default_factory=lambda: Counter({"ticket.created": 1}))

    def look(self, at: datetime) -> None:
        """Let what was due before *at* have happened."""
        for metric in self.watches:
            self.told["sla.at_risk"] += self.risks[metric].look(at)
            if self.watches[metric].look(at):
                self.told["sla.breached"] += 1
                self.priority = _HIGHER[self.priority]

    def edited(self, priority: Priority, at: datetime) -> None:
        """Learn of an edit."""
        self.look(at)
        self.priority = priority
        self.told["ticket.updated"] += 1

    def commented(self, at: datetime, *, answers: bool) -> None:
        """Learn of a comment; a public one by staff is the first response."""
        self.look(at)
        self.told["ticket.commented"] += 1
        if answers and self.status not in _STOPPED["first_response"]:
            self.answered = True
            self._stop("first_response", at)

    def moved(self, action: Action, at: datetime) -> None:
        """Learn of a transition."""
        self.look(at)
        self.status = TRANSITIONS[self.status, action]
        self.told["ticket.status_changed"] += 1
        if self.status in (Status.RESOLVED, Status.CLOSED):
            self.told[f"ticket.{self.status}"] += 1
        for metric, stopped in _STOPPED.items():
            if self.status in stopped or (metric == "first_response" and self.answered):
                self._stop(metric, at)
            else:
                self.watches[metric].go(at)
                self.risks[metric].go(at)

    def _stop(self, metric: str, at: datetime) -> None:
        self.watches[metric].stop(at)
        self.risks[metric].stop(at)


def filed(ticket_id: UUID, at: datetime, targets: dict[str, timedelta]) -> ModelTicket:
    """Return a ticket that was filed under *targets*."""
    return ModelTicket(
        id=ticket_id,
        watches={metric: Stopwatch(target=target, since=at) for metric, target in targets.items()},
        risks={metric: Stopwatch(target=target * 0.8, since=at) for metric, target in targets.items()},
    )
