"""Skills: what users can and how well, and what services ask of who works on their tickets."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, several, text
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.routing.people import Skill
from workflows import skills

_MAX_SKILL = 64
_MOST_SKILLS = 100
EXAMPLE = {"skills": [{"skill": "printers", "level": 4}]}


class SkillShownSchema(Answer):
    """A skill and how well: 1 (a little) to 5 (an expert)."""

    skill = fields.String()
    level = fields.Integer()


class SkillsSchema(Answer):
    """All skills, by name; of a service, those that it asks for, at these levels or higher."""

    skills = fields.List(fields.Nested(SkillShownSchema))


class SkillSchema(Schema):
    """A skill and how well."""

    skill = text(_MAX_SKILL, required=True, metadata={"description": "Kept in lower case."})
    level = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=5))

    @post_load
    def to_skill(self, values: dict[str, Any], **_: object) -> Skill:
        """Make the skill."""
        return Skill(**values)


class SetSkillsSchema(Schema):
    """All skills, in place of those of before."""

    skills = several(fields.Nested(SkillSchema), at_most=_MOST_SKILLS, required=True)


blp = Blueprint("skills", "/v1", "Who can what.")


@blp.route("/users/<uuid:user_id>/skills", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.shows(SkillsSchema)
def get_user_skills(user_id: UUID) -> Response:
    """Read what a user can."""
    return render.shown(skills.skills_of_user(runtime(), actor(), user_id))


@blp.route("/users/<uuid:user_id>/skills", methods=["PUT"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(SetSkillsSchema, example=EXAMPLE)
@blp.shows(SkillsSchema)
def set_user_skills(values: dict[str, list[Skill]], user_id: UUID) -> Response:
    """Say what a user can."""
    return render.shown(skills.set_skills_of_user(runtime(), actor(), user_id, values["skills"]))


@blp.route("/services/<uuid:service_id>/skills", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.shows(SkillsSchema)
def get_service_skills(service_id: UUID) -> Response:
    """Read what a service asks of who works on its tickets."""
    return render.shown(skills.skills_of_service(runtime(), actor(), service_id))


@blp.route("/services/<uuid:service_id>/skills", methods=["PUT"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(SetSkillsSchema, example=EXAMPLE)
@blp.shows(SkillsSchema)
def set_service_skills(values: dict[str, list[Skill]], service_id: UUID) -> Response:
    """Say what a service asks of who works on its tickets."""
    return render.shown(skills.set_skills_of_service(runtime(), actor(), service_id, values["skills"]))
