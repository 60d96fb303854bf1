"""Errors of workflow runs. All others, and their kinds, are in `errors`."""

from psms.errors import Kind, PsmsError


class RunIsOver(PsmsError):
    """This run is over: there is nothing left to cancel."""

    kind = Kind.CONFLICT
    code = "run_is_over"


class RunNotFailed(PsmsError):
    """Only a run that failed can be tried again."""

    kind = Kind.CONFLICT
    code = "run_not_failed"


class ApprovalPending(PsmsError):
    """A ticket waits for this approval: without its run nobody would be reminded, and nothing would expire."""

    kind = Kind.CONFLICT
    code = "approval_pending"
