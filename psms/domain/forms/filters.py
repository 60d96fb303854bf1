"""Finding tickets by their custom fields: what `seats:3..10` asks for, where a field of that key is a number."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psms.domain.forms.definitions import FieldType, FormField
from psms.domain.forms.values import is_date
from psms.domain.tickets import FieldFilter
from psms.errors import FieldError

_RANGE = ".."
_RANGED = (FieldType.NUMBER, FieldType.DATE)
_FLAGS = {"true": True, "false": False}
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldQuestion:
    """Tickets that have one of *values* in the field *key*, or a value from *least* to *most*.

    Values are JSON; a bound of None is open, and without either nothing but *values* is asked for.
    """

    key: str
    values: tuple[str, ...] = ()
    least: str | None = None
    most: str | None = None


def filter_of(text: str) -> FieldFilter:
    """Return the filter that *text* writes as `key:value`; raise ValueError for what is none."""
    key, colon, value = text.partition(":")
    if not (key and colon and value):
        message = "write it as key:value, such as site:north, or seats:3..10"
        raise ValueError(message)
    return FieldFilter(key=key, text=value)


def question_of(wanted: FieldFilter, fields: Iterable[FormField]) -> FieldQuestion:
    """Return what *wanted* asks for, where *fields* are those of its key in all forms that are asked.

    Raises FieldError where there is none, or what is written is no value of any of them.
    """
    types = {field.type for field in fields if field.filterable}
    if not types:
        raise FieldError("field", f"{wanted.key}: no form has such a field, by which tickets can be found")
    if _RANGE in wanted.text and types & {*_RANGED}:
        return _range(wanted, types & {*_RANGED})
    values = {json.dumps(value) for kind in types if (value := _value(kind, wanted.text)) is not None}
    if not values:
        raise FieldError("field", f"{wanted.key}: must be {_described(types)}")
    return FieldQuestion(key=wanted.key, values=tuple(sorted(values)))


def _range(wanted: FieldFilter, types: set[FieldType]) -> FieldQuestion:
    least, _, most = wanted.text.partition(_RANGE)
    for kind in sorted(types):
        bounds = [None if not text else _value(kind, text) for text in (least, most)]
        if [bound is not None for bound in bounds] == [bool(least), bool(most)] and any((least, most)):
            low, high = (None if bound is None else json.dumps(bound) for bound in bounds)
            return FieldQuestion(key=wanted.key, least=low, most=high)
    raise FieldError("field", f"{wanted.key}: must be {_described(types)}")


def _value(kind: FieldType, text: str) -> Any:  # noqa: ANN401  # as JSON has it
    if kind is FieldType.NUMBER:
        return _number(text)
    if kind is FieldType.BOOLEAN:
        return _FLAGS.get(text)
    if kind is FieldType.DATE:
        return text if is_date(text) else None
    return text.lower() if kind is FieldType.REFERENCE else text


def _number(text: str) -> float | int | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return int(number) if number.is_integer() else number


def _described(types: Iterable[FieldType]) -> str:
    words = {
        FieldType.NUMBER: "a number, or a range such as 3..10",
        FieldType.DATE: "a date, or a range such as 2026-12-01..2026-12-31",
        FieldType.BOOLEAN: "true or false",
    }
    return " or ".join(words.get(kind, "text") for kind in sorted(types))
