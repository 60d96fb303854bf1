"""Comments on tickets: write and list."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import post_load

from api import render
from api.auth import actor, requires
from api.comment_fields import CommentSchema
from api.context import runtime
from api.fields import MAX_TEXT, Schema, Uuid, choice, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.tickets import NewComment, Visibility
from workflows import comments

_MOST_MENTIONS = 20


class NewCommentSchema(Schema):
    """A new comment; an internal one is for those who work on the ticket."""

    body = text(MAX_TEXT, required=True)
    visibility = choice(Visibility, metadata={"default": Visibility.PUBLIC.value})
    mentions = several(
        Uuid(), at_most=_MOST_MENTIONS, metadata={"description": "Users who see the ticket, to be told by mail."}
    )

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewComment:
        """Make the command."""
        return NewComment(**{**values, "mentions": tuple(values.get("mentions", ()))})


blp = Blueprint("comments", "/v1/tickets/<uuid:ticket_id>/comments", "What was said on a ticket.")


@blp.route("", methods=["POST"])
@requires(Permission.COMMENT_CREATE)
@blp.arguments(NewCommentSchema, example={"body": "We are on our way."})
@blp.creates(CommentSchema)
def add_comment(command: NewComment, ticket_id: UUID) -> Response:
    """Write a comment."""
    return render.created(comments.add_comment(runtime(), actor(), ticket_id, command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.COMMENT_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(CommentSchema)
def list_comments(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List the comments that you may read, oldest first."""
    return render.listed(comments.list_comments(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/<uuid:comment_id>", methods=["GET"])
@requires(Permission.COMMENT_READ)
@blp.shows(CommentSchema)
def get_comment(ticket_id: UUID, comment_id: UUID) -> Response:
    """Read a comment."""
    return render.shown(comments.get_comment(runtime(), actor(), ticket_id, comment_id))
