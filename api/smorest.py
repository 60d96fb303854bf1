"""Our Api and Blueprint on flask-smorest: decorators that enforce something also document it.

Schemas and views are in the resources; how errors are told is in `api.errors`.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest
from flask import Flask
from flask_smorest.utils import prepare_response
from marshmallow import INCLUDE, fields
from typing_extensions import override

from api.arguments import GuardedParser
from api.errors import MEDIA_TYPE
from api.event_webhooks import with_webhooks
from api.fields import Answer, Schema, Uuid
from api.idempotency import HEADER, REPLAYED_HEADER
from psms.domain.access import MATRIX, Permission, Scope
from psms.encoding import json_bytes

View = TypeVar("View", bound=Callable[..., Any])
Doc = dict[str, Any]

_TEXT = {"type": "string"}
_ETAG = {"ETag": {"description": "The version, in quotes.", "schema": _TEXT}}
_CREATED = {
    "Location": {"description": "The address of what was created.", "schema": _TEXT},
    REPLAYED_HEADER: {
        "description": "true, where an earlier request with the same key had done it.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": HEADER,
    "description": "Any text of yours, new for each thing to do: then a repetition does nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The ETag that you have read: if the resource has changed since, nothing is done (412).",
    "schema": _TEXT,
}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The ETag that you have: if the resource has not changed, the answer is 304.",
    "schema": _TEXT,
}


class FieldProblemSchema(Answer):
    """What is wrong with one field."""

    field = fields.String()
    message = fields.String()


class ProblemSchema(Answer):
    """An error, as RFC 9457 has it; `code` is for programs, `detail` for people."""

    class Meta:
        """Some errors add facts, such as the legal actions."""

        unknown = INCLUDE

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    instance = fields.String()
    code = fields.String()
    request_id = fields.String()
    errors = fields.List(fields.Nested(FieldProblemSchema))


class NoFieldsSchema(Schema):
    """The body of an action that needs none: it may be left out, or be an empty object."""

    body_optional = True


class Api(flask_smorest.Api):
    """The OpenAPI document; error handling is our own (`api.errors`)."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask, *, title: str, version: str, description: str) -> None:
        """Describe *app*; blueprints join with `register_blueprint`."""
        schemes = {"oauth2": _client_credentials(), "bearer": {"type": "http", "scheme": "bearer"}}
        super().__init__(
            app,
            spec_kwargs={
                "title": title,
                "version": version,
                "openapi_version": "3.1.0",
                "components": {"securitySchemes": schemes},
                "servers": [{"url": "/"}],
                "info": {"description": description},
            },
        )
        self.register_field(Uuid, "string", "uuid")

    @override
    def _register_error_handlers(self) -> None:
        """Leave this to `api.errors`: every error has one shape there."""

    @override
    def _register_responses(self) -> None:
        for status in HTTPStatus:
            _lazily(self.spec, status.name, status.phrase)
        _lazily(self.spec, "DEFAULT_ERROR", "Any other error.")


class Blueprint(flask_smorest.Blueprint):
    """Routes of one resource. Order of decorators: route, requires, arguments, then what is answered."""

    ARGUMENTS_PARSER = GuardedParser()

    def __init__(self, name: str, prefix: str, description: str) -> None:
        """Name the resource; its routes begin with *prefix*."""
        super().__init__(name, __name__, url_prefix=prefix or None, description=description)
        self._prepare_doc_cbks.append(_refusals_and_scopes)

    @override
    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *a: Any, **options: Any
    ) -> None:
        if "<" in f"{self.url_prefix}{rule}":
            _document(view_func, refusals=(404,))
        _document(view_func, operation_id=view_func.__name__)
        permission: Permission | None = getattr(view_func, "permission", None)
        if permission is not None:
            _document(view_func, permission=permission)
        super().add_url_rule(rule, endpoint, view_func, *a, **options)

    @override
    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[View], View]:
        # One instance for all requests: making one costs as much as the rest of the parsing.
        parse = super().arguments(schema(), location=location, **options)

        def decorate(view: View) -> View:
            parsed: View = parse(view)
            if location == "query":
                parsed.reads_query = True  # type: ignore[attr-defined]
                return parsed
            return _document(parsed, refusals=(400, 413, 415))

        return decorate

    def takes_no_fields(self, view: View) -> View:
        """Refuse a body with anything in it."""
        marked: View = self.arguments(NoFieldsSchema, required=False, as_kwargs=True)(view)
        return marked

    def shows(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view answers 200 with one of *forms*, which has no version: the caller's role decides which."""
        return self._answers(200, forms)

    def or_csv(self, view: View) -> View:
        """Say that a view also answers in CSV, to who asks for that."""
        return _document(view, csv=True)

    def reads(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view answers a read with one of *forms* and its ETag, or 304."""
        return self._answers(200, forms, headers=_ETAG, parameters=[_IF_NONE_MATCH], refusals=(304,))

    def lists(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view answers with one page of one of *forms*."""
        return self._answers(200, tuple(page_of(form) for form in forms))

    def creates(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view answers 201 with one of *forms*, and takes an Idempotency-Key."""
        return self._answers(201, forms, headers={**_ETAG, **_CREATED}, parameters=[_IDEMPOTENCY_KEY], refusals=(409,))

    def does_once(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view answers 200 with one of *forms*, and takes an Idempotency-Key."""
        headers = {REPLAYED_HEADER: _CREATED[REPLAYED_HEADER]}
        return self._answers(200, forms, headers=headers, parameters=[_IDEMPOTENCY_KEY], refusals=(409,))

    def edits(self, *forms: type[Answer]) -> Callable[[View], View]:
        """Say that a view changes a resource and answers with one of *forms* and its new ETag."""
        return self._answers(200, forms, headers=_ETAG, parameters=[_IF_MATCH], refusals=(400, 409, 412))

    def may_conflict(self, view: View) -> View:
        """Say that a view also refuses what the state of things does not allow."""
        return _document(view, refusals=(409,))

    def removes(self, view: View) -> View:
        """Say that a view removes a resource that has no version."""
        return self._answers(204, ())(view)

    def removes_version(self, view: View) -> View:
        """Say that a view removes a resource, unless it has changed since."""
        return self._answers(204, (), parameters=[_IF_MATCH], refusals=(400, 412))(view)

    def _answers(
        self,
        status: int,
        forms: tuple[type[Answer], ...],
        *,
        headers: Doc | None = None,
        parameters: list[Doc] | None = None,
        refusals: tuple[int, ...] = (),
    ) -> Callable[[View], View]:
        schema = {"anyOf": list(forms)} if len(forms) > 1 else next(iter(forms), None)
        answer = self.response(status, schema, headers=headers)

        def decorate(view: View) -> View:
            answered: View = answer(view)
            return _document(answered, parameters=parameters or [], refusals=refusals)

        return decorate


def openapi_document(app: Flask) -> bytes:
    """Return the OpenAPI document of *app* as JSON; it is made once."""
    key = "psms-openapi"
    if key not in app.extensions:
        routes = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
        app.extensions[key] = json_bytes(with_webhooks(routes))
    document: bytes = app.extensions[key]
    return document


@cache
def page_of(schema: type[Answer]) -> type[Answer]:
    """Return the schema of one page of a list of *schema*."""
    members = {
        "__doc__": "One page; next_cursor is null on the last.",
        "items": fields.List(fields.Nested(schema)),
        "next_cursor": fields.String(allow_none=True),
    }
    return type(f"{schema.__name__.removesuffix('Schema')}PageSchema", (Answer,), members)


def _document(view: View, **facts: Any) -> View:
    """Add *facts* to what is known of a view for the OpenAPI document."""
    apidoc = deepcopy(getattr(view, "_apidoc", {}))
    for name, fact in facts.items():
        apidoc[name] = [*apidoc.get(name, ()), *fact] if isinstance(fact, list | tuple) else fact
    view._apidoc = apidoc  # type: ignore[attr-defined]  # noqa: SLF001  # flask-smorest keeps it there
    return view


def _refusals_and_scopes(doc: Doc, facts: Doc, **_: Any) -> Doc:
    doc["operationId"] = facts["operation_id"]
    refusals = set(facts.get("refusals", ()))
    permission: Permission | None = facts.get("permission")
    if permission is not None:
        doc["security"] = [{"oauth2": [MATRIX[permission].scope.value]}, {"bearer": []}]
        refusals |= {401, 403, 429}
    responses = doc.setdefault("responses", {})
    for status in sorted(refusals):
        responses.setdefault(status, HTTPStatus(status).name)
    doc.setdefault("parameters", []).extend(facts.get("parameters", ()))
    if facts.get("csv"):
        doc["responses"][200]["content"]["text/csv"] = {"schema": _TEXT}
    return doc


def _lazily(spec: Any, name: str, description: str) -> None:  # noqa: ANN401  # apispec's, by way of smorest
    response: Doc = {"description": description}
    if name != HTTPStatus.NOT_MODIFIED.name:
        response["schema"] = ProblemSchema
    prepare_response(response, spec, MEDIA_TYPE)
    spec.components.response(name, response, lazy=True)


def _client_credentials() -> Doc:
    scopes = {scope.value: f"May {scope.value.replace(':', ' · ')}." for scope in Scope}
    return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}}}
