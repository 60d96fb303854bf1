"""The clocks of locked tickets while a change is under way: read, moved by facts, written. Who tells facts: `sla`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from psms.db.queries import sla as queries
from psms.db.queries import sla_editions
from psms.db.queries.tickets import LockedTicket
from psms.domain.sla.advance import Span, Step
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.clock import Clock
from psms.domain.sla.facts import Fact, PromiseChanged, Seen
from psms.domain.sla.instants import instant_of, microseconds_of
from psms.domain.sla.kept import BREACH_KEY, KeptClock
from psms.domain.sla.levels import next_at
from psms.domain.sla.metrics import TicketClocks, follow
from psms.domain.sla.terms import BREACH, Metric, Terms
from psms.domain.sla.timeline import Cause, Fire, Mode, State
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.sla_measures import Measures

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
class AsOf:
    """From which instant other terms hold, and what becomes of what was consumed until then.

    *ran_of* is asked for a retroactive change only: where a cycle ran before.
    """

    at: int
    mode: Mode = Mode.CARRY
    ran_of: RanOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A locked ticket with the last cycle of each clock.

    *promise* is what the customer is promised, *agreement* what is agreed on for the team that has the ticket.
    *former* are cycles that ended in this act and are still to be written, *reached* what is still to be recorded,
    earliest first. *has_followed*: edits were followed that the ticket's row does not tell of yet.
    """

    locked: LockedTicket
    promise: BookedPromise | None
    measures: Measures
    agreement: BookedPromise | None = None
    clocks: tuple[KeptClock, ...] = ()
    former: tuple[KeptClock, ...] = ()
    reached: tuple[Reached, ...] = ()
    has_followed: bool = False

    @property
    def ticket(self) -> Ticket:
        """The ticket as it is now."""
        return self.locked.ticket

    @property
    def terms(self) -> dict[Metric, Terms]:
        """All that is to be kept to, towards the customer and between teams."""
        return {metric: terms for one in (self.promise, self.agreement) if one for metric, terms in one.terms.items()}

    def source_of(self, metric: Metric) -> BookedPromise | None:
        """Return where the terms of a metric come from."""
        return self.agreement if metric.is_operational else self.promise


def followed(act: Act, case: Case, fact: Fact, ran_of: RanOf | None = None) -> Case:
    """Return a case after *fact*. *ran_of* is asked for a retroactive change only: where a cycle ran before."""
    own = {kept.metric: kept for kept in case.clocks}
    before = TicketClocks(
        promise=case.terms,
        status=case.ticket.status,
        responded=case.locked.responded_at is not None,
        unanswered=case.locked.unanswered_since is not None,
        handed_on=_is_handed_on(case),
        withdrawn=case.locked.deleted_at is not None,
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
            own[metric], fires = _seen(old, step, fact.at)
            reached += reached_of(old, own[metric], fires)
        elif old is not None and old.clock.cycle == step.clock.cycle:
            own[metric] = _moved(old, step, case.source_of(metric))
        else:
            own[metric] = _begun(act, case, metric, step)
            former += [] if old is None else [_left(old, step)]
    reached.sort(key=lambda one: (one.fire.at, not one.is_breach))
    return replace(case, clocks=tuple(own.values()), former=tuple(former), reached=tuple(reached))


def _is_handed_on(case: Case) -> bool:
    """Tell whether the last stay that was measured is not the one that the ticket was resolved in, or is in."""
    stay = next((kept for kept in case.clocks if kept.metric.is_operational), None)
    if stay is None:
        return False
    left, resolved = stay.clock.completed_at, case.ticket.resolved_at
    left_before = left is not None and resolved is not None and left < instant_of(resolved)
    return left_before or stay.team_id != case.ticket.team_id


def _seen(old: KeptClock, step: Step, at: int) -> tuple[KeptClock, tuple[Fire, ...]]:
    """Return a clock that was looked at, and the levels that it reached before the instant of the look.

    What is reached at that very instant is for a later look: an act may follow in it, and acts come before timers.
    What the clock's last event led to was reached by then, also where the look comes in the same instant.
    """
    before = tuple(fire for fire in step.fires if fire.at < at or fire.at == old.clock.since)
    clock = replace(step.clock, fired=old.clock.fired | {fire.level for fire in before})
    return replace(old, clock=clock), before


def _moved(old: KeptClock, step: Step, promise: BookedPromise | None) -> KeptClock:
    """Return a cycle after an event, without the levels that the event itself led to: the sweep records them at once.

    So each effect has one place: the look, which comes before any other fact.
    """
    brings = step.segment is not None and step.clock.cause in _UNDER_NEW_TERMS
    if brings and promise is not None and old.metric in promise.terms:
        old = replace(old, policy_id=promise.policy_id, policy_version=promise.policy_version)
    return old.moved(replace(step.clock, fired=old.clock.fired), step.segment)


def _begun(act: Act, case: Case, metric: Metric, step: Step) -> KeptClock:
    source = case.source_of(metric)
    if source is None:
        message = "a cycle begins under a promise, or an agreement"
        raise LookupError(message)
    fresh = KeptClock(
        id=act.new_id(),
        ticket_id=case.ticket.id,
        metric=metric,
        policy_id=source.policy_id,
        policy_version=source.policy_version,
        team_id=case.ticket.team_id if metric.is_operational else None,
        clock=replace(step.clock, fired=frozenset()),
    )
    return fresh.begun()


def _left(old: KeptClock, step: Step) -> KeptClock:
    """Return the cycle before one that has just begun."""
    return old if step.ended is None else old.moved(step.ended, step.segment)


def reached_of(old: KeptClock, now: KeptClock, fires: Sequence[Fire]) -> list[Reached]:
    """Return the *fires* of a cycle and its breach, if that is new since *old*."""
    reached = [Reached(kept=now, fire=fire) for fire in fires]
    breached_at = now.clock.breached_at
    if breached_at is not None and old.clock.breached_at is None:
        reached.append(Reached(kept=now, fire=Fire(cycle=now.clock.cycle, level=BREACH_KEY, at=breached_at)))
    return reached


def promised(act: Act, case: Case) -> Case:
    """Return a case under the policy that the organization's book has for its ticket; it stays where there is none."""
    promise = case.measures.promise_for(case.ticket)
    return case if promise is None else promised_from(act, case, promise, AsOf(at=instant_of(act.now)))


def promised_from(act: Act, case: Case, promise: BookedPromise, as_of: AsOf) -> Case:
    """Return a case under *promise* from an instant on. A metric that it does not speak of goes on as it was."""
    own = {kept.metric: kept for kept in case.clocks}
    changed = {
        metric: terms
        for metric, terms in promise.terms.items()
        if metric not in own or not is_under(own[metric], promise)
    }
    policy = promise.policy_id, promise.policy_version
    if not changed and case.locked.policy == policy:
        return replace(case, promise=promise)
    fact = PromiseChanged(at=as_of.at, promise=changed, mode=as_of.mode)
    case = followed(act, replace(case, promise=promise), fact, as_of.ran_of)
    return replace(case, locked=replace(case.locked, policy=policy))


def is_under(kept: KeptClock, promise: BookedPromise) -> bool:
    """Tell whether a clock runs under just this version: then it keeps its calendar's version, too.

    An edit of the calendar may have been left to new tickets.
    """
    return (kept.policy_id, kept.policy_version) == (promise.policy_id, promise.policy_version)


def written(act: Act, cases: Sequence[Case]) -> list[Case]:
    """Write clocks, when to look at them next, and which edits they have followed, where a row says otherwise.

    Return the cases as they are kept now.
    """
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
    if edited := [case.locked for case in cases if case.has_followed and _is_remembered(case)]:
        sla_editions.remember(act.session, act.organization_id, edited)
    return [
        replace(case, former=(), clocks=tuple(kept.written(looks[kept.id]) for kept in case.clocks), has_followed=False)
        for case in cases
    ]


def _is_remembered(case: Case) -> bool:
    """Tell whether the rows say under what a ticket has come by the edits that it followed.

    A stay that has ended keeps its agreement: one that was edited since then waits for the reopening.
    """
    stay = next((kept for kept in case.clocks if kept.metric.is_operational and not kept.clock.is_active), None)
    if stay is None or stay.team_id != case.ticket.team_id or case.agreement is None:
        return True
    return is_under(stay, case.agreement)


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
        team_id=row.stay_team_id,
        stored_segment=row.segment,
        clock=clock,
        stored=clock,
        look=_instant(row.next_at),
    )


def _instant(moment: Any) -> int | None:  # noqa: ANN401  # a column
    return None if moment is None else instant_of(moment)
