"""Responses to webhooks as they come off the wire: no more of one is read than is wanted.

Connections are in `psms.adapters.http_connection`; what a response means to a delivery, in `psms.adapters.http`.
"""

import io
import re
import socket
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, LineTooLong
from typing import Any

from typing_extensions import override

from psms.domain.attempts import KEPT_HEADER_BYTES

READ_LIMIT = 80 * 1024
"""Bytes that are read of a response in all, framing included: status lines, headers, chunk sizes, body."""
READ_BODY_BYTES = 16 * 1024
_READ_AT_ONCE = 4 * 1024

_LENGTH = re.compile(r"[0-9]+")

# Kept before the others: `psms.domain.retry` obeys the first.
_STEERING_HEADERS = ("webhook-delivery", "retry-after")


class ResponseTooLarge(Exception):
    """More than READ_LIMIT bytes of a response came, or more, or longer, headers than http.client reads."""


BROKEN = (HTTPException, OSError, ValueError)
"""What reading raises when a connection breaks off, or what comes over it is not HTTP."""


class BoundedResponse(HTTPResponse):
    """A response, READ_LIMIT bytes of it: http.client would read 6 MB of headers, and 1xx for ever."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp = self._reader = _Reader(_BoundedReader(self.fp.detach(), READ_LIMIT))

    def read_head(self) -> None:
        """Read on until a final status line and its headers have come; raises BROKEN and ResponseTooLarge."""
        try:
            self._read_final_head()
        except LineTooLong as problem:
            raise ResponseTooLarge from problem
        except HTTPException as problem:
            # So http.client says that there are more than 100 headers; all else that it says has a class of its own.
            if type(problem) is HTTPException:
                raise ResponseTooLarge from problem
            raise

    def _read_final_head(self) -> None:
        HTTPResponse.begin(self)
        # An interim response, such as 103, says nothing yet (RFC 9110, section 15.2); http.client knows only 100.
        while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]
            HTTPResponse.begin(self)

    @property
    def leaves_the_line_fit(self) -> bool:
        """Whether the connection can bring another response, once the body of this one was read to its end.

        Not where somebody else could see another end, and send what follows it (RFC 9112, sections 6.1 to 6.3), nor
        where more has come than was asked for.
        """
        final = self.status != HTTPStatus.SWITCHING_PROTOCOLS
        certain = not self.headers.defects and self._has_one_end
        return final and not self.will_close and certain and not self._reader.surplus()

    @property
    def _has_one_end(self) -> bool:
        encodings = [value.strip().lower() for value in self.headers.get_all("transfer-encoding", [])]
        lengths = [value.strip() for value in self.headers.get_all("content-length", [])]
        if self.status == HTTPStatus.NO_CONTENT:
            return not encodings and lengths in ([], ["0"])
        if encodings:
            return encodings == ["chunked"] and not lengths
        return len(lengths) <= 1 and all(map(_LENGTH.fullmatch, lengths))


class _BoundedReader(io.RawIOBase):
    """Reads another raw stream, at most *limit* bytes of it."""

    def __init__(self, raw: io.RawIOBase, limit: int) -> None:
        self._raw = raw
        self._left = limit
        self.stopped = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        if self.stopped:
            return 0
        if self._left <= 0:
            raise ResponseTooLarge
        count = self._raw.readinto(memoryview(buffer)[: self._left])
        self._left -= count or 0
        return count

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(io.BufferedReader):
    """A buffer that tells what is left in it, also after http.client has closed it at the end of a body."""

    def __init__(self, raw: _BoundedReader) -> None:
        super().__init__(raw, _READ_AT_ONCE)
        self._bounded = raw
        self._left_over = False

    def surplus(self) -> bool:
        """Read no more, and tell whether something is left that was read already."""
        if not self.closed:
            self._bounded.stopped = True
            self._left_over = bool(self.peek(1))
        return self._left_over

    @override
    def close(self) -> None:
        self.surplus()
        super().close()


def read_body(response: HTTPResponse) -> tuple[bytes, bool]:
    """Return at most READ_BODY_BYTES as they came, and whether that is the whole body."""
    body = bytearray()
    try:
        while len(body) < READ_BODY_BYTES:
            piece = response.read1(READ_BODY_BYTES - len(body))
            if not piece:
                # http.client takes a body that breaks off for one that has ended.
                return bytes(body), not response.length
            body += piece
    except (*BROKEN, ResponseTooLarge):
        pass
    return bytes(body), False


def kept_headers(response: HTTPResponse) -> Mapping[str, str]:
    """Return KEPT_HEADER_BYTES of the headers, names in lower case, values printable, repeated ones joined."""
    merged: dict[str, str] = {}
    for name, value in response.headers.items():
        lower, clean = name.lower(), printable(value)
        merged[lower] = f"{merged[lower]}, {clean}" if lower in merged else clean
    kept: dict[str, str] = {}
    room = KEPT_HEADER_BYTES
    for name in sorted(merged, key=lambda name: name not in _STEERING_HEADERS):
        room -= len(name) + len(merged[name].encode())
        if room < 0:
            break
        # A cookie is a secret between the partner and whoever keeps it, and nobody does.
        if name != "set-cookie":
            kept[name] = merged[name]
    return kept


def printable(text: str) -> str:
    """Return *text* as it can be stored and shown: PostgreSQL stores no NUL, a log shows no control characters."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
