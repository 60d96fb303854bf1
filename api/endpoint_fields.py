"""Schemas of how a webhook endpoint wants to be called, and of its keys. Its routes are in `resources`."""

from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from api.fields import Answer, Schema, Uuid, choice
from psms.domain.endpoint_settings import (
    LONGEST_TIMEOUT_S,
    MOST_IN_FLIGHT,
    MOST_OVERLAP_HOURS,
    MOST_PER_MINUTE,
    ONLY_V1,
    USUAL_OVERLAP_HOURS,
    USUAL_TIMEOUT_S,
    V1_AND_V1A,
    Ordering,
    Rotation,
    SignatureScheme,
)
from psms.domain.partner_headers import MOST_BYTES, MOST_HEADERS, NAME, SHOWN_AS, VALUE

_SIGNATURES = [list(ONLY_V1), list(V1_AND_V1A)]


def _known_signatures(value: list[str]) -> None:
    if value not in _SIGNATURES:
        raise ValidationError('Give ["v1"] or ["v1", "v1a"].')


class PublicKeySchema(Answer):
    """A key that requests are verified with (v1a); until `expires_at` for a former one."""

    id = Uuid()
    public_key = fields.String(metadata={"description": "whpk_ and the base64 of the 32 bytes of an ed25519 key"})
    created_at = fields.DateTime()
    expires_at = fields.DateTime(allow_none=True)


class PublishedKeysSchema(Answer):
    """The keys that requests to an endpoint are verified with now, the current one first."""

    keys = fields.List(fields.Nested(PublicKeySchema))


class SettingsShownSchema(Answer):
    """How an endpoint is called."""

    headers = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": f"Every value is shown as {SHOWN_AS}."}
    )
    timeout_seconds = fields.Integer()
    order = choice(Ordering)
    rate_per_minute = fields.Integer(allow_none=True)
    max_in_flight = fields.Integer()
    signatures = fields.List(fields.String())
    public_keys = fields.List(fields.Nested(PublicKeySchema))
    verified_at = fields.DateTime(
        allow_none=True, metadata={"description": "When this url last answered a ping with a 2xx."}
    )


class SettingsSchema(Schema):
    """What may be set at any time of how an endpoint is called."""

    headers = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=200)),
        values=fields.String(validate=validate.Length(max=MOST_BYTES)),
        metadata={
            "description": f"Your own headers, all of them: at most {MOST_HEADERS}, of {MOST_BYTES} bytes together. "
            "Kept encrypted, and never shown again. None that PSMS sets.",
            "maxProperties": MOST_HEADERS,
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{VALUE.pattern}$"},
        },
    )
    timeout_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=LONGEST_TIMEOUT_S),
        metadata={"description": f"The whole request may take so long; {USUAL_TIMEOUT_S} unless you say otherwise."},
    )
    order = choice(
        Ordering,
        metadata={
            "description": "What waits for what: nothing; an event for the one before it of its ticket; every event "
            "for the one before. Holds for what happens from now on."
        },
    )
    rate_per_minute = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=1, max=MOST_PER_MINUTE),
        metadata={"description": "null: as fast as you answer"},
    )
    max_in_flight = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=MOST_IN_FLIGHT),
        metadata={"description": "Requests at once; 1 for the order endpoint and for PagerDuty."},
    )
    signatures = fields.List(
        fields.String(),
        validate=_known_signatures,
        metadata={
            "description": "v1: by the secret. v1a: by a key pair too, whose public key you verify with.",
            "enum": _SIGNATURES,
        },
    )


class RotationSchema(Schema):
    """What to rotate, and for how long the former one signs too."""

    body_optional = True

    overlap_hours = fields.Integer(
        strict=True,
        load_default=USUAL_OVERLAP_HOURS,
        validate=validate.Range(min=0, max=MOST_OVERLAP_HOURS),
        metadata={"description": "0: whatever signed before ends at once, as after a leak."},
    )
    signature = choice(
        SignatureScheme,
        load_default=SignatureScheme.V1,
        metadata={"description": "v1: the secret. v1a: the key pair."},
    )

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> Rotation:
        """Make the command."""
        return Rotation(overlap=timedelta(hours=values["overlap_hours"]), signature=values["signature"])


class RotatedSecretSchema(Answer):
    """The new secret, shown this once, or the new public key; until the instant named the former one signs too."""

    endpoint_id = Uuid()
    secret = fields.String(allow_none=True, metadata={"description": "whsec_…; null for a key pair"})
    public_key = fields.String(allow_none=True, metadata={"description": "whpk_…; null for a secret"})
    previous_expires_at = fields.DateTime()
