"""Clocks on PostgreSQL through a night in which the time changes, a holiday, pauses and changes: as the engine says."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from psms.db.direct import direct
from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla.advance import HoursOf
from psms.domain.sla.book import Book
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.clock import elapsed
from psms.domain.sla.facts import CustomerWrote, Fact, Filed, PromiseChanged, Replied, Seen, StatusChanged
from psms.domain.sla.instants import SECOND, instant_of, moment_of
from psms.domain.sla.metrics import TicketClocks, follow
from psms.domain.sla.terms import PROMISED, Metric
from psms.domain.sla_calendars import NewCalendar
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.sla_standing import ClockView
from psms.domain.tickets import EditTicket, NewComment, Priority, Status
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import comments, tickets
from workflows.calendars import add_calendar
from workflows.sla_books import current_book, hours_in
from workflows.sla_measures import subject_of_ticket
from workflows.sla_policies import add_policy
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks
from workflows.upkeep import keep_house

PARIS = ZoneInfo("Europe/Paris")
HOUR = 3600


def night_of_change() -> datetime:
    """Return the next midnight in Paris after which the clock changes before the day is over."""
    day = datetime.now(PARIS).date() + timedelta(days=2)
    while True:
        begin, end = (datetime.combine(day + timedelta(days=n), time(), PARIS) for n in (0, 1))
        if begin.utcoffset() != end.utcoffset():
            return begin
        day += timedelta(days=1)


@dataclass
class Desk:
    """An organization that works at night, and what its engine says of one ticket, told of every act."""

    rt: Runtime
    database: MigratedDatabase
    tenant: Tenant
    book: Book
    hours_of: HoursOf
    midnight: datetime
    ticket_id: UUID = field(init=False)
    clocks: TicketClocks = field(default_factory=lambda: TicketClocks(promise={}))

    def at(self, hours: float) -> None:
        """Let it be so many hours after the midnight."""
        wanted = self.midnight.astimezone(UTC) + timedelta(hours=hours)
        self.database.move_clock(wanted - datetime.now(UTC))

    def tell(self, fact: Fact) -> None:
        self.clocks = follow(self.clocks, fact, self.hours_of).ticket

    def file(self, caller: Tenant) -> None:
        self.ticket_id = file_ticket(self.rt, caller.actor)
        ticket = tickets.get_ticket(self.rt, self.tenant.actor, self.ticket_id)
        promise = self.book.promise_for(subject_of_ticket(ticket))
        assert promise is not None
        self.clocks = TicketClocks(promise=promise.terms, status=ticket.status)
        self.tell(Filed(at=instant_of(ticket.created_at)))

    def move(self, action: Action) -> None:
        after = tickets.transition(self.rt, self.tenant.actor, self.ticket_id, action, None)
        self.tell(StatusChanged(at=instant_of(after.updated_at), to=Status(after.status)))

    def edit(self, priority: Priority) -> None:
        edit = EditTicket(fields={"priority": priority})
        after = tickets.edit_ticket(self.rt, self.tenant.actor, self.ticket_id, edit)
        promise = self.book.promise_for(subject_of_ticket(after))
        assert promise is not None
        self.tell(PromiseChanged(at=instant_of(after.updated_at), promise=promise.terms))

    def comment(self, caller: Tenant) -> None:
        made = comments.add_comment(self.rt, caller.actor, self.ticket_id, NewComment(body="Hm."), None)
        at = instant_of(datetime.fromisoformat(json.loads(made.body)["created_at"]))
        self.tell(Replied(at=at) if caller is self.tenant else CustomerWrote(at=at))

    def agrees(self) -> dict[Metric, ClockView]:
        """Compare every clock's last cycle with the engine's, and return it as it is shown."""
        standing = sla_of_ticket(self.rt, self.tenant.actor, self.ticket_id)
        now = instant_of(standing.at)
        shown = {view.metric: view for view in standing.clocks}
        engine = follow(self.clocks, Seen(at=now), self.hours_of).ticket.clocks
        assert shown.keys() == engine.keys()
        for metric, clock in engine.items():
            view = shown[metric]
            due = None if clock.due_at is None else moment_of(clock.due_at)
            consumed = elapsed(clock, self.hours_of(clock.terms.calendar), now) // SECOND
            assert (view.cycle, view.state, view.due_at) == (clock.cycle, clock.state, due), metric
            assert (view.consumed_seconds, view.target_seconds) == (consumed, clock.target // SECOND), metric
        return shown


@pytest.fixture
def desk(rt: Runtime, database: MigratedDatabase) -> Desk:
    tenant = make_tenant(rt)
    midnight = night_of_change()
    holiday = midnight.date() + timedelta(days=2)
    fields = CalendarFields(
        time_zone="Europe/Paris",
        weekly={day: [["22:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
        holidays=[holiday.isoformat()],
    )
    calendar_id = json.loads(add_calendar(rt, tenant.actor, NewCalendar(name="Nights", fields=fields), None).body)["id"]

    def promise(name: str, hours: int, priorities: list[str]) -> None:
        target = {"seconds": hours * HOUR, "calendar_id": calendar_id, "levels": []}
        targets = dict.fromkeys((metric.value for metric in PROMISED), target)
        policy = NewSlaPolicy(name=name, conditions={"priorities": priorities}, targets=targets)  # type: ignore[arg-type]
        add_policy(rt, tenant.actor, policy, None)

    promise("Usual", 12, [])
    promise("High", 9, ["high"])
    database.move_clock(midnight.astimezone(UTC) - datetime.now(UTC))
    keep_house(rt)
    with rt.db.begin(tenant.organization_id) as session:
        way = direct(session)
        book = current_book(rt, way, tenant.organization_id)
        hours_of = hours_in(rt, way, [book], (), instant_of(midnight))
    return Desk(rt=rt, database=database, tenant=tenant, book=book, hours_of=hours_of, midnight=midnight)


def test_clocks_say_what_the_engine_says_through_a_night_in_which_the_time_changes(desk: Desk) -> None:
    requester = add_caller(desk.rt, desk.tenant.organization_id, Role.REQUESTER)
    desk.at(-3)
    desk.file(requester)
    assert desk.agrees()[Metric.RESOLUTION].consumed_seconds == 0
    desk.at(1)
    desk.move(Action.PEND)
    desk.at(3.5)
    desk.edit(Priority.HIGH)
    paused = desk.agrees()[Metric.RESOLUTION]
    assert (paused.state, paused.due_at, paused.consumed_seconds // HOUR) == ("paused", None, 3)
    desk.move(Action.RESUME)
    desk.at(4)
    desk.comment(desk.tenant)
    desk.at(4.5)
    desk.comment(requester)
    assert {view.metric for view in desk.agrees().values()} == set(PROMISED)
    verify_nothing_differs(desk, 4)


def test_clocks_say_what_the_engine_says_when_a_ticket_is_reopened_before_a_holiday(desk: Desk) -> None:
    requester = add_caller(desk.rt, desk.tenant.organization_id, Role.REQUESTER)
    desk.at(21.5)
    desk.file(requester)
    desk.at(25)
    desk.comment(desk.tenant)
    desk.move(Action.RESOLVE)
    resolved = desk.agrees()
    assert (resolved[Metric.RESOLUTION].state, resolved[Metric.PERIODIC_UPDATE].state) == ("met", "cancelled")
    # The second day is a holiday from midnight on.
    desk.at(47)
    desk.move(Action.REOPEN)
    desk.agrees()
    desk.at(60)
    closed = desk.agrees()[Metric.RESOLUTION]
    assert (closed.state, round(closed.consumed_seconds / HOUR)) == ("running", 4)
    fire_due_timers(desk.rt)
    desk.agrees()
    verify_nothing_differs(desk, 4)


def verify_nothing_differs(desk: Desk, clocks: int) -> None:
    """Hold all clocks against their ledgers."""
    verified = verify_clocks(desk.rt, desk.tenant.organization_id)
    assert (verified.clocks, verified.differences) == (clocks, [])


def test_a_target_is_used_up_by_real_hours_when_the_night_is_shorter_or_longer(desk: Desk) -> None:
    desk.at(-2)
    desk.file(desk.tenant)
    due = desk.agrees()[Metric.RESOLUTION].due_at

    six = desk.midnight.replace(hour=6).astimezone(UTC)
    begin = desk.midnight.astimezone(UTC) - timedelta(hours=2)
    worked = six - begin
    assert worked in {timedelta(hours=7), timedelta(hours=9)}
    next_night = (desk.midnight + timedelta(hours=22)).astimezone(UTC)
    assert due is not None
    assert timedelta(0) <= due - (next_night + timedelta(hours=12) - worked) < timedelta(seconds=5)


def test_the_ledger_of_a_clock_is_shown_with_open_time_and_versions(desk: Desk) -> None:
    desk.at(-3)
    desk.file(desk.tenant)
    desk.at(-1)
    desk.move(Action.PEND)
    desk.at(2)
    desk.move(Action.RESUME)
    view = desk.agrees()[Metric.RESOLUTION]

    assert [(one.cause, one.state) for one in view.segments] == [
        ("start", "running"),
        ("pause", "paused"),
        ("resume", "running"),
    ]
    # From ten o'clock, when the shift begins, to eleven.
    assert [round(one.counted_seconds / 60) for one in view.segments] == [60, 0, 0]
    assert [one.ended_at is None for one in view.segments] == [False, False, True]
    assert {one.calendar_version for one in view.segments} == {1}
    assert "were left at" in view.why
