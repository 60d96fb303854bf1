"""Replays: what an endpoint should have got, sent once more. One delivery alone: `webhook_deliveries`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Flag, Instant, Schema, Uuid, choice, several
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.event_selection import GROUPS
from psms.domain.events import EventType
from psms.domain.replays import NewReplay, ReplayMode, ReplayState
from workflows import replays

_TYPES = [*(event.value for event in EventType), *GROUPS]


class ReplaySchema(Answer):
    """A replay, and how far it has got."""

    id = Uuid()
    endpoint_id = Uuid()
    mode = choice(ReplayMode)
    since = fields.DateTime()
    until = fields.DateTime()
    event_types = fields.List(fields.String(), allow_none=True, metadata={"description": "null: all"})
    dry_run = fields.Boolean()
    state = choice(ReplayState)
    matched = fields.Integer(
        allow_none=True, metadata={"description": "How many there were when it began; null until they are counted."}
    )
    released = fields.Integer(metadata={"description": "How many it has sent on their way."})
    done = fields.Integer(metadata={"description": "How many of these are delivered, or given up."})
    failures = fields.Integer()
    error = fields.String(allow_none=True, metadata={"description": "The kind of what went wrong last."})
    created_by = Uuid()
    created_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)


class NewReplaySchema(Schema):
    """What to send once more: what failed, what there is no delivery of, or all, of the last 30 days at the most."""

    mode = choice(ReplayMode, required=True)
    since = Instant(required=True, metadata={"description": "What was committed at this instant or later."})
    until = Instant(allow_none=True, metadata={"description": "And before this one; left out or null: until now."})
    event_types = several(
        fields.String(validate=validate.OneOf(_TYPES)),
        at_least=1,
        at_most=len(_TYPES),
        allow_none=True,
        metadata={"description": "Types, and groups such as ticket.*; left out or null: all that the endpoint wants."},
    )
    dry_run = Flag(load_default=False, metadata={"description": "Count, and send nothing."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewReplay:
        """Make the command."""
        wanted = values.get("event_types")
        return NewReplay(**{**values, "event_types": None if wanted is None else tuple(wanted)})


blp = Blueprint(
    "webhook-replays",
    "/v1/webhook-endpoints/<uuid:endpoint_id>/replays",
    "What an endpoint should have got, sent once more.",
)


@blp.route("", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(NewReplaySchema, example={"mode": "failed", "since": "2026-12-24T08:00:00Z"})
@blp.creates(ReplaySchema)
def begin_replay(command: NewReplay, endpoint_id: UUID) -> Response:
    """Have events sent once more, a few at a time, with the same webhook-ids; read it to see how far it has got."""
    return render.created(replays.begin_replay(runtime(), actor(), endpoint_id, command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(PageQuery, location="query")
@blp.lists(ReplaySchema)
def list_replays(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """List an endpoint's replays, oldest first."""
    return render.listed(replays.list_replays(runtime(), actor(), endpoint_id, page_request(query)))


@blp.route("/<uuid:replay_id>", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.shows(ReplaySchema)
def get_replay(endpoint_id: UUID, replay_id: UUID) -> Response:
    """Read how far a replay has got."""
    return render.shown(replays.get_replay(runtime(), actor(), endpoint_id, replay_id))


@blp.route("/<uuid:replay_id>/cancel", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.may_conflict
@blp.takes_no_fields
@blp.shows(ReplaySchema)
def cancel_replay(endpoint_id: UUID, replay_id: UUID) -> Response:
    """Let a replay send nothing more; what it has sent on its way goes on."""
    return render.shown(replays.cancel_replay(runtime(), actor(), endpoint_id, replay_id))
