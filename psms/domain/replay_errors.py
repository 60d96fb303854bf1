"""Errors of replays. All others, and their kinds, are in `errors`."""

from psms.errors import Kind, PsmsError


class ReplayRunning(PsmsError):
    """A replay of this endpoint is running: wait until it is done, or cancel it."""

    kind = Kind.CONFLICT
    code = "replay_running"


class ReplayOver(PsmsError):
    """This replay is over: there is nothing left to cancel."""

    kind = Kind.CONFLICT
    code = "replay_over"
