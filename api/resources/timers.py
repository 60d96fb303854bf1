"""Timers that run, whatever their ticket; they are started and stopped on the ticket: see `time_entries`."""

from typing import Any
from uuid import UUID

from flask import Response

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from api.timer_fields import TimerSchema
from psms.domain.access import Permission
from workflows import timers

blp = Blueprint("timers", "/v1/timers", "Timers that are running.")


@blp.route("", methods=["GET"])
@requires(Permission.TIME_CREATE)
@blp.arguments(PageQuery, location="query")
@blp.lists(TimerSchema)
def list_timers(query: dict[str, Any]) -> Response:
    """List the timers that run: yours, or everybody's if you manage time."""
    return render.listed(timers.list_timers(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:timer_id>", methods=["DELETE"])
@requires(Permission.TIME_CREATE)
@blp.removes
def discard_timer(timer_id: UUID) -> Response:
    """End a timer without an entry."""
    timers.discard_timer(runtime(), actor(), timer_id)
    return render.removed()
