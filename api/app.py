"""The composition of the HTTP edge: one Flask application for one Runtime. Addresses are in the resources."""

from flask import Flask, request

from api import access_log, auth, errors, headers, hosts, negotiation, rate_limit
from api.body_limit import BodyLimit, too_large
from api.context import EXTENSION
from api.resources import BLUEPRINTS
from api.smorest import Api
from psms.runtime import Runtime

TITLE = "PSMS"
VERSION = "1"
DESCRIPTION = """\
The PiiComm Service Management System.

- Get a token at `POST /oauth/token` and send it as `Authorization: Bearer …`.
- Every error is an `application/problem+json` document; decide by its `code`.
- Lists are `{"items": […], "next_cursor": …}`: pass the cursor back until it is null.
- Send an `Idempotency-Key` with what creates something, and `If-Match` with what changes something.
"""


def create_app(rt: Runtime) -> Flask:
    """Return the WSGI application that serves *rt*. Nothing is global, so any number may be made."""
    # OPTIONS would otherwise be answered by Flask itself: no browser of another origin may call this API.
    app = Flask("api", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = rt
    access_log.install(app)
    headers.install(app, rt.settings.public_url)
    errors.install(app)
    hosts.install(app, rt.settings)
    rate_limit.install(app)
    _limit_bodies(app, rt.settings.max_body_bytes)
    auth.install(app)
    negotiation.install(app)
    api = Api(app, title=TITLE, version=VERSION, description=DESCRIPTION)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    return app


def _limit_bodies(app: Flask, limit: int) -> None:
    def refuse_announced() -> None:
        # Before anything is read of it, and whether or not the address would read it.
        if (request.content_length or 0) > limit:
            raise too_large(limit)

    app.before_request(refuse_announced)
    app.wsgi_app = BodyLimit(app.wsgi_app, limit)  # type: ignore[method-assign]
