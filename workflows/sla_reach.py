"""Whether what policies promise can come due by their calendars: asked when either is saved. The sum is in the domain.

Both are asked under the lock that every save takes, so that neither can change behind the other's back.
"""

from collections.abc import Mapping
from uuid import UUID

from psms.db.direct import direct
from psms.db.queries import sla_books as queries
from psms.domain.sla.calendar_definitions import definition_of
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.instants import instant_of
from psms.domain.sla.policy_documents import policy_of
from psms.domain.sla.reach import YEARS, open_seconds
from psms.domain.sla.terms import Metric
from psms.errors import FieldError
from workflows.act import Act


def require_policy_in_reach(act: Act, definition: PolicyDefinition) -> None:
    """Raise FieldError where a target is longer than its calendar opens in ten years."""
    named = {target.calendar_id for target in definition.targets.values()} - {None}
    if not named:
        return
    book = queries.read_book(direct(act.session))
    opens = {one.id: _opens(act, definition_of(one.definition).calendar) for one in book.calendars if one.id in named}
    beyond = _beyond(definition, opens)
    if beyond is not None:
        message = f"the calendar opens for {opens[beyond[1]]} seconds in {YEARS} years; promise less, or open it more"
        raise FieldError(f"targets.{beyond[0].value}.seconds", message)


def require_calendar_in_reach(act: Act, calendar_id: UUID, calendar: Calendar) -> None:
    """Raise FieldError where an active policy promises more than a calendar would open in ten years."""
    book = queries.read_book(direct(act.session))
    policies = [(one.name, policy_of(one.definition)) for one in book.policies]
    users = [(name, one) for name, one in policies if any(t.calendar_id == calendar_id for t in one.targets.values())]
    if not users:
        return
    opens = {calendar_id: _opens(act, calendar)}
    for name, definition in users:
        if _beyond(definition, opens) is not None:
            message = f"in {YEARS} years the calendar would open for less than the policy {name!r} promises"
            raise FieldError("weekly", message)


def _opens(act: Act, calendar: Calendar) -> int:
    return open_seconds(calendar, act.rt.shelf.zones, instant_of(act.now))


def _beyond(definition: PolicyDefinition, opens: Mapping[UUID, int]) -> tuple[Metric, UUID] | None:
    """Return the first target that is out of reach, and its calendar."""
    for metric, target in definition.targets.items():
        calendar_id = target.calendar_id
        if calendar_id is not None and target.seconds > opens.get(calendar_id, target.seconds):
            return metric, calendar_id
    return None
