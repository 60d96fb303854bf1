"""What a form is: its fields in order, and what each asks. Documents are in `documents`, values in `filling`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psms.domain.tickets import TicketType

MOST_FIELDS = 200
MOST_CHOICES = 200
# Each is a row for each ticket.
MOST_FILTERABLE = 50
LONGEST_CHOICE = 100
LONGEST_TEXT = 200
LONGEST_LONG_TEXT = 10_000
LARGEST_NUMBER = 1_000_000_000_000
MOST_DECIMALS = 6


class FieldType(StrEnum):
    """What a field's value is."""

    TEXT = "text"  # one line
    LONG_TEXT = "long_text"
    NUMBER = "number"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    DATE = "date"
    BOOLEAN = "boolean"
    REFERENCE = "reference"


class Required(StrEnum):
    """When a field must have a value."""

    NEVER = "never"
    FILING = "filing"
    RESOLVING = "resolving"


class Audience(StrEnum):
    """Who sees a field, and gives it its value."""

    EVERYONE = "everyone"
    AGENTS = "agents"  # whoever is not a requester


class Referent(StrEnum):
    """What a reference names."""

    USER = "user"
    SERVICE = "service"
    TICKET = "ticket"
    TEAM = "team"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCondition:
    """Holds while another field, one above, has one of *values*; of a multiple choice, while one of them is chosen."""

    field: str
    values: tuple[str | bool, ...]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether it holds for these values of the form's fields."""
        found = values.get(self.field)
        return any(one in self.values for one in (found if isinstance(found, list) else [found]))


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field of a form; of the limits, those of its type have a meaning.

    *show_if*: it is part of the form only while that holds. *required_if*: it is required only while that holds.
    *ticket_types*: it is part of the form for tickets of these types only, None for all.
    """

    key: str
    type: FieldType
    label: str
    help: str = ""
    required: Required = Required.NEVER
    required_if: FieldCondition | None = None
    show_if: FieldCondition | None = None
    visible_to: Audience = Audience.EVERYONE
    ticket_types: tuple[TicketType, ...] | None = None
    default: Any = None
    choices: tuple[str, ...] = ()
    refers_to: Referent | None = None
    minimum: Any = None
    maximum: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    filterable: bool = True

    def applies(self, values: Mapping[str, Any], ticket_type: TicketType) -> bool:
        """Tell whether it is part of the form while the fields above have *values*."""
        if self.ticket_types is not None and ticket_type not in self.ticket_types:
            return False
        return self.show_if is None or self.show_if.holds(values)

    def is_required(self, values: Mapping[str, Any]) -> bool:
        """Tell whether it must have a value at some time, while the fields have *values*."""
        return self.required is not Required.NEVER and (self.required_if is None or self.required_if.holds(values))

    def is_for(self, audience: Audience) -> bool:
        """Tell whether *audience* sees it."""
        return audience is Audience.AGENTS or self.visible_to is Audience.EVERYONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One version of a service's form, which never changes. Conditions name fields above, so that none runs in circles.

    *requester_keys* are those of the fields that requesters see, *filter_keys* those by which tickets can be found.
    """

    version: int
    fields: tuple[FormField, ...]

    by_key: Mapping[str, FormField]
    requester_keys: frozenset[str]
    filter_keys: frozenset[str]


def make_form(version: int, fields: Sequence[FormField]) -> Form:
    """Return the form of *fields*, with what is asked of it at each filing looked up once."""
    return Form(
        version=version,
        fields=tuple(fields),
        by_key={field.key: field for field in fields},
        requester_keys=frozenset(field.key for field in fields if field.is_for(Audience.EVERYONE)),
        filter_keys=frozenset(field.key for field in fields if field.filterable),
    )
