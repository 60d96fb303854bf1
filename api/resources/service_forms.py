"""Request forms of services: read, saved, and their versions. The services are in `services`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import QueryNumber, Schema
from api.form_fields import FormForRequesterSchema, FormSchema, SaveFormSchema
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.services import SaveForm
from workflows import forms

EXAMPLE = {
    "fields": [
        {"key": "site", "type": "choice", "label": "Site", "choices": ["north", "south"], "required": "filing"},
        {"key": "room", "type": "text", "label": "Room", "show_if": {"field": "site", "values": ["north"]}},
    ]
}


class FormQuery(Schema):
    """Which version of a form to read."""

    version = QueryNumber(validate=validate.Range(min=1), metadata={"description": "Left out: the current one."})


blp = Blueprint("service-forms", "/v1/services/<uuid:service_id>", "What a service asks of those who file for it.")


@blp.route("/form", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.arguments(FormQuery, location="query")
@blp.reads(FormSchema, FormForRequesterSchema)
def get_form(query: dict[str, Any], service_id: UUID) -> Response:
    """Read a service's form, as it is now or in the version that is asked for; a service without one answers 404."""
    return render.current_unless_known(forms.get_form(runtime(), actor(), service_id, query.get("version")))


@blp.route("/form", methods=["PUT"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(SaveFormSchema, example=EXAMPLE)
@blp.edits(FormSchema)
def save_form(values: dict[str, Any], service_id: UUID) -> Response:
    """Give a service a form, or another version of it; tickets of before keep the version that they were filed with."""
    if_version = wanted_version(lambda: forms.get_form(runtime(), actor(), service_id).version)
    command = SaveForm(fields=values["fields"], if_version=if_version)
    return render.current(forms.save_form(runtime(), actor(), service_id, command))


@blp.route("/form-versions", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(FormSchema, FormForRequesterSchema)
def list_form_versions(query: dict[str, Any], service_id: UUID) -> Response:
    """List all that a service's form has said, oldest first."""
    return render.listed(forms.list_form_versions(runtime(), actor(), service_id, page_request(query)))
