"""What happens to a ticket that its clocks care about. An internal note is none of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from psms.domain.sla.terms import Metric, Terms
from psms.domain.sla.timeline import Mode
from psms.domain.tickets import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The ticket was filed; *answered*: by somebody who works on tickets, with a public answer in it."""

    at: int
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """Somebody who works on tickets, and is not the requester, wrote in public. An automatic answer does not count."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWrote:
    """The requester wrote, or somebody on that side."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """The ticket has another status."""

    at: int
    to: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """The ticket is another team's from now on, or no team's any more."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseChanged:
    """Another policy, priority or version applies from now on."""

    at: int
    promise: Mapping[Metric, Terms]
    mode: Mode = Mode.CARRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The ticket was deleted: until it is restored nobody works on it."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The ticket is there again."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody looked, the sweep for one."""

    at: int


Fact = Filed | Replied | CustomerWrote | StatusChanged | HandedOver | PromiseChanged | Withdrawn | Restored | Seen
