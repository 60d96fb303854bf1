"""Which refused requests leave an entry in the log, and what it tells of them; the entries are written by workflows."""

from uuid import UUID

from flask import g, request

from api import rate_limit
from api.context import actor_if_any, origin, runtime
from psms.errors import NotAllowed, PsmsError, RateLimited
from psms.telemetry import logger
from workflows import refusals, trail

_log = logger(__name__)


def record(error: PsmsError) -> None:
    """Write down that this request was refused, where it was for want of a permission or for being one too many."""
    if isinstance(error, NotAllowed):
        _record_denial(error)
    elif isinstance(error, RateLimited):
        _record_block(error)


def _record_denial(error: NotAllowed) -> None:
    caller = actor_if_any()
    if caller is None:
        return
    action = str(error.context.get("permission") or g.permission)
    target = (action.partition(".")[0], _target_id())
    try:
        trail.record_denial(runtime(), caller, action=action, target=target, reason=error.detail)
    except PsmsError as problem:
        # The caller is refused whether or not it can be written down.
        _log.warning("denial_not_recorded", action=action, problem=problem.detail)


def _target_id() -> UUID | None:
    """Return the id that the address names first; what is named by a word has none."""
    named = next(iter((request.view_args or {}).values()), None)
    return named if isinstance(named, UUID) else None


def _record_block(error: RateLimited) -> None:
    meter = rate_limit.meter_of_address(str(error.context["limit"]))
    refusals.note_block(runtime(), actor_if_any(), meter, origin())
