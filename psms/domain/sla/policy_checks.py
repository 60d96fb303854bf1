"""What is wrong with a promise that somebody wants to save. Calendars are checked in `calendar_checks`."""

from collections import Counter
from collections.abc import Iterator

from psms.domain.sla.calendar_checks import Fault
from psms.domain.sla.instants import DAY, SECOND
from psms.domain.sla.metrics import Promise
from psms.domain.sla.terms import Level, Metric, PercentLevel, Terms, WallLevel
from psms.domain.tickets import Status

# A budget of open time may take many years of a calendar that is seldom open.
LONGEST_TARGET = 366 * DAY
HIGHEST_PERCENT = 1_000
MOST_LEVELS = 20
_WORKING = frozenset({Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD})


def faults_of(promise: Promise) -> tuple[Fault, ...]:
    """Return everything that is wrong with *promise*; nothing when it may be saved."""
    if not promise:
        return (Fault(field="targets", message="a policy promises at least one of " + ", ".join(Metric)),)
    return tuple(fault for metric, terms in promise.items() for fault in _of_terms(f"targets.{metric}", terms))


def _of_terms(field: str, terms: Terms) -> Iterator[Fault]:
    if not SECOND <= terms.target <= LONGEST_TARGET:
        longest = LONGEST_TARGET // DAY
        yield Fault(
            field=f"{field}.target_seconds", message=f"a target is at least a second and at most {longest} days"
        )
    if not 0 <= terms.reopen_floor_percent <= 100:  # noqa: PLR2004  (percent)
        yield Fault(field=f"{field}.reopen_floor_percent", message="a share of the target is from 0 to 100")
    if not terms.pause_on <= _WORKING:
        ended = ", ".join(sorted(terms.pause_on - _WORKING))
        yield Fault(field=f"{field}.pause_on", message=f"clocks end in these and cannot pause: {ended}")
    yield from _of_levels(f"{field}.levels", terms)


def _of_levels(field: str, terms: Terms) -> Iterator[Fault]:
    if len(terms.levels) > MOST_LEVELS:
        yield Fault(field=field, message=f"a target has at most {MOST_LEVELS} levels")
    for name, times in Counter(level.id for level in terms.levels).items():
        if times > 1:
            yield Fault(field=field, message=f"two levels are called {name}; give each a name of its own")
    for level in terms.levels:
        message = _level_fault(level)
        if message:
            yield Fault(field=field, message=f"{level.id}: {message}")


def _level_fault(level: Level) -> str | None:
    if isinstance(level, PercentLevel):
        in_range = 0 < level.percent <= HIGHEST_PERCENT
        return None if in_range else f"a percentage is from 1 to {HIGHEST_PERCENT}"
    if abs(level.offset) > LONGEST_TARGET:
        return f"an offset is at most {LONGEST_TARGET // DAY} days"
    if isinstance(level, WallLevel) and level.offset < 0:
        return "on the wall clock a level comes after the breach"
    return None
