"""The audit trail: reading it is all that can be done with it."""

from typing import Any

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice, text
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.logs import LogFilter, Outcome
from workflows import logs

_MAX_WORD = 100


class LogEntrySchema(Answer):
    """Who did, or was refused, what."""

    id = Uuid()
    at = fields.DateTime()
    action = fields.String()
    outcome = choice(Outcome)
    actor_id = Uuid(allow_none=True)
    client_id = Uuid(allow_none=True)
    request_id = fields.String(allow_none=True)
    target_type = fields.String()
    target_id = Uuid(allow_none=True)
    before = fields.Dict(allow_none=True)
    after = fields.Dict(allow_none=True)


class LogQuery(PageQuery):
    """Filters: an entry is listed when it matches all that are given."""

    action = text(_MAX_WORD)
    actor_id = Uuid()
    target_type = text(_MAX_WORD)
    target_id = Uuid()


blp = Blueprint("logs", "/v1/logs", "The audit trail.")


@blp.route("", methods=["GET"])
@requires(Permission.LOG_READ)
@blp.arguments(LogQuery, location="query")
@blp.lists(LogEntrySchema)
def list_logs(query: dict[str, Any]) -> Response:
    """List the audit trail, newest first."""
    page = page_request(query)
    return render.listed(logs.list_logs(runtime(), actor(), LogFilter(**query), page))
