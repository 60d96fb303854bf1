"""Which events an endpoint wants, checked before it is stored. Types by its kind are in `endpoint_kinds`."""

from typing import Any

from psms.domain.event_catalogue.definitions import OFFERED_VERSIONS
from psms.domain.event_filters import filter_of
from psms.errors import FieldError


def require_wanted(fields: dict[str, Any]) -> None:
    """Raise FieldError for an `event_filter` that cannot be read or a `schema_version` that is not offered.

    What is not among *fields* is not asked.
    """
    if fields.get("event_filter") is not None:
        filter_of(fields["event_filter"])
    if "schema_version" in fields and fields["schema_version"] not in OFFERED_VERSIONS:
        offered = ", ".join(map(str, OFFERED_VERSIONS))
        raise FieldError("schema_version", f"is not offered: give one of {offered}.")
