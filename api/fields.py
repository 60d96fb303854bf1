"""Fields of schemas that marshmallow lacks or has too lenient. The schemas are in the resources."""

import re
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import ValidationError, fields, validate
from typing_extensions import override

from psms.encoding import json_bytes

MAX_NAME = 200
MAX_TEXT = 65_536
_SHORT = 1000
MAX_URL = 2048
MAX_EMAIL = 254
_MAX_OBJECT_BYTES = 64 * 1024

_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RFC_3339 = re.compile(
    r"(?:19[7-9]\d|[2-8]\d{3})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FULL_DATE = re.compile(r"(?:19[7-9]\d|[2-8]\d{3})-\d\d-\d\d", re.ASCII)
_EMAIL = validate.Email()
_NO_NUMBER = "Not a whole number in digits, or too long a one."
_NO_DAY = "Not a day: give it as in 2026-12-24."
_NO_INSTANT = "Not an instant: give date, time and offset from UTC, such as 2026-12-24T08:00:00Z."


class Schema(ma.Schema):
    """A body or a query from a client: unknown fields are refused."""

    class Meta:
        """Said explicitly, so that the OpenAPI document says `additionalProperties: false`."""

        unknown = ma.RAISE


class Answer(Schema):
    """The documentation of an answer, which has every field each time. Answers are not made with it."""

    @override
    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.required = True


class Uuid(fields.UUID):
    """A UUID in its canonical form only (RFC 9562 section 4)."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str) or not _CANONICAL_UUID.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Flag(fields.Boolean):
    """True or false, and not one of the words and numbers that marshmallow takes for them."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(fields.Boolean):
    """True or false as a query has it: those two words and nothing else."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in {"true", "false"}:
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class QueryNumber(fields.Integer):
    """A whole number as a query has it: up to nine digits and nothing else."""

    digits = re.compile(r"[0-9]{1,9}")

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not self.digits.fullmatch(value):
            raise ValidationError(_NO_NUMBER)
        return int(value)


class QuerySequence(QueryNumber):
    """A place in a sequence as a query has it: up to eighteen digits."""

    digits = re.compile(r"[0-9]{1,18}")


class Instant(fields.AwareDateTime):
    """An instant as RFC 3339 has it, with its offset from UTC, of the years that a UUIDv7 can tell."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise ValidationError(_NO_INSTANT)
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except ValueError:
            raise ValidationError(_NO_INSTANT) from None


class Day(fields.Date):
    """A day as RFC 3339 has it (full-date), of the years that an instant may have."""

    @override
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not _FULL_DATE.fullmatch(value):
            raise ValidationError(_NO_DAY)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError(_NO_DAY) from None


def text(longest: int, **options: Any) -> fields.String:
    """Return a field of 1 to *longest* characters, not all of them blank."""
    # In the document of short ones alone: who makes requests up from it takes gigabytes for long texts with a pattern.
    if longest <= _SHORT:
        options.setdefault("metadata", {})["pattern"] = r"\S"
    return fields.String(validate=[validate.Length(min=1, max=longest), _not_blank], **options)


def maybe_empty_text(longest: int, **options: Any) -> fields.String:
    """Return a field of up to *longest* characters."""
    return fields.String(validate=validate.Length(max=longest), **options)


def choice(options: type[Enum], **settings: Any) -> fields.Enum[Any]:
    """Return a field that is one of the values of *options*."""
    return fields.Enum(options, by_value=fields.String, **settings)


def email_address(**options: Any) -> fields.String:
    """Return a field for an e-mail address of at most MAX_EMAIL characters (RFC 5321 section 4.5.3.1.3)."""
    options["metadata"] = {"format": "email", "maxLength": MAX_EMAIL}
    return fields.String(validate=_email, **options)


def several(inner: fields.Field[Any], *, at_most: int, at_least: int = 0, **options: Any) -> fields.List[Any]:
    """Return a list of *inner* of a bounded length."""
    return fields.List(inner, validate=validate.Length(min=at_least, max=at_most), **options)


def json_object(**options: Any) -> fields.Dict:
    """Return a field for any JSON object of at most 64 KiB."""
    return fields.Dict(keys=fields.String(), validate=_object_size, **options)


def _not_blank(value: str) -> None:
    if value and not value.strip():
        raise ValidationError("Must not be blank.")


def _email(value: str) -> None:
    # Length first: the pattern takes long over long texts.
    if len(value) > MAX_EMAIL:
        raise ValidationError(f"Longer than maximum length {MAX_EMAIL}.")
    _EMAIL(value)


def _object_size(value: dict[str, Any]) -> None:
    if len(json_bytes(value)) > _MAX_OBJECT_BYTES:
        raise ValidationError(f"Larger than {_MAX_OBJECT_BYTES} bytes as JSON.")
