"""Entity tags: a resource's version in the ETag header, and what If-Match and If-None-Match say about it.

The comparison that protects a write is made in its transaction; here the header is only read.
"""

import re
from collections.abc import Callable

from flask import request

from psms.errors import MalformedRequest, VersionStale

# RFC 9110 section 8.8.3: any visible character but the quote.
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t]*{_TAG}(?:[ \t]*,[ \t]*{_TAG})*[ \t]*")
_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,8})"')

# No resource has it, so a write that asks for it is found stale, unless it is refused for something else.
_NO_VERSION = 0


def etag_of(version: int) -> str:
    """Return the strong entity tag of a *version*."""
    return f'"{version}"'


def wanted_version(current: Callable[[], int]) -> int | None:
    """Return the version that If-Match allows to be changed, None when it allows any.

    Weak tags never match (RFC 9110 section 13.1.1). Of several tags the *current* version is taken if it is
    among them. Raises MalformedRequest for what is no list of entity tags.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    if not _LIST.fullmatch(header):
        raise MalformedRequest('If-Match must be "*" or a list of entity tags, for example "3" with its quotes.')
    versions = {int(version) for version in _VERSION.findall(header)}
    if len(versions) > 1:
        versions &= {current()}
    return versions.pop() if versions else _NO_VERSION


def require_version(current: Callable[[], int]) -> None:
    """Raise VersionStale unless If-Match allows the *current* version, for writes that do not compare."""
    wanted = wanted_version(current)
    if wanted is not None and wanted != (found := current()):
        raise VersionStale(current_version=found)


def is_not_modified(version: int) -> bool:
    """Tell whether If-None-Match names *version*, so that a read need not be answered in full."""
    return request.if_none_match.contains_weak(str(version))
