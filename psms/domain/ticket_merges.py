"""Merging tickets: which one may go on as part of which, and what is kept of it. Edits that merge: `ticket_merging`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psms.domain.relation_errors import MergeRefused
from psms.domain.tickets import Stage, Status, Ticket

MOST_MERGED = 100
"""How many tickets go on as part of one, with those that were merged into them before."""

_FINAL = frozenset({Status.CLOSED, Status.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What a ticket was before it was merged into *survivor_id*."""

    merged_id: UUID
    survivor_id: UUID
    status: Status
    stage: Stage | None
    closed_at: datetime | None
    merged_by: UUID | None
    merged_at: datetime


def status_once_merged(status: Status) -> Status:
    """Return the status of a ticket that has been merged: what was final stays."""
    return status if status in _FINAL else Status.CLOSED


def require_mergeable_into(merged: Ticket, survivor: Ticket, together: int) -> None:
    """Raise MergeRefused unless *merged* may go on as part of *survivor*, *together* of them being one then."""
    if merged.merged_into_id is not None:
        message = f"#{merged.number} has been merged already: un-merge it first."
        raise MergeRefused(message, reason="already_merged", survivor_id=merged.merged_into_id)
    if survivor.merged_into_id is not None:
        message = f"#{survivor.number} has been merged itself: merge into the ticket that goes on in its place."
        raise MergeRefused(message, reason="survivor_merged", survivor_id=survivor.merged_into_id)
    if survivor.status in _FINAL:
        message = f"#{survivor.number} is {survivor.status}, which is final: nothing can go on as part of it."
        raise MergeRefused(message, reason="survivor_done")
    if together > MOST_MERGED:
        message = f"#{survivor.number} would go on for {together} tickets; {MOST_MERGED} are the most."
        raise MergeRefused(message, reason="too_many")


def require_unmergeable(merged: Ticket, survivor: Ticket | None) -> None:
    """Raise MergeRefused unless the merge of a ticket into *survivor* may be taken back: the last merge first."""
    if merged.merged_into_id is None or survivor is None:
        raise MergeRefused(f"#{merged.number} has not been merged.", reason="not_merged")
    if survivor.merged_into_id is not None:
        message = f"#{survivor.number} has been merged itself since: un-merge that one first."
        raise MergeRefused(message, reason="merged_on", survivor_id=survivor.merged_into_id)
