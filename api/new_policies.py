"""A new SLA policy as a client writes it, to be added or to be tried. What is in it is in `policy_fields`."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.fields import MAX_NAME, Schema, choice, text
from api.policy_fields import ConditionsSchema, TargetsSchema, seconds
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import Priority

_POSITION = validate.Range(min=1, max=1_000_000)

EXAMPLE = {
    "name": "Gold",
    "conditions": {"tiers": ["gold"], "priorities": ["critical", "high"]},
    "targets": {
        "first_response": {"seconds": 900},
        "resolution": {
            "seconds": 14_400,
            "levels": [
                {"id": "at_risk", "percent": 80, "actions": [{"type": "event"}]},
                {
                    "id": "breach",
                    "percent": 100,
                    "actions": [{"type": "raise_priority"}, {"type": "notify", "to": "managers"}],
                },
                {"id": "page", "offset_seconds": 7200, "clock": "wall", "actions": [{"type": "page"}]},
            ],
        },
    },
}


def position() -> fields.Integer:
    """Return the field that says when a policy is asked."""
    description = "Policies are asked in this order, smallest first; of several with the same one the newest first."
    return fields.Integer(strict=True, validate=_POSITION, metadata={"description": description})


class NewSlaPolicySchema(Schema):
    """A new policy, in full or in short; at least one target is given."""

    name = text(MAX_NAME, required=True)
    position = position()
    priority = choice(Priority, allow_none=True)
    first_response_seconds = seconds(
        allow_none=True, metadata={"description": "Until the first public reply of staff."}
    )
    resolution_seconds = seconds(
        allow_none=True, metadata={"description": "Until resolved; pending and on hold do not count."}
    )
    conditions = fields.Nested(ConditionsSchema)
    targets = fields.Nested(TargetsSchema)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewSlaPolicy:
        """Make the command."""
        return NewSlaPolicy(**values)
