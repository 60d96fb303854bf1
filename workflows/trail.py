"""The audit trail: an entry goes into the transaction of the change it tells of; a refusal gets its own."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psms.db.queries import journal
from psms.domain.access import Actor
from psms.domain.encrypted_columns import logged
from psms.domain.events import Change
from psms.domain.logs import Origin, Outcome
from psms.encoding import json_text
from psms.runtime import Runtime
from workflows.act import Act, act_of

Target = tuple[str, UUID | None]
"""What an entry is about: its kind and its id."""


def note(act: Act, action: str, target: Target, changes: dict[str, Change] | None = None) -> None:
    """Write that *action* was done to *target*, with the fields that changed."""
    insert(act, entry(act, action, target, changes or {}))


def insert(act: Act, record: journal.LogRecord) -> None:
    """Write an entry in the act's transaction."""
    journal.insert_logs(act.session, [record])


def note_added(act: Act, kind: str, row_id: UUID, shown: dict[str, Any]) -> None:
    """Write the entry `<kind>.created` with the values of *shown*."""
    note(act, f"{kind}.created", (kind, row_id), added(shown))


def note_changed(act: Act, kind: str, row_id: UUID, changed: dict[str, tuple[Any, Any]]) -> None:
    """Write the entry `<kind>.updated` with each field before and after; nothing when nothing changed."""
    if changed:
        changes = {name: Change(before=before, after=after) for name, (before, after) in changed.items()}
        note(act, f"{kind}.updated", (kind, row_id), changes)


def added(values: dict[str, Any]) -> dict[str, Change]:
    """Return *values* as the changes of something that is new."""
    return {name: Change(before=None, after=value) for name, value in values.items()}


def record_denial(rt: Runtime, actor: Actor, *, action: str, target: Target, reason: str) -> None:
    """Write, in a transaction of its own, that *actor* was refused *action*."""
    with rt.db.begin(actor.organization_id) as session:
        denied = entry(act_of(rt, session, actor), action, target, added({"reason": reason}), Outcome.DENIED)
        journal.insert_logs(session, [denied])


def refusal(act: Act, action: str, target: Target, facts: dict[str, Any], origin: Origin) -> journal.LogRecord:
    """Return the entry that somebody who is not known was refused *action*, and where the request came from."""
    denied = entry(act, action, target, added(facts), Outcome.DENIED)
    return replace(denied, request_id=origin.request_id, address=origin.address)


def entry(
    act: Act, action: str, target: Target, changes: dict[str, Change], outcome: Outcome = Outcome.DONE
) -> journal.LogRecord:
    """Return the entry that *action* was done to *target*, to be written with others.

    What is confidential is masked: the trail is read by more people than the row, and is never changed.
    """
    before = {name: logged(name, change.before) for name, change in changes.items() if change.before is not None}
    after = {name: logged(name, change.after) for name, change in changes.items()}
    actor = act.actor
    return journal.LogRecord(
        organization_id=act.organization_id,
        id=act.new_id(),
        at=act.now,
        action=action,
        outcome=outcome.value,
        actor_id=actor.user_id if actor else None,
        client_id=actor.client_id if actor else None,
        request_id=actor.request_id if actor else None,
        target_type=target[0],
        target_id=target[1],
        before=json_text(before) if before else None,
        after=json_text(after) if after else None,
        address=actor.address if actor else None,
    )
