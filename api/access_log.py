"""Of every request: its id, a line in the log, and how long it took. Nothing is decided here."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from api.context import request_id, runtime
from psms.telemetry import REQUEST_SECONDS, REQUESTS, logger

HEADER = "X-Request-ID"

# It is told to logs and to the audit trail, so nothing that opens something may pass for an id.
_WELL_FORMED = re.compile(r"(?!sd[a-z]_|whsec_)[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_NO_ROUTE = "none"

_log = logger(__name__)


def install(app: Flask) -> None:
    """Make *app* identify, count, time and log every request. Install it before everything else."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def _begin() -> None:
    g.started = time.monotonic()
    given = request.headers.get(HEADER, "")
    g.request_id = given if _WELL_FORMED.fullmatch(given) else runtime().chance.secret_bytes(8).hex()
    g.log_tokens = structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    seconds = time.monotonic() - g.started
    # The rule, not the address: an id or a guess would make a new label, and a new time series, each time.
    route = _NO_ROUTE if request.url_rule is None else request.url_rule.rule
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(method, route, response.status_code).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    _log.info("request", method=method, route=route, status=response.status_code, ms=round(seconds * 1000, 1))
    response.headers[HEADER] = request_id()
    return response


def _forget(_problem: BaseException | None) -> None:
    # The server's threads outlive the request and would carry its id into other log lines.
    structlog.contextvars.reset_contextvars(**g.pop("log_tokens", {}))
