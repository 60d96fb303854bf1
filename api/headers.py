"""The security headers of every answer; a view that needs others sets them itself first."""

from flask import Flask, Response

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# For answers that are data: should a browser ever show one as a page, it may do nothing.
_UNLESS_SET = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}


def install(app: Flask, public_url: str) -> None:
    """Put the headers on every answer of *app*; clients reach it at *public_url*."""
    always = {**_ALWAYS, **(_OVER_TLS if public_url.startswith("https://") else {})}

    def protect(response: Response) -> Response:
        response.headers.extend(always)
        for name, value in _UNLESS_SET.items():
            response.headers.setdefault(name, value)
        return response

    app.after_request(protect)
