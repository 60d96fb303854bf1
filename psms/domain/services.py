"""Services of the catalogue as the API shows them, their forms, and the commands that change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.forms.documents import FieldDocument

USUAL_POSITION = 1000


class ServiceVisibility(StrEnum):
    """Which requesters see a service, and can file for it. Whoever is not a requester sees every one."""

    EVERYONE = "everyone"
    AGENTS = "agents"  # no requester
    TEAMS = "teams"  # members of the teams that it names


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNotice:
    """What is known to be wrong with a service. The ticket of the incident is named to those who may read it."""

    text: str
    since: datetime
    ticket_id: UUID | None
    ticket_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something that tickets are about."""

    id: UUID
    name: str
    description: str
    active: bool
    category: str | None
    position: int
    owner_id: UUID | None
    default_team_id: UUID | None
    visibility: ServiceVisibility
    visible_team_ids: list[UUID]
    sla_policy_id: UUID | None
    form_version: int | None
    incident: IncidentNotice | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceForRequester:
    """A service as a requester finds it in the catalogue: what to file for, not how the desk is organized."""

    id: UUID
    name: str
    description: str
    category: str | None
    position: int
    form_version: int | None
    incident: IncidentNotice | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """Add a service to the catalogue."""

    name: str
    description: str = ""
    category: str | None = None
    position: int = USUAL_POSITION
    owner_id: UUID | None = None
    default_team_id: UUID | None = None
    visibility: ServiceVisibility = ServiceVisibility.EVERYONE
    visible_team_ids: Sequence[UUID] = ()
    sla_policy_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellIncident:
    """Tell everybody that something is wrong with a service, provided its version is still *if_version*.

    Without *since*: since it was told first.
    """

    text: str
    since: datetime | None = None
    ticket_id: UUID | None = None
    if_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A version of a service's form; *created_by* is the user who saved it."""

    service_id: UUID
    version: int
    fields: list[FieldDocument]
    created_at: datetime
    created_by: UUID | None

    @property
    def key(self) -> UUID:
        """The version's place in the list of versions."""
        return UUID(int=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormForRequester:
    """A version of a service's form as a requester fills it in: its fields that are theirs."""

    service_id: UUID
    version: int
    fields: list[FieldDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveForm:
    """Give a service another form, provided the present one has still the version *if_version*."""

    fields: Sequence[Mapping[str, Any]]
    if_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedService:
    """What the filing of a ticket, and the choice of a policy, must know of a service that says anything special."""

    active: bool = True
    visibility: ServiceVisibility = ServiceVisibility.EVERYONE
    visible_team_ids: frozenset[UUID] = frozenset()
    default_team_id: UUID | None = None
    sla_policy_id: UUID | None = None
    form_version: int | None = None


PLAIN = BookedService()
