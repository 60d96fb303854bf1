"""Who stands in for approvers who are away. For one step alone: `approvals`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.approvals import NewDelegation
from workflows import approval_delegations

EXAMPLE = {
    "delegate_id": "01890000-0000-7000-8000-000000000000",
    "from": "2026-12-24T08:00:00Z",
    "to": "2027-01-02T08:00:00Z",
}


class DelegationSchema(Answer):
    """Somebody stands in for an approver, from an instant until before another."""

    id = Uuid()
    user_id = Uuid()
    delegate_id = Uuid()
    since = fields.DateTime()
    until = fields.DateTime()
    created_at = fields.DateTime()


class NewDelegationSchema(Schema):
    """A new delegation."""

    delegate_id = Uuid(required=True)
    user_id = Uuid(metadata={"description": "For whom; left out: the caller. Others are named by who manages users."})
    since = Instant(data_key="from", required=True, metadata={"description": "From this instant."})
    until = Instant(data_key="to", required=True, metadata={"description": "Until before this instant."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewDelegation:
        """Make the command."""
        return NewDelegation(**values)


blp = Blueprint("approval-delegations", "/v1/approval-delegations", "Who stands in for approvers who are away.")


@blp.route("", methods=["POST"])
@requires(Permission.APPROVAL_VOTE)
@blp.arguments(NewDelegationSchema, example=EXAMPLE)
@blp.creates(DelegationSchema)
def add_delegation(command: NewDelegation) -> Response:
    """Let somebody stand in for you in every step that begins meanwhile."""
    return render.created(approval_delegations.add_delegation(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(DelegationSchema)
def list_delegations(query: dict[str, Any]) -> Response:
    """List the delegations that concern you; those who manage users see all."""
    return render.listed(approval_delegations.list_delegations(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:delegation_id>", methods=["DELETE"])
@requires(Permission.APPROVAL_VOTE)
@blp.removes
def remove_delegation(delegation_id: UUID) -> Response:
    """End a delegation. Where somebody stands in already, they go on."""
    approval_delegations.remove_delegation(runtime(), actor(), delegation_id)
    return render.removed()
