"""Who is on duty, and who stands in where nobody is. Finding out is one query: see `psms.db.queries.duties`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A user is on duty from *since* until before *until*: for a team, or (None) for the organization."""

    id: UUID
    team_id: UUID | None
    user_id: UUID
    since: datetime
    until: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDuty:
    """Put a user on duty."""

    user_id: UUID
    since: datetime
    until: datetime
    team_id: UUID | None = None


class DutyRule(StrEnum):
    """By which rule the manager on duty was chosen: the first that finds somebody active."""

    TEAM_DUTY = "team_duty"
    ORGANIZATION_DUTY = "organization_duty"
    TEAM_MANAGERS = "team_managers"
    MANAGERS = "managers"
    ADMINS = "admins"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """Who is on duty, by *rule*: one user by a duty, else all who stand in, those known longest first."""

    user_ids: Sequence[UUID]
    rule: DutyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Who can be told, called or given a ticket in an act.

    *standing* are the users and teams, of those that actions name, that are there and active. *on_duty* is for each
    team, or (None) where a ticket has none.
    """

    standing: frozenset[object] = frozenset()
    on_duty: Mapping[UUID | None, OnDuty] = field(default_factory=dict)
