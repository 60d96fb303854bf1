"""Every table of the schema, gathered so that the metadata is complete."""

from psms.db.base import Base
from psms.db.models import (
    accounts,
    approvals,
    automations,
    desk,
    keys,
    logs,
    plumbing,
    relations,
    roles,
    routing,
    runs,
    services,
    sla,
    sla_books,
    telling,
    tickets,
    webhooks,
)

__all__ = [
    "Base",
    "accounts",
    "approvals",
    "automations",
    "desk",
    "keys",
    "logs",
    "plumbing",
    "relations",
    "roles",
    "routing",
    "runs",
    "services",
    "sla",
    "sla_books",
    "telling",
    "tickets",
    "webhooks",
]
