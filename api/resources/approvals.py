"""Approvals: ask, list, vote, delegate, and what services ask for. Who stands in for longer: `approval_delegations`."""

from typing import Any
from uuid import UUID

from flask import Response

from api import render
from api.approval_fields import (
    EXAMPLE_STEPS,
    ApprovalSchema,
    ApprovalVoteSchema,
    AskSchema,
    DelegateSchema,
    PutChainSchema,
    ServiceChainSchema,
)
from api.auth import actor, requires
from api.context import runtime
from api.fields import QueryFlag, choice
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.approvals import ApprovalFilter, ApprovalState, Chain, Vote
from workflows import approval_chains, approvals


class ApprovalQuery(PageQuery):
    """Filters: an approval is listed when it matches all that are given."""

    state = choice(ApprovalState)
    mine = QueryFlag(metadata={"description": "true: those that ask you, or somebody for whom you stand in."})


blp = Blueprint("approvals", "/v1", "What waits for somebody's consent.")


@blp.route("/tickets/<uuid:ticket_id>/approvals", methods=["POST"])
@requires(Permission.APPROVAL_REQUEST)
@blp.arguments(AskSchema, example=EXAMPLE_STEPS)
@blp.creates(ApprovalSchema)
def ask_for_approval(chain: Chain, ticket_id: UUID) -> Response:
    """Ask for approvals of a ticket in steps of your own: it waits until they are decided. Answers with the first."""
    return render.created(approvals.ask(runtime(), actor(), ticket_id, chain, once_key()))


@blp.route("/tickets/<uuid:ticket_id>/approvals", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(ApprovalSchema)
def list_approvals_of_ticket(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List the approvals of a ticket, in the order in which they were asked for."""
    return render.listed(approvals.list_of_ticket(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/approvals", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(ApprovalQuery, location="query")
@blp.lists(ApprovalSchema)
def list_approvals(query: dict[str, Any]) -> Response:
    """List approvals that you see. `state=pending&mine=true` is what waits for you."""
    wanted = ApprovalFilter(state=query.get("state"), mine=query.get("mine", False))
    return render.listed(approvals.list_approvals(runtime(), actor(), wanted, page_request(query)))


@blp.route("/approvals/<uuid:approval_id>", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(ApprovalSchema)
def get_approval(approval_id: UUID) -> Response:
    """Read an approval."""
    return render.shown(approvals.get_approval(runtime(), actor(), approval_id))


@blp.route("/approvals/<uuid:approval_id>/votes", methods=["POST"])
@requires(Permission.APPROVAL_VOTE)
@blp.arguments(ApprovalVoteSchema, example={"decision": "approve"})
@blp.may_conflict
@blp.shows(ApprovalSchema)
def vote(command: Vote, approval_id: UUID) -> Response:
    """Vote on a step that asks you, or change your vote while it is pending."""
    return render.shown(approvals.vote(runtime(), actor(), approval_id, command))


@blp.route("/approvals/<uuid:approval_id>/delegate", methods=["POST"])
@requires(Permission.APPROVAL_VOTE)
@blp.arguments(DelegateSchema)
@blp.may_conflict
@blp.shows(ApprovalSchema)
def delegate_approval(values: dict[str, UUID], approval_id: UUID) -> Response:
    """Let somebody stand in for you in this step. Of your vote and theirs in your place the last counts, once."""
    return render.shown(approvals.delegate(runtime(), actor(), approval_id, values["to_user_id"]))


@blp.route("/services/<uuid:service_id>/approvals", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.reads(ServiceChainSchema)
def get_service_approvals(service_id: UUID) -> Response:
    """Read which approvals a service asks for."""
    return render.current_unless_known(approval_chains.get_chain(runtime(), actor(), service_id))


@blp.route("/services/<uuid:service_id>/approvals", methods=["PUT"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(PutChainSchema, example=EXAMPLE_STEPS)
@blp.edits(ServiceChainSchema)
def put_service_approvals(chain: Chain, service_id: UUID) -> Response:
    """Save which approvals a service asks for, from now on: what is being asked for keeps its own steps."""
    if_version = wanted_version(lambda: approval_chains.get_chain(runtime(), actor(), service_id).version)
    return render.current(approval_chains.put_chain(runtime(), actor(), service_id, chain, if_version))
