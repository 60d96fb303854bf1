"""SLA policies, and how a ticket stands with its targets."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.sla import ClockState, Metric
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import Priority
from workflows import sla_policies

_TEN_YEARS_S = 10 * 366 * 86_400


def _target(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=1, max=_TEN_YEARS_S), **options)


class SlaPolicySchema(Answer):
    """What is promised for tickets of a priority; without one, for every priority that no other policy names."""

    id = Uuid()
    name = fields.String()
    priority = choice(Priority, allow_none=True)
    first_response_seconds = fields.Integer(allow_none=True)
    resolution_seconds = fields.Integer(allow_none=True)
    active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewSlaPolicySchema(Schema):
    """A new policy; at least one of the two targets is given."""

    name = text(MAX_NAME, required=True)
    priority = choice(Priority, allow_none=True)
    first_response_seconds = _target(metadata={"description": "Until the first public reply of staff."})
    resolution_seconds = _target(metadata={"description": "Until resolved; pending and on hold do not count."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewSlaPolicy:
        """Make the command."""
        return NewSlaPolicy(**values)


class EditSlaPolicySchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    first_response_seconds = _target()
    resolution_seconds = _target()
    active = Flag()


class ClockSchema(Answer):
    """One target of a ticket."""

    id = Uuid()
    metric = choice(Metric)
    policy_id = Uuid()
    policy_version = fields.Integer()
    state = choice(ClockState)
    target_seconds = fields.Integer()
    consumed_seconds = fields.Integer()
    remaining_seconds = fields.Integer(metadata={"description": "Negative once the target is used up."})
    due_at = fields.DateTime(allow_none=True, metadata={"description": "Null while the clock is paused."})
    breached_at = fields.DateTime(allow_none=True, metadata={"description": "The due instant that was missed."})
    completed_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime()
    levels = fields.List(fields.String(), metadata={"description": "Levels that were reached."})


class TicketSlaSchema(Answer):
    """How a ticket stands with its targets at an instant."""

    ticket_id = Uuid()
    at = fields.DateTime()
    clocks = fields.List(fields.Nested(ClockSchema))


class ClockForRequesterSchema(Answer):
    """One target of a ticket, as its requester reads it."""

    metric = choice(Metric)
    state = choice(ClockState)
    target_seconds = fields.Integer()
    remaining_seconds = fields.Integer()
    due_at = fields.DateTime(allow_none=True)
    breached_at = fields.DateTime(allow_none=True)
    completed_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime()


class TicketSlaForRequesterSchema(Answer):
    """How a ticket stands with its targets, as its requester reads it."""

    ticket_id = Uuid()
    at = fields.DateTime()
    clocks = fields.List(fields.Nested(ClockForRequesterSchema))


blp = Blueprint("sla_policies", "/v1", "What is promised, and how tickets stand with it.")


@blp.route("/sla-policies", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(NewSlaPolicySchema)
@blp.creates(SlaPolicySchema)
def add_policy(command: NewSlaPolicy) -> Response:
    """Add a policy.

    It applies to tickets that are filed, or change their priority, from now on. The policy that names a
    ticket's priority applies, else the one that names none; of several the newest.
    """
    return render.created(sla_policies.add_policy(runtime(), actor(), command, once_key()))


@blp.route("/sla-policies", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(SlaPolicySchema)
def list_policies(query: dict[str, Any]) -> Response:
    """List policies, oldest first."""
    return render.listed(sla_policies.list_policies(runtime(), actor(), page_request(query)))


@blp.route("/sla-policies/<uuid:policy_id>", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.reads(SlaPolicySchema)
def get_policy(policy_id: UUID) -> Response:
    """Read a policy."""
    return render.current_unless_known(sla_policies.get_policy(runtime(), actor(), policy_id))


@blp.route("/sla-policies/<uuid:policy_id>", methods=["PATCH"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(EditSlaPolicySchema)
@blp.edits(SlaPolicySchema)
def edit_policy(values: dict[str, Any], policy_id: UUID) -> Response:
    """Change a policy; clocks that run already keep their targets."""
    if_version = wanted_version(lambda: sla_policies.get_policy(runtime(), actor(), policy_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(sla_policies.edit_policy(runtime(), actor(), policy_id, command))


@blp.route("/tickets/<uuid:ticket_id>/sla", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(TicketSlaSchema, TicketSlaForRequesterSchema)
def get_ticket_sla(ticket_id: UUID) -> Response:
    """Read how a ticket stands with its targets now."""
    return render.shown(sla_policies.sla_of_ticket(runtime(), actor(), ticket_id))
