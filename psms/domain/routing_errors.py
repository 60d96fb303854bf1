"""The error of automatic assignment. All others, and their kinds, are in `errors`."""

from psms.errors import Kind, PsmsError


class NotRoutable(PsmsError):
    """This ticket cannot be assigned automatically."""

    kind = Kind.CONFLICT
    code = "not_routable"
