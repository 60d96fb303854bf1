"""Two organizations with business hours and a policy of five levels, and what must be true of every level that came.

When each level comes is computed here from when the ticket was filed, by sums that a reader can do on paper.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psms.domain.accounts import NewTeam
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla_calendars import NewCalendar
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import OpenTicket, TicketType
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, make_tenant
from workflows import directory, tickets
from workflows.calendars import add_calendar
from workflows.sla_policies import add_policy

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
TARGETS = {TicketType.INCIDENT: timedelta(minutes=10), TicketType.REQUEST: timedelta(minutes=8)}
BREACH, LATE, APART = "(breach)", timedelta(seconds=5), timedelta(milliseconds=300)
# Filed at three in the afternoon in Paris, which closes at five, two hours of open time end the next morning.
_CLOSED = {PARIS: timedelta(hours=16), NEW_YORK: timedelta(0)}
_TOLD = {
    "half": ("sla.at_risk",),
    "most": ("sla.at_risk", "sla.escalated"),
    BREACH: ("sla.breached",),
    "breach": ("sla.escalated",),
    "night": ("sla.overdue",),
    "overdue": ("sla.overdue",),
}
# The kind of what people are told at a level, where they are.
NOTIFIED = {"half": "sla.at_risk", "most": "sla.at_risk", "breach": "sla.breached", "overdue": "sla.overdue"}
LEVELS = len(_TOLD)

_FIRES = """
    SELECT c.ticket_id, f.clock_id, f.level, f.at, f.noticed_at, c.breached_at, t.created_at, t.type, t.organization_id
    FROM sla_fires f JOIN sla_clocks c ON c.id = f.clock_id JOIN tickets t ON t.id = c.ticket_id
    WHERE t.organization_id = ANY (%s) ORDER BY f.at
"""
_EVENTS = """
    SELECT e.organization_id, e.ticket_id, e.type, b.body #>> '{data,sla,level}' AS level,
        CAST(b.body #>> '{data,sla,at}' AS timestamptz) AS at, CAST(b.body #>> '{data,sla,late}' AS boolean) AS late,
        e.occurred_at, e.sequence
    FROM events e CROSS JOIN LATERAL (SELECT CAST(convert_from(e.body, 'UTF8') AS jsonb) AS body) b
    WHERE e.type LIKE 'sla.%%' AND e.organization_id = ANY (%s) ORDER BY e.id
"""
_ENTRIES = """
    SELECT target_id, action, after ->> 'level', CAST(after ->> 'at' AS timestamptz), CAST(after ->> 'late' AS boolean)
    FROM logs WHERE action LIKE 'sla.%%' AND target_type = 'ticket' AND organization_id = ANY (%s)
"""
_NOTIFICATIONS = "SELECT clock_id, kind, created_at FROM notifications WHERE organization_id = ANY (%s)"
_PAGES = "SELECT clock_id, level FROM pages WHERE organization_id = ANY (%s)"
_MISCOUNTED = """
    SELECT t.id FROM tickets t WHERE t.organization_id = ANY (%s)
        AND t.sequence <> (SELECT max(e.sequence) FROM events e WHERE e.ticket_id = t.id)
"""
_CALLS = """SELECT ticket_id FROM events WHERE type = 'page.triggered' AND organization_id = ANY (%s)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A level, or the breach itself, as it was recorded."""

    ticket_id: UUID
    clock_id: UUID
    level: str
    at: datetime
    noticed_at: datetime
    breached_at: datetime | None
    filed_at: datetime
    type: str
    organization_id: UUID

    @property
    def late(self) -> bool:
        """Tell whether it was recorded so late that it is to be marked."""
        return self.noticed_at - self.at > LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An SLA event, as partners get it."""

    organization_id: UUID
    ticket_id: UUID
    type: str
    level: str
    at: datetime
    late: bool
    occurred_at: datetime
    sequence: int


def quiet_afternoon(week: int) -> datetime:
    """Return three in the afternoon in Paris on a Tuesday so many weeks ahead, the clocks of both cities unchanged."""
    day = datetime.now(PARIS).date() + timedelta(days=7 * week + 2)
    while day.weekday() != 1 or _changes(day):
        day += timedelta(days=1)
    return datetime.combine(day, time(15), PARIS).astimezone(UTC)


def _changes(day: date) -> bool:
    noons = [datetime.combine(day, time(12), zone) for zone in _CLOSED]
    return any(noon.utcoffset() != (noon + timedelta(days=1)).utcoffset() for noon in noons)


@dataclass
class Siege:
    """Tickets of two organizations whose levels come one after the other, along a moved clock."""

    rt: Runtime
    database: MigratedDatabase
    began: datetime
    organizations: dict[UUID, ZoneInfo] = field(default_factory=dict)
    tickets: int = 0

    def prepare(self, each: int) -> None:
        """Found both organizations and file tickets that are due in another order than they were filed in."""
        self.go_to(timedelta(0))
        for zone in _CLOSED:
            tenant = make_tenant(self.rt, zone.key)
            self.organizations[tenant.organization_id] = zone
            _promise(self.rt, tenant, zone)
            for number in range(each):
                self.go_to(number * APART)
                command = OpenTicket(subject=f"Ticket {number}", type=list(TARGETS)[number % 2])
                tickets.open_ticket(self.rt, tenant.actor, command, None)
        self.tickets += len(_CLOSED) * each

    def go_to(self, after: timedelta) -> None:
        """Let it be so long after the beginning, until it is said otherwise."""
        self.database.stop_clock(self.began + after)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.database.rows(query, list(self.organizations))

    def fires(self) -> list[Fire]:
        """Return what was recorded, in the order in which it came."""
        names = ("ticket_id", "clock_id", "level", "at", "noticed_at", "breached_at", "filed_at", "type")
        return [Fire(**dict(zip((*names, "organization_id"), row, strict=True))) for row in self._rows(_FIRES)]

    def told(self) -> list[Told]:
        """Return the SLA events in the order in which partners get them."""
        names = ("organization_id", "ticket_id", "type", "level", "at", "late", "occurred_at", "sequence")
        return [Told(**dict(zip(names, row, strict=True))) for row in self._rows(_EVENTS)]

    def come_by(self, after: timedelta) -> int:
        """Return how many levels have come so long after the beginning, had all been filed by then."""
        each = self.tickets // len(self.organizations)
        filed = [(zone, list(TARGETS)[n % 2], n * APART) for zone in self.organizations.values() for n in range(each)]
        return sum(at + filed_at < after for zone, kind, filed_at in filed for at in instants(zone, kind).values())

    def wrong(self) -> dict[str, Any]:
        """Return what must not be, of what was recorded so far; empty where each level had its effect once."""
        fires, told = self.fires(), self.told()
        events = [(one.ticket_id, one.type, one.level, one.at, one.late) for one in told]
        nights = [one for one in fires if one.level == "night"]
        found = {
            "levels not at their instants": [one for one in fires if one.at - one.filed_at != self._due(one)],
            "breaches not at their levels": [one for one in fires if one.level == BREACH and one.breached_at != one.at],
            "levels recorded twice": _doubled((one.clock_id, one.level) for one in fires),
            "events and levels differ": _differ(_wanted(fires), events),
            "log entries and levels differ": _differ(_wanted(fires), self._rows(_ENTRIES)),
            "notifications and levels differ": _differ(_notified(fires), self._rows(_NOTIFICATIONS)),
            "pages and levels differ": _differ(((one.clock_id, one.level) for one in nights), self._rows(_PAGES)),
            "calls and levels differ": _differ(((one.ticket_id,) for one in nights), self._rows(_CALLS)),
            "events out of order": list(_out_of_order(told)),
            "tickets that count their events wrongly": self._rows(_MISCOUNTED),
        }
        return {what: some for what, some in found.items() if some}

    def _due(self, one: Fire) -> timedelta:
        return instants(self.organizations[one.organization_id], TicketType(one.type))[one.level]


def instants(zone: ZoneInfo, kind: TicketType) -> dict[str, timedelta]:
    """Return how long after its filing each level of a ticket comes."""
    target = TARGETS[kind]
    return {
        "half": target / 2,
        "most": target * 8 / 10,
        BREACH: target,
        "breach": target,
        "night": target + timedelta(hours=4),
        "overdue": target + timedelta(hours=2) + _CLOSED[zone],
    }


def _wanted(fires: Sequence[Fire]) -> Iterator[tuple[object, ...]]:
    for one in fires:
        level = "breach" if one.level == BREACH else one.level
        yield from ((one.ticket_id, kind, level, one.at, one.late) for kind in _TOLD[one.level])


def _notified(fires: Sequence[Fire]) -> Iterator[tuple[object, ...]]:
    """Of what one look noticed of a clock, people hear of the highest."""
    by_look = attrgetter("clock_id", "noticed_at")
    for (clock_id, noticed_at), noticed in groupby(sorted(fires, key=lambda f: (*by_look(f), f.at)), key=by_look):
        kinds = [NOTIFIED[one.level] for one in noticed if one.level in NOTIFIED]
        if kinds:
            yield clock_id, kinds[-1], noticed_at


def _out_of_order(told: Sequence[Told]) -> Iterator[tuple[Told, Told]]:
    """A ticket's events, and all that one look noticed in an organization, come in the order in which they were due."""
    by_look, by_ticket = attrgetter("organization_id", "occurred_at"), attrgetter("ticket_id")
    for key in (by_look, by_ticket):
        for _, together in groupby(sorted(told, key=lambda one: str(key(one))), key=key):
            for before, after in pairwise(together):
                if (before.at, before.occurred_at) > (after.at, after.occurred_at):
                    yield before, after
    for _, own in groupby(sorted(told, key=lambda one: str(one.ticket_id)), key=by_ticket):
        for before, after in pairwise(own):
            if before.sequence + 1 != after.sequence:
                yield before, after


def _differ(wanted: Any, found: Any) -> list[tuple[str, object]]:
    wanted, found = Counter(map(tuple, wanted)), Counter(map(tuple, found))
    return [("missing", one) for one in wanted - found] + [("too many", one) for one in found - wanted]


def _doubled(found: Iterator[object]) -> list[object]:
    return [one for one, count in Counter(found).items() if count > 1]


def _promise(rt: Runtime, tenant: Tenant, zone: ZoneInfo) -> None:
    hours = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    fields = CalendarFields(time_zone=zone.key, weekly=hours)
    calendar = add_calendar(rt, tenant.actor, NewCalendar(name=zone.key, fields=fields), None)
    calendar_id = str(json.loads(calendar.body)["id"])
    team = json.loads(directory.add_team(rt, tenant.actor, NewTeam(name="Night"), None).body)["id"]
    for kind, target in TARGETS.items():
        one: Any = {"seconds": int(target.total_seconds()), "calendar_id": calendar_id, "levels": levels(team)}
        conditions: Any = {"types": [kind.value]}
        policy = NewSlaPolicy(name=kind.value, conditions=conditions, targets={"resolution": one})
        add_policy(rt, tenant.actor, policy, None)


def levels(team_id: str) -> list[dict[str, Any]]:
    """Return the five levels, with an action of every kind but watching."""
    event, managers, team = {"type": "event"}, {"type": "notify", "to": "managers"}, {"type": "notify", "to": "team"}
    return [
        {"id": "half", "percent": 50, "actions": [event, managers]},
        {"id": "most", "percent": 80, "actions": [event, {"type": "raise_priority"}, managers]},
        {"id": "breach", "percent": 100, "actions": [{"type": "reassign", "team_id": team_id}, team]},
        {"id": "overdue", "offset_seconds": 7200, "actions": [event, managers]},
        {"id": "night", "offset_seconds": 14400, "clock": "wall", "actions": [event, {"type": "page"}]},
    ]
