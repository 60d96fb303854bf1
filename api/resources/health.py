"""For operators: is the process up, can it serve, and its metrics. Open to all who reach this server."""

from flask import Response
from marshmallow import fields
from prometheus_client import CONTENT_TYPE_LATEST

from api import metrics, render
from api.auth import public
from api.context import runtime
from api.fields import Answer
from api.smorest import Blueprint
from psms.errors import DependencyUnavailable
from workflows import operations


class AliveSchema(Answer):
    """The process runs."""

    status = fields.String()


class DependencySchema(Answer):
    """A server that PSMS depends on."""

    name = fields.String()
    ready = fields.Boolean()
    required = fields.Boolean()
    detail = fields.String()


class ReadySchema(Answer):
    """Whether requests can be served: `degraded` still accepts tickets."""

    status = fields.String()
    dependencies = fields.List(fields.Nested(DependencySchema))


blp = Blueprint("health", "", "For operators.")


@blp.route("/healthz", methods=["GET"])
@public
@blp.shows(AliveSchema)
def alive() -> Response:
    """Tell that the process runs; nothing else is asked."""
    return render.shown({"status": "ok"})


@blp.route("/readyz", methods=["GET"])
@public
@blp.shows(ReadySchema)
def ready() -> Response:
    """Tell whether requests can be served, and which dependency fails."""
    dependencies = operations.readiness(runtime())
    missing = [found for found in dependencies if not found.ready]
    needed = [found for found in missing if found.required]
    if needed:
        detail = " ".join(f"{found.name}: {found.detail}" for found in needed)
        raise DependencyUnavailable(detail, dependencies=dependencies)
    return render.shown({"status": "degraded" if missing else "ready", "dependencies": dependencies})


@blp.route("/metrics", methods=["GET"])
@public
@blp.response(200, {"type": "string"}, content_type="text/plain")
def exposed_metrics() -> Response:
    """Return the metrics of all processes, for Prometheus."""
    return Response(metrics.exposition(runtime()), content_type=CONTENT_TYPE_LATEST)
