"""Rules as documents, as they are stored and travel. Whether a rule makes sense is asked in `checks`."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from uuid import UUID

from psms.domain.automations.action_documents import ActionDocument, action_document_of, action_of
from psms.domain.automations.definitions import Party, Rule, Wanted, Watched
from psms.domain.events import EventType
from psms.domain.sla.matching import Scalar
from psms.domain.sla.policy_documents import conditions_document_of, conditions_of
from psms.domain.tickets import Status, Visibility


class RuleConditionsDocument(TypedDict, total=False):
    """What is asked of a ticket, as policies ask it, and of what happened; what is empty or left out is not asked."""

    service_ids: Sequence[str | UUID]
    team_ids: Sequence[str | UUID]
    types: Sequence[str]
    priorities: Sequence[str]
    tiers: Sequence[str]
    tags: Sequence[str]
    all_tags: Sequence[str]
    no_tags: Sequence[str]
    custom_fields: Mapping[str, Sequence[Scalar]]
    statuses: Sequence[str]
    changes: Mapping[str, Mapping[str, Sequence[Scalar]]]
    by: Sequence[str]
    comment: str | None


class RuleDocument(TypedDict):
    """A version of a rule; the same version is always the same document."""

    on: Sequence[str]
    conditions: RuleConditionsDocument
    actions: Sequence[ActionDocument]
    stop: bool


_OF_POLICIES = (
    "service_ids", "team_ids", "types", "priorities", "tiers", "tags", "all_tags", "no_tags", "custom_fields",
)  # fmt: skip


def rule_of(document: RuleDocument) -> Rule:
    """Return the rule that a document describes.

    An action that makes no sense raises FieldError; what is malformed otherwise, ValueError or KeyError.
    """
    given: Mapping[str, Any] = document["conditions"]
    comment = given.get("comment")
    return Rule(
        on=frozenset(map(EventType, document["on"])),
        conditions=conditions_of({name: given[name] for name in _OF_POLICIES if name in given}),  # type: ignore[arg-type]
        statuses=frozenset(map(Status, given.get("statuses", ()))) or None,
        changes=tuple(_change(name, wanted) for name, wanted in given.get("changes", {}).items()),
        parties=frozenset(map(Party, given.get("by", ()))) or None,
        comment=None if comment is None else Visibility(comment),
        actions=tuple(action_of(one, f"actions.{number}") for number, one in enumerate(document["actions"])),
        stop=document["stop"],
    )


def rule_document_of(rule: Rule) -> RuleDocument:
    """Return a rule as a document, everything in it in order and written out."""
    asked = conditions_document_of(rule.conditions)
    changes = {name.value: _change_document(wanted) for name, wanted in rule.changes}
    conditions: RuleConditionsDocument = {
        **asked,
        "team_ids": asked.get("team_ids", []),
        "statuses": [one.value for one in Status if one in (rule.statuses or ())],
        "changes": changes,
        "by": [one.value for one in Party if one in (rule.parties or ())],
        "comment": None if rule.comment is None else rule.comment.value,
    }
    return {
        "on": [one.value for one in EventType if one in rule.on],
        "conditions": conditions,
        "actions": [action_document_of(action) for action in rule.actions],
        "stop": rule.stop,
    }


def _change(name: str, wanted: Mapping[str, Sequence[Scalar]]) -> tuple[Watched, Wanted]:
    before, after = frozenset(wanted.get("from", ())), frozenset(wanted.get("to", ()))
    return Watched(name), Wanted(before=before or None, after=after or None)


def _change_document(wanted: Wanted) -> dict[str, list[Scalar]]:
    return {"from": sorted(wanted.before or (), key=str), "to": sorted(wanted.after or (), key=str)}
