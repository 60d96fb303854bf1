"""Which policy is for a ticket, and why not the ones before it. What a policy promises is in `terms`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from psms.domain.tickets import Priority, TicketType

T = TypeVar("T")
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What policies may ask of a ticket."""

    service_id: UUID
    type: TicketType
    priority: Priority
    team_id: UUID | None = None
    customer_tier: str | None = None
    tags: frozenset[str] = frozenset()
    custom_fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """For which tickets a policy is: all that is given must hold, and what is None is not asked.

    Of *services*, *teams*, *types*, *priorities* and *customer_tiers* the ticket's must be one; *any_tags* asks for at
    least one of them, *all_tags* for each, *no_tags* for none. Of each custom field the value must be one of those
    given.
    """

    services: frozenset[UUID] | None = None
    teams: frozenset[UUID] | None = None
    types: frozenset[TicketType] | None = None
    priorities: frozenset[Priority] | None = None
    customer_tiers: frozenset[str] | None = None
    any_tags: frozenset[str] | None = None
    all_tags: frozenset[str] | None = None
    no_tags: frozenset[str] | None = None
    custom_fields: Mapping[str, frozenset[Scalar]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A condition that did not hold: what was *wanted* in a *field*, and what was *found*."""

    field: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Generic[T]):
    """A policy's version: its conditions, and whatever it stands for. *T* is the caller's."""

    name: str
    conditions: Conditions
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Generic[T]):
    """Whether a policy is for the ticket: it is when nothing refused it."""

    policy: Policy[T]
    refusals: tuple[Refusal, ...]


def first_match(policies: Sequence[Policy[T]], subject: Subject) -> Policy[T] | None:
    """Return the first of *policies*, in their order, that is for the ticket; None when there is none."""
    return next((policy for policy in policies if holds(policy.conditions, subject)), None)


def explain(policies: Sequence[Policy[T]], subject: Subject) -> tuple[Verdict[T], ...]:
    """Return the verdict on each policy up to the first that is for the ticket; the later ones are not asked."""
    verdicts: list[Verdict[T]] = []
    for policy in policies:
        verdicts.append(Verdict(policy=policy, refusals=refusals_of(policy.conditions, subject)))
        if not verdicts[-1].refusals:
            break
    return tuple(verdicts)


def holds(conditions: Conditions, subject: Subject) -> bool:
    """Tell whether every condition holds: what `refusals_of` would say with nothing, but quickly, for each filing."""
    return (
        (conditions.priorities is None or subject.priority in conditions.priorities)
        and (conditions.services is None or subject.service_id in conditions.services)
        and (conditions.types is None or subject.type in conditions.types)
        and (conditions.teams is None or subject.team_id in conditions.teams)
        and _holds_for_customer(conditions, subject)
        and _holds_for_tags(conditions, subject.tags)
    )


def _holds_for_customer(conditions: Conditions, subject: Subject) -> bool:
    if conditions.customer_tiers is not None and subject.customer_tier not in conditions.customer_tiers:
        return False
    found = subject.custom_fields
    return all(_is_one_of(found.get(name), wanted) for name, wanted in conditions.custom_fields.items())


def _holds_for_tags(conditions: Conditions, tags: frozenset[str]) -> bool:
    return (
        (conditions.any_tags is None or not conditions.any_tags.isdisjoint(tags))
        and (conditions.all_tags is None or conditions.all_tags <= tags)
        and (conditions.no_tags is None or conditions.no_tags.isdisjoint(tags))
    )


def refusals_of(conditions: Conditions, subject: Subject) -> tuple[Refusal, ...]:
    """Return every condition that does not hold for the ticket."""
    one_of = (
        ("service", conditions.services, subject.service_id),
        ("team", conditions.teams, subject.team_id),
        ("type", conditions.types, subject.type),
        ("priority", conditions.priorities, subject.priority),
        ("customer_tier", conditions.customer_tiers, subject.customer_tier),
        *((f"custom_fields.{name}", values, subject.custom_fields.get(name))
          for name, values in sorted(conditions.custom_fields.items())),
    )  # fmt: skip
    refused = [
        Refusal(field=name, wanted=f"one of {_listed(wanted)}", found=_shown(found))
        for name, wanted, found in one_of
        if wanted is not None and not _is_one_of(found, wanted)
    ]
    return (*refused, *_tag_refusals(conditions, subject.tags))


def _is_one_of(found: object, wanted: frozenset[object]) -> bool:
    # True is not 1: a custom field's value and type must both agree.
    return any(found == value and isinstance(found, bool) is isinstance(value, bool) for value in wanted)


def _tag_refusals(conditions: Conditions, tags: frozenset[str]) -> list[Refusal]:
    asked = (
        ("one of", conditions.any_tags, lambda wanted: bool(wanted & tags)),
        ("all of", conditions.all_tags, lambda wanted: wanted <= tags),
        ("none of", conditions.no_tags, lambda wanted: not wanted & tags),
    )
    return [
        Refusal(field="tags", wanted=f"{how} {_listed(wanted)}", found=_listed(tags))
        for how, wanted, holds in asked
        if wanted is not None and not holds(wanted)
    ]


def _listed(values: frozenset[object] | frozenset[str]) -> str:
    return ", ".join(sorted(map(_shown, values))) or "nothing"


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
