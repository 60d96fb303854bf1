"""The public keys that partners verify webhooks with, for anybody. Rotating them is in `webhook_endpoints`."""

from typing import Any

from flask import Response

from api import render
from api.auth import public
from api.context import runtime
from api.endpoint_fields import PublishedKeysSchema
from api.fields import Schema, Uuid
from api.smorest import Blueprint
from workflows import endpoint_secrets

# A former key goes on signing for a while after a rotation: who has it from a cache can verify meanwhile.
_CACHED_S = 300


class KeysQuery(Schema):
    """Whose keys."""

    endpoint_id = Uuid(required=True, metadata={"description": "The id of your endpoint."})


blp = Blueprint("webhook-keys", "", "What webhooks are verified with.")


@blp.route("/.well-known/webhook-keys.json", methods=["GET"])
@public
@blp.arguments(KeysQuery, location="query")
@blp.shows(PublishedKeysSchema)
def list_webhook_keys(query: dict[str, Any]) -> Response:
    """List the public keys of an endpoint; none for one that is not known, or is not signed with v1a."""
    answer = render.shown(endpoint_secrets.published_keys(runtime(), query["endpoint_id"]))
    answer.headers["Cache-Control"] = f"public, max-age={_CACHED_S}"
    return answer
