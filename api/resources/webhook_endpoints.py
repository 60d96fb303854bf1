"""Webhook endpoints: where partners are told what happens. What was sent is in `webhook_deliveries`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.endpoint_fields import RotatedSecretSchema, RotationSchema, SettingsSchema, SettingsShownSchema
from api.fields import MAX_NAME, MAX_URL, Answer, Instant, Uuid, choice, json_object, maybe_empty_text, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.endpoint_settings import Rotation
from psms.domain.event_selection import CHOICES
from psms.domain.paging import ENQUEUE_URL, ROUTING_KEY
from psms.domain.webhooks import MOST_COUNTED, Backlog, EndpointKind, EndpointState, NewEndpoint
from workflows import endpoint_health, endpoint_secrets, endpoint_trials, endpoints

_EVENT_FILTER = (
    "What the body of an event must say: `{path, op, value}` with op `eq neq in exists gt lt prefix`, "
    "or `{all: […]}` or `{any: […]}` of such. null: nothing is asked."
)
# Disabling is PSMS' own doing, after an endpoint has failed for days.
_SETTABLE = [EndpointState.ACTIVE.value, EndpointState.PAUSED.value]


class EndpointSchema(SettingsShownSchema):
    """A partner's address, which events it receives, and how it is called."""

    id = Uuid()
    kind = choice(EndpointKind)
    url = fields.String()
    description = fields.String()
    event_types = fields.List(fields.String(), allow_none=True, metadata={"description": "null: all events"})
    event_filter = fields.Dict(keys=fields.String(), allow_none=True, metadata={"description": "null: no filter"})
    schema_version = fields.Integer()
    state = choice(EndpointState)
    disabled_reason = fields.String(allow_none=True)
    failing_since = fields.DateTime(allow_none=True)
    failed_attempts = fields.Integer(metadata={"description": "since failing_since"})
    last_success_at = fields.DateTime(allow_none=True, metadata={"description": "When a 2xx came last, to the minute."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class EndpointInFullSchema(EndpointSchema):
    """An endpoint and how it fares now."""

    circuit = fields.String(
        validate=validate.OneOf(["closed", "open", "half_open"]),
        metadata={"description": "open: nothing is sent until next_probe_at; half_open: one delivery tries"},
    )
    next_probe_at = fields.DateTime(allow_none=True)
    held = fields.Integer(
        metadata={"description": f"what waits for it to be active again; {MOST_COUNTED} means as many or more"}
    )


class EndpointWithSecretSchema(EndpointSchema):
    """A new endpoint; its signing secret is shown this once."""

    secret = fields.String(
        allow_none=True, metadata={"description": "whsec_…; null in a repeated answer and for PagerDuty"}
    )


class EndpointFieldsSchema(SettingsSchema):
    """What may be said of an endpoint at any time."""

    url = text(MAX_URL)
    description = maybe_empty_text(MAX_NAME)
    event_types = several(
        fields.String(validate=validate.OneOf(CHOICES)),
        at_least=1,
        at_most=len(CHOICES),
        allow_none=True,
        metadata={"description": "Names, or `ticket.*`; left out or null: all events, for PagerDuty all of pages."},
    )
    event_filter = json_object(allow_none=True, metadata={"description": _EVENT_FILTER})
    schema_version = fields.Integer(strict=True, metadata={"description": "Of the bodies: see `/v1/event-types`."})
    routing_key = fields.String(
        load_only=True,
        validate=validate.Length(equal=32),
        metadata={
            "description": "The integration key of PagerDuty. It is never shown.",
            "pattern": f"^{ROUTING_KEY.pattern}$",
        },
    )


class NewEndpointSchema(EndpointFieldsSchema):
    """A new endpoint: of your own, or of PagerDuty with its `routing_key`, which gets pages and signs nothing."""

    url = text(MAX_URL, metadata={"description": f"Required, but of the kind pagerduty: then {ENQUEUE_URL}."})
    kind = choice(EndpointKind, load_default=EndpointKind.WEBHOOK)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewEndpoint:
        """Make the command."""
        wanted = values.get("event_types")
        if "signatures" in values:
            values["signatures"] = tuple(values["signatures"])
        return NewEndpoint(**{**values, "event_types": None if wanted is None else tuple(wanted)})


class EditEndpointSchema(EndpointFieldsSchema):
    """The fields to change; those left out stay as they are."""

    state = fields.String(validate=validate.OneOf(_SETTABLE))
    backlog = choice(
        Backlog,
        metadata={
            "description": "With state active: what becomes of what was held. deliver (where it is left out): all of "
            "it, oldest first; discard: nothing; since: what happened at backlog_since or later."
        },
    )
    backlog_since = Instant()


class TestSentSchema(Answer):
    """The event that was made; what becomes of it is among the endpoint's deliveries."""

    event_id = Uuid()


blp = Blueprint("webhook-endpoints", "/v1/webhook-endpoints", "Where partners are told what happens.")


@blp.route("", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(NewEndpointSchema, example={"url": "https://partner.example/psms"})
@blp.creates(EndpointWithSecretSchema)
def add_endpoint(command: NewEndpoint) -> Response:
    """Register an endpoint."""
    return render.created(endpoints.add_endpoint(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(PageQuery, location="query")
@blp.lists(EndpointSchema)
def list_endpoints(query: dict[str, Any]) -> Response:
    """List endpoints, oldest first."""
    return render.listed(endpoints.list_endpoints(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:endpoint_id>", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.reads(EndpointInFullSchema)
def get_endpoint(endpoint_id: UUID) -> Response:
    """Read an endpoint and how it fares. How it fares is not counted by its version."""
    return render.current(endpoint_health.get_in_full(runtime(), actor(), endpoint_id))


@blp.route("/<uuid:endpoint_id>", methods=["PATCH"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(EditEndpointSchema, example={"state": "paused"})
@blp.edits(EndpointSchema)
def edit_endpoint(values: dict[str, Any], endpoint_id: UUID) -> Response:
    """Change, pause or activate an endpoint; what waits for it meanwhile is held, not dropped."""
    command = Edit(fields=values, if_version=wanted_version(lambda: _version_of(endpoint_id)))
    return render.current(endpoints.edit_endpoint(runtime(), actor(), endpoint_id, command))


@blp.route("/<uuid:endpoint_id>", methods=["DELETE"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.removes_version
def remove_endpoint(endpoint_id: UUID) -> Response:
    """Remove an endpoint; what waits for it is cancelled."""
    if_version = wanted_version(lambda: _version_of(endpoint_id))
    endpoints.remove_endpoint(runtime(), actor(), endpoint_id, if_version)
    return render.removed()


@blp.route("/<uuid:endpoint_id>/test", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.may_conflict
@blp.takes_no_fields
@blp.shows(TestSentSchema)
def send_test(endpoint_id: UUID) -> Response:
    """Send a test event to this endpoint."""
    return render.shown(endpoint_trials.send_test(runtime(), actor(), endpoint_id))


@blp.route("/<uuid:endpoint_id>/verify", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.may_conflict
@blp.takes_no_fields
@blp.shows(TestSentSchema)
def verify_endpoint(endpoint_id: UUID) -> Response:
    """Send a ping to this endpoint; when it answers with a 2xx, verified_at is set."""
    return render.shown(endpoint_trials.send_ping(runtime(), actor(), endpoint_id))


@blp.route("/<uuid:endpoint_id>/rotate-secret", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.may_conflict
@blp.arguments(RotationSchema, required=False, example={"overlap_hours": 24})
@blp.shows(RotatedSecretSchema)
def rotate_secret(command: Rotation, endpoint_id: UUID) -> Response:
    """Give an endpoint a new signing secret, or a new key pair."""
    return render.shown(endpoint_secrets.rotate_secret(runtime(), actor(), endpoint_id, command))


def _version_of(endpoint_id: UUID) -> int:
    return endpoints.get_endpoint(runtime(), actor(), endpoint_id).version
