"""A policy as somebody writes it, in full or in short, and what becomes of its definition. Checks: `policy_checks`.

In short a policy has one priority, or none, and a first response and a resolution in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from psms.domain.sla.definitions import PolicyDefinition, Target, default_target
from psms.domain.sla.matching import Conditions
from psms.domain.sla.policy_documents import ConditionsDocument, TargetDocument, conditions_of, target_of
from psms.domain.sla.terms import Metric
from psms.domain.tickets import Priority
from psms.errors import FieldError

NAMING_A_PRIORITY, NAMING_NONE = 1000, 2000
"""Where a policy stands if nobody says so: one that names a priority before one that names none."""


class Unsaid:
    """Stands for a field that was left out, where null means something."""


UNSAID: Final = Unsaid()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFields:
    """What somebody wrote of a policy; null takes a target out, and leaves the priority open."""

    priority: Priority | Unsaid | None = UNSAID
    first_response_seconds: int | Unsaid | None = UNSAID
    resolution_seconds: int | Unsaid | None = UNSAID
    conditions: ConditionsDocument | None = None
    targets: Mapping[str, TargetDocument] | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing of the definition was written."""
        return self == PolicyFields()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shorthand:
    """What a definition says in short; None where it says nothing, or something else."""

    priority: Priority | None
    first_response_seconds: int | None
    resolution_seconds: int | None


def written(before: PolicyDefinition, fields: PolicyFields) -> PolicyDefinition:
    """Return *before* with what somebody wrote of it; raise FieldError where it is said twice.

    Conditions and targets take the place of all there were; the short forms change only what they name.
    """
    return PolicyDefinition(conditions=_conditions(before, fields), targets=_targets(before, fields))


def shorthand_of(definition: PolicyDefinition) -> Shorthand:
    """Return what *definition* says in short."""
    priorities = definition.conditions.priorities or frozenset()
    return Shorthand(
        priority=next(iter(priorities)) if len(priorities) == 1 else None,
        first_response_seconds=_seconds(definition, Metric.FIRST_RESPONSE),
        resolution_seconds=_seconds(definition, Metric.RESOLUTION),
    )


def usual_position(definition: PolicyDefinition) -> int:
    """Return where a policy stands if nobody says so."""
    return NAMING_A_PRIORITY if definition.conditions.priorities else NAMING_NONE


def _conditions(before: PolicyDefinition, fields: PolicyFields) -> Conditions:
    conditions = before.conditions if fields.conditions is None else conditions_of(fields.conditions)
    if isinstance(fields.priority, Unsaid):
        return conditions
    if fields.conditions is not None and "priorities" in fields.conditions:
        raise FieldError("priority", "give this or conditions.priorities, and not both")
    return replace(conditions, priorities=None if fields.priority is None else frozenset({fields.priority}))


def _targets(before: PolicyDefinition, fields: PolicyFields) -> dict[Metric, Target]:
    targets = dict(before.targets)
    if fields.targets is not None:
        targets = {Metric(name): target_of(Metric(name), target) for name, target in fields.targets.items()}
    in_short = {
        Metric.FIRST_RESPONSE: fields.first_response_seconds,
        Metric.RESOLUTION: fields.resolution_seconds,
    }
    for metric, seconds in in_short.items():
        if isinstance(seconds, Unsaid):
            continue
        if fields.targets is not None:
            raise FieldError(f"{metric.value}_seconds", f"give this or targets.{metric.value}, and not both")
        _put(targets, metric, seconds)
    return {metric: targets[metric] for metric in Metric if metric in targets}


def _put(targets: dict[Metric, Target], metric: Metric, seconds: int | None) -> None:
    if seconds is None:
        targets.pop(metric, None)
    elif metric in targets:
        targets[metric] = replace(targets[metric], seconds=seconds)
    else:
        targets[metric] = default_target(metric, seconds)


def _seconds(definition: PolicyDefinition, metric: Metric) -> int | None:
    target = definition.targets.get(metric)
    return None if target is None else target.seconds
