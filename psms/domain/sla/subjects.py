"""What policies may ask of a ticket, read off the ticket. The asking is done in `matching`."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from psms.domain.sla.matching import Subject
from psms.domain.tickets import Priority, TicketType

TIER_FIELD = "customer_tier"
"""The custom field that says how much a customer is promised."""


def subject_of(
    *,
    service_id: UUID,
    type: TicketType,  # noqa: A002  (the ticket's own name for it)
    priority: Priority,
    tags: Iterable[str],
    custom_fields: Mapping[str, Any],
) -> Subject:
    """Return what policies may ask of a ticket with these fields; a tier that is not text is none."""
    tier = custom_fields.get(TIER_FIELD)
    return Subject(
        service_id=service_id,
        type=type,
        priority=priority,
        customer_tier=tier if isinstance(tier, str) else None,
        tags=frozenset(tags),
        custom_fields=custom_fields,
    )
