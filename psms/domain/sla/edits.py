"""For which tickets an edit of a calendar or a policy holds."""

from enum import StrEnum


class Applies(StrEnum):
    """For which tickets an edit holds."""

    NEW_TICKETS = "new_tickets"
    OPEN_TICKETS = "open_tickets"  # from the edit on; what was counted before is kept
    RECOMPUTE = "recompute"  # as if it had always been so: all is counted again
