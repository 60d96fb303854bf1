"""People, and notifications for them, for the tests of telling by mail. The mail server is in `post_office`."""

import json
from dataclasses import replace
from uuid import UUID, uuid4

from psycopg import sql

from psms.adapters.mail import SmtpMailer
from psms.adapters.slots import Slots
from psms.domain.access import Actor, Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewTeam, NewUser
from psms.domain.paging import Severity
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.sla_standing import SlaNotice
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.databases import MigratedDatabase
from tests.support.post_office import PostOffice
from tests.support.tenants import Tenant, file_ticket
from workflows import directory, pages, tickets
from workflows.act import act_of_system
from workflows.notifications import send_notifications
from workflows.sla_policies import add_policy
from workflows.sla_standing import sla_of_ticket

_MAILS = """
    SELECT m.state, m.tries, m.failures, m.dead_reason, m.last_error FROM mails m ORDER BY m.created_at, m.id
"""


def with_post(rt: Runtime, office: PostOffice) -> Runtime:
    """Return a runtime beside *rt*, as of another process, that has a mail server."""
    settings = Settings.from_env({"PSMS_SMTP_URL": office.url(), "PSMS_MAIL_FROM": "desk@example.com"})
    assert settings.mail is not None
    return replace(rt, mailer=SmtpMailer(settings.mail, "desk.example.com"), mail_slots=Slots(8))


def add_person(rt: Runtime, actor: Actor, name: str, role: Role = Role.AGENT) -> UUID:
    """Add a person whose address is their name in small letters at example.com."""
    command = NewUser(email=f"{name.lower()}@example.com", name=name, role=RoleChoice(role=role))
    return UUID(json.loads(directory.add_user(rt, actor, command, None).body)["id"])


def add_team(rt: Runtime, actor: Actor, *members: UUID) -> UUID:
    """Make a team."""
    made = directory.add_team(rt, actor, NewTeam(name=f"Team {uuid4()}", member_ids=members), None)
    return UUID(json.loads(made.body)["id"])


def ticket_with_clock(rt: Runtime, database: MigratedDatabase, tenant: Tenant, subject: str) -> tuple[UUID, UUID]:
    """File a ticket for which a resolution in an hour is promised, and return its id and its clock's."""
    add_policy(rt, tenant.actor, NewSlaPolicy(name=f"Policy {uuid4()}", resolution_seconds=3600), None)
    ticket_id = file_ticket(rt, tenant.actor, subject)
    ((clock_id,),) = database.rows("SELECT id FROM sla_clocks WHERE ticket_id = %s", ticket_id)
    return ticket_id, UUID(str(clock_id))


def notify(
    database: MigratedDatabase,
    ticket_id: UUID,
    *,
    clock_id: UUID | None = None,
    user_id: UUID | None = None,
    team_id: UUID | None = None,
    kind: str = "sla.breached",
) -> None:
    """Write a notification about a ticket, as the sweep does."""
    statement = sql.SQL("""
        INSERT INTO notifications (organization_id, id, ticket_id, clock_id, kind, user_id, team_id, created_at)
        SELECT organization_id, {}, id, {}, {}, {}, {}, psms_now() FROM tickets WHERE id = {}
    """)
    values = (str(uuid4()), clock_id, kind, user_id, team_id, ticket_id)
    database.run(statement.format(*(sql.Literal(value) for value in values)))


def tell_in_every_way(rt: Runtime, tenant: Tenant, ticket_id: UUID) -> None:
    """Leave a mail and a page of a ticket that has a clock and a notification."""
    add_person(rt, tenant.actor, "Boss", Role.ADMIN)
    send_notifications(rt)
    ticket = tickets.get_ticket(rt, tenant.actor, ticket_id)
    clock = sla_of_ticket(rt, tenant.actor, ticket_id).clocks[0]
    notice = SlaNotice(
        clock_id=clock.id,
        metric=clock.metric,
        level="page",
        at=ticket.created_at,
        due_at=clock.due_at,
        target_seconds=clock.target_seconds,
        late=False,
    )
    with rt.db.begin(tenant.organization_id) as session:
        act = act_of_system(rt, session, tenant.organization_id, rt.clock.now(session))
        pages.trigger(act, ticket, notice, Severity.CRITICAL)


def mails(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return state, tries, failures, reason and last error of every mail, oldest first."""
    return database.rows(_MAILS)
