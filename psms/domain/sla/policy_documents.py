"""Policies as documents, as they are stored and travel: spans in seconds, sets as sorted lists.

What is wrong with one is asked in `policy_checks`; which one is for a ticket in `matching`.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict
from uuid import UUID

from psms.domain.sla.instants import SECOND
from psms.domain.sla.matching import Conditions, Scalar
from psms.domain.sla.metrics import Promise
from psms.domain.sla.terms import (
    Level,
    Metric,
    OffsetLevel,
    PercentLevel,
    Reopening,
    Terms,
    WallLevel,
)
from psms.domain.tickets import Priority, Status, TicketType


class LevelDocument(TypedDict):
    """A level: with *percent*, or with *offset_seconds* by the calendar or, after a breach, by the wall clock."""

    id: str
    percent: NotRequired[int]
    offset_seconds: NotRequired[int]
    clock: NotRequired[Literal["business", "wall"]]


class TargetDocument(TypedDict):
    """What one metric promises. *calendar* is the key of a calendar's version."""

    target_seconds: int
    calendar: str
    levels: Sequence[LevelDocument]
    pause_on: Sequence[str]
    reopening: str
    reopen_floor_percent: int


class ConditionsDocument(TypedDict, total=False):
    """For which tickets a policy is; what is left out is not asked."""

    services: Sequence[str]
    types: Sequence[str]
    priorities: Sequence[str]
    customer_tiers: Sequence[str]
    any_tags: Sequence[str]
    all_tags: Sequence[str]
    no_tags: Sequence[str]
    custom_fields: Mapping[str, Sequence[Scalar]]


def promise_of(document: Mapping[str, TargetDocument]) -> Promise:
    """Return the terms of each metric that a document promises; a malformed one raises ValueError or KeyError."""
    return {Metric(name): terms_of(target) for name, target in document.items()}


def document_of_promise(promise: Promise) -> dict[str, TargetDocument]:
    """Return a promise as a document, in the order of the metrics."""
    return {metric.value: _document_of_terms(promise[metric]) for metric in Metric if metric in promise}


def terms_of(document: TargetDocument) -> Terms:
    """Return the terms of one metric."""
    return Terms(
        target=document["target_seconds"] * SECOND,
        calendar=document["calendar"],
        levels=tuple(map(_level_of, document["levels"])),
        pause_on=frozenset(map(Status, document["pause_on"])),
        reopening=Reopening(document["reopening"]),
        reopen_floor_percent=document["reopen_floor_percent"],
    )


def _document_of_terms(terms: Terms) -> TargetDocument:
    return {
        "target_seconds": terms.target // SECOND,
        "calendar": terms.calendar,
        "levels": [_document_of_level(level) for level in terms.levels],
        "pause_on": sorted(terms.pause_on),
        "reopening": terms.reopening.value,
        "reopen_floor_percent": terms.reopen_floor_percent,
    }


def _level_of(document: LevelDocument) -> Level:
    if "percent" in document:
        return PercentLevel(id=document["id"], percent=document["percent"])
    kinds: dict[str, type[OffsetLevel | WallLevel]] = {"business": OffsetLevel, "wall": WallLevel}
    return kinds[document.get("clock", "business")](id=document["id"], offset=document["offset_seconds"] * SECOND)


def _document_of_level(level: Level) -> LevelDocument:
    match level:
        case PercentLevel(id=name, percent=percent):
            return {"id": name, "percent": percent}
        case OffsetLevel(id=name, offset=offset):
            return {"id": name, "offset_seconds": offset // SECOND, "clock": "business"}
        case WallLevel(id=name, offset=offset):
            return {"id": name, "offset_seconds": offset // SECOND, "clock": "wall"}


def conditions_of(document: ConditionsDocument) -> Conditions:
    """Return the conditions that a document describes; a malformed one raises ValueError."""
    fields = document.get("custom_fields", {})
    return Conditions(
        services=frozenset(map(UUID, document["services"])) if "services" in document else None,
        types=frozenset(map(TicketType, document["types"])) if "types" in document else None,
        priorities=frozenset(map(Priority, document["priorities"])) if "priorities" in document else None,
        customer_tiers=_texts(document.get("customer_tiers")),
        any_tags=_texts(document.get("any_tags")),
        all_tags=_texts(document.get("all_tags")),
        no_tags=_texts(document.get("no_tags")),
        custom_fields={name: frozenset(values) for name, values in fields.items()},
    )


def document_of_conditions(conditions: Conditions) -> ConditionsDocument:
    """Return conditions as a document; what is not asked is left out."""
    asked = {
        "services": conditions.services,
        "types": conditions.types,
        "priorities": conditions.priorities,
        "customer_tiers": conditions.customer_tiers,
        "any_tags": conditions.any_tags,
        "all_tags": conditions.all_tags,
        "no_tags": conditions.no_tags,
    }
    document: dict[str, object] = {name: sorted(map(str, some)) for name, some in asked.items() if some is not None}
    if conditions.custom_fields:
        fields = sorted(conditions.custom_fields.items())
        document["custom_fields"] = {name: sorted(values, key=repr) for name, values in fields}
    return document  # type: ignore[return-value]  # made of the names above


def _texts(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
