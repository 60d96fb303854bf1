"""Tickets as they stand at an act's instant: every edit that holds for them followed, and whatever is due reached.

Each edit is followed as of its own instant and in the order in which they were made, before anything else happens to
the ticket. So it makes no difference who looks first, the rebase, the sweep or a person, and when. What is found is
written by whoever asked: see `sla_clocks`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.queries import sla as queries
from psms.db.queries import sla_ledger
from psms.db.queries.tickets import LockedTicket
from psms.domain.sla.advance import Span, advance
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.calendar_keys import parse_key
from psms.domain.sla.editions import Edition
from psms.domain.sla.facts import Seen
from psms.domain.sla.instants import instant_of
from psms.domain.sla.kept import KeptClock
from psms.domain.sla.levels import settle
from psms.domain.sla.timeline import Mode, Retarget, State
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.sla_clocks import AsOf, Case, RanOf, followed, kept_of, promised_from, reached_of
from workflows.sla_handovers import agreed_from
from workflows.sla_measures import Measures, measures_for, subject_of_ticket


def cases_of(act: Act, locked: Sequence[LockedTicket]) -> list[Case]:
    """Return locked tickets with their clocks as of the act's instant."""
    if not locked:
        return []
    rows = queries.clocks_of(act.session, act.organization_id, [one.ticket.id for one in locked])
    measures = measures_for(act, locked, rows)
    own = {ticket_id: list(found) for ticket_id, found in groupby(rows, key=attrgetter("ticket_id"))}
    cases = [_case(one, own.get(one.ticket.id, []), measures) for one in locked]
    if measures.editions:
        cases = _edited(act, cases, measures.editions)
    return [followed(act, case, Seen(at=instant_of(act.now))) for case in cases]


def with_current_zones(kept: KeptClock, measures: Measures) -> KeptClock:
    """Return a clock that is measured by the zone data of this release.

    Newer ones are nobody's decision: what is wrong in the older ones was so since the last event at least.
    """
    key = measures.with_current_zones(kept.clock.terms.calendar)
    if not kept.clock.is_active or key == kept.clock.terms.calendar:
        return kept
    return _retargeted(kept, key, measures, AsOf(at=kept.clock.since))


def followed_by(act: Act, case: Case, edition: Edition, ran_of: RanOf) -> Case:
    """Return a case that follows one edit as of its instant, with what its clocks had reached before that."""
    case = _settled_before(case, edition.at)
    as_of = AsOf(at=edition.at, mode=edition.mode, ran_of=ran_of)
    if edition.policy_id is not None:
        return _under_policy(act, case, edition, as_of)
    return replace(case, clocks=tuple(_by_calendar(kept, case, edition, as_of) for kept in case.clocks))


def spans_of(act: Act, clocks: Sequence[KeptClock]) -> RanOf:
    """Return what tells where a cycle ran before its last event, in one query."""
    spans = defaultdict[UUID, list[Span]](list)
    for row in sla_ledger.segments_of(act.session, act.organization_id, [kept.id for kept in clocks]):
        if row.state == State.RUNNING.value and row.ended_at is not None:
            spans[row.clock_id].append((instant_of(row.began_at), instant_of(row.ended_at)))
    return lambda kept: (*spans[kept.id], *kept.ran)


def _case(locked: LockedTicket, rows: Sequence[Row[Any]], measures: Measures) -> Case:
    clocks = tuple(with_current_zones(kept_of(row, measures), measures) for row in rows)
    return Case(
        locked=locked,
        promise=None if locked.policy is None else measures.promise_of(locked.policy),
        agreement=_agreement(locked.ticket, clocks, measures),
        measures=measures,
        clocks=clocks,
    )


def _agreement(ticket: Ticket, clocks: Sequence[KeptClock], measures: Measures) -> BookedPromise | None:
    """Return what the team that has the ticket works under: the version that it began under, or else today's."""
    stay = next((kept for kept in clocks if kept.team_id is not None and kept.team_id == ticket.team_id), None)
    if stay is None:
        return measures.agreement_for(ticket)
    return measures.promise_of((stay.policy_id, stay.policy_version))


def _edited(act: Act, cases: Sequence[Case], editions: Sequence[Edition]) -> list[Case]:
    recomputed = any(edition.mode is Mode.RETROACTIVE for edition in editions)
    ran_of = spans_of(act, [kept for case in cases for kept in case.clocks] if recomputed else [])
    return [_up_to_date(act, case, editions, ran_of) for case in cases]


def _up_to_date(act: Act, case: Case, editions: Sequence[Edition], ran_of: RanOf) -> Case:
    """Let a case follow those of *editions* that it has not followed yet."""
    waiting = [edition for edition in editions if edition.revision > case.locked.followed]
    for edition in waiting:
        case = followed_by(act, case, edition, ran_of)
    if not waiting:
        return case
    policy, agreed = case.locked.policy, case.agreement
    return replace(
        case,
        locked=replace(case.locked, followed=waiting[-1].revision),
        # What begins later is promised by the calendars of its day.
        promise=None if policy is None else case.measures.promise_of(policy),
        agreement=None if agreed is None else case.measures.promise_of((agreed.policy_id, agreed.policy_version)),
        has_followed=True,
    )


def _settled_before(case: Case, at: int) -> Case:
    """Record what the clocks reached before *at*, under the terms of that time."""
    clocks, reached = [], list(case.reached)
    for kept in case.clocks:
        clock, fires = settle(kept.clock, case.measures.hours_of(kept.clock.terms.calendar), at)
        now = replace(kept, clock=clock)
        clocks.append(now)
        reached += reached_of(kept, now, fires)
    return replace(case, clocks=tuple(clocks), reached=tuple(reached))


def _under_policy(act: Act, case: Case, edition: Edition, as_of: AsOf) -> Case:
    """Let a ticket follow a policy's edit: one that it is under, or comes under; not what other policies say anew."""
    subject = subject_of_ticket(case.ticket)
    promise, agreement = edition.book.promise_for(subject), edition.book.agreement_for(subject)
    under = None if case.locked.policy is None else case.locked.policy[0]
    if promise is not None and edition.policy_id in {under, promise.policy_id}:
        # An edit may make an agreement of a promise: then it speaks of both.
        case = promised_from(act, case, promise, as_of)
    under = None if case.agreement is None else case.agreement.policy_id
    if agreement is not None and edition.policy_id in {under, agreement.policy_id}:
        return agreed_from(act, case, agreement, as_of)
    return case


def _by_calendar(kept: KeptClock, case: Case, edition: Edition, as_of: AsOf) -> KeptClock:
    """Measure a clock by the version of its calendar that an edit made."""
    named = parse_key(kept.clock.terms.calendar)
    if named is None or named.calendar_id != edition.calendar_id or not kept.clock.is_active:
        return kept
    booked = edition.book.calendars[named.calendar_id]
    if named.version >= booked.version:
        return kept
    key = edition.book.key_of(named.calendar_id)
    return _retargeted(kept, key, case.measures, as_of)


def _retargeted(kept: KeptClock, key: str, measures: Measures, as_of: AsOf) -> KeptClock:
    """Return a settled clock that is measured by another calendar from an instant on."""
    event = Retarget(at=as_of.at, terms=replace(kept.clock.terms, calendar=key), mode=as_of.mode)
    ran = as_of.ran_of(kept) if as_of.ran_of is not None and as_of.mode is Mode.RETROACTIVE else ()
    step = advance(kept.clock, event, measures.hours_of, ran)
    # What is reached at that very instant comes with the look that follows.
    return kept.moved(replace(step.clock, fired=kept.clock.fired), step.segment)
