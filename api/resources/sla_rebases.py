"""Edits that hold for open tickets, and how far they have got. Making them is in `sla_policies` and `calendars`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.sla.edits import Applies
from psms.domain.sla_rebases import RebaseState
from workflows import sla_rebase_views


class RebaseSchema(Answer):
    """An edit of a policy or a calendar that holds for open tickets, and how many of them have followed it."""

    id = Uuid()
    policy_id = Uuid(allow_none=True, metadata={"description": "What was edited; null where it was a calendar."})
    calendar_id = Uuid(allow_none=True)
    applies = choice(Applies)
    state = choice(RebaseState)
    tickets = fields.Integer(metadata={"description": "So many were looked at."})
    expected = fields.Integer(allow_none=True, metadata={"description": "So many were to be; null until it begins."})
    failures = fields.Integer()
    error = fields.String(allow_none=True, metadata={"description": "The kind of what went wrong last."})
    retry_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime(metadata={"description": "The edit; it holds from this instant on."})
    started_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


blp = Blueprint("sla_rebases", "/v1/sla-rebases", "How far edits have got that hold for open tickets.")


@blp.route("", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(RebaseSchema)
def list_rebases(query: dict[str, Any]) -> Response:
    """List edits that hold, or held, for open tickets, oldest first."""
    return render.listed(sla_rebase_views.list_rebases(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:rebase_id>", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.shows(RebaseSchema)
def get_rebase(rebase_id: UUID) -> Response:
    """Read how far an edit has got."""
    return render.shown(sla_rebase_views.get_rebase(runtime(), actor(), rebase_id))
