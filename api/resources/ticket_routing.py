"""Automatic assignment of one ticket: what was decided and why, and a decision that is asked for now."""

from typing import Any
from uuid import UUID

from flask import Response

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.pagination import PageQuery, page_request
from api.routing_fields import RoutingDecisionSchema
from api.smorest import Blueprint
from psms.domain.access import Permission
from workflows import routing_decisions

blp = Blueprint("ticket_routing", "/v1/tickets/<uuid:ticket_id>", "Who was given a ticket, and why.")


@blp.route("/routing", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(RoutingDecisionSchema)
def list_decisions(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List the decisions about a ticket, newest first, each with the sentence that says why."""
    page = page_request(query)
    return render.listed(routing_decisions.list_decisions(runtime(), actor(), ticket_id, page))


@blp.route("/route", methods=["POST"])
@requires(Permission.TICKET_ASSIGN)
@blp.takes_no_fields
@blp.may_conflict
@blp.shows(RoutingDecisionSchema)
def route_ticket(ticket_id: UUID) -> Response:
    """Assign a ticket automatically now, also one that somebody took the assignee from.

    Where nobody is there for it, it waits and is assigned later.
    """
    return render.shown(routing_decisions.route_now(runtime(), actor(), ticket_id))
