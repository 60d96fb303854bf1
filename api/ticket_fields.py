"""A ticket as answers show it: to those who work on tickets, to requesters, and beside another one."""

from marshmallow import fields

from api.fields import Answer, Uuid, choice
from psms.domain.tickets import Level, Priority, PrioritySource, Stage, Status, TicketType

MAX_SUBJECT = 500


class TicketSchema(Answer):
    """A ticket."""

    id = Uuid()
    number = fields.Integer(metadata={"description": "What people call it: counted in each organization."})
    type = choice(TicketType)
    subject = fields.String()
    description = fields.String()
    status = choice(Status)
    state_id = Uuid(allow_none=True, metadata={"description": "What the organization calls the status, if anything."})
    stage = choice(
        Stage, allow_none=True, metadata={"description": "The step within the status that only some types have."}
    )
    impact = choice(Level)
    urgency = choice(Level)
    priority = choice(Priority)
    priority_source = choice(
        PrioritySource,
        metadata={"description": "Where the priority comes from. Only one of the matrix follows impact and urgency."},
    )
    priority_reason = fields.String(allow_none=True, metadata={"description": "Why somebody chose the priority."})
    service_id = Uuid()
    requester_id = Uuid()
    assignee_id = Uuid(allow_none=True)
    team_id = Uuid(allow_none=True)
    tags = fields.List(fields.String())
    custom_fields = fields.Dict()
    form_version = fields.Integer(
        allow_none=True, metadata={"description": "The version of its service's form that judges its custom fields."}
    )
    parent_id = Uuid(allow_none=True)
    merged_into_id = Uuid(allow_none=True, metadata={"description": "The ticket that goes on in place of this one."})
    version = fields.Integer(metadata={"description": "How often its fields have changed; the ETag."})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    resolved_at = fields.DateTime(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)


class TicketForRequesterSchema(Answer):
    """A ticket as its requester reads it: not how the desk organizes its work."""

    id = Uuid()
    number = fields.Integer()
    type = choice(TicketType)
    subject = fields.String()
    description = fields.String()
    status = choice(Status)
    state_id = Uuid(allow_none=True)
    stage = choice(Stage, allow_none=True)
    impact = choice(Level)
    urgency = choice(Level)
    priority = choice(Priority)
    service_id = Uuid()
    requester_id = Uuid()
    custom_fields = fields.Dict(metadata={"description": "Those fields of the service's form that requesters see."})
    form_version = fields.Integer(allow_none=True)
    merged_into_id = Uuid(allow_none=True)
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    resolved_at = fields.DateTime(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)


class LinkedTicketSchema(Answer):
    """A ticket as another one shows it."""

    id = Uuid()
    number = fields.Integer()
    type = choice(TicketType)
    subject = fields.String()
    status = choice(Status)
