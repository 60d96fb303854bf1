"""The audit trail: an entry goes into the transaction of the change it tells of; a refusal gets its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import journal
from psms.domain.access import Actor
from psms.domain.events import Change
from psms.domain.logs import Outcome
from psms.encoding import json_text
from psms.runtime import Runtime


def note(
    rt: Runtime,
    session: Session,
    actor: Actor,
    *,
    now: datetime,
    action: str,
    target: tuple[str, UUID | None],
    changes: dict[str, Change] | None = None,
    outcome: Outcome = Outcome.DONE,
) -> None:
    """Write that *actor* did *action* to *target* (its type and id), with the fields that changed."""
    before = {name: change.before for name, change in (changes or {}).items() if change.before is not None}
    after = {name: change.after for name, change in (changes or {}).items()}
    journal.insert_log(
        session,
        journal.LogRecord(
            organization_id=actor.organization_id,
            id=rt.chance.new_id(now),
            at=now,
            action=action,
            outcome=outcome.value,
            actor_id=actor.user_id,
            client_id=actor.client_id,
            request_id=actor.request_id,
            target_type=target[0],
            target_id=target[1],
            before=json_text(before) if before else None,
            after=json_text(after) if after else None,
        ),
    )


def note_system(
    rt: Runtime,
    session: Session,
    organization_id: UUID,
    *,
    now: datetime,
    action: str,
    target: tuple[str, UUID | None],
    after: dict[str, object],
) -> None:
    """Write that PSMS itself did *action* to *target*: nobody asked for it at that moment."""
    journal.insert_log(
        session,
        journal.LogRecord(
            organization_id=organization_id,
            id=rt.chance.new_id(now),
            at=now,
            action=action,
            outcome=Outcome.DONE.value,
            actor_id=None,
            client_id=None,
            request_id=None,
            target_type=target[0],
            target_id=target[1],
            before=None,
            after=json_text(after),
        ),
    )


def added(values: dict[str, object]) -> dict[str, Change]:
    """Return *values* as the changes of something that is new."""
    return {name: Change(before=None, after=value) for name, value in values.items()}


def record_denial(
    rt: Runtime, actor: Actor, *, action: str, target_type: str, target_id: UUID | None, reason: str
) -> None:
    """Write, in a transaction of its own, that *actor* was refused *action*."""
    with rt.db.begin(actor.organization_id) as session:
        note(
            rt,
            session,
            actor,
            now=rt.clock.now(session),
            action=action,
            target=(target_type, target_id),
            changes=added({"reason": reason}),
            outcome=Outcome.DENIED,
        )
