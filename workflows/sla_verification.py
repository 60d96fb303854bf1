"""Verifying clocks: each is computed once more from its ledger and held against what is kept. Changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.queries import data_keys
from psms.db.queries import sla_ledger as queries
from psms.domain.sla.calendar_keys import parse_key
from psms.domain.sla.instants import instant_of, microseconds_of
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import Cause, Segment, State
from psms.domain.sla.verifying import Account, Difference, KeptSegment, Verified, differences
from psms.runtime import Runtime
from workflows.act import Act, act_of_system
from workflows.sla_clocks import kept_of
from workflows.sla_measures import Measures, measures_of

_PAGE = 200
_ALL = 1_000_000
_NO_ID = UUID(int=0)


def organizations(rt: Runtime) -> list[UUID]:
    """Return every organization, in the order of their ids."""
    found: list[UUID] = []
    with rt.db.begin_system() as session:
        while page := data_keys.organizations_after(session, found[-1] if found else _NO_ID, _PAGE):
            found += page
    return found


def verify_clocks(rt: Runtime, organization_id: UUID) -> Verified:
    """Compute every clock of an organization from its ledger and return what is kept otherwise. Reads in pages.

    What seems to differ is read once more: somebody may have written between two statements.
    """
    found: list[Verified] = []
    after: UUID | None = _NO_ID
    while after is not None:
        with rt.db.begin(organization_id) as session:
            page = queries.tickets_with_clocks(session, organization_id, after, _PAGE)
        looked = _looked_at(rt, organization_id, page)
        if looked.differences:
            doubtful = sorted({one.ticket_id for one in looked.differences})
            again = _looked_at(rt, organization_id, doubtful).differences
            looked = replace(looked, differences=[one for one in looked.differences if one in again])
        found.append(looked)
        after = page[-1] if page else None
    return _together(organization_id, found)


def _together(organization_id: UUID, pages: Sequence[Verified]) -> Verified:
    needed = Counter[str]()
    for page in pages:
        needed.update(page.needed)
    return Verified(
        organization_id=organization_id,
        clocks=sum(page.clocks for page in pages),
        alike=sum(page.alike for page in pages),
        unmeasured=sum(page.unmeasured for page in pages),
        needed=dict(sorted(needed.items())),
        voided=sum(page.voided for page in pages),
        differences=[one for page in pages for one in page.differences],
    )


def _looked_at(rt: Runtime, organization_id: UUID, ticket_ids: Sequence[UUID]) -> Verified:
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        accounts, measures = _accounts(act, ticket_ids)
    found, needed = list[Difference](), Counter[str]()
    alike = unmeasured = 0
    for account in accounts:
        own = list(differences(account, measures.hours_of, instant_of(act.now)))
        others = _other_zone_data(account, measures)
        if own and others:
            # Either these zone data count otherwise, or something is wrong: that only the others can tell.
            needed.update(dict.fromkeys(others, len(account.cycles)))
            unmeasured += len(account.cycles)
            continue
        found += own
        alike += len(account.cycles) if others else 0
    return Verified(
        organization_id=organization_id,
        clocks=sum(len(account.cycles) for account in accounts),
        alike=alike,
        unmeasured=unmeasured,
        needed=needed,
        voided=sum(len(account.voided) for account in accounts),
        differences=found,
    )


def _accounts(act: Act, ticket_ids: Sequence[UUID]) -> tuple[list[Account], Measures]:
    rows = sorted(
        queries.cycles_of(act.session, act.organization_id, ticket_ids, _ALL),
        key=lambda row: (row.ticket_id, row.metric, row.cycle),
    )
    clock_ids = [row.id for row in rows]
    segments = queries.segments_of(act.session, act.organization_id, clock_ids)
    fires: dict[UUID, dict[str, int]] = defaultdict(dict)
    for fire in queries.fires_of(act.session, act.organization_id, clock_ids):
        fires[fire.clock_id][fire.level] = instant_of(fire.at)
    measures = measures_of(act, [*rows, *segments])
    metrics = {row.id: Metric(row.metric) for row in rows}
    ledgers: dict[UUID, list[KeptSegment]] = defaultdict(list)
    for segment in segments:
        ledgers[segment.clock_id].append(_kept(segment, metrics[segment.clock_id], measures))
    return [
        Account(
            cycles=[kept_of(row, measures) for row in own],
            segments=ledgers,
            fires=fires,
            timers={row.id: None if row.next_at is None else instant_of(row.next_at) for row in own},
            voided=frozenset(row.id for row in own if row.voided_at is not None),
        )
        for own in [list(group) for _, group in groupby(rows, key=lambda row: (row.ticket_id, row.metric))]
    ], measures


def _kept(row: Row[Any], metric: Metric, measures: Measures) -> KeptSegment:
    segment = Segment(
        cycle=row.cycle,
        cause=Cause(row.cause),
        state=State(row.state),
        terms=measures.terms_in(row, metric),
        began_at=instant_of(row.began_at),
        ended_at=None if row.ended_at is None else instant_of(row.ended_at),
        counted=microseconds_of(row.counted),
    )
    return KeptSegment(segment=segment, consumed=microseconds_of(row.consumed), target=microseconds_of(row.target))


def _other_zone_data(account: Account, measures: Measures) -> set[str]:
    """Return the releases of the zone data by which clocks of *account* were measured, and which are not here."""
    keys = {kept.segment.terms.calendar for cycle in account.cycles for kept in account.segments.get(cycle.id, ())}
    named = [parse_key(key) for key in keys if not measures.is_measured(key)]
    return {one.zone_data for one in named if one is not None}
