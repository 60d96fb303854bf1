"""Approvals: the steps of a chain, their votes, and what votes come to. How tickets move is in `lifecycle`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.tickets import TicketType
from psms.errors import FieldError

MOST_STEPS = 10
MOST_APPROVERS = 50

StepDocument = dict[str, Any]
"""A step as it is stored."""

APPROVABLE = frozenset({TicketType.REQUEST, TicketType.CHANGE})
"""The types of ticket that are approved."""


class Quorum(StrEnum):
    """How many of those who are asked must approve: one, all, or a count."""

    ANY = "any"
    ALL = "all"
    COUNT = "count"


class OnExpiry(StrEnum):
    """What follows where a step is not decided in time: it is rejected, or somebody else is asked."""

    REJECT = "reject"
    ESCALATE = "escalate"


class Decision(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


class ApprovalState(StrEnum):
    """Where a step is. Waiting: the steps before it are not through. All but the first two are final."""

    WAITING = "waiting"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Source(StrEnum):
    """Who asked for a chain: the ticket's service, or somebody for this ticket."""

    SERVICE = "service"
    AD_HOC = "ad_hoc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStep:
    """One step of a chain: who is asked, how many must approve, and what happens when time goes by.

    The members of *team_ids* are those when the step begins. *count* goes with the quorum of that name. Spans are in
    seconds by the wall clock, from the step's beginning; None: never. *own_requests*: who requested the ticket or asked
    for the approval may be among those who approve it.
    """

    name: str
    user_ids: tuple[UUID, ...] = ()
    team_ids: tuple[UUID, ...] = ()
    quorum: Quorum = Quorum.ANY
    count: int | None = None
    remind_after_seconds: int | None = None
    expire_after_seconds: int | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    escalate_to: UUID | None = None
    own_requests: bool = False

    @property
    def document(self) -> StepDocument:
        """The step as it is stored."""
        return {one.name: _stored(getattr(self, one.name)) for one in fields(self)}

    def required(self, asked: int) -> int:
        """Return how many of so many who are asked must approve, at least one."""
        wanted = {Quorum.ANY: 1, Quorum.ALL: asked, Quorum.COUNT: self.count or 1}[self.quorum]
        return max(1, min(wanted, asked))


Chain = tuple[ApprovalStep, ...]


def step_of(document: StepDocument) -> ApprovalStep:
    """Return the step that a document says."""
    escalate_to = document["escalate_to"]
    return ApprovalStep(
        **{
            **document,
            "user_ids": tuple(map(UUID, document["user_ids"])),
            "team_ids": tuple(map(UUID, document["team_ids"])),
            "quorum": Quorum(document["quorum"]),
            "on_expiry": OnExpiry(document["on_expiry"]),
            "escalate_to": None if escalate_to is None else UUID(escalate_to),
        }
    )


def chain_of(documents: Sequence[StepDocument]) -> Chain:
    """Return the chain that documents say."""
    return tuple(map(step_of, documents))


def require_sound(chain: Chain) -> None:
    """Raise FieldError for the first step that asks nobody, or whose fields do not go together."""
    for number, step in enumerate(chain):
        for wrong, name, message in (
            (not step.user_ids and not step.team_ids, "user_ids", "name at least one user or team"),
            (
                (step.count is not None) != (step.quorum is Quorum.COUNT),
                "count",
                "goes with the quorum count, and only with it",
            ),
            (
                (step.escalate_to is not None) != (step.on_expiry is OnExpiry.ESCALATE),
                "escalate_to",
                "goes with on_expiry escalate, and only with it",
            ),
            (
                step.on_expiry is OnExpiry.ESCALATE and step.expire_after_seconds is None,
                "expire_after_seconds",
                "needed where it escalates",
            ),
        ):
            if wrong:
                raise FieldError(f"steps.{number}.{name}", message)


def verdict(required: int, votes: Sequence[Decision | None]) -> ApprovalState | None:
    """Return what *votes*, one for each who is asked, have decided; None while it is open.

    Approved: as many as required approve. Rejected: so many reject that this cannot happen any more.
    """
    if votes.count(Decision.APPROVE) >= required:
        return ApprovalState.APPROVED
    if len(votes) - votes.count(Decision.REJECT) < required and votes:
        return ApprovalState.REJECTED
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One vote of a step: whose it is, who stands in for them, and what was said by whom."""

    user_id: UUID
    delegate_id: UUID | None
    decision: Decision | None
    comment: str | None
    voted_by: UUID | None
    voted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One step as the API shows it. *votes* are of those who are asked, once the step has begun."""

    id: UUID
    ticket_id: UUID
    chain_id: UUID
    position: int
    source: Source
    name: str
    state: ApprovalState
    quorum: Quorum
    required: int | None
    votes: list[Seat]
    asked_by: UUID | None
    created_at: datetime
    began_at: datetime | None
    remind_at: datetime | None
    expires_at: datetime | None
    escalated_at: datetime | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Vote on a step; *for_user_id*: with the vote of somebody for whom the voter stands in."""

    decision: Decision
    comment: str | None = None
    for_user_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChain:
    """What a service asks for; *version* is the service's."""

    service_id: UUID
    steps: list[ApprovalStep]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFilter:
    """Which approvals to list: None leaves a field out, *mine* takes those that ask the caller."""

    state: ApprovalState | None = None
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """*delegate_id* stands in for *user_id* in each step that begins from *since* until before *until*."""

    id: UUID
    user_id: UUID
    delegate_id: UUID
    since: datetime
    until: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelegation:
    """Let somebody stand in; *user_id* None: for the caller."""

    delegate_id: UUID
    since: datetime
    until: datetime
    user_id: UUID | None = None


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return str(value) if isinstance(value, UUID) else value
