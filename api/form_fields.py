"""What a request form says, as JSON, and how tickets are asked for by it. The routes are in the resources."""

from typing import Any

from marshmallow import ValidationError, fields, validate
from typing_extensions import override

from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, maybe_empty_text, several, text
from psms.domain.forms.definitions import (
    LONGEST_CHOICE,
    LONGEST_LONG_TEXT,
    MOST_CHOICES,
    MOST_FIELDS,
    Audience,
    FieldType,
    Referent,
    Required,
)
from psms.domain.forms.filters import filter_of
from psms.domain.forms.patterns import LONGEST_PATTERN
from psms.domain.tickets import FieldFilter, TicketType

_MAX_HELP = 2000
_MAX_KEY = 40


class FieldFilterField(fields.String):
    """A filter by a custom field, as a query has it: key:value."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> FieldFilter:  # type: ignore[override]
        try:
            return filter_of(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as wrong:
            raise ValidationError(str(wrong)) from None


class Bound(fields.Raw):
    """The least or the greatest value of a number or a date."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            message = "Must be a number, or a date such as 2026-12-24."
            raise ValidationError(message)
        return value


class Asked(fields.Raw):
    """A value that a condition asks for: a choice, or true or false."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | bool:
        if not isinstance(value, str | bool) or (isinstance(value, str) and len(value) > LONGEST_CHOICE):
            message = "Must be one of the choices, or true or false."
            raise ValidationError(message)
        return value


class ConditionSchema(Schema):
    """Holds while another field, one above, has one of these values."""

    field = text(_MAX_KEY, required=True)
    values = several(Asked(), at_least=1, at_most=MOST_CHOICES, required=True)


class FormFieldSchema(Schema):
    """A field of a form; which settings go with it depends on its type."""

    key = text(_MAX_KEY, required=True, metadata={"description": "Its name in custom_fields."})
    type = choice(FieldType, required=True)
    label = text(MAX_NAME, required=True)
    help = maybe_empty_text(_MAX_HELP)
    required = choice(Required, metadata={"description": "When it must have a value; left out: never."})
    required_if = fields.Nested(
        ConditionSchema, allow_none=True, metadata={"description": "It is required only while this holds."}
    )
    show_if = fields.Nested(
        ConditionSchema, allow_none=True, metadata={"description": "It is part of the form only while this holds."}
    )
    visible_to = choice(Audience)
    ticket_types = several(choice(TicketType), at_least=1, at_most=len(TicketType), allow_none=True)
    default = fields.Raw(allow_none=True)
    choices = several(text(LONGEST_CHOICE), at_most=MOST_CHOICES)
    refers_to = choice(Referent, allow_none=True)
    minimum = Bound(allow_none=True)
    maximum = Bound(allow_none=True)
    min_length = fields.Integer(strict=True, validate=validate.Range(min=1, max=LONGEST_LONG_TEXT), allow_none=True)
    max_length = fields.Integer(strict=True, validate=validate.Range(min=1, max=LONGEST_LONG_TEXT), allow_none=True)
    pattern = text(LONGEST_PATTERN, allow_none=True)
    filterable = Flag(metadata={"description": "Whether tickets are found by it; left out: unless a long_text."})


class SaveFormSchema(Schema):
    """A form: it takes the place of all that the form said before."""

    fields_ = several(
        fields.Nested(FormFieldSchema), at_most=MOST_FIELDS, required=True, data_key="fields", attribute="fields"
    )


class FormForRequesterSchema(Answer):
    """A version of a service's form as a requester fills it in."""

    service_id = Uuid()
    version = fields.Integer()
    fields_ = fields.List(fields.Nested(FormFieldSchema), data_key="fields")


class FormSchema(FormForRequesterSchema):
    """A version of a service's form."""

    created_at = fields.DateTime()
    created_by = Uuid(allow_none=True)
