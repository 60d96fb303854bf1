"""The system's clock and chance: the only place that reads the time or asks for random bits."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from psms.ids import uuid7

_NOW = text("SELECT psms_now()")
_RANDOM = secrets.SystemRandom()


class DatabaseClock:
    """The database's clock: a machine whose own clock is wrong changes nothing."""

    def now(self, session: object, /) -> datetime:
        """Return `psms_now()` as the server of *session* (a session or connection) reads it."""
        if not isinstance(session, Session | Connection):
            message = f"a database session is needed to read the clock, not {type(session).__name__}"
            raise TypeError(message)
        instant: datetime = session.execute(_NOW).scalar_one()
        return instant


class SystemChance:
    """Random bits from the operating system."""

    def new_id(self, at: datetime, /) -> UUID:
        """Return a new UUIDv7 of the instant *at*."""
        return uuid7(at, secrets.randbits(62))

    def fraction(self) -> float:
        """Return a number from 0 up to but excluding 1."""
        return _RANDOM.random()

    def secret_bytes(self, count: int, /) -> bytes:
        """Return *count* unpredictable bytes."""
        return secrets.token_bytes(count)
