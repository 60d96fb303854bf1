"""The walls between organizations, tried from inside: with the application's own role and no filter."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import text

from psms.db.fitness import refuse_unfit_database
from psms.db.session import Database
from psms.domain.access import Actor, Role
from psms.domain.access.roles import NewRole, RoleChoice
from psms.domain.accounts import NewAssignment, NewTeam, NewUser
from psms.domain.answers import OnceKey
from psms.domain.approvals import ApprovalStep, NewDelegation
from psms.domain.duties import NewDuty
from psms.domain.pages import PageRequest
from psms.domain.services import SaveForm
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.policy_documents import TargetDocument
from psms.domain.sla_calendars import EditCalendar, NewCalendar
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.ticket_links import LinkKind, NewLink
from psms.domain.ticket_states import NewTicketState
from psms.domain.tickets import NewComment, OpenTicket, Status, TicketType
from psms.errors import Misconfigured
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.desk_work import work_in_every_way
from tests.support.log_tools import sign_now
from tests.support.played_runs import errand_run
from tests.support.receiver import Receiver
from tests.support.replaying import look_back
from tests.support.routing import assign_and_wait
from tests.support.rules import tag, write_rule
from tests.support.tenants import Tenant, add_endpoint, file_ticket, make_tenant
from tests.support.told import tell_in_every_way
from tests.support.waiting import eventually
from workflows import approvals, catalogue, comments, directory, organizations, tickets
from workflows.approval_delegations import add_delegation
from workflows.automation_runs import run_automations
from workflows.calendars import add_calendar, edit_calendar
from workflows.changes import edit_change
from workflows.deliveries import deliver_due
from workflows.duties import add_duty
from workflows.forms import save_form
from workflows.log_seals import seal_logs
from workflows.merges import merge_ticket
from workflows.relay import relay_outbox
from workflows.roles import add_role
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.ticket_links import add_link
from workflows.ticket_states import add_state

_TENANT_TABLES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) OR c.relispartition AS has_policy
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p')
"""


def unwalled(database: MigratedDatabase) -> list[str]:
    """Return the tenant tables that lack forced row-level security or a policy."""
    rows = database.rows(_TENANT_TABLES)
    assert len(rows) >= 20
    return sorted(str(name) for name, enabled, forced, policy in rows if not (enabled and forced and policy))


def test_a20_every_tenant_table_forces_row_level_security_and_has_a_policy(database: MigratedDatabase) -> None:
    assert unwalled(database) == []


def test_a20_a_new_tenant_table_without_a_wall_is_found(database: MigratedDatabase) -> None:
    database.run(sql.SQL("CREATE TABLE forgotten (organization_id uuid NOT NULL, id uuid NOT NULL)"))

    assert unwalled(database) == ["forgotten"]


def fill_every_table(rt: Runtime, tenant: Tenant, partner: Receiver) -> None:
    """Leave rows of *tenant* in every tenant table: one ticket delivered, one still in the outbox."""
    actor = tenant.actor
    add_role(rt, actor, NewRole(name="Reader", base_role=Role.AGENT, permissions=("ticket.read",)), None)
    team = json.loads(directory.add_team(rt, actor, NewTeam(name="Desk", member_ids=(actor.user_id,)), None).body)
    person = NewUser(email="on@duty.example", name="On duty", role=RoleChoice(role=Role.AGENT))
    user_id = UUID(json.loads(directory.add_user(rt, actor, person, None).body)["id"])
    now = datetime.now(UTC)
    add_duty(rt, actor, NewDuty(user_id=user_id, since=now, until=now + timedelta(hours=1)), None)
    service = catalogue.list_services(rt, actor, PageRequest()).items[0]
    catalogue.add_assignment(rt, actor, NewAssignment(service_id=service.id, team_id=UUID(team["id"])), None)
    save_form(
        rt, actor, service.id, SaveForm(fields=[{"key": "site", "type": "text", "label": "Site", "default": "x"}])
    )
    endpoint_id, _ = add_endpoint(rt, actor, partner.url("/hook"))
    assign_and_wait(rt, tenant, user_id, service.id)
    keep_settings(rt, actor)
    add_policy(rt, actor, NewSlaPolicy(name="At once", targets={"first_response": at_once(actor)}), None)
    write_rule(rt, tenant, "ticket.created", tag("seen"), name="Seen", statuses=["closed"])
    ticket_id = file_ticket(rt, actor)
    relay_outbox(rt)
    run_automations(rt)
    eventually(lambda: fire_due_timers(rt) and notified(rt, tenant), what="the breach")
    tell_in_every_way(rt, tenant, ticket_id)
    live_in_every_way(rt, tenant, user_id)
    comments.add_comment(rt, actor, ticket_id, NewComment(body="Hello"), OnceKey(key="key", fingerprint=b"print"))
    relate(rt, actor, ticket_id)
    relay_outbox(rt)
    deliver_due(rt)
    look_back(rt, tenant, endpoint_id)
    seal_logs(rt)
    sign_now(rt, tenant.organization_id)
    # The transaction that writes a row of the outbox is all that this needs.
    file_ticket(rt, actor)


def keep_settings(rt: Runtime, actor: Actor) -> None:
    """Leave a calendar in two versions, and a state of the organization's own."""
    add_state(rt, actor, NewTicketState(name="Vendor", status=Status.ON_HOLD, types=(), position=1), None)
    week = CalendarFields(time_zone="UTC", weekly={"mon": [["09:00", "17:00"]]})
    calendar = json.loads(add_calendar(rt, actor, NewCalendar(name="Week", fields=week), None).body)
    edit_calendar(
        rt, actor, UUID(calendar["id"]), EditCalendar(name=None, fields=CalendarFields(holidays=["2030-01-01"]))
    )


def live_in_every_way(rt: Runtime, tenant: Tenant, user_id: UUID) -> None:
    """Leave what a ticket's later life leaves: runs, rules and what they did, work, approvals and a change."""
    actor = tenant.actor
    errand_run(rt, tenant)
    work_in_every_way(rt, actor)
    ask_and_plan(rt, actor, user_id)


def ask_and_plan(rt: Runtime, actor: Actor, user_id: UUID) -> None:
    """Leave an approval that somebody is asked for, with a stand-in, and a change that is planned."""
    now = datetime.now(UTC)
    away = NewDelegation(user_id=user_id, delegate_id=actor.user_id, since=now, until=now + timedelta(hours=1))
    add_delegation(rt, actor, away, None)
    request, change = (
        UUID(json.loads(tickets.open_ticket(rt, actor, OpenTicket(subject="x", type=of), None).body)["id"])
        for of in (TicketType.REQUEST, TicketType.CHANGE)
    )
    approvals.ask(rt, actor, request, (ApprovalStep(name="Consent", user_ids=(user_id,)),), None)
    edit_change(rt, actor, change, {"plan": "Swap the disks."}, None)


def relate(rt: Runtime, actor: Actor, ticket_id: UUID) -> None:
    """Link a ticket to another one, and merge a third into it."""
    add_link(rt, actor, ticket_id, NewLink(kind=LinkKind.BLOCKS, ticket_id=file_ticket(rt, actor)), None)
    merge_ticket(rt, actor, file_ticket(rt, actor), ticket_id, None)


def at_once(actor: Actor) -> TargetDocument:
    """Return a target that is breached a second later, which is told to the caller and lets them follow the ticket."""
    return {
        "seconds": 1,
        "levels": [
            {
                "id": "breach",
                "percent": 100,
                "actions": [
                    {"type": "add_watcher", "user_id": str(actor.user_id)},
                    {"type": "notify", "to": "assignee"},
                ],
            }
        ],
    }


def notified(rt: Runtime, tenant: Tenant) -> bool:
    """Tell whether somebody was told of a breach."""
    with rt.db.begin(tenant.organization_id) as session:
        return bool(session.execute(text("SELECT EXISTS (SELECT FROM notifications)")).scalar_one())


def test_a18_a_query_without_a_filter_sees_one_organization_only(rt: Runtime, database: MigratedDatabase) -> None:
    acme, stranger = make_tenant(rt), make_tenant(rt, "Stranger")
    with Receiver() as partner:
        fill_every_table(rt, acme, partner)
        fill_every_table(rt, stranger, partner)
    # What waits for automations, and then what is in the outbox, of both.
    for _ in range(2):
        relay_outbox(rt)
        for one in (acme, stranger):
            file_ticket(rt, one.actor)
    tables = [str(name) for name, *_ in database.rows(_TENANT_TABLES) if not str(name)[-6:].isdigit()]
    for table in tables:
        with rt.db.begin(acme.organization_id) as session:
            seen = session.execute(text(f"SELECT DISTINCT organization_id FROM {table}")).scalars().all()
        everything = {organization for (organization,) in database.rows(f"SELECT organization_id FROM {table}")}

        assert everything == {acme.organization_id, stranger.organization_id}, table
        assert seen == [acme.organization_id], table


def test_a20_a_transaction_without_an_organization_sees_nothing(rt: Runtime) -> None:
    file_ticket(rt, make_tenant(rt).actor)

    with rt.db.begin_system() as session:
        assert session.execute(text("SELECT count(*) FROM tickets")).scalar_one() == 0


def test_a18_the_organization_of_a_transaction_does_not_stay_on_its_connection(rt: Runtime) -> None:
    acme = make_tenant(rt)
    file_ticket(rt, acme.actor)
    one = Database(rt.settings.database_url, pool_size=1)
    with one.begin(acme.organization_id) as session:
        first = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        assert session.execute(text("SELECT count(*) FROM tickets")).scalar_one() == 1
    again = one.ask(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    seen = one.ask(lambda connection: connection.execute(text("SELECT count(*) FROM tickets")).scalar_one())
    assert (again, seen) == (first, 0)
    one.close()


def test_a20_a_row_cannot_be_written_into_another_organization(rt: Runtime, database: MigratedDatabase) -> None:
    acme, stranger = make_tenant(rt), make_tenant(rt, "Stranger")
    before = database.count("services")
    insert = text(
        "INSERT INTO services (organization_id, id, name, created_at, updated_at)"
        " VALUES (:organization, gen_random_uuid(), 'x', now(), now())"
    )

    with pytest.raises(Exception, match="row-level security"), rt.db.begin(acme.organization_id) as session:
        session.execute(insert, {"organization": stranger.organization_id})

    assert database.count("services") == before


def test_the_claimer_cannot_read_what_it_needs_not(rt: Runtime) -> None:
    make_tenant(rt)
    for table in ("tickets", "events", "users", "webhook_secrets", "logs", "webhook_endpoints", "data_keys"):
        with pytest.raises(Exception, match="permission denied"), rt.db.begin_claim() as session:
            session.execute(text(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("table", ["logs", "events"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_append_only_cannot_be_changed_by_the_application(
    rt: Runtime, database: MigratedDatabase, table: str, statement: str
) -> None:
    acme = make_tenant(rt)
    file_ticket(rt, acme.actor)
    before = database.rows(f"SELECT * FROM {table} ORDER BY id")

    with pytest.raises(Exception, match="permission denied"), rt.db.begin(acme.organization_id) as session:
        session.execute(text(statement.format(table)))

    assert database.rows(f"SELECT * FROM {table} ORDER BY id") == before


@pytest.mark.parametrize("statement", ["UPDATE logs SET id = id", "DELETE FROM logs", "TRUNCATE logs"])
def test_not_even_a_superuser_changes_the_log_by_a_plain_statement(
    rt: Runtime, database: MigratedDatabase, statement: str
) -> None:
    file_ticket(rt, make_tenant(rt).actor)
    before = database.count("logs")

    with psycopg.connect(database.superuser_url) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())

    assert database.count("logs") == before > 0


@pytest.mark.parametrize("role", ["superuser", "owner", "bypassing"])
def test_a20_a_role_that_could_bypass_the_walls_is_refused(database: MigratedDatabase, role: str) -> None:
    database.run(sql.SQL("DROP ROLE IF EXISTS psms_bypassing"))
    database.run(sql.SQL("CREATE ROLE psms_bypassing LOGIN BYPASSRLS PASSWORD 'test-only'"))
    bypassing = database.app_url.replace("//psms_app:", "//psms_bypassing:")
    url = {"superuser": database.superuser_url, "owner": database.owner_url, "bypassing": bypassing}[role]
    unfit = Database(url, pool_size=1)

    with pytest.raises(Misconfigured, match="could bypass the walls"):
        refuse_unfit_database(unfit)

    unfit.close()
    database.run(sql.SQL("DROP ROLE psms_bypassing"))


def test_the_applications_role_is_fit(rt: Runtime) -> None:
    refuse_unfit_database(rt.db)


def test_a_new_organization_is_founded_inside_its_own_walls(rt: Runtime, database: MigratedDatabase) -> None:
    acme = make_tenant(rt)

    created = organizations.found_organization(rt, acme.actor, "Subsidiary", None)

    organization_id = UUID(json.loads(created.body)["id"])
    owners = database.rows("SELECT DISTINCT organization_id FROM services WHERE organization_id = %s", organization_id)
    entries = database.rows("SELECT organization_id FROM logs WHERE target_id = %s ORDER BY 1", organization_id)
    assert owners == [(organization_id,)]
    assert sorted(entries) == sorted([(acme.organization_id,), (organization_id,)])
