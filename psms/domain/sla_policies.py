"""SLA policies and a ticket's clocks as the API shows them; the arithmetic is in `sla`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psms.domain.sla.edits import Applies
from psms.domain.sla.matching import Refusal, Scalar
from psms.domain.sla.policy_documents import ConditionsDocument, PolicyDocument, TargetDocument
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.tickets import Priority, TicketType


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaPolicy:
    """What is promised for which tickets, as of the policy's current version.

    *priority* and the two numbers of seconds say in short what *conditions* and *targets* say in full; they are None
    where those say nothing, or something else.
    """

    id: UUID
    name: str
    position: int
    active: bool
    priority: Priority | None
    first_response_seconds: int | None
    resolution_seconds: int | None
    conditions: ConditionsDocument
    targets: Mapping[str, TargetDocument]
    definition_version: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSlaPolicy:
    """Promise something, in short or in full: one target at least."""

    name: str
    position: int | None = None
    priority: Priority | None = None
    first_response_seconds: int | None = None
    resolution_seconds: int | None = None
    conditions: ConditionsDocument | None = None
    targets: Mapping[str, TargetDocument] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSlaPolicy:
    """Change what is given of a policy, provided its version is still *if_version* where one is given."""

    name: str | None = None
    position: int | None = None
    active: bool | None = None
    fields: PolicyFields = field(default_factory=PolicyFields)
    applies: Applies = Applies.NEW_TICKETS
    if_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """What a policy said from an instant on; *created_by* is the user who saved it, None for a former release."""

    version: int
    definition: PolicyDocument
    created_at: datetime
    created_by: UUID | None

    @property
    def key(self) -> UUID:
        """The version's place in the list of versions."""
        return UUID(int=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchQuestion:
    """A ticket that there need not be: which policy would be for it? Without a service, of the default one.

    With a team, which agreement between teams.
    """

    service_id: UUID | None = None
    type: TicketType = TicketType.INCIDENT
    priority: Priority = Priority.MEDIUM
    tier: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, Scalar] = field(default_factory=dict)
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """Whether a policy is for the ticket, and every condition that did not hold."""

    policy_id: UUID
    policy_version: int
    name: str
    applies: bool
    refusals: Sequence[Refusal]


class ChosenBy(StrEnum):
    """How a policy was chosen: the ticket's service names it, or it is the first whose conditions hold."""

    SERVICE = "service"
    CONDITIONS = "conditions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The policy that applies, None where none does, and the verdicts up to it, in the order of asking."""

    policy_id: UUID | None
    policy_version: int | None
    chosen_by: ChosenBy | None
    targets: Mapping[str, TargetDocument]
    verdicts: Sequence[PolicyVerdict]


class Matched(StrEnum):
    """On which tickets a policy is tried."""

    CONDITIONS = "conditions"  # those that its conditions hold for
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatePolicy:
    """Try a policy on the tickets that were filed from *since* until before *until*."""

    policy: NewSlaPolicy
    since: datetime
    until: datetime
    match: Matched = Matched.CONDITIONS
