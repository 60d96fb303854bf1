"""Books: read once for each revision, the same in every process, and made of versions that nobody can change."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from psms.adapters.zones import PinnedZones
from psms.db.direct import direct
from psms.db.queries import sla_books as queries
from psms.domain.sla.book import MOST_CALENDARS, MOST_POLICIES, Book
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.calendar_keys import ALWAYS
from psms.domain.sla.instants import HOUR, instant_of
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla.shelf import Shelf
from psms.domain.sla.terms import Metric
from psms.domain.sla_calendars import EditCalendar, NewCalendar
from psms.domain.sla_policies import EditSlaPolicy, MatchQuestion, NewSlaPolicy
from psms.domain.tickets import Priority
from psms.errors import FieldError, StillInUse, TooManyCalendars, TooManyPolicies
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.statements import heard
from tests.support.tenants import Tenant
from tests.support.waiting import eventually
from workflows.calendars import add_calendar, edit_calendar, retire_calendar
from workflows.sla_books import book_of, current_book, definitions_of, hours_in
from workflows.sla_matching import match
from workflows.sla_policies import add_policy, edit_policy

NOON = 12 * HOUR


def new_calendar(rt: Runtime, tenant: Tenant, name: str = "Office", opens: str = "09:00") -> UUID:
    """Add a calendar that is open from *opens* to 17:00 UTC each Monday."""
    fields = CalendarFields(time_zone="UTC", weekly={"mon": [[opens, "17:00"]]})
    return UUID(json.loads(add_calendar(rt, tenant.actor, NewCalendar(name=name, fields=fields), None).body)["id"])


def new_policy(rt: Runtime, tenant: Tenant, calendar_id: UUID | None = None, seconds: int = 60) -> UUID:
    """Add a policy that promises a resolution."""
    target = {"seconds": seconds, "calendar_id": calendar_id}
    command = NewSlaPolicy(name="P", targets={"resolution": target})  # type: ignore[dict-item]
    return UUID(json.loads(add_policy(rt, tenant.actor, command, None).body)["id"])


def read(rt: Runtime, tenant: Tenant) -> Book:
    """Return the organization's book."""
    with rt.db.begin(tenant.organization_id) as session:
        return current_book(rt, direct(session), tenant.organization_id)


@contextmanager
def books_read() -> Iterator[list[str]]:
    """Gather the statements that read versions of policies or calendars."""
    found: list[str] = []

    def note(statement: str, _: object) -> None:
        if "_versions" in statement:
            found.append(statement)

    with heard(str, note):
        yield found


def elsewhere(rt: Runtime) -> Runtime:
    """Return the runtime of another process: nothing is at hand there."""
    return replace(rt, shelf=Shelf(PinnedZones()))


def test_each_save_counts_the_revision_once_and_a_save_of_nothing_does_not(rt: Runtime, acme: Tenant) -> None:
    revisions = [read(rt, acme).revision]
    calendar_id = new_calendar(rt, acme)
    revisions.append(read(rt, acme).revision)
    policy_id = new_policy(rt, acme, calendar_id)
    revisions.append(read(rt, acme).revision)
    for command in (EditSlaPolicy(position=5), EditSlaPolicy(fields=PolicyFields(resolution_seconds=61))):
        edit_policy(rt, acme.actor, policy_id, command)
        edit_policy(rt, acme.actor, policy_id, command)
        revisions.append(read(rt, acme).revision)
    opens = CalendarFields(weekly={"tue": [["09:00", "17:00"]]})
    edit_calendar(rt, acme.actor, calendar_id, EditCalendar(name="Other", fields=opens))
    edit_calendar(rt, acme.actor, calendar_id, EditCalendar(name=None, fields=opens))
    revisions.append(read(rt, acme).revision)

    assert revisions == [0, 1, 2, 3, 4, 5]


def test_a_save_that_is_refused_counts_nothing(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    calendar_id = new_calendar(rt, acme)
    new_policy(rt, acme, calendar_id)
    with pytest.raises(StillInUse):
        retire_calendar(rt, acme.actor, calendar_id, None)
    with pytest.raises(FieldError, match=r"^targets\.resolution\.calendar_id: there is no calendar"):
        new_policy(rt, acme, uuid4())

    assert database.rows("SELECT sla_revision FROM organizations WHERE id = %s", acme.organization_id) == [(2,)]


def test_a_book_at_hand_is_read_without_a_query_and_a_new_one_with_one(rt: Runtime, acme: Tenant) -> None:
    policy_id = new_policy(rt, acme, new_calendar(rt, acme))
    with books_read() as statements, rt.db.begin(acme.organization_id) as session:
        way = direct(session)
        books = [book_of(rt, way, acme.organization_id, 2) for _ in range(3)]
        assert len(statements) == 1
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(fields=PolicyFields(resolution_seconds=5)))
    with books_read() as statements, rt.db.begin(acme.organization_id) as session:
        way = direct(session)
        newer = [book_of(rt, way, acme.organization_id, 3) for _ in range(3)]
        # Somebody who still knows the former revision is given the newer book, too.
        assert book_of(rt, way, acme.organization_id, 2).revision == 3
        assert len(statements) == 2

    assert [book.revision for book in books + newer] == [2, 2, 2, 3, 3, 3]
    assert [book.policies[0].value.terms[Metric.RESOLUTION].target for book in (books[0], newer[0])] == [
        60_000_000,
        5_000_000,
    ]


def test_every_process_reads_the_same_book_after_a_save(rt: Runtime, acme: Tenant) -> None:
    other = elsewhere(rt)
    new_policy(rt, acme)
    before = read(other, acme)
    new_policy(rt, acme, new_calendar(rt, acme))

    assert before == read(elsewhere(rt), acme) or before.revision == 1
    assert read(other, acme) == read(rt, acme) == read(elsewhere(rt), acme)
    assert len(read(other, acme).policies) == 2


def test_another_organization_has_a_book_of_its_own(rt: Runtime, acme: Tenant, stranger: Tenant) -> None:
    new_policy(rt, acme, new_calendar(rt, acme))

    theirs = read(rt, stranger)
    assert (theirs.revision, theirs.policies, theirs.calendars) == (0, (), {})
    assert len(read(rt, acme).policies) == 1


def test_an_inactive_policy_is_not_asked_and_a_retired_calendar_still_measures(rt: Runtime, acme: Tenant) -> None:
    calendar_id = new_calendar(rt, acme)
    policy_id = new_policy(rt, acme, calendar_id)
    key = read(rt, acme).key_of(calendar_id)
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(fields=PolicyFields(targets={"resolution": {"seconds": 1}})))
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(active=False))
    retire_calendar(rt, acme.actor, calendar_id, None)

    book = read(rt, acme)
    assert (book.policies, book.current_key(key)) == ((), key)


def test_clocks_are_measured_by_the_version_that_they_name(rt: Runtime, acme: Tenant) -> None:
    calendar_id = new_calendar(rt, acme)
    former = read(rt, acme).key_of(calendar_id)
    edit = CalendarFields(weekly={"mon": [["11:00", "17:00"]]})
    edit_calendar(rt, acme.actor, calendar_id, EditCalendar(name=None, fields=edit))
    other = elsewhere(rt)
    book = read(other, acme)
    current = book.key_of(calendar_id)
    with books_read() as statements, rt.db.begin(acme.organization_id) as session:
        monday = instant_of(rt.clock.now(session)) // (7 * 24 * HOUR) * (7 * 24 * HOUR) + 4 * 24 * HOUR
        hours_of = hours_in(other, direct(session), [book], [former, ALWAYS], monday)
        again = hours_in(other, direct(session), [book], [former, current], monday)
        assert len(statements) == 1

    assert (current != former, book.current_key(former)) == (True, current)
    elapsed = [of(key).elapsed(monday, monday + NOON) // HOUR for of in (hours_of, again) for key in (former, current)]
    assert elapsed == [3, 1, 3, 1]
    assert hours_of(ALWAYS).elapsed(0, 5) == 5
    with pytest.raises(KeyError):
        hours_of(f"{uuid4()}/1@2026f")


def test_former_versions_of_policies_are_read_once(rt: Runtime, acme: Tenant) -> None:
    policy_id = new_policy(rt, acme, seconds=60)
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(fields=PolicyFields(resolution_seconds=70)))
    book = read(rt, acme)
    wanted = [(policy_id, 1), (policy_id, 2), (policy_id, 2), (policy_id, 3)]
    with books_read() as statements, rt.db.begin(acme.organization_id) as session:
        found = definitions_of(rt, direct(session), book, wanted)
        assert definitions_of(rt, direct(session), book, wanted[:3]) == found
        assert len(statements) == 1

    assert {version: one.targets[Metric.RESOLUTION].seconds for (_, version), one in found.items()} == {1: 60, 2: 70}


def test_a_target_that_cannot_come_due_in_ten_years_is_refused(rt: Runtime, acme: Tenant) -> None:
    calendar_id = new_calendar(rt, acme, opens="16:58")
    reached, beyond = 520 * 120, 530 * 120
    too_long = r"^targets\.resolution\.seconds: the calendar opens for \d+ seconds in 10 years"
    with pytest.raises(FieldError, match=too_long):
        new_policy(rt, acme, calendar_id, seconds=beyond)
    policy_id = new_policy(rt, acme, calendar_id, seconds=reached)
    with pytest.raises(FieldError, match=too_long):
        edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(fields=PolicyFields(resolution_seconds=beyond)))

    shorter = EditCalendar(name=None, fields=CalendarFields(weekly={"mon": [["16:59", "17:00"]]}))
    with pytest.raises(FieldError, match=r"^weekly: in 10 years the calendar would open for less than the policy"):
        edit_calendar(rt, acme.actor, calendar_id, shorter)
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(active=False))
    edit_calendar(rt, acme.actor, calendar_id, shorter)
    with pytest.raises(FieldError, match=too_long):
        edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(active=True))


def test_there_are_as_many_calendars_and_active_policies_as_a_book_holds(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    policy_id = new_policy(rt, acme, new_calendar(rt, acme))
    for table, most in (("calendars", MOST_CALENDARS), ("sla_policies", MOST_POLICIES)):
        copies = sql.SQL(
            "INSERT INTO {table} (organization_id, id, name, created_at, updated_at) SELECT organization_id, "
            "gen_random_uuid(), name || n, created_at, updated_at FROM {table}, generate_series(2, {most}) n"
        )
        database.run(copies.format(table=sql.Identifier(table), most=sql.Literal(most)))

    with pytest.raises(TooManyCalendars):
        new_calendar(rt, acme, "One more")
    with pytest.raises(TooManyPolicies):
        new_policy(rt, acme)
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(active=False))
    other = new_policy(rt, acme)
    with pytest.raises(TooManyPolicies):
        edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(active=True))
    edit_policy(rt, acme.actor, other, EditSlaPolicy(active=True, position=1))


def test_of_policies_at_one_position_the_newest_is_asked_first(rt: Runtime, acme: Tenant) -> None:
    for name, priority, position in (("a", None, None), ("b", Priority.LOW, None), ("c", None, None), ("d", None, 5)):
        command = NewSlaPolicy(name=name, priority=priority, position=position, resolution_seconds=1)
        add_policy(rt, acme.actor, command, None)

    assert [policy.name for policy in read(rt, acme).policies] == ["d", "b", "c", "a"]
    assert [one.name for one in match(rt, acme.actor, MatchQuestion()).verdicts] == ["d"]


def test_of_many_who_save_at_once_each_counts(rt: Runtime, acme: Tenant) -> None:
    policy_id = new_policy(rt, acme)
    edits = [EditSlaPolicy(fields=PolicyFields(resolution_seconds=100 + number)) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda edit: edit_policy(rt, acme.actor, policy_id, edit), edits))

    assert sorted(one.definition_version for one in done) == list(range(2, 14))
    assert read(rt, acme).revision == 13


def test_a_policy_cannot_choose_a_calendar_that_is_being_retired(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    calendar_id = new_calendar(rt, acme)
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with rt.db.begin(acme.organization_id) as session:
            queries.lock(session, acme.organization_id)
            saved = pool.submit(new_policy, rt, acme, calendar_id)
            eventually(lambda: database.rows(waiting), what="the save that waits for the other one")
            session.execute(text("UPDATE calendars SET active = false"))
        with pytest.raises(FieldError, match="there is no calendar with this id"):
            saved.result(timeout=10)
    assert database.count("sla_policies") == 0


@pytest.mark.parametrize("table", ["calendar_versions", "sla_policy_versions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET created_at = created_at", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_versions_cannot_be_changed_by_anybody(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, table: str, change: str
) -> None:
    new_policy(rt, acme, new_calendar(rt, acme))
    # The owner sees no rows while row-level security is forced, and is let through to the trigger here.
    database.run(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
    before = database.rows(f"SELECT * FROM {table}")
    statement = sql.SQL(change).format(sql.Identifier(table))
    inside = "SELECT set_config('psms.organization_id', %s, false)"

    for url in (database.app_url, database.owner_url, database.superuser_url):
        with psycopg.connect(url) as connection:
            connection.execute(inside, [str(acme.organization_id)])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)

    assert database.rows(f"SELECT * FROM {table}") == before
    assert len(before) == 1
