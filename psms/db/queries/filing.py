"""Filing a ticket: its number and what it takes from its organization, then all its rows. The rest is in `tickets`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psms.db.direct import Brief, Direct
from psms.db.queries.journal import ANSWER, REMEMBERED, KeptAnswer, answer_of
from psms.db.queries.sla_filing import CLOCKS_OF_TICKET

# With a key that has an answer already, no number is taken.
_EARLIER = f"earlier AS ({ANSWER}),"
_NEXT_NUMBER = """
    WITH {earlier} counter AS (
        UPDATE ticket_counters SET last_number = last_number + 1 {unless_answered} RETURNING last_number)
    SELECT counter.last_number, psms_now() AS now, own.default_service_id, own.sla_revision {answer}
    FROM (SELECT) this LEFT JOIN counter ON true
    LEFT JOIN (SELECT default_service_id, sla_revision FROM organizations) own ON true {join}
"""
_NUMBER = _NEXT_NUMBER.format(earlier="", unless_answered="", answer="", join="")
_NUMBER_OR_ANSWER = _NEXT_NUMBER.format(
    earlier=_EARLIER,
    unless_answered="WHERE NOT EXISTS (SELECT FROM earlier)",
    answer=", earlier.*",
    join="LEFT JOIN earlier ON true",
)

# Ticket, log entry, event, outbox row, clocks and the kept answer leave in one statement: one round trip, and
# nothing in between.
_FILING = """
    WITH ticket AS (
        INSERT INTO tickets (organization_id, id, number, type, subject, description, status, impact, urgency,
            priority, priority_source, priority_reason, service_id, requester_id, assignee_id, team_id, tags,
            custom_fields, stage, form_version, sla_policy_id, sla_policy_version, sla_followed, created_at, updated_at)
        VALUES (%(organization_id)s, %(id)s, %(number)s, %(type)s, %(subject)s, %(description)s, %(status)s, %(impact)s,
            %(urgency)s, %(priority)s, %(priority_source)s, %(priority_reason)s, %(service_id)s, %(requester_id)s,
            %(assignee_id)s, %(team_id)s, %(tags)s, CAST(%(custom_fields)s AS jsonb), %(stage)s,
            CAST(%(form_version)s AS integer), CAST(%(sla_policy_id)s AS uuid),
            CAST(%(sla_policy_version)s AS bigint), %(sla_followed)s, %(now)s, %(now)s)
    ), entry AS (
        INSERT INTO logs (organization_id, id, at, action, outcome, actor_id, client_id, request_id,
            target_type, target_id, after, address)
        VALUES (%(organization_id)s, %(log_id)s, %(now)s, 'ticket.created', 'done', %(actor_id)s, %(client_id)s,
            %(request_id)s, 'ticket', %(id)s, CAST(%(after)s AS jsonb), %(address)s)
    ), event AS (
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body,
            request_id)
        VALUES (%(organization_id)s, %(event_id)s, 'ticket.created', 1, %(id)s, 1, %(now)s, %(body)s, %(request_id)s)
    ){parts}
    INSERT INTO outbox (organization_id, event_id, event_type, ticket_id, occurred_at, request_id)
    VALUES (%(organization_id)s, %(event_id)s, 'ticket.created', %(id)s, %(now)s, %(request_id)s)
"""
# By whether there are clocks, and an answer to keep.
_FILED = {
    (clocks, kept): _FILING.format(
        parts=(f", {CLOCKS_OF_TICKET}" if clocks else "") + (f", answer AS ({REMEMBERED})" if kept else "")
    )
    for clocks in (False, True)
    for kept in (False, True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a new ticket takes from its organization: its number, the instant, defaults, and its book's revision."""

    number: int
    now: datetime
    default_service_id: UUID | None
    sla_revision: int


def next_number(way: Direct) -> Opening:
    """Take the organization's next ticket number, and what else a new ticket needs.

    The counter's row stays locked until the commit, so that no number is lost or given out twice: call
    this last before the inserts.
    """
    return _opening_of(way.record(_NUMBER, {}))


def next_number_or_answer(brief: Brief, *, client_id: UUID, key: str) -> Opening | KeptAnswer:
    """Do as `next_number`, unless a request with this key was answered before: then take none, return the answer."""
    row = brief.record(_NUMBER_OR_ANSWER, {"client_id": client_id, "key": key})
    return _opening_of(row) if row.fingerprint is None else answer_of(row)


def _opening_of(row: Any) -> Opening:  # noqa: ANN401  # a row of the statement
    return Opening(
        number=row.last_number,
        now=row.now,
        default_service_id=row.default_service_id,
        sla_revision=row.sla_revision,
    )


def insert_ticket(brief: Brief, values: dict[str, Any], sla: dict[str, Any], kept: dict[str, Any] | None) -> None:
    """Write a new ticket with its log entry, event and outbox row, its clocks and the answer that is kept, if any.

    All are named as in the statement, those of *sla* as `sla_filing` returns them. It commits.
    """
    brief.finish(_FILED["clock_ids" in sla, bool(kept)], {**values, **sla, **(kept or {})})


def insert_within(way: Direct, values: dict[str, Any], sla: dict[str, Any]) -> None:
    """Do as `insert_ticket` in a transaction that goes on: it does not commit, and keeps no answer."""
    way.run(_FILED["clock_ids" in sla, False], {**values, **sla})
