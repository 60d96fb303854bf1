"""Answers that are also to be had as CSV: by `?format=csv`, or by an Accept that prefers it."""

from enum import StrEnum
from typing import Any

from flask import Response, request

MEDIA_TYPE = "text/csv"
_JSON = "application/json"


class Format(StrEnum):
    """In which form an answer is wanted."""

    JSON = "json"
    CSV = "csv"


def take_format(query: dict[str, Any]) -> Format:
    """Take `format` out of *query*; where it is left out, the request's Accept decides, and JSON where it does not."""
    named: Format | None = query.pop("format", None)
    if named is not None:
        return named
    return Format.CSV if request.accept_mimetypes.best_match((_JSON, MEDIA_TYPE)) == MEDIA_TYPE else Format.JSON


def csv_answer(table: bytes, name: str) -> Response:
    """Return 200 with a table, to be saved as the file *name*; its lines vary with what was accepted."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Vary": "Accept"}
    return Response(table, content_type=f"{MEDIA_TYPE}; charset=utf-8; header=present", headers=headers)
