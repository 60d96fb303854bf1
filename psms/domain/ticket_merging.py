"""Edits made from a former version of a ticket: they meet only the edits of the same fields. Writing is elsewhere."""

from collections.abc import Mapping
from typing import Any

from psms.domain.tickets import Ticket
from psms.errors import EditConflict, FieldError


def require_mergeable(
    current: Ticket, changes: Mapping[str, Any], field_versions: Mapping[str, int], base_version: int
) -> None:
    """Raise EditConflict where a field of *changes* has changed after *base_version*, with both values of each.

    *changes* are the fields that the edit names and by which it differs from *current*: two who want the same do not
    conflict, nor does what follows from them, which follows from both. *field_versions* tells at which version a field
    changed last. Raises FieldError for a version yet to come.
    """
    if base_version > current.version:
        raise FieldError("base_version", f"must be a version that the ticket has had: it is at {current.version}")
    met = [name for name in changes if field_versions.get(name, 1) > base_version]
    if met:
        message = f"Changed since version {base_version}: {', '.join(met)}. Nothing was written."
        conflicts = [
            {
                "field": name,
                "yours": changes[name],
                "current": getattr(current, name),
                "changed_in_version": field_versions[name],
            }
            for name in met
        ]
        raise EditConflict(message, current_version=current.version, conflicts=conflicts)


def moved(field_versions: Mapping[str, int], before: Ticket, after: Ticket) -> dict[str, int]:
    """Return *field_versions* as they are when *before* has become *after*."""
    changed = [name for name in Ticket.__slots__ if getattr(before, name) != getattr(after, name)]
    return dict(field_versions) | dict.fromkeys(changed, after.version)
