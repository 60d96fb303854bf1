"""How teams have their tickets assigned, and what another way would have done. Decisions are in `ticket_routing`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid
from api.preconditions import wanted_version
from api.routing_fields import RoutingConfigSchema, TeamRoutingSchema
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.routing.config import RoutingConfig
from psms.domain.routing.past import SimulateRouting
from workflows import routing_configs, routing_simulations

EXAMPLE = {"strategy": "least_loaded", "capacity": 8, "when_nobody": "wait"}


class SimulateRoutingSchema(Schema):
    """A routing, as for PUT, and when the tickets were filed that it is to be tried on."""

    routing = fields.Nested(RoutingConfigSchema, required=True)
    since = Instant(data_key="from", required=True, metadata={"description": "At this instant or later."})
    until = Instant(
        data_key="to", required=True, metadata={"description": "Before this instant, at most 366 days after from."}
    )

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> SimulateRouting:
        """Make the command."""
        return SimulateRouting(config=values["routing"], since=values["since"], until=values["until"])


class MemberShareSchema(Answer):
    """What a member would have got, and what they have."""

    user_id = Uuid()
    simulated = fields.Integer()
    really = fields.Integer()
    most_at_once = fields.Integer(metadata={"description": "The most open tickets at any instant, others included."})


class SpreadSchema(Answer):
    """How many tickets more the member with the most has than the one with the fewest."""

    simulated = fields.Integer()
    really = fields.Integer()


class OtherwiseSchema(Answer):
    """A ticket that somebody else would have got."""

    ticket_id = Uuid()
    number = fields.Integer()
    really = Uuid(allow_none=True)
    simulated = Uuid(allow_none=True)


class RoutingSimulationSchema(Answer):
    """What a routing would have done."""

    at = fields.DateTime()
    since = fields.DateTime()
    until = fields.DateTime()
    complete = fields.Boolean(metadata={"description": "False: there was more than can be tried in one question."})
    reached_at = fields.DateTime(metadata={"description": "How far the span was tried."})
    tickets = fields.Integer()
    assigned = fields.Integer()
    waited = fields.Integer(metadata={"description": "Those that found nobody at once."})
    unassigned = fields.Integer(metadata={"description": "Those that found nobody until the end."})
    longest_wait_seconds = fields.Integer()
    members = fields.List(fields.Nested(MemberShareSchema))
    spread = fields.Nested(SpreadSchema)
    different = fields.Integer(metadata={"description": "How many somebody else would have got."})
    differences = fields.List(fields.Nested(OtherwiseSchema), metadata={"description": "The first 200 of them."})


blp = Blueprint("team_routing", "/v1/teams/<uuid:team_id>/routing", "How a team's tickets find their assignees.")


@blp.route("", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.reads(TeamRoutingSchema)
def get_routing(team_id: UUID) -> Response:
    """Read how a team's tickets are assigned; by hand, until somebody says otherwise."""
    return render.current_unless_known(routing_configs.get_routing(runtime(), actor(), team_id))


@blp.route("", methods=["PUT"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(RoutingConfigSchema, example=EXAMPLE)
@blp.edits(TeamRoutingSchema)
def set_routing(config: RoutingConfig, team_id: UUID) -> Response:
    """Say how a team's tickets are assigned, in place of what held before.

    Whatever the team has without an assignee is then assigned too.
    """
    if_version = wanted_version(lambda: routing_configs.get_routing(runtime(), actor(), team_id).version)
    return render.current(routing_configs.set_routing(runtime(), actor(), team_id, config, if_version))


@blp.route("/simulations", methods=["POST"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(
    SimulateRoutingSchema,
    example={"routing": EXAMPLE, "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
)
@blp.shows(RoutingSimulationSchema)
def simulate_routing(command: SimulateRouting, team_id: UUID) -> Response:
    """Try a routing on the tickets that the team has of those filed in a span, and compare with who really has them.

    Members, skills and calendars are those of today; absences are those that were entered. Nothing is changed.
    """
    return render.shown(routing_simulations.simulate_routing(runtime(), actor(), team_id, command))
