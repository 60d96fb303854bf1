"""Workflow runs: what takes several steps or waits for its time, looked at, cancelled and tried again."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid, choice, text
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.runs import RunFilter, RunState, StepState
from workflows import run_views

_MAX_REASON = 500
_MAX_KIND = 100
# Not a choice: a newer release may have begun runs of a kind that this one does not know.
_KIND = r"^[a-z_]+(\.[a-z_]+)+\Z"


class RunSchema(Answer):
    """One run of a workflow."""

    id = Uuid()
    kind = fields.String(metadata={"description": "What it does, such as ticket.auto_close."})
    version = fields.Integer(metadata={"description": "Of its definition: it ends with the one it began with."})
    business_key = fields.String(metadata={"description": "What it is about: there is one run of a kind for it."})
    ticket_id = Uuid(allow_none=True)
    state = choice(RunState)
    step = fields.String(metadata={"description": "The step that comes next, or came last."})
    due_at = fields.DateTime(
        allow_none=True, metadata={"description": "When it comes; null while it waits for a signal alone."}
    )
    steps_done = fields.Integer()
    tries = fields.Integer(metadata={"description": "How often the step was tried."})
    error = fields.String(allow_none=True, metadata={"description": "The kind of what went wrong last."})
    input = fields.Dict(keys=fields.String())
    data = fields.Dict(keys=fields.String())
    result = fields.Dict(keys=fields.String(), allow_none=True)
    reason = fields.String(allow_none=True, metadata={"description": "Why it was cancelled."})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)


class RunStepSchema(Answer):
    """One step of a run: done, or failed when it was tried last."""

    seq = fields.Integer()
    name = fields.String()
    state = choice(StepState)
    tries = fields.Integer()
    result = fields.Dict(keys=fields.String(), allow_none=True)
    error = fields.String(allow_none=True)
    started_at = fields.DateTime()
    finished_at = fields.DateTime()


class SignalSchema(Answer):
    """Something that a run was told."""

    id = Uuid()
    name = fields.String()
    payload = fields.Dict(keys=fields.String())
    created_at = fields.DateTime()
    consumed_by = fields.Integer(allow_none=True, metadata={"description": "The number of the step that took it."})


class RunStorySchema(Answer):
    """A run with its last 500 steps and signals, each oldest first."""

    run = fields.Nested(RunSchema)
    steps = fields.List(fields.Nested(RunStepSchema))
    signals = fields.List(fields.Nested(SignalSchema))


class RunQuery(PageQuery):
    """Which runs to list."""

    kind = fields.String(validate=[validate.Length(max=_MAX_KIND), validate.Regexp(_KIND)])
    state = choice(RunState)
    ticket_id = Uuid()


class CancelRunSchema(Schema):
    """Why a run is to do nothing more."""

    reason = text(_MAX_REASON, required=True)


blp = Blueprint("workflow_runs", "/v1/workflow-runs", "What takes several steps, or waits for people or for a time.")


@blp.route("", methods=["GET"])
@requires(Permission.RUN_READ)
@blp.arguments(RunQuery, location="query")
@blp.lists(RunSchema)
def list_runs(query: dict[str, Any]) -> Response:
    """List the runs of tickets that you see, newest first."""
    page = page_request(query)
    return render.listed(run_views.list_runs(runtime(), actor(), RunFilter(**query), page))


@blp.route("/<uuid:run_id>", methods=["GET"])
@requires(Permission.RUN_READ)
@blp.shows(RunStorySchema)
def get_run(run_id: UUID) -> Response:
    """Read a run with its steps and signals."""
    return render.shown(run_views.get_run(runtime(), actor(), run_id))


@blp.route("/<uuid:run_id>/cancel", methods=["POST"])
@requires(Permission.RUN_MANAGE)
@blp.may_conflict
@blp.arguments(CancelRunSchema)
@blp.shows(RunSchema)
def cancel_run(values: dict[str, str], run_id: UUID) -> Response:
    """Let a run do nothing more; what it has done stays done."""
    return render.shown(run_views.cancel_run(runtime(), actor(), run_id, values["reason"]))


@blp.route("/<uuid:run_id>/retry", methods=["POST"])
@requires(Permission.RUN_MANAGE)
@blp.may_conflict
@blp.takes_no_fields
@blp.shows(RunSchema)
def retry_run(run_id: UUID) -> Response:
    """Have the step at which a run failed tried again."""
    return render.shown(run_views.retry_run(runtime(), actor(), run_id))
