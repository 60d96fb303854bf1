"""How long the tickets that the caller sees were in each status, and which tickets these are. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.queries import sla_times as queries
from psms.db.queries.sla_reports import names_of
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.sla.advance import HoursOf
from psms.domain.sla.attainment import By, key_ids
from psms.domain.sla.calendar_keys import key_text
from psms.domain.sla.instants import instant_of
from psms.domain.sla.past import CREATED
from psms.domain.sla.time_in_status import Life, TimeInStatus, TimeQuestion, TimeSelection, is_selected, times_of
from psms.domain.tickets import Status, Ticket
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows.sla_books import current_book, hours_in
from workflows.sla_reports import may_name, require_span

# What one request may ask for: it is computed in a few seconds.
MOST_TICKETS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lives:
    now: datetime
    lives: Sequence[Life]
    without_history: int
    hours_of: HoursOf


def time_in_status(rt: Runtime, actor: Actor, question: TimeQuestion, most: int = MOST_TICKETS) -> TimeInStatus:
    """Return how long tickets were in each status; raise FieldError where they are more than *most*."""
    require(actor, Permission.SLA_READ)
    require_span(question.since, question.until)
    by = By(question.by.value)
    with rt.db.begin(actor.organization_id) as session:
        read = _read(rt, session, actor, question, most)
        keys = sorted({life.key for life in read.lives})
        named = names_of(session, by, key_ids(keys)) if may_name(actor, by) else {}
    now = instant_of(read.now)
    own: dict[str, list[Life]] = {key: [] for key in keys}
    for life in read.lives:
        own[life.key].append(life)
    return TimeInStatus(
        at=read.now,
        since=question.since,
        until=question.until,
        by=question.by,
        tickets=len(read.lives),
        without_history=read.without_history,
        total=times_of(question, None, read.lives, read.hours_of, now),
        groups=[replace(times_of(question, key, own[key], read.hours_of, now), name=named.get(key)) for key in keys],
    )


def tickets_in_status(rt: Runtime, actor: Actor, selection: TimeSelection, page: PageRequest) -> Page[Ticket]:
    """Return one page of exactly the tickets whose time in a status was counted, newest first."""
    require(actor, Permission.SLA_READ)
    require(actor, Permission.TICKET_READ)
    require_span(selection.question.since, selection.question.until)
    with rt.db.begin(actor.organization_id) as session:
        read = _read(rt, session, actor, selection.question, MOST_TICKETS)
        ids = [life.ticket_id for life in read.lives if is_selected(life, selection)]
        return queries.tickets_among(session, actor.organization_id, ids, page)


def _read(rt: Runtime, session: Session, actor: Actor, question: TimeQuestion, most: int) -> _Lives:
    rows = queries.filed_in(session, actor, question, most + 1)
    if len(rows) > most:
        raise FieldError("from", f"more than {most} tickets were filed in this span: ask for a shorter one")
    told = queries.statuses_of(session, actor.organization_id, [row.id for row in rows], question.since)
    lives = [life for row in rows if (life := _life(row, told.get(row.id, []))) is not None]
    way = direct(session)
    book = current_book(rt, way, actor.organization_id)
    keys = {life.calendar for life in lives}
    now = rt.clock.now(session)
    return _Lives(
        now=now,
        lives=lives,
        without_history=len(rows) - len(lives),
        hours_of=hours_in(rt, way, [book], keys, instant_of(now)),
    )


def _life(row: Row[Any], told: Sequence[Row[Any]]) -> Life | None:
    if not told or told[0].action != CREATED:
        return None
    return Life(
        ticket_id=row.id,
        key=row.key,
        calendar=key_text(row.calendar_id, row.calendar_version, row.zone_data),
        statuses=[(instant_of(one.at), Status(one.status)) for one in told],
    )
