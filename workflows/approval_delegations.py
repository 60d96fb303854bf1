"""Who stands in for an approver who is away: added, listed, ended. It holds for steps that begin meanwhile."""

from uuid import UUID

from psms.db.models.approvals import ApprovalDelegationRow
from psms.db.queries import people, records
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.approvals import Delegation, NewDelegation
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.errors import FieldError, NotAllowed, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "approval_delegation"


def list_delegations(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Delegation]:
    """Return one page of the delegations that concern the caller; of all, to those who manage users."""
    require(actor, Permission.TICKET_READ)
    row = ApprovalDelegationRow
    own = () if _leads(actor) else ((row.user_id == actor.user_id) | (row.delegate_id == actor.user_id),)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, row, page, _view, *own)


def add_delegation(rt: Runtime, actor: Actor, command: NewDelegation, once: OnceKey | None) -> Created:
    """Let somebody stand in for the caller; those who manage users may name for whom.

    Raises NotAllowed for another's, and FieldError for a span that is empty and for who is not active.
    """
    require(actor, Permission.APPROVAL_VOTE)
    user_id = command.user_id or actor.user_id
    _require_own(actor, user_id)
    if command.until <= command.since:
        raise FieldError("to", "must be after from")
    if command.delegate_id == user_id:
        raise FieldError("delegate_id", "nobody stands in for themselves")

    def create(act: Act) -> Made:
        for name, one in (("user_id", user_id), ("delegate_id", command.delegate_id)):
            if not people.is_active(act.session, one):
                raise FieldError(name, "there is no active user with this id in your organization")
        row = ApprovalDelegationRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            user_id=user_id,
            delegate_id=command.delegate_id,
            starts_at=command.since,
            ends_at=command.until,
            created_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        trail.note_added(act, _KIND, row.id, {"user_id": user_id, "delegate_id": row.delegate_id})
        return Made(json_bytes(_view(row)), f"/v1/approval-delegations/{row.id}")

    return create_once(rt, actor, once, create)


def remove_delegation(rt: Runtime, actor: Actor, delegation_id: UUID) -> None:
    """End a delegation of the caller's, or of anybody's for those who manage users; else raise NotFound."""
    require(actor, Permission.APPROVAL_VOTE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.get(session, ApprovalDelegationRow, delegation_id)
        if row.user_id != actor.user_id and not _leads(actor):
            raise NotFound
        records.remove(session, ApprovalDelegationRow, delegation_id)
        trail.note(act_of(rt, session, actor), f"{_KIND}.deleted", (_KIND, delegation_id))


def _leads(actor: Actor) -> bool:
    return actor.may(Permission.USER_MANAGE)


def _require_own(actor: Actor, user_id: UUID) -> None:
    if user_id != actor.user_id and not _leads(actor):
        message = "You can name who stands in for yourself only."
        raise NotAllowed(message, permission=Permission.APPROVAL_VOTE.value)


def _view(row: ApprovalDelegationRow) -> Delegation:
    return records.view_of(Delegation, row, since=row.starts_at, until=row.ends_at)
