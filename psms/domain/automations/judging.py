"""Does a rule hold for what happened, and why not. What it then does is in `workflows.automation_effects`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psms.domain.automations.definitions import DEEPEST, Party, Rule, Wanted, Watched
from psms.domain.events import Change, EventType
from psms.domain.sla.matching import Refusal, Scalar, Subject, refusals_of
from psms.domain.tickets import Status, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event as rules are asked about it. *depth* says how many rules led to it, one after the other."""

    type: EventType
    party: Party
    changes: Mapping[str, Change]
    comment: Visibility | None = None
    depth: int = 0


def refusals(rule: Rule, happening: Happening, subject: Subject, status: Status) -> tuple[Refusal, ...]:
    """Return every condition that does not hold; none at all means that the rule is for it.

    *subject* and *status* are the ticket's as it is now.
    """
    return (
        *_of_event(rule, happening),
        *refusals_of(rule.conditions, subject),
        *_unless_one_of("status", rule.statuses, status),
        *_of_changes(rule, happening.changes),
    )


def is_too_deep(happening: Happening) -> bool:
    """Tell whether so many rules led to the event that nothing may follow from it: it goes round in circles."""
    return happening.depth >= DEEPEST


def _of_event(rule: Rule, happening: Happening) -> Iterator[Refusal]:
    yield from _unless_one_of("on", rule.on, happening.type)
    yield from _unless_one_of("by", rule.parties, happening.party)
    if rule.comment is not None:
        yield from _unless_one_of("comment", frozenset({rule.comment}), happening.comment)


def _of_changes(rule: Rule, changes: Mapping[str, Change]) -> Iterator[Refusal]:
    for name, wanted in rule.changes:
        change = changes.get(name)
        if change is None:
            yield Refusal(field=f"changes.{name}", wanted="a change", found="none")
        else:
            yield from _of_change(name, wanted, change)


def _of_change(name: Watched, wanted: Wanted, change: Change) -> Iterator[Refusal]:
    yield from _unless_one_of(f"changes.{name}.from", wanted.before, change.before)
    yield from _unless_one_of(f"changes.{name}.to", wanted.after, change.after)


def _unless_one_of(
    field: str, wanted: frozenset[Scalar] | frozenset[str] | frozenset[EventType] | None, found: Scalar
) -> Iterator[Refusal]:
    if wanted is not None and found not in wanted:
        listed = ", ".join(sorted(map(_shown, wanted)))
        yield Refusal(field=field, wanted=f"one of {listed}", found=_shown(found))


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
