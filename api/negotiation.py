"""What a client accepts: answers are JSON, some also CSV, and who wants something else is told so."""

from functools import lru_cache

from flask import Flask, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.csv_answers import MEDIA_TYPE as _CSV
from psms.errors import NotAcceptable

_JSON = "application/json"
# A page, its files and the metrics are what they are.
_OF_OTHER_TYPES = frozenset({"docs.asset", "docs.page", "health.exposed_metrics"})
_ALSO_CSV = frozenset({"sla_reports.report_attainment", "sla_reports.report_time_in_status"})


def install(app: Flask) -> None:
    """Have *app* refuse requests whose Accept excludes all that there is (RFC 9110 section 12.5.1)."""

    def refuse() -> None:
        accepted = request.headers.get("Accept")
        if not accepted or request.endpoint in _OF_OTHER_TYPES or _includes(_JSON, accepted):
            return
        if request.endpoint not in _ALSO_CSV or not _includes(_CSV, accepted):
            raise NotAcceptable

    app.before_request(refuse)


@lru_cache(maxsize=256)
def _includes(media_type: str, accepted: str) -> bool:
    wanted = parse_accept_header(accepted, MIMEAccept)
    # JSON has no parameters, yet some clients send a charset with it.
    return wanted[media_type] > 0 or any(
        quality > 0 and name.partition(";")[0].strip().lower() == media_type for name, quality in wanted
    )
