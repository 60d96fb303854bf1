"""Refusals of what is asked of webhook endpoints; all others are in `psms.errors`."""

from psms.errors import Kind, PsmsError


class TooManyTrials(PsmsError):
    """Endpoints of this organization were tried out five times within a minute: wait as Retry-After says."""

    kind = Kind.TOO_MANY
    code = "too_many_trials"
