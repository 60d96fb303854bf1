"""The audit trail as the API shows it; entries are written by the workflows, in the transaction they tell of."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

INSTALLATION = UUID(int=0)
"""In the place of an organization: the log of what concerns none, such as a start or a migration."""


class Outcome(StrEnum):
    """Whether what was tried was done or refused."""

    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry of the audit trail."""

    id: UUID
    at: datetime
    action: str
    outcome: str
    actor_id: UUID | None
    client_id: UUID | None
    request_id: str | None
    address: str | None
    target_type: str
    target_id: UUID | None
    before: dict[str, object] | None
    after: dict[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which entries to list; None leaves a field out.

    *action* is a whole action or, where it ends with a dot, the beginning of some; *since* is included, *until* is not.
    """

    action: str | None = None
    actor_id: UUID | None = None
    client_id: UUID | None = None
    target_type: str | None = None
    target_id: UUID | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, for whoever is not an actor yet: its id, and the caller's address."""

    request_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of time: *since* is included (None: from the beginning), *until* is not (None: until now)."""

    since: datetime | None = None
    until: datetime | None = None
