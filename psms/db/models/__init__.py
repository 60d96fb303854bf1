"""Every table of the schema, gathered so that the metadata is complete."""

from psms.db.base import Base
from psms.db.models import accounts, desk, keys, logs, plumbing, roles, sla, sla_books, telling, tickets, webhooks

__all__ = [
    "Base",
    "accounts",
    "desk",
    "keys",
    "logs",
    "plumbing",
    "roles",
    "sla",
    "sla_books",
    "telling",
    "tickets",
    "webhooks",
]
