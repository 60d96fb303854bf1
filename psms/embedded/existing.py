"""A database that the user brought in DATABASE_URL: whether it answers, and which URL its owner and PSMS use.

The embedded server is in `psms.embedded.postgres`.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg

from psms.embedded.roles import APPLICATION
from psms.errors import Misconfigured
from psms.settings import endpoint_of

_MAY_MIGRATE = """
SELECT r.rolsuper OR pg_has_role(current_user, d.datdba, 'USAGE')
FROM pg_roles AS r, pg_database AS d
WHERE r.rolname = current_user AND d.datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """One database as two roles reach it: the application, and the owner of the schema."""

    application: str
    owner: str


def urls_of_existing(url: str, owner_url: str, application_password: str) -> DatabaseUrls:
    """Return the URLs to use when the user set DATABASE_URL to *url*, and perhaps the owner's to *owner_url*.

    With one URL only, of a role that may migrate, that role is taken as the owner and never used by the
    application: such a role walks through row-level security. The migrations make the application's role with
    the given password. Raises Misconfigured when the database does not answer.
    """
    if owner_url and owner_url != url:
        return DatabaseUrls(application=url, owner=owner_url)
    if not _may_migrate(url):
        return DatabaseUrls(application=url, owner=url)
    return DatabaseUrls(application=with_user(url, APPLICATION, application_password), owner=url)


def with_user(url: str, user: str, password: str) -> str:
    """Return *url* for another user of the same database."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{address}"))


def for_libpq(url: str) -> str:
    """Return *url* without the driver that SQLAlchemy lets it name, as in `postgresql+psycopg://`."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def _may_migrate(url: str) -> bool:
    try:
        with psycopg.connect(for_libpq(url), connect_timeout=5) as connection:
            answer = connection.execute(_MAY_MIGRATE).fetchone()
    except psycopg.Error as problem:
        raise Misconfigured(
            f"the database of DATABASE_URL, at {endpoint_of(url)}, does not let PSMS in: {problem}\n"
            "Start it or correct the URL, or unset DATABASE_URL to use the embedded PostgreSQL"
        ) from problem
    return bool(answer and answer[0])
