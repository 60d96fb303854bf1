"""How a body names the role of a user or client: one of the six, or a role of the organization's own."""

from typing import Any

from marshmallow import ValidationError, validates_schema

from api.fields import Schema, Uuid, choice
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice


class RoleFieldsSchema(Schema):
    """At most one of the two."""

    role = choice(Role)
    role_id = Uuid(metadata={"description": "A role of your own, instead of role."})

    @validates_schema
    def not_both(self, values: dict[str, Any], **_: object) -> None:
        """Refuse both."""
        if "role" in values and "role_id" in values:
            raise ValidationError("Give either role or role_id.", "role")


class ChosenRoleSchema(RoleFieldsSchema):
    """Exactly one of the two."""

    @validates_schema
    def one_of_the_two(self, values: dict[str, Any], **_: object) -> None:
        """Refuse neither."""
        if "role" not in values and "role_id" not in values:
            raise ValidationError("Missing data for required field.", "role")


def role_choice(values: dict[str, Any]) -> RoleChoice:
    """Return which role a body names."""
    return RoleChoice(role=values.get("role"), role_id=values.get("role_id"))
