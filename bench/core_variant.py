"""A creation as a careful programmer would first write it with SQLAlchemy Core: one insert after the other.

Bearer look-up, idempotency row, ticket number, ticket, log entry, event, two SLA clocks, one commit.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Engine, create_engine, insert, select, text, update
from sqlalchemy.engine import Connection, Row, make_url

from psms.db.models.accounts import OrganizationRow
from psms.db.models.events import EventRow
from psms.db.models.logs import LogRow
from psms.db.models.sla import SlaClockRow, SlaSegmentRow
from psms.db.models.sla_books import SlaPolicyRow
from psms.db.models.tickets import IdempotencyKeyRow, TicketCounterRow, TicketRow
from psms.ids import uuid7

_ACTOR = text("SELECT organization_id, user_id, client_id, role, scopes, psms_now() AS now FROM psms_actor(:hash)")
_ENTER = text("SELECT set_config('psms.organization_id', :organization, true)")


def creation(url: str, token: Callable[[], str]) -> Callable[[bytes], bytes]:
    """Return a function from a request's body to the answer's, on connections of its own."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")

    def create(body: bytes) -> bytes:
        with alone.connect() as connection:
            actor = connection.execute(_ACTOR, {"hash": hashlib.sha256(token().encode()).digest()}).one()
        return _created(engine, actor, orjson.loads(body))

    return create


def _created(engine: Engine, actor: Row[Any], command: dict[str, Any]) -> bytes:
    with engine.connect() as connection:
        connection.execute(_ENTER, {"organization": str(actor.organization_id)})
        counter = update(TicketCounterRow).values(last_number=TicketCounterRow.last_number + 1)
        key = uuid4().hex
        _remember(connection, actor, key)
        service = connection.execute(select(OrganizationRow.default_service_id)).scalar_one()
        number = connection.execute(counter.returning(TicketCounterRow.last_number)).scalar_one()
        ticket = _ticket(actor, command, service, number)
        connection.execute(insert(TicketRow).values(**ticket))
        _tell(connection, actor, ticket)
        _start_clocks(connection, actor, ticket["id"])
        connection.commit()
    return orjson.dumps(ticket)


def _new_id(actor: Row[Any]) -> UUID:
    return uuid7(actor.now, uuid4().int & ((1 << 62) - 1))


def _ticket(actor: Row[Any], command: dict[str, Any], service: UUID | None, number: int) -> dict[str, Any]:
    return {
        "organization_id": actor.organization_id,
        "id": _new_id(actor),
        "number": number,
        "type": "incident",
        "subject": command["subject"],
        "description": "",
        "status": "new",
        "impact": "medium",
        "urgency": "medium",
        "priority": "medium",
        "service_id": service,
        "requester_id": actor.user_id,
        "created_at": actor.now,
        "updated_at": actor.now,
    }


def _remember(connection: Connection, actor: Row[Any], key: str) -> None:
    kept = {"fingerprint": bytes(32), "body": bytes(600), "location": f"/v1/tickets/{key}"}
    expiry = actor.now + timedelta(hours=24)
    who = {"organization_id": actor.organization_id, "client_id": actor.client_id, "key": key}
    connection.execute(insert(IdempotencyKeyRow).values(**who, **kept, created_at=actor.now, expires_at=expiry))


def _tell(connection: Connection, actor: Row[Any], ticket: dict[str, Any]) -> None:
    common = {"organization_id": actor.organization_id, "request_id": "bench"}
    who = {"actor_id": actor.user_id, "client_id": actor.client_id}
    what = {"action": "ticket.created", "outcome": "done", "target_type": "ticket", "target_id": ticket["id"]}
    after = {"subject": ticket["subject"]}
    entry = {"id": _new_id(actor), "at": actor.now, "after": after, **what, **who, **common}
    connection.execute(insert(LogRow).values(**entry))
    told = {"type": "ticket.created", "schema_version": 1, "ticket_id": ticket["id"], "sequence": 1}
    body = orjson.dumps(ticket)
    connection.execute(insert(EventRow).values(id=_new_id(actor), occurred_at=actor.now, body=body, **told, **common))


def _start_clocks(connection: Connection, actor: Row[Any], ticket_id: UUID) -> None:
    policy = connection.execute(select(SlaPolicyRow.id, SlaPolicyRow.definition_version).limit(1)).one()
    common = {"organization_id": actor.organization_id, "ticket_id": ticket_id, "state": "running"}
    common |= {"policy_id": policy.id, "policy_version": policy.definition_version}
    times = {"since": actor.now, "started_at": actor.now, "cause": "start"}
    targets = {"first_response": timedelta(days=10), "resolution": timedelta(days=20)}
    rows = [
        {"id": _new_id(actor), "metric": metric, "target": target, "due_at": actor.now + target, **times, **common}
        for metric, target in targets.items()
    ]
    connection.execute(insert(SlaClockRow), rows)
    begun = {"number": 1, "cycle": 1, "cause": "start", "began_at": actor.now, "consumed": timedelta(0), **common}
    segments = [{"clock_id": row["id"], "target": row["target"], **begun} for row in rows]
    connection.execute(insert(SlaSegmentRow), segments)
