"""The audit trail: reading it is all that can be done with it."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from api import render
from api.auth import actor, public, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid, choice, text
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.logs import LogFilter, Outcome, Span
from workflows import log_exports, logs

_MAX_WORD = 100
_JSON_LINES = "application/jsonl"


class LogEntrySchema(Answer):
    """Who did, or was refused, what."""

    id = Uuid()
    at = fields.DateTime()
    action = fields.String()
    outcome = choice(Outcome)
    actor_id = Uuid(allow_none=True)
    client_id = Uuid(allow_none=True)
    request_id = fields.String(allow_none=True)
    address = fields.String(allow_none=True, metadata={"description": "From where the caller came."})
    target_type = fields.String()
    target_id = Uuid(allow_none=True)
    before = fields.Dict(allow_none=True)
    after = fields.Dict(allow_none=True)


class LogQuery(PageQuery):
    """Filters: an entry is listed when it matches all that are given."""

    action = fields.String(
        validate=validate.Regexp(r"^[a-z_.]{1,100}\Z"),
        metadata={"description": "An action, or with a dot at its end the beginning of some: `ticket.`"},
    )
    actor_id = Uuid()
    client_id = Uuid()
    target_type = text(_MAX_WORD)
    target_id = Uuid()
    outcome = choice(Outcome)
    since = Instant(data_key="from", metadata={"description": "At this instant or later."})
    until = Instant(data_key="to", metadata={"description": "Before this instant."})


class ExportQuery(Schema):
    """The span of an export, 31 days at most."""

    since = Instant(data_key="from", required=True, metadata={"description": "At this instant or later."})
    until = Instant(data_key="to", metadata={"description": "Before this instant; left out: until now."})


class KeySchema(Answer):
    """A key that the log is signed with."""

    key_id = fields.String(metadata={"description": "As a manifest names it: the beginning of the fingerprint."})
    algorithm = fields.String()
    fingerprint = fields.String(metadata={"description": "SHA-256 of the 32 bytes of the key, in hexadecimal."})
    public_key = fields.String(metadata={"description": "In PEM."})


class KeysSchema(Answer):
    """What exports can be checked with."""

    keys = fields.List(fields.Nested(KeySchema))


blp = Blueprint("logs", "/v1/logs", "The audit trail.")


@blp.route("", methods=["GET"])
@requires(Permission.LOG_READ)
@blp.arguments(LogQuery, location="query")
@blp.lists(LogEntrySchema)
def list_logs(query: dict[str, Any]) -> Response:
    """List the audit trail, newest first."""
    page = page_request(query)
    return render.listed(logs.list_logs(runtime(), actor(), LogFilter(**query), page))


@blp.route("/export", methods=["GET"])
@requires(Permission.LOG_EXPORT)
@blp.arguments(ExportQuery, location="query")
@blp.response(200, {"type": "string"}, content_type=_JSON_LINES)
def export_logs(query: dict[str, Any]) -> Response:
    """Export the audit trail as JSON Lines, oldest first; the last line is a signed manifest."""
    return Response(log_exports.export_logs(runtime(), actor(), Span(**query)), content_type=_JSON_LINES)


@blp.route("/keys", methods=["GET"])
@public
@blp.response(200, KeysSchema)
def list_keys() -> Response:
    """Return the key that exports of the audit trail are signed with, so that anybody can check one."""
    return render.shown({"keys": log_exports.published_keys(runtime())})
