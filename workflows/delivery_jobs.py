"""One delivery under way, as values: leased, sent, judged. What is done with them is in `deliveries` and beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psms.db.queries import results
from psms.domain.attempts import SendResult
from psms.domain.lanes import Standing
from psms.domain.paging import PageState
from psms.domain.retry import Decision
from psms.domain.shares import Pool
from psms.domain.webhooks import EndpointKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """A signing secret, or a private key, as its row has it: encrypted, or in clear as long as it is not."""

    id: UUID
    kind: str
    encrypted: bytes | None = field(repr=False)
    clear: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One leased delivery with everything that its request needs.

    *failures* counts those before it; *lease_ends* is by this process's monotonic clock, in seconds. *page_state* is
    how the incident stands that a page event for PagerDuty tells of. *pool* is the share of slots that it counts in,
    and *standing* how its endpoint fared when it was claimed.
    """

    organization_id: UUID
    delivery_id: UUID
    attempt_id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    token: UUID
    failures: int
    number: int
    sequence: int
    started_at: datetime
    lease_ends: float
    expires_at: datetime
    occurred_at: datetime
    request_id: str | None
    kind: EndpointKind
    page_state: PageState | None
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[StoredSecret, ...]
    headers_encrypted: bytes | None = field(repr=False)
    header_names: tuple[str, ...]
    timeout_s: float
    pool: Pool
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What flies in this process: how many requests to new lanes and to slow ones, and which endpoints hang."""

    new: int = 0
    slow: int = 0
    hanging: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job and what its request came to; *request_headers* are those that may be shown of it."""

    job: Job
    result: SendResult
    request_headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was decided after a request, and what is to be written of it."""

    finished: Finished
    decision: Decision
    settlement: results.Settlement
