"""Decisions as they are kept and told: whom a ticket was given to, from whom, and the sentence that says why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psms.domain.routing.config import Strategy
from psms.domain.routing.deciding import Candidate, Obstacle

MOST_KEPT = 50
"""How many candidates a decision keeps, the best; how many there were is told beside them."""

_SAID = {
    Obstacle.FULL: "at capacity",
    Obstacle.CLOSED: "outside working hours",
    Obstacle.AWAY: "away",
    Obstacle.UNSKILLED: "without the skills",
    Obstacle.INACTIVE: "not active, or of a role that works on no tickets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingDecision:
    """A decision about a ticket as the API shows it. *user_id* is None where there was nobody."""

    id: UUID
    ticket_id: UUID
    team_id: UUID
    decided_at: datetime
    strategy: Strategy
    config_version: int
    user_id: UUID | None
    asked_by: UUID | None
    required: Mapping[str, int]
    considered: int
    candidates: Sequence[Candidate]
    why: str


def why_of(strategy: Strategy, user_id: UUID | None, candidates: Sequence[Candidate], name: str) -> str:
    """Say why *name* was chosen, or why nobody was."""
    if user_id is None:
        return f"Nobody could be given it: {_against(candidates)}. It waits in the team's queue."
    chosen = candidates[0]
    open_now = "no open ticket" if chosen.open_tickets == 0 else _counted(chosen.open_tickets, "open ticket")
    limit = "" if chosen.capacity is None else f" of at most {chosen.capacity}"
    if not chosen.eligible:
        obstacles = ", ".join(_SAID[one] for one in chosen.obstacles)
        return (
            f"{name} got it although {obstacles}, with {open_now}{limit}: nobody was better placed, and the team takes "
            "anyone then."
        )
    skilled = f", skills worth {chosen.score}" if chosen.score else ""
    return f"{name} got it, {_place(strategy, chosen)}, with {open_now}{limit}{skilled}; {_others(candidates[1:])}."


def _place(strategy: Strategy, chosen: Candidate) -> str:
    if strategy is Strategy.LEAST_LOADED:
        return "with the least to do"
    return "who had not had one yet" if chosen.last_turn == 0 else "whose turn it was"


def _others(others: Sequence[Candidate]) -> str:
    if not others:
        return "there was nobody else"
    could = sum(1 for one in others if one.eligible)
    rest = [one for one in others if not one.eligible]
    told = f"{could} more could have had it" if could else "nobody else could have had it"
    return f"{told} ({_against(rest)})" if rest else told


def _against(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return "the team has no members"
    counted = Counter(obstacle for one in candidates for obstacle in one.obstacles)
    return ", ".join(f"{counted[one]} {_SAID[one]}" for one in Obstacle if counted[one])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
