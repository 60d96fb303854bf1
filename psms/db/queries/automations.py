"""Rules of automations with their versions, what they are asked about, and what became of them. One organization."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.models.automations import AutomationRow, AutomationVersionRow
from psms.domain.automations.documents import RuleDocument
from psms.domain.automations.views import ActionDone, Firing, Outcome, Result
from psms.domain.events import EventType
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla.matching import Refusal
from psms.domain.tickets import Ticket
from psms.encoding import json_text

# What was written after the event is not for it, however late this is asked.
_FOR = """
    SELECT a.id, a.name, a.definition_version AS version, v.definition FROM automations a
    JOIN automation_versions v ON v.organization_id = a.organization_id AND v.automation_id = a.id
        AND v.version = a.definition_version
    WHERE a.active AND a.created_at <= %(occurred_at)s
      AND v.definition -> 'on' @> to_jsonb(CAST(%(type)s AS text))
    ORDER BY a.position, a.id
"""
_ACTOR = "(convert_from(e.body, 'UTF8')::jsonb #>> '{data,actor_id}')::uuid"
_HAPPENED = f"""
    SELECT e.body, u.role FROM events e
    LEFT JOIN users u ON u.organization_id = e.organization_id AND u.id = {_ACTOR}
    WHERE e.organization_id = %(organization_id)s AND e.id = %(event_id)s
"""  # noqa: S608  (a constant)
# The newest events of tickets, whatever they are, bound what is read: an event may be of a type that is rare.
_NEWEST = f"""
    SELECT e.id, e.type, e.ticket_id, e.occurred_at, e.body, u.role FROM (
        SELECT * FROM events WHERE organization_id = %(organization_id)s AND ticket_id IS NOT NULL
        ORDER BY id DESC LIMIT %(within)s) e
    LEFT JOIN users u ON u.organization_id = e.organization_id AND u.id = {_ACTOR}
    WHERE e.type = ANY (%(types)s) ORDER BY e.id DESC LIMIT %(limit)s
"""  # noqa: S608  (a constant)
_NAMES = """
    SELECT (SELECT name FROM users WHERE id = %(requester)s) AS requester,
        (SELECT name FROM users WHERE id = %(assignee)s) AS assignee,
        (SELECT name FROM teams WHERE id = %(team)s) AS team,
        (SELECT name FROM services WHERE id = %(service)s) AS service
"""
_VERSIONS = """
    SELECT automation_id AS id, version, definition FROM automation_versions
    WHERE (automation_id, version) IN (SELECT * FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(versions)s AS bigint[])))
"""
# Saves are made one after the other: each writes down what all active rules together are for.
_LOCK = text("SELECT automated_events FROM organizations WHERE id = :organization_id FOR NO KEY UPDATE")
_ACTIVE = text("SELECT count(*) FROM automations WHERE active")
_NOTE_TYPES = text("""
    UPDATE organizations SET automated_events = (
        SELECT array_agg(DISTINCT event ORDER BY event) FROM automations a
        JOIN automation_versions v ON v.organization_id = a.organization_id AND v.automation_id = a.id
            AND v.version = a.definition_version
        CROSS JOIN jsonb_array_elements_text(v.definition -> 'on') AS event WHERE a.active)
    WHERE id = :organization_id
""")
_FIRED = """
    INSERT INTO automation_firings (organization_id, id, automation_id, automation_version, event_id, event_type,
        ticket_id, outcome, depth, refusals, actions, at)
    SELECT %(organization_id)s, n.id, n.automation_id, n.version, n.event_id, n.event_type, n.ticket_id, n.outcome,
        n.depth, CAST(n.refusals AS jsonb), CAST(n.actions AS jsonb), n.at
    FROM unnest(CAST(%(id)s AS uuid[]), CAST(%(automation_id)s AS uuid[]), CAST(%(automation_version)s AS bigint[]),
        CAST(%(event_id)s AS uuid[]), CAST(%(event_type)s AS text[]), CAST(%(ticket_ids)s AS uuid[]),
        CAST(%(outcome)s AS text[]), CAST(%(depth)s AS smallint[]), CAST(%(refusals)s AS text[]),
        CAST(%(actions)s AS text[]), CAST(%(at)s AS timestamptz[]))
        AS n (id, automation_id, version, event_id, event_type, ticket_id, outcome, depth, refusals, actions, at)
"""
_OF_TICKET = """
    SELECT f.*, a.name FROM automation_firings f
    JOIN automations a ON a.organization_id = f.organization_id AND a.id = f.automation_id
    WHERE f.organization_id = %(organization_id)s AND f.ticket_id = %(ticket_id)s
      AND (CAST(%(after)s AS uuid) IS NULL OR f.id < %(after)s)
    ORDER BY f.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRule:
    """A rule's current version as it is stored."""

    id: UUID
    name: str
    version: int
    definition: RuleDocument


def rules_for(session: Session, event_type: str, occurred_at: datetime) -> list[WrittenRule]:
    """Return the active rules that are for an event of that instant, in the order in which they are asked."""
    rows = direct(session).records(_FOR, {"type": event_type, "occurred_at": occurred_at})
    return [WrittenRule(**row._asdict()) for row in rows]


def event_of(session: Session, organization_id: UUID, event_id: UUID) -> Record:
    """Return an event's body, and the role of who acted."""
    return direct(session).record(_HAPPENED, {"organization_id": organization_id, "event_id": event_id})


def newest_events(
    session: Session, organization_id: UUID, types: Sequence[str], *, limit: int, within: int
) -> Sequence[Record]:
    """Return events of *types* among the newest *within* of tickets, newest first, each with the role of who acted."""
    values = {"organization_id": organization_id, "types": list(types), "limit": limit, "within": within}
    return direct(session).records(_NEWEST, values)


def names_of(session: Session, ticket: Ticket) -> Record:
    """Return what people, team and service of a ticket are called."""
    values = {"requester": ticket.requester_id, "assignee": ticket.assignee_id}
    return direct(session).record(_NAMES, {**values, "team": ticket.team_id, "service": ticket.service_id})


def lock_rules(session: Session, organization_id: UUID) -> None:
    """Let nobody else save an automation of the organization until the commit."""
    session.execute(_LOCK, {"organization_id": organization_id})


def active_rules(session: Session) -> int:
    """Return how many rules the organization has that are active."""
    return int(session.execute(_ACTIVE).scalar_one())


def note_types(session: Session, organization_id: UUID) -> None:
    """Write down what all active rules together are for, so that the relay need not ask them."""
    session.execute(_NOTE_TYPES, {"organization_id": organization_id})


def definitions_of(session: Session, rows: Iterable[AutomationRow]) -> dict[UUID, RuleDocument]:
    """Return what rules say in their current versions, in one query."""
    wanted = [(row.id, row.definition_version) for row in rows]
    values = {"ids": [one for one, _ in wanted], "versions": [version for _, version in wanted]}
    return {row.id: row.definition for row in direct(session).records(_VERSIONS, values)}


def versions_of(session: Session, automation_id: UUID, page: PageRequest) -> Sequence[AutomationVersionRow]:
    """Return the versions of a rule, oldest first, one more than the page holds."""
    model = AutomationVersionRow
    after = 0 if page.after is None else page.after.int
    wanted = select(model).where(model.automation_id == automation_id, model.version > after)
    return session.scalars(wanted.order_by(model.version).limit(page.limit + 1)).all()


def insert_firings(session: Session, organization_id: UUID, ticket_id: UUID, firings: Sequence[Firing]) -> None:
    """Write what became of rules for an event of a locked ticket; each rule once for each event, or all is refused."""
    names = ("id", "automation_id", "automation_version", "event_id", "event_type", "outcome", "depth", "at")
    columns: dict[str, list[Any]] = {name: [getattr(one, name) for one in firings] for name in names}
    columns["refusals"] = [json_text(one.refusals) for one in firings]
    columns["actions"] = [json_text(one.actions) for one in firings]
    ticket_ids = [ticket_id] * len(firings)
    direct(session).run(_FIRED, {"organization_id": organization_id, "ticket_ids": ticket_ids, **columns})


def firings_of(session: Session, organization_id: UUID, ticket_id: UUID, page: PageRequest) -> Page[Firing]:
    """Return one page of what became of rules for a ticket's events, newest first."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id, "after": page.after, "limit": page.limit + 1}
    return page_of([_firing(row) for row in direct(session).records(_OF_TICKET, values)], page.limit)


def _firing(row: Record) -> Firing:
    return Firing(
        id=row.id,
        automation_id=row.automation_id,
        automation_name=row.name,
        automation_version=row.automation_version,
        event_id=row.event_id,
        event_type=EventType(row.event_type),
        outcome=Outcome(row.outcome),
        depth=row.depth,
        refusals=[Refusal(**one) for one in row.refusals],
        actions=[
            ActionDone(type=one["type"], result=Result(one["result"]), reason=one["reason"]) for one in row.actions
        ],
        at=row.at,
    )
