"""Sentences of a timeline for what befalls a ticket as a whole: relations, approvals, schedules, its deletion."""

from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Mapping[str, Any]]

_PHRASES = {
    "ticket.linked": "{who} linked the ticket to another one.",
    "ticket.unlinked": "{who} took back a link to another ticket.",
    "ticket.deleted": "{who} deleted the ticket.",
    "ticket.restored": "{who} restored the ticket.",
    "ticket.approval_requested": "Approval is asked for.",
    "change.due": "The change is due to begin.",
    "change.overdue": "The change is not done, and its window is over.",
}
_ON_EITHER_SIDE = {
    "ticket.merged": (
        "merged_into_id",
        "{who} merged the ticket into another one.",
        "{who} merged another ticket into this one.",
    ),
    "ticket.unmerged": (
        "merged_into_id",
        "{who} took back that the ticket was merged.",
        "{who} took another ticket out of this one again.",
    ),
}
PHRASED = frozenset({*_PHRASES, *_ON_EITHER_SIDE, "ticket.split", "ticket.approval_decided"})
"""The types of events that have their sentence here."""


def phrase(kind: str, who: str, changes: Changes) -> str:
    """Return the sentence of an event whose type is one of PHRASED."""
    if kind == "ticket.split":
        moved = (changes.get("moved_comments") or {}).get("after")
        return f"{who} made a ticket of its own of {moved} comment{'' if moved == 1 else 's'}."
    if kind == "ticket.approval_decided":
        state = str((changes.get("approval_state") or {}).get("after", "decided"))
        return f"The approval is decided: {state}."
    if kind in _ON_EITHER_SIDE:
        field, own, other = _ON_EITHER_SIDE[kind]
        return (own if field in changes else other).format(who=who)
    return _PHRASES[kind].format(who=who)
