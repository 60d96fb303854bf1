"""Every table of the schema, gathered so that the metadata is complete."""

from psms.db.base import Base
from psms.db.models import accounts, logs, plumbing, sla, tickets, webhooks

__all__ = ["Base", "accounts", "logs", "plumbing", "sla", "tickets", "webhooks"]
