"""The clocks of locked tickets while a change is under way: read, moved by facts, written. Who tells facts: `sla`."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.queries import sla as queries
from psms.db.queries import sla_ledger
from psms.db.queries.tickets import LockedTicket
from psms.domain.sla.advance import Span, Step, advance
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.clock import Clock
from psms.domain.sla.facts import Fact, PromiseChanged, Seen
from psms.domain.sla.instants import instant_of, microseconds_of
from psms.domain.sla.kept import BREACH_KEY, KeptClock
from psms.domain.sla.levels import next_at
from psms.domain.sla.metrics import TicketClocks, follow
from psms.domain.sla.terms import BREACH, Metric
from psms.domain.sla.timeline import Cause, Fire, Mode, Retarget, State
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.sla_measures import Measures, measures_for

RanOf = Callable[[KeptClock], tuple[Span, ...]]

# The events with which other terms come.
_UNDER_NEW_TERMS = frozenset({Cause.START, Cause.REOPEN, Cause.CARRY, Cause.RETROACTIVE, Cause.RESTART})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A level, or the breach itself, that a cycle reached and that nobody has recorded yet."""

    kept: KeptClock
    fire: Fire

    @property
    def is_breach(self) -> bool:
        """Tell whether it is the breach itself, and not one of the levels."""
        return self.fire.level == BREACH_KEY

    @property
    def level(self) -> str:
        """The level as people know it."""
        return BREACH.id if self.is_breach else self.fire.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A locked ticket with the last cycle of each clock.

    *former* are cycles that ended in this act and are still to be written, *reached* what is still to be recorded,
    earliest first.
    """

    locked: LockedTicket
    promise: BookedPromise | None
    measures: Measures
    clocks: tuple[KeptClock, ...] = ()
    former: tuple[KeptClock, ...] = ()
    reached: tuple[Reached, ...] = ()

    @property
    def ticket(self) -> Ticket:
        """The ticket as it is now."""
        return self.locked.ticket


def cases_of(act: Act, locked: Sequence[LockedTicket]) -> list[Case]:
    """Return locked tickets with their clocks as of the act's instant.

    A clock whose calendar was edited is first measured by the newer version from the edit on, so that no hour counts
    that was closed by then, however late somebody looks.
    """
    if not locked:
        return []
    rows = queries.clocks_of(act.session, act.organization_id, [one.ticket.id for one in locked])
    measures = measures_for(act, locked, rows)
    own = {ticket_id: list(found) for ticket_id, found in groupby(rows, key=attrgetter("ticket_id"))}
    return [_settled(act, one, own.get(one.ticket.id, []), measures) for one in locked]


def _settled(act: Act, locked: LockedTicket, rows: Sequence[Row[Any]], measures: Measures) -> Case:
    clocks = [kept_of(row, measures) for row in rows]
    current = [carried(act, kept, row, measures) for kept, row in zip(clocks, rows, strict=True)]
    case = Case(
        locked=locked,
        promise=None if locked.policy is None else measures.promise_of(locked.policy),
        measures=measures,
        clocks=tuple(kept for kept, _ in current),
        reached=tuple(one for _, reached in current for one in reached),
    )
    return followed(act, case, Seen(at=instant_of(act.now)))


def carried(act: Act, kept: KeptClock, row: Row[Any], measures: Measures) -> tuple[KeptClock, list[Reached]]:
    """Return a clock that runs under its calendar's current version, and what it reached before that came."""
    current = measures.current_key(kept.clock.terms.calendar, edited=row.stale_since is not None)
    if not kept.clock.is_active or current == kept.clock.terms.calendar:
        return kept, []
    # Newer zone data are nobody's decision: what is wrong in the older ones was so since the last event at least.
    at = kept.clock.since if row.stale_since is None else max(kept.clock.since, instant_of(row.stale_since))
    mode = Mode.RETROACTIVE if row.recomputed else Mode.CARRY
    event = Retarget(at=at, terms=replace(kept.clock.terms, calendar=current), mode=mode)
    step = advance(kept.clock, event, measures.hours_of, spans_of(act, [kept])(kept) if row.recomputed else ())
    # What is reached at that very instant comes with the look that follows.
    before = tuple(fire for fire in step.fires if fire.at < at)
    after = replace(step.clock, fired=kept.clock.fired | {fire.level for fire in before})
    moved = kept.moved(after, step.segment)
    return moved, _reached(kept, moved, before)


def spans_of(act: Act, clocks: Sequence[KeptClock]) -> RanOf:
    """Return what tells where a cycle ran before its last event, in one query."""
    spans = defaultdict[UUID, list[Span]](list)
    for row in sla_ledger.segments_of(act.session, act.organization_id, [kept.id for kept in clocks]):
        if row.state == State.RUNNING.value and row.ended_at is not None:
            spans[row.clock_id].append((instant_of(row.began_at), instant_of(row.ended_at)))
    return lambda kept: tuple(spans[kept.id])


def followed(act: Act, case: Case, fact: Fact, ran_of: RanOf | None = None) -> Case:
    """Return a case after *fact*. *ran_of* is asked for a retroactive change only: where a cycle ran before."""
    own = {kept.metric: kept for kept in case.clocks}
    before = TicketClocks(
        promise={} if case.promise is None else case.promise.terms,
        status=case.ticket.status,
        responded=case.locked.responded_at is not None,
        unanswered=case.locked.unanswered_since is not None,
        clocks={metric: kept.clock for metric, kept in own.items()},
    )

    def ran(metric: Metric) -> tuple[Span, ...]:
        return ran_of(own[metric]) if ran_of is not None else ()

    former, reached = list(case.former), list(case.reached)
    for metric, step in follow(before, fact, case.measures.hours_of, ran).steps:
        old = own.get(metric)
        if old is not None and isinstance(fact, Seen):
            if step.clock is old.clock:
                continue
            own[metric] = replace(old, clock=step.clock)
            reached += _reached(old, own[metric], step.fires)
        elif old is not None and old.clock.cycle == step.clock.cycle:
            own[metric] = _moved(old, step, case.promise)
        else:
            own[metric] = _begun(act, case, metric, step)
            former += [] if old is None else [_left(old, step)]
    reached.sort(key=lambda one: (one.fire.at, not one.is_breach))
    return replace(case, clocks=tuple(own.values()), former=tuple(former), reached=tuple(reached))


def _moved(old: KeptClock, step: Step, promise: BookedPromise | None) -> KeptClock:
    """Return a cycle after an event, without the levels that the event itself led to: the sweep records them at once.

    So each effect has one place: the look, which comes before any other fact.
    """
    brings = step.segment is not None and step.clock.cause in _UNDER_NEW_TERMS
    if brings and promise is not None and old.metric in promise.terms:
        old = replace(old, policy_id=promise.policy_id, policy_version=promise.policy_version)
    return old.moved(replace(step.clock, fired=old.clock.fired), step.segment)


def _begun(act: Act, case: Case, metric: Metric, step: Step) -> KeptClock:
    if case.promise is None:
        message = "a cycle begins under a promise"
        raise LookupError(message)
    fresh = KeptClock(
        id=act.new_id(),
        ticket_id=case.ticket.id,
        metric=metric,
        policy_id=case.promise.policy_id,
        policy_version=case.promise.policy_version,
        clock=replace(step.clock, fired=frozenset()),
    )
    return fresh.begun()


def _left(old: KeptClock, step: Step) -> KeptClock:
    """Return the cycle before one that has just begun."""
    return old if step.ended is None else old.moved(step.ended, step.segment)


def _reached(old: KeptClock, now: KeptClock, fires: Sequence[Fire]) -> list[Reached]:
    reached = [Reached(kept=now, fire=fire) for fire in fires]
    breached_at = now.clock.breached_at
    if breached_at is not None and old.clock.breached_at is None:
        reached.append(Reached(kept=now, fire=Fire(cycle=now.clock.cycle, level=BREACH_KEY, at=breached_at)))
    return reached


def promised(act: Act, case: Case, mode: Mode = Mode.CARRY, ran_of: RanOf | None = None) -> Case:
    """Return a case under the policy that the organization's book has for its ticket; it stays where there is none.

    *mode* says what becomes of what was consumed so far; *ran_of* is asked for a retroactive change only. A metric
    that the policy does not speak of goes on as it was.
    """
    promise = case.measures.promise_for(case.ticket)
    if promise is None:
        return case
    own = {kept.metric: kept for kept in case.clocks}
    changed = {
        metric: terms
        for metric, terms in promise.terms.items()
        if metric not in own or not _is_under(own[metric], promise)
    }
    policy = promise.policy_id, promise.policy_version
    if not changed and case.locked.policy == policy:
        return replace(case, promise=promise)
    fact = PromiseChanged(at=instant_of(act.now), promise=changed, mode=mode)
    case = followed(act, replace(case, promise=promise), fact, ran_of)
    return replace(case, locked=replace(case.locked, policy=policy))


def _is_under(kept: KeptClock, promise: BookedPromise) -> bool:
    # Under the same version it keeps its calendar's version, which an edit may have left to new tickets.
    return (kept.policy_id, kept.policy_version) == (promise.policy_id, promise.policy_version)


def written(act: Act, cases: Sequence[Case]) -> list[Case]:
    """Write clocks, and when to look at them next, where a row says otherwise; return the cases as kept now."""
    looks = {
        kept.id: next_at(kept.clock, case.measures.hours_of(kept.clock.terms.calendar))
        for case in cases
        for kept in (*case.former, *case.clocks)
    }
    clocks = [kept for case in cases for kept in (*case.former, *case.clocks)]
    if changed := [kept for kept in clocks if kept.is_changed]:
        queries.write_clocks(act.session, act.organization_id, changed)
    if moved := [(kept, looks[kept.id]) for kept in clocks if kept.stored is None or looks[kept.id] != kept.look]:
        queries.write_looks(act.session, act.organization_id, moved)
    return [
        replace(case, former=(), clocks=tuple(kept.written(looks[kept.id]) for kept in case.clocks)) for case in cases
    ]


def kept_of(row: Row[Any], measures: Measures) -> KeptClock:
    """Return the clock that a row holds, its terms those of its policy's version and calendar's version."""
    metric = Metric(row.metric)
    clock = Clock(
        cycle=row.cycle,
        terms=measures.terms_in(row, metric),
        target=microseconds_of(row.target),
        state=State(row.state),
        cause=Cause(row.cause),
        since=instant_of(row.since),
        started_at=instant_of(row.started_at),
        consumed=microseconds_of(row.consumed),
        due_at=_instant(row.due_at),
        breached_at=_instant(row.breached_at),
        completed_at=_instant(row.completed_at),
        fired=frozenset(row.levels) - {BREACH_KEY},
    )
    return KeptClock(
        id=row.id,
        ticket_id=row.ticket_id,
        metric=metric,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        stored_segment=row.segment,
        clock=clock,
        stored=clock,
        look=_instant(row.next_at),
    )


def _instant(moment: Any) -> int | None:  # noqa: ANN401  # a column
    return None if moment is None else instant_of(moment)
