"""Whether one value is right for a field, whatever the other fields say. The whole of a form is in `filling`."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psms.domain.forms.definitions import (
    LARGEST_NUMBER,
    LONGEST_LONG_TEXT,
    LONGEST_TEXT,
    MOST_DECIMALS,
    FieldType,
    FormField,
)
from psms.domain.forms.patterns import matches, pattern_of

_LONGEST = {FieldType.TEXT: LONGEST_TEXT, FieldType.LONG_TEXT: LONGEST_LONG_TEXT}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def checked(field: FormField, value: object) -> Any:  # noqa: ANN401  # as JSON has it
    """Return *value* as it is stored; raise ValueError with what is wrong with it."""
    return _CHECKS[field.type](field, value)


def _text(field: FormField, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("must be text")
    least, most = field.min_length or 1, field.max_length or _LONGEST[field.type]
    if not least <= len(value) <= most or not value.strip():
        raise _wrong(f"must have {least} to {most} characters, not all of them blank")
    if field.type is FieldType.TEXT and not value.isprintable():
        raise _wrong("must be one line, without control characters")
    if field.pattern is not None and not matches(pattern_of(field.pattern), value):
        raise _wrong(f"must be written like {field.pattern}")
    return value


def _number(field: FormField, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("must be a number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise _wrong(f"must be from {-LARGEST_NUMBER} to {LARGEST_NUMBER}")
    if isinstance(value, float) and round(Decimal(repr(value)), MOST_DECIMALS) != Decimal(repr(value)):
        raise _wrong(f"must have {MOST_DECIMALS} decimals at most")
    _within(field, value)
    return value


def _date(field: FormField, value: object) -> str:
    if not isinstance(value, str) or not is_date(value):
        raise _wrong("must be a date such as 2026-12-24")
    _within(field, value)
    return value


def is_date(text: str) -> bool:
    """Tell whether *text* is a day of the calendar as RFC 3339 writes it."""
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _within(field: FormField, value: float | str) -> None:
    if field.minimum is not None and value < field.minimum:
        raise _wrong(f"must be {field.minimum} or more" if field.type is FieldType.NUMBER else f"from {field.minimum}")
    if field.maximum is not None and value > field.maximum:
        raise _wrong(f"must be {field.maximum} or less" if field.type is FieldType.NUMBER else f"until {field.maximum}")


def _choice(field: FormField, value: object) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise _wrong("must be one of the choices")
    return value


def _choices(field: FormField, value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise _wrong("must be a list of one or more of the choices")
    chosen = [_choice(field, one) for one in value]
    if len(set(chosen)) < len(chosen):
        raise _wrong("must name each choice once")
    return chosen


def _boolean(_: FormField, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("must be true or false")
    return value


def _reference(_: FormField, value: object) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _wrong("must be an id")
    return str(UUID(value))


def _wrong(message: str) -> ValueError:
    return ValueError(message)


_CHECKS: dict[FieldType, Callable[[FormField, object], Any]] = {
    FieldType.TEXT: _text,
    FieldType.LONG_TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.CHOICE: _choice,
    FieldType.MULTI_CHOICE: _choices,
    FieldType.DATE: _date,
    FieldType.BOOLEAN: _boolean,
    FieldType.REFERENCE: _reference,
}
