"""A comment as answers show it. The routes are in the resources."""

from marshmallow import fields

from api.fields import Answer, Uuid, choice
from psms.domain.tickets import Visibility


class CommentSchema(Answer):
    """A comment."""

    id = Uuid()
    ticket_id = Uuid()
    author_id = Uuid(allow_none=True, metadata={"description": "Null: an automation wrote it."})
    body = fields.String()
    visibility = choice(Visibility)
    mentions = fields.List(Uuid(), metadata={"description": "Who is told of it by mail."})
    created_at = fields.DateTime()
    survivor_id = Uuid(
        allow_none=True,
        metadata={"description": "The ticket that it reached, where ticket_id was merged; it is shown on both."},
    )
