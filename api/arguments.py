"""How a request's JSON body and query are read before a schema judges them, and how refusals are told."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

import flask
import marshmallow as ma
from flask import g
from typing_extensions import override
from webargs.flaskparser import FlaskParser

from api.context import actor_if_any
from api.json_guard import has_no_text, parse_json
from psms.errors import FieldError, MalformedJson, MediaTypeNotKnown

MAX_QUERY_VALUE = 1000
_MOST_ERRORS = 50
_LONGEST_NAME = 100

_UTF_8 = re.compile(r"utf-?8", re.IGNORECASE)


class GuardedParser(FlaskParser):
    """Reads bodies through the JSON guard, refuses unknown query parameters, and raises our own errors."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE}  # noqa: RUF012

    @override
    def parse(self, argmap: Any, req: flask.Request | None = None, **options: Any) -> Any:
        # Some callers may say less: what they may is a schema of its own, so that the rest is unknown to them.
        narrower: ma.Schema | None = getattr(argmap, "for_requester", None)
        caller = actor_if_any()
        if narrower is not None and caller is not None and caller.is_requester:
            return super().parse(narrower, req, **options)
        return super().parse(argmap, req, **options)

    @override
    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        return json_body(req, optional=getattr(schema, "body_optional", False))

    @override
    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> dict[str, Any]:
        several = {name for name, field in schema.fields.items() if isinstance(field, ma.fields.List)}
        return query_values(req, several)

    @override
    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        # webargs puts the location, such as "json", around the messages.
        (messages,) = error.messages_dict.values()
        raise fields_refused(flattened(messages)) from None


def json_body(req: flask.Request, *, optional: bool) -> Any:  # noqa: ANN401  # not looked at by a schema yet
    """Return the parsed body, and keep it for the fingerprint of an Idempotency-Key.

    Raises MediaTypeNotKnown, MalformedJson (also for an empty body unless it is *optional*), BodyTooLarge.
    """
    body = req.get_data(cache=False)
    if not body:
        if optional:
            return {}
        raise MalformedJson("The body is empty: send a JSON object.")
    _check_media_type(req)
    g.json_body = parse_json(body)
    return g.json_body


def _check_media_type(req: flask.Request) -> None:
    charset = req.mimetype_params.get("charset", "utf-8")
    if req.mimetype != "application/json" or not _UTF_8.fullmatch(charset):
        raise MediaTypeNotKnown
    if req.content_encoding not in {None, "", "identity"}:
        raise MediaTypeNotKnown("The body must not be compressed: leave Content-Encoding out.")


def query_values(req: flask.Request, several: Collection[str] = ()) -> dict[str, Any]:
    """Return the query parameters, as lists those that may be given *several* times.

    Raises FieldError for another that is given twice, and for one that is too long or no text.
    """
    _check_encoding(req.query_string)
    found: dict[str, Any] = {}
    for name, values in req.args.lists():
        if len(values) > 1 and name not in several:
            raise FieldError(_short(name), "given more than once")
        for value in values:
            _check_value(name, value)
        found[name] = values if name in several else values[0]
    return found


def _check_value(name: str, value: str) -> None:
    if len(value) > MAX_QUERY_VALUE:
        raise FieldError(_short(name), f"longer than {MAX_QUERY_VALUE} characters")
    if has_no_text(name) or has_no_text(value):
        raise FieldError(_short(name), "not valid text")


def _check_encoding(query: bytes) -> None:
    # werkzeug would pass on as text what it cannot decode.
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise FieldError("query", "not UTF-8") from None


def refuse_query(req: flask.Request) -> None:
    """Raise FieldError when there is a query: for addresses that take none."""
    for name in req.args:
        raise FieldError(_short(name), "unknown query parameter")


def fields_refused(found: list[dict[str, str]]) -> FieldError:
    """Return the one error that lists all of *found*, each with its field and message."""
    error = FieldError(found[0]["field"], found[0]["message"])
    error.context["errors"] = found[:_MOST_ERRORS]
    return error


def flattened(messages: Any, path: str = "") -> list[dict[str, str]]:  # noqa: ANN401  # nested lists and dicts
    """Return marshmallow's nested *messages* as a flat list; `tags.0` is the first of the tags.

    >>> flattened({"tags": {0: ["Too long."]}})
    [{'field': 'tags.0', 'message': 'Too long.'}]
    """
    if isinstance(messages, Mapping):
        return [error for name, inner in messages.items() for error in flattened(inner, _below(path, str(name)))]
    return [{"field": path or "body", "message": str(message)} for message in messages]


def _below(path: str, name: str) -> str:
    # marshmallow's word for what concerns a whole object.
    if name == "_schema":
        return path
    return f"{path}.{_short(name)}" if path else _short(name)


def _short(name: str) -> str:
    """Shorten a name that the client chose, which is about to be repeated to it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
