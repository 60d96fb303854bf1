"""The OpenAPI document, and Swagger UI to read it with: files of this installation alone, no other server."""

from importlib.resources import files

from flask import Response, current_app
from werkzeug.exceptions import NotFound

from api.auth import public
from api.smorest import Blueprint, openapi_document

# What the page may do: run and show our own files, and call this server.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_START = """\
window.onload = () => SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>PSMS API</title>
  <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"""

blp = Blueprint("docs", "", "The documentation of this API.")


@blp.route("/openapi.json", methods=["GET"])
@public
@blp.response(200, {"type": "object"})
def openapi() -> Response:
    """Return the OpenAPI document."""
    return Response(openapi_document(current_app), content_type="application/json")


@blp.route("/docs", methods=["GET"])
@public
@blp.response(200, {"type": "string"}, content_type="text/html")
def page() -> Response:
    """Show the API in Swagger UI."""
    return Response(_PAGE, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})


@blp.route("/docs/<string:name>", methods=["GET"])
@public
@blp.response(200, {"type": "string"}, content_type="text/javascript")
@blp.alt_response(200, schema={"type": "string"}, content_type="text/css")
@blp.alt_response(200, schema={"type": "string", "format": "binary"}, content_type="image/png")
def asset(name: str) -> Response:
    """Return a file of that page."""
    if name == "start.js":
        return Response(_START, content_type="text/javascript")
    if name not in _ASSETS:
        raise NotFound
    content = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    return Response(content, content_type=_ASSETS[name], headers={"Cache-Control": "public, max-age=3600"})
