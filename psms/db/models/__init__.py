"""Every table of the schema, gathered so that the metadata is complete."""

from psms.db.base import Base
from psms.db.models import accounts, keys, logs, plumbing, roles, routing, sla, sla_books, telling, tickets, webhooks

__all__ = [
    "Base",
    "accounts",
    "keys",
    "logs",
    "plumbing",
    "roles",
    "routing",
    "sla",
    "sla_books",
    "telling",
    "tickets",
    "webhooks",
]
