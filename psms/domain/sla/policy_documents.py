"""Policies as documents, as they are stored and travel. Whether a policy makes sense is asked in `policy_checks`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict
from uuid import UUID

from psms.domain.sla.definitions import PAUSES, REOPEN_FLOOR_PERCENT, PolicyDefinition, Target, usual_levels
from psms.domain.sla.level_documents import LevelDocument, level_document_of, level_of
from psms.domain.sla.matching import Conditions, Scalar
from psms.domain.sla.terms import Metric, Reopening
from psms.domain.tickets import Priority, Status, TicketType


class ConditionsDocument(TypedDict, total=False):
    """For which tickets a policy is; what is empty or left out is not asked."""

    service_ids: Sequence[str | UUID]
    team_ids: Sequence[str | UUID]
    types: Sequence[str]
    priorities: Sequence[str]
    tiers: Sequence[str]
    tags: Sequence[str]
    all_tags: Sequence[str]
    no_tags: Sequence[str]
    custom_fields: Mapping[str, Sequence[Scalar]]


class TargetDocument(TypedDict, total=False):
    """What is promised for one metric; `seconds` is always there."""

    seconds: int
    calendar_id: str | UUID | None
    pause_on: Sequence[str]
    reopening: str
    reopen_floor_percent: int
    levels: Sequence[LevelDocument]


class PolicyDocument(TypedDict):
    """A version of a policy; the same version is always the same document."""

    conditions: ConditionsDocument
    targets: Mapping[str, TargetDocument]


def policy_of(document: PolicyDocument) -> PolicyDefinition:
    """Return the policy that a document describes, with the usual for what it leaves out.

    A level that makes no sense raises FieldError; what is malformed otherwise, ValueError or KeyError.
    """
    targets = {Metric(name): target for name, target in document["targets"].items()}
    return PolicyDefinition(
        conditions=conditions_of(document["conditions"]),
        targets={metric: target_of(metric, targets[metric]) for metric in Metric if metric in targets},
    )


def policy_document_of(definition: PolicyDefinition) -> PolicyDocument:
    """Return a policy as a document, everything in it in order and written out."""
    return {
        "conditions": conditions_document_of(definition.conditions),
        "targets": {metric.value: target_document_of(target) for metric, target in definition.targets.items()},
    }


def conditions_of(document: ConditionsDocument) -> Conditions:
    """Return the conditions that a document describes."""
    custom_fields = document.get("custom_fields", {})
    return Conditions(
        services=frozenset(UUID(str(one)) for one in document.get("service_ids", ())) or None,
        teams=frozenset(UUID(str(one)) for one in document.get("team_ids", ())) or None,
        types=frozenset(map(TicketType, document.get("types", ()))) or None,
        priorities=frozenset(map(Priority, document.get("priorities", ()))) or None,
        customer_tiers=frozenset(document.get("tiers", ())) or None,
        any_tags=frozenset(document.get("tags", ())) or None,
        all_tags=frozenset(document.get("all_tags", ())) or None,
        no_tags=frozenset(document.get("no_tags", ())) or None,
        custom_fields={name: frozenset(values) for name, values in custom_fields.items()},
    )


def conditions_document_of(conditions: Conditions) -> ConditionsDocument:
    """Return conditions as a document; teams only where some are asked for, as promises to customers ask for none."""
    document: ConditionsDocument = {
        "service_ids": _sorted(str(one) for one in conditions.services or ()),
        "types": [one.value for one in TicketType if one in (conditions.types or ())],
        "priorities": [one.value for one in Priority if one in (conditions.priorities or ())],
        "tiers": _sorted(conditions.customer_tiers or ()),
        "tags": _sorted(conditions.any_tags or ()),
        "all_tags": _sorted(conditions.all_tags or ()),
        "no_tags": _sorted(conditions.no_tags or ()),
        "custom_fields": {
            name: sorted(values, key=lambda value: (type(value).__name__, str(value)))
            for name, values in sorted(conditions.custom_fields.items())
        },
    }
    if conditions.teams:
        document["team_ids"] = _sorted(map(str, conditions.teams))
    return document


def target_of(metric: Metric, document: TargetDocument) -> Target:
    """Return the target that a document describes."""
    calendar_id = document.get("calendar_id")
    levels = document.get("levels")
    path = f"targets.{metric.value}.levels"
    return Target(
        seconds=document["seconds"],
        calendar_id=None if calendar_id is None else UUID(str(calendar_id)),
        pause_on=frozenset(map(Status, document["pause_on"])) if "pause_on" in document else PAUSES[metric],
        reopening=Reopening(document.get("reopening", Reopening.RESUME)),
        reopen_floor_percent=document.get("reopen_floor_percent", REOPEN_FLOOR_PERCENT),
        levels=usual_levels(metric)
        if levels is None
        else tuple(level_of(level, f"{path}.{number}") for number, level in enumerate(levels)),
    )


def target_document_of(target: Target) -> TargetDocument:
    """Return a target as a document."""
    return {
        "seconds": target.seconds,
        "calendar_id": None if target.calendar_id is None else str(target.calendar_id),
        "pause_on": [status.value for status in Status if status in target.pause_on],
        "reopening": target.reopening.value,
        "reopen_floor_percent": target.reopen_floor_percent,
        "levels": [level_document_of(planned) for planned in target.levels],
    }


def _sorted(values: Iterable[str]) -> list[str]:
    return sorted(values)
