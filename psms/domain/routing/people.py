"""Skills and absences: who can what and how well, and who is away when. What follows for tickets is in `deciding`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Something that one can, and how well: 1 (a little) to 5 (an expert)."""

    skill: str
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skills:
    """All skills of a user, or all that a service asks for, by name."""

    skills: Sequence[Skill]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A user is away from *since* until before *until*; *reason* is None where none was given, or is not for you."""

    id: UUID
    user_id: UUID
    since: datetime
    until: datetime
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAbsence:
    """Somebody is going to be away; the caller, where *user_id* is None."""

    since: datetime
    until: datetime
    user_id: UUID | None = None
    reason: str | None = None
