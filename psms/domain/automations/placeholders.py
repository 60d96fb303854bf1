"""Placeholders in the comments that rules write: a fixed list, filled in once, never out of what was filled in."""

import re
from collections.abc import Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

PLACEHOLDERS: Final = (
    "ticket.number",
    "ticket.subject",
    "ticket.status",
    "ticket.priority",
    "requester.name",
    "assignee.name",
    "team.name",
    "service.name",
)
NOBODY: Final = "nobody"
"""What stands where a ticket has no assignee or no team."""


def unknown_in(body: str) -> str | None:
    """Return the first placeholder of *body* that there is not, None where all are known.

    >>> unknown_in("Hello {{ requester.name }}, about {{ticket.nummer}}")
    'ticket.nummer'
    """
    return next((name for name in _PLACEHOLDER.findall(body) if name not in PLACEHOLDERS), None)


def filled(body: str, values: Mapping[str, str | None]) -> str:
    """Return *body* with its placeholders filled in; what has no value is NOBODY.

    >>> filled("Ticket {{ticket.number}} of {{team.name}}", {"ticket.number": "7", "team.name": None})
    'Ticket 7 of nobody'
    """
    return _PLACEHOLDER.sub(lambda found: values.get(found[1]) or NOBODY, body)
