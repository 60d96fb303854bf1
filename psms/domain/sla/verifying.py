"""Clocks held against their ledgers: whatever a clock, its fires and its timer say must follow from its segments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from psms.domain.sla.advance import HoursOf
from psms.domain.sla.clock import ACTIVE, Clock, due
from psms.domain.sla.instants import moment_of
from psms.domain.sla.kept import BREACH_KEY, KeptClock
from psms.domain.sla.ledger import LedgerBroken, recompute
from psms.domain.sla.levels import next_at, settle
from psms.domain.sla.timeline import Cause, Segment

_FIELDS = ("target", "consumed", "state", "cause", "since", "started_at", "completed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is kept of a clock's *field*, and what follows from its ledger."""

    ticket_id: UUID
    clock_id: UUID
    field: str
    kept: str
    follows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in an organization.

    *alike* clocks were measured with other zone data than there are here, and follow from their ledgers by these as
    well. *unmeasured* ones do not: whether something is wrong with them, only the releases in *needed* can tell, each
    with its number of clocks. *voided* are cycles whose breach was declared void.
    """

    organization_id: UUID
    clocks: int
    alike: int
    unmeasured: int
    needed: Mapping[str, int]
    voided: int
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSegment:
    """A row of a ledger; *consumed* and *target* are what the row says of the clock at its begin."""

    segment: Segment
    consumed: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that is kept of one metric of a ticket: its cycles in order, their segments, fires and timers.

    *voided* are the cycles whose breach was declared void.
    """

    cycles: Sequence[KeptClock]
    segments: Mapping[UUID, Sequence[KeptSegment]]
    fires: Mapping[UUID, Mapping[str, int]]
    timers: Mapping[UUID, int | None]
    voided: frozenset[UUID] = frozenset()


def differences(account: Account, hours_of: HoursOf, at: int) -> Iterator[Difference]:
    """Return what of *account* does not follow from its segments, as of the instant *at*.

    A level or breach that is due and waits for the sweep is no difference: its timer says so.
    """
    ledger = [kept.segment for cycle in account.cycles for kept in account.segments.get(cycle.id, ())]
    if not ledger:
        yield from (_differs(cycle, "segments", "none", "at least one") for cycle in account.cycles)
        return
    yield from _of_rows(account)
    adopted, taken_over = _adopted(account, ledger[0], hours_of)
    try:
        history = recompute(ledger, hours_of, adopted)
    except LedgerBroken as broken:
        yield _differs(account.cycles[0], "segments", str(broken), "segments that follow one another")
        return
    found = {clock.cycle: clock for clock in history.cycles}
    for cycle in account.cycles:
        if cycle.clock.cycle not in found:
            yield _differs(cycle, "cycle", str(cycle.clock.cycle), "no such cycle")
            continue
        fires = {fire.level: fire.at for fire in history.fires if fire.cycle == cycle.clock.cycle}
        fires |= taken_over if cycle is account.cycles[0] else {}
        clock = found[cycle.clock.cycle]
        yield from _of_fields(cycle, clock)
        clock, later = settle(clock, hours_of(clock.terms.calendar), at)
        fires |= {fire.level: fire.at for fire in later}
        if clock.breached_at is not None:
            fires[BREACH_KEY] = clock.breached_at
        if cycle.id in account.voided and clock.breached_at is None:
            yield _differs(cycle, "voided_at", "void", "no breach that could be")
        yield from _of_fires(account, cycle, fires)
        yield from _of_dates(cycle, clock, account.timers.get(cycle.id), hours_of)


def _of_rows(account: Account) -> Iterator[Difference]:
    """Look at what a ledger's rows say besides: what was counted before, and the target in the end."""
    for cycle in account.cycles:
        rows = account.segments.get(cycle.id, ())
        for number, (before, row) in enumerate(pairwise(rows), start=2):
            follows = before.consumed + before.segment.counted
            if row.consumed != follows and row.segment.cause is not Cause.RETROACTIVE:
                yield _differs(cycle, f"segments.{number}.consumed", str(row.consumed), str(follows))
        if rows and rows[-1].target != cycle.clock.target:
            yield _differs(cycle, f"segments.{len(rows)}.target", str(rows[-1].target), str(cycle.clock.target))


def _of_fields(cycle: KeptClock, clock: Clock) -> Iterator[Difference]:
    for field in _FIELDS:
        kept, follows = getattr(cycle.clock, field), getattr(clock, field)
        if kept != follows:
            yield _differs(cycle, field, str(kept), str(follows))


def _of_fires(account: Account, cycle: KeptClock, fires: Mapping[str, int]) -> Iterator[Difference]:
    timer = account.timers.get(cycle.id)
    kept_fires = account.fires.get(cycle.id, {})
    for level in sorted(fires.keys() | kept_fires.keys()):
        waits = level not in kept_fires and timer is not None and timer <= fires[level]
        if kept_fires.get(level) != fires.get(level) and not waits:
            yield _differs(cycle, f"fires.{level}", _at(kept_fires.get(level)), _at(fires.get(level)))


def _of_dates(cycle: KeptClock, clock: Clock, timer: int | None, hours_of: HoursOf) -> Iterator[Difference]:
    breached_at = cycle.clock.breached_at
    waits = breached_at is None and timer is not None and clock.breached_at is not None and timer <= clock.breached_at
    if breached_at != clock.breached_at and not waits:
        yield _differs(cycle, "breached_at", _at(breached_at), _at(clock.breached_at))
    if cycle.clock.due_at != clock.due_at:
        yield _differs(cycle, "due_at", _at(cycle.clock.due_at), _at(clock.due_at))
    look = next_at(cycle.clock, hours_of(cycle.clock.terms.calendar))
    if timer != look:
        yield _differs(cycle, "next_at", _at(timer), _at(look))


def _adopted(account: Account, first: Segment, hours_of: HoursOf) -> tuple[Clock | None, dict[str, int]]:
    """Return the clock as an earlier release left it, and what it had reached: that is taken for granted."""
    kept = account.cycles[0]
    if first.cause is not Cause.ADOPTED:
        return None, {}
    fires = {level: at for level, at in account.fires.get(kept.id, {}).items() if at < first.began_at}
    is_over = first.state not in ACTIVE
    clock = Clock(
        cycle=first.cycle,
        terms=first.terms,
        target=account.segments[kept.id][0].target,
        state=first.state,
        cause=first.cause,
        since=first.began_at,
        started_at=kept.clock.started_at,
        consumed=account.segments[kept.id][0].consumed,
        breached_at=fires.get(BREACH_KEY),
        completed_at=kept.clock.completed_at if is_over else None,
        fired=frozenset(fires) - {BREACH_KEY},
    )
    due_at = kept.clock.due_at if is_over else due(clock, hours_of(clock.terms.calendar))
    return replace(clock, due_at=due_at), fires


def _differs(cycle: KeptClock, field: str, kept: str, follows: str) -> Difference:
    return Difference(ticket_id=cycle.ticket_id, clock_id=cycle.id, field=field, kept=kept, follows=follows)


def _at(instant: int | None) -> str:
    return "never" if instant is None else moment_of(instant).isoformat()
