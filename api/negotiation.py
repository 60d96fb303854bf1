"""What a client accepts: the answers of the API are JSON, and who wants something else is told so."""

from functools import lru_cache

from flask import Flask, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from psms.errors import NotAcceptable

_JSON = "application/json"
# A page, its files and the metrics are what they are.
_OF_OTHER_TYPES = frozenset({"docs.asset", "docs.page", "health.exposed_metrics"})


def install(app: Flask) -> None:
    """Have *app* refuse requests whose Accept excludes JSON (RFC 9110 section 12.5.1)."""

    def refuse() -> None:
        accepted = request.headers.get("Accept")
        if accepted and request.endpoint not in _OF_OTHER_TYPES and not _includes_json(accepted):
            raise NotAcceptable

    app.before_request(refuse)


@lru_cache(maxsize=256)
def _includes_json(accepted: str) -> bool:
    wanted = parse_accept_header(accepted, MIMEAccept)
    # JSON has no parameters, yet some clients send a charset with it.
    return wanted[_JSON] > 0 or any(
        quality > 0 and name.partition(";")[0].strip().lower() == _JSON for name, quality in wanted
    )
