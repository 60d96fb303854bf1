"""Who of a team is there at an act's instant, and when that changes next. Who gets what is decided in `psms.domain`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.direct import direct
from psms.db.queries import routing as queries
from psms.domain.routing.config import RoutingConfig
from psms.domain.routing.deciding import Member
from psms.domain.sla.hours import ROUND_THE_CLOCK, Hours, NeverOpen
from psms.domain.sla.instants import EPOCH, MICROSECOND, instant_of
from workflows.act import Act
from workflows.sla_books import current_book, hours_in

LOOK_AGAIN = timedelta(minutes=10)
"""When tickets that wait are looked at at the latest: an edited calendar opens when nobody expects it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The members of a team at an instant; *changes_at* is when somebody comes back or comes in, at the latest."""

    members: Mapping[UUID, Member]
    changes_at: datetime


def roster_of(act: Act, team_id: UUID, config: RoutingConfig) -> Roster:
    """Return who is there now: one query, and two more at most where hours count."""
    rows = queries.roster(act.session, act.organization_id, team_id, act.now)
    hours = hours_named(act, config)
    changes = [row.away_until for row in rows if row.away_until is not None]
    changes += [at for one in hours.values() if (at := opens_at(one, act.now)) is not None]
    return Roster(
        members={row.user_id: _present(row, config, hours, act.now) for row in rows},
        changes_at=min([*changes, act.now + LOOK_AGAIN]),
    )


def member_of(row: Row[Any], config: RoutingConfig) -> Member:
    """Return a member as a row of the roster has them, wherever their clock stands."""
    return Member(
        user_id=row.user_id,
        load=row.load,
        capacity=config.capacity_of(row.user_id),
        turn=row.turn,
        works=row.works,
        skills=row.skills or {},
    )


def _present(row: Row[Any], config: RoutingConfig, hours: Mapping[UUID, Hours], now: datetime) -> Member:
    calendar_id = config.calendar_of(row.user_id)
    return replace(
        member_of(row, config),
        is_away=row.away_until is not None,
        is_open=calendar_id is None or is_open(hours[calendar_id], now),
    )


def hours_named(act: Act, config: RoutingConfig) -> Mapping[UUID, Hours]:
    """Return the hours of each calendar that a configuration names."""
    named = config.calendars()
    if not named:
        return {}
    way = direct(act.session)
    book = current_book(act.rt, way, act.organization_id)
    # One that was never there was refused when it was named.
    keys = {calendar_id: book.key_of(calendar_id) for calendar_id in named if calendar_id in book.calendars}
    hours_of = hours_in(act.rt, way, [book], keys.values(), instant_of(act.now))
    return {one: hours_of(keys[one]) if one in keys else ROUND_THE_CLOCK for one in named}


def is_open(hours: Hours, at: datetime) -> bool:
    """Tell whether the instant *at* is within the hours."""
    instant = instant_of(at)
    return hours.elapsed(instant, instant + 1) > 0


def opens_at(hours: Hours, at: datetime) -> datetime | None:
    """Return when the hours begin next; None where they last at *at*, or never begin again."""
    if is_open(hours, at):
        return None
    try:
        return EPOCH + (hours.add(instant_of(at), 1) - 1) * MICROSECOND
    except NeverOpen:
        return None
