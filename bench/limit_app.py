"""The limit: a bare Flask application that does the product's SQL and next to nothing else, for granian to serve."""

import os
import threading
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response, request

from bench import core_variant
from bench.recording import Replay, load

_JSON = "application/json"


def make_app(database_url: str, recordings: Path) -> Flask:
    """Return the application: a view for each recording, the Core variant of a creation, and one without SQL."""
    app = Flask("limit", static_folder=None)
    statements = load(recordings)
    own = threading.local()

    def replayed(name: str) -> Response:
        replay: Replay | None = getattr(own, name, None)
        if replay is None:
            replay = Replay(database_url, statements[name])
            setattr(own, name, replay)
        if request.method == "POST":
            orjson.loads(request.get_data())
        return Response(_as_json(replay.run()), content_type=_JSON)

    create = core_variant.creation(database_url, request_token)
    app.add_url_rule("/same/<name>", "same", replayed, methods=["GET", "POST"])
    app.add_url_rule(
        "/core/create", "core", lambda: Response(create(request.get_data()), content_type=_JSON), methods=["POST"]
    )
    app.add_url_rule("/hello", "hello", lambda: Response(b"{}", content_type=_JSON))
    return app


def request_token() -> str:
    """Return the bearer token of the request at hand."""
    return request.headers["Authorization"].removeprefix("Bearer ")


def _as_json(rows: list[Any]) -> bytes:
    return orjson.dumps(rows, default=_plain)


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)


app = make_app(os.environ["BENCH_DATABASE_URL"], Path(os.environ["BENCH_RECORDINGS"]))
