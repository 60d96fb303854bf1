"""What one version of a policy says: for which tickets, what is promised, and what each level leads to.

Its form as a document is in `policy_documents`, what may be wrong with it in `policy_checks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from psms.domain.sla.instants import SECOND
from psms.domain.sla.matching import Conditions
from psms.domain.sla.terms import AT_RISK, BREACH, PAUSED_BY_DEFAULT, Level, Metric, Reopening, Terms
from psms.domain.tickets import Status

REOPEN_FLOOR_PERCENT = 25
PAUSES: Mapping[Metric, frozenset[Status]] = {
    Metric.FIRST_RESPONSE: frozenset(),
    Metric.NEXT_RESPONSE: frozenset(),
    Metric.PERIODIC_UPDATE: PAUSED_BY_DEFAULT,
    Metric.RESOLUTION: PAUSED_BY_DEFAULT,
    Metric.WITH_TEAM: PAUSED_BY_DEFAULT,
}
"""The statuses in which a metric's clock stands still, where a policy does not say otherwise."""


class Recipient(StrEnum):
    """Who is told, as far as the ticket decides it."""

    ASSIGNEE = "assignee"  # the team where nobody is assigned
    TEAM = "team"
    MANAGERS = "managers"
    MANAGER_ON_DUTY = "manager_on_duty"  # when the level takes effect
    WATCHERS = "watchers"  # whoever follows the ticket when the mails are made


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell whoever the ticket names."""

    to: Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyUser:
    """Tell one user, whoever has the ticket."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignToUser:
    """Let somebody else have the ticket."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignToTeam:
    """Let another team have the ticket."""

    team_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignToDuty:
    """Let the manager on duty have the ticket."""

    to: Recipient = Recipient.MANAGER_ON_DUTY


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisePriority:
    """Raise the ticket's priority by one step; the highest stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWatcher:
    """Let a user follow the ticket from now on."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TellEvent:
    """Tell partners, and the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOnCall:
    """Wake whoever is on call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDuty:
    """Wake the manager on duty: the page names them."""

    to: Recipient = Recipient.MANAGER_ON_DUTY


Action = (
    Notify
    | NotifyUser
    | ReassignToUser
    | ReassignToTeam
    | ReassignToDuty
    | RaisePriority
    | AddWatcher
    | TellEvent
    | PageOnCall
    | PageDuty
)


def is_for_duty(action: Action) -> bool:
    """Tell whether an action is for the manager on duty."""
    return getattr(action, "to", None) is Recipient.MANAGER_ON_DUTY


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLevel:
    """A level, and what reaching it leads to, in order."""

    level: Level
    actions: tuple[Action, ...] = ()


DEFAULT_LEVELS = (
    PlannedLevel(level=AT_RISK, actions=(TellEvent(),)),
    PlannedLevel(level=BREACH, actions=(RaisePriority(), Notify(to=Recipient.ASSIGNEE))),
)
# What teams agree on among themselves changes nothing of what the customer was promised.
_OPERATIONAL_LEVELS = (
    PlannedLevel(level=AT_RISK, actions=(TellEvent(),)),
    PlannedLevel(level=BREACH, actions=(Notify(to=Recipient.ASSIGNEE),)),
)


def usual_levels(metric: Metric) -> tuple[PlannedLevel, ...]:
    """Return the levels of a target that says nothing of levels."""
    return _OPERATIONAL_LEVELS if metric.is_operational else DEFAULT_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is promised for one metric. Without a calendar every instant counts."""

    seconds: int
    calendar_id: UUID | None = None
    pause_on: frozenset[Status] = frozenset()
    reopening: Reopening = Reopening.RESUME
    reopen_floor_percent: int = REOPEN_FLOOR_PERCENT
    levels: tuple[PlannedLevel, ...] = DEFAULT_LEVELS

    def terms(self, calendar: str) -> Terms:
        """Return the terms of a clock of this target, measured by the calendar with the key *calendar*."""
        return Terms(
            target=self.seconds * SECOND,
            calendar=calendar,
            levels=tuple(planned.level for planned in self.levels),
            pause_on=self.pause_on,
            reopening=self.reopening,
            reopen_floor_percent=self.reopen_floor_percent,
        )

    def actions(self, level_id: str) -> tuple[Action, ...]:
        """Return what reaching a level leads to; nothing for a level that this version does not have."""
        return next((planned.actions for planned in self.levels if planned.level.id == level_id), ())


def default_target(metric: Metric, seconds: int) -> Target:
    """Return the target of a policy that says nothing but its *seconds*."""
    return Target(seconds=seconds, pause_on=PAUSES[metric], levels=usual_levels(metric))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDefinition:
    """One version of a policy, which never changes: an edit makes another one."""

    conditions: Conditions = field(default_factory=Conditions)
    targets: Mapping[Metric, Target]

    @property
    def is_operational(self) -> bool:
        """Tell whether this is an agreement between teams, and promises the customer nothing."""
        return any(metric.is_operational for metric in self.targets)
