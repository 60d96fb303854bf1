"""Compares answers with what the OpenAPI document says of them; tests of the document itself are elsewhere."""

import json
import re
from functools import cache
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.smorest import openapi_document

PROBLEM = "application/problem+json"

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class NotAsDocumented(AssertionError):
    """An answer is not what the document says."""


class Contract:
    """The OpenAPI document of one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._addresses = app.url_map.bind("localhost")
        self.document: dict[str, Any] = json.loads(openapi_document(app))
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, method: str, path: str, answer: TestResponse) -> None:
        """Raise NotAsDocumented unless status, media type and body of *answer* are documented."""
        content = self._content(method, path, answer)
        if method == "HEAD" or (not content and not answer.data):
            return
        media_type = answer.content_type.partition(";")[0]
        if media_type not in content:
            message = f"{method} {path}: {answer.status_code} is {media_type}, documented {list(content)}"
            raise NotAsDocumented(message)
        if media_type.endswith("json"):
            self._check_body(content[media_type]["schema"], f"{method} {path}: {answer.status_code}", answer)

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return what is documented of an address and a method, None where there is no such route."""
        try:
            rule, _ = self._addresses.match(path.partition("?")[0], method, return_rule=True)
        except HTTPException:
            return None
        found: dict[str, Any] = self.document["paths"][_PARAMETER.sub(r"{\1}", rule.rule)][
            "get" if method == "HEAD" else method.lower()
        ]
        return found

    def _content(self, method: str, path: str, answer: TestResponse) -> dict[str, Any]:
        operation = self.operation(method, path)
        if operation is None:
            return {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses = operation["responses"]
        documented = responses.get(str(answer.status_code), responses["default"])
        if "$ref" in documented:
            documented = self.document["components"]["responses"][documented["$ref"].rpartition("/")[2]]
        content: dict[str, Any] = documented.get("content", {})
        return content

    def _check_body(self, schema: dict[str, Any], where: str, answer: TestResponse) -> None:
        found = [
            f"{'.'.join(map(str, error.path))}: {error.message}"
            for error in self._validator(schema).iter_errors(json.loads(answer.data))
        ]
        if found:
            message = f"{where}: {found}"
            raise NotAsDocumented(message)

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        # Kept, since each new one reads the components of the whole document.
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {"components": self.document["components"], **schema}
            self._validators[key] = Draft202012Validator(whole, format_checker=FormatChecker())
        return self._validators[key]


@cache
def contract_of(app: Flask) -> Contract:
    """Return the contract of *app*, read once."""
    return Contract(app)
