"""How every error is told over HTTP: one application/problem+json shape (RFC 9457), and no inner detail."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from api import refusals
from api.context import request_id
from psms.encoding import json_bytes
from psms.errors import (
    BodyTooLarge,
    InternalError,
    Kind,
    MalformedRequest,
    MediaTypeNotKnown,
    MethodNotKnown,
    NotFound,
    PsmsError,
)
from psms.telemetry import logger

STATUS = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.WRONG_METHOD: 405,
    Kind.NOT_ACCEPTABLE: 406,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.TOO_LARGE: 413,
    Kind.WRONG_MEDIA_TYPE: 415,
    Kind.INVALID: 422,
    Kind.TOO_MANY: 429,
    Kind.DEFECT: 500,
    Kind.UNAVAILABLE: 503,
}

MEDIA_TYPE = "application/problem+json"

# What Flask and werkzeug refuse by themselves.
_OF_THE_FRAMEWORK: dict[int, type[PsmsError]] = {
    404: NotFound,
    405: MethodNotKnown,
    413: BodyTooLarge,
    415: MediaTypeNotKnown,
}
_RETRY_AFTER_S = "1"

_log = logger(__name__)


def install(app: Flask) -> None:
    """Make *app* answer every exception with a problem."""
    app.register_error_handler(PsmsError, problem_for)
    app.register_error_handler(HTTPException, _refused_by_framework)
    app.register_error_handler(Exception, _unexpected)


def problem_for(error: PsmsError) -> Response:
    """Return the problem that tells of *error*; refusals that must leave an entry do."""
    refusals.record(error)
    if error.kind is Kind.DEFECT or error.kind is Kind.UNAVAILABLE:
        # Of the cause its name alone: a driver's message quotes the statement and its values.
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        _log.error("request_not_served", code=error.code, detail=error.detail, cause=cause)
    return problem(error, _headers_of(error))


def problem(error: PsmsError, headers: Mapping[str, str]) -> Response:
    """Return the problem document of *error*. The error's own facts never replace the members of the RFC."""
    status = STATUS[error.kind]
    standard = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.detail,
        "instance": quote(request.path),
        "code": error.code,
        "request_id": request_id(),
        "errors": error.context.get("errors", []),
    }
    body = json_bytes({**standard, **error.context, **standard})
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def _headers_of(error: PsmsError) -> dict[str, str]:
    if error.kind is Kind.UNAUTHENTICATED:
        # A request that tried is told that its token is no good (RFC 6750 section 3.1).
        reason = ', error="invalid_token"' if "Authorization" in request.headers else ""
        return {"WWW-Authenticate": f'Bearer realm="psms"{reason}'}
    if error.kind is Kind.TOO_MANY:
        return {"Retry-After": str(error.context["retry_after"])}
    if error.kind is Kind.UNAVAILABLE or error.code == "request_in_progress":
        return {"Retry-After": _RETRY_AFTER_S}
    return {}


def _refused_by_framework(error: HTTPException) -> Response:
    if error.code is not None and error.code >= STATUS[Kind.DEFECT]:
        return _unexpected(error)
    named = _OF_THE_FRAMEWORK.get(cast("int", error.code), MalformedRequest)
    allowed: list[str] | None = getattr(error, "valid_methods", None)
    return problem(named(), {"Allow": ", ".join(sorted(allowed))} if allowed else {})


def _unexpected(error: Exception) -> Response:
    # The cause is for the log alone: it may quote statements, paths or values.
    _log.error("request_failed", exc_info=error)
    return problem(InternalError(), {})
