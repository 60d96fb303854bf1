"""Conditions by which tickets are found by their custom fields. What is asked for is decided in the domain."""

from collections.abc import Sequence
from typing import Any

from psms.domain.forms.filters import FieldQuestion

# Newest first by its own index, so that the newest fifty cost the same of a million as of a hundred.
_EQUAL = """AND EXISTS (SELECT FROM ticket_field_values v WHERE v.organization_id = {organization}
    AND v.ticket_id = tickets.id AND v.key = %({name}_key)s AND {wanted})"""
# An array, not EXISTS: a range is not in the order of the tickets, and would be joined with every ticket.
_BETWEEN = """AND id = ANY (ARRAY(SELECT v.ticket_id FROM ticket_field_values v
    WHERE v.organization_id = {organization} AND v.key = %({name}_key)s AND {wanted}))"""
_OWN = """AND EXISTS (SELECT FROM service_form_versions f WHERE f.organization_id = {organization}
    AND f.service_id = tickets.service_id AND f.version = tickets.form_version
    AND %({name}_key)s = ANY (f.requester_keys))"""
_VALUE = "psms_field_value(CAST(%({name})s AS jsonb))"


def conditions(
    questions: Sequence[FieldQuestion], *, organization: str, is_requester: bool
) -> tuple[str, dict[str, Any]]:
    """Return the SQL that a ticket's row must fulfil to be what *questions* ask for, and its parameters.

    *organization* is the SQL for the organization's id. A requester finds no ticket by a field that they do not see.
    """
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, question in enumerate(questions):
        name = f"field_{number}"
        wanted, asked = _wanted(name, question)
        form = _EQUAL if question.values else _BETWEEN
        parts.append(form.format(organization=organization, name=name, wanted=wanted))
        if is_requester:
            parts.append(_OWN.format(organization=organization, name=name))
        values |= {f"{name}_key": question.key, **asked}
    return " ".join(parts), values


def _wanted(name: str, question: FieldQuestion) -> tuple[str, dict[str, str]]:
    if len(question.values) == 1:
        return f"v.value = {_VALUE.format(name=name)}", {name: question.values[0]}
    if question.values:
        names = {f"{name}_{place}": value for place, value in enumerate(question.values)}
        return f"v.value IN ({', '.join(_VALUE.format(name=one) for one in names)})", names
    bounds = {f"{name}_least": (">=", question.least), f"{name}_most": ("<=", question.most)}
    asked = {bound: (sign, value) for bound, (sign, value) in bounds.items() if value is not None}
    parts = [f"v.value {sign} {_VALUE.format(name=bound)}" for bound, (sign, _) in asked.items()]
    return " AND ".join(parts), {bound: value for bound, (_, value) in asked.items()}
