"""What operators ask of a running installation: what is ready, what waits, what is dead."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A server that PSMS depends on. *required*: without it no request can be answered."""

    name: str
    ready: bool
    required: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits now; ages in seconds, 0 when nothing waits.

    *lanes* are those that are open, by their circuit, *in_flight* the requests under way by how their endpoints fare.
    *runs_unknown* are due, and of a newer release.
    """

    outbox: int
    outbox_oldest_s: float
    deliveries: dict[str, int]
    mails: dict[str, int]
    oldest_due_s: float
    lanes: dict[str, int]
    in_flight: dict[str, int]
    unsealed_oldest_s: float
    rebases: int
    rebases_failing: int
    rebases_oldest_s: float
    runs_due: int
    runs_failed: int
    runs_unknown: int
    runs_oldest_s: float
    routing_due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One piece of work that is dead, or that waits."""

    kind: str
    id: UUID
    organization_id: UUID
    what: str
    state: str
    reason: str | None
    attempts: int
    since: datetime
