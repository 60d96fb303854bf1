"""A configuration tried on the tickets of a past span, beside who really got them. It asks, and changes nothing.

What is known is read in sets in one transaction; the trial runs outside it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.models.accounts import TeamRow
from psms.db.queries import records
from psms.db.queries import routing_past as queries
from psms.db.queries.routing import required_by, roster
from psms.domain.access import Actor, Permission, require
from psms.domain.routing.config import RoutingConfig
from psms.domain.routing.past import FiledTicket, OtherWork, Past, PastMember, RoutingSimulation, SimulateRouting
from psms.domain.routing.trying import simulate
from psms.domain.sla.hours import Hours
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows.act import Act, act_of
from workflows.routing_configs import require_known
from workflows.routing_rosters import hours_named, is_open, member_of, opens_at

# What one question may ask for: it is answered in a few seconds.
MOST_TICKETS = 2000
MOST_WORK = 20_000
LONGEST = timedelta(days=366)


def simulate_routing(
    rt: Runtime, actor: Actor, team_id: UUID, command: SimulateRouting, most: int = MOST_TICKETS
) -> RoutingSimulation:
    """Return what a configuration would have done with the tickets that the team has of those filed in a span.

    Members, skills, capacities and calendars are those of today, absences those that were entered. Raises NotFound,
    and FieldError for a configuration that could not be saved or assigns by hand, and for a span that is none.
    """
    require(actor, Permission.TEAM_MANAGE)
    _require_span(command)
    if not command.config.is_automatic:
        raise FieldError("routing.strategy", "choose one that assigns: by hand there is nothing to try")
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, TeamRow, team_id)
        act = act_of(rt, session, actor)
        require_known(act, team_id, command.config, "routing.")
        past, all_read = _read(act, team_id, command, most)
    return simulate(command.config, past, act.now, all_read=all_read)


def _require_span(command: SimulateRouting) -> None:
    if command.until <= command.since:
        raise FieldError("to", "must be after from")
    if command.until - command.since > LONGEST:
        raise FieldError("to", f"at most {LONGEST.days} days after from")


def _read(act: Act, team_id: UUID, command: SimulateRouting, most: int) -> tuple[Past, bool]:
    session, span = act.session, (command.since, command.until)
    filed = queries.filed_in(session, team_id, span, most + 1)
    members = roster(session, act.organization_id, team_id, act.now)
    ids = [row.user_id for row in members]
    work = queries.other_work(session, team_id, ids, span, MOST_WORK + 1)
    required = required_by(session, sorted({row.service_id for row in filed}))
    past = Past(
        since=command.since,
        until=command.until,
        members=_members(act, members, command),
        filed=[_filed(row, required) for row in filed[:most]],
        work=[OtherWork(user_id=row.user_id, since=row.at, until=row.over_at) for row in work[:MOST_WORK]],
    )
    return past, len(filed) <= most and len(work) <= MOST_WORK


def _members(act: Act, rows: Any, command: SimulateRouting) -> list[PastMember]:  # noqa: ANN401  (rows of the roster)
    absences = defaultdict[UUID, list[tuple[datetime, datetime]]](list)
    ids = [row.user_id for row in rows]
    for row in queries.absences_in(act.session, ids, (command.since, command.until)):
        absences[row.user_id].append((row.starts_at, row.ends_at))
    hours = hours_named(act, command.config)
    return [_member(row, command.config, hours, absences[row.user_id]) for row in rows]


def _member(
    row: Row[Any], config: RoutingConfig, hours: Mapping[UUID, Hours], absences: list[tuple[datetime, datetime]]
) -> PastMember:
    calendar_id = config.calendar_of(row.user_id)
    member = member_of(row, config)
    if calendar_id is None:
        return PastMember(member=member, absences=absences)
    asked = hours[calendar_id]
    return PastMember(
        member=member, absences=absences, is_open=_asking(is_open, asked), opens_at=_asking(opens_at, asked)
    )


def _asking(question: Callable[[Hours, datetime], Any], hours: Hours) -> Callable[[datetime], Any]:
    return lambda at: question(hours, at)


def _filed(row: Row[Any], required: Mapping[UUID, Mapping[str, int]]) -> FiledTicket:
    return FiledTicket(
        id=row.id,
        number=row.number,
        rank=row.rank,
        at=row.at,
        over_at=row.over_at,
        required=required.get(row.service_id, {}),
        really=row.assignee_id,
    )
