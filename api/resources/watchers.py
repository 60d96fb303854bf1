"""Who follows a ticket: list, add and remove. To follow a ticket gives no right to see it."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from workflows import watchers


class WatcherSchema(Answer):
    """A user who follows a ticket."""

    user_id = Uuid()
    added_at = fields.DateTime()


blp = Blueprint("watchers", "/v1/tickets/<uuid:ticket_id>/watchers", "Who follows a ticket without working on it.")


@blp.route("", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(WatcherSchema)
def list_watchers(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List who follows a ticket. Requesters are shown themselves only."""
    return render.listed(watchers.list_watchers(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/<uuid:watcher_id>", methods=["PUT"])
@requires(Permission.TICKET_WATCH)
@blp.takes_no_fields
@blp.shows(WatcherSchema)
def add_watcher(ticket_id: UUID, watcher_id: UUID) -> Response:
    """Let a user follow a ticket; who follows it already goes on. Requesters do so for themselves."""
    return render.shown(watchers.add_watcher(runtime(), actor(), ticket_id, watcher_id))


@blp.route("/<uuid:watcher_id>", methods=["DELETE"])
@requires(Permission.TICKET_WATCH)
@blp.removes
def remove_watcher(ticket_id: UUID, watcher_id: UUID) -> Response:
    """Let a user follow a ticket no more; nothing happens where they did not."""
    watchers.remove_watcher(runtime(), actor(), ticket_id, watcher_id)
    return render.removed()
