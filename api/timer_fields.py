"""A timer as answers show it. The routes are in the resources."""

from marshmallow import fields

from api.fields import Answer, Uuid


class TimerSchema(Answer):
    """Somebody is working on a ticket."""

    id = Uuid()
    ticket_id = Uuid()
    user_id = Uuid()
    note = fields.String()
    activity = fields.String(allow_none=True)
    billable = fields.Boolean()
    started_at = fields.DateTime()
