"""Edits made from a former version of a ticket: they meet only the edits of the same fields. Writing is elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from psms.domain.tickets import Ticket
from psms.errors import EditConflict, FieldError


def require_mergeable(
    current: Ticket, changes: Mapping[str, Any], field_versions: Mapping[str, int], base_version: int
) -> None:
    """Raise EditConflict where a field of *changes* has changed after *base_version*, with both values of each.

    *changes* are the fields that the edit names and by which it differs from *current*: two who want the same do not
    conflict, nor does what follows from them, which follows from both. Each custom field counts for itself.
    *field_versions* tells at which version a field changed last. Raises FieldError for a version yet to come.
    """
    if base_version > current.version:
        raise FieldError("base_version", f"must be a version that the ticket has had: it is at {current.version}")
    met = [one for one in _contested(current, changes, field_versions) if one["changed_in_version"] > base_version]
    if met:
        message = (
            f"Changed since version {base_version}: {', '.join(one['field'] for one in met)}. Nothing was written."
        )
        raise EditConflict(message, current_version=current.version, conflicts=met)


def merged(current: Ticket, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* of an edit made from a former version as they are to be written.

    Of custom fields it names those that it changes, null for one that is to go; the others stay.
    """
    if "custom_fields" not in fields:
        return dict(fields)
    both = {**current.custom_fields, **fields["custom_fields"]}
    return {**fields, "custom_fields": {key: value for key, value in both.items() if value is not None}}


def _contested(
    current: Ticket, changes: Mapping[str, Any], field_versions: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    for name, value in changes.items():
        if name != "custom_fields":
            yield _both(name, value, getattr(current, name), field_versions.get(name, 1))
            continue
        # Until they were noted one by one, they were noted as one.
        as_one = field_versions.get(name, 1)
        for key in sorted({*value, *current.custom_fields}):
            yours, theirs = value.get(key), current.custom_fields.get(key)
            if yours != theirs:
                field = f"{name}.{key}"
                yield _both(field, yours, theirs, max(as_one, field_versions.get(field, 1)))


def _both(field: str, yours: object, theirs: object, version: int) -> dict[str, Any]:
    return {"field": field, "yours": yours, "current": theirs, "changed_in_version": version}


def moved(field_versions: Mapping[str, int], before: Ticket, after: Ticket) -> dict[str, int]:
    """Return *field_versions* as they are when *before* has become *after*."""
    changed = [name for name in Ticket.__slots__ if getattr(before, name) != getattr(after, name)]
    return dict(field_versions) | dict.fromkeys(changed, after.version)
