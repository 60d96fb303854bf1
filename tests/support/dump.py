"""Everything that a stolen copy of the database holds, as bytes, and what of it can be read. No server is asked."""

import base64
import binascii

import psycopg
from psycopg import sql

_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


def dump_of(superuser_url: str) -> bytes:
    """Return all rows of all tables, as COPY writes them (binary columns as hexadecimal digits)."""
    with psycopg.connect(superuser_url) as connection:
        tables = [name for (name,) in connection.execute(_TABLES.encode()).fetchall()]
        return b"".join(_copied(connection, table) for table in tables)


def _copied(connection: psycopg.Connection[tuple[object, ...]], table: str) -> bytes:
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        return b"".join(bytes(row) for row in rows)


def found_in(dump: bytes, *secrets: str) -> list[str]:
    """Return which *secrets* the dump shows: as they are, in any case, as hexadecimal digits, or in base64."""
    lowered = dump.lower()
    return [secret for secret in secrets if any(form.lower() in lowered for form in _forms(secret))]


def _forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    forms = [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]]
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        forms += [binascii.hexlify(key), secret.removeprefix("whsec_").encode()]
    return forms
