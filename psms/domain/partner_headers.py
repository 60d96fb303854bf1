"""The headers that a partner has added to its requests: which are valid, and what is shown. Nothing is kept here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from psms.domain.attempts import SendResult
from psms.errors import FieldError

MOST_HEADERS = 20
MOST_BYTES = 4 * 1024
SHOWN_AS = "[not shown]"
"""What stands in place of every value: it may be a credential."""

# What is shorter is a word of every page rather than a credential.
_SHORTEST_SECRET = 8
# RFC 9110 section 5.6.2, a token.
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
# RFC 9110 section 5.5: visible ASCII, with blanks within. What is beyond ASCII is obsolete there.
VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
# Of the sender: framing, the connection, what is accepted, who asks. And all that carries the signature.
_RESERVED = frozenset(
    {"host", "connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
) | {"user-agent"}
_RESERVED_BEGINNINGS = ("accept", "content-", "proxy-", "webhook-")


def checked_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return *given* in the order in which it came; raises FieldError, which names no value.

    At most MOST_HEADERS, of MOST_BYTES together; each with a name and a value as RFC 9110 sections 5.1 and 5.5 have
    them, once, and none that the sender sets.
    """
    if len(given) > MOST_HEADERS:
        raise FieldError("headers", f"Give at most {MOST_HEADERS}.")
    if sum(len(name) + len(value.encode()) for name, value in given.items()) > MOST_BYTES:
        raise FieldError("headers", f"Names and values are longer than {MOST_BYTES} bytes together.")
    seen: set[str] = set()
    for name, value in given.items():
        _check_name(name)
        if name.lower() in seen:
            raise FieldError("headers", f"{name} stands there twice: names do not differ by upper and lower case.")
        seen.add(name.lower())
        _check_value(name, value)
    return dict(given)


def masked(names: Iterable[str]) -> dict[str, str]:
    """Return what is shown of headers of these names."""
    return dict.fromkeys(names, SHOWN_AS)


def without_values(result: SendResult, headers: Mapping[str, str]) -> SendResult:
    """Return *result* without the values of *headers*, should the partner, or a page about its failure, repeat them.

    Of `Bearer …` and the like what follows is taken out by itself too. Values of fewer than 8 characters stay.
    """
    secrets = _secrets_in(headers.values())
    if not secrets:
        return result
    shown = {name: _hidden(value, secrets) for name, value in result.response_headers.items()}
    body = result.response_body
    for secret in secrets:
        body = body.replace(secret.encode(), SHOWN_AS.encode())
    if result.response_truncated:
        body = body[: len(body) - max(_begun(body, secret.encode()) for secret in secrets)]
    return replace(result, response_headers=shown, response_body=body)


def _secrets_in(values: Iterable[str]) -> list[str]:
    """Return what is secret in *values*, the longest first, since one may be a part of another."""
    parts = {part for value in values for part in (value, value.rpartition(" ")[2]) if len(part) >= _SHORTEST_SECRET}
    return sorted(parts, key=len, reverse=True)


def _hidden(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, SHOWN_AS)
    return text


def _begun(body: bytes, secret: bytes) -> int:
    """Return how many bytes at the end of *body*, which was cut off there, are the beginning of *secret*."""
    return next((length for length in range(len(secret) - 1, 0, -1) if body.endswith(secret[:length])), 0)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        # Not shown: somebody may have given the value in the wrong place.
        raise FieldError("headers", "Names have 1 to 200 letters, digits and !#$%&'*+-.^_`|~ (RFC 9110).")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_BEGINNINGS):
        raise FieldError("headers", f"{name} is set by PSMS.")


def _check_value(name: str, value: str) -> None:
    if not VALUE.fullmatch(value):
        raise FieldError("headers", f"The value of {name} must be visible ASCII, with blanks only within (RFC 9110).")
    if value == SHOWN_AS:
        raise FieldError("headers", f"Give the value of {name} itself: what is shown of it stands for any value.")
