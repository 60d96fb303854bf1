"""What is wrong with a policy that somebody wants to save. Whether what it names exists is asked by its workflow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from psms.domain.sla.definitions import (
    Action,
    AddWatcher,
    NotifyUser,
    PlannedLevel,
    PolicyDefinition,
    ReassignToTeam,
    ReassignToUser,
    Target,
)
from psms.domain.sla.instants import SECOND
from psms.domain.sla.matching import Conditions
from psms.domain.sla.terms import BREACH, PAUSED_BY_DEFAULT, OffsetLevel, PercentLevel, WallLevel
from psms.errors import FieldError

_HUNDRED = 100


class Kind(StrEnum):
    """What a policy may name."""

    SERVICE = "service"
    CALENDAR = "calendar"
    USER = "user"
    TEAM = "team"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something that a *field* of a policy names, and that must exist."""

    field: str
    kind: Kind
    id: UUID


def check_policy(definition: PolicyDefinition) -> None:
    """Raise FieldError for the first thing that is wrong with *definition*."""
    if not definition.targets:
        raise FieldError("targets", "promise something: give a target for one metric at least")
    _check_kind(definition)
    check_conditions(definition.conditions)
    for metric, target in definition.targets.items():
        _check_target(target, f"targets.{metric.value}")


def references_of(definition: PolicyDefinition) -> Iterator[Reference]:
    """Return everything that *definition* names, in order."""
    for number, service_id in enumerate(sorted(definition.conditions.services or (), key=str)):
        yield Reference(field=f"conditions.service_ids.{number}", kind=Kind.SERVICE, id=service_id)
    for number, team_id in enumerate(sorted(definition.conditions.teams or (), key=str)):
        yield Reference(field=f"conditions.team_ids.{number}", kind=Kind.TEAM, id=team_id)
    for metric, target in definition.targets.items():
        path = f"targets.{metric.value}"
        if target.calendar_id is not None:
            yield Reference(field=f"{path}.calendar_id", kind=Kind.CALENDAR, id=target.calendar_id)
        for number, planned in enumerate(target.levels):
            for which, action in enumerate(planned.actions):
                yield from _named_by(action, f"{path}.levels.{number}.actions.{which}")


def _named_by(action: Action, path: str) -> Iterator[Reference]:
    if isinstance(action, NotifyUser | ReassignToUser | AddWatcher):
        yield Reference(field=f"{path}.user_id", kind=Kind.USER, id=action.user_id)
    elif isinstance(action, ReassignToTeam):
        yield Reference(field=f"{path}.team_id", kind=Kind.TEAM, id=action.team_id)


def _check_kind(definition: PolicyDefinition) -> None:
    if not definition.is_operational:
        if definition.conditions.teams:
            message = "what a customer is promised does not depend on who has the ticket: only with_team takes teams"
            raise FieldError("conditions.team_ids", message)
    elif len(definition.targets) > 1:
        message = "what teams agree on among themselves is a policy of its own: give no other target with it"
        raise FieldError("targets.with_team", message)


def check_conditions(conditions: Conditions) -> None:
    """Raise FieldError for conditions that no ticket can fulfil."""
    never = conditions.no_tags or frozenset()
    wanted = (conditions.all_tags or frozenset()) & never
    if wanted:
        message = f"no ticket can have {', '.join(sorted(wanted))} and not have it: take it out of all_tags or no_tags"
        raise FieldError("conditions.no_tags", message)
    if conditions.any_tags and conditions.any_tags <= never:
        raise FieldError("conditions.no_tags", "no ticket can have one of tags and none of them: take one out")
    for name, values in conditions.custom_fields.items():
        if not values:
            raise FieldError(f"conditions.custom_fields.{name}", "give the values that will do, or leave the field out")


def _check_target(target: Target, path: str) -> None:
    if target.seconds <= 0:
        raise FieldError(f"{path}.seconds", "a target is longer than nothing")
    if not 0 <= target.reopen_floor_percent <= _HUNDRED:
        raise FieldError(f"{path}.reopen_floor_percent", "a share of the target is between 0 and 100 percent")
    if not target.pause_on <= PAUSED_BY_DEFAULT:
        raise FieldError(f"{path}.pause_on", "a clock can stand still in pending and on_hold only")
    _check_levels(target, f"{path}.levels")


def _check_levels(target: Target, path: str) -> None:
    seen: set[str] = set()
    for number, planned in enumerate(target.levels):
        if planned.level.id in seen:
            raise FieldError(f"{path}.{number}.id", "another level of this target has the same id")
        seen.add(planned.level.id)
        _check_level(planned, f"{path}.{number}")
    _check_order(target, path)


def _check_level(planned: PlannedLevel, path: str) -> None:
    level = planned.level
    if isinstance(level, PercentLevel) and level.percent <= 0:
        raise FieldError(f"{path}.percent", "a level is reached at more than nothing of the target")
    if isinstance(level, WallLevel) and level.offset < 0:
        raise FieldError(f"{path}.offset_seconds", "the clock on the wall counts from the breach on: give 0 or more")
    if level.id == BREACH.id and level != BREACH:
        raise FieldError(f"{path}.id", "the level called breach is at 100 percent; give this one another id")


def _check_order(target: Target, path: str) -> None:
    """Look at the levels in consumed time and at those on the wall apart: which of the two comes first is not fixed."""
    levels = list(enumerate(planned.level for planned in target.levels))
    consumed = [
        (number, level.threshold(target.seconds * SECOND))
        for number, level in levels
        if isinstance(level, PercentLevel | OffsetLevel)
    ]
    on_the_wall = [(number, level.offset) for number, level in levels if isinstance(level, WallLevel)]
    _check_rising(consumed, path)
    _check_rising(on_the_wall, path)


def _check_rising(thresholds: Sequence[tuple[int, int]], path: str) -> None:
    for (_, before), (number, after) in pairwise(thresholds):
        if after < before:
            raise FieldError(f"{path}.{number}", "this level is reached before the one above it: write them in order")
