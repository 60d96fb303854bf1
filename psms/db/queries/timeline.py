"""What a page of a ticket's timeline is read from: its events, what was said, names, and deliveries to partners.

Whether a caller sees the ticket is asked before: see `tickets`. However long a timeline is, a page is a stretch of one
index, `ix_events_ticket`.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.access import Permission
from psms.domain.pages import PageRequest
from psms.domain.timeline import ECHOES, FOR_REQUESTERS, PREFIXES, Kind, Order, Sight, TimelineQuestion

# An event's id rises with its instant, and within one act with its sequence (RFC 9562 section 6.2): its order is the
# story's. What the body tells is looked into only for those who may not read everything.
_PAGE = """
    WITH page AS MATERIALIZED (
        SELECT e.id, e.type, e.sequence, e.occurred_at, CAST(convert_from(e.body, 'UTF8') AS jsonb) -> 'data' AS data
        FROM events e
        WHERE e.organization_id = %(organization)s AND e.ticket_id = %(ticket)s {conditions}
        ORDER BY e.id {direction} LIMIT %(limit)s
    )
    SELECT p.id, p.type, p.sequence, p.occurred_at, p.data - 'ticket' AS data, c.body AS said
    FROM page p
    LEFT JOIN comments c ON c.organization_id = %(organization)s AND c.id = CAST(p.data #>> '{{comment,id}}' AS uuid)
    ORDER BY p.id {direction}
"""
_TOLD = "CAST(convert_from(e.body, 'UTF8') AS jsonb) -> 'data'"
_PUBLIC = f"AND (e.type <> 'ticket.commented' OR {_TOLD} #>> '{{comment,visibility}}' = 'public')"
# The words of one customer are not for another one, also where their tickets were merged: as in `comments`.
_THEIR_OWN = f"""AND (e.type <> 'ticket.commented' OR EXISTS (
    SELECT FROM comments c JOIN tickets t ON t.organization_id = c.organization_id AND t.id = c.ticket_id
    WHERE c.organization_id = %(organization)s AND c.id = CAST({_TOLD} #>> '{{comment,id}}' AS uuid)
        AND (t.id = %(ticket)s OR t.requester_id = %(reader)s)))"""
_OF_FIELDS = f"AND (e.type <> 'ticket.updated' OR jsonb_exists_any({_TOLD} -> 'changes', %(fields)s))"
_DIRECTIONS = {Order.NEWEST_FIRST: ("DESC", "<"), Order.OLDEST_FIRST: ("ASC", ">")}

_NAMED = {Permission.USER_READ: "users", Permission.TEAM_READ: "teams", Permission.SERVICE_READ: "services"}
_NAMES = (
    "SELECT CAST(id AS text) AS id, name FROM {table} WHERE organization_id = %(organization)s AND id = ANY (%(ids)s)"
)
# What is pending in a closed lane is held.
_DELIVERIES = """
    SELECT d.event_id, d.id, d.endpoint_id, d.tries, d.last_error, d.finished_at,
        CASE WHEN d.state = 'pending' AND NOT l.open THEN 'held' ELSE d.state END AS state
    FROM webhook_deliveries d
    JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
    WHERE d.organization_id = %(organization)s AND d.event_id = ANY (%(ids)s) ORDER BY d.event_id, d.id
"""


def events_of(
    session: Session,
    place: tuple[UUID, UUID],
    question: TimelineQuestion,
    page: PageRequest,
    sight: Sight,
) -> Sequence[Record]:
    """Return the events of a ticket (*place*: organization and ticket), one more than *page* asks for.

    The columns are `id type sequence occurred_at data said`.
    """
    return direct(session).records(*statement_for(place, question, page, sight))


def statement_for(
    place: tuple[UUID, UUID], question: TimelineQuestion, page: PageRequest, sight: Sight
) -> tuple[str, dict[str, Any]]:
    """Return the one statement that `events_of` asks, and its values."""
    direction, beyond = _DIRECTIONS[question.order]
    values: dict[str, Any] = {"organization": place[0], "ticket": place[1], "limit": page.limit + 1}
    conditions = [*_seen(sight, values), *_of_kinds(question.kinds, values)]
    if page.after is not None:
        values["after"] = page.after
        conditions.append(f"AND e.id {beyond} %(after)s")
    return _PAGE.format(conditions=" ".join(conditions), direction=direction), values


def names(session: Session, organization_id: UUID, ids: Collection[str], may: Collection[Permission]) -> dict[str, str]:
    """Return the names of people, teams and services by their ids as text, of those kinds that may be read."""
    tables = [table for permission, table in _NAMED.items() if permission in may]
    if not tables or not ids:
        return {}
    statement = " UNION ALL ".join(_NAMES.format(table=table) for table in tables)
    values = {"organization": organization_id, "ids": sorted(map(UUID, ids))}
    return {row.id: row.name for row in direct(session).records(statement, values)}


def deliveries_of(session: Session, organization_id: UUID, event_ids: Sequence[UUID]) -> Sequence[Record]:
    """Return how far these events have come, one row for each endpoint; deliveries are kept for a while only."""
    return direct(session).records(_DELIVERIES, {"organization": organization_id, "ids": list(event_ids)})


def _seen(sight: Sight, values: dict[str, Any]) -> list[str]:
    values["echoes"] = list(ECHOES)
    conditions = ["AND e.type <> ALL (%(echoes)s)"]
    if sight.requester:
        values |= {"shown": list(FOR_REQUESTERS), "fields": sorted(sight.fields), "reader": sight.reader}
        conditions += ["AND e.type = ANY (%(shown)s)", _OF_FIELDS, _THEIR_OWN]
    if not sight.comments:
        conditions.append("AND e.type <> 'ticket.commented'")
    elif not sight.internal_comments:
        conditions.append(_PUBLIC)
    if not sight.time:
        conditions.append("AND NOT starts_with(e.type, 'time.')")
    return conditions


def _of_kinds(kinds: Collection[Kind], values: dict[str, Any]) -> list[str]:
    if not kinds:
        return []
    wanted = [prefix for kind in kinds for prefix in PREFIXES.get(kind, ())]
    alternatives = [_begins(f"kind_{number}", prefix, values) for number, prefix in enumerate(wanted)]
    if Kind.OTHER in kinds:
        known = [prefix for prefixes in PREFIXES.values() for prefix in prefixes]
        nothing_known = " OR ".join(_begins(f"known_{number}", prefix, values) for number, prefix in enumerate(known))
        alternatives.append(f"NOT ({nothing_known})")
    return [f"AND ({' OR '.join(alternatives)})"]


def _begins(name: str, prefix: str, values: dict[str, Any]) -> str:
    values[name] = prefix
    return f"starts_with(e.type, %({name})s)"
