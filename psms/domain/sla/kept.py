"""A clock as it is kept: under an id and a policy's version, with what its ledger gained since it was read.

What events do to the clock itself is in `advance`.
"""

from dataclasses import dataclass, replace
from operator import attrgetter
from uuid import UUID

from psms.domain.sla.advance import Span
from psms.domain.sla.clock import Clock
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import Cause, Segment, State

BREACH_KEY = "(breach)"
"""The key of the breach itself among the fires of a clock: no level can have it."""

# All that a clock's row says of it. What has fired is in rows of its own.
_IN_ITS_ROW = attrgetter(
    "cycle", "terms", "target", "state", "cause", "since", "started_at", "consumed", "due_at", "breached_at",
    "completed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """A segment that is to be written; *consumed* and *target* are the clock's at its begin."""

    number: int
    cycle: int
    cause: Cause
    state: State
    began_at: int
    ended_at: int | None = None
    counted: int = 0
    consumed: int
    target: int
    policy_id: UUID
    policy_version: int
    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClock:
    """A cycle of a clock. *stored_segment* is the number of the segment that was open when it was read, 0: none.

    *team_id* is the team whose time with the ticket it measures, None for what is promised to the customer.
    *closed* is that segment's end and open time, if it has ended since; *opened* are the segments after it, and *ran*
    the stretches that have ended since in which the clock ran. *stored* is the clock as its row says, None where it
    has none yet, *look* when its timer's row says to look at it.
    """

    id: UUID
    ticket_id: UUID
    metric: Metric
    policy_id: UUID
    policy_version: int
    clock: Clock
    team_id: UUID | None = None
    stored_segment: int = 0
    closed: tuple[int, int] | None = None
    opened: tuple[NewSegment, ...] = ()
    ran: tuple[Span, ...] = ()
    stored: Clock | None = None
    look: int | None = None

    @property
    def is_changed(self) -> bool:
        """Tell whether the clock is no longer as its row says."""
        if self.stored is None or self.closed is not None or self.opened:
            return True
        return self.clock is not self.stored and _IN_ITS_ROW(self.clock) != _IN_ITS_ROW(self.stored)

    @property
    def segment(self) -> int:
        """The number of the segment that is open now."""
        return self.stored_segment + len(self.opened)

    def moved(self, clock: Clock, ended: Segment | None) -> "KeptClock":
        """Return this cycle after an event that *ended* its segment, or none."""
        if ended is None or ended.ended_at is None:
            return replace(self, clock=clock)
        ran = ((ended.began_at, ended.ended_at),) if ended.state is State.RUNNING else ()
        after = replace(self, clock=clock, ran=self.ran + ran)
        if self.opened:
            last = replace(self.opened[-1], ended_at=ended.ended_at, counted=ended.counted)
            return replace(after, opened=(*self.opened[:-1], last)).begun()
        return replace(after, closed=(ended.ended_at, ended.counted)).begun()

    def begun(self) -> "KeptClock":
        """Return this cycle with the segment that its clock is in now, which has just begun."""
        clock = self.clock
        new = NewSegment(
            number=self.segment + 1,
            cycle=clock.cycle,
            cause=clock.cause,
            state=clock.state,
            began_at=clock.since,
            consumed=clock.consumed,
            target=clock.target,
            policy_id=self.policy_id,
            policy_version=self.policy_version,
            calendar=clock.terms.calendar,
        )
        return replace(self, opened=(*self.opened, new))

    def written(self, look: int | None) -> "KeptClock":
        """Return this cycle as it is once everything has been written, to be looked at next at *look*."""
        if self.clock is self.stored and self.look == look and not self.opened:
            return self
        done = replace(self, stored_segment=self.segment, closed=None, opened=(), ran=())
        return replace(done, stored=self.clock, look=look)
