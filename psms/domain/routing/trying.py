"""A configuration tried on a past span: ticket by ticket as they were filed, with what was free at each instant.

A ticket is over when it really was. Pure: what is known of the span comes in, what would have been goes out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from uuid import UUID

from psms.domain.routing.config import RoutingConfig, WhenNobody
from psms.domain.routing.deciding import Member, decide, given
from psms.domain.routing.past import FiledTicket, MemberShare, Otherwise, Past, PastMember, RoutingSimulation, Spread

MOST_LOOKS = 150_000
"""How often a member is looked at in one question at most: a few seconds."""
MOST_DIFFERENCES = 200

# At one instant: who has finished something is free for what comes.
_FINISHED, _LOOK, _FILED = range(3)
_Event = tuple[datetime, int, int]


@dataclass(slots=True)
class _Trial:
    """A span while it is gone through."""

    config: RoutingConfig
    past: Past
    loads: Counter[UUID] = field(default_factory=Counter)
    peaks: Counter[UUID] = field(default_factory=Counter)
    turns: dict[UUID, int] = field(default_factory=dict)
    events: list[_Event] = field(default_factory=list)
    finishing: list[UUID] = field(default_factory=list)
    waiting: list[FiledTicket] = field(default_factory=list)
    chosen: dict[UUID, tuple[UUID, timedelta]] = field(default_factory=dict)
    looks: int = 0
    next_look: datetime | None = None

    def run(self) -> datetime:
        """Go through the span, and return how far that came."""
        for work in self.past.work:
            self._begin(work.user_id, max(work.since, self.past.since), work.until)
        for place, ticket in enumerate(self.past.filed):
            heappush(self.events, (ticket.at, _FILED, place))
        while self.events and self.events[0][0] < self.past.until:
            at = self.events[0][0]
            if self.looks > MOST_LOOKS:
                return at
            self._pass(at)
        return self.past.until

    def _begin(self, user_id: UUID, at: datetime, until: datetime | None) -> None:
        """Let a member have a ticket more from *at* on."""
        if at > self.past.since:
            self.finishing.append(user_id)
            heappush(self.events, (at, _LOOK, -len(self.finishing)))
        else:
            self._add(user_id)
        self._finish_at(user_id, until)

    def _finish_at(self, user_id: UUID, until: datetime | None) -> None:
        if until is not None:
            self.finishing.append(user_id)
            heappush(self.events, (until, _FINISHED, len(self.finishing) - 1))

    def _add(self, user_id: UUID) -> None:
        self.loads[user_id] += 1
        self.peaks[user_id] = max(self.peaks[user_id], self.loads[user_id])

    def _pass(self, at: datetime) -> None:
        while self.events and self.events[0][0] == at:
            _, kind, place = heappop(self.events)
            if kind == _FINISHED:
                self.loads[self.finishing[place]] -= 1
            elif kind == _FILED:
                self.waiting.append(self.past.filed[place])
            elif place < 0:
                self._add(self.finishing[-place - 1])
        if self.waiting:
            self._hand_out(at)

    def _hand_out(self, at: datetime) -> None:
        self.waiting.sort(key=lambda ticket: (ticket.rank, ticket.id))
        members = {one.member.user_id: self._member(one, at) for one in self.past.members}
        self.looks += len(members)
        left = []
        for ticket in self.waiting:
            choice = None if not self._has_room(members) else decide(self.config, members.values(), ticket.required)
            self.looks += len(members)
            if choice is None or choice.user_id is None:
                left.append(ticket)
                continue
            self._give(ticket, choice.user_id, at)
            members[choice.user_id] = given(members[choice.user_id], self.turns[choice.user_id])
        self.waiting = left
        if left:
            self._look_again(at)

    def _has_room(self, members: dict[UUID, Member]) -> bool:
        return any(one.is_free for one in members.values()) or self.config.when_nobody is WhenNobody.ANYONE

    def _give(self, ticket: FiledTicket, user_id: UUID, at: datetime) -> None:
        self.turns[user_id] = len(self.chosen) + 1
        self.chosen[ticket.id] = (user_id, at - ticket.at)
        self._add(user_id)
        self._finish_at(user_id, None if ticket.over_at is None else max(ticket.over_at, at + timedelta.resolution))

    def _member(self, one: PastMember, at: datetime) -> Member:
        user_id = one.member.user_id
        return replace(
            one.member,
            load=self.loads[user_id],
            turn=self.turns.get(user_id, 0),
            is_away=one.is_away(at),
            is_open=one.is_open(at),
        )

    def _look_again(self, at: datetime) -> None:
        changes = [change for one in self.past.members for change in one.changes_after(at)]
        if changes and (self.next_look is None or not at < self.next_look <= min(changes)):
            self.next_look = min(changes)
            heappush(self.events, (self.next_look, _LOOK, 0))


def simulate(config: RoutingConfig, past: Past, at: datetime, *, all_read: bool) -> RoutingSimulation:
    """Return what *config* would have done; *all_read* tells whether *past* is all there was."""
    trial = _Trial(config, past)
    reached_at = trial.run()
    filed = [ticket for ticket in past.filed if ticket.at < reached_at]
    waits = [waited for _, waited in trial.chosen.values()]
    shares = list(_shares(trial, filed))
    different = list(_differences(trial, filed))
    return RoutingSimulation(
        at=at,
        since=past.since,
        until=past.until,
        complete=all_read and reached_at == past.until,
        reached_at=reached_at if reached_at < past.until or all_read or not filed else filed[-1].at,
        tickets=len(filed),
        assigned=len(trial.chosen),
        waited=sum(1 for waited in waits if waited) + len(trial.waiting),
        unassigned=len(trial.waiting),
        longest_wait_seconds=int(max(waits, default=timedelta()).total_seconds()),
        members=shares,
        spread=Spread(
            simulated=_spread([one.simulated for one in shares]), really=_spread([one.really for one in shares])
        ),
        different=len(different),
        differences=different[:MOST_DIFFERENCES],
    )


def _shares(trial: _Trial, filed: Sequence[FiledTicket]) -> Iterator[MemberShare]:
    simulated = Counter(user_id for user_id, _ in trial.chosen.values())
    really = Counter(ticket.really for ticket in filed)
    for one in trial.past.members:
        user_id = one.member.user_id
        yield MemberShare(
            user_id=user_id,
            simulated=simulated[user_id],
            really=really[user_id],
            most_at_once=trial.peaks[user_id],
        )


def _differences(trial: _Trial, filed: Sequence[FiledTicket]) -> Iterator[Otherwise]:
    for ticket in filed:
        simulated, _ = trial.chosen.get(ticket.id, (None, None))
        if simulated != ticket.really:
            yield Otherwise(ticket_id=ticket.id, number=ticket.number, really=ticket.really, simulated=simulated)


def _spread(counts: Sequence[int]) -> int:
    return max(counts, default=0) - min(counts, default=0)
