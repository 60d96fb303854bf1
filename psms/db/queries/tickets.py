"""Statements on tickets; comments have their own. The hot ones are written out, so that their cost is plain to see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Uuid, any_, literal, select, text, update
from sqlalchemy.orm import Session

from psms.db.direct import Direct
from psms.db.models.accounts import OrganizationRow
from psms.db.models.tickets import TicketRow
from psms.db.queries.field_filters import conditions
from psms.db.queries.visibility import condition, page_condition, visible, workable
from psms.domain.access import Actor
from psms.domain.forms.filters import FieldQuestion
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import (
    Level,
    Priority,
    PrioritySource,
    Stage,
    Status,
    Ticket,
    TicketFilter,
    TicketType,
)
from psms.errors import NotFound

_T = TicketRow.__table__.c
TICKET_COLUMNS = (
    _T.id, _T.number, _T.type, _T.subject, _T.description, _T.status, _T.impact, _T.urgency, _T.priority,
    _T.service_id, _T.requester_id, _T.assignee_id, _T.team_id, _T.tags, _T.custom_fields, _T.version,
    _T.created_at, _T.updated_at, _T.resolved_at, _T.closed_at, _T.priority_source, _T.priority_reason,
    _T.stage, _T.form_version, _T.parent_id, _T.merged_into_id, _T.state_id,
)  # fmt: skip

# Looked up, not called: five calls a row show in a list.
_TYPES = {member.value: member for member in TicketType}
_STATUSES = {member.value: member for member in Status}
_LEVELS = {member.value: member for member in Level}
_STAGES: dict[str | None, Stage | None] = {None: None, **{member.value: member for member in Stage}}
_SOURCES = {member.value: member for member in PrioritySource}
_PRIORITIES = {member.value: member for member in Priority}

# Inside the organization, in one statement and without a transaction around it: the setting is local to the
# statement. The outer row is made before the inner query begins, and without the setting no row is visible.
_INSIDE = """
    SELECT t.* FROM (SELECT set_config('psms.organization_id', %(organization)s, true) AS id OFFSET 0) entered
    CROSS JOIN LATERAL (SELECT {columns} FROM tickets
        WHERE organization_id = CAST(entered.id AS uuid) {conditions}) t
"""
_NAMES = ", ".join(column.name for column in TICKET_COLUMNS)
# The caller's ids, as a statement of that form names them.
_CALLER = {"organization": "CAST(entered.id AS uuid)", "user": "%(user)s"}
_FILTERS = ("status", "type", "priority", "assignee_id", "team_id", "requester_id", "service_id", "parent_id")

_ESCALATE = text("""
    UPDATE tickets t SET priority = r.priority,
        priority_source = CASE WHEN t.priority = r.priority THEN t.priority_source ELSE 'escalation' END,
        priority_reason = CASE WHEN t.priority = r.priority THEN t.priority_reason END,
        assignee_id = r.assignee_id, team_id = r.team_id,
        sla_policy_id = r.policy_id, sla_policy_version = r.policy_version, version = r.version,
        sequence = r.sequence,
        updated_at = CASE WHEN t.version = r.version THEN t.updated_at ELSE CAST(:now AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:priorities AS text[]), CAST(:assignees AS uuid[]), CAST(:teams AS uuid[]),
        CAST(:policy_ids AS uuid[]), CAST(:policy_versions AS bigint[]), CAST(:versions AS bigint[]),
        CAST(:sequences AS bigint[]))
        AS r (id, priority, assignee_id, team_id, policy_id, policy_version, version, sequence)
    WHERE t.organization_id = :organization_id AND t.id = r.id
""")
# What is read of a ticket whose row is locked, besides what the API shows.
_LOCKED = (
    _T.sequence, _T.responded_at, _T.unanswered_since, _T.sla_policy_id, _T.sla_policy_version, _T.sla_followed,
    _T.field_versions, _T.deleted_at,
    select(OrganizationRow.sla_revision).scalar_subquery().label("sla_revision"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedTicket:
    """A ticket whose row is locked until the commit, its last event's sequence, and what its clocks are to know.

    *policy* is the version of a policy that is promised; *sla_revision* is that of the organization's book, *followed*
    that of the last edit which the clocks have followed. *field_versions* tells at which version a field changed last,
    of those that changed.
    """

    ticket: Ticket
    sequence: int
    responded_at: datetime | None
    unanswered_since: datetime | None
    policy: tuple[UUID, int] | None
    sla_revision: int
    followed: int
    field_versions: Mapping[str, int]
    deleted_at: datetime | None = None


def get(session: Session, actor: Actor, ticket_id: UUID) -> Ticket:
    """Return a ticket that *actor* may see, or raise NotFound."""
    return _found(session, _visible(actor).where(_T.id == ticket_id))


def look_up(direct: Direct, actor: Actor, ticket_id: UUID) -> Ticket:
    """Return a ticket that *actor* may see, or raise NotFound; outside a transaction, in one round trip."""
    values = {"organization": str(actor.organization_id), "user": actor.user_id, "id": ticket_id}
    statement = _INSIDE.format(columns=_NAMES, conditions=f"AND id = %(id)s {condition(actor, **_CALLER)}")
    row = direct.row(statement, values)
    if row is None:
        raise NotFound
    return ticket_of(row)


def lock(session: Session, actor: Actor, ticket_id: UUID) -> LockedTicket:
    """Return a ticket that *actor* may do something to, locked until the commit, or raise NotFound."""
    row = session.execute(_workable(actor, ticket_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound
    return _locked_of(row)


def read(session: Session, actor: Actor, ticket_id: UUID) -> LockedTicket:
    """Return as `lock` a ticket that is not written, without locking it."""
    row = session.execute(_workable(actor, ticket_id)).one_or_none()
    if row is None:
        raise NotFound
    return _locked_of(row)


def lock_visible(session: Session, actor: Actor, ticket_ids: Sequence[UUID]) -> dict[UUID, LockedTicket]:
    """Lock those of these tickets that *actor* may see, in the order of their ids, and return them by their ids."""
    ids = literal(list(ticket_ids), ARRAY(Uuid))
    statement = _visible(actor).add_columns(*_LOCKED).where(_T.id == any_(ids)).order_by(_T.id)
    rows = session.execute(statement.with_for_update(key_share=True))
    return {row.id: _locked_of(row) for row in rows}


def lock_free(session: Session, ticket_ids: Sequence[UUID]) -> list[LockedTicket]:
    """Lock those of the tickets that nobody else holds, and return them."""
    rows = session.execute(_those(ticket_ids).with_for_update(skip_locked=True))
    return [_locked_of(row) for row in rows]


def read_all(session: Session, ticket_ids: Sequence[UUID]) -> list[LockedTicket]:
    """Return these tickets as `lock_all` does, without locking them: for what is not written."""
    return [_locked_of(row) for row in session.execute(_those(ticket_ids))]


def lock_all(session: Session, ticket_ids: Sequence[UUID]) -> list[LockedTicket]:
    """Lock these tickets, in the order of their ids, waiting for whoever holds one, and return them."""
    rows = session.execute(_those(ticket_ids).with_for_update(key_share=True))
    return [_locked_of(row) for row in rows]


def write_escalated(session: Session, organization_id: UUID, tickets: Sequence[LockedTicket], now: datetime) -> None:
    """Write priority, assignment, promise, version and sequence of locked tickets, in one statement."""
    policies = [locked.policy or (None, None) for locked in tickets]
    session.execute(
        _ESCALATE,
        {
            "organization_id": organization_id,
            "now": now,
            "ids": [locked.ticket.id for locked in tickets],
            "priorities": [locked.ticket.priority.value for locked in tickets],
            "assignees": [locked.ticket.assignee_id for locked in tickets],
            "teams": [locked.ticket.team_id for locked in tickets],
            "policy_ids": [policy_id for policy_id, _ in policies],
            "policy_versions": [version for _, version in policies],
            "versions": [locked.ticket.version for locked in tickets],
            "sequences": [locked.sequence for locked in tickets],
        },
    )


def list_page(
    direct: Direct, actor: Actor, wanted: TicketFilter, page: PageRequest, questions: Sequence[FieldQuestion] = ()
) -> Page[Ticket]:
    """Return one page of the tickets that *actor* may see, newest first; outside a transaction, in one round trip.

    *questions* are what `wanted.fields` ask for.
    """
    values = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    filters = [f"AND {name} = %({name})s" for name in values]
    if wanted.tag is not None:
        filters.append("AND tags @> ARRAY[CAST(%(tag)s AS text)]")
    if questions:
        found, asked = conditions(questions, organization=_CALLER["organization"], is_requester=actor.is_requester)
        filters.append(found)
        values |= asked
    if page.after is not None:
        filters.append("AND id < %(after)s")
    values |= {"organization": str(actor.organization_id), "user": actor.user_id, "tag": wanted.tag}
    values |= {"after": page.after, "limit": page.limit + 1}
    shown = page_condition(actor, **_CALLER, filters=" ".join(filters))
    statement = _INSIDE.format(columns=_NAMES, conditions=f"{shown} ORDER BY id DESC LIMIT %(limit)s")
    rows = direct.rows(statement, values)
    return page_of([ticket_of(row) for row in rows], page.limit)


def apply(session: Session, ticket_id: UUID, changes: dict[str, Any]) -> Ticket:
    """Write *changes* to a locked ticket and return it as it is now."""
    statement = update(TicketRow).where(_T.id == ticket_id).values(**changes).returning(*TICKET_COLUMNS)
    return ticket_of(session.execute(statement, execution_options={"synchronize_session": False}).one())


def count_event(session: Session, ticket_id: UUID, sequence: int, **remembered: Any) -> None:
    """Move a locked ticket's sequence without touching its version: something happened, no field changed.

    *remembered* are columns that the API does not show.
    """
    session.execute(
        update(TicketRow).where(_T.id == ticket_id).values(sequence=sequence, **remembered),
        execution_options={"synchronize_session": False},
    )


def remember_policy(session: Session, ticket_id: UUID, policy: tuple[UUID, int] | None) -> None:
    """Write which version of a policy is promised for a locked ticket."""
    policy_id, version = policy or (None, None)
    session.execute(
        update(TicketRow).where(_T.id == ticket_id).values(sla_policy_id=policy_id, sla_policy_version=version),
        execution_options={"synchronize_session": False},
    )


def _visible(actor: Actor) -> Select[Any]:
    return select(*TICKET_COLUMNS).where(_T.organization_id == actor.organization_id, visible(actor))


def _workable(actor: Actor, ticket_id: UUID) -> Select[Any]:
    own = select(*TICKET_COLUMNS, *_LOCKED).where(_T.organization_id == actor.organization_id, workable(actor))
    return own.where(_T.id == ticket_id)


def _those(ticket_ids: Sequence[UUID]) -> Select[Any]:
    # One parameter, and one text, however many they are.
    ids = literal(list(ticket_ids), ARRAY(Uuid))
    return select(*TICKET_COLUMNS, *_LOCKED).where(_T.id == any_(ids)).order_by(_T.id)


def _found(session: Session, statement: Select[Any]) -> Ticket:
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return ticket_of(row)


def ticket_of(row: Sequence[Any]) -> Ticket:
    """Return the ticket that a row holds which begins with the ticket's columns."""
    return Ticket(
        id=row[0],
        number=row[1],
        type=_TYPES[row[2]],
        subject=row[3],
        description=row[4],
        status=_STATUSES[row[5]],
        impact=_LEVELS[row[6]],
        urgency=_LEVELS[row[7]],
        priority=_PRIORITIES[row[8]],
        service_id=row[9],
        requester_id=row[10],
        assignee_id=row[11],
        team_id=row[12],
        tags=row[13],
        custom_fields=row[14],
        version=row[15],
        created_at=row[16],
        updated_at=row[17],
        resolved_at=row[18],
        closed_at=row[19],
        priority_source=_SOURCES[row[20]],
        priority_reason=row[21],
        stage=_STAGES[row[22]],
        form_version=row[23],
        parent_id=row[24],
        merged_into_id=row[25],
        state_id=row[26],
    )


def _locked_of(row: Row[Any]) -> LockedTicket:
    policy = None if row.sla_policy_id is None else (row.sla_policy_id, row.sla_policy_version)
    return LockedTicket(
        ticket=ticket_of(row),
        sequence=row.sequence,
        responded_at=row.responded_at,
        unanswered_since=row.unanswered_since,
        policy=policy,
        sla_revision=row.sla_revision,
        followed=row.sla_followed,
        field_versions=row.field_versions,
        deleted_at=row.deleted_at,
    )
