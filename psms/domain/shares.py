"""How the slots of a process are shared among lanes, and what a lane's rate allows. What a lane learns is in `lanes`.

Pure: who is ready is found by `psms.db.queries.claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_LEAST_QUANTUM = 4
_PER_MINUTE = 60.0


class Pool(StrEnum):
    """Which slots a lane may have: FAST any, NEW, from which nothing came back yet, half of them, SLOW a quarter.

    Whoever hangs is found out by then, and until then cannot take the place of those that are known to answer.
    """

    FAST = "fast"
    NEW = "new"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many more requests a process may begin: at all, to new lanes, and to slow ones."""

    free: int
    new: int
    slow: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """A lane that is ready: where it belongs, and how many its rate allows now (None: it has none)."""

    pool: Pool
    allowed: int | None


def room(*, size: int, free: int, new: int, slow: int) -> Room:
    """Return the room in a process of *size* slots, *free* of them free, with so many out to new and to slow lanes."""
    return Room(
        free=free,
        new=max(0, min(free, max(1, size // 2) - new)),
        slow=max(0, min(free, max(1, size // 4) - slow)),
    )


def quotas(lanes: Sequence[Wanting], room: Room) -> list[int]:
    """Return how many deliveries each of *lanes* may have at most, those first that were served least recently.

    Slow lanes have one at a time, so that all of them get their turn in their small share. New ones have equal parts
    of theirs: what each has to send is not known here, and one must not set aside what it does not need.
    """
    left = {Pool.FAST: room.free, Pool.NEW: room.new, Pool.SLOW: room.slow}
    quantum = max(_LEAST_QUANTUM, room.free // max(1, len(lanes)))
    of_new = max(1, room.new // max(1, sum(lane.pool is Pool.NEW for lane in lanes)))
    wants = {Pool.FAST: quantum, Pool.NEW: min(quantum, of_new), Pool.SLOW: 1}
    given = []
    for lane in lanes:
        wanted = wants[lane.pool]
        most = min(wanted, left[lane.pool], wanted if lane.allowed is None else lane.allowed)
        if lane.pool is not Pool.FAST:
            left[lane.pool] -= most
        given.append(most)
    return given


def allowance_now(rate_per_minute: int, allowance: float, elapsed_s: float) -> float:
    """Return how many requests a lane's rate allows, *elapsed_s* seconds after it allowed *allowance*.

    A second's worth at most, and one at the least: who was silent for an hour gets no hour's worth at once.
    """
    most = max(1.0, rate_per_minute / _PER_MINUTE)
    return min(most, allowance + max(0.0, elapsed_s) * rate_per_minute / _PER_MINUTE)
