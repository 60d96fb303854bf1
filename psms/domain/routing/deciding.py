"""Who of a team gets a ticket: candidates with what is for and against each, in order, and the choice. Asks nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from psms.domain.routing.config import RoutingConfig, SkillUse, Strategy, WhenNobody


class Obstacle(StrEnum):
    """Why somebody does not get a ticket; the least grave first."""

    FULL = "full"
    CLOSED = "closed"
    AWAY = "away"
    UNSKILLED = "unskilled"
    INACTIVE = "inactive"


# With `anyone`: who is merely busy or at home comes before who is away, or cannot do it.
_GRAVITY = {
    Obstacle.FULL: 1,
    Obstacle.CLOSED: 1,
    Obstacle.AWAY: 2,
    Obstacle.UNSKILLED: 2,
    Obstacle.INACTIVE: 3,
}
_NEVER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a team at an instant.

    *load* counts the open tickets of all teams. *turn* is the team's turn at which they were assigned a ticket last, 0
    for never. *works* is whether they are active and their role works on tickets.
    """

    user_id: UUID
    load: int = 0
    capacity: int | None = None
    turn: int = 0
    works: bool = True
    is_away: bool = False
    is_open: bool = True
    skills: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Tell whether they could be given a ticket that asks for no skill."""
        return not _obstacles(self, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One member in a decision. *score* adds up the levels of the skills that are asked for."""

    user_id: UUID
    rank: int
    eligible: bool
    obstacles: Sequence[Obstacle]
    open_tickets: int
    capacity: int | None
    score: int
    last_turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who gets a ticket, None for nobody, and all who were looked at, the best first."""

    user_id: UUID | None
    candidates: tuple[Candidate, ...]

    @property
    def refusal(self) -> str:
        """What was against everybody, in short: equal for equal reasons; empty where somebody was chosen."""
        if self.user_id is not None:
            return ""
        found = {obstacle for one in self.candidates for obstacle in one.obstacles}
        return ",".join(sorted(found)) or "nobody"


def decide(config: RoutingConfig, members: Iterable[Member], required: Mapping[str, int]) -> Choice:
    """Choose for a ticket that asks for skills at these levels or higher.

    Equal inputs give equal choices, in whatever order the members come.
    """
    wanted = {} if config.skills is SkillUse.IGNORE else required
    ranked = sorted(members, key=lambda member: _key(config, member, wanted))
    candidates = tuple(_candidate(member, config, wanted, rank) for rank, member in enumerate(ranked, start=1))
    first = candidates[0] if candidates else None
    if first is None or not (first.eligible or _would_do(config, first)):
        return Choice(user_id=None, candidates=candidates)
    return Choice(user_id=first.user_id, candidates=candidates)


def given(member: Member, turn: int) -> Member:
    """Return a member who was given one more ticket, at this turn of the team."""
    return replace(member, load=member.load + 1, turn=turn)


def _key(config: RoutingConfig, member: Member, wanted: Mapping[str, int]) -> tuple[int, int, int, int, int]:
    score = _score(member, wanted) if config.skills is SkillUse.PREFER else 0
    load = member.load if config.strategy is Strategy.LEAST_LOADED else 0
    gravity = max((_GRAVITY[found] for found in _against(config, member, wanted)), default=0)
    return gravity, -score, load, member.turn, member.user_id.int


def _candidate(member: Member, config: RoutingConfig, wanted: Mapping[str, int], rank: int) -> Candidate:
    obstacles = _against(config, member, wanted)
    return Candidate(
        user_id=member.user_id,
        rank=rank,
        eligible=not obstacles,
        obstacles=obstacles,
        open_tickets=member.load,
        capacity=member.capacity,
        score=_score(member, wanted),
        last_turn=member.turn,
    )


def _would_do(config: RoutingConfig, first: Candidate) -> bool:
    gravest = max(_GRAVITY[found] for found in first.obstacles)
    return config.when_nobody is WhenNobody.ANYONE and gravest < _NEVER


def _against(config: RoutingConfig, member: Member, wanted: Mapping[str, int]) -> tuple[Obstacle, ...]:
    return _obstacles(member, wanted if config.skills is SkillUse.REQUIRE else {})


def _obstacles(member: Member, required: Mapping[str, int]) -> tuple[Obstacle, ...]:
    found = (
        (Obstacle.FULL, member.capacity is not None and member.load >= member.capacity),
        (Obstacle.CLOSED, not member.is_open),
        (Obstacle.AWAY, member.is_away),
        (Obstacle.UNSKILLED, any(member.skills.get(skill, 0) < level for skill, level in required.items())),
        (Obstacle.INACTIVE, not member.works),
    )
    return tuple(obstacle for obstacle, holds in found if holds)


def _score(member: Member, wanted: Mapping[str, int]) -> int:
    return sum(member.skills.get(skill, 0) for skill in wanted)
