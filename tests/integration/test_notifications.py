"""Notifications by mail: who is told, what they read, what waits, what is tried again and what is given up."""

from datetime import timedelta

import pytest

from psms.domain.access import Role
from psms.domain.accounts import Edit
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.dump import dump_of, found_in
from tests.support.post_office import PostOffice
from tests.support.tenants import Tenant, file_ticket, make_tenant
from tests.support.told import add_person, add_team, mails, notify, ticket_with_clock, with_post
from workflows import directory
from workflows.notifications import send_notifications
from workflows.operations import backlog
from workflows.upkeep import keep_house
from workflows.work import dead_work, retry_work, waiting_work

SENT = ("sent", 1, 0, None, None)


@pytest.fixture
def office():
    with PostOffice() as server:
        yield server


def recipients(office: PostOffice) -> list[str]:
    """Return whom the server was given mails for, in the order of the alphabet."""
    return sorted(taken.recipient for taken in office.taken)


def test_the_assignee_reads_what_happened_and_where(rt: Runtime, acme: Tenant, database: MigratedDatabase, office):
    ada = add_person(rt, acme.actor, "Ada")
    add_person(rt, acme.actor, "Boss", Role.ADMIN)
    ticket_id, clock_id = ticket_with_clock(rt, database, acme, "Printer on fire")
    notify(database, ticket_id, clock_id=clock_id, user_id=ada, team_id=add_team(rt, acme.actor))

    assert send_notifications(with_post(rt, office)) == 2
    assert send_notifications(with_post(rt, office)) == 0

    (taken,) = office.taken
    text = taken.message.get_content()
    ((mail_id,),) = database.rows("SELECT id FROM mails")
    assert taken.recipient == "ada@example.com"
    assert taken.message["Subject"] == "[#1] Overdue: Printer on fire"
    assert taken.message["Message-ID"] == f"<{mail_id}@[127.0.0.1]>"
    assert f"{rt.settings.public_url}/v1/tickets/{ticket_id}" in text
    assert "The time promised for the resolution of ticket #1 is used up." in text
    assert "  Due       " in text
    assert "UTC (in 59 minutes)" in text
    assert "You get this mail because the ticket is assigned to you." in text
    assert mails(database) == [SENT]


def test_a_team_is_told_where_nobody_is_assigned(rt: Runtime, acme: Tenant, database: MigratedDatabase, office):
    ada, bob, gone = (add_person(rt, acme.actor, name) for name in ("Ada", "Bob", "Gone"))
    add_person(rt, acme.actor, "Carl")
    directory.edit_user(rt, acme.actor, gone, Edit(fields={"active": False}))
    notify(database, file_ticket(rt, acme.actor), team_id=add_team(rt, acme.actor, ada, bob, gone, acme.actor.user_id))

    send_notifications(with_post(rt, office))

    assert recipients(office) == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({"Ada": Role.AGENT, "Max": Role.MANAGER, "Moe": Role.MANAGER, "Boss": Role.ADMIN}, ["max", "moe"]),
        ({"Ada": Role.AGENT, "Boss": Role.ADMIN, "Chief": Role.ADMIN}, ["boss", "chief"]),
        ({"Ada": Role.AGENT}, []),
    ],
    ids=["managers", "admins", "nobody"],
)
def test_whoever_leads_the_desk_is_told_where_there_is_no_team(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, people, told
):
    for name, role in people.items():
        add_person(rt, acme.actor, name, role)
    add_person(rt, make_tenant(rt, "Stranger").actor, "Stranger", Role.MANAGER)
    notify(database, file_ticket(rt, acme.actor))

    with PostOffice() as office:
        send_notifications(with_post(rt, office))

    assert recipients(office) == [f"{name}@example.com" for name in told]
    assert database.rows("SELECT count(*) FROM notifications WHERE fanned_out_at IS NULL") == [(0,)]


def test_an_assignee_who_has_left_hands_on_to_the_team(rt: Runtime, acme: Tenant, database: MigratedDatabase, office):
    ada, bob = (add_person(rt, acme.actor, name) for name in ("Ada", "Bob"))
    directory.edit_user(rt, acme.actor, ada, Edit(fields={"active": False}))
    notify(database, file_ticket(rt, acme.actor), user_id=ada, team_id=add_team(rt, acme.actor, bob))

    send_notifications(with_post(rt, office))

    assert recipients(office) == ["bob@example.com"]


def test_without_a_mail_server_mails_wait_and_are_seen(rt: Runtime, acme: Tenant, database: MigratedDatabase, office):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))

    assert send_notifications(rt) == 1
    held = waiting_work(rt, 10)
    assert [(item.kind, item.state, item.reason) for item in held] == [("mail", "held", "set PSMS_SMTP_URL")]
    assert backlog(rt).mails == {"pending": 1, "in_flight": 0, "dead": 0}
    assert [item.state for item in waiting_work(with_post(rt, office), 10) if item.kind == "mail"] == ["pending"]

    assert send_notifications(with_post(rt, office)) == 1
    assert (recipients(office), mails(database)) == (["ada@example.com"], [SENT])


def test_what_waited_for_a_week_is_given_up_and_can_be_sent_all_the_same(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, office
):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))
    send_notifications(rt)
    database.move_clock(timedelta(days=7, minutes=1))

    send_notifications(with_post(rt, office))
    assert (mails(database), office.taken) == ([("dead", 1, 0, "expired", None)], [])
    assert retry_work(rt, None) == 1
    send_notifications(with_post(rt, office))

    assert mails(database)[0][0] == "sent"
    assert recipients(office) == ["ada@example.com"]


def test_what_was_deferred_is_tried_again_later_with_the_same_message(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))
    with PostOffice(replies={"RCPT": ["450 4.2.1 greylisted"]}) as office:
        desk = with_post(rt, office)
        send_notifications(desk)
        waiting = mails(database)
        assert send_notifications(desk) == 0
        database.move_clock(timedelta(seconds=7))
        assert send_notifications(desk) == 1
        assert recipients(office) == ["ada@example.com"]

    error = "The mail server answered 450 4.2.1 to the recipient."
    assert waiting == [("pending", 1, 1, None, error)]
    assert mails(database) == [("sent", 2, 1, None, None)]


def test_a_refused_mail_is_dead_noted_in_the_trail_and_can_be_retried(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))
    with PostOffice(replies={"RCPT": ["550 5.1.1 <ada@example.com> unknown"]}) as office:
        desk = with_post(rt, office)
        send_notifications(desk)
        (dead,) = dead_work(rt, 10)
        noted = database.rows("SELECT action, after FROM logs WHERE target_type = 'mail'")
        assert send_notifications(desk) == 0
        assert retry_work(rt, [dead.id]) == 1
        assert send_notifications(desk) == 1
        assert recipients(office) == ["ada@example.com"]

    assert (dead.kind, dead.state, dead.reason, dead.attempts) == ("mail", "dead", "refused", 1)
    assert noted == [("mail.dead", {"reason": "refused"})]
    assert mails(database) == [("sent", 2, 0, None, None)]


def test_a_mail_is_given_up_after_fourteen_exchanges(rt: Runtime, acme: Tenant, database: MigratedDatabase):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))
    with PostOffice(replies={"RCPT": ["450 later"] * 99}) as office:
        desk = with_post(rt, office)
        for day in range(14):
            database.move_clock(timedelta(days=day))
            send_notifications(desk)

    assert mails(database) == [("dead", 14, 14, "exhausted", "The mail server answered 450 to the recipient.")]
    assert database.rows("SELECT after FROM logs WHERE action = 'mail.dead'") == [({"reason": "exhausted"},)]


def test_who_was_deactivated_meanwhile_is_not_written_to(rt: Runtime, acme: Tenant, database: MigratedDatabase, office):
    ada = add_person(rt, acme.actor, "Ada")
    notify(database, file_ticket(rt, acme.actor), user_id=ada)
    send_notifications(rt)
    directory.edit_user(rt, acme.actor, ada, Edit(fields={"active": False}))

    send_notifications(with_post(rt, office))

    assert mails(database) == [("dead", 1, 1, "refused", "The recipient has been deactivated.")]
    assert office.connections == 0


def test_no_address_is_left_in_the_database_in_clear(rt: Runtime, acme: Tenant, database: MigratedDatabase):
    notify(database, file_ticket(rt, acme.actor), user_id=add_person(rt, acme.actor, "Ada"))
    with PostOffice(replies={"RCPT": ["550 5.1.1 <ada@example.com> unknown"]}) as office:
        send_notifications(with_post(rt, office))

    assert found_in(dump_of(database.superuser_url), "ada@example.com") == []


def test_old_mails_are_removed_and_those_that_wait_are_kept(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, office
):
    ada = add_person(rt, acme.actor, "Ada")
    notify(database, file_ticket(rt, acme.actor), user_id=ada)
    send_notifications(with_post(rt, office))
    notify(database, file_ticket(rt, acme.actor), user_id=ada)
    send_notifications(rt)
    database.move_clock(timedelta(days=91))

    keep_house(rt)

    assert [row[0] for row in mails(database)] == ["pending"]
