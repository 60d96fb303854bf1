"""What is known of a past span, for a configuration to be tried on, and what comes of it. It is tried in `trying`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psms.domain.routing.config import RoutingConfig
from psms.domain.routing.deciding import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateRouting:
    """Try a configuration on the tickets that a team has of those filed in a span."""

    config: RoutingConfig
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledTicket:
    """A ticket of the span: *over_at* is when it was resolved or closed, None while it is open."""

    id: UUID
    number: int
    rank: int
    at: datetime
    over_at: datetime | None
    required: Mapping[str, int]
    really: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWork:
    """A ticket that a member had besides, whoever would have got the others."""

    user_id: UUID
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMember:
    """A member as they are today, with no load; when they were away, and when they are given tickets."""

    member: Member
    absences: Sequence[tuple[datetime, datetime]] = ()
    is_open: Callable[[datetime], bool] = field(default=lambda _: True)
    opens_at: Callable[[datetime], datetime | None] = field(default=lambda _: None)

    def is_away(self, at: datetime) -> bool:
        """Tell whether they were away at an instant."""
        return any(since <= at < until for since, until in self.absences)

    def changes_after(self, at: datetime) -> list[datetime]:
        """Return when they are there again, where they are not."""
        back = [until for since, until in self.absences if since <= at < until]
        opens = self.opens_at(at)
        return back if opens is None else [*back, opens]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All that is known of a span."""

    since: datetime
    until: datetime
    members: Sequence[PastMember]
    filed: Sequence[FiledTicket]
    work: Sequence[OtherWork]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberShare:
    """What a member would have got, and what they have; *most_at_once* counts their other tickets too."""

    user_id: UUID
    simulated: int
    really: int
    most_at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """A ticket that somebody else would have got."""

    ticket_id: UUID
    number: int
    really: UUID | None
    simulated: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How many tickets more the member with the most has than the one with the fewest."""

    simulated: int
    really: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSimulation:
    """What a configuration would have done with the tickets filed from *since* until before *until*.

    Where it is not *complete* it was tried until *reached_at*, which is before *until*. *waited* found nobody at once,
    *unassigned* nobody at all until the end.
    """

    at: datetime
    since: datetime
    until: datetime
    complete: bool
    reached_at: datetime
    tickets: int
    assigned: int
    waited: int
    unassigned: int
    longest_wait_seconds: int
    members: Sequence[MemberShare]
    spread: Spread
    different: int
    differences: Sequence[Otherwise]
