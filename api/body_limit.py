"""The limit on a request's body, counted in bytes as they are read: also when no length was announced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from psms.errors import BodyTooLarge, MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BodyLimit:
    """WSGI middleware: reading more than *limit* bytes of a body raises BodyTooLarge inside the application.

    A chunked body has no length. The server would read all of it into memory when asked for "everything",
    and werkzeug alone would end it silently at its own limit.
    """

    def __init__(self, app: WSGIApplication, limit: int) -> None:
        """Guard *app*; *limit* is in bytes."""
        self._app = app
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Count what the application reads of the body (PEP 3333)."""
        # Anything but digits was refused by the server already.
        announced = int(environ.get("CONTENT_LENGTH") or 0)
        body = CountedBody(environ["wsgi.input"], limit=self._limit, announced=announced)
        environ["wsgi.input"] = io.BufferedReader(body)
        return self._app(environ, start_response)


class ByteSource(Protocol):
    """The part of `wsgi.input` that is used."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes, and none at the end."""
        ...


class CountedBody(io.RawIOBase):
    """A body of which at most *limit* bytes can be read, and which must not end early."""

    def __init__(self, source: ByteSource, *, limit: int, announced: int) -> None:
        """Read from *source* and count. *announced* is the length that the client gave, 0 for none."""
        self._source = source
        self._limit = limit
        self._announced = announced
        self._count = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: WriteableBuffer, /) -> int:
        space = memoryview(buffer)
        # One byte more than is left is enough to know.
        found = self._source.read(min(len(space), self._limit - self._count + 1))
        self._count += len(found)
        if self._count > self._limit:
            raise too_large(self._limit)
        if not found and self._count < self._announced:
            # The server ends a body quietly when the client goes away in the middle of it.
            raise MalformedRequest("The body ended before its announced length.")
        space[: len(found)] = found
        return len(found)


def too_large(limit: int) -> BodyTooLarge:
    """Return the error that names the *limit* in bytes."""
    return BodyTooLarge(f"The body is larger than the limit of {limit} bytes.", limit_bytes=limit)
