"""Custom fields as their form judges them: at filing, at an edit, and before a ticket is resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psms.domain.forms.definitions import Audience, FieldCondition, FieldType, Form, FormField, Referent, Required
from psms.domain.forms.refusal import Problem
from psms.domain.forms.values import checked
from psms.domain.tickets import TicketType

Values = Mapping[str, Any]
UNKNOWN = "there is no such field in the form of this service"
_REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a reference names: the *field* whose value it is, and the *id* of a *kind* of thing."""

    field: str
    kind: Referent
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Values as they are stored, what is wrong with them, and the references among those that were given."""

    values: dict[str, Any]
    problems: list[Problem]
    references: list[Named]


def filed(form: Form, given: Values, ticket_type: TicketType, audience: Audience) -> Filled:
    """Judge what a new ticket says, and fill in what its form says where nothing is said.

    What *audience* does not see it cannot give, and it is not asked for it.
    """
    filled = Filled(values={}, problems=_unknown(form, given, audience), references=[])
    for field in form.fields:
        asked = field.is_for(audience)
        value = given.get(field.key) if asked else None
        if not field.applies(filled.values, ticket_type):
            if value is not None:
                filled.problems.append((field.key, _not_part(field)))
        elif value is not None:
            _take(filled, field, value)
        elif field.default is not None:
            _take(filled, field, field.default)
        elif asked and field.required is Required.FILING and field.is_required(filled.values):
            filled.problems.append((field.key, _REQUIRED))
    return filled


def edited(form: Form, before: Values, after: Values, ticket_type: TicketType) -> Filled:
    """Judge an edit of custom fields as a whole: what it changes, and what depends on that.

    What was not right before, and is not touched, does not stand in the way.
    """
    # What is equal stays as it was: to Python, true is 1.
    kept = {
        key: before[key] if before.get(key) == value else value for key, value in after.items() if value is not None
    }
    changed = {key for key in {*before, *kept} if before.get(key) != kept.get(key)}
    problems = [(key, UNKNOWN) for key in kept if key in changed and key not in form.by_key]
    filled = Filled(values=kept, problems=problems, references=[])
    for field in form.fields:
        if field.key in changed or _depends_on(field, changed):
            _judge(filled, field, ticket_type, is_changed=field.key in changed)
    return filled


def _judge(filled: Filled, field: FormField, ticket_type: TicketType, *, is_changed: bool) -> None:
    value = filled.values.get(field.key)
    if not field.applies(filled.values, ticket_type):
        if value is not None:
            filled.problems.append((field.key, _not_part(field)))
    elif value is None:
        if field.required is Required.FILING and field.is_required(filled.values):
            filled.problems.append((field.key, _REQUIRED))
    elif is_changed:
        _take(filled, field, value)


def missing_at_resolving(form: Form, values: Values, ticket_type: TicketType) -> list[Problem]:
    """Return the fields that must have a value before the ticket is resolved, and have none."""
    return [
        (field.key, "required before the ticket is resolved")
        for field in form.fields
        if values.get(field.key) is None and field.applies(values, ticket_type) and field.is_required(values)
    ]


def _take(filled: Filled, field: FormField, value: object) -> None:
    try:
        filled.values[field.key] = checked(field, value)
    except ValueError as wrong:
        filled.problems.append((field.key, str(wrong)))
        return
    if field.type is FieldType.REFERENCE and field.refers_to is not None:
        filled.references.append(Named(field=field.key, kind=field.refers_to, id=filled.values[field.key]))


def _unknown(form: Form, given: Values, audience: Audience) -> list[Problem]:
    seen: Iterable[str] = form.by_key if audience is Audience.AGENTS else form.requester_keys
    return [(key, UNKNOWN) for key in given if key not in seen]


def _depends_on(field: FormField, changed: set[str]) -> bool:
    conditions: tuple[FieldCondition | None, ...] = (field.show_if, field.required_if)
    return any(condition is not None and condition.field in changed for condition in conditions)


def _not_part(field: FormField) -> str:
    if field.show_if is None:
        return "leave it out: it is not for tickets of this type"
    wanted = ", ".join(map(str, field.show_if.values))
    return f"leave it out: it is for {field.show_if.field} {wanted} only"
