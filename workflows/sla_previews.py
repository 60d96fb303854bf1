"""What an edit of a calendar or a policy would do to open tickets: it is made and taken back, then they are looked at.

The tickets are read page by page, each in a short transaction of its own, and nobody is kept from working on them or
from saving something else meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from psms.db.direct import direct
from psms.db.queries import sla_books, sla_rebases
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.sla.editions import Edition
from psms.domain.sla.hours import Hours
from psms.domain.sla.instants import instant_of
from psms.domain.sla.previews import Preview, preview_of, together
from psms.domain.sla.shelf import Shelf
from psms.domain.sla.timeline import Mode
from psms.domain.sla_calendars import EditCalendar
from psms.domain.sla_policies import EditSlaPolicy
from psms.runtime import Runtime
from workflows.act import Act, act_of
from workflows.calendars import asked, saved_calendar
from workflows.sla_books import hours_in
from workflows.sla_cases import cases_of, followed_by, spans_of
from workflows.sla_clocks import Case, RanOf
from workflows.sla_editions import editions_after
from workflows.sla_policies import saved_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many tickets are looked at in one transaction, and for how long; tens of thousands, by default.

    *least* are counted however long it takes. Where there are more tickets, the answer says how many it counted.
    """

    page: int = 1000
    least: int = 5000
    patience: timedelta = timedelta(seconds=20)


USUAL = Pace()
Save = Callable[[Act], None]
HoursAsked = Callable[[str], Hours]


def preview_policy(rt: Runtime, actor: Actor, policy_id: UUID, command: EditSlaPolicy, pace: Pace = USUAL) -> Preview:
    """Return what an edit of a policy would do; raise what the edit would raise."""

    def save(act: Act) -> None:
        saved_policy(act.rt, act.session, actor, policy_id, command)

    return _tried(rt, actor, save, pace)


def preview_calendar(
    rt: Runtime, actor: Actor, calendar_id: UUID, command: EditCalendar, pace: Pace = USUAL
) -> Preview:
    """Return what an edit of a calendar would do; raise what the edit would raise."""
    computed = asked(rt, command.holiday_source)

    def save(act: Act) -> None:
        saved_calendar(act, calendar_id, command, computed)

    return _tried(rt, actor, save, pace)


def _tried(rt: Runtime, actor: Actor, save: Save, pace: Pace) -> Preview:
    require(actor, Permission.SLA_MANAGE)
    # What is read of the edit must not stay at hand once it is taken back.
    trial = replace(rt, shelf=Shelf(rt.shelf.zones))
    edition = _edition(trial, actor, save)
    after, until, pages = UUID(int=0), None, list[Preview]()
    while True:
        with rt.db.begin(actor.organization_id) as session:
            act = act_of(rt, session, actor)
            until = until or act.now + pace.patience
            page = sla_rebases.open_tickets(session, act.organization_id, after, pace.page)
            pages.append(_page(trial, act, page, edition))
        is_last = len(page) < pace.page
        if is_last or (act.now >= until and len(pages) * pace.page >= pace.least):
            return together(pages, complete=is_last)
        after = page[-1]


def _edition(trial: Runtime, actor: Actor, save: Save) -> Edition | None:
    """Return what the edit would be for open tickets, None where it holds for new ones only."""
    with trial.db.begin_trial(actor.organization_id) as session:
        way = direct(session)
        sla_books.lock(session, actor.organization_id)
        before = sla_books.revision(way)
        save(act_of(trial, session, actor))
        return next(iter(editions_after(trial, way, actor.organization_id, before)), None)


def _page(trial: Runtime, act: Act, page: list[UUID], edition: Edition | None) -> Preview:
    cases = cases_of(act, ticket_queries.read_all(act.session, page))
    clocks = [kept for case in cases for kept in case.clocks]
    changed = {kept.id: kept.clock for kept in clocks}
    if edition is not None:
        ran_of = spans_of(act, clocks if edition.mode is Mode.RETROACTIVE else [])
        now = replace(edition, at=instant_of(act.now))
        hours_of = hours_in(trial, direct(act.session), [edition.book], (), now.at)
        changed |= {
            kept.id: kept.clock for case in cases for kept in _followed(act, case, now, hours_of, ran_of).clocks
        }
    pairs = [(kept.clock, changed[kept.id]) for kept in clocks]
    return preview_of(pairs, at=instant_of(act.now), tickets=len(cases))


def _followed(act: Act, case: Case, edition: Edition, hours_of: HoursAsked, ran_of: RanOf) -> Case:
    measures = case.measures

    def either(key: str) -> Hours:
        # What the edit says is in its own book alone; what else there is, in what is committed.
        try:
            return hours_of(key)
        except KeyError:
            return measures.hours_of(key)

    return followed_by(act, replace(case, measures=replace(measures, hours_of=either)), edition, ran_of)
