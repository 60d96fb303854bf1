"""A ticket's clocks while a change is under way: settled, retargeted, written. What levels lead to: `sla_effects`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psms.db.queries import sla as queries
from psms.db.queries.sla import KeptClock
from psms.domain import sla
from psms.domain.calendars import ALWAYS_OPEN
from psms.domain.sla import Fire
from psms.domain.sla_policies import Promise
from psms.domain.tickets import Ticket
from workflows.act import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A level that a clock reached and that nobody has recorded yet."""

    kept: KeptClock
    fire: Fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A locked ticket, its clocks settled at the act's instant, and what they reached, earliest first."""

    ticket: Ticket
    sequence: int
    clocks: tuple[KeptClock, ...]
    reached: tuple[Reached, ...] = ()


def settled_case(act: Act, ticket: Ticket, sequence: int, clocks: Sequence[KeptClock]) -> Case:
    """Return a ticket with its clocks settled at the act's instant."""
    settled: list[KeptClock] = []
    reached: list[Reached] = []
    for kept in clocks:
        clock, fires = sla.settled(kept.clock, ALWAYS_OPEN, act.now)
        settled.append(replace(kept, clock=clock))
        reached += [Reached(kept=settled[-1], fire=fire) for fire in fires]
    reached.sort(key=lambda one: one.fire.at)
    return Case(ticket=ticket, sequence=sequence, clocks=tuple(settled), reached=tuple(reached))


def retargeted(act: Act, kept: KeptClock, promise: Promise | None) -> KeptClock:
    """Return a clock under another promise; one that the promise does not speak of goes on as it was."""
    if promise is None or kept.metric not in promise.targets or kept.clock.is_over:
        return kept
    clock, _ = sla.retargeted(kept.clock, ALWAYS_OPEN, promise.targets[kept.metric], act.now)
    return replace(kept, clock=clock, policy_id=promise.policy_id, policy_version=promise.policy_version)


def write_clocks(act: Act, clocks: Sequence[KeptClock]) -> None:
    """Write clocks and when to look at each of them next."""
    if clocks:
        next_at = [sla.next_at(kept.clock, ALWAYS_OPEN) for kept in clocks]
        queries.update_clocks(act.session, act.organization_id, clocks, next_at)
