"""The authorization server: Authlib with a client-credentials grant of our own (RFC 6749 section 4.4).

Tokens are made and kept by `workflows.accounts`; their addresses are in `api.resources.oauth`.
"""

import binascii
import re
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Response, request
from typing_extensions import override

from api import rate_limit
from api.context import origin, runtime
from psms.domain.access import Role
from psms.domain.credentials import RegisteredClient, is_token, secret_matches
from psms.encoding import json_bytes
from psms.errors import PsmsError
from psms.telemetry import logger
from workflows import accounts, refusals

GRANT_TYPE = "client_credentials"
AUTH_METHODS = ("client_secret_basic", "client_secret_post")

_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# Nobody knows a text with this digest.
_NOBODY = RegisteredClient(
    id=UUID(int=0),
    organization_id=UUID(int=0),
    client_id="",
    secret_hash=bytes(32),
    role=Role.REQUESTER,
    scopes=(),
)

# Authlib judges the transport by the scheme of this address. What reaches this process is plain HTTP always:
# TLS ends at the proxy in front, and development listens on loopback. So the transport is not judged here.
_TOKEN_ADDRESS = "https://psms.invalid/oauth/token"  # noqa: S105  # no password

_log = logger(__name__)


class WrongCredentials(InvalidClientError):
    """The client is not known, or this is not its secret; which of the two is not told."""

    status_code = 401
    description = "Unknown client or wrong secret."

    @override
    def get_headers(self) -> list[tuple[str, str]]:
        return [("WWW-Authenticate", 'Basic realm="psms", charset="UTF-8"')]


class FormRequest(OAuth2Request):
    """A request whose parameters come from the form alone, each of them once."""

    def __init__(self) -> None:
        """Read the request at hand; raise InvalidRequestError."""
        super().__init__(request.method, _TOKEN_ADDRESS, headers=request.headers)
        self.payload = BasicOAuth2Payload(_form_values())

    @property
    def form(self) -> dict[str, str]:
        """The parameters that have a value."""
        values: dict[str, str] = self.payload.data
        return values


class ClientCredentials(ClientCredentialsGrant):
    """A client gets a token in its own name, for all of its scopes or for those it asks for."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    @override
    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        self.scopes = self._granted(self.request.client, self.request.payload.scope)

    def _granted(self, client: RegisteredClient, asked: str | None) -> tuple[str, ...]:
        if asked is None:
            return client.scopes
        scopes = tuple(dict.fromkeys(asked.split()))
        if not set(scopes) <= set(client.scopes):
            refusals.note_scopes(runtime(), client, set(scopes) - set(client.scopes), origin())
            raise InvalidScopeError
        return scopes

    @override
    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        issued = accounts.issue_token(runtime(), self.request.client, self.scopes, origin())
        body = {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in_s,
            "scope": " ".join(issued.scopes),
        }
        return 200, body, []


class TokenServer(AuthorizationServer):
    """Authlib's server, with Flask's requests and our clients."""

    def __init__(self) -> None:
        """Offer the one grant."""
        super().__init__()
        self.register_grant(ClientCredentials)

    def token(self) -> Response:
        """Answer a token request."""
        try:
            response: Response = self.create_token_response()
        except OAuth2Error as refusal:
            response = self.handle_error_response(None, refusal)
        return response

    def revocation(self) -> Response:
        """Answer a request to revoke a token (RFC 7009); a token that is not the client's is no error."""
        try:
            form_request = FormRequest()
            client = self.authenticate_client(form_request)
            token = form_request.form.get("token")
            if token is None:
                raise InvalidRequestError("token is missing.")
        except OAuth2Error as refusal:
            response: Response = self.handle_error_response(None, refusal)
            return response
        if is_token(token):
            accounts.revoke_token(runtime(), client, token, origin())
        return self.handle_response(200, {}, [])

    @override
    def create_oauth2_request(self, request: object) -> FormRequest:
        form_request = FormRequest()
        if "grant_type" not in form_request.form:
            raise InvalidRequestError("grant_type is missing.")
        return form_request

    @override
    def authenticate_client(
        self, request: FormRequest, methods: object = AUTH_METHODS, endpoint: str = "token"
    ) -> RegisteredClient:
        client_id, secret = _credentials(request)
        rate_limit.check_failures(_counted(client_id))
        known = accounts.client_for(runtime(), client_id) if _counted(client_id) else None
        # An unknown client costs the same comparison as a known one.
        secret_is_right = secret_matches(known or _NOBODY, secret)
        if known is None or not secret_is_right:
            rate_limit.charge_failure(_counted(client_id))
            _record_refusal(known, client_id)
            raise WrongCredentials
        return known

    @override
    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> Response:
        response = Response(json_bytes(body), status=status, headers=headers, content_type="application/json")
        response.headers.update(_NOT_STORED)
        return response

    @override
    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Signal nobody: what matters is in the audit trail."""


def _record_refusal(known: RegisteredClient | None, client_id: str) -> None:
    try:
        accounts.refuse_sign_in(runtime(), known, client_id, origin())
    except PsmsError as problem:
        # They are refused whether or not it can be written down.
        _log.warning("refusal_not_recorded", problem=problem.detail)


def _form_values() -> dict[str, str]:
    if request.query_string:
        # They would end up in logs (RFC 6749 section 2.3.1).
        raise InvalidRequestError("Send the parameters in the body, not in the address.")
    if request.mimetype != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    repeated = [name for name, values in request.form.lists() if len(values) > 1]
    if repeated:
        raise InvalidRequestError("Send each parameter once.")
    # RFC 6749 section 3.2: a parameter without a value counts as left out.
    return {name: value for name, value in request.form.items() if value}


def _credentials(form_request: FormRequest) -> tuple[str, str]:
    header = form_request.headers.get("Authorization")
    form = form_request.form
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    if "client_secret" in form:
        raise InvalidRequestError("Send the client secret in one way only.")
    return _from_basic(header)


def _from_basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise WrongCredentials from None
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise WrongCredentials
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    return unquote_plus(client_id), unquote_plus(secret)


def _counted(client_id: str) -> str:
    """Return *client_id* where it has the form of one, else nothing."""
    return client_id if _CLIENT_ID.fullmatch(client_id) else ""
