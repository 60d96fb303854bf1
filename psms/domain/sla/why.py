"""Why a clock is due when it is, in a sentence. The figures themselves are computed elsewhere."""

from psms.domain.sla.calendar_keys import parse_key
from psms.domain.sla.clock import Clock
from psms.domain.sla.instants import DAY, HOUR, MINUTE, SECOND, moment_of
from psms.domain.sla.timeline import Cause, State

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))
_ENDED = {
    State.CANCELLED: "Nobody waits for it since {at}: it ended without a verdict, with {consumed} of {target} counted.",
    State.SUPERSEDED: "It ended at {at}, when a change began a new cycle.",
    State.MET: "Met at {at}: {consumed} of {target} were counted.",
    State.MISSED: "Missed: {target} were used up at {breached}; it was done at {at}, after {consumed}.",
}
_SINCE = {
    Cause.ADOPTED: "the earlier release counted",
    Cause.START: "it began",
    Cause.RESTART: "it began again",
    Cause.RESUME: "it goes on",
    Cause.CARRY: "its terms changed, and what was counted before is kept",
    Cause.RETROACTIVE: "its terms changed, and all was counted again",
    Cause.REOPEN: "the ticket was reopened",
}


def why(clock: Clock) -> str:
    """Return why *clock* is due when it is, or why it is not."""
    if clock.state in _ENDED:
        return _ENDED[clock.state].format(
            at=_at(clock.completed_at or clock.since),
            consumed=span(clock.consumed),
            target=span(clock.target),
            breached=_at(clock.breached_at or clock.since),
        )
    if clock.breached_at is not None:
        return _why_breached(clock, clock.breached_at)
    left = f"{span(max(0, clock.target - clock.consumed))} of {span(clock.target)}"
    if clock.state is State.PAUSED:
        return f"Paused since {_at(clock.since)}: {left} are left, so that it is not due."
    if clock.due_at is None:
        return f"Never due: {left} are left, and for so long its calendar does not open any more; {_counts(clock)}."
    begin = f"{left} were left at {_at(clock.since)}, when {_SINCE.get(clock.cause, 'it changed')}"
    return f"Due at {_at(clock.due_at)}: {begin}; {_counts(clock)}."


def _why_breached(clock: Clock, breached_at: int) -> str:
    if clock.cause in {Cause.CARRY, Cause.RETROACTIVE} and clock.since > breached_at:
        return f"Breached: it was due at {_at(breached_at)}, before its terms changed; what was missed stays missed."
    return f"Breached: its {span(clock.target)} were used up at {_at(breached_at)}."


def span(microseconds: int) -> str:
    """Return a span as people write it, as in `1 h 20 min`; what is less than a second is left out."""
    parts = []
    for unit, name in _UNITS:
        count, microseconds = divmod(microseconds, unit)
        parts += [f"{count} {name}"] if count else []
    return " ".join(parts) or "0 s"


def _counts(clock: Clock) -> str:
    named = parse_key(clock.terms.calendar)
    if named is None:
        return "every instant counts"
    return (
        f"open time counts, by version {named.version} of calendar {named.calendar_id} "
        f"with the time-zone data {named.zone_data}"
    )


def _at(instant: int) -> str:
    return f"{moment_of(instant).replace(microsecond=0):%Y-%m-%dT%H:%M:%SZ}"
