"""Policies tried on tickets of the past. What really became of them is also in `sla_reports`."""

from typing import Any

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid, choice
from api.new_policies import EXAMPLE as POLICY
from api.new_policies import NewSlaPolicySchema
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.sla.simulation import Verdict
from psms.domain.sla.terms import Metric
from psms.domain.sla_policies import Matched, SimulatePolicy
from workflows import sla_simulations

EXAMPLE = {"policy": POLICY, "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "match": "conditions"}


class SimulatePolicySchema(Schema):
    """A policy, as for adding one, and when the tickets were filed that it is to be tried on."""

    policy = fields.Nested(NewSlaPolicySchema, required=True)
    since = Instant(data_key="from", required=True, metadata={"description": "At this instant or later."})
    until = Instant(
        data_key="to", required=True, metadata={"description": "Before this instant, at most 366 days after from."}
    )
    match = choice(Matched, metadata={"description": "Left out, those that its conditions hold for."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> SimulatePolicy:
        """Make the command."""
        return SimulatePolicy(**values)


class OutcomesSchema(Answer):
    """How many cycles of clocks came to which end."""

    met = fields.Integer()
    missed = fields.Integer()
    running = fields.Integer(metadata={"description": "Not ended, and not late."})
    cancelled = fields.Integer()


class ComparisonSchema(Answer):
    """What became of a metric, and what would have become of it."""

    really = fields.Nested(OutcomesSchema)
    simulated = fields.Nested(OutcomesSchema)


class ComparisonsSchema(Answer):
    """What became of each metric."""

    first_response = fields.Nested(ComparisonSchema)
    next_response = fields.Nested(ComparisonSchema)
    periodic_update = fields.Nested(ComparisonSchema)
    resolution = fields.Nested(ComparisonSchema)


class DifferentSchema(Answer):
    """A ticket of whose metric something else would have become."""

    ticket_id = Uuid()
    number = fields.Integer()
    metric = choice(Metric)
    really = choice(Verdict, allow_none=True, metadata={"description": "Null where nothing was promised."})
    simulated = choice(Verdict, allow_none=True)


class LevelReachedSchema(Answer):
    """A level of the policy, and how often it would have been reached."""

    metric = choice(Metric)
    level = fields.String()
    clocks = fields.Integer(metadata={"description": "Cycles that would have reached it."})
    tickets = fields.Integer()


class UsedCalendarSchema(Answer):
    """A version of a calendar that was measured by."""

    calendar_id = Uuid()
    version = fields.Integer()


class UsedFactsSchema(Answer):
    """What was taken as it is today, whatever it was then."""

    calendars = fields.List(fields.Nested(UsedCalendarSchema))
    zone_data = fields.String()
    roles_at = fields.DateTime(metadata={"description": "Who answers requesters, by the roles of this instant."})


class SimulationSchema(Answer):
    """What a policy would have done."""

    at = fields.DateTime()
    since = fields.DateTime()
    until = fields.DateTime()
    filed = fields.Integer(metadata={"description": "Tickets that were filed in the span."})
    tickets = fields.Integer(metadata={"description": "Those of them that the policy would have been for."})
    without_history = fields.Integer(metadata={"description": "Those whose log is not kept any more."})
    metrics = fields.Nested(ComparisonsSchema)
    levels = fields.List(
        fields.Nested(LevelReachedSchema), metadata={"description": "Every level of the policy, by metric, in order."}
    )
    used = fields.Nested(UsedFactsSchema)
    different = fields.Integer(metadata={"description": "How many differences there are in all."})
    differences = fields.List(
        fields.Nested(DifferentSchema), metadata={"description": "The first 200 of them, by the number of the ticket."}
    )


blp = Blueprint("sla_simulations", "/v1", "Policies tried on tickets of the past.")


@blp.route("/sla-simulations", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(SimulatePolicySchema, example=EXAMPLE)
@blp.shows(SimulationSchema)
def simulate_policy(command: SimulatePolicy) -> Response:
    """Try a policy on the tickets of a span, 5000 at most, and say what it would have done beside what really was.

    Nothing is changed; that it was asked is in the log.
    """
    return render.shown(sla_simulations.simulate(runtime(), actor(), command))
