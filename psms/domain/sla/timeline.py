"""What happens to a clock, and what is kept of it: events, segments, fires. What they do is decided in `clocks`."""

from dataclasses import dataclass
from enum import StrEnum

from psms.domain.sla.terms import Terms


class State(StrEnum):
    """Where a clock stands; whether it is breached is told by its `breached_at`."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # ended by a change that began a new cycle: neither met nor missed


class Mode(StrEnum):
    """What a change of terms does with the time that is consumed already."""

    CARRY = "carry"  # keeps it, as it was counted
    RETROACTIVE = "retroactive"  # counts it once more, by the new calendar
    RESTART = "restart"  # ends the cycle and begins a new one


class Cause(StrEnum):
    """The event that a segment begins with."""

    ADOPTED = "adopted"  # an earlier release counted before it, and kept no segments
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CARRY = "carry"
    RETROACTIVE = "retroactive"
    RESTART = "restart"
    COMPLETE = "complete"
    CANCEL = "cancel"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A cycle begins, the first or the next."""

    at: int
    terms: Terms
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Counting stops."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Counting goes on."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retarget:
    """Other terms apply from *at* on: another priority, policy or calendar, or a new version of one."""

    at: int
    terms: Terms
    mode: Mode = Mode.CARRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """What was promised is done."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Nobody waits for it any more."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """What had ended goes on, under *terms* if they changed meanwhile."""

    at: int
    paused: bool = False
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Somebody looks, the sweep for one: what was due is recorded, and nothing else happens."""

    at: int


Event = Look | Start | Pause | Resume | Retarget | Complete | Cancel | Reopen


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The stretch of a clock's life from one event to the next, under the same state and terms.

    *counted* is the open time in it; none unless it was running. The segments of a clock are its ledger: whatever
    the clock says follows from them. The last one has no end yet.
    """

    cycle: int
    cause: Cause
    state: State
    terms: Terms
    began_at: int
    ended_at: int | None
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A level of a cycle was reached *at* an instant, whenever it was noticed. Each is reached once in a cycle."""

    cycle: int
    level: str
    at: int
