"""How a team wants its tickets assigned, as people say it and as it is kept. Who gets what is in `deciding`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

MOST_OPEN = 1000
"""The largest capacity."""


class Strategy(StrEnum):
    """By which order the next one is found."""

    MANUAL = "manual"
    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"


class SkillUse(StrEnum):
    """What the skills that a service asks for are to the choice: a condition, a preference, or nothing."""

    REQUIRE = "require"
    PREFER = "prefer"
    IGNORE = "ignore"


class WhenNobody(StrEnum):
    """What becomes of a ticket that nobody is there for: it waits, or goes to whoever is the least unfit."""

    WAIT = "wait"
    ANYONE = "anyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRule:
    """What holds for one member in place of what holds for the team; None is as the team has it."""

    user_id: UUID
    capacity: int | None = None
    calendar_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingConfig:
    """How a team's tickets are assigned.

    *capacity* is how many open tickets a member has at most, None: any number. *calendar_id* has the hours in which
    members are given tickets, None: always.
    """

    strategy: Strategy = Strategy.MANUAL
    capacity: int | None = None
    calendar_id: UUID | None = None
    skills: SkillUse = SkillUse.REQUIRE
    when_nobody: WhenNobody = WhenNobody.WAIT
    members: tuple[MemberRule, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Tell whether PSMS assigns the team's tickets."""
        return self.strategy is not Strategy.MANUAL

    def rules(self) -> Mapping[UUID, MemberRule]:
        """Return what holds for single members."""
        return {rule.user_id: rule for rule in self.members}

    def calendar_of(self, user_id: UUID) -> UUID | None:
        """Return the calendar with a member's hours, None for always."""
        rule = self.rules().get(user_id)
        return self.calendar_id if rule is None or rule.calendar_id is None else rule.calendar_id

    def capacity_of(self, user_id: UUID) -> int | None:
        """Return how many open tickets a member has at most, None for any number."""
        rule = self.rules().get(user_id)
        return self.capacity if rule is None or rule.capacity is None else rule.capacity

    def calendars(self) -> set[UUID]:
        """Return the calendars that are named."""
        named = {self.calendar_id, *(rule.calendar_id for rule in self.members)}
        return {one for one in named if one is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRouting:
    """A team's configuration as the API shows it. Every team begins with version 1, by hand."""

    team_id: UUID
    strategy: Strategy
    capacity: int | None
    calendar_id: UUID | None
    skills: SkillUse
    when_nobody: WhenNobody
    members: Sequence[MemberRule]
    version: int
    updated_at: datetime | None


def document_of(config: RoutingConfig) -> dict[str, Any]:
    """Return a configuration as it is kept."""
    return {
        "strategy": config.strategy.value,
        "capacity": config.capacity,
        "calendar_id": _text(config.calendar_id),
        "skills": config.skills.value,
        "when_nobody": config.when_nobody.value,
        "members": [
            {"user_id": str(rule.user_id), "capacity": rule.capacity, "calendar_id": _text(rule.calendar_id)}
            for rule in config.members
        ],
    }


def config_of(document: Mapping[str, Any]) -> RoutingConfig:
    """Return the configuration that was kept."""
    return RoutingConfig(
        strategy=Strategy(document["strategy"]),
        capacity=document["capacity"],
        calendar_id=_id(document["calendar_id"]),
        skills=SkillUse(document["skills"]),
        when_nobody=WhenNobody(document["when_nobody"]),
        members=tuple(
            MemberRule(user_id=UUID(one["user_id"]), capacity=one["capacity"], calendar_id=_id(one["calendar_id"]))
            for one in document["members"]
        ),
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
