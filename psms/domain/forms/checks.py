"""What may be wrong with a form that somebody wants to save: what does not go together. Shapes are the edge's."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from psms.domain.forms.definitions import (
    LONGEST_LONG_TEXT,
    LONGEST_TEXT,
    MOST_FILTERABLE,
    Audience,
    FieldCondition,
    FieldType,
    FormField,
    Required,
)
from psms.domain.forms.patterns import pattern_of
from psms.domain.forms.refusal import Problem
from psms.domain.forms.values import checked, is_date

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEXTS = (FieldType.TEXT, FieldType.LONG_TEXT)
_CHOOSING = (FieldType.CHOICE, FieldType.MULTI_CHOICE)
_ORDERED = (FieldType.NUMBER, FieldType.DATE)
_ASKABLE = (*_CHOOSING, FieldType.BOOLEAN)
# Which types a setting is for, and its value where it says nothing.
_FOR_TYPES: Mapping[str, tuple[tuple[FieldType, ...], object]] = {
    "choices": (_CHOOSING, ()),
    "refers_to": ((FieldType.REFERENCE,), None),
    "minimum": (_ORDERED, None),
    "maximum": (_ORDERED, None),
    "min_length": (_TEXTS, None),
    "max_length": (_TEXTS, None),
    "pattern": ((FieldType.TEXT,), None),
}


def problems_of(fields: Sequence[FormField]) -> list[Problem]:
    """Return what is wrong with *fields* as a form, each with its place, such as `fields.2.show_if`."""
    times = Counter(field.key for field in fields)
    above: dict[str, FormField] = {}
    found: list[Problem] = []
    for number, field in enumerate(fields):
        if times[field.key] > 1:
            found.append((f"fields.{number}.key", "another field has this key too"))
        found += [(f"fields.{number}.{name}", message) for name, message in _problems(field, above)]
        above.setdefault(field.key, field)
    if sum(field.filterable for field in fields) > MOST_FILTERABLE:
        found.append(
            ("fields", f"tickets are found by {MOST_FILTERABLE} fields at most: say of others filterable: false")
        )
    return found


def _problems(field: FormField, above: Mapping[str, FormField]) -> Iterator[Problem]:
    if not _KEY.fullmatch(field.key):
        yield "key", "use a to z, 0 to 9 and _, 40 at most, beginning with a letter"
    wrong = list(_settings(field))
    yield from wrong
    yield from _conditions(field, above)
    if field.default is not None and not wrong:
        try:
            checked(field, field.default)
        except ValueError as problem:
            yield "default", str(problem)
    if field.filterable and field.type is FieldType.LONG_TEXT:
        yield "filterable", "tickets cannot be found by a long_text"


def _settings(field: FormField) -> Iterator[Problem]:
    for name, (types, nothing) in _FOR_TYPES.items():
        if getattr(field, name) != nothing and field.type not in types:
            yield name, f"leave it out: it does not go with {field.type.value}"
    if field.type in _CHOOSING:
        yield from _choices(field)
    elif field.type is FieldType.REFERENCE and field.refers_to is None:
        yield "refers_to", "required: say what it refers to"
    elif field.type in _ORDERED:
        yield from _bounds(field)
    elif field.type in _TEXTS:
        yield from _lengths(field)


def _choices(field: FormField) -> Iterator[Problem]:
    if not field.choices:
        yield "choices", "required: give one or more"
    if len(set(field.choices)) < len(field.choices):
        yield "choices", "give each once"


def _bounds(field: FormField) -> Iterator[Problem]:
    right = _is_number if field.type is FieldType.NUMBER else _is_date
    wrong = [name for name in ("minimum", "maximum") if not right(getattr(field, name))]
    for name in wrong:
        yield name, f"must be a {field.type.value}, as the field's values are"
    if not wrong and None not in (field.minimum, field.maximum) and field.minimum > field.maximum:
        yield "maximum", "must not be less than minimum"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_date(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_date(value))


def _lengths(field: FormField) -> Iterator[Problem]:
    longest = LONGEST_TEXT if field.type is FieldType.TEXT else LONGEST_LONG_TEXT
    most = field.max_length or longest
    if most > longest:
        yield "max_length", f"must be {longest} or less"
    if (field.min_length or 1) > most:
        yield "min_length", "must not be more than max_length"
    if field.pattern is not None:
        try:
            pattern_of(field.pattern)
        except ValueError as problem:
            yield "pattern", str(problem)


def _conditions(field: FormField, above: Mapping[str, FormField]) -> Iterator[Problem]:
    for name, condition in (("show_if", field.show_if), ("required_if", field.required_if)):
        if condition is not None:
            message = _problem_of(condition, field, above)
            if message is not None:
                yield name, message
    if field.required_if is not None and field.required is Required.NEVER:
        yield "required_if", "say in required when: filing or resolving"


def _problem_of(condition: FieldCondition, field: FormField, above: Mapping[str, FormField]) -> str | None:
    asked = above.get(condition.field)
    if asked is None or asked.type not in _ASKABLE:
        return "must name a choice, multi_choice or boolean field that stands above this one"
    if field.visible_to is Audience.EVERYONE and asked.visible_to is Audience.AGENTS:
        return "requesters see this field, and do not see the one that it asks for"
    possible = {True, False} if asked.type is FieldType.BOOLEAN else set(asked.choices)
    if any(isinstance(one, bool) is not (asked.type is FieldType.BOOLEAN) for one in condition.values):
        return "must give values of the field that it asks for"
    return None if possible.issuperset(condition.values) else "must give values of the field that it asks for"
