"""OAuth 2.0: get a token, give one back, and the metadata of both. How it works is in `api.oauth`."""

from flask import Response
from marshmallow import fields

from api import render
from api.auth import public
from api.context import runtime
from api.fields import Answer, Schema
from api.oauth import AUTH_METHODS, GRANT_TYPE, TokenServer
from api.smorest import Blueprint
from psms.domain.access import Scope

_FORM = "application/x-www-form-urlencoded"
_CREDENTIALS = {
    "client_id": {
        "type": "string",
        "description": "Here, or with the secret in an Authorization: Basic header.",
    },
    "client_secret": {"type": "string"},
}


class TokenSchema(Answer):
    """An access token (RFC 6749 section 5.1)."""

    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "Seconds."})
    scope = fields.String()


class RevokedSchema(Answer):
    """Nothing more to say."""


class MetadataSchema(Answer):
    """What this server offers (RFC 8414)."""

    issuer = fields.String()
    token_endpoint = fields.String()
    revocation_endpoint = fields.String()
    grant_types_supported = fields.List(fields.String())
    response_types_supported = fields.List(fields.String())
    token_endpoint_auth_methods_supported = fields.List(fields.String())
    revocation_endpoint_auth_methods_supported = fields.List(fields.String())
    scopes_supported = fields.List(fields.String())


class RefusalSchema(Schema):
    """Why not (RFC 6749 section 5.2)."""

    error = fields.String(required=True)
    error_description = fields.String()


def _form(required: list[str], **parameters: object) -> dict[str, object]:
    schema = {"type": "object", "properties": {**parameters, **_CREDENTIALS}, "required": required}
    return {"required": True, "content": {_FORM: {"schema": schema}}}


_server = TokenServer()

blp = Blueprint("oauth", "", "Access tokens.")


@blp.route("/oauth/token", methods=["POST"])
@public
@blp.doc(
    requestBody=_form(
        ["grant_type"],
        grant_type={"type": "string", "enum": [GRANT_TYPE]},
        scope={"type": "string", "description": "Separated by spaces; left out: all that the client has."},
    )
)
@blp.response(200, TokenSchema)
@blp.alt_response(400, schema=RefusalSchema)
@blp.alt_response(401, schema=RefusalSchema)
def token() -> Response:
    """Get an access token for a client."""
    return _server.token()


@blp.route("/oauth/revoke", methods=["POST"])
@public
@blp.doc(requestBody=_form(["token"], token={"type": "string"}))
@blp.response(200, RevokedSchema)
@blp.alt_response(400, schema=RefusalSchema)
@blp.alt_response(401, schema=RefusalSchema)
def revoke() -> Response:
    """End an access token before its time."""
    return _server.revocation()


@blp.route("/.well-known/oauth-authorization-server", methods=["GET"])
@public
@blp.response(200, MetadataSchema)
def metadata() -> Response:
    """Tell what this authorization server offers."""
    address = runtime().settings.public_url.rstrip("/")
    return render.shown(
        {
            "issuer": address,
            "token_endpoint": f"{address}/oauth/token",
            "revocation_endpoint": f"{address}/oauth/revoke",
            "grant_types_supported": [GRANT_TYPE],
            # Required, and never empty: there is no authorization endpoint that would issue anything.
            "response_types_supported": ["none"],
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "scopes_supported": list(Scope),
        }
    )
